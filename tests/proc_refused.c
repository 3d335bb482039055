/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes: a process to which one system call is refused, as forbidden or as unknown to
 * the kernel, for each system call that the library makes. The process either works or
 * fails with an error message, returns from each call, and is absent as soon as it is
 * dead, like any other. A wait that begins gets its wake-up, and one that cannot begin
 * says so with an error that its header has.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static const struct call {
	const char *name;
	long number;
} calls[] = {
	{ "membarrier", SYS_membarrier },
	{ "futex_waitv", SYS_futex_waitv },
	{ "set_robust_list", SYS_set_robust_list },
	{ "getrandom", SYS_getrandom },
	{ "madvise", SYS_madvise },
	{ "mprotect", SYS_mprotect },
	{ "fallocate", SYS_fallocate },
	{ "ftruncate", SYS_ftruncate },
	{ "fchmod", SYS_fchmod },
	{ "linkat", SYS_linkat },
	{ "statfs", SYS_statfs },
	{ "fstatfs", SYS_fstatfs },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pidfd_send_signal", SYS_pidfd_send_signal },
	{ "bpf", SYS_bpf },
	{ "eventfd2", SYS_eventfd2 },
	{ "epoll_create1", SYS_epoll_create1 },
	{ "epoll_ctl", SYS_epoll_ctl },
	{ "clone3", SYS_clone3 },
	{ "prctl", SYS_prctl },
	{ "memfd_create", SYS_memfd_create },
	{ "rt_sigprocmask", SYS_rt_sigprocmask },
	{ "sched_yield", SYS_sched_yield },
	{ "close_range", SYS_close_range },
	{ "gettid", SYS_gettid },
	{ "getpid", SYS_getpid },
	{ "getuid", SYS_getuid },
	{ "geteuid", SYS_geteuid },
	{ "getgid", SYS_getgid },
	{ "pread64", SYS_pread64 },
	{ "read", SYS_read },
	{ "write", SYS_write },
	{ "fstat", SYS_fstat },
	{ "newfstatat", SYS_newfstatat },
	{ "openat", SYS_openat },
	{ "readlinkat", SYS_readlinkat },
	{ "renameat2", SYS_renameat2 },
	{ "unlinkat", SYS_unlinkat },
	{ "epoll_pwait", SYS_epoll_pwait },
	{ "ppoll", SYS_ppoll },
	{ "fcntl", SYS_fcntl },
	{ "unshare", SYS_unshare },
	{ "clock_nanosleep", SYS_clock_nanosleep },
	{ "socketpair", SYS_socketpair },
#ifndef __SANITIZE_ADDRESS__ /* which ends the process then */
	{ "mmap", SYS_mmap },
	{ "munmap", SYS_munmap },
#endif
#ifdef __x86_64__
	{ "epoll_wait", SYS_epoll_wait },
	{ "poll", SYS_poll },
	{ "readlink", SYS_readlink },
	{ "rename", SYS_rename },
	{ "unlink", SYS_unlink },
#endif
};

#define CALLS ((int)(sizeof(calls) / sizeof(*calls)))

/* What a process needs to report to its test, so only one of its threads is refused these. */
static const struct call socket_calls[] = {
	{ "sendto", SYS_sendto },
	{ "recvfrom", SYS_recvfrom },
	{ "sendmsg", SYS_sendmsg },
	{ "recvmsg", SYS_recvmsg },
};

#define SOCKET_CALLS ((int)(sizeof(socket_calls) / sizeof(*socket_calls)))

/* Only a lost wake-up reaches this. */
#define PATIENCE_MS 20000

static const int errors[] = { EPERM, ENOSYS };

struct refusal {
	int mode;
	long number;
	int error;
};

static char sentence[512];

static void hear(const char *said, void *data)
{
	(void)data;
	snprintf(sentence, sizeof(sentence), "%s", said);
}

static struct kreg *open_in(int mode, int *err)
{
	KREG_OPTIONS(options, .seats = 64, .slots = 64, .max_bytes = 1 << 20, .log = hear,
		     .directory = tmp_directory(), .guard = mode_guard(mode),
		     .life = mode == MODE_GUARD ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK);
	struct kreg *k = NULL;

	*err = kreg_open(&k, "refused", &options);
	return k;
}

/* The result of a call does not matter here; that it returns does. */
static void use(struct kreg *k)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct kreg_owner owner;
	struct kreg_lock lock;
	static char large[60000];
	char found[8];

	kreg_update(k, "name", KREG_STRING, large, sizeof(large), NULL, 0);
	kreg_lookup(k, "name", KREG_STRING, found, sizeof(found), &owner);
	if (!kreg_read_enter(k))
		kreg_read_leave(k);
	kreg_await(k, "nobody", KREG_STRING, 1, NULL);
	if (kreg_whereis(k, "parent", KREG_STRING, &owner) == 0)
		kreg_await_gone(k, "parent", KREG_STRING, &owner, 1);
	if (!kreg_lock(k, "lock", KREG_STRING, 1, &lock))
		kreg_unlock(k, &lock);
	if (!kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN)) {
		kreg_listener_next(listener, &event);
		kreg_listener_close(listener);
	}
	kreg_await_gone(k, "parent", KREG_STRING, NULL, 1);
	kreg_signal(k, "parent", KREG_STRING, 0);
	kreg_sweep(k);
	kreg_count(k);
}

/*
 * Reports the result of open, then whether it registered; -EDOM: the refusal had no
 * message.
 */
static int try_it(int link, void *data)
{
	const struct refusal *refusal = data;
	struct kreg *k, *other;
	int err = refuse_call(refusal->number, refusal->error), again;

	if (err)
		return 2;
	k = open_in(refusal->mode, &err);
	link_say(link, err && !*sentence ? -EDOM : err);
	if (err)
		return 0;
	err = kreg_register(k, "name", KREG_STRING, "x", 1, NULL);
	use(k);
	other = open_in(refusal->mode, &again);
	if (other)
		use(other);
	kreg_close(other);
	link_say(link, err);
	link_hear(link);
	return 0;
}

static void check_refusal(struct kreg *k, const struct refusal *refusal, const char *name,
			  int *worked)
{
	struct child child = child_start(try_it, (void *)refusal);
	int64_t opened = link_hear(child.link), registered;
	int status;

	ck_assert_msg(opened != INT64_MIN, "%s refused with %d: the process died", name,
		      refusal->error);
	ck_assert_msg(opened != -EDOM, "%s refused with %d: kreg_open() fails without a sentence",
		      name, refusal->error);
	ck_assert_msg(opened != -EPROTO, "%s refused with %d: it is taken for what is in the file",
		      name, refusal->error);
	if (opened) {
		printf("# %s, %s: kreg_open() says %s\n", name, strerror(refusal->error),
		       strerror((int)-opened));
		status = child_end(&child);
		ck_assert_int_eq(status, 0);
		return;
	}
	registered = link_hear(child.link);
	ck_assert_msg(registered != INT64_MIN, "%s refused with %d: the process died in a call",
		      name, refusal->error);
	if (registered)
		printf("# %s, %s: kreg_register() says %s\n", name, strerror(refusal->error),
		       strerror((int)-registered));
	*worked += !registered;
	child_kill(&child);
	ck_assert_msg(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL) == -ENOENT,
		      "%s refused with %d: the dead one is found", name, refusal->error);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
}

START_TEST(each_call_returns_where_a_system_call_is_refused)
{
	struct refusal refusal = { .mode = _i };
	int err, worked = 0, i, j;
	struct kreg *k = open_in(_i, &err);

	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(kreg_register(k, "parent", KREG_STRING, "x", 1, NULL), 0);
	for (i = 0; i < CALLS; i++) {
		for (j = 0; j < 2; j++) {
			refusal.number = calls[i].number;
			refusal.error = errors[j];
			check_refusal(k, &refusal, calls[i].name, &worked);
		}
	}
	printf("# %d of %d work all the same\n", worked, CALLS * 2);
	fflush(stdout);
	ck_assert_int_gt(worked, CALLS);
	kreg_close(k);
}
END_TEST

/* A wait that is begun in a thread under the refusal; those that the library starts for it are too. */
struct attempt {
	int (*begin)(struct attempt *attempt); /* 0, and @fd; or the error */
	const char *name;
	struct refusal refusal;
	struct kreg *k;
	int fd, result;
};

static int begin_to_await(struct attempt *attempt)
{
	struct kreg_pending *pending;
	int err = kreg_await_begin(&pending, attempt->k, "awaited", KREG_STRING);

	attempt->fd = err ? -1 : kreg_pending_fd(pending);
	return err;
}

static int begin_to_lock(struct attempt *attempt)
{
	struct kreg_pending *pending;
	int err = kreg_lock_begin(&pending, attempt->k, "lock", KREG_STRING);

	attempt->fd = err ? -1 : kreg_pending_fd(pending);
	return err;
}

static int begin_to_listen(struct attempt *attempt)
{
	struct kreg_listener *listener;
	int err = kreg_listen(&listener, attempt->k, NULL, 0);

	attempt->fd = err ? -1 : kreg_listener_fd(listener);
	return err;
}

static void *begin_refused(void *data)
{
	struct attempt *attempt = data;
	int err = refuse_call(attempt->refusal.number, attempt->refusal.error);

	attempt->result = err ? -EDOM : attempt->begin(attempt);
	return NULL;
}

/* Says the result; if it is 0, and the parent has answered, whether the fd becomes readable. */
static int attempt_it(int link, void *data)
{
	struct attempt attempt = *(struct attempt *)data;
	struct pollfd at = { .events = POLLIN };
	pthread_t thread;
	int err;

	attempt.k = open_in(attempt.refusal.mode, &err);
	if (err || pthread_create(&thread, NULL, begin_refused, &attempt) ||
	    pthread_join(thread, NULL))
		return 2;
	link_say(link, attempt.result);
	if (attempt.result)
		return 0;
	link_hear(link);
	at.fd = attempt.fd;
	link_say(link, poll(&at, 1, PATIENCE_MS));
	link_hear(link);
	return 0;
}

/* What the headers say of a refusal: its error; or what was needed for a thread, or for memory. */
static bool is_documented(int64_t result, int error)
{
	return result == -error || result == -EAGAIN || result == -ENOMEM;
}

/* Ends what is waited for: "awaited" gets an owner, and the lock is free. */
static void end_wait(struct kreg *k, struct kreg_lock *lock)
{
	ck_assert_int_eq(kreg_register(k, "awaited", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_unlock(k, lock), 0);
}

/* Return: whether it began. */
static bool check_attempt(struct kreg *k, struct attempt *attempt, const char *refused)
{
	struct kreg_lock lock;
	struct child child;
	int64_t result;

	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	child = child_start(attempt_it, attempt);
	result = link_hear(child.link);
	end_wait(k, &lock);
	if (result) {
		ck_assert_msg(is_documented(result, attempt->refusal.error),
			      "%s refused with %s: %s gives %lld", refused,
			      strerrorname_np(attempt->refusal.error), attempt->name,
			      (long long)result);
		ck_assert_int_eq(child_end(&child), 0);
	} else {
		ck_assert_msg(child_ask(&child, 0) == 1,
			      "%s refused with %s: %s begins, and its fd never becomes readable",
			      refused, strerrorname_np(attempt->refusal.error), attempt->name);
		child_kill(&child);
	}
	ck_assert_int_eq(kreg_unregister(k, "awaited", KREG_STRING), 1);
	return !result;
}

START_TEST(a_wait_ends_or_does_not_begin_where_a_system_call_is_refused)
{
	static const struct attempt attempts[] = {
		{ .begin = begin_to_await, .name = "kreg_await_begin()" },
		{ .begin = begin_to_lock, .name = "kreg_lock_begin()" },
		{ .begin = begin_to_listen, .name = "kreg_listen()" },
	};
	const int kinds = sizeof(attempts) / sizeof(*attempts);
	const int all = (CALLS + SOCKET_CALLS) * kinds * 2;
	int err, began = 0, i;
	struct kreg *k = open_in(_i, &err);

	ck_assert_int_eq(err, 0);
	for (i = 0; i < all; i++) {
		struct attempt attempt = attempts[i / 2 % kinds];
		int nth = i / 2 / kinds;
		const struct call *call = nth < CALLS ? &calls[nth] : &socket_calls[nth - CALLS];

		attempt.refusal = (struct refusal){ _i, call->number, errors[i % 2] };
		began += check_attempt(k, &attempt, call->name);
	}
	printf("# %d of %d begin all the same\n", began, all);
	fflush(stdout);
	ck_assert_int_gt(began, all / 2);
	ck_assert_int_lt(began, all);
	kreg_close(k);
}
END_TEST

static int fds_open(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Reports the result of kreg_listen(), and how many more fds are open after it. */
static int listen_without_fstat(int link, void *data)
{
	struct kreg_listener *listener;
	int err, before;
	struct kreg *k = open_in(*(const int *)data, &err);

	if (err || refuse_call(SYS_fstat, EPERM) || refuse_call(SYS_newfstatat, EPERM))
		return 2;
	before = fds_open();
	link_say(link, kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN));
	link_say(link, fds_open() - before);
	return 0;
}

START_TEST(a_refused_listener_leaves_no_fd)
{
	struct child child = child_start(listen_without_fstat, &_i);

	ck_assert_int_eq(link_hear(child.link), -EPERM);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { each_call_returns_where_a_system_call_is_refused,
				      a_wait_ends_or_does_not_begin_where_a_system_call_is_refused,
				      a_refused_listener_leaves_no_fd, NULL };

	return modes_run(suite_create("refused"), tcase_create("both"), both, NULL, NULL);
}
