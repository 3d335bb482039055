/* SPDX-License-Identifier: MIT */
/*
 * A name that a process registers, updates and unregisters for another one is whole and is found
 * all the time, whichever process is killed, and whatever others do to it meanwhile.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "shm/table.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"
#include "tests/support/whole.h"

#define KILLS 60
#define ROUNDS 3000
#define PROCESSES 4
#define NAMES 3
#define PARTITIONS 4

static struct kreg *k;
static int mode;
/* Duplicate keys in several partitions. */
static bool has_groups;

static struct kreg *open_it(void)
{
	KREG_OPTIONS(groups, .keys = KREG_KEYS_DUPLICATE, .partitions = PARTITIONS);

	return has_groups ? mode_open_as(mode, "behalf-race-groups", &groups)
			  : mode_open(mode, "behalf-race");
}

static void begin(int in)
{
	mode = in;
	k = open_it();
}

/* Registers, updates and unregisters for another until it is killed. */
static int help_on(int link, void *data)
{
	const struct kreg_owner *to = data;
	struct kreg *own = open_it();
	int i;

	link_say(link, 0);
	for (i = 0;; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i % NAMES);
		kreg_register_for(own, to, key, KREG_STRING, "first", 5, 0, NULL);
		kreg_update_for(own, to, key, KREG_STRING, "second", 6);
		kreg_unregister_for(own, to, key, KREG_STRING);
	}
	return 0;
}

static int check_value(const struct kreg_entry *entry, void *data)
{
	ck_assert_int_eq(entry->owner.pid, getpid());
	ck_assert((entry->value_size == 5 && !memcmp(entry->value, "first", 5)) ||
		  (entry->value_size == 6 && !memcmp(entry->value, "second", 6)));
	(*(int *)data)++;
	return 0;
}

START_TEST(killed_helpers_leave_whole_names_and_no_memory)
{
	struct kreg_owner self;
	uint64_t before;
	int kills;

	begin(_i);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	self = self_of(k);
	before = bytes_used(k);
	for (kills = 0; kills < KILLS; kills++) {
		struct child helper = child_start_ready(help_on, &self);
		int i, found;

		for (i = 0; i < 200 + kills * 7; i++) {
			found = 0;
			ck_assert_int_eq(kreg_each(k, NULL, 0, check_value, &found), 0);
		}
		child_kill(&helper);
		found = 0;
		ck_assert_int_eq(kreg_each(k, NULL, 0, check_value, &found), 0);
		ck_assert_int_eq(kreg_count(k), found);
		assert_whole(k);
	}
	kreg_unregister(k, "0", 1);
	kreg_unregister(k, "1", 1);
	kreg_unregister(k, "2", 1);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_uint_eq(bytes_used(k), before);
	kreg_close(k);
}
END_TEST

struct board {
	struct kreg_owner owners[PROCESSES];
	uint32_t failed;
};

/*
 * Does everything that there is to names of all the others, and to its own, and complains about
 * a result or a value that cannot be. In groups with partitions nothing is given.
 */
static int torture(int link, void *data)
{
	struct board *board = data;
	struct kreg *own = open_it();
	struct kreg_owner self = self_of(own);
	uint32_t seed = (uint32_t)getpid();
	int i, me;

	if (kreg_allow(own, KREG_ALLOW_OTHERS))
		return 1;
	link_say(link, (int64_t)self.token);
	me = (int)link_hear(link);
	for (i = 0; i < ROUNDS; i++) {
		struct kreg_owner *to = &board->owners[rand_r(&seed) % PROCESSES];
		uint64_t room[2] = { 0, 0 };
		char key[16];
		int64_t got = 0;
		int what = rand_r(&seed) % (has_groups ? 8 : 9);

		snprintf(key, sizeof(key), "n%d", rand_r(&seed) % NAMES);
		room[0] = room[1] = ((uint64_t)me << 32 | (uint32_t)i) + 1;
		if (what < 2)
			got = kreg_register_for(own, to, key, KREG_STRING, room, sizeof(room), 0,
						NULL);
		else if (what == 2)
			got = kreg_update_for(own, to, key, KREG_STRING, room, sizeof(room));
		else if (what == 3)
			got = kreg_unregister_for(own, to, key, KREG_STRING);
		else if (what == 4)
			got = kreg_register(own, key, KREG_STRING, room, sizeof(room), NULL);
		else if (what == 5)
			got = kreg_update(own, key, KREG_STRING, room, sizeof(room), NULL, 0);
		else if (what == 6)
			got = kreg_unregister(own, key, KREG_STRING);
		else if (what == 7) {
			got = kreg_lookup(own, key, KREG_STRING, room, sizeof(room), NULL);
			if (got >= 0 && (got != sizeof(room) || room[0] != room[1]))
				store_relaxed(&board->failed, 1u);
		} else
			got = kreg_give(own, key, KREG_STRING, to);
		if (got < 0 && got != -EEXIST && got != -ENOENT && got != -EPERM)
			store_relaxed(&board->failed, (uint32_t)-got);
	}
	link_say(link, 0);
	/* Its names are counted as long as it lives. */
	link_hear(link);
	return 0;
}

static void change_for_each_other(int in)
{
	struct board *board = child_shared(sizeof(*board));
	struct child children[PROCESSES];
	int64_t visited = 0;
	uint64_t before;
	int i;

	begin(in);
	before = bytes_used(k);
	for (i = 0; i < PROCESSES; i++) {
		children[i] = child_start(torture, board);
		board->owners[i].token = (uint64_t)link_hear(children[i].link);
	}
	for (i = 0; i < PROCESSES; i++)
		link_say(children[i].link, i);
	for (i = 0; i < PROCESSES; i++)
		ck_assert_int_eq(link_hear(children[i].link), 0);
	ck_assert_uint_eq(board->failed, 0);
	assert_whole(k);
	ck_assert_int_eq(kreg_each(k, NULL, 0, count_entry, &visited), 0);
	ck_assert_int_eq(kreg_count(k), visited);
	for (i = 0; i < PROCESSES; i++)
		child_kill(&children[i]);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_uint_eq(bytes_used(k), before);
	assert_whole(k);
	kreg_close(k);
}

START_TEST(processes_that_change_names_for_each_other_and_themselves_agree)
{
	change_for_each_other(_i);
}
END_TEST

START_TEST(processes_that_do_so_with_groups_in_several_partitions_agree)
{
	has_groups = true;
	change_for_each_other(_i);
}
END_TEST

/* Looks the name up, and says how often it was not there. */
static int look_on(int link, void *data)
{
	const uint32_t *stop = data;
	struct kreg *own = open_it();
	int64_t missed = 0;

	link_say(link, 0);
	while (!load_acquire(stop))
		missed += kreg_lookup(own, "name", KREG_STRING, NULL, 0, NULL) != 3;
	link_say(link, missed);
	return 0;
}

/* Updates its name, and says how often it failed. */
static int update_on(int link, void *data)
{
	const uint32_t *stop = data;
	struct kreg *own = open_it();
	struct kreg_owner self = self_of(own);
	int64_t failed = kreg_allow(own, KREG_ALLOW_OTHERS);

	link_say(link, (int64_t)self.token);
	link_hear(link);
	while (!load_acquire(stop))
		failed += kreg_update(own, "name", KREG_STRING, "own", 3, NULL, 0) != 3;
	link_say(link, failed);
	link_hear(link);
	return 0;
}

START_TEST(a_name_that_its_owner_and_another_update_is_found_all_the_time)
{
	uint32_t *stop = child_shared(sizeof(*stop));
	struct child updater, looker;
	struct kreg_owner to = { 0 };
	uint64_t before;
	int i;

	begin(_i);
	before = bytes_used(k);
	updater = child_start(update_on, stop);
	to.token = (uint64_t)link_hear(updater.link);
	ck_assert_int_eq(kreg_register_for(k, &to, "name", KREG_STRING, "one", 3, 0, NULL), 0);
	looker = child_start_ready(look_on, stop);
	link_say(updater.link, 0);
	for (i = 0; i < ROUNDS; i++)
		ck_assert_int_eq(kreg_update_for(k, &to, "name", KREG_STRING, "two", 3), 0);
	store_release(stop, 1u);
	ck_assert_int_eq(link_hear(looker.link), 0);
	ck_assert_int_eq(link_hear(updater.link), 0);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_unregister_for(k, &to, "name", KREG_STRING), 1);
	child_kill(&updater);
	child_kill(&looker);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_uint_eq(bytes_used(k), before);
	kreg_close(k);
}
END_TEST

/* What happens between a link in line and the look at who is ahead. */
static struct child *after_link, *at_look;

int __real_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out)
{
	int err = __real_table_link(w, q, place, rule, out);

	if (!err && after_link) {
		at_look = after_link;
		after_link = NULL;
	}
	return err;
}

int __real_table_find_first(const struct writer *w, const struct query *q, struct found *out);
int __wrap_table_find_first(const struct writer *w, const struct query *q, struct found *out);
int __wrap_table_find_first(const struct writer *w, const struct query *q, struct found *out)
{
	struct child *asked = at_look;

	at_look = NULL;
	if (asked)
		ck_assert_int_eq(child_ask(asked, 0), 1);
	return __real_table_find_first(w, q, out);
}

/* Holds "line"; then leaves it, and says how many entries it has unregistered for the parent. */
static int holder_that_ends_others(int link, void *data)
{
	struct kreg *own = open_it();

	unit_assert(!kreg_register(own, "line", KREG_STRING, "v", 1, NULL));
	link_say(link, 0);
	link_hear(link);
	unit_assert(kreg_unregister(own, "line", KREG_STRING) == 1);
	link_say(link, kreg_unregister_for(own, data, "line", KREG_STRING));
	link_hear(link);
	return 0;
}

START_TEST(an_entry_in_line_that_another_ends_at_once_is_no_end_of_the_life)
{
	struct kreg_owner self;
	struct child child;

	begin(_i);
	self = self_of(k);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	child = child_start(holder_that_ends_others, &self);
	ck_assert_int_eq(link_hear(child.link), 0);
	after_link = &child;
	/* An entry that a take-over may drop is one that others may end. */
	ck_assert_int_eq(kreg_register_with(k, "line", KREG_STRING, "v", 1,
					    KREG_REGISTER_QUEUE | KREG_REGISTER_REPLACEABLE |
						    KREG_REGISTER_DROP,
					    NULL),
			 0);
	ck_assert_ptr_null(after_link);
	ck_assert_ptr_null(at_look);
	ck_assert_int_eq(kreg_lookup(k, "line", KREG_STRING, NULL, 0, NULL), -ENOENT);
	child_kill(&child);
	assert_whole(k);
	kreg_close(k);
}
END_TEST

/*
 * What happens between the look at the entry and the CAS that replaces or unlinks it, or behind the first, or
 * behind that which takes a name over.
 */
enum step { AT_REPLACE, AT_UNLINK, AT_SETTLE, AT_TAKEN };

static struct {
	struct child *child;
	enum step step;
	int64_t order, result;
} asked;

static void come_to(enum step step)
{
	struct child *child = asked.step == step ? asked.child : NULL;

	if (!child)
		return;
	asked.child = NULL;
	ck_assert_int_eq(child_ask(child, asked.order), asked.result);
}

int __real_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old);
int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old);
int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old)
{
	come_to(AT_REPLACE);
	return __real_table_replace(w, q, found, place, old);
}

int __real_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place);
int __wrap_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place);
int __wrap_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place)
{
	come_to(AT_UNLINK);
	return __real_table_unlink(w, q, found, place);
}

bool __real_table_settle(const struct writer *w, const struct query *q, owner_t owner,
			 place_t place);
bool __wrap_table_settle(const struct writer *w, const struct query *q, owner_t owner,
			 place_t place);
bool __wrap_table_settle(const struct writer *w, const struct query *q, owner_t owner,
			 place_t place)
{
	come_to(AT_SETTLE);
	return __real_table_settle(w, q, owner, place);
}

int __real_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old);
int __wrap_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old);
int __wrap_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old)
{
	int err = __real_table_take(w, q, holder, place, old);

	come_to(AT_TAKEN);
	return err;
}

static void meanwhile_at(enum step step, struct child *child, int64_t order, int64_t result)
{
	asked.child = child;
	asked.step = step;
	asked.order = order;
	asked.result = result;
}

static void meanwhile(struct child *child, int64_t order, int64_t result)
{
	meanwhile_at(AT_REPLACE, child, order, result);
}

enum order { UPDATE_FOR, UNREGISTER_FOR, RENEW_FOR, UPDATE_OWN, UNREGISTER_OWN, REGISTER_OWN };

static int64_t renew_for(struct kreg *own, const struct kreg_owner *to)
{
	int got = kreg_unregister_for(own, to, "name", KREG_STRING);

	return got != 1 ? -EINVAL
			: kreg_register_for(own, to, "name", KREG_STRING, "renewed", 7, 0, NULL);
}

/* Changes "name", which is the owner's at @data or its own, by order. */
static int obey(int link, void *data)
{
	const struct kreg_owner *to = data;
	struct kreg *own = open_it();
	struct kreg_owner self = self_of(own);
	int64_t order;

	unit_assert(!kreg_allow(own, KREG_ALLOW_OTHERS));
	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN) {
		int64_t got = 0;

		if (order == UPDATE_FOR)
			got = kreg_update_for(own, to, "name", KREG_STRING, "theirs", 6);
		else if (order == UNREGISTER_FOR)
			got = kreg_unregister_for(own, to, "name", KREG_STRING);
		else if (order == RENEW_FOR)
			got = renew_for(own, to);
		else if (order == REGISTER_OWN)
			got = kreg_register_with(own, "name", KREG_STRING, "dropped", 7,
						 KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP,
						 NULL);
		else if (order == UPDATE_OWN)
			got = kreg_update(own, "name", KREG_STRING, "owner's", 7, NULL, 0);
		else
			got = kreg_unregister(own, "name", KREG_STRING);
		link_say(link, got);
	}
	return 0;
}

static void assert_value(const char *value)
{
	char room[16];

	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, room, sizeof(room), NULL),
			 strlen(value));
	ck_assert_mem_eq(room, value, strlen(value));
	ck_assert_int_eq(kreg_count(k), 1);
}

START_TEST(an_owners_change_begins_again_when_another_was_first)
{
	struct kreg_owner self;
	struct child other;

	begin(_i);
	self = self_of(k);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	other = child_start(obey, &self);
	ck_assert_int_ne(link_hear(other.link), 0);
	ck_assert_int_eq(kreg_register_for(k, &self, "name", KREG_STRING, "mine", 4, 0, NULL), 0);
	meanwhile(&other, UPDATE_FOR, 0);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "again", 5, NULL, 0), 6);
	ck_assert_ptr_null(asked.child);
	assert_value("again");
	/* What it expected is not there any more. */
	meanwhile(&other, UPDATE_FOR, 0);
	ck_assert_int_eq(kreg_update_if(k, "name", KREG_STRING, "never", 5, "again", 5),
			 -ECANCELED);
	assert_value("theirs");
	/* It gives what is there, and can be given to itself. */
	meanwhile(&other, UPDATE_FOR, 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &self), 0);
	assert_value("theirs");
	/* Its name is gone: so is what it was to update. */
	meanwhile(&other, UNREGISTER_FOR, 1);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "late", 4, NULL, 0), -ENOENT);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	assert_whole(k);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(a_change_for_another_begins_again_when_its_owner_was_first)
{
	struct kreg_owner to = { 0 };
	struct child owner;

	begin(_i);
	owner = child_start(obey, NULL);
	to.token = (uint64_t)link_hear(owner.link);
	ck_assert_int_eq(kreg_register_for(k, &to, "name", KREG_STRING, "first", 5, 0, NULL), 0);
	meanwhile(&owner, UPDATE_OWN, 5);
	ck_assert_int_eq(kreg_update_for(k, &to, "name", KREG_STRING, "second", 6), 0);
	ck_assert_ptr_null(asked.child);
	assert_value("second");
	meanwhile(&owner, UNREGISTER_OWN, 1);
	ck_assert_int_eq(kreg_update_for(k, &to, "name", KREG_STRING, "late", 4), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	assert_whole(k);
	child_kill(&owner);
	kreg_close(k);
}
END_TEST

static int match_any(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return 1;
}

static int64_t unregister_as(int way, const struct kreg_owner *self)
{
	if (way == 0)
		return kreg_unregister_for(k, self, "name", KREG_STRING);
	if (way == 1)
		return kreg_unregister_match(k, "name", KREG_STRING, match_any, NULL);
	if (way == 2)
		return kreg_unregister(k, "name", KREG_STRING);
	return kreg_unregister_all(k, KREG_UNREGISTER_PROCESS);
}

START_TEST(an_update_for_the_owner_hides_the_name_from_no_call)
{
	const uint32_t replaceable = KREG_REGISTER_REPLACEABLE;
	struct kreg_owner self;
	struct child other;
	int way;

	begin(_i);
	self = self_of(k);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	other = child_start(obey, &self);
	ck_assert_int_ne(link_hear(other.link), 0);
	for (way = 0; way < 4; way++) {
		ck_assert_int_eq(
			kreg_register_for(k, &self, "name", KREG_STRING, "mine", 4, 0, NULL), 0);
		/* The caller holds the name all the time: nobody is ahead. */
		meanwhile_at(AT_SETTLE, &other, UPDATE_FOR, 0);
		ck_assert_int_eq(kreg_set_flags(k, "name", KREG_STRING, replaceable), 0);
		ck_assert_ptr_null(asked.child);
		meanwhile_at(AT_UNLINK, &other, UPDATE_FOR, 0);
		ck_assert_msg(unregister_as(way, &self) == 1, "way %d leaves the name", way);
		ck_assert_ptr_null(asked.child);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
	assert_whole(k);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

/* Its place among the waiting ones is what is behind it, and not what is there in its stead. */
START_TEST(a_take_over_leaves_alone_what_others_register_for_its_caller_behind_it)
{
	const uint32_t flags =
		KREG_REGISTER_REPLACE | KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP;
	struct kreg_owner self;
	struct child other;

	begin(_i);
	self = self_of(k);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	other = child_start(obey, &self);
	ck_assert_int_ne(link_hear(other.link), 0);
	ck_assert_int_eq(child_ask(&other, REGISTER_OWN), 0);
	meanwhile_at(AT_TAKEN, &other, RENEW_FOR, 0);
	ck_assert_int_eq(kreg_register_with(k, "name", KREG_STRING, "taken", 5, flags, NULL), 0);
	ck_assert_ptr_null(asked.child);
	assert_value("renewed");
	assert_whole(k);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		killed_helpers_leave_whole_names_and_no_memory,
		processes_that_change_names_for_each_other_and_themselves_agree,
		processes_that_do_so_with_groups_in_several_partitions_agree,
		a_name_that_its_owner_and_another_update_is_found_all_the_time,
		an_entry_in_line_that_another_ends_at_once_is_no_end_of_the_life,
		an_owners_change_begins_again_when_another_was_first,
		a_change_for_another_begins_again_when_its_owner_was_first,
		an_update_for_the_owner_hides_the_name_from_no_call,
		a_take_over_leaves_alone_what_others_register_for_its_caller_behind_it,
		NULL,
	};

	return modes_run(suite_create("behalf-race"), tcase_create("both"), both, NULL, NULL);
}
