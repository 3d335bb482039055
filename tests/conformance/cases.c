/* SPDX-License-Identifier: MIT */
/*
 * A, B and C are processes. Each step is a line "WHO CALL ARGUMENTS -> RESULT", or "WHO is killed"; conformance/step.c has
 * the calls and their arguments. A result lists entries as OWNER.KEY=VALUE, without what all of them have in common.
 */
#include "tests/conformance/cases.h"

#define UNIQUE KREG_KEYS_UNIQUE
#define DUPLICATE KREG_KEYS_DUPLICATE
#define BY_KEY KREG_KEYS_DUPLICATE_BY_KEY

/* clang-format off */
const struct conformance conformance_cases[] = {
	{ "Registry", "a unique key points to no process or to one", UNIQUE, {
		"A entries k -> none",
		"A register k 1 -> ok",
		"B register k 2 -> taken by A=1",
		"B entries k -> A=1",
	} },
	{ "Registry", "a duplicate key points to any number of processes", DUPLICATE, {
		"A entries k -> none",
		"A register k 1 -> ok",
		"B register k 2 -> ok",
		"C register k 3 -> ok",
		"A entries k -> A=1 B=2 C=3",
	} },
	{ "Registry", "different keys may identify the same process", UNIQUE, {
		"A register one 1 -> ok",
		"A register two 2 -> ok",
		"B whereis one -> A",
		"B whereis two -> A",
	} },
	{ "Registry", "if the process crashes its keys are removed, all at once and before anyone can know",
	  UNIQUE, {
		"A register one 1 -> ok",
		"A register two 2 -> ok",
		"B count -> 2",
		"A is killed",
		"B count -> 0",
		"B entries one -> none",
		"B lookup two -> ENOENT",
	} },
	{ "Registry", "keys are compared exactly", UNIQUE, {
		"A register 1 integer -> ok",
		"A register 1.0 float -> ok",
		"A register '1 ' text -> ok",
		"B lookup 1 -> A=integer",
		"B lookup 1.0 -> A=float",
		"B lookup 1. -> ENOENT",
	} },
	{ "Registry", "a key that looks like a pattern is a plain key", UNIQUE, {
		"A register _ 1 -> ok",
		"A register $1 2 -> ok",
		"A register * 3 -> ok",
		"A register [a-z]? 4 -> ok",
		"B entries _ -> A=1",
		"B entries $1 -> A=2",
		"B entries * -> A=3",
		"B entries [a-z]? -> A=4",
		"B entries a -> none",
		"A unregister * -> 1",
		"B count -> 3",
	} },

	{ "Using in :via", "a process that started under a name is found by it", UNIQUE, {
		"A register agent '' -> ok",
		"B whereis agent -> A",
		"B send agent -> ok",
	} },
	{ "Using in :via", "a name may have a value, and is found with and without it", UNIQUE, {
		"A register agent hello -> ok",
		"B lookup agent -> A=hello",
		"B whereis agent -> A",
	} },
	{ "Using in :via", "starting under a taken name reports the holder", UNIQUE, {
		"A register agent '' -> ok",
		"B register agent '' -> taken by A=",
	} },
	{ "Using in :via", "sending to a name that nobody has is an error", UNIQUE, {
		"B send agent -> ENOENT",
		"A register agent '' -> ok",
		"B send agent -> ok",
		"A is killed",
		"B send agent -> ENOENT",
	} },
	{ "Using in :via", "unregister_name gives the name up", UNIQUE, {
		"A register agent '' -> ok",
		"A unregister agent -> 1",
		"B whereis agent -> ENOENT",
	} },
	{ "Using in :via", "whereis_name leads to the living alone", UNIQUE, {
		"A register agent '' -> ok",
		"A is killed",
		"B whereis agent -> ENOENT",
	} },

	{ "Using as a dispatcher", "dispatch gives all that are registered under the key",
	  DUPLICATE, {
		"A register hello handler -> ok",
		"B register hello other -> ok",
		"B register bye handler -> ok",
		"C dispatch hello -> A=handler B=other",
	} },
	{ "Using as a dispatcher", "it runs in the dispatching process, and the registered are not involved",
	  DUPLICATE, {
		"A register hello handler -> ok",
		"A dispatch hello -> A=handler",
		"B dispatch hello -> A=handler",
	} },
	{ "Using as a dispatcher", "a failure in it is for the dispatching process to handle",
	  DUPLICATE, {
		"A register hello handler -> ok",
		"A register hello other -> ok",
		"B dispatch_that_fails hello -> ECANCELED",
		"B dispatch hello -> A=handler A=other",
	} },

	{ "Using as a PubSub", "subscribers of a topic get what is published, and of no other topic",
	  DUPLICATE, {
		"A register news '' -> ok",
		"B register news '' -> ok",
		"C register sport '' -> ok",
		"C dispatch news -> A B",
		"A is killed",
		"C dispatch news -> B",
		"B unregister news -> 1",
		"C dispatch news -> none",
	} },
	{ "Using as a PubSub", "the same with all of a key in one partition", BY_KEY, {
		"A register news '' -> ok",
		"B register news '' -> ok",
		"C register sport '' -> ok",
		"C dispatch news -> A B",
		"A is killed",
		"C dispatch news -> B",
	} },

	{ "Registrations", "registering, finding and dispatching are immediate", UNIQUE, {
		"A register k 1 -> ok",
		"B lookup k -> A=1",
		"B dispatch k -> A=1",
		"A unregister k -> 1",
		"B register k 2 -> ok",
		"A lookup k -> B=2",
	} },
	{ "Registrations", "and so is what a crash removes, for every call, which Registry does not promise",
	  DUPLICATE, {
		"A register k 1 -> ok",
		"B register k 2 -> ok",
		"A is killed",
		"C entries k -> B=2",
		"C dispatch k -> B=2",
		"C match k 1 -> none",
		"C keys of A -> none",
		"C values k of A -> none",
		"C select_all -> B.k=2",
		"C count -> 1",
		"C count_match k 1 -> 0",
		"C count_prefix k -> 1",
	} },

	{ "count/1", "the number of registered keys, in constant memory", UNIQUE, {
		"A count -> 0",
		"A register one '' -> ok",
		"A register two '' -> ok",
		"B register three '' -> ok",
		"C count -> 3",
		"A unregister one -> 1",
		"C count -> 2",
	} },
	{ "count/1", "with duplicates each entry counts", DUPLICATE, {
		"A register k '' -> ok",
		"A register k '' -> ok",
		"B register k '' -> ok",
		"C count -> 3",
		"A unregister k -> 2",
		"C count -> 1",
	} },

	{ "count_match/4", "the number of entries of a key whose value matches", DUPLICATE, {
		"A register k x -> ok",
		"A register k y -> ok",
		"B register k x -> ok",
		"B register other x -> ok",
		"C count_match k x -> 2",
		"C count_match k y -> 1",
		"C count_match k z -> 0",
		"C count_match nobody x -> 0",
	} },

	{ "count_select/2", "the number of entries that are selected", UNIQUE, {
		"A register cache/1 '' -> ok",
		"A register cache/2 '' -> ok",
		"B register store/1 '' -> ok",
		"C count_prefix cache/ -> 2",
		"C count_prefix '' -> 3",
		"C count_prefix x -> 0",
	} },

	{ "delete_meta/2", "deletes what was put", UNIQUE, {
		"A put_meta k 1 -> ok",
		"B delete_meta k -> ok",
		"A meta k -> ENOENT",
		"A delete_meta k -> ENOENT",
	} },

	{ "dispatch/4", "the callback gets the entries of the key", UNIQUE, {
		"A register k 1 -> ok",
		"B dispatch k -> A=1",
	} },
	{ "dispatch/4", "it is not called if there is none", DUPLICATE, {
		"A register k 1 -> ok",
		"B dispatch other -> none",
	} },
	{ "dispatch/4", "all of an owner's entries, in the order of their registration",
	  DUPLICATE, {
		"A register k 3 -> ok",
		"A register k 1 -> ok",
		"B register k 9 -> ok",
		"A register k 2 -> ok",
		"C dispatch k -> A=3 A=1 A=2 B=9",
	} },

	{ "keys/2", "the keys of a process, in no order", UNIQUE, {
		"A keys of A -> none",
		"A register one 1 -> ok",
		"A register two 2 -> ok",
		"B register three 3 -> ok",
		"B keys of A -> one two",
		"A keys of B -> three",
	} },
	{ "keys/2", "a key that was registered twice is there twice", DUPLICATE, {
		"A register k 1 -> ok",
		"A register k 2 -> ok",
		"A register other 3 -> ok",
		"B keys of A -> k k other",
	} },
	{ "keys/2", "the dead have none", UNIQUE, {
		"A register k 1 -> ok",
		"A is killed",
		"B keys of A -> none",
	} },

	{ "lock/3", "one holder for a key at a time", UNIQUE, {
		"A lock k -> ok",
		"B lock k -> ETIMEDOUT",
		"A unlock -> ok",
		"B lock k -> ok",
	} },
	{ "lock/3", "other keys do not wait", UNIQUE, {
		"A lock k -> ok",
		"B lock other -> ok",
	} },
	{ "lock/3", "released when its holder crashes", DUPLICATE, {
		"A lock k -> ok",
		"A is killed",
		"B lock k -> ok",
	} },
	{ "lock/3", "its keys are apart from those of registrations", UNIQUE, {
		"A lock k -> ok",
		"B register k 1 -> ok",
		"C lock k -> ETIMEDOUT",
		"C count -> 1",
		"B unregister k -> 1",
		"C lock k -> ETIMEDOUT",
		"C entries k -> none",
	} },

	{ "lookup/2", "the process and the value of a unique key, or none", UNIQUE, {
		"A lookup k -> ENOENT",
		"A register k world -> ok",
		"A lookup k -> A=world",
		"B lookup k -> A=world",
		"B entries k -> A=world",
	} },
	{ "lookup/2", "all of a duplicate key, one's own included", DUPLICATE, {
		"A register k world -> ok",
		"B register k value -> ok",
		"A register k again -> ok",
		"A entries k -> A=world A=again B=value",
	} },
	{ "lookup/2", "the dead are not in it, with duplicate keys either", DUPLICATE, {
		"A register k 1 -> ok",
		"B register k 2 -> ok",
		"A is killed",
		"B entries k -> B=2",
		"B is killed",
		"C entries k -> none",
	} },

	{ "match/4", "entries of a key whose value matches", DUPLICATE, {
		"A register k x -> ok",
		"A register k y -> ok",
		"B register k x -> ok",
		"B register other x -> ok",
		"C match k x -> A=x B=x",
		"C match k y -> A=y",
		"C match k '' -> none",
	} },
	{ "match/4", "with unique keys one or none", UNIQUE, {
		"A register k x -> ok",
		"B match k x -> A=x",
		"B match k y -> none",
		"B match other x -> none",
	} },

	{ "meta/2", "what was put, or an error", UNIQUE, {
		"A meta custom -> ENOENT",
		"A put_meta custom tuple -> ok",
		"B meta custom -> tuple",
		"B meta another -> ENOENT",
	} },

	{ "put_meta/3", "puts and overwrites, also what another process put", DUPLICATE, {
		"A put_meta custom 1 -> ok",
		"B put_meta custom 2 -> ok",
		"A meta custom -> 2",
	} },
	{ "put_meta/3", "it is the registry's, and no process takes it along", UNIQUE, {
		"A put_meta custom 1 -> ok",
		"A is killed",
		"B meta custom -> 1",
		"B count -> 0",
	} },

	{ "register/3", "registers the caller under a unique key", UNIQUE, {
		"A register k value -> ok",
		"A lookup k -> A=value",
	} },
	{ "register/3", "a taken key is reported with its holder, the caller included", UNIQUE, {
		"A register k value -> ok",
		"A register k other -> taken by A=value",
		"B register k other -> taken by A=value",
		"A lookup k -> A=value",
		"A count -> 1",
	} },
	{ "register/3", "a dead holder does not count", UNIQUE, {
		"A register k 1 -> ok",
		"A is killed",
		"B register k 2 -> ok",
		"C register k 3 -> taken by B=2",
	} },
	{ "register/3", "with duplicate keys always succeeds, for the same process too",
	  DUPLICATE, {
		"A register k 1 -> ok",
		"A register k 1 -> ok",
		"B register k 1 -> ok",
		"C entries k -> A=1 A=1 B=1",
	} },

	{ "select/2", "of all keys, with owner and value", UNIQUE, {
		"A select_all -> none",
		"A register hello value -> ok",
		"B register world value -> ok",
		"C select_all -> A.hello=value B.world=value",
	} },
	{ "select/2", "by a part of the key", UNIQUE, {
		"A register cache/1 1 -> ok",
		"B register cache/2 2 -> ok",
		"B register store/1 3 -> ok",
		"C select_prefix cache/ -> A.cache/1=1 B.cache/2=2",
		"C select_glob */1 -> A.cache/1=1 B.store/1=3",
		"C select_glob */3 -> none",
	} },
	{ "select/2", "by the value", DUPLICATE, {
		"A register one x -> ok",
		"A register two y -> ok",
		"B register two x -> ok",
		"C select_value - x -> A.one=x B.two=x",
	} },

	{ "start_link/1", "a registry is started by its name, and found by it", UNIQUE, {
		"A find_started started -> ENOENT",
		"A start started -> ok",
		"B find_started started -> ok",
		"B start started -> EEXIST",
		"B start_again started -> ok",
	} },
	{ "start_link/1", "a wrong option is refused", UNIQUE, {
		"A start_without_kind refused -> EINVAL",
		"A start_with_no_partition_left refused -> EINVAL",
		"A start '' -> EINVAL",
		"A start with/slash -> EINVAL",
		"A find_started refused -> ENOENT",
	} },
	{ "start_link/1", "listeners are notified of register and unregister", UNIQUE, {
		"C listen -> ok",
		"A register k 1 -> ok",
		"C hear -> register A.k=1",
		"A register k 2 -> taken by A=1",
		"A unregister k -> 1",
		"C hear -> unregister A.k=1",
		"B register k 3 -> ok",
		"C hear -> register B.k=3",
	} },
	{ "start_link/1", "listeners are notified of a crash too, which Registry does not do",
	  DUPLICATE, {
		"C listen -> ok",
		"A register k 1 -> ok",
		"C hear -> register A.k=1",
		"A is killed",
		"C hear -> purge A.k=1",
	} },

	{ "unregister/2", "gives up the key", UNIQUE, {
		"A register k 1 -> ok",
		"A unregister k -> 1",
		"A lookup k -> ENOENT",
		"A keys of A -> none",
		"B register k 2 -> ok",
	} },
	{ "unregister/2", "what is not there is no error", UNIQUE, {
		"A unregister k -> 0",
		"A register k 1 -> ok",
		"A unregister k -> 1",
		"A unregister k -> 0",
	} },
	{ "unregister/2", "the caller's own entries alone", UNIQUE, {
		"A register k 1 -> ok",
		"B unregister k -> 0",
		"B lookup k -> A=1",
	} },
	{ "unregister/2", "all of the caller's under a duplicate key", DUPLICATE, {
		"A register k 1 -> ok",
		"A register k 2 -> ok",
		"A register other 3 -> ok",
		"B register k 4 -> ok",
		"A unregister k -> 2",
		"C entries k -> B=4",
		"C keys of A -> other",
	} },

	{ "unregister_match/4", "the caller's entries whose value matches", DUPLICATE, {
		"A register k x -> ok",
		"A register k y -> ok",
		"A register k x -> ok",
		"B register k x -> ok",
		"A unregister_match k x -> 2",
		"C entries k -> A=y B=x",
		"A unregister_match k x -> 0",
		"A unregister_match nobody x -> 0",
	} },
	{ "unregister_match/4", "with unique keys if the value matches", UNIQUE, {
		"A register k x -> ok",
		"A unregister_match k y -> 0",
		"B unregister_match k x -> 0",
		"B lookup k -> A=x",
		"A unregister_match k x -> 1",
		"B lookup k -> ENOENT",
	} },

	{ "update_value/3", "the owner's callback makes the new value of the old", UNIQUE, {
		"A register k 1 -> ok",
		"A update k + -> 1 becomes 1+",
		"B lookup k -> A=1+",
		"A count -> 1",
	} },
	{ "update_value/3", "an error for a process that does not hold the key, and no call of the callback",
	  UNIQUE, {
		"A update k + -> ENOENT",
		"A register k 1 -> ok",
		"B update k + -> EPERM",
		"B lookup k -> A=1",
	} },
	/* Registry raises an error here; kreg_update() says which entry it is. */
	{ "update_value/3", "with duplicate keys the entry registered last, in its place", DUPLICATE, {
		"A register k 1 -> ok",
		"A register k 2 -> ok",
		"A update k + -> 2 becomes 2+",
		"A update_if k 3 1 -> ok",
		"A update_if k 4 1 -> ECANCELED",
		"B update k + -> ENOENT",
		"B entries k -> A=3 A=2+",
	} },

	{ "values/3", "the value of a process under a key", UNIQUE, {
		"A register k 1 -> ok",
		"B values k of A -> 1",
		"B values k of B -> none",
		"B values other of A -> none",
	} },
	{ "values/3", "all of them, in order, with duplicate keys", DUPLICATE, {
		"A register k 2 -> ok",
		"B register k 3 -> ok",
		"A register k 1 -> ok",
		"A register other 4 -> ok",
		"C values k of A -> 2 1",
		"C values k of B -> 3",
	} },
};
/* clang-format on */

const size_t conformance_count = sizeof(conformance_cases) / sizeof(conformance_cases[0]);
