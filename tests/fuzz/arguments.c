/* SPDX-License-Identifier: MIT */
/*
 * regtool's arguments: with any arguments it ends with one of its exit statuses, gives a
 * reason if that is not 0, leaves no process behind, and neither crashes nor hangs. Each
 * input is one run of its main(), in a child of fork() that has a folder of its own with
 * a registry and a file of services, no guard, and some of its standard descriptors
 * closed; around it is a fence (fence.h).
 *
 * The code run by the children counts as coverage, however they end (counters.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "base/clock.h"
#include "tests/fuzz/fence.h"
#include "tests/fuzz/target.h"
#include "tests/support/tmp.h"

#define ARGUMENTS_MAX 10u
#define LENGTH_MAX 300u
#define STATUS_LAST 4
/* Only a hang reaches this, except for commands that wait. */
#define SECONDS 60u
/* A command that waits is let go on after this long, with all that it has started. */
#define WAIT_MS 50

const char fuzz_name[] = "arguments";
const unsigned int fuzz_runs = 500;

static const char *const words[] = {
	"ls",         "get",          "lookup",     "keys",         "select",
	"count",      "watch",        "wait",       "signal",       "run",
	"meta",       "ps",           "up",         "down",         "owners",
	"stat",       "check",        "create",     "destroy",      "sweep",
	"guard",      "key",          "registry",   "start",        "stop",
	"status",     "--",           "-",          "true",         "0",
	"1",          "-1",           "4294967296", "1e9",          "99999999999999999999",
	"",           "nobody:x",     "0:registry", "a/b",          "..",
	"%s%n",       "TERM",         "--json",     "--help",       "--registry",
	"--timeout",  "--gone",       "--force",    "--value",      "--prefix",
	"--glob",     "--owner",      "--keys",     "--partitions", "--max-bytes",
	"--mode",     "--notify",     "--ready-fd", "--keep",       "--until",
	"--format",   "--version",    "-r",         "--file",       "--slots",
	"--seats",    "--group",      "--patience", "--known",      "--summary",
	"--pin",      "--path",       "--size",     "--wait",       "set",
	"delete",     "services.ini", "cluster",    "--namespace",  "--no-cgroups",
	"--watchdog", "--share",      "--reserve",  "--count",      "--key",
	"upgrade",    "default",      "unique",     "duplicate",    "0660",
	"value",      "64K",          "a/*",        "-h",           "-n",
	"help",       "--output",     "--sort",     "--no-header",  "--state",
	"stopped",    "-q",           "--waiting",  "+unit",        "-size",
	"--bytes",    "--no-pager",   "-o",         "key,pid",      "lsit",
	"metrics",    "--textfile",   "dump",       "--hash-names", "--values",
	"restore",    "openmetrics",  "prometheus", "kept",         "-f",
	"registries", "--leftovers",  "--own",      "age",          "--names",
	"--listen",   "localhost:0",  "./socket",   "[::1]:0",      "0.0.0.0:0",
	"trace",      "grace",        "--list",     "--all",        "--pid",
	"bench",      "--seconds",
};

#define WORDS (sizeof(words) / sizeof(*words))

static char folder[300];
static bool is_child;

int regtool_main(int argc, char **argv);
void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status) __attribute__((noreturn));

/*
 * In place of regtool's exit(): no handler of libFuzzer's or of the test's may be called.
 */
void __wrap_exit(int status)
{
	if (!is_child)
		__real_exit(status);
	fflush(NULL);
	_exit(status);
}

static void set_up(void)
{
	snprintf(folder, sizeof(folder), "%s/%d", tmp_directory(), getpid());
	fuzz_must(!mkdir(folder, 0755), "a folder");
	fuzz_must(!setenv("KREG_DIR", folder, 1), "setenv");
	fuzz_must(!setenv("KREG_GUARD", "none", 1), "setenv");
	fuzz_must(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "to be the parent of orphans");
	fuzz_share_counters();
	fence_off_folders();
}

/* Either words of its own, or arbitrary bytes. */
static int read_arguments(struct fuzz_input *input, char **argv, char room[][LENGTH_MAX])
{
	size_t bytes, i;
	int argc = 1;
	uint64_t word;

	argv[0] = (char *)"regtool";
	for (; input->left && argc <= (int)ARGUMENTS_MAX; argc++) {
		word = fuzz_take(input, 1);
		if (word < WORDS) {
			snprintf(room[argc], LENGTH_MAX, "%s", words[word]);
		} else {
			bytes = word % LENGTH_MAX;
			for (i = 0; i < bytes && input->left; i++)
				room[argc][i] = (char)fuzz_take(input, 1);
			room[argc][i] = 0;
		}
		argv[argc] = room[argc];
	}
	argv[argc] = NULL;
	return argc;
}

/* Registers two names, one with a value; this process owns them. */
static void make_registry(void)
{
	struct kreg *k;

	if (kreg_open(&k, "default", NULL) ||
	    kreg_register(k, "key", KREG_STRING, "value", 5, NULL) ||
	    kreg_register(k, "a/b", KREG_STRING, "", 0, NULL) ||
	    kreg_meta_put(k, "key", KREG_STRING, "1", 1))
		_exit(STATUS_LAST + 2);
}

static void make_services(void)
{
	FILE *file = fopen("services.ini", "w");

	if (!file || fputs("[Service key]\nExecStart=true\nRestart=no\n", file) < 0 || fclose(file))
		_exit(STATUS_LAST + 3);
}

static void run(int argc, char **argv, uint64_t closed, int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	is_child = true;
	/* In a session of its own, which is ended as a whole. */
	setsid();
	if (null < 0 || chdir(folder))
		_exit(STATUS_LAST + 1);
	make_registry();
	make_services();
	dup2(null, 0);
	dup2(null, 1);
	dup2(output, 2);
	for (fd = 0; fd < 3; fd++)
		if (closed & 1u << fd)
			close(fd);
	fence_off_calls();
	__wrap_exit(regtool_main(argc, argv));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	return where->level ? remove(path) : 0;
}

/* "--l", "--listen", "--listen=ADDRESS", and what is between. */
static bool is_listen(const char *argument)
{
	size_t size = strcspn(argument, "=");

	return size >= 3 && size <= strlen("--listen") && !strncmp(argument, "--listen", size);
}

/* Abbreviated, too: --seconds may be an hour. */
static bool is_bench(const char *argument)
{
	size_t size = strlen(argument);

	return size && size <= strlen("bench") && !strncmp(argument, "bench", size);
}

/*
 * Some commands wait for events that may never come, serve, or measure for a while; all others
 * end.
 */
static int waits(char *const *argv)
{
	for (argv++; *argv; argv++)
		if (!strcmp(*argv, "watch") || !strcmp(*argv, "wait") || !strcmp(*argv, "run") ||
		    !strcmp(*argv, "up") || is_listen(*argv) || !strcmp(*argv, "trace") ||
		    is_bench(*argv))
			return 1;
	return 0;
}

/* Return: false once @ms have passed. */
static bool await_end_for(pid_t pid, int ms)
{
	struct pollfd at = { .events = POLLIN };
	uint64_t end = clock_after_ms((uint64_t)ms);
	struct timespec left;
	int got;

	at.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	fuzz_must(at.fd >= 0, "pidfd_open");
	/* libFuzzer checks its own time limit by a signal. */
	do {
		left = clock_left(end);
		got = ppoll(&at, 1, &left, NULL);
	} while (got < 0 && errno == EINTR);
	close(at.fd);
	return got == 1;
}

static int await_end(pid_t pid, char *const *argv)
{
	bool has_ended = await_end_for(pid, waits(argv) ? WAIT_MS : (int)SECONDS * 1000);
	int status = 0;
	pid_t got;

	if (!has_ended)
		kill(-pid, SIGKILL);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	fuzz_must(got == pid, "waitpid");
	fuzz_must(has_ended || waits(argv), "regtool hangs");
	return has_ended ? status : 0;
}

static void show(int output)
{
	char line[1024];
	ssize_t size;

	while ((size = pread(output, line, sizeof(line), lseek(output, 0, SEEK_CUR))) > 0) {
		fwrite(line, 1, (size_t)size, stderr);
		lseek(output, size, SEEK_CUR);
	}
}

static void judge(int status, int output, uint64_t closed)
{
	struct stat st;

	fuzz_must(!fstat(output, &st), "fstat");
	lseek(output, 0, SEEK_SET);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > STATUS_LAST)
		show(output);
	fuzz_must(WIFEXITED(status), "regtool was killed by a signal");
	fuzz_must(WEXITSTATUS(status) <= STATUS_LAST,
		  "regtool ends with a status that the manual does not have");
	/* 1 may be silent: the requested name does not exist. */
	fuzz_must(WEXITSTATUS(status) < 2 || st.st_size || closed & 4,
		  "regtool fails without a word");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[ARGUMENTS_MAX + 1][LENGTH_MAX];
	char *argv[ARGUMENTS_MAX + 2];
	struct fuzz_input input = { data, size };
	uint64_t closed = fuzz_take(&input, 1) % 8;
	int argc, output, status;
	pid_t pid;

	if (!*folder)
		set_up();
	argc = read_arguments(&input, argv, room);
	output = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	fuzz_must(output >= 3, "a file for the output");
	pid = fork();
	fuzz_must(pid >= 0, "fork");
	if (!pid)
		run(argc, argv, closed, output);
	status = await_end(pid, argv);
	fuzz_must(fence_reap(SECONDS), "regtool leaves a process behind");
	judge(status, output, closed);
	close(output);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
