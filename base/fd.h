/* SPDX-License-Identifier: MIT */
/*
 * Every fd that the library makes is made here.
 *
 * Promises  it is above 2 and close-on-exec, and was never 0, 1 or 2, not for an instant either: where those are
 *           closed, a printf() of another thread would write into whatever has the number.
 * Needs     fds are closed by whoever has them from here; -1 is none.
 * Context   any thread, and a child of fork(); async-signal-safe. All return an fd, or a negative errno.
 * Used by   all that opens anything.
 *
 * `make lint` refuses the calls themselves elsewhere (build-aux/check-calls). A child that places fds for the
 * program that it becomes uses dup2().
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

/* Of AF_UNIX; @type with SOCK_NONBLOCK or without. The pairs: 0, and both fds in @ends. */
int fd_socket(int type);
int fd_socket_pair(int type, int *ends);
int fd_pipe(int flags, int *ends);

int fd_event(void); /* does not block */

/* Makes it readable. False: write(2) is refused. */
bool fd_event_tell(int fd);
/*
 * The same for a thread that waits for @epoll, in which it has no data. Where write(2) is refused, @epoll alone is
 * readable, because @fd is asked there whether it can be written, which it always can.
 */
void fd_event_tell_in(int epoll, int fd);

/* A thread of ours that sleeps until it is told to end looks that often, for both ways may be refused. */
#define FD_EVENT_LOOK_MS 10000

int fd_epoll(void);
int fd_signals(const sigset_t *signals); /* does not block */
int fd_timer(void);                      /* of CLOCK_MONOTONIC; does not block */
int fd_pidfd(pid_t pid);

/* Sends the process of @pidfd a signal; 0: asks whether that may be. 0; -ESRCH: it has been reaped; -EPERM, -EINVAL. */
int fd_pidfd_signal(int pidfd, int signal);

/* Closes *fd, unless it is -1, which it is afterwards. */
void fd_close(int *fd);

/* As recvmsg(2): fds that come along are as all others are. */
struct msghdr;
ssize_t fd_receive(int socket, struct msghdr *message);

/* What is pinned as @pin in @folder of a bpffs, which @path leads to: before 6.5 the kernel has to go that way. */
int fd_bpf_pin(int folder, const char *path, const char *pin);

/*
 * The calling thread has a table of fds of its own from now on, which the threads that it starts share, and in it
 * those of @keep alone, under their numbers; -1 is none. An error: it has that of the process.
 */
int fd_apart(const int *keep, int count);

/* Closes all fds in such a table: threads that outlive the calling one may share it, and hold nothing open. */
void fd_apart_end(void);

/* For reading. NULL, with errno. */
DIR *fd_folder(const char *path);
DIR *fd_folder_at(int folder, const char *name); /* but not by a link */
FILE *fd_stream(const char *path);
FILE *fd_stream_at(int folder, const char *name);
FILE *fd_stream_of(pid_t pid, const char *file); /* of /proc/PID */

/* A small file of /proc in one read(2), or its beginning, and a 0 behind it. Its bytes, 0 too; negative errno. */
ssize_t fd_read_text(const char *path, char *text, size_t size);

#endif
