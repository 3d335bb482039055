/* SPDX-License-Identifier: MIT */
/*
 * Names of other hosts: found as all others are, with what their owner says of that host; they do
 * not lead to the process that has registered them, and yield to names of this host if they
 * are to.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/entry.h"
#include "shm/index.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/whole.h"

#define YIELDS KREG_REGISTER_REPLACEABLE

static struct kreg *k;
static int mode;

static void begin(int in)
{
	mode = in;
	k = mode_open(in, "remote");
}

static int put(struct kreg *own, const char *key, const void *value, size_t size, uint32_t flags,
	       const char *host, uint64_t token)
{
	KREG_REMOTE(remote, .token = token, .start = 5, .pid = 77, .uid = 1001);

	snprintf(remote.host, sizeof(remote.host), "%s", host);
	return kreg_register_remote(own, key, KREG_STRING, value, size, &remote, flags, NULL);
}

static void assert_remote(const char *key, const char *host, uint64_t token)
{
	KREG_REMOTE(found, .pid = 0);

	ck_assert_int_eq(kreg_remote_host(k, key, KREG_STRING, &found), 1);
	ck_assert_str_eq(found.host, host);
	ck_assert_uint_eq(found.token, token);
	ck_assert_uint_eq(found.start, 5);
	ck_assert_uint_eq(found.pid, 77);
	ck_assert_uint_eq(found.uid, 1001);
}

/* What the child does, which is a bridge, or a program of this host. */
enum order { LEAVE, PUT, PUT_FIRM, REGISTER, QUEUE, RESERVE, PUBLISH, UPDATE, GIVE, COUNT, FLAGS };

static int64_t obey(struct kreg *own, int64_t order)
{
	struct kreg_owner parent = { 0 };

	switch (order) {
	case PUT:
		return put(own, "name", "there", 5, YIELDS, "far", 3);
	case PUT_FIRM:
		return put(own, "name", "there", 5, 0, "far", 3);
	case REGISTER:
		return kreg_register(own, "name", KREG_STRING, "here", 4, NULL);
	case QUEUE:
		return kreg_register_with(own, "name", KREG_STRING, "here", 4, KREG_REGISTER_QUEUE,
					  NULL);
	case RESERVE:
		return kreg_register_with(own, "name", KREG_STRING, "", 0, KREG_REGISTER_RESERVED,
					  NULL);
	case PUBLISH:
		return kreg_publish(own, "name", KREG_STRING, "here", 4);
	case UPDATE:
		return kreg_update(own, "name", KREG_STRING, "other", 5, NULL, 0);
	case GIVE:
		kreg_whereis(own, "parent", KREG_STRING, &parent);
		return kreg_give(own, "name", KREG_STRING, &parent);
	case COUNT:
		return kreg_counter_add(own, "name", KREG_STRING, 1, NULL);
	case FLAGS:
		return kreg_set_flags(own, "name", KREG_STRING, 0);
	default:
		return kreg_unregister(own, "name", KREG_STRING);
	}
}

static int serve(int link, void *data)
{
	struct kreg *own = mode_open(mode, "remote");
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, obey(own, order));
	return 0;
}

static struct child start(enum order order, int64_t result)
{
	struct child child = child_start_ready(serve, NULL);

	ck_assert_int_eq(child_ask(&child, order), result);
	return child;
}

static void assert_holds(pid_t pid, const char *value)
{
	struct kreg_owner owner;
	char room[16];

	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, room, sizeof(room), &owner),
			 strlen(value));
	ck_assert_mem_eq(room, value, strlen(value));
	ck_assert_int_eq(owner.pid, pid);
}

static void assert_event(struct kreg_listener *listener, uint32_t type, pid_t pid)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
}

START_TEST(a_name_of_another_host_is_found_by_all_calls_that_find_names)
{
	struct kreg_found by = { 0 };
	struct kreg_key key = { "name", 4 };
	struct kreg_owner owner;
	struct child child;
	char value[16];
	int visits = 0;

	begin(_i);
	child = start(PUT_FIRM, 0);
	assert_holds(child.pid, "there");
	assert_remote("name", "far", 3);
	ck_assert_int_eq(kreg_whereis(k, "name", 4, &owner), 0);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 1);
	ck_assert_int_eq(kreg_await(k, "name", 4, 0, &by), 0);
	ck_assert_int_eq(by.size, 5);
	by = (struct kreg_found){ .value = value, .capacity = sizeof(value) };
	ck_assert_int_eq(kreg_lookup_many(k, &key, 1, &by), 1);
	ck_assert_mem_eq(value, "there", 5);
	ck_assert_int_eq(kreg_each(k, NULL, 0, count_entry, &visits), 0);
	ck_assert_int_eq(visits, 1);
	ck_assert_int_eq(kreg_count(k), 1);
	assert_whole(k);

	/* The name is the caller's own in no way. */
	ck_assert_int_eq(kreg_register(k, "name", 4, "here", 4, NULL), -EEXIST);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 0);
	child_kill(&child);
	ck_assert_int_eq(kreg_lookup(k, "name", 4, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, NULL), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_of_this_host_is_of_none_other)
{
	KREG_REMOTE(found, .pid = 1);

	begin(_i);
	ck_assert_int_eq(kreg_register(k, "name", 4, "here", 4, NULL), 0);
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, &found), 0);
	ck_assert_uint_eq(found.pid, 1);
	ck_assert_int_eq(put(k, "name", "x", 1, 0, "far", 1), -EEXIST);
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, &found), 0);
	kreg_close(k);
}
END_TEST

/* It is refused, and @pid holds the name, with a value of that size. */
static void assert_taken(pid_t pid, ssize_t size)
{
	KREG_REMOTE(remote, .host = "far");
	struct kreg_found holder = { .size = 77 };

	ck_assert_int_eq(kreg_register_remote(k, "name", 4, "there", 5, &remote, YIELDS, &holder),
			 -EEXIST);
	ck_assert_int_eq(holder.owner.pid, pid);
	ck_assert_int_eq(holder.size, size);
}

START_TEST(a_name_that_is_taken_has_a_holder_also_if_that_is_the_caller)
{
	struct child other;

	begin(_i);
	ck_assert_int_eq(kreg_register(k, "name", 4, "here", 4, NULL), 0);
	assert_taken(getpid(), 4);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	ck_assert_int_eq(kreg_register_with(k, "name", 4, "", 0, KREG_REGISTER_RESERVED, NULL), 0);
	assert_taken(getpid(), -ENOENT);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	other = start(REGISTER, 0);
	assert_taken(other.pid, 4);
	ck_assert_int_eq(kreg_register_with(k, "name", 4, "in line", 7, KREG_REGISTER_QUEUE, NULL),
			 KREG_WAITING);
	assert_taken(other.pid, 4);
	child_kill(&other);
	assert_taken(getpid(), 7);
	kreg_close(k);
}
END_TEST

START_TEST(what_needs_the_process_answers_that_it_is_elsewhere)
{
	struct child child;
	int status;

	begin(_i);
	child = start(PUT, 0);
	ck_assert_int_eq(kreg_monitor(k, "name", 4, NULL), -EREMOTE);
	ck_assert_int_eq(kreg_signal(k, "name", 4, SIGKILL), -EREMOTE);
	ck_assert_int_eq(kreg_connect(k, "name", 4, SOCK_STREAM, NULL), -EREMOTE);
	ck_assert_int_eq(kreg_service_signal(k, "n", "r", SIGKILL), -ENOENT);
	ck_assert_int_eq(put(k, "n/r", "@x", 2, 0, "far", 1), 0);
	ck_assert_int_eq(kreg_service_signal(k, "n", "r", SIGKILL), -EREMOTE);
	ck_assert_int_eq(kreg_service_monitor(k, "n", "r", NULL), -EREMOTE);
	ck_assert_int_eq(kreg_service_connect(k, "n", "r", SOCK_STREAM, NULL), -EREMOTE);

	/* Nothing has reached the process that has registered it. */
	ck_assert_int_eq(child_ask(&child, LEAVE), 1);
	status = child_end(&child);
	ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	kreg_close(k);
}
END_TEST

START_TEST(its_owner_replaces_it_as_a_whole_or_not_at_all)
{
	const int64_t others[] = { UPDATE, GIVE, COUNT, FLAGS };
	struct kreg_listener *listener;
	struct child child;
	size_t i;

	begin(_i);
	ck_assert_int_eq(kreg_register(k, "parent", KREG_STRING, NULL, 0, NULL), 0);
	child = start(PUT_FIRM, 0);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_int_eq(child_ask(&child, others[i]), -EREMOTE);
	assert_holds(child.pid, "there");
	child_kill(&child);

	ck_assert_int_eq(put(k, "name", "one", 3, YIELDS, "far", 3), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(put(k, "name", "second", 6, 0, "farther", 4), 0);
	assert_event(listener, KREG_EVENT_UPDATE, getpid());
	assert_holds(getpid(), "second");
	assert_remote("name", "farther", 4);
	/* The flags stay. */
	child = start(REGISTER, 0);
	assert_holds(child.pid, "here");
	assert_event(listener, KREG_EVENT_TAKEN, child.pid);
	ck_assert_int_eq(put(k, "name", "third", 5, 0, "far", 5), 0);
	assert_holds(child.pid, "here");
	child_kill(&child);
	assert_holds(getpid(), "third");
	assert_whole(k);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

START_TEST(it_yields_to_a_process_of_this_host_however_that_registers)
{
	struct kreg_found by = { 0 };
	struct kreg_owner self;
	struct child bridge, other, third;
	uint32_t flags;

	begin(_i);
	bridge = start(PUT, 0);
	ck_assert_int_eq(kreg_register(k, "name", 4, "here", 4, &by), 0);
	assert_holds(getpid(), "here");
	ck_assert_int_eq(kreg_count(k), 2);
	assert_whole(k);
	/* Not in the way of those of this host. */
	other = start(REGISTER, -EEXIST);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	assert_holds(bridge.pid, "there");
	ck_assert_int_eq(child_ask(&other, QUEUE), 0);
	assert_holds(other.pid, "here");
	ck_assert_int_eq(kreg_register_with(k, "name", 4, "me", 2, KREG_REGISTER_QUEUE, NULL),
			 KREG_WAITING);
	/* As an owner of remote names does at that event. */
	ck_assert_int_eq(child_ask(&bridge, LEAVE), 1);
	child_kill(&other);
	assert_holds(getpid(), "me");
	ck_assert_int_eq(kreg_get_flags(k, "name", 4, &flags), 0);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);

	/* One that is reserved is not found, as everywhere. */
	ck_assert_int_eq(child_ask(&bridge, PUT), 0);
	third = start(RESERVE, 0);
	ck_assert_int_eq(kreg_lookup(k, "name", 4, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(child_ask(&third, PUBLISH), 0);
	assert_holds(third.pid, "here");
	child_kill(&third);
	assert_holds(bridge.pid, "there");

	/* Registered for another process. */
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_register_for(k, &self, "name", 4, "gift", 4, 0, NULL), 0);
	assert_holds(getpid(), "gift");
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	assert_holds(bridge.pid, "there");
	child_kill(&bridge);
	assert_whole(k);
	kreg_close(k);
}
END_TEST

START_TEST(one_owner_of_such_names_takes_over_from_another)
{
	struct child old;

	begin(_i);
	old = start(PUT, 0);
	ck_assert_int_eq(put(k, "name", "new", 3, YIELDS, "far", 4), 0);
	assert_holds(getpid(), "new");
	child_kill(&old);
	assert_holds(getpid(), "new");
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	old = start(PUT_FIRM, 0);
	ck_assert_int_eq(put(k, "name", "new", 3, YIELDS, "far", 4), -EEXIST);
	child_kill(&old);
	kreg_close(k);
}
END_TEST

START_TEST(values_and_hosts_of_all_sizes_are_whole)
{
	static unsigned char value[KREG_VALUE_MAX], read[KREG_VALUE_MAX];
	static const size_t sizes[] = { 0,   1,   7,    8,    9,
					40,  100, 255,  300,  400,
					411, 420, 425,  433,  440,
					488, 512, 1024, 5000, KREG_VALUE_MAX };
	char key[KREG_KEY_MAX + 1], host[KREG_HOST_MAX + 1];
	size_t i, j, n;

	begin(_i);
	for (i = 0; i < sizeof(value); i++)
		value[i] = (unsigned char)(i * 31 + i / 251);
	memset(key, 'k', sizeof(key) - 1);
	memset(host, 'h', sizeof(host) - 1);
	for (i = 1; i <= KREG_KEY_MAX; i = i == 1 ? 9 : i == 9 ? 100 : i == 100 ? 255 : 256) {
		key[i] = 0;
		for (j = 1; j <= KREG_HOST_MAX; j += 21) {
			host[j] = 0;
			for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
				ck_assert_int_eq(put(k, key, value, sizes[n], 0, host, n), 0);
				ck_assert_int_eq(kreg_lookup(k, key, i, read, sizeof(read), NULL),
						 sizes[n]);
				ck_assert_mem_eq(read, value, sizes[n]);
				assert_remote(key, host, n);
			}
			host[j] = 'h';
		}
		assert_whole(k);
		ck_assert_int_eq(kreg_unregister(k, key, i), 1);
		key[i] = 'k';
	}
	kreg_close(k);
}
END_TEST

/* The caller's own entry of "name". */
static struct entry *entry_of_name(struct query *q)
{
	struct entry *entry;
	place_t place;

	*q = table_query(&k->segment, "name", 4);
	ck_assert_int_eq(index_probe(&k->segment, q, &entry, &place), 0);
	return entry;
}

START_TEST(what_another_process_writes_there_is_not_followed)
{
	KREG_REMOTE(found, .pid = 0);
	struct entry *entry;
	struct query q;
	uint32_t size;

	begin(_i);
	ck_assert_int_eq(put(k, "name", "v", 1, 0, "far", 1), 0);
	entry = entry_of_name(&q);
	((struct entry_remote *)entry_remote(&k->segment, entry, entry->info, &size))->host_size =
		0x10000;
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, &found), -EUCLEAN);
	/* A flag without what belongs to it: what is behind that leads nowhere. */
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	ck_assert_int_eq(kreg_register(k, "name", 4, "v", 1, NULL), 0);
	entry = entry_of_name(&q);
	entry->info |=
		(uint64_t)ENTRY_REMOTE << ENTRY_KIND_SHIFT | 1000ull << ENTRY_VALUE_SIZE_SHIFT;
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, &found), -EUCLEAN);
	ck_assert_int_eq(kreg_signal(k, "name", 4, 0), -EREMOTE);
	kreg_close(k);
}
END_TEST

START_TEST(a_struct_of_another_version_is_read_as_far_as_it_goes)
{
	struct {
		struct kreg_remote known;
		uint64_t more;
	} larger = { .known = { .size = sizeof(larger), .host = "far" } };
	KREG_REMOTE(small, .pid = 9);

	begin(_i);
	ck_assert_int_eq(kreg_register_remote(k, "name", 4, NULL, 0, &larger.known, 0, NULL), 0);
	larger.more = 1;
	ck_assert_int_eq(kreg_register_remote(k, "name", 4, NULL, 0, &larger.known, 0, NULL),
			 -E2BIG);
	small.size = offsetof(struct kreg_remote, pid);
	ck_assert_int_eq(kreg_remote_host(k, "name", 4, &small), 1);
	ck_assert_uint_eq(small.pid, 9);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_name_of_another_host_is_found_by_all_calls_that_find_names,
		a_name_of_this_host_is_of_none_other,
		a_name_that_is_taken_has_a_holder_also_if_that_is_the_caller,
		what_needs_the_process_answers_that_it_is_elsewhere,
		its_owner_replaces_it_as_a_whole_or_not_at_all,
		it_yields_to_a_process_of_this_host_however_that_registers,
		one_owner_of_such_names_takes_over_from_another,
		values_and_hosts_of_all_sizes_are_whole,
		what_another_process_writes_there_is_not_followed,
		a_struct_of_another_version_is_read_as_far_as_it_goes,
		NULL,
	};

	return modes_run(suite_create("remote"), tcase_create("both"), both, NULL, NULL);
}
