/* SPDX-License-Identifier: MIT */
/*
 * The foster parent: a child of the starter that holds a life for the program, its own child.
 *
 *   step                                              killed here
 *   1 the foster takes a seat                         its life is over
 *   2 it forks the watcher, which takes a seat        the watcher ends with the foster; without the
 *     (start_watch.c)                                 watcher the program ends in step 4
 *   3 vfork: the program shares the foster's memory   the foster: the kernel kills the program
 *     until exec, and the foster waits for that
 *   4 the program writes the row of the foster's      the same; the program: the foster ends the
 *     life, and tells the watcher its pid               watcher, and ends like the program
 *   5 it says START_SEATED, and goes on as in         the same
 *     start_child.c
 *   6 exec, or its end: the foster runs again,        the foster: the name is gone, and the kernel
 *     closes its fds and says START_RUNS                kills the program; if the program has changed
 *                                                     its credentials, the watcher kills it
 *   7 the program ends                                the foster ends the watcher and its own life,
 *                                                     then reaps the program, and ends like it; so
 *                                                     the starter's waitpid(2) comes after the
 *                                                     name's end
 *
 * In step 3 the kernel keeps the foster from running: it can be killed there, but a SIGSTOP
 * stops it only after exec. Nobody knows its pid before that, and what the program does until
 * then needs nothing of it. Where vfork() is no more than fork(), as under valgrind, the two
 * run side by side, and nothing else differs: they share nothing but the registry.
 *
 * The foster has a copy of the starter's memory and none of its fds.
 */
#include "lib/services/start/start_foster.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/fds.h"
#include "lib/services/start/start_watch.h"
#include "base/process.h"

/* What the foster has when it starts the program. */
struct fostering {
	pid_t foster;
	uint64_t owner;
	int link; /* to the watcher */
};

/* Also by a signal that the starter ignores, as this process does until here. */
static void __attribute__((noreturn)) end_like(const struct fostering *f, int status)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* No core beside that of the program, to a pipe either, for which RLIMIT_CORE does not count. */
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(WTERMSIG(status), &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	process_signal(f->foster, WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/* Whether the child has ended; does not reap it. */
static bool has_ended(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == child;
}

static void end_watcher(pid_t watcher)
{
	process_signal(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
}

/*
 * Stops the foster when the program is stopped by @signal in the foreground of a
 * terminal, so that the shell's job control works; both go on together. Not for SIGSTOP:
 * a sender that sends that to the program only would not know that it has to wake the
 * foster as well.
 */
static void stop_alike(const struct fostering *f, pid_t program, int signal)
{
	siginfo_t info = { .si_pid = 0 };
	sigset_t set;

	if (signal != SIGCHLD || waitid(P_PID, (id_t)program, &info, WSTOPPED | WNOHANG) ||
	    info.si_pid != program || info.si_status == SIGSTOP)
		return;
	sigemptyset(&set);
	sigaddset(&set, info.si_status);
	process_signal(f->foster, info.si_status);
	sigprocmask(SIG_UNBLOCK, &set,
		    NULL); /* the signal is delivered here; SIGCONT ends the stop */
	sigprocmask(SIG_BLOCK, &set, NULL);
	process_signal(program, SIGCONT);
}

/* Passes signals on until the program ends. */
static void __attribute__((noreturn))
foster(const struct start_plan *plan, const struct fostering *f, pid_t program, pid_t watcher)
{
	const bool in_foreground = plan->how->flags & KREG_START_FOREGROUND;
	siginfo_t info;
	sigset_t all;
	int signal, status = 0;

	/* The word last: it says too that nothing else of the starter's is open here. */
	fds_close_others(plan->link);
	start_say(plan->link, (struct start_word){ .type = START_RUNS });
	close(plan->link);
	fds_open_standard();
	sigfillset(&all);
	while (!has_ended(program)) {
		/* Without the watcher nothing would end the program when the foster ends. */
		if (has_ended(watcher))
			process_signal(program, SIGKILL);
		signal = sigwaitinfo(&all, &info);
		/*
		 * A signal from a terminal goes to the whole group, so the program has
		 * got it too.
		 */
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			process_signal(program, signal);
		if (in_foreground)
			stop_alike(f, program, signal);
	}
	/* Before the foster's life ends: then no entry of the watcher is left in the line. */
	end_watcher(watcher);
	/*
	 * Until the program is reaped its pid is not reused, so not while this life was
	 * alive.
	 */
	kreg_inner_leave();
	waitpid(program, &status, 0);
	end_like(f, status);
}

static void __attribute__((noreturn))
be_program(const struct start_plan *plan, const struct fostering *f)
{
	struct start_word seated = { .type = START_SEATED,
				     .owner = f->owner,
				     .pid = process_pid() };
	int err;

	start_die_with(f->foster);
	kreg_inner_sit(plan->k, f->foster);
	err = start_be_watched(f->link, &seated);
	if (err)
		start_give_up(plan, err);
	start_say(plan->link, seated);
	start_become_program(plan);
}

void start_foster(const struct start_plan *plan)
{
	const char *slash = strrchr(plan->how->argv[0], '/');
	struct fostering f = { .foster = process_pid() };
	int err = kreg_inner_seat(plan->k, &f.owner);
	pid_t program, watcher;

	if (err)
		start_give_up(plan, err);
	prctl(PR_SET_NAME, slash ? slash + 1 : plan->how->argv[0]);
	watcher = start_watch_foster(plan, f.owner, &f.link);
	if (watcher < 0)
		start_give_up(plan, watcher);
	program = vfork();
	if (program == 0)
		be_program(plan, &f);
	/* The watcher ends with this process. */
	if (program < 0)
		start_give_up(plan, -errno);
	foster(plan, &f, program, watcher);
}
