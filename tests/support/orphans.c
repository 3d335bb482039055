/* SPDX-License-Identifier: MIT */
/*
 * Each child of the runner is the case that runs, or an orphan. The case writes down its pid before anything else, so
 * there is no orphan while none is written down.
 *
 *   the runner's   while a case runs               before it forks the next, and at its end
 *   case           reaped by Check                 none
 *   orphans        left alone, reaped when they    killed, and reaped; what they have started becomes orphans, until
 *                  end (a test may wait for that)  there are none
 */
#include "tests/support/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "shm/atomic.h"

/* A process that cannot be killed does not hang the run. */
#define LONGEST_NS 10000000000u

static pid_t runner;   /* 0 in any other process, and where orphans cannot be adopted */
static pid_t *running; /* shared: the case that runs; 0: none */

/* Not the case, whose status Check reads. Orphans behind a case that has ended wait for orphans_end(). */
static void reap_orphans(int signal)
{
	/* The code that is interrupted may be about to look at it. */
	int before = errno;
	siginfo_t info;
	pid_t at;

	(void)signal;
	while (getpid() == runner) {
		at = load_relaxed(running); /* relaxed: a word that stands for itself */
		info.si_pid = 0;
		if (!at || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid ||
		    info.si_pid == at)
			break;
		waitpid(info.si_pid, NULL, 0);
	}
	errno = before;
}

static void kill_children(void)
{
	DIR *processes = opendir("/proc");
	const struct dirent *at;
	struct process process;
	pid_t pid;

	while (processes && (at = readdir(processes))) {
		pid = atoi(at->d_name);
		if (pid > 0 && process_read(pid, &process) && process.parent == runner)
			kill(pid, SIGKILL);
	}
	if (processes)
		closedir(processes);
}

static bool has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

void orphans_end(void)
{
	uint64_t since = clock_now();

	if (getpid() != runner)
		return;
	store_relaxed(running, 0); /* relaxed: as above */
	while (has_children()) {
		kill_children();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (clock_now() - since > LONGEST_NS) {
			printf("# processes that a case has started cannot be killed\n");
			return;
		}
		if (has_children())
			usleep(1000);
	}
}

/* In each process that is forked; the runner forks only cases. */
static void be_case(void)
{
	if (!runner)
		return;
	runner = 0;
	store_relaxed(running, getpid()); /* relaxed: as above */
	signal(SIGCHLD, SIG_DFL);
}

void orphans_adopt(void)
{
	const struct sigaction reap = { .sa_handler = reap_orphans,
					.sa_flags = SA_RESTART | SA_NOCLDSTOP };

	/* The kernel has known it since 3.4. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) && errno == EINVAL) {
		printf("# an emulator, not a kernel: what a case leaves is left\n");
		return;
	}
	running = mmap(NULL, sizeof(*running), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (running == MAP_FAILED || pthread_atfork(orphans_end, NULL, be_case) ||
	    sigaction(SIGCHLD, &reap, NULL)) {
		perror("orphans");
		exit(1);
	}
	runner = getpid();
}
