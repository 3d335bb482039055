/* SPDX-License-Identifier: MIT */
/*
 * A hundred writers that register and unregister, and are killed one after the other: for a listener each registration
 * has one end.
 *
 * KREG_REGISTRATIONS=100000 is the long run.
 */
#include <check.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static struct kreg *k;
static struct kreg_listener *listener;
static int mode;

static void open_listener(int in)
{
	mode = in;
	k = mode_open(in, "listen");
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
}

static void close_listener(void)
{
	kreg_listener_close(listener);
	kreg_close(k);
}

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
	open_listener(_i);
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
	event_none(listener);
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
		every_registration_of_a_hundred_killed_writers_has_one_end,
		NULL,
	};

	return modes_run(suite_create("listen_many"), tcase_create("both"), both, NULL, NULL);
}
