/* SPDX-License-Identifier: MIT */
/*
 * A process registers, updates and unregisters names for another one that allows it. The name is
 * the other's from the first instant, and its events are, too.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"
#include "tests/support/whole.h"

static struct kreg *k;
static int mode;
/* What the registry has: one holder for each key, or groups, in one partition or in several. */
static enum kind { UNIQUE, GROUPS, PARTITIONS } kind;

static struct kreg *open_it(void)
{
	static const char *const names[] = { "behalf", "behalf-groups", "behalf-partitions" };
	KREG_OPTIONS(options, .keys = kind == UNIQUE ? KREG_KEYS_UNIQUE : KREG_KEYS_DUPLICATE,
		     .partitions = kind == PARTITIONS ? 4 : 0);

	return mode_open_as(mode, names[kind], &options);
}

static void begin(int in, enum kind of)
{
	mode = in;
	kind = of;
	k = open_it();
}

/* What a child may be asked to do, with "name". */
enum order { ALLOW, FORBID, REGISTER, UPDATE, ADD, UNREGISTER, CLOSE, REGISTER_SELF };

static int obey(int link, void *data)
{
	struct kreg *own = open_it();
	struct kreg_owner self = self_of(own);
	int64_t order;

	(void)data;
	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN) {
		int64_t got = 0;

		if (order == ALLOW)
			got = kreg_allow(own, KREG_ALLOW_OTHERS);
		else if (order == FORBID)
			got = kreg_allow(own, 0);
		else if (order == REGISTER)
			got = kreg_register(own, "name", KREG_STRING, "own", 3, NULL);
		else if (order == REGISTER_SELF)
			got = kreg_register_for(own, &self, "name", KREG_STRING, "own", 3, 0, NULL);
		else if (order == UPDATE)
			got = kreg_update(own, "name", KREG_STRING, "new", 3, NULL, 0);
		else if (order == ADD)
			got = kreg_counter_add(own, "name", KREG_STRING, 1, NULL);
		else if (order == UNREGISTER)
			got = kreg_unregister(own, "name", KREG_STRING);
		else
			kreg_close(own);
		link_say(link, got);
	}
	return 0;
}

static struct child start(struct kreg_owner *to)
{
	struct child child = child_start(obey, NULL);

	*to = (struct kreg_owner){ .token = (uint64_t)link_hear(child.link) };
	return child;
}

static int for_it(const struct kreg_owner *to, const char *value)
{
	return kreg_register_for(k, to, "name", KREG_STRING, value, KREG_STRING, 0, NULL);
}

static int update_for_it(const struct kreg_owner *to, const char *value)
{
	return kreg_update_for(k, to, "name", KREG_STRING, value, KREG_STRING);
}

static int unregister_for_it(const struct kreg_owner *to)
{
	return kreg_unregister_for(k, to, "name", KREG_STRING);
}

static void assert_holder(pid_t pid, const char *value)
{
	struct kreg_owner owner;
	char room[16];

	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, room, sizeof(room), &owner),
			 strlen(value));
	ck_assert_mem_eq(room, value, strlen(value));
	ck_assert_int_eq(owner.pid, pid);
}

static void assert_free(void)
{
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
}

START_TEST(a_name_is_registered_updated_and_unregistered_for_a_process_that_allows_it)
{
	struct kreg_owner to;
	struct child child;
	uint64_t before;

	begin(_i, UNIQUE);
	before = bytes_used(k);
	child = start(&to);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(update_for_it(&to, "1"), -ENOENT);
	ck_assert_int_eq(for_it(&to, "one"), 0);
	assert_holder(child.pid, "one");
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(for_it(&to, "two"), -EEXIST);
	ck_assert_int_eq(update_for_it(&to, "three"), 0);
	assert_holder(child.pid, "three");
	ck_assert_int_eq(kreg_count(k), 1);
	/* It is not the caller's. */
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 0);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "x", 1, NULL, 0), -EPERM);
	/* What its owner has updated can still be changed by others. */
	ck_assert_int_eq(child_ask(&child, UPDATE), 5);
	assert_holder(child.pid, "new");
	ck_assert_int_eq(update_for_it(&to, "four"), 0);
	assert_holder(child.pid, "four");
	assert_whole(k);
	ck_assert_int_eq(unregister_for_it(&to), 1);
	assert_free();
	ck_assert_int_eq(unregister_for_it(&to), 0);
	ck_assert_int_eq(for_it(&to, "five"), 0);
	ck_assert_int_eq(child_ask(&child, UNREGISTER), 1);
	assert_free();
	ck_assert_int_eq(for_it(&to, "six"), 0);
	child_kill(&child);
	assert_free();
	ck_assert_int_eq(for_it(&to, "seven"), -ESRCH);
	ck_assert_uint_eq(bytes_used(k), before);
	kreg_close(k);
}
END_TEST

START_TEST(nothing_is_changed_for_a_process_that_does_not_allow_it)
{
	struct kreg_owner to;
	struct child child;

	begin(_i, UNIQUE);
	child = start(&to);
	ck_assert_int_eq(for_it(&to, "one"), -EPERM);
	ck_assert_int_eq(update_for_it(&to, "one"), -EPERM);
	ck_assert_int_eq(unregister_for_it(&to), -EPERM);
	assert_free();
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(for_it(&to, "one"), 0);
	ck_assert_int_eq(child_ask(&child, FORBID), 0);
	ck_assert_int_eq(update_for_it(&to, "two"), -EPERM);
	ck_assert_int_eq(unregister_for_it(&to), -EPERM);
	assert_holder(child.pid, "one");
	/* After its last close it has not opened the registry. */
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(child_ask(&child, CLOSE), 0);
	ck_assert_int_eq(for_it(&to, "one"), -ESRCH);
	assert_free();
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(what_a_process_has_registered_itself_is_its_own)
{
	struct kreg_owner to;
	struct child child;

	begin(_i, UNIQUE);
	child = start(&to);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(update_for_it(&to, "x"), -EPERM);
	ck_assert_int_eq(unregister_for_it(&to), -EPERM);
	assert_holder(child.pid, "own");
	ck_assert_int_eq(child_ask(&child, UNREGISTER), 1);
	/* Unless it has chosen the other call. */
	ck_assert_int_eq(child_ask(&child, REGISTER_SELF), 0);
	assert_holder(child.pid, "own");
	ck_assert_int_eq(update_for_it(&to, "ours"), 0);
	assert_holder(child.pid, "ours");
	ck_assert_int_eq(unregister_for_it(&to), 1);
	assert_free();
	child_kill(&child);
	kreg_close(k);
}
END_TEST

static int try_for(int link, void *data)
{
	k = open_it();
	link_say(link, for_it(data, "x"));
	link_hear(link);
	return 0;
}

START_TEST(a_consent_ends_with_its_last_handle)
{
	struct kreg_owner self;
	struct child other;

	begin(_i, UNIQUE);
	ck_assert_int_eq(kreg_allow(k, 2), -EINVAL);
	ck_assert_int_eq(kreg_allow(NULL, 0), -EINVAL);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	self = self_of(k);
	ck_assert_int_eq(for_it(&self, "self"), 0);
	assert_holder(getpid(), "self");
	kreg_close(k);
	begin(_i, UNIQUE);
	assert_free();
	self = self_of(k);
	other = child_start(try_for, &self);
	ck_assert_int_eq(link_hear(other.link), -EPERM);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
	struct kreg_owner self, nobody = { 0 };
	struct kreg_found bad = { .capacity = 1 };
	char *large = calloc(1, KREG_VALUE_MAX + 1);

	begin(_i, UNIQUE);
	self = self_of(k);
	ck_assert_int_eq(kreg_register_for(NULL, &self, "a", 1, NULL, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, NULL, "a", 1, NULL, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &nobody, "a", 1, NULL, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "", 0, NULL, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, NULL, 1, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, NULL, 0, KREG_REGISTER_QUEUE, NULL),
			 -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, NULL, 0, KREG_REGISTER_DROP, NULL),
			 -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, NULL, 0, 0, &bad), -EINVAL);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, large, 20000, 0, NULL), -EMSGSIZE);
	ck_assert_int_eq(kreg_register_for(k, &self, "a", 1, large, KREG_VALUE_MAX + 1, 0, NULL),
			 -EMSGSIZE);
	ck_assert_int_eq(kreg_update_for(k, &self, "a", 1, NULL, 1), -EINVAL);
	ck_assert_int_eq(kreg_unregister_for(k, &self, NULL, 1), -EINVAL);
	ck_assert_int_eq(kreg_count(k), 0);
	free(large);
	kreg_close(k);
}
END_TEST

START_TEST(a_replaceable_name_for_another_stays_replaceable)
{
	struct kreg_owner to;
	struct child child;

	begin(_i, UNIQUE);
	child = start(&to);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(kreg_register_for(k, &to, "name", KREG_STRING, "one", 3,
					   KREG_REGISTER_REPLACEABLE, NULL),
			 0);
	ck_assert_int_eq(update_for_it(&to, "two"), 0);
	ck_assert_int_eq(child_ask(&child, UPDATE), 3);
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, "mine", 4, KREG_REGISTER_REPLACE, NULL),
		0);
	assert_holder(getpid(), "mine");
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	assert_holder(child.pid, "new");
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(a_refusal_says_who_holds_the_name_and_takes_no_memory)
{
	struct kreg_owner to;
	char room[8];
	struct kreg_found holder = { .value = room, .capacity = sizeof(room) };
	struct child child;
	uint64_t before;
	int i;

	begin(_i, UNIQUE);
	child = start(&to);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "mine", 4, NULL), 0);
	before = bytes_used(k);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(kreg_register_for(k, &to, "name", KREG_STRING, "x", 1, 0, &holder),
				 -EEXIST);
	ck_assert_int_eq(holder.owner.pid, getpid());
	ck_assert_int_eq(holder.size, 4);
	ck_assert_mem_eq(room, "mine", 4);
	ck_assert_uint_eq(bytes_used(k), before);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

struct members {
	pid_t pid;
	int count;
};

static int count_pid(const struct kreg_entry *entry, void *data)
{
	struct members *of = data;

	of->count += entry->owner.pid == of->pid;
	return 0;
}

static int members(pid_t pid)
{
	struct members of = { pid, 0 };

	ck_assert_int_eq(kreg_each_of_key(k, "name", KREG_STRING, count_pid, &of), 0);
	return of.count;
}

static int values(const char *value)
{
	KREG_PATTERN(pattern, .key = "name", .key_size = KREG_STRING, .value = value,
		     .value_size = KREG_STRING);

	return (int)kreg_count_select(k, &pattern);
}

static void join_and_leave(int in, enum kind of)
{
	struct kreg_owner to, other;
	struct child child, bystander;

	begin(in, of);
	child = start(&to);
	bystander = start(&other);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(child_ask(&bystander, ALLOW), 0);
	ck_assert_int_eq(for_it(&to, "a"), 0);
	ck_assert_int_eq(for_it(&other, "b"), 0);
	ck_assert_int_eq(for_it(&to, "c"), 0);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(members(child.pid), 3);
	ck_assert_int_eq(members(bystander.pid), 1);
	ck_assert_int_eq(update_for_it(&to, "e"), 0);
	ck_assert_int_eq(values("e"), 1);
	ck_assert_int_eq(values("c"), 0);
	ck_assert_int_eq(values("a"), 1);
	ck_assert_int_eq(child_ask(&child, UPDATE), 3);
	ck_assert_int_eq(members(child.pid), 3);
	/* Its own membership stays. */
	ck_assert_int_eq(unregister_for_it(&to), 2);
	ck_assert_int_eq(members(child.pid), 1);
	ck_assert_int_eq(members(bystander.pid), 1);
	ck_assert_int_eq(for_it(&to, "d"), 0);
	ck_assert_int_eq(child_ask(&child, UNREGISTER), 2);
	child_kill(&bystander);
	ck_assert_int_eq(members(bystander.pid), 0);
	assert_free();
	assert_whole(k);
	child_kill(&child);
	kreg_close(k);
}

START_TEST(processes_are_made_to_join_and_leave_a_group)
{
	join_and_leave(_i, GROUPS);
	join_and_leave(_i, PARTITIONS);
}
END_TEST

static void next_event(struct kreg_listener *listener, uint32_t type, pid_t pid, const char *value)
{
	struct kreg_event event;

	ck_assert_int_eq(kreg_listener_next(listener, &event), 1);
	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
	ck_assert_uint_eq(event.entry.value_size, strlen(value));
	ck_assert_mem_eq(event.entry.value, value, strlen(value));
}

static void listen_to_changes(int in, enum kind of)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct kreg_owner to;
	struct child child;

	begin(in, of);
	child = start(&to);
	ck_assert_int_eq(child_ask(&child, ALLOW), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(for_it(&to, "one"), 0);
	next_event(listener, KREG_EVENT_REGISTER, child.pid, "one");
	ck_assert_int_eq(update_for_it(&to, "two"), 0);
	next_event(listener, KREG_EVENT_UPDATE, child.pid, "two");
	ck_assert_int_eq(child_ask(&child, UPDATE), 3);
	next_event(listener, KREG_EVENT_UPDATE, child.pid, "new");
	ck_assert_int_eq(unregister_for_it(&to), 1);
	next_event(listener, KREG_EVENT_UNREGISTER, child.pid, "new");
	ck_assert_int_eq(for_it(&to, "three"), 0);
	next_event(listener, KREG_EVENT_REGISTER, child.pid, "three");
	child_kill(&child);
	next_event(listener, KREG_EVENT_PURGE, child.pid, "three");
	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	kreg_listener_close(listener);
	kreg_close(k);
}

START_TEST(listeners_learn_it_as_if_the_owner_had_done_it)
{
	listen_to_changes(_i, UNIQUE);
	listen_to_changes(_i, GROUPS);
	listen_to_changes(_i, PARTITIONS);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_name_is_registered_updated_and_unregistered_for_a_process_that_allows_it,
		nothing_is_changed_for_a_process_that_does_not_allow_it,
		what_a_process_has_registered_itself_is_its_own,
		a_consent_ends_with_its_last_handle,
		bad_arguments_are_refused,
		a_replaceable_name_for_another_stays_replaceable,
		a_refusal_says_who_holds_the_name_and_takes_no_memory,
		processes_are_made_to_join_and_leave_a_group,
		listeners_learn_it_as_if_the_owner_had_done_it,
		NULL,
	};

	return modes_run(suite_create("behalf"), tcase_create("both"), both, NULL, NULL);
}
