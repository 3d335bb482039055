/* SPDX-License-Identifier: MIT */
/*
 * Refuses the system calls that reach another process or turn a process into another
 * program: kill(2), pidfd_send_signal(2), execve(2), bpf(2), mount(2) and similar ones.
 * tgkill(2) is allowed, because a process aborts with it.
 */
#include "tests/fuzz/fence.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "tests/fuzz/target.h"
#include "tests/support/refuse.h"

/* Refuses the system call @number: jumps over @left lines to the last one. */
#define REFUSE(number, left) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(number), left, 0)

void fence_off_folders(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return;
	fuzz_must(!mount("none", "/sys/fs", "tmpfs", MS_RDONLY, "size=4k"), "hide /sys/fs");
}

void fence_off_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_kill, 12),
		REFUSE(SYS_tkill, 11),
		REFUSE(SYS_rt_sigqueueinfo, 10),
		REFUSE(SYS_pidfd_send_signal, 9),
		REFUSE(SYS_execve, 8),
		REFUSE(SYS_execveat, 7),
		REFUSE(SYS_bpf, 6),
		REFUSE(SYS_mount, 5),
		REFUSE(SYS_umount2, 4),
		REFUSE(SYS_ptrace, 3),
		REFUSE(SYS_reboot, 2),
		REFUSE(SYS_process_mrelease, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};

	fuzz_must(!refuse_by(filter, sizeof(filter) / sizeof(filter[0])), "a filter of seccomp(2)");
}

static void read_word(int pid, const char *file, char word[128])
{
	char path[64];
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	from = fopen(path, "re");
	if (!from || !fgets(word, 128, from))
		*word = 0;
	word[strcspn(word, "\n")] = 0;
	if (from)
		fclose(from);
}

static void end_child(int pid)
{
	char name[128], call[128];

	read_word(pid, "comm", name);
	read_word(pid, "syscall", call);
	fprintf(stderr, "fuzz: left is %d, \"%s\", in system call %s\n", pid, name, call);
	kill(pid, SIGKILL);
}

/*
 * Reaps children that have ended, and ends the others if they are @late. Return: how many
 * remain. Children in this process's own session do not belong to regtool: libFuzzer's
 * symbolizer, for example.
 */
static int look_at_children(int late)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	int pid, left = 0;

	while (children && fscanf(children, "%d", &pid) == 1) {
		if (getsid(pid) == getsid(0) || waitpid(pid, NULL, WNOHANG) == pid)
			continue;
		left++;
		if (late)
			end_child(pid);
	}
	if (children)
		fclose(children);
	return left;
}

int fence_reap(unsigned int seconds)
{
	unsigned int ms;

	for (ms = seconds * 1000; ms; ms--) {
		if (!look_at_children(0))
			return 1;
		usleep(1000);
	}
	while (look_at_children(1))
		usleep(1000);
	return 0;
}
