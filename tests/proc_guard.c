/* SPDX-License-Identifier: MIT */
/*
 * A life ends and its seat is returned, whichever step of the guard's programs the kernel
 * refuses. What is left then is found by the audit, and never by the next process with that
 * pid.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/sched.h>

#include "bpf/guard.h"
#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"

#define SEATS 8

static void start_guard(uint32_t faults)
{
	struct guard_options options = {
		.path = second_guard(),
		.seats = SEATS,
		.faults = faults,
	};

	ck_assert_int_eq(guard_start(&options), 0);
}

static int stop_guard(bool force)
{
	struct guard_options options = { .path = second_guard() };

	return guard_stop(&options, force);
}

static int audit(uint32_t *removed)
{
	struct guard_options options = { .path = second_guard() };

	return guard_audit(&options, removed);
}

static struct guard_status status(void)
{
	struct guard_options options = { .path = second_guard() };
	struct guard_status found;

	ck_assert_int_eq(guard_status(&options, &found), 0);
	return found;
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/*
 * The sum of the guard's counts of pids: how many elements it believes to have among the
 * owners. Were it below their number, an exit could be mistaken for one of a process without
 * a life; were it above, the exits of others would be slower than they have to be.
 */
static uint32_t counted(void)
{
	union bpf_attr attr;
	uint32_t line, i, sum = 0;
	struct life_pids counts;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/pids", second_guard());
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	fd = bpf(BPF_OBJ_GET, &attr);
	ck_assert_int_ge(fd, 0);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&line;
	attr.value = (uintptr_t)&counts;
	for (line = 0; !bpf(BPF_MAP_LOOKUP_ELEM, &attr); line++) {
		for (i = 0; i < LIFE_PIDS; i++)
			sum += counts.slots[i];
	}
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_ge(line * LIFE_PIDS, 2 * SEATS);
	close(fd);
	return sum;
}

static int open_in(struct kreg **k, const char *guard, const char *directory)
{
	KREG_OPTIONS(options, .directory = directory, .guard = guard);

	return kreg_open(k, "guard", &options);
}

static int try_open(struct kreg **k)
{
	return open_in(k, second_guard(), tmp_directory());
}

static struct kreg *open_registry(void)
{
	struct kreg *k;

	ck_assert_int_eq(try_open(&k), 0);
	return k;
}

/* Registers "name" and reports the result; repeats that for each number it receives. */
static int hold(int link, void *data)
{
	struct kreg *k;
	int err = try_open(&k);

	(void)data;
	do {
		if (!err)
			link_say(link, kreg_register(k, "name", KREG_STRING, "x", 1, NULL));
		else
			link_say(link, err);
	} while (link_hear(link) != INT64_MIN);
	return 0;
}

/* One process after the other takes a seat and the name, and dies. */
static void hold_and_die(struct kreg *k, int times)
{
	int i;

	for (i = 0; i < times; i++) {
		struct child child = child_start(hold, NULL);

		ck_assert_int_eq(link_hear(child.link), 0);
		child_kill(&child);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
}

static uint64_t ticks(void)
{
	struct timespec at;

	clock_gettime(CLOCK_BOOTTIME, &at);
	return ((uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec) /
	       (1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK));
}

/* A child with the pid @pid, started in a later tick than all before; 0: only root may choose a pid. */
static pid_t start_as(pid_t pid, struct child *child)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	uint64_t before = ticks();
	int links[2];
	pid_t got;

	while (ticks() == before)
		sched_yield();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links), 0);
	got = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!got) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(links[0]);
		_exit(hold(links[1], NULL));
	}
	close(links[1]);
	*child = (struct child){ .pid = got, .link = links[0] };
	if (got < 0 && errno == EPERM)
		return 0;
	ck_assert_int_eq(got, pid);
	return got;
}

START_TEST(a_life_ends_although_the_process_cannot_be_removed_from_the_owners)
{
	struct child first, second;
	uint32_t removed;
	struct kreg *k;

	start_guard(LIFE_FAULT_DELETE);
	k = open_registry();
	hold_and_die(k, SEATS);
	ck_assert_uint_eq(status().seats_used, 1);
	ck_assert_uint_eq(status().stale, SEATS);
	/* What stays among the owners gives nobody a seat, not even the next process with that pid. */
	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	child_kill(&first);
	if (start_as(first.pid, &second)) {
		ck_assert_int_eq(link_hear(second.link), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		child_kill(&second);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
	ck_assert_int_eq(audit(&removed), 0);
	/* Each status is an audit too; so what it removed is all there was. */
	hold_and_die(k, 3 * SEATS / 2);
	ck_assert_uint_eq(counted(), 3 * SEATS / 2 + 1);
	ck_assert_int_eq(audit(&removed), 0);
	ck_assert_uint_eq(removed, 3 * SEATS / 2);
	ck_assert_uint_eq(counted(), 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(a_process_is_refused_until_the_audit_when_the_owners_map_is_full)
{
	struct child child;
	struct kreg *k;

	start_guard(LIFE_FAULT_DELETE);
	k = open_registry();
	hold_and_die(k, 2 * SEATS - 1);
	child = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(child.link), -EUSERS);
	child_kill(&child);
	ck_assert_uint_eq(counted(), 2 * SEATS);
	ck_assert_uint_eq(status().seats_used, 1);
	hold_and_die(k, 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(a_process_that_cannot_be_entered_at_once_leaves_no_seat_taken)
{
	struct guard_status found;
	struct kreg *k;

	start_guard(LIFE_FAULT_INSERT);
	k = open_registry();
	hold_and_die(k, 5 * SEATS);
	found = status();
	ck_assert_uint_eq(found.seats_used, 1);
	ck_assert_uint_eq(found.attaches, 5 * SEATS + 1);
	ck_assert_uint_eq(found.refused, 0);
	ck_assert_uint_eq(counted(), 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

/* Far below the 10 s for which a process retries while another thread of it attaches. */
#define AT_ONCE_MS 5000

START_TEST(a_process_that_finds_no_memory_among_the_owners_is_refused_at_once)
{
	struct kreg *k;
	int64_t before;

	start_guard(LIFE_FAULT_MEMORY);
	before = clock_ms();
	ck_assert_int_eq(try_open(&k), -ENOMEM);
	ck_assert_int_lt(clock_ms() - before, AT_ONCE_MS);
	ck_assert_uint_eq(status().seats_used, 0);
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static void *open_once(void *data)
{
	struct kreg **k = data;

	return (void *)(intptr_t)try_open(k);
}

START_TEST(threads_that_attach_at_once_get_one_seat)
{
	struct kreg_owner first, self;
	struct kreg *k[SEATS * 2];
	pthread_t threads[SEATS * 2];
	void *failed;
	int i;

	start_guard(LIFE_FAULT_INSERT);
	for (i = 0; i < SEATS * 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_once, &k[i]), 0);
	for (i = 0; i < SEATS * 2; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_int_eq((intptr_t)failed, 0);
		ck_assert_int_eq(kreg_self(k[i], i ? &self : &first), 0);
		ck_assert(!i || self.token == first.token);
	}
	ck_assert_uint_eq(status().seats_used, 1);
	for (i = 0; i < SEATS * 2; i++)
		kreg_close(k[i]);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(a_life_whose_end_the_kernel_skipped_in_one_program_is_ended_by_the_other)
{
	static const uint32_t skipped[] = { LIFE_FAULT_EXIT, LIFE_FAULT_AGAIN,
					    LIFE_FAULT_EXIT | LIFE_FAULT_FUNCTIONS };
	struct child child;
	struct kreg *k;
	size_t i;

	for (i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		start_guard(skipped[i]);
		k = open_registry();
		child = child_start(hold, NULL);
		ck_assert_int_eq(link_hear(child.link), 0);
		child_kill(&child);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
		ck_assert_uint_eq(status().seats_used, 1);
		ck_assert_uint_eq(status().late, 0);
		kreg_close(k);
		ck_assert_int_eq(stop_guard(true), 0);
	}
}
END_TEST

START_TEST(a_life_whose_end_the_kernel_skipped_is_ended_by_the_audit)
{
	struct kreg_owner owner;
	struct child first, second;
	struct kreg *k;

	start_guard(LIFE_FAULT_EXIT | LIFE_FAULT_AGAIN);
	k = open_registry();
	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 1);
	/* Not while the process is there, stopped or not. */
	kill(first.pid, SIGSTOP);
	waitpid(first.pid, NULL, WUNTRACED);
	ck_assert_int_eq(audit(NULL), 0);
	/* A zombie will do. */
	child_kill_by_pidfd(&first);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 1);
	ck_assert_int_eq(audit(NULL), 1);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	child_end(&first);

	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	child_kill(&first);
	if (start_as(first.pid, &second)) {
		/* The next process with the pid is another one, and what it gets is its own. */
		ck_assert_int_eq(link_hear(second.link), -EEXIST);
		ck_assert_int_eq(audit(NULL), 1);
		ck_assert_int_eq(child_ask(&second, 1), 0);
		ck_assert_int_eq(audit(NULL), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		child_kill(&second);
	}
	ck_assert_uint_eq(status().seats_used, 1);
	ck_assert_uint_eq(status().late, 3);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(missed_lives_do_not_prevent_a_stop_of_the_guard)
{
	struct child child;

	start_guard(LIFE_FAULT_EXIT | LIFE_FAULT_AGAIN);
	child = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	child_kill(&child);
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static int open_and_say(int link, void *data)
{
	struct kreg *k;

	(void)data;
	link_say(link, try_open(&k));
	link_hear(link);
	return 0;
}

static void *try_to_stop(void *data)
{
	bool *is_over = data;
	intptr_t refused = 0;

	while (!__atomic_load_n(is_over, __ATOMIC_ACQUIRE) && stop_guard(false) == -EBUSY) {
		refused++;
#ifdef __SANITIZE_ADDRESS__
		/* child_start() forks only while all other threads sleep. */
		usleep(1000);
#endif
	}
	return (void *)refused;
}

static int open_and_end(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(),
		     .life = KREG_LIFE_GUARD);
	struct kreg *k;

	(void)data;
	link_say(link, kreg_open(&k, "other", &options));
	return 0;
}

START_TEST(a_refused_stop_ends_no_life_and_expels_no_process)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(),
		     .life = KREG_LIFE_GUARD);
	struct kreg *k, *other;
	bool is_over = false;
	pthread_t thread;
	void *refused;
	int i;

	start_guard(0);
	ck_assert_int_eq(kreg_open(&k, "stop", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, try_to_stop, &is_over), 0);
	/* To open another registry is to ask the guard once more. */
	for (i = 0; i < 300; i++) {
		ck_assert_int_eq(kreg_open(&other, "other", &options), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 0);
		kreg_close(other);
	}
	for (i = 0; i < 50; i++) {
		struct child child = child_start(open_and_end, NULL);

		ck_assert_int_eq(link_hear(child.link), 0);
		child_end(&child);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	pthread_join(thread, &refused);
	printf("# a stop was refused %d times\n", (int)(intptr_t)refused);
	fflush(stdout);
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(all_seats_can_be_taken_and_are_all_released)
{
	struct child children[SEATS], one;
	int i, round;

	start_guard(0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SEATS; i++) {
			children[i] = child_start(open_and_say, NULL);
			ck_assert_int_eq(link_hear(children[i].link), 0);
		}
		one = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(one.link), -EUSERS);
		/* Any one that comes back is found. */
		child_kill(&children[round * 3]);
		link_say(one.link, 0);
		child_end(&one);
		children[round * 3] = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(children[round * 3].link), 0);
		for (i = 0; i < SEATS; i++)
			child_kill(&children[i]);
		ck_assert_uint_eq(status().seats_used, 0);
	}
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static int open_on_request(int link, void *data)
{
	struct kreg *k;

	(void)data;
	do
		link_say(link, try_open(&k));
	while (link_hear(link) != INT64_MIN);
	return 0;
}

/* All seats are taken; @count processes are refused twice, then one seat is returned. */
static void refuse_and_take(uint32_t faults, int count, uint32_t leftovers)
{
	struct child holders[SEATS], refused[2 * SEATS];
	uint32_t removed;
	int i;

	start_guard(faults);
	for (i = 0; i < SEATS; i++) {
		holders[i] = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(holders[i].link), 0);
	}
	for (i = 0; i < count; i++) {
		refused[i] = child_start(open_on_request, NULL);
		ck_assert_int_eq(link_hear(refused[i].link), -EUSERS);
		ck_assert_int_eq(child_ask(&refused[i], 1), -EUSERS);
	}
	child_kill(&holders[0]);
	ck_assert_int_eq(child_ask(&refused[0], 1), 0);
	for (i = 1; i < SEATS; i++)
		child_kill(&holders[i]);
	for (i = 0; i < count; i++)
		child_kill(&refused[i]);
	ck_assert_uint_eq(counted(), leftovers);
	ck_assert_int_eq(audit(&removed), 0);
	ck_assert_uint_eq(removed, leftovers);
	ck_assert_uint_eq(counted(), 0);
	ck_assert_uint_eq(status().seats_used, 0);
	ck_assert_uint_eq(status().refused, (uint64_t)(2 * count));
	ck_assert_int_eq(stop_guard(false), 0);
}

START_TEST(a_refused_process_takes_no_place_and_later_gets_a_seat_that_is_released)
{
	refuse_and_take(0, 2 * SEATS, 0);
	/* The same if the kernel refuses to delete its entry. */
	refuse_and_take(LIFE_FAULT_DELETE, 2, SEATS + 2);
}
END_TEST

/* Holds a lock, and becomes next_program(). */
static int lock_and_exec(int link, void *data)
{
	struct kreg_lock lock;
	struct kreg *k;
	char fd[16];

	(void)data;
	if (try_open(&k) || kreg_register(k, "name", KREG_STRING, "x", 1, NULL) ||
	    kreg_lock(k, "lock", KREG_STRING, 0, &lock))
		return 1;
	fcntl(link, F_SETFD, 0);
	snprintf(fd, sizeof(fd), "%d", link);
	execl(PROGRAM, PROGRAM, "next", fd, second_guard(), tmp_directory(), (char *)NULL);
	return 1;
}

/* Says whether it gets the lock. */
static int next_program(int link, const char *guard, const char *directory)
{
	struct kreg_lock lock;
	struct kreg *k;
	int err = open_in(&k, guard, directory);

	link_say(link, err ? err : kreg_lock(k, "lock", KREG_STRING, 0, &lock));
	link_hear(link);
	return 0;
}

START_TEST(an_exec_is_counted_once_whichever_guard_programs_see_it)
{
	static const uint32_t skipped[] = { 0,
					    LIFE_FAULT_EXEC,
					    LIFE_FAULT_EXEC_AGAIN,
					    LIFE_FAULT_FUNCTIONS,
					    LIFE_FAULT_EXEC | LIFE_FAULT_FUNCTIONS,
					    LIFE_FAULT_EXEC | LIFE_FAULT_EXEC_AGAIN };
	struct child child;
	struct kreg *k;
	size_t i;

	for (i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		start_guard(skipped[i]);
		k = open_registry();
		child = child_start(lock_and_exec, NULL);
		ck_assert_int_eq(link_hear(child.link), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		ck_assert_uint_eq(status().execs, 1);
		child_kill(&child);
		ck_assert_int_eq(kreg_count(k), 0);
		kreg_close(k);
		ck_assert_int_eq(stop_guard(true), 0);
	}
}
END_TEST

/* ---- the guard is stopped while others wait */

/* Only a waiter that does not return waits this long. */
#define PATIENCE_MS 20000

static int await_missing(struct kreg *k)
{
	return kreg_await(k, "nobody", KREG_STRING, PATIENCE_MS, NULL);
}

static int await_gone(struct kreg *k)
{
	return kreg_await_gone(k, "name", KREG_STRING, NULL, PATIENCE_MS);
}

static int await_turn(struct kreg *k)
{
	int err = kreg_register_with(k, "name", KREG_STRING, "x", 1, KREG_REGISTER_QUEUE, NULL);

	return err == KREG_WAITING ? kreg_await_turn(k, "name", KREG_STRING, PATIENCE_MS) : err;
}

static int await_lock(struct kreg *k)
{
	struct kreg_lock lock;

	return kreg_lock(k, "lock", KREG_STRING, PATIENCE_MS, &lock);
}

static int await_event(struct kreg *k)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct pollfd at = { .events = POLLIN };
	int got = kreg_listen(&listener, k, NULL, 0);

	while (!got) {
		at.fd = kreg_listener_fd(listener);
		poll(&at, 1, PATIENCE_MS);
		do
			got = kreg_listener_next(listener, &event);
		while (got == 1);
	}
	return got;
}

static int (*const waits[])(struct kreg *k) = { await_missing, await_gone, await_turn, await_lock,
						await_event };

static int wait_to_be_sent_away(int link, void *data)
{
	int (*const *wait)(struct kreg *) = data;
	struct kreg *k;

	link_say(link, try_open(&k));
	link_say(link, (*wait)(k));
	link_hear(link);
	return 0;
}

START_TEST(a_waiter_returns_when_the_guard_is_stopped_by_force)
{
	enum { WAITS = sizeof(waits) / sizeof(waits[0]) };
	struct child waiters[WAITS];
	struct kreg_lock lock;
	struct kreg *k;
	int64_t before;
	int i;

	start_guard(0);
	k = open_registry();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	for (i = 0; i < WAITS; i++) {
		waiters[i] = child_start(wait_to_be_sent_away, (void *)(uintptr_t)&waits[i]);
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
		child_await_sleep(&waiters[i]);
	}
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	before = clock_ms();
	ck_assert_int_eq(stop_guard(true), 0);
	for (i = 0; i < WAITS; i++) {
		ck_assert_int_eq(link_hear(waiters[i].link), -EOWNERDEAD);
		printf("# waiter %d: sent away %lld ms after the stop\n", i,
		       (long long)(clock_ms() - before));
		ck_assert_int_lt(clock_ms() - before, PATIENCE_MS / 2);
		child_kill(&waiters[i]);
	}
	fflush(stdout);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const guard[] = {
		a_life_ends_although_the_process_cannot_be_removed_from_the_owners,
		a_process_is_refused_until_the_audit_when_the_owners_map_is_full,
		a_process_that_cannot_be_entered_at_once_leaves_no_seat_taken,
		a_process_that_finds_no_memory_among_the_owners_is_refused_at_once,
		threads_that_attach_at_once_get_one_seat,
		a_life_whose_end_the_kernel_skipped_in_one_program_is_ended_by_the_other,
		a_life_whose_end_the_kernel_skipped_is_ended_by_the_audit,
		missed_lives_do_not_prevent_a_stop_of_the_guard,
		a_refused_stop_ends_no_life_and_expels_no_process,
		all_seats_can_be_taken_and_are_all_released,
		a_refused_process_takes_no_place_and_later_gets_a_seat_that_is_released,
		an_exec_is_counted_once_whichever_guard_programs_see_it,
		a_waiter_returns_when_the_guard_is_stopped_by_force,
		NULL,
	};

	if (argc == 5 && !strcmp(argv[1], "next"))
		return next_program(atoi(argv[2]), argv[3], argv[4]);
	return modes_run(suite_create("guard"), NULL, NULL, tcase_create("guard"), guard);
}
