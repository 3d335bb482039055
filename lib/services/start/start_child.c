/* SPDX-License-Identifier: MIT */
/*
 * What the child of a start does until the program runs, and the foster parent.
 *
 * Under the guard the child takes the seat of its process, which stays when it becomes
 * the program. In the fallback exec ends a life, so the child stays as a foster parent,
 * whose life stands for that of the program:
 *
 *   guard      starter -- program                 the program's life
 *   fallback   starter -- foster -- program       the foster's life, the program's pid
 *
 *   killed here                          what is left
 *   before START_SEATED                  nothing, or a life that is over
 *   before START_GO, the starter too     the same: without a starter the child never becomes the
 *                                        program
 *   the foster, later                    the name is gone, and the kernel kills the program; if the
 *                                        program has changed its credentials, the watcher kills it
 *                                        (start_watch.c)
 *   the program                          the foster ends the watcher and its own life, then reaps
 *                                        the program, and ends like it; so the starter's waitpid(2)
 *                                        comes after the name's end
 *
 * The foster has a copy of the starter's memory and none of its fds.
 */
#include "lib/services/start/start_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/fds.h"
#include "lib/services/start/start_minder.h"
#include "lib/services/start/start_watch.h"
#include "base/fd.h"
#include "base/process.h"

#define EXIT_NOT_RUN 127

static void __attribute__((noreturn))
give_up(const struct start_plan *plan, enum start_word_type type, int err)
{
	start_say(plan, (struct start_word){ .type = type, .error = err });
	_exit(EXIT_NOT_RUN);
}

static void __attribute__((noreturn))
give_up_at(const struct start_plan *plan, enum kreg_exec_step step, int err)
{
	start_say(plan, (struct start_word){ .type = START_NO_EXEC, .error = err, .pid = step });
	_exit(EXIT_NOT_RUN);
}

/*
 * Its children are in it as well. Its foster parent and its watcher are not, so that they
 * see its end.
 */
static void enter_cgroup(int folder)
{
	int fd = folder >= 0 ? fd_open_at(folder, "cgroup.procs", O_WRONLY) : -1;

	/* Where that is refused, the session identifies the processes of the service. */
	if (fd >= 0 && write(fd, "0", 1) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

/*
 * Otherwise handlers of the starter would run here as soon as signals are unblocked. Most
 * have none: then one system call for each signal is enough.
 */
static void signals_by_default(void)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction now;
	int signal;

	for (signal = 1; signal < NSIG; signal++) {
		/* With SIGCHLD ignored, or SA_NOCLDWAIT, it could not wait for a child. */
		if (signal == SIGCHLD || (!sigaction(signal, NULL, &now) &&
					  now.sa_handler != SIG_IGN && now.sa_handler != SIG_DFL))
			sigaction(signal, &by_default, NULL);
	}
}

/* The kernel kills this process when @parent's thread ends, which may have happened already. */
static void die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(EXIT_NOT_RUN);
}

static bool hear_go(const struct start_plan *plan)
{
	struct start_word word = { 0 };
	ssize_t size;

	do {
		size = recv(plan->link, &word, sizeof(word), 0);
	} while (size < 0 && errno == EINTR);
	return size == sizeof(word) && word.type == START_GO;
}

static int open_as(const char *path, int flags, int fd)
{
	int opened = fd_open(path, flags, 0644);
	int err = 0;

	if (opened < 0)
		return opened;
	if (dup2(opened, fd) < 0)
		err = -errno;
	close(opened);
	return err;
}

/*
 * Otherwise the first file that the program opens would get the number of a closed
 * standard fd.
 */
static int open_if_closed(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 || flags & FD_CLOEXEC ? open_as("/dev/null", O_WRONLY, fd) : 0;
}

static int set_up(const struct kreg_start *how, enum kreg_exec_step *step)
{
	bool in_foreground = how->flags & KREG_START_FOREGROUND;
	int err;

	*step = KREG_EXEC_OUTPUT;
	err = in_foreground ? 0 : open_as("/dev/null", O_RDONLY, STDIN_FILENO);
	if (!err)
		*step = KREG_EXEC_DIRECTORY;
	if (!err && how->directory && chdir(how->directory))
		err = -errno;
	if (!err)
		*step = KREG_EXEC_OUTPUT;
	if (!err && how->output)
		err = open_as(how->output, O_WRONLY | O_APPEND | O_CREAT, STDOUT_FILENO);
	if (!err && how->output && dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		err = -errno;
	if (!err)
		err = open_if_closed(STDOUT_FILENO);
	if (!err)
		err = open_if_closed(STDERR_FILENO);
	if (!in_foreground)
		fds_close_on_exec(STDERR_FILENO + 1);
	return err;
}

/* WATCHDOG_PID is in a copy of the environment, with room for any pid. */
static void fill_in_pid(char **environment)
{
	static const char name[] = "WATCHDOG_PID=";
	char digits[] = START_PID_TO_BE;
	size_t at = sizeof(digits) - 1;
	pid_t pid = process_pid();

	for (; *environment && strncmp(*environment, name, sizeof(name) - 1); environment++)
		;
	if (!*environment || strcmp(*environment + sizeof(name) - 1, START_PID_TO_BE))
		return;
	for (; pid; pid /= 10)
		digits[--at] = (char)('0' + pid % 10);
	strcpy(*environment + sizeof(name) - 1, digits + at);
}

/*
 * All that the program needs is made before the starter has said START_GO, which needs as
 * long on another CPU to reserve the name. If it never says so, nothing is left of it but a
 * file for the output.
 */
static void __attribute__((noreturn)) become_program(const struct start_plan *plan)
{
	struct start_plan own = *plan;
	enum kreg_exec_step step;
	sigset_t none;
	int err;

	/* Moves the link if it has the number of the program's fd. */
	if (own.readiness->there >= 0 && own.link == own.readiness->wanted_fd)
		own.link = fcntl(own.link, F_DUPFD_CLOEXEC, own.link + 1);
	enter_cgroup(own.within->cgroup);
	err = set_up(own.how, &step);
	if (!err)
		err = readiness_hand_over(own.readiness);
	fill_in_pid(own.environment);
	if (!hear_go(&own))
		_exit(EXIT_NOT_RUN);
	if (err)
		give_up_at(&own, step, err);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(own.how->argv[0], (char **)(uintptr_t)own.how->argv, own.environment);
	give_up_at(&own, KREG_EXEC_PROGRAM, -errno);
}

static void __attribute__((noreturn)) end_like(int status)
{
	const struct rlimit no_core = { 0 };
	sigset_t none;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	raise(WTERMSIG(status));
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
	kill(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
}

/*
 * Stops the foster when the program is stopped by @signal in the foreground of a
 * terminal, so that the shell's job control works; both go on together. Not for SIGSTOP:
 * a sender that sends that to the program only would not know that it has to wake the
 * foster as well.
 */
static void stop_alike(pid_t program, int signal)
{
	siginfo_t info = { .si_pid = 0 };
	sigset_t set;

	if (signal != SIGCHLD || waitid(P_PID, (id_t)program, &info, WSTOPPED | WNOHANG) ||
	    info.si_pid != program || info.si_status == SIGSTOP)
		return;
	sigemptyset(&set);
	sigaddset(&set, info.si_status);
	raise(info.si_status);
	sigprocmask(SIG_UNBLOCK, &set,
		    NULL); /* the signal is delivered here; SIGCONT ends the stop */
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(program, SIGCONT);
}

/* Passes signals on until the program ends. */
static void __attribute__((noreturn))
foster(const struct start_plan *plan, pid_t program, pid_t watcher)
{
	const bool in_foreground = plan->how->flags & KREG_START_FOREGROUND;
	const int kept[] = { -1, -1, -1, plan->link };
	siginfo_t info;
	sigset_t all;
	int signal, fd, status = 0;

	/* The link last: its end says that nothing else of the starter's is open here. */
	fds_keep(kept, STDERR_FILENO + 2);
	close(STDERR_FILENO + 1);
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		open_as("/dev/null", O_RDWR, fd);
	sigfillset(&all);
	while (!has_ended(program)) {
		/* Without the watcher nothing would end the program when the foster ends. */
		if (has_ended(watcher))
			kill(program, SIGKILL);
		signal = sigwaitinfo(&all, &info);
		/*
		 * A signal from a terminal goes to the whole group, so the program has
		 * got it too.
		 */
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(program, signal);
		if (in_foreground)
			stop_alike(program, signal);
	}
	/* Before the foster's life ends: then no entry of the watcher is left in the line. */
	end_watcher(watcher);
	/*
	 * Until the program is reaped its pid is not reused, so not while this life was
	 * alive.
	 */
	kreg_inner_leave();
	waitpid(program, &status, 0);
	end_like(status);
}

static void __attribute__((noreturn)) start_fostered(const struct start_plan *plan)
{
	const char *slash = strrchr(plan->how->argv[0], '/');
	pid_t own = process_pid(), program, watcher;
	uint64_t owner;
	int err = kreg_inner_seat(plan->k, &owner);

	if (err)
		give_up(plan, START_NO_SEAT, err);
	prctl(PR_SET_NAME, slash ? slash + 1 : plan->how->argv[0]);
	program = _Fork();
	if (program == 0) {
		die_with(own);
		become_program(plan);
	}
	if (program < 0)
		give_up(plan, START_NO_SEAT, -errno);
	kreg_inner_sit(plan->k, program);
	/*
	 * If the foster is killed here, the program still dies with it: it has not got
	 * START_GO.
	 */
	watcher = start_watch_foster(plan, program);
	if (watcher < 0)
		give_up(plan, START_NO_SEAT, watcher);
	start_say(plan, (struct start_word){ START_SEATED, 0, owner, program });
	foster(plan, program, watcher);
}

void start_child(const struct start_plan *plan)
{
	struct kreg *k = plan->k;
	uint64_t owner;
	bool dies = plan->how->flags & KREG_START_DIES_WITH_STARTER;
	bool is_supervised = plan->within->sign;
	int err = 0;

	signals_by_default();
	if (!(plan->how->flags & KREG_START_FOREGROUND))
		setsid();
	if (dies)
		die_with(plan->starter);
	/* Before a life is taken, so that the minder inherits only the session. */
	if (is_supervised)
		err = start_minder(plan);
	if (err)
		give_up(plan, START_NO_SEAT, err);
	if (kreg_inner_is_fallback(k))
		start_fostered(plan);
	err = kreg_inner_seat(k, &owner);
	if (!err && dies && !is_supervised)
		err = start_watch_starter(plan);
	/* The pidfd was that of this process's parent if the parent is still the starter. */
	if (dies)
		die_with(plan->starter);
	if (err)
		give_up(plan, START_NO_SEAT, err);
	kreg_inner_sit(k, 0);
	start_say(plan, (struct start_word){ START_SEATED, 0, owner, process_pid() });
	become_program(plan);
}
