/* SPDX-License-Identifier: MIT */
/*
 * A name that moves from owner to owner and is never free is found by every lookup, by
 * every call that looks up, whichever way it moves.
 *
 * KREG_ROUNDS=10000 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define READERS 2
#define ROUNDS ((int)(unit_many("KREG_ROUNDS", 1000) / unit_slowness()))
#define KILLS (ROUNDS / 12 + 1)
/* Of readers with the lowest priority; no test ends before. */
#define LOOKS (10L * ROUNDS)

/* The first name takes the short way of a lookup; the second is too long for it. */
static const char *const names[] = { "short", "a name of more than thirty-two bytes" };
#define NAMES 2

/* What the readers have seen, in shared memory. */
struct seen {
	_Atomic long looks;
	_Atomic long missed;
	_Atomic long failed;
	_Atomic int error;
	_Atomic int over;
};

struct setting {
	int mode;
	char name[32];
	struct kreg_options options;
	struct seen *seen;
	/*
	 * An owner interrupts readers in the middle of a look, and does not wait until they
	 * have used up their time: so there are many hand-overs for few seconds of CPU.
	 */
	bool readers_yield;
};

static struct kreg *open_names(const struct setting *setting)
{
	return mode_open_as(setting->mode, setting->name, &setting->options);
}

static void count(struct seen *seen, int64_t got)
{
	seen->looks++;
	if (got == -ENOENT || got == -ETIMEDOUT) {
		seen->missed++;
	} else if (got < 0) {
		seen->failed++;
		seen->error = (int)got;
	}
}

static void look_for_all(struct kreg *k, struct seen *seen)
{
	struct kreg_key keys[NAMES];
	struct kreg_found found[NAMES];
	struct kreg_owner owner;
	const void *value;
	int i;

	memset(found, 0, sizeof(found));
	for (i = 0; i < NAMES; i++) {
		keys[i] = (struct kreg_key){ .key = names[i], .key_size = KREG_STRING };
		count(seen, kreg_lookup(k, names[i], KREG_STRING, NULL, 0, &owner));
		if (kreg_read_enter(k))
			continue;
		count(seen, kreg_read(k, names[i], KREG_STRING, &value, &owner));
		kreg_read_leave(k);
		count(seen, kreg_await(k, names[i], KREG_STRING, 0, NULL));
	}
	count(seen, kreg_lookup_many(k, keys, NAMES, found));
	for (i = 0; i < NAMES; i++)
		count(seen, found[i].size);
}

static int reader(int link, void *data)
{
	const struct setting *setting = data;
	struct kreg *k = open_names(setting);

	if (setting->readers_yield && nice(19) < 0)
		return 1;
	link_say(link, 0);
	while (!setting->seen->over)
		look_for_all(k, setting->seen);
	kreg_close(k);
	return 0;
}

enum order { TOKEN, REGISTER, REPLACE, QUEUE, UNREGISTER, ORDERS };

static int obey(struct kreg *k, const char *name, enum order order)
{
	switch (order) {
	case REGISTER:
		return kreg_register(k, name, KREG_STRING, "x", 1, NULL);
	case REPLACE:
		return kreg_register_with(k, name, KREG_STRING, "x", 1,
					  KREG_REGISTER_REPLACEABLE | KREG_REGISTER_REPLACE, NULL);
	case QUEUE:
		return kreg_register_with(k, name, KREG_STRING, "x", 1, KREG_REGISTER_QUEUE,
					  NULL) == KREG_WAITING
			       ? 0
			       : -EEXIST;
	case UNREGISTER:
		return kreg_unregister(k, name, KREG_STRING) == 1 ? 0 : -ENOENT;
	default:
		return -EINVAL;
	}
}

/* Obeys orders for both names; a gift goes to the owner whose token follows the order. */
static int owner(int link, void *data)
{
	struct kreg *k = open_names(data);
	struct kreg_owner self, to = { 0 };
	int64_t order;
	int i, err;

	link_say(link, kreg_self(k, &self));
	while ((order = link_hear(link)) != INT64_MIN) {
		if (order == TOKEN) {
			link_say(link, (int64_t)self.token);
			continue;
		}
		to.token = (uint64_t)order;
		for (i = 0, err = 0; i < NAMES && !err; i++)
			err = order >= ORDERS ? kreg_give(k, names[i], KREG_STRING, &to)
					      : obey(k, names[i], (enum order)order);
		link_say(link, err);
	}
	return 0;
}

static void begin(struct setting *setting, int mode, uint32_t keys, uint32_t partitions)
{
	*setting = (struct setting){ .mode = mode, .readers_yield = true };
	setting->options = (struct kreg_options){ .size = sizeof(setting->options),
						  .keys = keys,
						  .partitions = partitions };
	setting->seen = child_shared(sizeof(*setting->seen));
	snprintf(setting->name, sizeof(setting->name), "handover-%u-%u", keys, partitions);
}

static void start_readers(struct setting *setting, struct child *readers)
{
	int i;

	for (i = 0; i < READERS; i++)
		readers[i] = child_start_ready(reader, setting);
}

static void end(struct setting *setting, struct child *readers, int rounds)
{
	struct seen *seen = setting->seen;
	int i;

	seen->over = 1;
	for (i = 0; i < READERS; i++)
		ck_assert_int_eq(child_end(&readers[i]), 0);
	printf("# %d hand-overs, %ld looks, %ld missed, %ld failed (%d)\n", rounds, seen->looks,
	       seen->missed, seen->failed, seen->error);
	fflush(stdout);
	ck_assert_int_gt(seen->looks, 0);
	ck_assert_int_eq(seen->missed, 0);
	ck_assert_int_eq(seen->failed, 0);
	munmap(seen, sizeof(*seen));
}

/* Two owners in turn: the next one does @first and @then before the old one unregisters. */
static void from_hand_to_hand(int mode, uint32_t keys, uint32_t partitions, enum order first,
			      enum order then)
{
	struct child readers[READERS], owners[2];
	struct setting setting;
	int round;

	begin(&setting, mode, keys, partitions);
	owners[0] = child_start_ready(owner, &setting);
	owners[1] = child_start_ready(owner, &setting);
	ck_assert_int_eq(child_ask(&owners[0], first), 0);
	start_readers(&setting, readers);
	for (round = 1; round <= ROUNDS || setting.seen->looks < LOOKS; round++) {
		ck_assert_int_eq(child_ask(&owners[round % 2], then), 0);
		ck_assert_int_eq(child_ask(&owners[(round + 1) % 2], UNREGISTER), 0);
	}
	end(&setting, readers, round);
	child_kill(&owners[0]);
	child_kill(&owners[1]);
}

/* Each owner is killed when the next one has done @then. */
static void from_the_dead(int mode, enum order then)
{
	struct child readers[READERS], old, next;
	struct setting setting;
	int round;

	begin(&setting, mode, KREG_KEYS_UNIQUE, 1);
	setting.readers_yield = false;
	old = child_start_ready(owner, &setting);
	ck_assert_int_eq(child_ask(&old, REPLACE), 0);
	start_readers(&setting, readers);
	for (round = 0; round < KILLS; round++) {
		next = child_start_ready(owner, &setting);
		ck_assert_int_eq(child_ask(&next, then), 0);
		child_kill(&old);
		old = next;
	}
	end(&setting, readers, KILLS);
	child_kill(&old);
}

START_TEST(a_name_taken_over_from_an_owner_that_unregisters_is_always_found)
{
	from_hand_to_hand(_i, KREG_KEYS_UNIQUE, 1, REPLACE, REPLACE);
}
END_TEST

START_TEST(a_name_taken_over_from_an_owner_that_is_killed_is_always_found)
{
	from_the_dead(_i, REPLACE);
}
END_TEST

START_TEST(a_name_whose_holder_unregisters_before_a_line_is_always_found)
{
	from_hand_to_hand(_i, KREG_KEYS_UNIQUE, 1, REGISTER, QUEUE);
}
END_TEST

START_TEST(a_name_whose_holder_is_killed_before_a_line_is_always_found)
{
	from_the_dead(_i, QUEUE);
}
END_TEST

START_TEST(a_name_given_back_and_forth_is_always_found)
{
	struct child readers[READERS], owners[2];
	struct setting setting;
	int64_t tokens[2];
	int i, round;

	begin(&setting, _i, KREG_KEYS_UNIQUE, 1);
	for (i = 0; i < 2; i++) {
		owners[i] = child_start_ready(owner, &setting);
		tokens[i] = child_ask(&owners[i], TOKEN);
	}
	ck_assert_int_eq(child_ask(&owners[0], REGISTER), 0);
	start_readers(&setting, readers);
	for (round = 0; round < ROUNDS || setting.seen->looks < LOOKS; round++)
		ck_assert_int_eq(child_ask(&owners[round % 2], tokens[(round + 1) % 2]), 0);
	end(&setting, readers, round);
	child_kill(&owners[0]);
	child_kill(&owners[1]);
}
END_TEST

START_TEST(a_duplicate_key_that_always_has_an_entry_is_always_found)
{
	from_hand_to_hand(_i, KREG_KEYS_DUPLICATE_BY_KEY, 1, REGISTER, REGISTER);
}
END_TEST

START_TEST(a_duplicate_key_is_always_found_across_partitions)
{
	from_hand_to_hand(_i, KREG_KEYS_DUPLICATE, 4, REGISTER, REGISTER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_name_taken_over_from_an_owner_that_unregisters_is_always_found,
		a_name_taken_over_from_an_owner_that_is_killed_is_always_found,
		a_name_whose_holder_unregisters_before_a_line_is_always_found,
		a_name_whose_holder_is_killed_before_a_line_is_always_found,
		a_name_given_back_and_forth_is_always_found,
		a_duplicate_key_that_always_has_an_entry_is_always_found,
		a_duplicate_key_is_always_found_across_partitions,
		NULL,
	};

	return modes_run(suite_create("handover"), tcase_create("handover"), tests, NULL, NULL);
}
