/* SPDX-License-Identifier: MIT */
/*
 * The end of a process: from kill(2) by SIGKILL until others know. The child has opened the
 * registry itself, has a name in it, and sleeps.
 *
 *   killed here   what follows
 *   the parent    the kernel kills the child (PR_SET_PDEATHSIG)
 *   the child     the read of its byte ends, and the error is its exit status
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define NAME "killed"
/* It is asleep by then. */
#define SILENCE_MS 2
/* Longer than any scheduler lets a process wait that was killed. */
#define LIMIT_NS (10 * 1000000000ll)

/* Does not use stdio: see progress.h. Its exit status is an errno. */
static _Noreturn void live(const struct bench *b, pid_t parent, int tell)
{
	struct kreg_options options = *b->options;
	struct kreg *k;
	int err;

	options.flags = KREG_OPEN_EXISTING;
	options.log = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(ESRCH);
	err = kreg_open(&k, b->registry, &options);
	if (!err)
		err = kreg_register(k, NAME, KREG_STRING, NULL, 0, NULL);
	if (!err && write(tell, "", 1) != 1)
		err = -errno;
	if (err)
		_exit(-err);
	close(tell);
	for (;;)
		pause();
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : 0;
}

/* Return: whether the child has said that it has its name. */
static bool hear(const struct bench *b, int fd)
{
	ssize_t got;
	char byte;

	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR && !*b->interrupted);
	return got == 1;
}

/* Return: the child, which has its name; or an error, and there is none. */
static pid_t begin(const struct bench *b)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	int err = 0;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		live(b, parent, ends[1]);
	if (pid < 0)
		err = -errno;
	close(ends[1]);
	if (!err && !hear(b, ends[0])) {
		kill(pid, SIGKILL);
		err = reap(pid);
		if (!err)
			err = *b->interrupted ? -EINTR : -ESRCH;
	}
	close(ends[0]);
	return err ? err : pid;
}

static int wait_absent(const struct bench *b, int64_t begin_ns)
{
	while (kreg_lookup(b->k, NAME, KREG_STRING, NULL, 0, NULL) >= 0) {
		if (bench_now_ns() - begin_ns > LIMIT_NS)
			return -ETIMEDOUT;
	}
	return 0;
}

int bench_death(struct bench *b, bool absent, double *ns)
{
	siginfo_t info;
	pid_t pid = begin(b);
	int64_t start;
	int err = 0;

	if (pid < 0)
		return pid;
	poll(NULL, 0, SILENCE_MS);
	start = bench_now_ns();
	kill(pid, SIGKILL);
	if (absent)
		err = wait_absent(b, start);
	else
		while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
			;
	*ns = (double)(bench_now_ns() - start);
	reap(pid);
	return err;
}
