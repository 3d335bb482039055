/* SPDX-License-Identifier: MIT */
/*
 * Runs a program whose wall clock is wrong: shifted SECONDS PROGRAM [ARGUMENT]...
 *
 * A time namespace has no wall clock of its own, and a library that is loaded before others is none to a program that
 * asks the kernel's vDSO by itself, as those in Go do. So the vDSO is changed, in that process alone: its functions jump
 * to others behind its end, which call the kernel and add the seconds. Another process does this by ptrace(2) when the
 * program has been executed and has not run yet; PROGRAM may be a script that executes one of that name. What it starts
 * itself has the right time.
 *
 * Needs     x86-64, and to be allowed to trace.
 * Exit      125: it could not be done; otherwise the program's.
 * Used by   cluster.c.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

/* CLOCK_REALTIME is 0, CLOCK_REALTIME_COARSE 5. */
__asm__(".pushsection .rodata\n"
	"code_begin:\n"
	"code_clock:	mov $228, %eax\n" /* clock_gettime */
	"	syscall\n"
	"	test %eax, %eax\n"
	"	jnz 2f\n"
	"	test %edi, %edi\n"
	"	jz 1f\n"
	"	cmp $5, %edi\n"
	"	jne 2f\n"
	"1:	mov code_seconds(%rip), %rcx\n"
	"	add %rcx, (%rsi)\n"
	"2:	ret\n"
	"code_day:	mov $96, %eax\n" /* gettimeofday */
	"	syscall\n"
	"	test %eax, %eax\n"
	"	jnz 1f\n"
	"	test %rdi, %rdi\n"
	"	jz 1f\n"
	"	mov code_seconds(%rip), %rcx\n"
	"	add %rcx, (%rdi)\n"
	"1:	ret\n"
	"code_time:	push %rdi\n"
	"	xor %edi, %edi\n"
	"	mov $201, %eax\n" /* time */
	"	syscall\n"
	"	pop %rdi\n"
	"	add code_seconds(%rip), %rax\n"
	"	test %rdi, %rdi\n"
	"	jz 1f\n"
	"	mov %rax, (%rdi)\n"
	"1:	ret\n"
	"	.balign 8\n"
	"code_seconds:	.quad 0\n"
	"code_end:\n"
	".popsection\n");

extern const unsigned char code_begin[], code_clock[], code_day[], code_time[], code_seconds[],
	code_end[];

static const struct {
	const char *name;
	const unsigned char *code;
} functions[] = {
	{ "__vdso_clock_gettime", code_clock },
	{ "__vdso_gettimeofday", code_day },
	{ "__vdso_time", code_time },
};

static bool find_vdso(pid_t pid, uint64_t *begin, uint64_t *end)
{
	char path[64], line[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "[vdso]") &&
			sscanf(line, "%lx-%lx", (unsigned long *)begin, (unsigned long *)end) == 2;
	if (file)
		fclose(file);
	return found;
}

static bool write_code(int memory, uint64_t at, int64_t seconds)
{
	unsigned char there[256] = { 0 }, code[256];
	size_t size = (size_t)(code_end - code_begin), i;

	if (pread(memory, there, size, (off_t)at) != (ssize_t)size)
		return false;
	/* Behind the end of the vDSO there is nothing. */
	for (i = 0; i < size; i++) {
		if (there[i])
			return false;
	}
	memcpy(code, code_begin, size);
	memcpy(code + (code_seconds - code_begin), &seconds, sizeof(seconds));
	return pwrite(memory, code, size, (off_t)at) == (ssize_t)size;
}

/* Where the functions are in it is the same in all processes. */
static bool write_jumps(int memory, uint64_t begin, uint64_t code)
{
	const char *own = (const char *)getauxval(AT_SYSINFO_EHDR);
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	size_t i;

	if (!vdso || !own)
		return false;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const char *function = dlsym(vdso, functions[i].name);
		uint64_t from, to = code + (uint64_t)(functions[i].code - code_begin);
		unsigned char jump[5] = { 0xe9 };
		int32_t distance;

		if (!function)
			return false;
		from = begin + (uint64_t)(function - own);
		distance = (int32_t)(to - from - sizeof(jump));
		memcpy(jump + 1, &distance, sizeof(distance));
		if (pwrite(memory, jump, sizeof(jump), (off_t)from) != sizeof(jump))
			return false;
	}
	return true;
}

static bool shift(pid_t pid, int64_t seconds)
{
	uint64_t begin, end;
	char path[64];
	bool done = false;
	int memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory >= 0 && find_vdso(pid, &begin, &end))
		done = write_code(memory, end - 256, seconds) &&
		       write_jumps(memory, begin, end - 256);
	if (memory >= 0)
		close(memory);
	return done;
}

/* Whether @pid runs a program with the name of @program, and not the interpreter of a script. */
static bool runs(pid_t pid, const char *program)
{
	const char *name = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
	char path[64], exe[4096] = "";
	size_t size = strlen(name);
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	got = readlink(path, exe, sizeof(exe) - 1);
	return got >= (ssize_t)size && !strcmp(exe + got - (ssize_t)size, name);
}

static bool trace(pid_t pid, int64_t seconds, const char *program)
{
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status);

		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			if (runs(pid, program))
				return shift(pid, seconds) && !ptrace(PTRACE_DETACH, pid, 0, 0);
			signal = 0;
		}
		ptrace(PTRACE_CONT, pid, 0, signal);
	}
	return false;
}

/* In a grandchild, of which the program knows nothing. */
static void begin_tracing(int ready, int64_t seconds, const char *program)
{
	pid_t pid = getpid(), tracer = fork();

	if (tracer) {
		waitpid(tracer, NULL, 0);
		return;
	}
	if (fork())
		_exit(0);
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) || write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
	if (!trace(pid, seconds, program)) {
		fprintf(stderr, "shifted: %s has the right time\n", program);
		kill(pid, SIGKILL);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int ready[2];
	char byte;

	if (argc < 3 || pipe2(ready, O_CLOEXEC))
		return 125;
	begin_tracing(ready[1], strtoll(argv[1], NULL, 10), argv[2]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return 125;
	execvp(argv[2], argv + 2);
	return 125;
}

#else

int main(void)
{
	return 125;
}

#endif
