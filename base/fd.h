/* SPDX-License-Identifier: MIT */
/*
 * Fds: every fd that the library makes is made here.
 *
 * The library shares the table of fds with a program that knows nothing of it: an fd of
 * ours with the number 1 would receive what the program prints.
 *
 * Promises  an fd is above 2 and close-on-exec, and was never 0, 1 or 2, not for an
 *           instant either: where those are closed, a printf() of another thread would
 *           write into the file that has the number.
 * Needs     fds are closed by the code that got them from here; -1 is none.
 * Context   any thread, and a child of fork(); async-signal-safe, except what allocates a
 *           DIR or FILE. All return an fd, or a negative errno.
 * Used by   all that opens anything.
 *
 * `make lint` refuses the calls themselves elsewhere (build-aux/check-calls). A child
 * that places fds for the program that it becomes uses dup2().
 */
#ifndef KREG_BASE_FD_H
#define KREG_BASE_FD_H

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

int fd_open(const char *path, int flags, mode_t mode);
int fd_open_at(int folder, const char *path, int flags);

/*
 * Of @family, and of AF_UNIX; @type with SOCK_NONBLOCK or without. The pairs: 0, and both fds in
 * @ends.
 */
int fd_socket_of(int family, int type);
int fd_socket(int type);
int fd_socket_pair(int type, int *ends);
int fd_pipe(int flags, int *ends);

int fd_event(void); /* does not block */

/* Makes the fd readable. False: write(2) is refused. */
bool fd_event_tell(int fd);
/*
 * The same for a thread that waits for @epoll, in which @fd has no data. Where write(2)
 * is refused, only @epoll becomes readable: it then watches whether @fd can be written,
 * which is always true.
 */
void fd_event_tell_in(int epoll, int fd);

/*
 * A thread of the library that sleeps until it is asked to end looks this often, because
 * both ways may be refused.
 */
#define FD_EVENT_LOOK_MS 10000

int fd_epoll(void);
int fd_signals(const sigset_t *signals); /* does not block */
int fd_timer(void);                      /* of CLOCK_MONOTONIC; does not block */
int fd_pidfd(pid_t pid);
/* The PID namespace of @pidfd's process. -ENOTTY: the kernel is older than 6.11. */
int fd_pid_namespace(int pidfd);

/*
 * Sends the process of @pidfd a signal; 0: checks whether that is permitted. Returns 0;
 * -ESRCH: it has been reaped; -EPERM, -EINVAL.
 */
int fd_pidfd_signal(int pidfd, int signal);

/* Closes *fd, unless it is -1, and sets it to -1, so that it is not closed twice. */
void fd_close(int *fd);

struct msghdr;
/*
 * As recvmsg(2), with the size or a negative errno; fds that come along are close-on-exec
 * and above 2.
 */
ssize_t fd_receive(int socket, struct msghdr *message);

/*
 * Opens what is pinned as @pin in @folder of a bpffs. @path leads to the same folder:
 * before 6.5 the kernel has to go that way.
 */
int fd_bpf_pin(int folder, const char *path, const char *pin);

/*
 * Gives the calling thread a table of fds of its own, which the threads that it starts
 * share, with only those of @keep in it, under their numbers; -1 is none. After an error
 * it still has the table of the process.
 */
int fd_apart(const int *keep, int count);

/*
 * Closes all fds in such a table: threads that outlive the calling one may share it, and
 * must hold nothing open.
 */
void fd_apart_end(void);

/* For reading. NULL with errno. */
DIR *fd_folder(const char *path);
DIR *fd_folder_at(int folder, const char *name); /* not through a symbolic link */
FILE *fd_stream(const char *path);
FILE *fd_stream_at(int folder, const char *name);
FILE *fd_stream_of(pid_t pid, const char *file); /* of /proc/PID */

/*
 * Reads a small file of /proc, or its beginning, by one read(2), and appends a 0. Its
 * bytes, 0 too; negative errno.
 */
ssize_t fd_read_text(const char *path, char *text, size_t size);

#endif
