/* SPDX-License-Identifier: MIT */
/*
 * kreg: start a program under a name. Of many who want to start it, one does.
 *
 * Use <kreg-services.h>; <kreg.h> says what holds for all calls.
 */
#ifndef KREG_START_H
#define KREG_START_H

#include <kreg/base.h>
#include <kreg/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a program is ready. */
enum kreg_ready {
	KREG_READY_EXEC,   /* as soon as it runs */
	KREG_READY_NOTIFY, /* when it sends READY=1 to $NOTIFY_SOCKET, see sd_notify(3) */
	KREG_READY_FD,     /* when it writes a line to its fd @ready_fd */
};

enum kreg_start_flags {
	KREG_START_DIES_WITH_STARTER =
		1 << 0, /* SIGKILL when the thread that starts it ends; if one of the
						  two has changed its credentials, when the process does */
	KREG_START_ATTEND =
		1 << 1, /* returns as soon as the program runs: @started->program hears what
					 it says from then on, and publishes its name when it is ready */
	KREG_START_PASS_ON = 1 << 2, /* with that: what it says is passed on to the manager in the
					caller's own $NOTIFY_SOCKET */
	KREG_START_FOREGROUND = 1 << 3, /* in the caller's session and process group, with its
					   standard input and its fds that are not close-on-exec */
};

/* How a program is started. KREG_START sets @size; what is not named is 0. */
struct kreg_start {
	size_t size;
	const char *const *argv; /* up to a NULL; argv[0] is a path, or a name in $PATH */
	const char *const *
		environment; /* NAME=VALUE up to a NULL, in addition to the caller's, and none of KREG_*,
				  NOTIFY_SOCKET, WATCHDOG_*: those are kreg's to set, -EINVAL; or NULL */
	const char *directory; /* that it works in; NULL: the caller's */
	const char
		*output; /* a file that its stdout and stderr are appended to; NULL: the caller's */
	const void *value; /* what others find under the name */
	size_t value_size;
	uint32_t flags;   /* KREG_START_*; other bits: -EINVAL */
	uint32_t ready;   /* enum kreg_ready */
	int32_t ready_fd; /* 3 to 1023, for KREG_READY_FD */
	uint32_t
		watchdog_ms; /* for KREG_READY_NOTIFY: WATCHDOG=1 has to come so often; 0: need not */
	int64_t timeout_ms; /* until it is ready; 0: as long as it takes */
};

#define KREG_START(name, ...)                                                                      \
	struct kreg_start name = { .size = sizeof(struct kreg_start), __VA_ARGS__ }

/* What could not be done, at -ENOEXEC. */
enum kreg_exec_step {
	KREG_EXEC_PROGRAM,   /* the program cannot be run, or is not there, or its interpreter */
	KREG_EXEC_DIRECTORY, /* the directory cannot be entered */
	KREG_EXEC_OUTPUT,    /* the output, or an fd, cannot be opened */
};

/* What came of it. The caller sets @size; what both sides know is filled. */
struct kreg_started {
	size_t size;
	struct kreg_owner
		owner;      /* who holds the name: the new program, or at -EEXIST another one */
	pid_t child;        /* whom to wait for with waitpid(2); 0: there is none */
	int32_t status;     /* at -ECHILD: as waitpid(2) has it */
	int32_t exec_error; /* at -ENOEXEC: the negative errno of execvp(3) or of what precedes it */
	uint32_t ready;     /* 0: who holds the name is not ready yet */
	uint32_t exec_step;           /* at -ENOEXEC: enum kreg_exec_step */
	uint32_t reserved;            /* 0 */
	struct kreg_program *program; /* with KREG_START_ATTEND, at 0: for kreg_program_close() */
};

/*
 * Starts a program under a name, as one thing: either it runs, is ready and holds the name, or there is
 * no program and the name is as it was. Whoever comes second gets the first one's pid, and its
 * program never runs.
 *
 * The program is a child of the caller, who waits for @started->child with waitpid(2) when it is told of its
 * end. It finds in its environment: KREG_REGISTRY, KREG_DIR and KREG_GUARD, so that it can open the
 * same registry with kreg_open(&k, getenv("KREG_REGISTRY"), NULL); of kreg_service_start()
 * also KREG_NAMESPACE and KREG_ROLE. It is in a session of its own, reads /dev/null, and has no open fd but 0, 1, 2 and @ready_fd, no signal blocked, and what
 * was caught is as by default.
 *
 * Until it is ready, the name is reserved, by the program itself. With READY=1 it may send a line
 * X_KREG_VALUE=TEXT: that is what others find, instead of @start's value. Messages count if the program or a process
 * that it has started sends them, whatever user that is by then. KREG_START_ATTEND lets the caller go on hearing them,
 * see <kreg/program.h>; else the socket is closed when this call returns.
 *
 * Under the guard the name is the program's own, which may update or unregister it. In the fallback exec ends a
 * life, so the name is held by a process that stays the program's parent, passes its signals on and
 * ends with it; the owner's pid is the program's all the same. That parent is the caller's child then. Should
 * it be killed, the program is, even if it has dropped its privileges; the name is free when it has ended.
 *
 * @started: may be NULL.
 * Context: blocks until the program is ready, or with KREG_START_ATTEND until it runs. Any thread; lock-free but for those who start the same
 *          name: they wait for one another. Not in a child of fork(). In a process with threads the
 *          child makes only async-signal-safe calls before exec.
 * Death: of the caller before the program is ready leaves it running with its name reserved, unless it dies
 *        with its starter; who starts the name next ends it and starts it anew.
 * Return: 0; -EEXIST somebody holds or has reserved the name; -ENOEXEC it cannot be run; -ECHILD it ended
 *         before it was ready; -ETIMEDOUT it was not ready in time, and was killed; -EINVAL also for
 *         duplicate keys; -EMSGSIZE key and value are larger than some 16,000 bytes; errors as kreg_register()
 *         has them for key and handle; -EUSERS no seat is free for the program; -EMFILE, -ENFILE,
 *         -EAGAIN, -ENOMEM no fd or process is to be had; -EPERM, -EACCES what a dead starter has left may not be
 *         ended by the caller, or is hidden from it by /proc.
 * Since: 1.0
 */
int kreg_start(struct kreg *k, const void *key, size_t key_size, const struct kreg_start *start,
	       struct kreg_started *started);
int kreg_service_start(struct kreg *k, const char *space, const char *role,
		       const struct kreg_start *start, struct kreg_started *started);

#ifdef __cplusplus
}
#endif
#endif
