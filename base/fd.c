/* SPDX-License-Identifier: MIT */
/*
 * Every fd that the library makes, kept above the three standard numbers.
 *
 * The kernel gives the lowest number that is free. So before anything is opened, the
 * numbers 0 to 2 that are free are taken by plugs: fds of "/" by O_PATH, which can
 * neither be read nor written, so that code of the program that uses such a number
 * meanwhile gets EBADF, as it would without this library. Where no plug could be made, or
 * another thread has closed one of the three just then, the fd is moved up.
 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/close_range.h>

#include "base/kernel.h"

#define LOWEST (STDERR_FILENO + 1)

/* Since 6.5: BPF_OBJ_GET takes a path relative to a folder's fd. */
#define PATH_FD (1u << 14)

/* BPF_OBJ_GET's part of union bpf_attr, whose end older headers do not have. */
struct obj_get {
	uint64_t path;
	uint32_t fd;
	uint32_t flags;
	int32_t folder;
	uint32_t reserved;
};

/* The numbers below LOWEST that one call has taken. On its stack. */
struct plugs {
	int fds[LOWEST];
	int count;
};

/* As in kernel.h. */
static inline int open_at(int folder, const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, folder, path, flags | O_CLOEXEC, mode);
}

/*
 * Takes those of the three that are free. Another thread may do the same at once, or the
 * program may open one itself: then open() returns a number above them and nothing is
 * left to plug.
 */
static void plug(struct plugs *plugs)
{
	int low, fd;

	plugs->count = 0;
	for (low = 0; low < LOWEST; low++) {
		if (kernel_fcntl(low, F_GETFD) >= 0)
			continue;
		fd = open_at(AT_FDCWD, "/", O_PATH, 0);
		if (fd >= LOWEST)
			kernel_close(fd);
		if (fd < 0 || fd >= LOWEST)
			return;
		plugs->fds[plugs->count++] = fd;
	}
}

static void unplug(const struct plugs *plugs)
{
	int i;

	for (i = 0; i < plugs->count; i++)
		kernel_close(plugs->fds[i]);
}

/*
 * From what a system call has returned: an fd above the three, or a negative errno. The
 * copy is made before the low number is closed, so the file is open throughout.
 */
static int lift(int fd)
{
	int above, err;

	if (fd < 0)
		return -errno;
	if (fd >= LOWEST)
		return fd;
	above = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
	err = above < 0 ? -errno : above;
	close(fd);
	return err;
}

/* The same for two fds in @ends. After a failure neither is open. */
static int lift_both(int result, int *ends)
{
	int i, err = result ? -errno : 0;

	for (i = 0; i < 2 && !err; i++) {
		ends[i] = lift(ends[i]);
		if (ends[i] < 0) {
			err = ends[i];
			close(ends[!i]);
		}
	}
	return err;
}

#define MADE(call)                                                                                 \
	({                                                                                         \
		struct plugs plugs_;                                                               \
		int made_;                                                                         \
                                                                                                   \
		plug(&plugs_);                                                                     \
		made_ = lift(call);                                                                \
		unplug(&plugs_);                                                                   \
		made_;                                                                             \
	})

int fd_open(const char *path, int flags, mode_t mode)
{
	return MADE(open_at(AT_FDCWD, path, flags, mode));
}

int fd_open_at(int folder, const char *path, int flags)
{
	return MADE(open_at(folder, path, flags, 0));
}

int fd_socket_of(int family, int type)
{
	return MADE(socket(family, type | SOCK_CLOEXEC, 0));
}

int fd_socket(int type)
{
	return fd_socket_of(AF_UNIX, type);
}

int fd_socket_pair(int type, int *ends)
{
	struct plugs plugs;
	int err;

	plug(&plugs);
	err = lift_both(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ends);
	unplug(&plugs);
	return err;
}

/*
 * Received fds get numbers from the kernel during the call, so plugs are all that keeps
 * them above the three: which fds came is known only to the caller, which parses the
 * message.
 */
ssize_t fd_receive(int socket, struct msghdr *message)
{
	struct plugs plugs;
	ssize_t size;

	plug(&plugs);
	size = recvmsg(socket, message, MSG_CMSG_CLOEXEC);
	if (size < 0)
		size = -errno;
	unplug(&plugs);
	return size;
}

int fd_pipe(int flags, int *ends)
{
	struct plugs plugs;
	int err;

	plug(&plugs);
	err = lift_both(pipe2(ends, flags | O_CLOEXEC), ends);
	unplug(&plugs);
	return err;
}

int fd_event(void)
{
	return MADE(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

bool fd_event_tell(int fd)
{
	const uint64_t one = 1;
	ssize_t size;

	do
		size = write(fd, &one, sizeof(one));
	while (size < 0 && errno == EINTR);
	/* EAGAIN: the counter is full, so it is readable already. */
	return size > 0 || errno == EAGAIN;
}

void fd_event_tell_in(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };

	if (!fd_event_tell(fd) && epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event))
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int fd_signals(const sigset_t *signals)
{
	return MADE(signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

int fd_timer(void)
{
	return MADE(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int fd_epoll(void)
{
	return MADE(epoll_create1(EPOLL_CLOEXEC));
}

int fd_pidfd(pid_t pid)
{
	return MADE((int)syscall(SYS_pidfd_open, pid, 0));
}

int fd_pid_namespace(int pidfd)
{
	/* PIDFD_GET_PID_NAMESPACE of <linux/pidfd.h>, which may be older than the kernel. */
	return MADE(ioctl(pidfd, _IO(0xff, 5)));
}

int fd_pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int fd_bpf_pin(int folder, const char *path, const char *pin)
{
	struct obj_get at = { .path = (uintptr_t)pin, .flags = PATH_FD, .folder = folder };
	char whole[PATH_MAX];
	int fd;

	/*
	 * For reading and writing: a map whose fd is read-only cannot be mapped at all.
	 * What protects it is that it is frozen.
	 */
	fd = MADE((int)syscall(SYS_bpf, BPF_OBJ_GET, &at, sizeof(at)));
	/*
	 * An older kernel refuses what it does not know: the flag, or a struct that is
	 * longer than its own. Then the path is walked again from its beginning, and the
	 * folder that was checked may be another one by now; there is no other way there.
	 */
	if (fd != -EINVAL && fd != -E2BIG)
		return fd;
	if (snprintf(whole, sizeof(whole), "%s/%s", path, pin) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	at = (struct obj_get){ .path = (uintptr_t)whole };
	return MADE((int)syscall(SYS_bpf, BPF_OBJ_GET, &at, offsetof(struct obj_get, folder)));
}

/* False: the kernel has no such call, or refuses it. */
static bool close_in_copy(unsigned int first, unsigned int last, unsigned int flags)
{
	return first > last || !syscall(SYS_close_range, first, last, flags);
}

/* The lowest of @keep from @from on; INT_MAX: there is none. */
static int next_kept(const int *keep, int count, int from)
{
	int i, lowest = INT_MAX;

	for (i = 0; i < count; i++) {
		if (keep[i] >= from && keep[i] < lowest)
			lowest = keep[i];
	}
	return lowest;
}

/*
 * One by one, where close_range(2) is missing. Fds above a limit that was lowered since
 * stay open.
 */
static void close_slowly(const int *keep, int count)
{
	int fd, end = (int)sysconf(_SC_OPEN_MAX);

	for (fd = 0; fd < end; fd++) {
		if (next_kept(keep, count, fd) != fd)
			close(fd);
	}
}

/* Closes what lies between those of @keep. What follows the highest was closed before. */
static int close_between(const int *keep, int count)
{
	int from = 0, kept;

	while ((kept = next_kept(keep, count, from)) != INT_MAX) {
		if (kept > from && !close_in_copy((unsigned int)from, (unsigned int)kept - 1, 0))
			return -ENOSYS;
		from = kept + 1;
	}
	return 0;
}

int fd_apart(const int *keep, int count)
{
	int low, i, highest = -1, err = 0;

	for (i = 0; i < count; i++)
		highest = keep[i] > highest ? keep[i] : highest;
	/*
	 * The first call makes the copy of the table. Everything is closed in the copy
	 * only, so the program's fds stay open in its own table, and this thread holds
	 * none of its files open.
	 */
	if (close_in_copy((unsigned int)highest + 1, ~0u, CLOSE_RANGE_UNSHARE))
		err = close_between(keep, count);
	else if (unshare(CLONE_FILES))
		err = -errno;
	else
		close_slowly(keep, count);
	/*
	 * The plugs of this table stay for good, so that they need not be made for each
	 * fd.
	 */
	for (low = 0; low < LOWEST && !err; low++) {
		if (fcntl(low, F_GETFD) < 0)
			open("/", O_PATH | O_CLOEXEC);
	}
	return err;
}

/* Everything, the plugs included. */
void fd_apart_end(void)
{
	if (!close_in_copy(0, ~0u, 0))
		close_slowly(NULL, 0);
}

/*
 * A stream of @fd, which may be a negative errno; the stream owns the fd. NULL with
 * errno.
 */
static DIR *folder_of(int fd)
{
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd < 0)
		errno = -fd;
	else if (!folder)
		close(fd);
	return folder;
}

DIR *fd_folder(const char *path)
{
	return folder_of(fd_open(path, O_RDONLY | O_DIRECTORY, 0));
}

DIR *fd_folder_at(int folder, const char *name)
{
	return folder_of(fd_open_at(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

FILE *fd_stream_at(int folder, const char *name)
{
	int fd = fd_open_at(folder, name, O_RDONLY);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd < 0)
		errno = -fd;
	else if (!stream)
		close(fd);
	return stream;
}

FILE *fd_stream(const char *path)
{
	return fd_stream_at(AT_FDCWD, path);
}

FILE *fd_stream_of(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return fd_stream(path);
}

/*
 * The kernel makes a file of /proc during read(2), so one read(2) gives one consistent
 * text; a second could see another state. The last byte of @text is for the 0.
 */
ssize_t fd_read_text(const char *path, char *text, size_t size)
{
	int fd = fd_open(path, O_RDONLY, 0);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = kernel_read(fd, text, size - 1);
	if (got < 0)
		got = -errno;
	else
		text[got] = 0;
	kernel_close(fd);
	return got;
}
