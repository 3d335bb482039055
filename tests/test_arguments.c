/* SPDX-License-Identifier: MIT */
/*
 * Arguments that are refused: each call says through the log, in one sentence, which argument
 * it is and why, and what ends otherwise says nothing. test_arguments_services.c has those of
 * services. build-aux/check-refusals looks for each exported call in the two.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/heard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static const struct kreg_owner nobody;

static int visit(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return 0;
}

static int matches(const struct kreg_entry *entry, void *data)
{
	return !visit(entry, data);
}

static ssize_t keep(void *out, size_t capacity, const void *now, size_t size, void *data)
{
	(void)capacity;
	(void)data;
	memcpy(out, now, size);
	return (ssize_t)size;
}

static int visit_owner(const struct kreg_owner_facts *facts, void *data)
{
	(void)facts;
	(void)data;
	return 0;
}

static int visit_registry(const struct kreg_registry *registry, void *data)
{
	(void)registry;
	(void)data;
	return 0;
}

START_TEST(registries)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct kreg *out;

	heard_begin(_i);
	REFUSED(kreg_open, "out is NULL", (NULL, "a", &options));
	REFUSED(kreg_open, "name is NULL", (&out, NULL, &options));
	REFUSED(kreg_open, "\"a b\" is not a registry name", (&out, "a b", &options));
	REFUSED(kreg_open, "\"\\x01\\xff\" is not a registry name", (&out, "\001\377", &options));
	options.flags = 1u << 31;
	REFUSED(kreg_open, "options->flags has unknown bits", (&out, "a", &options));
	options.flags = KREG_OPEN_EXCLUSIVE | KREG_OPEN_EXISTING;
	REFUSED(kreg_open, "options->flags has KREG_OPEN_EXCLUSIVE", (&out, "a", &options));
	options.flags = 0;
	options.life = 3;
	REFUSED(kreg_open, "options->life", (&out, "a", &options));
	options.life = 0;
	options.keys = 3;
	REFUSED(kreg_open, "options->keys is none", (&out, "a", &options));
	options.keys = KREG_KEYS_DUPLICATE;
	REFUSED(kreg_open, "options->keys asks for duplicate", (&out, "arguments", &options));
	options.keys = 0;
	options.mode = 01777;
	REFUSED(kreg_open, "options->mode", (&out, "a", &options));
	options.mode = 0;
	options.seats = 65537;
	REFUSED(kreg_open, "options->seats", (&out, "a", &options));
	options.seats = 0;
	options.partitions = 65;
	REFUSED(kreg_open, "options->partitions", (&out, "a", &options));
	options.partitions = 0;
	options.slots = 1048577;
	REFUSED(kreg_open, "slots", (&out, "a", &options));
	options.slots = 0;
	REFUSED(kreg_destroy, "flags has unknown bits", ("a", &options, 2));
	REFUSED(kreg_destroy, "name is NULL", (NULL, &options, 0));
	REFUSED(kreg_registries_each, "visit is NULL", (&options, 0, NULL, NULL));
	REFUSED(kreg_registries_each, "flags has unknown", (&options, 8, visit_registry, NULL));
	options.size = 0;
	REFUSED(kreg_open, "options->size is not set", (&out, "a", &options));
	REFUSED(kreg_destroy, "options->size is not set", ("a", &options, 0));
	REFUSED(kreg_registries_each, "options->size", (&options, 0, visit_registry, NULL));
	REFUSED(kreg_count, "k is NULL", (NULL));
	REFUSED(kreg_check, "k is NULL", (NULL, NULL, NULL));
	REFUSED(kreg_sweep, "k is NULL", (NULL));
	REFUSED(kreg_stat, "k is NULL", (NULL, NULL));
	REFUSED(kreg_stat, "stat is NULL", (heard_k, NULL));
	REFUSED(kreg_stat, "stat->size is not set", (heard_k, &(struct kreg_stat){ 0 }));
	heard_end();
}
END_TEST

START_TEST(lookups)
{
	struct kreg_key keys[] = { { .key = "a", .key_size = 1 }, { .key = NULL, .key_size = 1 } };
	struct kreg_found found[2] = { 0 };
	struct kreg_ref ref = { .key = "a", .key_size = 1 };
	struct kreg_pool pool = KREG_POOL("a", 1), no_pool = { 0 };
	const void *value;
	struct kreg_owner owner;
	char room[8];

	heard_begin(_i);
	REFUSED(kreg_lookup, "k is NULL", (NULL, "a", 1, room, 8, NULL));
	REFUSED(kreg_lookup, "key is NULL", (heard_k, NULL, 1, room, 8, NULL));
	REFUSED(kreg_lookup, "key is empty", (heard_k, "a", 0, room, 8, NULL));
	REFUSED(kreg_lookup, "key is empty", (heard_k, "", KREG_STRING, room, 8, NULL));
	REFUSED(kreg_lookup, "value is NULL, but capacity", (heard_k, "a", 1, NULL, 8, NULL));
	SILENT(5, kreg_lookup(heard_k, "a", 1, room, 8, NULL));
	SILENT(5, kreg_lookup(heard_k, "a", 1, NULL, 0, NULL));
	SILENT(-ENOENT, kreg_lookup(heard_k, "b", 1, room, 8, NULL));
	SILENT(-ERANGE, kreg_lookup(heard_k, "a", 1, room, 1, NULL));
	SILENT(-ENAMETOOLONG, kreg_lookup(heard_k, "a", 256, room, 8, NULL));
	REFUSED(kreg_lookup_string, "k is NULL", (NULL, "a", 1, room, 8, NULL));
	REFUSED(kreg_lookup_string, "key is NULL", (heard_k, NULL, 1, room, 8, NULL));
	REFUSED(kreg_lookup_string, "out is NULL, but capacity", (heard_k, "a", 1, NULL, 8, NULL));
	SILENT(5, kreg_lookup_string(heard_k, "a", 1, room, 8, NULL));
	REFUSED(kreg_lookup_many, "k is NULL", (NULL, keys, 1, found));
	REFUSED(kreg_lookup_many, "keys is NULL", (heard_k, NULL, 1, found));
	REFUSED(kreg_lookup_many, "found is NULL", (heard_k, keys, 1, NULL));
	heard_clear();
	ck_assert_int_eq(kreg_lookup_many(heard_k, keys, 2, found), 1);
	heard_expect("kreg_lookup_many", "key is NULL", found[1].size);
	REFUSED(kreg_ref_lookup, "k is NULL", (NULL, &ref, room, 8, NULL));
	REFUSED(kreg_ref_lookup, "ref is NULL", (heard_k, NULL, room, 8, NULL));
	REFUSED(kreg_ref_lookup, "ref is NULL", (heard_k, NULL, room, 2, NULL));
	REFUSED(kreg_ref_lookup, "value is NULL", (heard_k, &ref, NULL, 8, NULL));
	REFUSED(kreg_ref_lookup, "ref->key is NULL",
		(heard_k, &(struct kreg_ref){ 0 }, room, 8, NULL));
	REFUSED(kreg_ref_lookup, "ref->key is empty",
		(heard_k, &(struct kreg_ref){ .key = "a" }, room, 8, NULL));
	SILENT(5, kreg_ref_lookup(heard_k, &ref, room, 8, NULL));
	REFUSED(kreg_whereis, "owner is NULL", (heard_k, "a", 1, NULL));
	REFUSED(kreg_whereis, "key is empty", (heard_k, "a", 0, &owner));
	SILENT(0, kreg_whereis(heard_k, "a", 1, &owner));
	REFUSED(kreg_pool_next, "k is NULL", (NULL, &pool, room, 8, NULL));
	REFUSED(kreg_pool_next, "pool is NULL", (heard_k, NULL, room, 8, NULL));
	REFUSED(kreg_pool_next, "value is NULL", (heard_k, &pool, NULL, 8, NULL));
	REFUSED(kreg_pool_next, "key is NULL", (heard_k, &no_pool, room, 8, NULL));
	REFUSED(kreg_pool_least, "pool is NULL", (heard_k, NULL, room, 8, NULL));
	REFUSED(kreg_pool_for, "what is NULL", (heard_k, &pool, NULL, 8, room, 8, NULL));
	REFUSED(kreg_pool_for, "pool is NULL", (heard_k, NULL, "x", 1, room, 8, NULL));
	REFUSED(kreg_read_enter, "k is NULL", (NULL));
	REFUSED(kreg_read_leave, "k is NULL", (NULL));
	REFUSED(kreg_read_leave, "no read section", (heard_k));
	REFUSED(kreg_read, "no read section", (heard_k, "a", 1, &value, NULL));
	ck_assert_int_eq(kreg_read_enter(heard_k), 0);
	REFUSED(kreg_read, "k is NULL", (NULL, "a", 1, &value, NULL));
	REFUSED(kreg_read, "key is NULL", (heard_k, NULL, 1, &value, NULL));
	REFUSED(kreg_read, "value is NULL", (heard_k, "a", 1, NULL, NULL));
	SILENT(0, kreg_read_leave(heard_k));
	heard_end();
}
END_TEST

START_TEST(lists)
{
	KREG_PATTERN(pattern, .key_size = 1);

	heard_begin(_i);
	REFUSED(kreg_select, "k is NULL", (NULL, NULL, visit, NULL));
	REFUSED(kreg_select, "visit is NULL", (heard_k, NULL, NULL, NULL));
	REFUSED(kreg_select, "pattern->key is NULL", (heard_k, &pattern, visit, NULL));
	REFUSED(kreg_count_select, "pattern->key is NULL", (heard_k, &pattern));
	REFUSED(kreg_count_select, "k is NULL", (NULL, NULL));
	pattern.key = "a";
	pattern.prefix_size = 1;
	REFUSED(kreg_select, "pattern->prefix is NULL", (heard_k, &pattern, visit, NULL));
	pattern.prefix_size = 0;
	pattern.owner = &nobody;
	REFUSED(kreg_select, "pattern->owner has a token of 0", (heard_k, &pattern, visit, NULL));
	pattern.owner = NULL;
	pattern.value_size = 1;
	REFUSED(kreg_select, "pattern->value is NULL", (heard_k, &pattern, visit, NULL));
	pattern.value_size = 0;
	pattern.key_size = 0;
	REFUSED(kreg_select, "key is empty", (heard_k, &pattern, visit, NULL));
	pattern.size = 0;
	REFUSED(kreg_select, "pattern->size is not set", (heard_k, &pattern, visit, NULL));
	REFUSED(kreg_each, "k is NULL", (NULL, NULL, 0, visit, NULL));
	REFUSED(kreg_each, "visit is NULL", (heard_k, NULL, 0, NULL, NULL));
	REFUSED(kreg_each, "pattern->prefix is NULL", (heard_k, NULL, 1, visit, NULL));
	REFUSED(kreg_each_of_key, "key is NULL", (heard_k, NULL, 1, visit, NULL));
	REFUSED(kreg_each_of_key, "key is empty", (heard_k, "a", 0, visit, NULL));
	REFUSED(kreg_each_of_key, "visit is NULL", (heard_k, "a", 1, NULL, NULL));
	REFUSED(kreg_each_of_owner, "owner is NULL", (heard_k, NULL, visit, NULL));
	REFUSED(kreg_dispatch, "visit is NULL", (heard_k, "a", 1, NULL, NULL));
	REFUSED(kreg_dispatch, "key is NULL", (heard_k, NULL, 1, visit, NULL));
	REFUSED(kreg_meta_each, "k is NULL", (NULL, visit, NULL));
	REFUSED(kreg_meta_each, "visit is NULL", (heard_k, NULL, NULL));
	REFUSED(kreg_each_owner, "visit is NULL", (heard_k, NULL, NULL));
	REFUSED(kreg_each_owner, "k is NULL", (NULL, visit_owner, NULL));
	SILENT(0, kreg_each(heard_k, NULL, 0, visit, NULL));
	SILENT(1, kreg_dispatch(heard_k, "a", 1, visit, NULL));
	heard_end();
}
END_TEST

START_TEST(registrations)
{
	struct kreg_item item = { .key = "b", .key_size = 0 };
	struct kreg_found found = { .capacity = 8 };
	uint32_t flags;
	size_t failed;
	char room[8];

	heard_begin(_i);
	REFUSED(kreg_register, "k is NULL", (NULL, "b", 1, "v", 1, NULL));
	REFUSED(kreg_register, "key is NULL", (heard_k, NULL, 1, "v", 1, NULL));
	REFUSED(kreg_register, "key is empty", (heard_k, "b", 0, "v", 1, NULL));
	REFUSED(kreg_register, "value is NULL, but value_size", (heard_k, "b", 1, NULL, 1, NULL));
	REFUSED(kreg_register, "holder->value is NULL", (heard_k, "b", 1, "v", 1, &found));
	SILENT(-EMSGSIZE, kreg_register(heard_k, "b", 1, room, KREG_VALUE_MAX + 1, NULL));
	SILENT(-EEXIST, kreg_register(heard_k, "a", 1, "v", 1, NULL));
	REFUSED(kreg_register_with, "unknown bits", (heard_k, "b", 1, "v", 1, 1u << 31, NULL));
	REFUSED(kreg_register_with, "duplicate keys",
		(heard_d, "b", 1, "v", 1, KREG_REGISTER_QUEUE, NULL));
	REFUSED(kreg_register_with, "without KREG_REGISTER_REPLACEABLE",
		(heard_k, "b", 1, "v", 1, KREG_REGISTER_DROP, NULL));
	REFUSED(kreg_register_with, "reserved",
		(heard_k, "b", 1, "v", 1,
		 KREG_REGISTER_DROP | KREG_REGISTER_REPLACEABLE | KREG_REGISTER_RESERVED, NULL));
	REFUSED(kreg_get_flags, "flags is NULL", (heard_k, "a", 1, NULL));
	REFUSED(kreg_get_flags, "key is empty", (heard_k, "a", 0, &flags));
	REFUSED(kreg_set_flags, "duplicate keys", (heard_d, "a", 1, 0));
	REFUSED(kreg_set_flags, "cannot be changed", (heard_k, "a", 1, 1u << 31));
	REFUSED(kreg_set_flags, "without KREG", (heard_k, "a", 1, KREG_REGISTER_DROP));
	REFUSED(kreg_register_many, "k is NULL", (NULL, &item, 1, &failed));
	REFUSED(kreg_register_many, "items is NULL", (heard_k, NULL, 1, &failed));
	REFUSED(kreg_register_many, "key is empty", (heard_k, &item, 1, &failed));
	heard_end();
}
END_TEST

START_TEST(changes)
{
	struct kreg_counter_item count = { .key = "b", .key_size = 0 };
	struct kreg_item item = { .key = "b", .key_size = 0 };
	int64_t sum;
	char room[8];

	heard_begin(_i);
	REFUSED(kreg_publish, "key is empty", (heard_k, "b", 0, "v", 1));
	REFUSED(kreg_unregister, "k is NULL", (NULL, "a", 1));
	REFUSED(kreg_unregister, "key is empty", (heard_k, "a", 0));
	REFUSED(kreg_unregister_all, "k is NULL", (NULL, 0));
	REFUSED(kreg_unregister_all, "flags has unknown bits", (heard_k, 2));
	REFUSED(kreg_unregister_match, "match is NULL", (heard_k, "a", 1, NULL, NULL));
	REFUSED(kreg_unregister_match, "key is NULL", (heard_k, NULL, 1, matches, NULL));
	REFUSED(kreg_update, "value is NULL", (heard_k, "a", 1, NULL, 1, NULL, 0));
	REFUSED(kreg_update, "old is NULL", (heard_k, "a", 1, "v", 1, NULL, 1));
	REFUSED(kreg_update_if, "expected is NULL", (heard_k, "a", 1, "v", 1, NULL, 1));
	REFUSED(kreg_update_with, "change is NULL", (heard_k, "a", 1, NULL, NULL));
	REFUSED(kreg_update_with, "key is empty", (heard_k, "a", 0, keep, NULL));
	REFUSED(kreg_counter_add, "is no counter", (heard_k, "a", 1, 1, NULL));
	REFUSED(kreg_counter_add, "key is NULL", (heard_k, NULL, 1, 1, NULL));
	REFUSED(kreg_counter_add_bounded, "is no counter", (heard_k, "a", 1, 1, 2, 0, NULL));
	REFUSED(kreg_counter_add_bounded, "k is NULL", (NULL, "a", 1, 1, 2, 0, NULL));
	REFUSED(kreg_counter_reset, "is no counter", (heard_k, "a", 1, 1, NULL));
	REFUSED(kreg_counter_reset, "key is empty", (heard_k, "a", 0, 1, NULL));
	REFUSED(kreg_counter_add_many, "k is NULL", (NULL, &count, 1));
	REFUSED(kreg_counter_add_many, "items is NULL", (heard_k, NULL, 1));
	heard_clear();
	ck_assert_int_eq(kreg_counter_add_many(heard_k, &count, 1), 0);
	heard_expect("kreg_counter_add_many", "key is empty", count.error);
	REFUSED(kreg_counter_sum, "sum is NULL", (heard_k, "a", 1, NULL));
	REFUSED(kreg_counter_sum, "key is empty", (heard_k, "a", 0, &sum));
	REFUSED(kreg_give, "to is NULL", (heard_k, "a", 1, NULL));
	REFUSED(kreg_give, "to has a token of 0", (heard_k, "a", 1, &nobody));
	REFUSED(kreg_give, "partitions", (heard_d, "a", 1, &heard_self));
	REFUSED(kreg_allow, "unknown bits", (heard_k, 2));
	REFUSED(kreg_register_for, "to is NULL", (heard_k, NULL, "a", 1, "v", 1, 0, NULL));
	REFUSED(kreg_register_for, "unknown bits", (heard_k, &heard_self, "a", 1, "v", 1, 1, NULL));
	REFUSED(kreg_update_for, "value is NULL", (heard_k, &heard_self, "a", 1, NULL, 1));
	REFUSED(kreg_update_for, "to has a token of 0", (heard_k, &nobody, "a", 1, "v", 1));
	REFUSED(kreg_unregister_for, "key is NULL", (heard_k, &heard_self, NULL, 1));
	REFUSED(kreg_meta_put, "value is NULL", (heard_k, "a", 1, NULL, 1));
	REFUSED(kreg_meta_put, "key is empty", (heard_k, "a", 0, "v", 1));
	REFUSED(kreg_meta_put_many, "k is NULL", (NULL, &item, 1));
	REFUSED(kreg_meta_put_many, "items is NULL", (heard_k, NULL, 1));
	REFUSED(kreg_meta_put_many, "key is empty", (heard_k, &item, 1));
	SILENT(0, kreg_meta_put_many(heard_k, NULL, 0));
	REFUSED(kreg_meta_delete, "key is NULL", (heard_k, NULL, 1));
	REFUSED(kreg_meta_get, "value is NULL", (heard_k, "a", 1, NULL, 8));
	REFUSED(kreg_meta_get_string, "out is NULL", (heard_k, "a", 1, NULL, 8));
	SILENT(-ENOENT, kreg_meta_get(heard_k, "a", 1, room, 8));
	SILENT(-ENOENT, kreg_unregister(heard_k, "b", 1) ? -1 : -ENOENT);
	heard_end();
}
END_TEST

START_TEST(names_of_other_hosts)
{
	KREG_REMOTE(remote, .pid = 1);

	heard_begin(_i);
	REFUSED(kreg_register_remote, "remote is NULL", (heard_k, "a", 1, "v", 1, NULL, 0, NULL));
	REFUSED(kreg_register_remote, "unknown bits",
		(heard_k, "a", 1, "v", 1, &remote, KREG_REGISTER_DROP, NULL));
	REFUSED(kreg_register_remote, "remote->host", (heard_k, "a", 1, "v", 1, &remote, 0, NULL));
	REFUSED(kreg_register_remote, "duplicate keys",
		(heard_d, "a", 1, "v", 1, &remote, 0, NULL));
	REFUSED(kreg_register_remote, "key is NULL", (heard_k, NULL, 1, "v", 1, &remote, 0, NULL));
	strcpy(remote.host, "far");
	remote.flags = 2;
	REFUSED(kreg_register_remote, "remote->flags", (heard_k, "a", 1, "v", 1, &remote, 0, NULL));
	remote.size = 0;
	REFUSED(kreg_register_remote, "size is not set",
		(heard_k, "a", 1, "v", 1, &remote, 0, NULL));
	REFUSED(kreg_remote_host, "size is not set", (heard_k, "a", 1, &remote));
	REFUSED(kreg_remote_host, "key is empty", (heard_k, "a", 0, NULL));
	heard_end();
}
END_TEST

START_TEST(names_of_the_cluster)
{
	KREG_REMOTE(remote, .pid = 0);
	uint64_t token;

	heard_begin(_i);
	REFUSED(kreg_cluster_register, "key is NULL", (heard_k, NULL, 1, "v", 1, 0, 0, NULL));
	REFUSED(kreg_cluster_register, "key is not NAMESPACE/ROLE",
		(heard_k, "ab", 2, "v", 1, 0, 0, NULL));
	REFUSED(kreg_cluster_register, "key is not NAMESPACE/ROLE",
		(heard_k, ".a/b", 4, "v", 1, 0, 0, NULL));
	REFUSED(kreg_cluster_register, "value is NULL", (heard_k, "a/b", 3, NULL, 1, 0, 0, NULL));
	REFUSED(kreg_cluster_register, "flags has unknown bits",
		(heard_k, "a/b", 3, "v", 1, 2, 0, NULL));
	REFUSED(kreg_cluster_register, "duplicate keys", (heard_d, "a/b", 3, "v", 1, 0, 0, NULL));
	REFUSED(kreg_cluster_held, "key is empty", (heard_k, "a", 0, NULL));
	REFUSED(kreg_cluster_token, "token is NULL", (heard_k, "a", 1, NULL));
	REFUSED(kreg_cluster_unregister, "key is NULL", (heard_k, NULL, 1));
	SILENT(-ENOENT, kreg_cluster_held(heard_k, "a/b", 3, &token));
	SILENT(-ENOENT, kreg_cluster_token(heard_k, "a/b", 3, &token));
	remote.size = 0;
	REFUSED(kreg_cluster_register, "size is not set",
		(heard_k, "a/b", 3, "v", 1, 0, 0, &remote));
	heard_end();
}
END_TEST

START_TEST(owners)
{
	struct kreg_owner never;
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct kreg_end told;

	heard_begin(_i);
	never = (struct kreg_owner){ .token = heard_self.token + (1ull << 40) };
	REFUSED(kreg_self, "k is NULL", (NULL, &owner));
	REFUSED(kreg_self, "self is NULL", (heard_k, NULL));
	REFUSED(kreg_owner_end, "k is NULL", (NULL, &heard_self, &told));
	REFUSED(kreg_owner_end, "owner is NULL", (heard_k, NULL, &told));
	REFUSED(kreg_owner_end, "owner has a token of 0", (heard_k, &nobody, &told));
	REFUSED(kreg_owner_end, "end is NULL", (heard_k, &heard_self, NULL));
	REFUSED(kreg_owner_end, "owner was never one", (heard_k, &never, &told));
	SILENT(-EBUSY, kreg_owner_end(heard_k, &heard_self, &told));
	REFUSED(kreg_owner_facts, "facts is NULL", (heard_k, &heard_self, NULL));
	REFUSED(kreg_owner_facts, "owner has a token of 0", (heard_k, &nobody, &facts));
	REFUSED(kreg_owner_pidfd, "k is NULL", (NULL, &heard_self));
	REFUSED(kreg_owner_pidfd, "owner is NULL", (heard_k, NULL));
	REFUSED(kreg_monitor, "key is empty", (heard_k, "a", 0, &owner));
	REFUSED(kreg_signal, "key is NULL", (heard_k, NULL, 1, 0));
	REFUSED(kreg_signal, "signal", (heard_k, "a", 1, 9999));
	REFUSED(kreg_connect, "type", (heard_k, "a", 1, SOCK_DGRAM, NULL));
	REFUSED(kreg_connect, "key is NULL", (heard_k, NULL, 1, SOCK_STREAM, NULL));
	heard_end();
}
END_TEST

START_TEST(waits)
{
	struct kreg_found found = { .capacity = 8 };
	struct kreg_pending *pending;
	struct kreg_lock lock = { 0 };

	heard_begin(_i);
	REFUSED(kreg_await, "k is NULL", (NULL, "a", 1, 0, NULL));
	REFUSED(kreg_await, "key is empty", (heard_k, "a", 0, 0, NULL));
	REFUSED(kreg_await, "found->value is NULL", (heard_k, "a", 1, 0, &found));
	SILENT(-ETIMEDOUT, kreg_await(heard_k, "b", 1, 0, NULL));
	REFUSED(kreg_await_gone, "owner has a token of 0", (heard_k, "a", 1, &nobody, 0));
	REFUSED(kreg_await_gone, "key is NULL", (heard_k, NULL, 1, NULL, 0));
	REFUSED(kreg_await_turn, "duplicate keys", (heard_d, "a", 1, 0));
	REFUSED(kreg_await_turn, "key is NULL", (heard_k, NULL, 1, 0));
	REFUSED(kreg_await_begin, "out is NULL", (NULL, heard_k, "a", 1));
	REFUSED(kreg_await_begin, "key is empty", (&pending, heard_k, "a", 0));
	REFUSED(kreg_await_gone_begin, "out is NULL", (NULL, heard_k, "a", 1, NULL));
	REFUSED(kreg_await_gone_begin, "token of 0", (&pending, heard_k, "a", 1, &nobody));
	REFUSED(kreg_await_turn_begin, "out is NULL", (NULL, heard_k, "a", 1));
	REFUSED(kreg_await_turn_begin, "duplicate keys", (&pending, heard_d, "a", 1));
	REFUSED(kreg_lock, "lock is NULL", (heard_k, "a", 1, 0, NULL));
	REFUSED(kreg_lock, "key is NULL", (heard_k, NULL, 1, 0, &lock));
	REFUSED(kreg_lock_begin, "out is NULL", (NULL, heard_k, "a", 1));
	REFUSED(kreg_lock_begin, "k is NULL", (&pending, NULL, "a", 1));
	REFUSED(kreg_unlock, "k is NULL", (NULL, &lock));
	REFUSED(kreg_unlock, "lock is NULL", (heard_k, NULL));
	REFUSED(kreg_unlock, "lock is not held", (heard_k, &lock));
	ck_assert_int_eq(kreg_lock(heard_k, "a", 1, 0, &lock), 0);
	SILENT(0, kreg_unlock(heard_k, &(struct kreg_lock){ lock.place }));
	REFUSED(kreg_unlock, "lock is not held", (heard_k, &lock));
	REFUSED(kreg_pending_fd, "pending is NULL", (NULL));
	REFUSED(kreg_pending_result, "pending is NULL", (NULL, NULL));
	REFUSED(kreg_pending_lock, "pending is NULL", (NULL, &lock));
	ck_assert_int_eq(kreg_await_gone_begin(&pending, heard_k, "a", 1, NULL), 0);
	REFUSED(kreg_pending_lock, "use kreg_pending_result", (pending, &lock));
	REFUSED(kreg_pending_result, "pass NULL", (pending, &found));
	kreg_pending_close(pending);
	ck_assert_int_eq(kreg_lock_begin(&pending, heard_k, "a", 1), 0);
	REFUSED(kreg_pending_result, "use kreg_pending_lock", (pending, NULL));
	REFUSED(kreg_pending_lock, "lock is NULL", (pending, NULL));
	SILENT(0, kreg_pending_lock(pending, &lock));
	REFUSED(kreg_pending_lock, "given its lock already", (pending, &lock));
	kreg_pending_close(pending);
	heard_end();
}
END_TEST

START_TEST(listeners)
{
	KREG_PATTERN(pattern, .value = "v", .value_size = 1);
	struct kreg_listener *l;
	struct kreg_event event;

	heard_begin(_i);
	REFUSED(kreg_listen, "out is NULL", (NULL, heard_k, NULL, 0));
	REFUSED(kreg_listen, "k is NULL", (&l, NULL, NULL, 0));
	REFUSED(kreg_listen, "flags has unknown bits", (&l, heard_k, NULL, 1u << 31));
	REFUSED(kreg_listen, "pattern->value is set", (&l, heard_k, &pattern, 0));
	REFUSED(kreg_listener_next, "listener is NULL", (NULL, &event));
	REFUSED(kreg_listener_fd, "listener is NULL", (NULL));
	ck_assert_int_eq(kreg_listen(&l, heard_k, NULL, 0), 0);
	REFUSED(kreg_listener_next, "event is NULL", (l, NULL));
	kreg_listener_close(l);
	heard_end();
}
END_TEST

/* Makes a call with a wrong argument, and one of the log's own. */
static int wrong_in_visit(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	*(ssize_t *)data = kreg_lookup(heard_k, NULL, 1, NULL, 0, NULL);
	return 0;
}

START_TEST(a_call_in_a_visitor_has_its_own_name)
{
	ssize_t got = 0;

	heard_begin(0);
	heard_clear();
	ck_assert_int_eq(kreg_each(heard_k, NULL, 0, wrong_in_visit, &got), 0);
	heard_expect("kreg_lookup", "key is NULL", got);
	heard_end();
}
END_TEST

static void wrong_in_log(const char *sentence, void *data)
{
	hear(sentence, data);
	ck_assert_int_eq(kreg_lookup(NULL, NULL, 0, NULL, 0, NULL), -EINVAL);
}

START_TEST(what_a_log_is_refused_is_not_said)
{
	heard_clear();
	ck_assert_int_eq(kreg_set_log(wrong_in_log, &heard_process), 0);
	heard_expect("kreg_count", "k is NULL", kreg_count(NULL));
	ck_assert_int_eq(kreg_set_log(NULL, NULL), 0);
}
END_TEST

START_TEST(a_handles_own_log_is_for_its_calls)
{
	struct kreg *own;

	heard_begin(0);
	own = heard_open("own", 0, 0, &heard_handles);
	heard_clear();
	ck_assert_int_eq(kreg_register(own, "", 0, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(heard_handles.count, 1);
	ck_assert_int_eq(heard_process.count, 0);
	ck_assert_int_eq(kreg_register(heard_k, "", 0, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(heard_handles.count, 1);
	ck_assert_int_eq(heard_process.count, 1);
	kreg_close(own);
	heard_end();
}
END_TEST

START_TEST(without_a_log_nothing_is_said)
{
	int pipe_ends[2];
	char text[16];
	pid_t child;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	child = fork();
	if (!child) {
		dup2(pipe_ends[1], STDERR_FILENO);
		dup2(pipe_ends[1], STDOUT_FILENO);
		_exit(kreg_count(NULL) == -EINVAL ? 0 : 1);
	}
	close(pipe_ends[1]);
	ck_assert_int_eq(read(pipe_ends[0], text, sizeof(text)), 0);
	close(pipe_ends[0]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* Its log is inherited: a copy of what it heard before is changed there, not here. */
START_TEST(a_child_of_fork_inherits_the_log)
{
	int status;
	pid_t child;

	heard_clear();
	ck_assert_int_eq(kreg_set_log(hear, &heard_process), 0);
	child = fork();
	if (!child) {
		kreg_count(NULL);
		_exit(heard_process.count);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 1 << 8);
	ck_assert_int_eq(heard_process.count, 0);
	ck_assert_int_eq(kreg_set_log(NULL, NULL), 0);
}
END_TEST

/* Each has its own data, so a function that is called with the other's is seen. */
static volatile sig_atomic_t mixed, calls;

static void hear_one(const char *sentence, void *data)
{
	(void)sentence;
	mixed |= data != (void *)1;
	calls++;
}

static void hear_two(const char *sentence, void *data)
{
	(void)sentence;
	mixed |= data != (void *)2;
	calls++;
}

static void *ask(void *data)
{
	int i;

	for (i = 0; i < 20000; i++)
		kreg_count(NULL);
	return data;
}

START_TEST(a_log_is_never_called_with_anothers_data)
{
	pthread_t thread;
	int i;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, NULL), 0);
	for (i = 0; i < 20000; i++)
		ck_assert_int_eq(
			kreg_set_log(i & 1 ? hear_two : hear_one, i & 1 ? (void *)2 : (void *)1),
			0);
	pthread_join(thread, NULL);
	kreg_count(NULL);
	ck_assert_int_eq(mixed, 0);
	ck_assert_int_gt(calls, 0);
	ck_assert_int_eq(kreg_set_log(NULL, NULL), 0);
}
END_TEST

/* A folder that cannot be read. */
START_TEST(a_listing_says_why_it_failed)
{
	KREG_OPTIONS(options, .directory = "/nonexistent", .guard = "none", .log = hear,
		     .log_data = &heard_handles);

	heard_clear();
	ck_assert_int_eq(kreg_registries_each(&options, 0, visit_registry, NULL), -ENOENT);
	ck_assert_int_eq(heard_handles.count, 1);
	ck_assert_ptr_nonnull(strstr(heard_handles.sentence, "/nonexistent"));
	options.directory = "/dev/null";
	heard_clear();
	ck_assert_int_eq(kreg_registries_each(&options, 0, visit_registry, NULL), -ENOTDIR);
	ck_assert_int_eq(heard_handles.count, 1);
	ck_assert_ptr_nonnull(strstr(heard_handles.sentence, "/dev/null"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arguments");
	TCase *tcase = tcase_create("refused");

	tcase_add_loop_test(tcase, registries, 0, 2);
	tcase_add_loop_test(tcase, lookups, 0, 2);
	tcase_add_loop_test(tcase, lists, 0, 2);
	tcase_add_loop_test(tcase, registrations, 0, 2);
	tcase_add_loop_test(tcase, changes, 0, 2);
	tcase_add_loop_test(tcase, names_of_other_hosts, 0, 2);
	tcase_add_loop_test(tcase, names_of_the_cluster, 0, 2);
	tcase_add_loop_test(tcase, owners, 0, 2);
	tcase_add_loop_test(tcase, waits, 0, 2);
	tcase_add_loop_test(tcase, listeners, 0, 2);
	tcase_add_test(tcase, a_call_in_a_visitor_has_its_own_name);
	tcase_add_test(tcase, what_a_log_is_refused_is_not_said);
	tcase_add_test(tcase, a_handles_own_log_is_for_its_calls);
	tcase_add_test(tcase, without_a_log_nothing_is_said);
	tcase_add_test(tcase, a_child_of_fork_inherits_the_log);
	tcase_add_test(tcase, a_log_is_never_called_with_anothers_data);
	tcase_add_test(tcase, a_listing_says_why_it_failed);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
