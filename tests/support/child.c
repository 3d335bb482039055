/* SPDX-License-Identifier: MIT */
/*
 * A child is a fork of the test with one end of a socket pair; numbers keep their borders on it.
 */
#include "tests/support/child.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/row.h"
#include "base/process.h"

#if defined(__SANITIZE_ADDRESS__)

static bool thread_sleeps(pid_t tid)
{
	struct process thread;

	return !process_read(tid, &thread) || thread.state == 'S';
}

/*
 * AddressSanitizer's allocator is not made for fork(): a child that is forked while another thread is in
 * it finds it locked for ever. glibc's own is.
 */
static void prepare_fork(void)
{
	const struct dirent *at;
	bool quiet;
	pid_t tid;
	DIR *tasks;

	do {
		quiet = true;
		tasks = opendir("/proc/self/task");
		ck_assert_ptr_nonnull(tasks);
		while ((at = readdir(tasks))) {
			tid = atoi(at->d_name);
			quiet &= !tid || tid == gettid() || thread_sleeps(tid);
		}
		closedir(tasks);
		sched_yield();
	} while (!quiet);
}

#else

static void prepare_fork(void)
{
}

#endif

void *child_shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

void child_ends_with(pid_t parent)
{
	pid_t now;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	now = getppid();
	/* 0: a parent outside of the PID namespace. */
	if (now && now != parent)
		_exit(1);
}

struct child child_start(int (*body)(int link, void *data), void *data)
{
	pid_t parent = getpid();
	struct child child;
	int links[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links), 0);
	prepare_fork();
	child.pid = fork();
	ck_assert_int_ge(child.pid, 0);
	if (!child.pid) {
		/* A test that fails takes its children with it. */
		child_ends_with(parent);
		close(links[0]);
		_exit(body(links[1], data));
	}
	close(links[1]);
	child.link = links[0];
	return child;
}

void link_say(int link, int64_t number)
{
	while (send(link, &number, sizeof(number), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

int64_t link_hear(int link)
{
	int64_t number;
	ssize_t got;

	do {
		got = recv(link, &number, sizeof(number), 0);
	} while (got < 0 && errno == EINTR);
	return got == sizeof(number) ? number : INT64_MIN;
}

struct child child_start_ready(int (*body)(int link, void *data), void *data)
{
	struct child child = child_start(body, data);

	ck_assert_int_eq(link_hear(child.link), 0);
	return child;
}

int64_t child_ask(struct child *child, int64_t order)
{
	link_say(child->link, order);
	return link_hear(child->link);
}

int child_end(struct child *child)
{
	int status = 0;

	/* Children that were forked later have a copy of this end, so closing it is not enough. */
	shutdown(child->link, SHUT_RDWR);
	close(child->link);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	child_end(child);
}

void child_kill_by_pidfd(struct child *child)
{
	struct pollfd at = { .events = POLLIN };

	at.fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	ck_assert_int_ge(at.fd, 0);
	kill(child->pid, SIGKILL);
	while (poll(&at, 1, -1) != 1)
		;
	close(at.fd);
}

void child_await_sleep(const struct child *child)
{
	struct process process;

	for (;;) {
		ck_assert(process_read(child->pid, &process));
		if (process.state == 'S')
			return;
		sched_yield();
	}
}

void child_await_stop(const struct child *child)
{
	int status;

	ck_assert_int_eq(waitpid(child->pid, &status, WUNTRACED), child->pid);
	ck_assert(WIFSTOPPED(status));
}
