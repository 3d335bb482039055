/* SPDX-License-Identifier: MIT */
#include "tests/exec/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"

int exec_mode = MODE_GUARD;
bool exec_is_blind;
struct kreg *call_registry;
struct kreg_owner call_receiver;

static const char *const keys[] = { "name",  "new",   "reserved", "line",  "given",
				    "taken", "count", "many0",    "many1", "many2" };

static struct kreg_lock held;
static int own_link;

static void become_next(int link, const char *guard, const char *directory)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", link);
	execl(PROGRAM, PROGRAM, "next", fd, guard, directory, (char *)NULL);
	_exit(9);
}

void exec_become_next(int signal)
{
	(void)signal;
	become_next(own_link, mode_guard(exec_mode), tmp_directory());
}

/* After open(): the handler may come from now on. */
void exec_expect(int link)
{
	struct sigaction action = { .sa_handler = exec_become_next };

	own_link = link;
	fcntl(link, F_SETFD, 0);
	sigaction(SIGUSR1, &action, NULL);
}

int64_t call_give_up(struct kreg *next)
{
	size_t i;
	int got;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		do {
			got = kreg_unregister(next, keys[i], KREG_STRING);
		} while (got > 0);
		if (got < 0)
			return got;
	}
	return 0;
}

static int64_t lock_and_unlock(struct kreg *next)
{
	struct kreg_lock lock;
	int err = kreg_lock(next, "lock", KREG_STRING, HANG_MS, &lock);

	return err ? err : kreg_unlock(next, &lock);
}

int exec_next(int link, const char *guard, const char *directory)
{
	KREG_OPTIONS(options, .directory = directory, .guard = guard);
	struct kreg *next = NULL, *first = NULL;
	int64_t order, got = 0;

	link_say(link, EXEC_RUNS);
	while ((order = link_hear(link)) != INT64_MIN) {
		switch (order) {
		case EXEC_OPEN:
		case EXEC_OPEN_BLIND:
			first = next;
			exec_is_blind = order == EXEC_OPEN_BLIND;
			got = kreg_open(&next, "exec", &options);
			exec_is_blind = false;
			break;
		case EXEC_CLOSE:
			kreg_close(next);
			next = first;
			first = NULL;
			got = 0;
			break;
		case EXEC_REGISTER:
			got = kreg_register(next, "many0", KREG_STRING, "x", 1, NULL);
			break;
		case EXEC_AGAIN:
			become_next(link, guard, directory);
			break;
		case EXEC_GIVE_UP:
			got = call_give_up(next);
			break;
		default:
			got = lock_and_unlock(next);
		}
		link_say(link, got);
	}
	return 0;
}

static void register_one(void)
{
	kreg_register(call_registry, "new", KREG_STRING, "x", 1, NULL);
}

static void unregister_one(void)
{
	kreg_unregister(call_registry, "name", KREG_STRING);
}

static void update_one(void)
{
	kreg_update(call_registry, "name", KREG_STRING, "another value", 13, NULL, 0);
}

static void reserve_one(void)
{
	kreg_register_with(call_registry, "reserved", KREG_STRING, "x", 1, KREG_REGISTER_RESERVED,
			   NULL);
}

static void publish_one(void)
{
	kreg_publish(call_registry, "reserved", KREG_STRING, "y", 1);
}

static void wait_in_line(void)
{
	kreg_register_with(call_registry, "line", KREG_STRING, "x", 1, KREG_REGISTER_QUEUE, NULL);
}

static void replace_other(void)
{
	kreg_register_with(call_registry, "taken", KREG_STRING, "x", 1, KREG_REGISTER_REPLACE,
			   NULL);
}

static void give_one(void)
{
	kreg_give(call_registry, "name", KREG_STRING, &call_receiver);
}

static void count_up(void)
{
	kreg_counter_add(call_registry, "count", KREG_STRING, 1, NULL);
}

static void register_some(void)
{
	const struct kreg_item items[] = {
		{ "many0", KREG_STRING, "x", 1 },
		{ "many1", KREG_STRING, "x", 1 },
		{ "many2", KREG_STRING, "x", 1 },
	};

	kreg_register_many(call_registry, items, 3, NULL);
}

static void take_lock(void)
{
	kreg_lock(call_registry, "lock", KREG_STRING, HANG_MS, &held);
}

static void release_lock(void)
{
	kreg_unlock(call_registry, &held);
}

static void put_meta(void)
{
	kreg_meta_put(call_registry, "meta", KREG_STRING, "x", 1);
}

static void sweep(void)
{
	kreg_sweep(call_registry);
}

static void close_all(void)
{
	kreg_close(call_registry);
}

static void start_one(void)
{
	KREG_START(how, .argv = (const char *const[]){ PROGRAM, "sleep", NULL });
	struct kreg_started started = { .size = sizeof(started) };

	kreg_start(call_registry, "started", KREG_STRING, &how, &started);
}

const struct call calls[] = {
	{ "register", NULL, register_one, 5, 0, false },
	{ "unregister", NULL, unregister_one, 5, 0, false },
	{ "update", NULL, update_one, 5, 0, false },
	{ "reserve", NULL, reserve_one, 5, 0, false },
	{ "publish", reserve_one, publish_one, 5, 0, false },
	{ "queue", NULL, wait_in_line, 5, 0, false },
	{ "replace", NULL, replace_other, 5, 0, false },
	{ "give", NULL, give_one, 5, 0, false },
	{ "counter", NULL, count_up, 5, 0, false },
	{ "register_many", NULL, register_some, 2, 0, false },
	{ "lock", NULL, take_lock, 5, 0, false },
	{ "unlock", take_lock, release_lock, 5, 0, false },
	{ "meta", NULL, put_meta, 5, 0, false },
	{ "sweep", NULL, sweep, 5, 0, false },
	{ "close", take_lock, close_all, 2, 0, false },
	{ "start", NULL, start_one, 2, 8, true },
};
const size_t calls_count = sizeof(calls) / sizeof(calls[0]);

void call_hold_all(void)
{
	take_lock();
	reserve_one();
	wait_in_line();
}
