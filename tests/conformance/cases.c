/* SPDX-License-Identifier: MIT */
/*
 * A, B and C are processes; each step is a call of one of them, and what has to come of it. A step without
 * a call kills its actor. An entry reads OWNER.KEY=VALUE, with what is meant left out where all have it.
 */
#include "tests/conformance/cases.h"

#define UNIQUE KREG_KEYS_UNIQUE
#define DUPLICATE KREG_KEYS_DUPLICATE
#define BY_KEY KREG_KEYS_DUPLICATE_BY_KEY

/* clang-format off */
const struct conformance conformance_cases[] = {
	{ "Registry", "a unique key points to no process or to one", UNIQUE, {
		{ 'A', call_entries, "none", "k" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "taken by A=1", "k", "2" },
		{ 'B', call_entries, "A=1", "k" },
	} },
	{ "Registry", "a duplicate key points to any number of processes", DUPLICATE, {
		{ 'A', call_entries, "none", "k" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "ok", "k", "2" },
		{ 'C', call_register, "ok", "k", "3" },
		{ 'A', call_entries, "A=1 B=2 C=3", "k" },
	} },
	{ "Registry", "different keys may identify the same process", UNIQUE, {
		{ 'A', call_register, "ok", "one", "1" },
		{ 'A', call_register, "ok", "two", "2" },
		{ 'B', call_whereis, "A", "one" },
		{ 'B', call_whereis, "A", "two" },
	} },
	{ "Registry", "if the process crashes its keys are removed, all at once and before anyone can know",
	  UNIQUE, {
		{ 'A', call_register, "ok", "one", "1" },
		{ 'A', call_register, "ok", "two", "2" },
		{ 'B', call_count, "2" },
		{ 'A' },
		{ 'B', call_count, "0" },
		{ 'B', call_entries, "none", "one" },
		{ 'B', call_lookup, "ENOENT", "two" },
	} },
	{ "Registry", "keys are compared exactly", UNIQUE, {
		{ 'A', call_register, "ok", "1", "integer" },
		{ 'A', call_register, "ok", "1.0", "float" },
		{ 'A', call_register, "ok", "1 ", "text" },
		{ 'B', call_lookup, "A=integer", "1" },
		{ 'B', call_lookup, "A=float", "1.0" },
		{ 'B', call_lookup, "ENOENT", "1." },
	} },
	{ "Registry", "a key that looks like a pattern is a plain key", UNIQUE, {
		{ 'A', call_register, "ok", "_", "1" },
		{ 'A', call_register, "ok", "$1", "2" },
		{ 'A', call_register, "ok", "*", "3" },
		{ 'A', call_register, "ok", "[a-z]?", "4" },
		{ 'B', call_entries, "A=1", "_" },
		{ 'B', call_entries, "A=2", "$1" },
		{ 'B', call_entries, "A=3", "*" },
		{ 'B', call_entries, "A=4", "[a-z]?" },
		{ 'B', call_entries, "none", "a" },
		{ 'A', call_unregister, "1", "*" },
		{ 'B', call_count, "3" },
	} },

	{ "Using in :via", "a process that started under a name is found by it", UNIQUE, {
		{ 'A', call_register, "ok", "agent", "" },
		{ 'B', call_whereis, "A", "agent" },
		{ 'B', call_send, "ok", "agent" },
	} },
	{ "Using in :via", "a name may have a value, and is found with and without it", UNIQUE, {
		{ 'A', call_register, "ok", "agent", "hello" },
		{ 'B', call_lookup, "A=hello", "agent" },
		{ 'B', call_whereis, "A", "agent" },
	} },
	{ "Using in :via", "starting under a taken name tells who has it", UNIQUE, {
		{ 'A', call_register, "ok", "agent", "" },
		{ 'B', call_register, "taken by A=", "agent", "" },
	} },
	{ "Using in :via", "sending to a name that nobody has is an error", UNIQUE, {
		{ 'B', call_send, "ENOENT", "agent" },
		{ 'A', call_register, "ok", "agent", "" },
		{ 'B', call_send, "ok", "agent" },
		{ 'A' },
		{ 'B', call_send, "ENOENT", "agent" },
	} },
	{ "Using in :via", "unregister_name gives the name up", UNIQUE, {
		{ 'A', call_register, "ok", "agent", "" },
		{ 'A', call_unregister, "1", "agent" },
		{ 'B', call_whereis, "ENOENT", "agent" },
	} },
	{ "Using in :via", "whereis_name leads to the living alone", UNIQUE, {
		{ 'A', call_register, "ok", "agent", "" },
		{ 'A' },
		{ 'B', call_whereis, "ENOENT", "agent" },
	} },

	{ "Using as a dispatcher", "dispatch gives all that are registered under the key", DUPLICATE, {
		{ 'A', call_register, "ok", "hello", "handler" },
		{ 'B', call_register, "ok", "hello", "other" },
		{ 'B', call_register, "ok", "bye", "handler" },
		{ 'C', call_dispatch, "A=handler B=other", "hello" },
	} },
	{ "Using as a dispatcher", "it runs in whoever dispatches, and the registered are not involved",
	  DUPLICATE, {
		{ 'A', call_register, "ok", "hello", "handler" },
		{ 'A', call_dispatch, "A=handler", "hello" },
		{ 'B', call_dispatch, "A=handler", "hello" },
	} },
	{ "Using as a dispatcher", "a failure in it is whoever dispatched's to handle", DUPLICATE, {
		{ 'A', call_register, "ok", "hello", "handler" },
		{ 'A', call_register, "ok", "hello", "other" },
		{ 'B', call_dispatch_that_fails, "ECANCELED", "hello" },
		{ 'B', call_dispatch, "A=handler A=other", "hello" },
	} },

	{ "Using as a PubSub", "subscribers of a topic get what is published, and of no other topic",
	  DUPLICATE, {
		{ 'A', call_register, "ok", "news", "" },
		{ 'B', call_register, "ok", "news", "" },
		{ 'C', call_register, "ok", "sport", "" },
		{ 'C', call_dispatch, "A B", "news" },
		{ 'A' },
		{ 'C', call_dispatch, "B", "news" },
		{ 'B', call_unregister, "1", "news" },
		{ 'C', call_dispatch, "none", "news" },
	} },
	{ "Using as a PubSub", "the same with all of a key in one partition", BY_KEY, {
		{ 'A', call_register, "ok", "news", "" },
		{ 'B', call_register, "ok", "news", "" },
		{ 'C', call_register, "ok", "sport", "" },
		{ 'C', call_dispatch, "A B", "news" },
		{ 'A' },
		{ 'C', call_dispatch, "B", "news" },
	} },

	{ "Registrations", "registering, finding and dispatching are immediate", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_lookup, "A=1", "k" },
		{ 'B', call_dispatch, "A=1", "k" },
		{ 'A', call_unregister, "1", "k" },
		{ 'B', call_register, "ok", "k", "2" },
		{ 'A', call_lookup, "B=2", "k" },
	} },
	{ "Registrations", "and so is what a crash removes, for every call, which Registry does not promise",
	  DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "ok", "k", "2" },
		{ 'A' },
		{ 'C', call_entries, "B=2", "k" },
		{ 'C', call_dispatch, "B=2", "k" },
		{ 'C', call_match, "none", "k", "1" },
		{ 'C', call_keys, "none", NULL, NULL, "A" },
		{ 'C', call_values, "none", "k", NULL, "A" },
		{ 'C', call_select_all, "B.k=2" },
		{ 'C', call_count, "1" },
		{ 'C', call_count_match, "0", "k", "1" },
		{ 'C', call_count_prefix, "1", "k" },
	} },

	{ "count/1", "the number of registered keys, in constant memory", UNIQUE, {
		{ 'A', call_count, "0" },
		{ 'A', call_register, "ok", "one", "" },
		{ 'A', call_register, "ok", "two", "" },
		{ 'B', call_register, "ok", "three", "" },
		{ 'C', call_count, "3" },
		{ 'A', call_unregister, "1", "one" },
		{ 'C', call_count, "2" },
	} },
	{ "count/1", "with duplicates each entry counts", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "" },
		{ 'A', call_register, "ok", "k", "" },
		{ 'B', call_register, "ok", "k", "" },
		{ 'C', call_count, "3" },
		{ 'A', call_unregister, "2", "k" },
		{ 'C', call_count, "1" },
	} },

	{ "count_match/4", "the number of entries of a key whose value matches", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "x" },
		{ 'A', call_register, "ok", "k", "y" },
		{ 'B', call_register, "ok", "k", "x" },
		{ 'B', call_register, "ok", "other", "x" },
		{ 'C', call_count_match, "2", "k", "x" },
		{ 'C', call_count_match, "1", "k", "y" },
		{ 'C', call_count_match, "0", "k", "z" },
		{ 'C', call_count_match, "0", "nobody", "x" },
	} },

	{ "count_select/2", "the number of entries that are selected", UNIQUE, {
		{ 'A', call_register, "ok", "cache/1", "" },
		{ 'A', call_register, "ok", "cache/2", "" },
		{ 'B', call_register, "ok", "store/1", "" },
		{ 'C', call_count_prefix, "2", "cache/" },
		{ 'C', call_count_prefix, "3", "" },
		{ 'C', call_count_prefix, "0", "x" },
	} },

	{ "delete_meta/2", "deletes what was put", UNIQUE, {
		{ 'A', call_put_meta, "ok", "k", "1" },
		{ 'B', call_delete_meta, "ok", "k" },
		{ 'A', call_meta, "ENOENT", "k" },
		{ 'A', call_delete_meta, "ENOENT", "k" },
	} },

	{ "dispatch/4", "the callback gets the entries of the key", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_dispatch, "A=1", "k" },
	} },
	{ "dispatch/4", "it is not called if there is none", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_dispatch, "none", "other" },
	} },
	{ "dispatch/4", "all of an owner's entries, in the order of their registration", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "3" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "ok", "k", "9" },
		{ 'A', call_register, "ok", "k", "2" },
		{ 'C', call_dispatch, "A=3 A=1 A=2 B=9", "k" },
	} },

	{ "keys/2", "the keys of a process, in no order", UNIQUE, {
		{ 'A', call_keys, "none", NULL, NULL, "A" },
		{ 'A', call_register, "ok", "one", "1" },
		{ 'A', call_register, "ok", "two", "2" },
		{ 'B', call_register, "ok", "three", "3" },
		{ 'B', call_keys, "one two", NULL, NULL, "A" },
		{ 'A', call_keys, "three", NULL, NULL, "B" },
	} },
	{ "keys/2", "a key that was registered twice is there twice", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_register, "ok", "k", "2" },
		{ 'A', call_register, "ok", "other", "3" },
		{ 'B', call_keys, "k k other", NULL, NULL, "A" },
	} },
	{ "keys/2", "the dead have none", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A' },
		{ 'B', call_keys, "none", NULL, NULL, "A" },
	} },

	{ "lock/3", "one holder for a key at a time", UNIQUE, {
		{ 'A', call_lock, "ok", "k" },
		{ 'B', call_lock, "ETIMEDOUT", "k" },
		{ 'A', call_unlock, "ok" },
		{ 'B', call_lock, "ok", "k" },
	} },
	{ "lock/3", "other keys do not wait", UNIQUE, {
		{ 'A', call_lock, "ok", "k" },
		{ 'B', call_lock, "ok", "other" },
	} },
	{ "lock/3", "released when its holder crashes", DUPLICATE, {
		{ 'A', call_lock, "ok", "k" },
		{ 'A' },
		{ 'B', call_lock, "ok", "k" },
	} },
	{ "lock/3", "its keys are apart from those of registrations", UNIQUE, {
		{ 'A', call_lock, "ok", "k" },
		{ 'B', call_register, "ok", "k", "1" },
		{ 'C', call_lock, "ETIMEDOUT", "k" },
		{ 'C', call_count, "1" },
		{ 'B', call_unregister, "1", "k" },
		{ 'C', call_lock, "ETIMEDOUT", "k" },
		{ 'C', call_entries, "none", "k" },
	} },

	{ "lookup/2", "the process and the value of a unique key, or none", UNIQUE, {
		{ 'A', call_lookup, "ENOENT", "k" },
		{ 'A', call_register, "ok", "k", "world" },
		{ 'A', call_lookup, "A=world", "k" },
		{ 'B', call_lookup, "A=world", "k" },
		{ 'B', call_entries, "A=world", "k" },
	} },
	{ "lookup/2", "all of a duplicate key, one's own included", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "world" },
		{ 'B', call_register, "ok", "k", "value" },
		{ 'A', call_register, "ok", "k", "again" },
		{ 'A', call_entries, "A=world A=again B=value", "k" },
	} },
	{ "lookup/2", "the dead are not in it, with duplicate keys either", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "ok", "k", "2" },
		{ 'A' },
		{ 'B', call_entries, "B=2", "k" },
		{ 'B' },
		{ 'C', call_entries, "none", "k" },
	} },

	{ "match/4", "entries of a key whose value matches", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "x" },
		{ 'A', call_register, "ok", "k", "y" },
		{ 'B', call_register, "ok", "k", "x" },
		{ 'B', call_register, "ok", "other", "x" },
		{ 'C', call_match, "A=x B=x", "k", "x" },
		{ 'C', call_match, "A=y", "k", "y" },
		{ 'C', call_match, "none", "k", "" },
	} },
	{ "match/4", "with unique keys one or none", UNIQUE, {
		{ 'A', call_register, "ok", "k", "x" },
		{ 'B', call_match, "A=x", "k", "x" },
		{ 'B', call_match, "none", "k", "y" },
		{ 'B', call_match, "none", "other", "x" },
	} },

	{ "meta/2", "what was put, or an error", UNIQUE, {
		{ 'A', call_meta, "ENOENT", "custom" },
		{ 'A', call_put_meta, "ok", "custom", "tuple" },
		{ 'B', call_meta, "tuple", "custom" },
		{ 'B', call_meta, "ENOENT", "another" },
	} },

	{ "put_meta/3", "puts and overwrites, whoever put it", DUPLICATE, {
		{ 'A', call_put_meta, "ok", "custom", "1" },
		{ 'B', call_put_meta, "ok", "custom", "2" },
		{ 'A', call_meta, "2", "custom" },
	} },
	{ "put_meta/3", "it is the registry's, and no process takes it along", UNIQUE, {
		{ 'A', call_put_meta, "ok", "custom", "1" },
		{ 'A' },
		{ 'B', call_meta, "1", "custom" },
		{ 'B', call_count, "0" },
	} },

	{ "register/3", "registers the caller under a unique key", UNIQUE, {
		{ 'A', call_register, "ok", "k", "value" },
		{ 'A', call_lookup, "A=value", "k" },
	} },
	{ "register/3", "a taken key is told with its holder, oneself included", UNIQUE, {
		{ 'A', call_register, "ok", "k", "value" },
		{ 'A', call_register, "taken by A=value", "k", "other" },
		{ 'B', call_register, "taken by A=value", "k", "other" },
		{ 'A', call_lookup, "A=value", "k" },
		{ 'A', call_count, "1" },
	} },
	{ "register/3", "a dead holder does not count", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A' },
		{ 'B', call_register, "ok", "k", "2" },
		{ 'C', call_register, "taken by B=2", "k", "3" },
	} },
	{ "register/3", "with duplicate keys always succeeds, for the same process too", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_register, "ok", "k", "1" },
		{ 'C', call_entries, "A=1 A=1 B=1", "k" },
	} },

	{ "select/2", "of all keys, with owner and value", UNIQUE, {
		{ 'A', call_select_all, "none" },
		{ 'A', call_register, "ok", "hello", "value" },
		{ 'B', call_register, "ok", "world", "value" },
		{ 'C', call_select_all, "A.hello=value B.world=value" },
	} },
	{ "select/2", "by a part of the key", UNIQUE, {
		{ 'A', call_register, "ok", "cache/1", "1" },
		{ 'B', call_register, "ok", "cache/2", "2" },
		{ 'B', call_register, "ok", "store/1", "3" },
		{ 'C', call_select_prefix, "A.cache/1=1 B.cache/2=2", "cache/" },
		{ 'C', call_select_glob, "A.cache/1=1 B.store/1=3", "*/1" },
		{ 'C', call_select_glob, "none", "*/3" },
	} },
	{ "select/2", "by the value", DUPLICATE, {
		{ 'A', call_register, "ok", "one", "x" },
		{ 'A', call_register, "ok", "two", "y" },
		{ 'B', call_register, "ok", "two", "x" },
		{ 'C', call_select_value, "A.one=x B.two=x", NULL, "x" },
	} },

	{ "start_link/1", "a registry is started by its name, and found by it", UNIQUE, {
		{ 'A', call_find_started, "ENOENT", "started" },
		{ 'A', call_start, "ok", "started" },
		{ 'B', call_find_started, "ok", "started" },
		{ 'B', call_start, "EEXIST", "started" },
		{ 'B', call_start_again, "ok", "started" },
	} },
	{ "start_link/1", "a wrong option is refused", UNIQUE, {
		{ 'A', call_start_without_kind, "EINVAL", "refused" },
		{ 'A', call_start_with_no_partition_left, "EINVAL", "refused" },
		{ 'A', call_start, "EINVAL", "" },
		{ 'A', call_start, "EINVAL", "with/slash" },
		{ 'A', call_find_started, "ENOENT", "refused" },
	} },
	{ "start_link/1", "listeners are told of register and unregister", UNIQUE, {
		{ 'C', call_listen, "ok" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'C', call_hear, "register A.k=1" },
		{ 'A', call_register, "taken by A=1", "k", "2" },
		{ 'A', call_unregister, "1", "k" },
		{ 'C', call_hear, "unregister A.k=1" },
		{ 'B', call_register, "ok", "k", "3" },
		{ 'C', call_hear, "register B.k=3" },
	} },
	{ "start_link/1", "listeners are told of a crash as well, which Registry does not do", DUPLICATE, {
		{ 'C', call_listen, "ok" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'C', call_hear, "register A.k=1" },
		{ 'A' },
		{ 'C', call_hear, "purge A.k=1" },
	} },

	{ "unregister/2", "gives up the key", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_unregister, "1", "k" },
		{ 'A', call_lookup, "ENOENT", "k" },
		{ 'A', call_keys, "none", NULL, NULL, "A" },
		{ 'B', call_register, "ok", "k", "2" },
	} },
	{ "unregister/2", "what is not there is no error", UNIQUE, {
		{ 'A', call_unregister, "0", "k" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_unregister, "1", "k" },
		{ 'A', call_unregister, "0", "k" },
	} },
	{ "unregister/2", "the caller's own entries alone", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_unregister, "0", "k" },
		{ 'B', call_lookup, "A=1", "k" },
	} },
	{ "unregister/2", "all of the caller's under a duplicate key", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_register, "ok", "k", "2" },
		{ 'A', call_register, "ok", "other", "3" },
		{ 'B', call_register, "ok", "k", "4" },
		{ 'A', call_unregister, "2", "k" },
		{ 'C', call_entries, "B=4", "k" },
		{ 'C', call_keys, "other", NULL, NULL, "A" },
	} },

	{ "unregister_match/4", "the caller's entries whose value matches", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "x" },
		{ 'A', call_register, "ok", "k", "y" },
		{ 'A', call_register, "ok", "k", "x" },
		{ 'B', call_register, "ok", "k", "x" },
		{ 'A', call_unregister_match, "2", "k", "x" },
		{ 'C', call_entries, "A=y B=x", "k" },
		{ 'A', call_unregister_match, "0", "k", "x" },
		{ 'A', call_unregister_match, "0", "nobody", "x" },
	} },
	{ "unregister_match/4", "with unique keys if the value matches", UNIQUE, {
		{ 'A', call_register, "ok", "k", "x" },
		{ 'A', call_unregister_match, "0", "k", "y" },
		{ 'B', call_unregister_match, "0", "k", "x" },
		{ 'B', call_lookup, "A=x", "k" },
		{ 'A', call_unregister_match, "1", "k", "x" },
		{ 'B', call_lookup, "ENOENT", "k" },
	} },

	{ "update_value/3", "the owner's callback makes the new value of the old", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_update, "1 becomes 1+", "k", "+" },
		{ 'B', call_lookup, "A=1+", "k" },
		{ 'A', call_count, "1" },
	} },
	{ "update_value/3", "an error for who does not hold the key, and no call of the callback", UNIQUE, {
		{ 'A', call_update, "ENOENT", "k", "+" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_update, "ENOENT", "k", "+" },
		{ 'B', call_lookup, "A=1", "k" },
	} },
	{ "update_value/3", "unique keys alone", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_update, "EINVAL", "k", "+" },
		{ 'A', call_update_if, "EINVAL", "k", "2", "1" },
		{ 'B', call_entries, "A=1", "k" },
	} },

	{ "values/3", "the value of a process under a key", UNIQUE, {
		{ 'A', call_register, "ok", "k", "1" },
		{ 'B', call_values, "1", "k", NULL, "A" },
		{ 'B', call_values, "none", "k", NULL, "B" },
		{ 'B', call_values, "none", "other", NULL, "A" },
	} },
	{ "values/3", "all of them, in order, with duplicate keys", DUPLICATE, {
		{ 'A', call_register, "ok", "k", "2" },
		{ 'B', call_register, "ok", "k", "3" },
		{ 'A', call_register, "ok", "k", "1" },
		{ 'A', call_register, "ok", "other", "4" },
		{ 'C', call_values, "2 1", "k", NULL, "A" },
		{ 'C', call_values, "3", "k", NULL, "B" },
	} },
};
/* clang-format on */

const size_t conformance_count = sizeof(conformance_cases) / sizeof(conformance_cases[0]);
