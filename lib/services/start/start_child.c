/* SPDX-License-Identifier: MIT */
/*
 * What the child of a start does until the program runs.
 *
 * Under the guard the child takes the seat of its process, which stays when it becomes
 * the program. In the fallback exec ends a life, so the child stays as a foster parent,
 * whose life stands for that of the program (start_foster.c):
 *
 *   guard      starter -- program                 the program's life
 *   fallback   starter -- foster -- program       the foster's life, the program's pid
 *
 *   killed here                          what is left
 *   before START_SEATED                  nothing, or a life that is over
 *   before START_GO, the starter too     the same: without a starter the child never becomes the
 *                                        program
 */
#include "lib/services/start/start_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/services/start/fds.h"
#include "lib/services/start/start_foster.h"
#include "lib/services/start/start_minder.h"
#include "lib/services/start/start_watch.h"
#include "base/fd.h"
#include "base/process.h"

void start_say(int to, struct start_word word)
{
	while (send(to, &word, sizeof(word), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

bool start_hear(int from, struct start_word *word)
{
	ssize_t size;

	do {
		size = recv(from, word, sizeof(*word), 0);
	} while (size < 0 && errno == EINTR);
	return size == sizeof(*word);
}

void start_give_up(const struct start_plan *plan, int err)
{
	start_say(plan->link, (struct start_word){ .type = START_NO_SEAT, .error = err });
	_exit(START_NOT_RUN);
}

static void __attribute__((noreturn))
give_up_at(const struct start_plan *plan, enum kreg_exec_step step, int err)
{
	start_say(plan->link,
		  (struct start_word){ .type = START_NO_EXEC, .error = err, .pid = step });
	_exit(START_NOT_RUN);
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
static void signals_by_default(bool has_no_handlers)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction now;
	int signal;

	/* With SIGCHLD ignored, or SA_NOCLDWAIT, it could not wait for a child. */
	sigaction(SIGCHLD, &by_default, NULL);
	for (signal = 1; signal < NSIG && !has_no_handlers; signal++) {
		if (!sigaction(signal, NULL, &now) && now.sa_handler != SIG_IGN &&
		    now.sa_handler != SIG_DFL)
			sigaction(signal, &by_default, NULL);
	}
}

void start_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(START_NOT_RUN);
}

int start_open_as(const char *path, int flags, int fd)
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

	return flags < 0 || flags & FD_CLOEXEC ? start_open_as("/dev/null", O_WRONLY, fd) : 0;
}

static int set_up(const struct kreg_start *how, enum kreg_exec_step *step)
{
	bool in_foreground = how->flags & KREG_START_FOREGROUND;
	int err;

	*step = KREG_EXEC_OUTPUT;
	err = in_foreground ? 0 : start_open_as("/dev/null", O_RDONLY, STDIN_FILENO);
	if (!err)
		*step = KREG_EXEC_DIRECTORY;
	if (!err && how->directory && chdir(how->directory))
		err = -errno;
	if (!err)
		*step = KREG_EXEC_OUTPUT;
	if (!err && how->output)
		err = start_open_as(how->output, O_WRONLY | O_APPEND | O_CREAT, STDOUT_FILENO);
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

/* If the starter ends, or calls exec, nobody says START_GO. */
static bool hear_go(const struct start_plan *plan)
{
	struct pollfd at = { .fd = plan->link, .events = POLLIN };
	struct start_word word;

	while (poll(&at, 1, START_LOOK_MS) <= 0) {
		if (!kreg_inner_program_runs(plan->k, plan->starter_program))
			return false;
	}
	return start_hear(plan->link, &word) && word.type == START_GO;
}

/*
 * All that the program needs is made before the starter has said START_GO, which needs as
 * long on another CPU to reserve the name. If it never says so, nothing is left of it but a
 * file for the output.
 */
void start_become_program(const struct start_plan *plan)
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
		_exit(START_NOT_RUN);
	if (err)
		give_up_at(&own, step, err);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(own.how->argv[0], (char **)(uintptr_t)own.how->argv, own.environment);
	give_up_at(&own, KREG_EXEC_PROGRAM, -errno);
}

void start_child(const struct start_plan *plan)
{
	struct kreg *k = plan->k;
	uint64_t owner;
	bool dies = plan->how->flags & KREG_START_DIES_WITH_STARTER;
	bool is_supervised = plan->within->sign;
	int err = 0;

	signals_by_default(plan->has_no_handlers);
	if (!(plan->how->flags & KREG_START_FOREGROUND))
		setsid();
	if (dies)
		start_die_with(plan->starter);
	/* Before a life is taken, so that the minder inherits only the session. */
	if (is_supervised)
		err = start_minder(plan);
	if (err)
		start_give_up(plan, err);
	if (kreg_inner_is_fallback(k))
		start_foster(plan);
	err = kreg_inner_seat(k, &owner);
	if (!err && dies && !is_supervised)
		err = start_watch_starter(plan);
	/* The pidfd was that of this process's parent if the parent is still the starter. */
	if (dies)
		start_die_with(plan->starter);
	if (err)
		start_give_up(plan, err);
	kreg_inner_sit(k, 0);
	start_say(plan->link, (struct start_word){ .type = START_SEATED,
						   .owner = owner,
						   .program = kreg_inner_program(k),
						   .pid = process_pid() });
	start_become_program(plan);
}
