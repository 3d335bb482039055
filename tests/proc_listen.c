/* SPDX-License-Identifier: MIT */
/*
 * Listening: every beginning has one end, in order for each key, although processes are
 * killed; and missed events are reported as missed.
 *
 * KREG_REGISTRATIONS=100000 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "base/clock.h"
#include "shm/bell.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define WRITERS 100
#define REGISTRATIONS 30000u
#define KEYS 10000
/*
 * A writer asks for permission after each stretch of this many events, and begins with
 * two stretches: its log has room for all events that were not fetched, and none is
 * missed.
 */
#define STRETCH 200
#define PATIENCE_MS 60000

static struct kreg *k;
static struct kreg_listener *listener;
static int mode;

/* When the sleeper was last woken by a ring, and the least time until it asked for the next. */
static uint64_t rung_at, nearest;

int __real_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline);
int __wrap_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline);
uint32_t __real_bell_listen(uint32_t *bell);
uint32_t __wrap_bell_listen(uint32_t *bell);

int __wrap_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline)
{
	int err = __real_bell_wait(bell, seen, other, other_seen, deadline);

	/* relaxed: only the sleeper calls this in the process of the test */
	store_relaxed(&rung_at, err ? 0 : clock_now());
	return err;
}

uint32_t __wrap_bell_listen(uint32_t *bell)
{
	uint64_t rung = load_relaxed(&rung_at); /* relaxed: as above */
	uint64_t since = rung ? clock_now() - rung : UINT64_MAX;

	if (since < load_relaxed(&nearest))     /* relaxed: as above */
		store_relaxed(&nearest, since); /* relaxed: as above */
	return __real_bell_listen(bell);
}

static void open_listener(int in, const struct kreg_pattern *pattern, uint32_t flags)
{
	mode = in;
	k = mode_open(in, "listen");
	ck_assert_int_eq(kreg_listen(&listener, k, pattern, flags), 0);
}

static void close_listener(void)
{
	kreg_listener_close(listener);
	kreg_close(k);
}

static void assert_event(uint32_t type, pid_t pid, const char *key, const char *value)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
	ck_assert_uint_eq(event.entry.key_size, strlen(key));
	ck_assert_mem_eq(event.entry.key, key, strlen(key));
	ck_assert_uint_eq(event.entry.value_size, strlen(value));
	ck_assert_mem_eq(event.entry.value, value, strlen(value));
}

/*
 * No event is left, and the fd says so, perhaps after one more ring for events already
 * fetched.
 */
static void assert_silence(void)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;

	do {
		ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	} while (poll(&at, 1, 0));
}

/* More than a log has room for. Ends with a thousand names registered. */
#define MANY_EVENTS 21000

/* Obeys orders about "name". */
enum order { REGISTER, RESERVE, QUEUE, ALLOW, REPLACE, PUBLISH, UPDATE, UNREGISTER, CLOSE, MANY };

static int obey_once(struct kreg *own, int64_t order)
{
	int i, err = 0;

	switch (order) {
	case PUBLISH:
		return kreg_publish(own, "name", KREG_STRING, "b", 1);
	case UPDATE:
		return (int)kreg_update(own, "name", KREG_STRING, "c", 1, NULL, 0);
	case UNREGISTER:
		return kreg_unregister(own, "name", KREG_STRING);
	case CLOSE:
		kreg_close(own);
		return 0;
	case MANY:
		for (i = 0; i < MANY_EVENTS && !err; i++) {
			char key[16];

			snprintf(key, sizeof(key), "many-%d", i % 1000);
			err = i / 1000 % 2 ? kreg_unregister(own, key, KREG_STRING) - 1
					   : kreg_register(own, key, KREG_STRING, key, strlen(key),
							   NULL);
		}
		return err;
	default: {
		static const uint32_t flags[] = { 0, KREG_REGISTER_RESERVED, KREG_REGISTER_QUEUE,
						  KREG_REGISTER_REPLACEABLE,
						  KREG_REGISTER_REPLACE };

		return kreg_register_with(own, "name", KREG_STRING, "a", 1, flags[order], NULL);
	}
	}
}

static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "listen");
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, obey_once(own, order));
	return 0;
}

static struct child start_obedient(void)
{
	return child_start_ready(obey, NULL);
}

static void tell(struct child *child, enum order order, int64_t result)
{
	ck_assert_int_eq(child_ask(child, order), result);
}

START_TEST(every_event_of_a_name_is_reported_including_its_owners_death)
{
	struct child child;

	open_listener(_i, NULL, 0);
	assert_silence();
	child = start_obedient();
	tell(&child, REGISTER, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	tell(&child, UPDATE, 1);
	assert_event(KREG_EVENT_UPDATE, child.pid, "name", "c");
	tell(&child, UNREGISTER, 1);
	assert_event(KREG_EVENT_UNREGISTER, child.pid, "name", "c");
	assert_silence();
	tell(&child, REGISTER, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	assert_silence();
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "a");
	assert_silence();
	/* A close is not a death, although in the fallback it ends a life. */
	child = start_obedient();
	tell(&child, REGISTER, 0);
	tell(&child, CLOSE, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	assert_event(KREG_EVENT_UNREGISTER, child.pid, "name", "a");
	assert_silence();
	child_kill(&child);
	assert_silence();
	close_listener();
}
END_TEST

START_TEST(a_reserved_name_is_reported_when_published)
{
	struct child child;

	open_listener(_i, NULL, 0);
	child = start_obedient();
	tell(&child, RESERVE, 0);
	assert_silence();
	tell(&child, UNREGISTER, 1);
	assert_silence();
	tell(&child, RESERVE, 0);
	tell(&child, PUBLISH, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "b");
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "b");
	close_listener();
}
END_TEST

START_TEST(a_waiter_in_line_is_reported_when_it_holds_the_name)
{
	struct child holder, next, third;

	open_listener(_i, NULL, 0);
	holder = start_obedient();
	next = start_obedient();
	third = start_obedient();
	tell(&holder, ALLOW, 0);
	tell(&next, QUEUE, KREG_WAITING);
	assert_event(KREG_EVENT_REGISTER, holder.pid, "name", "a");
	assert_silence();
	tell(&third, REPLACE, 0);
	assert_event(KREG_EVENT_TAKEN, third.pid, "name", "a");
	child_kill(&third);
	assert_event(KREG_EVENT_PURGE, third.pid, "name", "a");
	assert_event(KREG_EVENT_REGISTER, holder.pid, "name", "a");
	tell(&holder, UNREGISTER, 1);
	assert_event(KREG_EVENT_UNREGISTER, holder.pid, "name", "a");
	assert_event(KREG_EVENT_REGISTER, next.pid, "name", "a");
	child_kill(&next);
	assert_event(KREG_EVENT_PURGE, next.pid, "name", "a");
	assert_silence();
	child_kill(&holder);
	close_listener();
}
END_TEST

START_TEST(existing_entries_are_reported_on_request)
{
	KREG_PATTERN(names, .glob = "na*");
	KREG_PATTERN(by_value, .value = "a", .value_size = 1);
	struct kreg_event event;
	struct child child;

	mode = _i;
	k = mode_open(mode, "listen");
	child = start_obedient();
	tell(&child, REGISTER, 0);
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, &by_value, 0), -EINVAL);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 1 << 9), -EINVAL);
	ck_assert_int_eq(kreg_listen(&listener, k, &names, KREG_LISTEN_KNOWN), 0);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_REGISTER);
	ck_assert_uint_ne(event.known, 0);
	ck_assert_mem_eq(event.entry.key, "name", 4);
	ck_assert_int_eq(kreg_unregister(k, "other", KREG_STRING), 1);
	assert_silence();
	kreg_listener_close(listener);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	assert_silence();
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "a");
	close_listener();
}
END_TEST

/* Derives from the events which of "many-*" are registered. */
static void count_event(const struct kreg_event *event, bool *there, uint64_t *lost)
{
	char key[16];
	int i;

	if (event->type == KREG_EVENT_OVERRUN) {
		unit_assert(event->lost);
		*lost += event->lost;
		return;
	}
	snprintf(key, sizeof(key), "%.*s", (int)event->entry.key_size,
		 (const char *)event->entry.key);
	unit_assert(sscanf(key, "many-%d", &i) == 1);
	unit_assert(there[i] == (event->type != KREG_EVENT_REGISTER));
	there[i] = event->type == KREG_EVENT_REGISTER;
}

START_TEST(a_slow_listener_learns_how_many_events_it_missed_and_recovers)
{
	bool there[1000] = { false };
	uint64_t lost = 0;
	struct kreg_event event;
	struct child child;
	int i, got;

	open_listener(_i, NULL, 0);
	child = start_obedient();
	/* Registers and unregisters a thousand names, and ends with them registered. */
	tell(&child, MANY, 0);
	while ((got = kreg_listener_next(listener, &event)) == 1)
		count_event(&event, there, &lost);
	ck_assert_int_eq(got, 0);
	ck_assert_uint_gt(lost, MANY_EVENTS / 2);
	ck_assert_uint_le(lost, MANY_EVENTS);
	for (i = 0; i < 1000; i++)
		unit_assert(there[i]);
	child_kill(&child);
	for (i = 0; i < 1000; i++) {
		event = event_wait(listener);
		ck_assert_uint_eq(event.type, KREG_EVENT_PURGE);
		count_event(&event, there, &lost);
	}
	assert_silence();
	close_listener();
}
END_TEST

/* Just after it was woken the sleeper waits before it asks to be woken again. */
START_TEST(a_listener_is_closed_while_its_sleeper_waits)
{
	struct child child;
	int i;

	for (i = 0; i < 20; i++) {
		open_listener(_i, NULL, 0);
		assert_silence();
		child = start_obedient();
		tell(&child, REGISTER, 0);
		assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
		assert_silence();
		close_listener();
		child_kill(&child);
	}
}
END_TEST

/* However many events there are: each wake-up costs the writer a system call. */
START_TEST(a_listener_is_woken_some_thousand_times_a_second_at_most)
{
	struct pollfd at[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct kreg_event event;
	int updates;
	struct child child;

	open_listener(_i, NULL, 0);
	child = start_obedient();
	at[0].fd = kreg_listener_fd(listener);
	at[1].fd = child.link;
	assert_silence();
	store_relaxed(&nearest, UINT64_MAX); /* relaxed: as above */
	link_say(child.link, MANY);
	while (!at[1].revents) {
		ck_assert_int_gt(poll(at, 2, PATIENCE_MS), 0);
		while (kreg_listener_next(listener, &event) == 1)
			;
	}
	ck_assert_int_eq(link_hear(child.link), 0);
	/* And one after the other, each as soon as the one before was heard. */
	tell(&child, REGISTER, 0);
	while (kreg_listener_next(listener, &event) == 1)
		;
	for (updates = 0; updates < 200; updates++) {
		tell(&child, UPDATE, 1);
		event_wait(listener);
		assert_silence();
	}
	ck_assert_uint_ge(load_relaxed(&nearest), 250000); /* relaxed: as above */
	child_kill(&child);
	close_listener();
}
END_TEST

static int note_place(const struct kreg_entry *entry, void *place)
{
	*(uint64_t *)place = entry->reserved;
	return 0;
}

/* Waits for @key, and returns its place in the table. */
static uint64_t place_in_line(struct kreg *own, const char *key)
{
	KREG_PATTERN(mine, .key = key, .key_size = KREG_STRING);
	struct kreg_owner self;
	uint64_t place = 0;

	mine.owner = &self;
	if (kreg_register_with(own, key, KREG_STRING, "a", 1, KREG_REGISTER_QUEUE, NULL) !=
		    KREG_WAITING ||
	    kreg_self(own, &self) || kreg_select(own, &mine, note_place, &place))
		return 0;
	return place;
}

/*
 * Waits for "first" and, on request, for "later" at the same place; then makes more
 * events than its log has room for.
 */
static int wait_at_one_place(int link, void *data)
{
	static char bulk[60000];
	struct kreg *own = mode_open(mode, "listen");
	uint64_t place = place_in_line(own, "first");
	int i, err;

	(void)data;
	link_say(link, place ? 0 : -1);
	link_hear(link);
	err = kreg_unregister(own, "first", KREG_STRING) - 1;
	for (i = 0; i < 100000 && !err && place_in_line(own, "later") != place; i++)
		err = kreg_unregister(own, "later", KREG_STRING) - 1;
	if (i == 100000)
		err = -ENOSPC;
	for (i = 0; i < 4 && !err; i++) {
		err = kreg_register(own, "bulk", KREG_STRING, bulk, sizeof(bulk), NULL);
		if (!err)
			err = kreg_unregister(own, "bulk", KREG_STRING) - 1;
	}
	link_say(link, err);
	link_hear(link);
	return 0;
}

static int wait_for_later(int link, void *data)
{
	struct kreg *own = mode_open(mode, "listen");

	(void)data;
	link_say(link, place_in_line(own, "later") ? 0 : -1);
	link_hear(link);
	return 0;
}

/* The next event that is neither an overrun nor one of the events that caused it. */
static void assert_next_but_bulk(uint32_t type, pid_t pid, const char *key)
{
	struct kreg_event event;

	do
		event = event_wait(listener);
	while (event.type == KREG_EVENT_OVERRUN || !memcmp(event.entry.key, "bulk", 4));
	ck_assert_uint_eq(event.entry.key_size, strlen(key));
	ck_assert_mem_eq(event.entry.key, key, strlen(key));
	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
}

START_TEST(a_reused_place_is_reported_only_under_its_new_key)
{
	struct child waiter, next;

	open_listener(_i, NULL, 0);
	ck_assert_int_eq(kreg_register(k, "first", KREG_STRING, "h", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "later", KREG_STRING, "h", 1, NULL), 0);
	waiter = child_start_ready(wait_at_one_place, NULL);
	assert_event(KREG_EVENT_REGISTER, getpid(), "first", "h");
	assert_event(KREG_EVENT_REGISTER, getpid(), "later", "h");
	assert_silence();
	ck_assert_int_eq(child_ask(&waiter, 0), 0);
	next = child_start_ready(wait_for_later, NULL);
	/*
	 * This event arrives before the waiter's changes, which were missed and are
	 * looked up afterwards.
	 */
	ck_assert_int_eq(kreg_unregister(k, "later", KREG_STRING), 1);
	assert_next_but_bulk(KREG_EVENT_UNREGISTER, getpid(), "later");
	assert_next_but_bulk(KREG_EVENT_REGISTER, waiter.pid, "later");
	ck_assert_int_eq(kreg_unregister(k, "first", KREG_STRING), 1);
	assert_next_but_bulk(KREG_EVENT_UNREGISTER, getpid(), "first");
	child_kill(&waiter);
	assert_next_but_bulk(KREG_EVENT_PURGE, waiter.pid, "later");
	assert_next_but_bulk(KREG_EVENT_REGISTER, next.pid, "later");
	assert_silence();
	child_kill(&next);
	close_listener();
}
END_TEST

static int listen_and_stop(int link, void *data)
{
	(void)data;
	k = mode_open(mode, "listen");
	link_say(link, kreg_listen(&listener, k, NULL, 0));
	link_hear(link);
	return 0;
}

START_TEST(a_stopped_or_dead_listener_blocks_no_process)
{
	struct child slow;
	int i, round;

	mode = _i;
	k = mode_open(mode, "listen");
	slow = child_start(listen_and_stop, NULL);
	ck_assert_int_eq(link_hear(slow.link), 0);
	for (round = 0; round < 2; round++) {
		ck_assert(k->segment.header->listening & 1);
		if (!round)
			kill(slow.pid, SIGSTOP);
		else
			child_kill(&slow);
		for (i = 0; i < 20000; i++) {
			unit_assert(!kreg_register(k, "name", 4, NULL, 0, NULL));
			unit_assert(kreg_unregister(k, "name", 4) == 1);
		}
	}
	/* No listener is left, so no process writes logs any longer. */
	ck_assert(!(k->segment.header->listening & 1));
	kreg_close(k);
}
END_TEST

/* What a writer did and what the listener fetched of it, shared by both. */
struct ledger {
	volatile uint64_t registered; /* kreg_register() has returned 0 */
	volatile uint64_t fetched;    /* events */
};

struct writing {
	struct ledger *ledger;
	unsigned int seed;
};

/* The keys that this writer holds, in any order. */
static unsigned int held[KEYS];
static unsigned int held_count;

/* Takes a free name, or gives up one of its own. Whether it did. */
static bool change_one(struct kreg *own, struct ledger *ledger, unsigned int what)
{
	unsigned int *at = &held[held_count];
	char key[16];

	if (what % 8 >= 5 && !held_count)
		return false;
	if (what % 8 >= 5)
		at = &held[what / 8 % held_count];
	else
		*at = what / 8 % KEYS;
	snprintf(key, sizeof(key), "key-%u", *at);
	if (what % 8 < 5) {
		if (kreg_register(own, key, KREG_STRING, &what, 4, NULL))
			return false;
		ledger->registered++;
		held_count++;
		return true;
	}
	*at = held[--held_count];
	return kreg_unregister(own, key, KREG_STRING) == 1;
}

static int write_on(int link, void *data)
{
	struct writing *writing = data;
	struct kreg *own = mode_open(mode, "listen");
	uint64_t changes = 0;

	/* A hundred writers leave one listener little of two processors. */
	if (nice(19) < 0)
		return 1;
	link_say(link, 0);
	while (own) {
		if (!change_one(own, writing->ledger, (unsigned int)rand_r(&writing->seed)))
			continue;
		changes++;
		if (changes % STRETCH == 0 && changes >= 2 * STRETCH)
			link_hear(link);
	}
	return 0;
}

/*
 * The holder of each key according to the events, and the number of events of each
 * writer.
 */
struct story {
	pid_t holders[KEYS];
	uint64_t registers, ends, purges;
	struct child writers[WRITERS];
	uint64_t of_writer[WRITERS];
	struct ledger *ledgers;
};

static int writer_of(const struct story *story, pid_t pid)
{
	int i;

	for (i = 0; i < WRITERS; i++) {
		if (story->writers[i].pid == pid)
			return i;
	}
	ck_abort_msg("an event of pid %d, which is no writer", pid);
	return -1;
}

static void story_hear(struct story *story, const struct kreg_event *event)
{
	int writer = writer_of(story, event->entry.owner.pid);
	unsigned int key;
	char text[16];

	snprintf(text, sizeof(text), "%.*s", (int)event->entry.key_size,
		 (const char *)event->entry.key);
	unit_assert(sscanf(text, "key-%u", &key) == 1);
	unit_assert(key < KEYS);
	if (event->type == KREG_EVENT_REGISTER) {
		unit_assert(!story->holders[key]);
		story->holders[key] = event->entry.owner.pid;
		story->of_writer[writer]++;
		story->registers++;
	} else {
		unit_assert(event->type == KREG_EVENT_UNREGISTER ||
			    event->type == KREG_EVENT_PURGE);
		unit_assert(story->holders[key] == event->entry.owner.pid);
		story->holders[key] = 0;
		story->ends++;
		story->purges += event->type == KREG_EVENT_PURGE;
	}
	if (++story->ledgers[writer].fetched % STRETCH == 0 && story->writers[writer].link >= 0)
		link_say(story->writers[writer].link, 0);
}

START_TEST(every_registration_of_a_hundred_killed_writers_has_one_end)
{
	struct story *story = calloc(1, sizeof(*story));
	struct writing writing = { .seed = unit_seed() };
	uint64_t registrations = unit_many("KREG_REGISTRATIONS", REGISTRATIONS);
	unsigned int seed = writing.seed;
	int i, alive = WRITERS;

	printf("# KREG_SEED=%u\n", seed);
	story->ledgers = child_shared(WRITERS * sizeof(struct ledger));
	open_listener(_i, NULL, 0);
	for (i = 0; i < WRITERS; i++) {
		writing.ledger = &story->ledgers[i];
		writing.seed++;
		story->writers[i] = child_start(write_on, &writing);
		ck_assert_int_eq(link_hear(story->writers[i].link), 0);
	}
	while (alive || story->registers > story->ends) {
		struct kreg_event event = event_wait(listener);

		story_hear(story, &event);
		/* The last writer is killed when all registrations are made. */
		while (alive && story->registers >
					registrations / WRITERS * (uint64_t)(WRITERS - alive + 1)) {
			do
				i = rand_r(&seed) % WRITERS;
			while (story->writers[i].link < 0);
			child_kill(&story->writers[i]);
			story->writers[i].link = -1;
			alive--;
		}
	}
	assert_silence();
	printf("# %llu registrations, %llu ends, %llu of them by death\n",
	       (unsigned long long)story->registers, (unsigned long long)story->ends,
	       (unsigned long long)story->purges);
	ck_assert_uint_ge(story->registers, registrations);
	ck_assert_uint_eq(story->registers, story->ends);
	ck_assert_uint_gt(story->purges, 0);
	for (i = 0; i < WRITERS; i++) {
		/* One more may have been reported before the writer could note it. */
		ck_assert_uint_ge(story->of_writer[i], story->ledgers[i].registered);
		ck_assert_uint_le(story->of_writer[i], story->ledgers[i].registered + 1);
	}
	ck_assert_int_eq(kreg_count(k), 0);
	close_listener();
	fflush(stdout);
	free(story);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		every_event_of_a_name_is_reported_including_its_owners_death,
		a_reserved_name_is_reported_when_published,
		a_waiter_in_line_is_reported_when_it_holds_the_name,
		existing_entries_are_reported_on_request,
		a_slow_listener_learns_how_many_events_it_missed_and_recovers,
		a_listener_is_closed_while_its_sleeper_waits,
		a_listener_is_woken_some_thousand_times_a_second_at_most,
		a_reused_place_is_reported_only_under_its_new_key,
		a_stopped_or_dead_listener_blocks_no_process,
		every_registration_of_a_hundred_killed_writers_has_one_end,
		NULL,
	};

	return modes_run(suite_create("listen"), tcase_create("both"), both, NULL, NULL);
}
