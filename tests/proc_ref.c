/* SPDX-License-Identifier: MIT */
/*
 * References find what a lookup finds, at once, whatever has become of the name since the last
 * one: its owner killed or stopped, another value, another owner, another registry.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#define MANY 5000

static struct kreg *k;
static struct kreg_ref ref;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "ref");
	ref = (struct kreg_ref)KREG_REF("name", KREG_STRING);
}

/* By the reference, which a lookup has to agree with: the value in @value, or "" and the error. */
static ssize_t refer_by(struct kreg *by, char value[64], struct kreg_owner *owner)
{
	struct kreg_owner expected = { 0 };
	char same[64] = "";
	ssize_t got;

	memset(value, 0, 64);
	memset(owner, 0, sizeof(*owner));
	got = kreg_ref_lookup(by, &ref, value, 64, owner);
	ck_assert_int_eq(kreg_lookup(by, "name", KREG_STRING, same, sizeof(same), &expected), got);
	ck_assert_str_eq(value, same);
	ck_assert_mem_eq(owner, &expected, sizeof(*owner));
	return got;
}

/* Twice: a search, and what it has remembered. */
static void assert_found(pid_t pid, const char *expected)
{
	struct kreg_owner owner;
	char value[64];
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(refer_by(k, value, &owner), (ssize_t)strlen(expected));
		ck_assert_str_eq(value, expected);
		ck_assert_int_eq(owner.pid, pid);
	}
}

static void assert_none(void)
{
	struct kreg_owner owner;
	char value[64];

	ck_assert_int_eq(refer_by(k, value, &owner), -ENOENT);
}

enum order { REGISTER, REPLACEABLE, UNREGISTER, UPDATE, GIVE, QUEUE };

static int obey(int link, void *data)
{
	const struct kreg_owner *parent = data;
	struct kreg *own = mode_open(mode, "ref");
	int64_t order;

	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		uint32_t flags = order == QUEUE         ? KREG_REGISTER_QUEUE
				 : order == REPLACEABLE ? KREG_REGISTER_REPLACEABLE
							: 0;

		if (order == UNREGISTER)
			link_say(link, kreg_unregister(own, "name", KREG_STRING));
		else if (order == UPDATE)
			link_say(link, kreg_update(own, "name", KREG_STRING, "new", 3, NULL, 0));
		else if (order == GIVE)
			link_say(link, kreg_give(own, "name", KREG_STRING, parent));
		else
			link_say(link, kreg_register_with(own, "name", KREG_STRING, "childs.", 7,
							  flags, NULL));
	}
	kreg_close(own);
	return 0;
}

static struct child start(struct kreg_owner *self)
{
	ck_assert_int_eq(kreg_self(k, self), 0);
	return child_start_ready(obey, self);
}

/* It has registered the name, which is remembered. */
static struct child start_holder(struct kreg_owner *self)
{
	struct child child = start(self);

	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	assert_found(child.pid, "childs.");
	return child;
}

START_TEST(each_change_of_the_value_is_seen_at_once)
{
	int64_t sum;

	open_mode(_i);
	assert_none();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "first...", 8, NULL), 0);
	assert_found(getpid(), "first...");
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "second..", 8, NULL, 0), 8);
	assert_found(getpid(), "second..");
	ck_assert_int_eq(
		kreg_update(k, "name", KREG_STRING, "a longer value than the others", 30, NULL, 0),
		8);
	assert_found(getpid(), "a longer value than the others");
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	assert_none();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "third", 5, NULL), 0);
	assert_found(getpid(), "third");
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	/* Letters that are counted. */
	sum = 0x4141414141414141;
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, &sum, 8, NULL), 0);
	assert_found(getpid(), "AAAAAAAA");
	ck_assert_int_eq(kreg_counter_add(k, "name", KREG_STRING, 1, NULL), 0);
	assert_found(getpid(), "BAAAAAAA");
	kreg_close(k);
}
END_TEST

START_TEST(a_dead_owner_is_not_found_and_a_stopped_one_is)
{
	struct kreg_owner self;
	struct child child;

	open_mode(_i);
	child = start_holder(&self);
	ck_assert_int_eq(kill(child.pid, SIGSTOP), 0);
	child_await_stop(&child);
	assert_found(child.pid, "childs.");
	child_kill(&child);
	assert_none();
	ck_assert_int_ge(kreg_sweep(k), 0);
	assert_none();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "mine", 4, NULL), 0);
	assert_found(getpid(), "mine");
	kreg_close(k);
}
END_TEST

START_TEST(the_next_in_line_is_found_when_the_holder_dies)
{
	struct kreg_owner self;
	struct child first, second;

	open_mode(_i);
	first = start_holder(&self);
	second = start(&self);
	ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
	assert_found(first.pid, "childs.");
	child_kill(&first);
	assert_found(second.pid, "childs.");
	ck_assert_int_eq(child_ask(&second, UPDATE), 7);
	assert_found(second.pid, "new");
	child_kill(&second);
	assert_none();
	kreg_close(k);
}
END_TEST

START_TEST(a_name_that_goes_to_another_owner_is_found_there_at_once)
{
	struct kreg_owner self;
	struct child child;

	open_mode(_i);
	child = start_holder(&self);
	ck_assert_int_eq(child_ask(&child, GIVE), 0);
	assert_found(getpid(), "childs.");
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "mine", 4, NULL, 0), 7);
	assert_found(getpid(), "mine");
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	/* Taken over from an owner that allows it, and given back by unregistering. */
	ck_assert_int_eq(child_ask(&child, REPLACEABLE), 0);
	assert_found(child.pid, "childs.");
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, "taken", 5, KREG_REGISTER_REPLACE, NULL),
		0);
	assert_found(getpid(), "taken");
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	assert_found(child.pid, "childs.");
	ck_assert_int_eq(child_ask(&child, UNREGISTER), 1);
	assert_none();
	/* A reserved name is found once it is published. */
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, "", 0, KREG_REGISTER_RESERVED, NULL), 0);
	assert_none();
	ck_assert_int_eq(kreg_publish(k, "name", KREG_STRING, "public", 6), 0);
	assert_found(getpid(), "public");
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(references_stay_right_while_the_table_grows_and_is_swept)
{
	static struct kreg_ref refs[MANY];
	static char names[MANY][16];
	struct kreg_owner self, owner;
	struct child child;
	char value[16];
	int i;

	open_mode(_i);
	child = start_holder(&self);
	for (i = 0; i < MANY; i++) {
		int old = i / 2;

		snprintf(names[i], sizeof(names[i]), "name-%d", i);
		refs[i] = (struct kreg_ref)KREG_REF(names[i], KREG_STRING);
		ck_assert_int_eq(kreg_register(k, names[i], KREG_STRING, names[i], 8, NULL), 0);
		if (i == MANY / 2) {
			child_kill(&child);
			ck_assert_int_gt(kreg_sweep(k), 0);
		}
		ck_assert_int_eq(kreg_ref_lookup(k, &refs[old], value, sizeof(value), &owner), 8);
		ck_assert_mem_eq(value, names[old], 8);
		ck_assert_uint_eq(owner.token, self.token);
	}
	assert_none();
	for (i = 0; i < MANY; i += 2)
		ck_assert_int_eq(kreg_unregister(k, names[i], KREG_STRING), 1);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(kreg_ref_lookup(k, &refs[i], value, sizeof(value), NULL),
				 i % 2 ? 8 : -ENOENT);
	kreg_close(k);
}
END_TEST

/* What is remembered of a registry means nothing in another one, or after it was closed. */
START_TEST(a_reference_goes_with_the_handle)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i));
	struct kreg_owner owner;
	struct kreg *other;
	char value[64];
	int i;

	open_mode(_i);
	other = mode_open(_i, "another");
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "one", 3, NULL), 0);
	ck_assert_int_eq(kreg_register(other, "name", KREG_STRING, "two.....", 8, NULL), 0);
	for (i = 0; i < 4; i++) {
		refer_by(i % 2 ? k : other, value, &owner);
		ck_assert_str_eq(value, i % 2 ? "one" : "two.....");
		refer_by(i % 2 ? k : other, value, &owner);
	}
	kreg_close(other);
	assert_found(getpid(), "one");
	/* Destroyed by force, the entry is still there for who has it open. */
	ck_assert_int_eq(kreg_destroy("ref", &options, KREG_DESTROY_FORCE), 0);
	assert_found(getpid(), "one");
	kreg_close(k);
	k = mode_open(_i, "ref");
	assert_none();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "again", 5, NULL), 0);
	assert_found(getpid(), "again");
	kreg_close(k);
}
END_TEST

static int look_in_child(void)
{
	struct kreg_owner owner;
	char value[64];

	if (refer_by(k, value, &owner) != 6 || strcmp(value, "before"))
		return 1;
	/* The parent goes on. */
	if (kill(getppid(), SIGUSR1))
		return 2;
	while (kreg_ref_lookup(k, &ref, value, sizeof(value), NULL) == 6)
		;
	return refer_by(k, value, &owner) != 9;
}

START_TEST(references_work_in_children_of_fork_and_in_readonly_handles)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i),
		     .flags = KREG_OPEN_READONLY);
	struct kreg_owner owner;
	struct kreg *reader;
	char value[64];
	sigset_t set;
	int status;
	pid_t pid;

	open_mode(_i);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "before", 6, NULL), 0);
	assert_found(getpid(), "before");
	pid = fork();
	if (!pid)
		_exit(look_in_child());
	ck_assert_int_eq(sigwait(&set, &status), 0);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "and after", 9, NULL, 0), 6);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(kreg_open(&reader, "ref", &options), 0);
	refer_by(reader, value, &owner);
	ck_assert_str_eq(value, "and after");
	refer_by(reader, value, &owner);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	ck_assert_int_eq(refer_by(reader, value, &owner), -ENOENT);
	kreg_close(reader);
	kreg_close(k);
}
END_TEST

START_TEST(with_duplicate_keys_it_finds_what_a_lookup_finds)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = _i ? 4 : 1);
	struct kreg_owner self;
	struct child child;

	mode = _i;
	k = mode_open_as(_i, "ref", &options);
	ref = (struct kreg_ref)KREG_REF("name", KREG_STRING);
	assert_none();
	child = start_holder(&self);
	child_kill(&child);
	assert_none();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "one", 3, NULL), 0);
	assert_found(getpid(), "one");
	kreg_close(k);
}
END_TEST

START_TEST(arguments_are_checked)
{
	static const char key[KREG_KEY_MAX + 1] = "name";
	struct kreg_ref longest = KREG_REF(key, KREG_KEY_MAX),
			longer = KREG_REF(key, KREG_KEY_MAX + 1),
			far_longer = KREG_REF(key, (size_t)UINT32_MAX + 5),
			empty = KREG_REF(key, 0), none = KREG_REF(NULL, 4),
			string = KREG_REF("", KREG_STRING);
	char value[8];

	open_mode(_i);
	ck_assert_int_eq(kreg_ref_lookup(k, &longest, value, 8, NULL), -ENOENT);
	ck_assert_int_eq(kreg_ref_lookup(k, &longer, value, 8, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(kreg_ref_lookup(k, &far_longer, value, 8, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(kreg_ref_lookup(k, &empty, value, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, &none, value, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, &string, value, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(NULL, &ref, value, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, NULL, value, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, NULL, value, 4, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "eight...", 8, NULL), 0);
	assert_found(getpid(), "eight...");
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, NULL, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, NULL, 4, NULL), -EINVAL);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, NULL, 0, NULL), 8);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		each_change_of_the_value_is_seen_at_once,
		a_dead_owner_is_not_found_and_a_stopped_one_is,
		the_next_in_line_is_found_when_the_holder_dies,
		a_name_that_goes_to_another_owner_is_found_there_at_once,
		references_stay_right_while_the_table_grows_and_is_swept,
		a_reference_goes_with_the_handle,
		references_work_in_children_of_fork_and_in_readonly_handles,
		with_duplicate_keys_it_finds_what_a_lookup_finds,
		arguments_are_checked,
		NULL,
	};

	return modes_run(suite_create("ref"), tcase_create("both"), both, NULL, NULL);
}
