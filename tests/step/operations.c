/* SPDX-License-Identifier: MIT */
/*
 * Each operation with its keys; the names say what it does.
 */
#include "tests/step/operations.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"

#define LONG_KEY                                                                                   \
	"o-a-key-that-is-longer-than-what-fits-into-one-line-of-the-cache-together-with-its-entry"
#define GROWING 520

static char long_value[COMPANY_KEY - 1] = "long";
static char longer_value[2000];

static int64_t open_it(struct victim *v)
{
	return registry_open(&v->at, v->at.name, &v->k);
}

static int64_t open_other(struct victim *v)
{
	return registry_open(&v->at, OTHER, &v->k);
}

static int64_t register_it(struct victim *v)
{
	return kreg_register(v->k, "o-1", KREG_STRING, "o1", 2, NULL);
}

static int64_t register_long(struct victim *v)
{
	return kreg_register(v->k, LONG_KEY, KREG_STRING, long_value, 4, NULL);
}

static int64_t register_large(struct victim *v)
{
	memcpy(longer_value, "o1", 2);
	return kreg_register(v->k, "o-1", KREG_STRING, longer_value, sizeof(longer_value), NULL);
}

static int64_t register_reserved(struct victim *v)
{
	return kreg_register_with(v->k, "o-1", KREG_STRING, "o1", 2, KREG_REGISTER_RESERVED, NULL);
}

static int64_t register_queue(struct victim *v)
{
	return kreg_register_with(v->k, "b-line", KREG_STRING, "vl", 2, KREG_REGISTER_QUEUE, NULL);
}

static int64_t register_replace(struct victim *v)
{
	return kreg_register_with(v->k, "b-replaceable", KREG_STRING, "vr", 2,
				  KREG_REGISTER_REPLACE, NULL);
}

static int64_t register_drops(struct victim *v)
{
	return kreg_register_with(v->k, "b-dropped", KREG_STRING, "vd", 2, KREG_REGISTER_REPLACE,
				  NULL);
}

static int64_t register_dropped(struct victim *v)
{
	return kreg_register_with(v->k, "o-1", KREG_STRING, "o1", 2,
				  KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL);
}

static int64_t set_replaceable(struct victim *v)
{
	return kreg_set_flags(v->k, "v-1", KREG_STRING, KREG_REGISTER_REPLACEABLE);
}

static int64_t set_drop(struct victim *v)
{
	return kreg_set_flags(v->k, "v-1", KREG_STRING,
			      KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP);
}

static int64_t clear_flags(struct victim *v)
{
	return kreg_set_flags(v->k, "v-1", KREG_STRING, 0);
}

static int64_t register_taken(struct victim *v)
{
	return kreg_register(v->k, "b-1", KREG_STRING, "o1", 2, NULL);
}

static int64_t unregister_it(struct victim *v)
{
	return kreg_unregister(v->k, "v-1", KREG_STRING);
}

static int64_t unregister_line(struct victim *v)
{
	return kreg_unregister(v->k, "v-line", KREG_STRING);
}

static int accept_all(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return 1;
}

static int64_t unregister_match(struct victim *v)
{
	return kreg_unregister_match(v->k, "v-1", KREG_STRING, accept_all, NULL);
}

static int64_t update(struct victim *v)
{
	return kreg_update(v->k, "v-1", KREG_STRING, "new", 3, NULL, 0);
}

static int64_t update_if(struct victim *v)
{
	return kreg_update_if(v->k, "v-1", KREG_STRING, "new", 3, "v1", 2);
}

static int64_t publish(struct victim *v)
{
	return kreg_publish(v->k, "o-1", KREG_STRING, "o1", 2);
}

static int64_t publish_other(struct victim *v)
{
	return kreg_publish(v->k, "o-1", KREG_STRING, "another", 7);
}

static int64_t give(struct victim *v)
{
	return kreg_give(v->k, "v-1", KREG_STRING, &v->bystander);
}

static int64_t register_for(struct victim *v)
{
	return kreg_register_for(v->k, &v->bystander, "f-1", KREG_STRING, "f1", 2, 0, NULL);
}

static int64_t update_for(struct victim *v)
{
	return kreg_update_for(v->k, &v->bystander, "f-1", KREG_STRING, "new", 3);
}

static int64_t unregister_for(struct victim *v)
{
	return kreg_unregister_for(v->k, &v->bystander, "f-1", KREG_STRING);
}

/* As what others may change is updated by its owner, a gift by a gift. */
static int64_t update_gift_setup(struct victim *v)
{
	struct kreg_owner self;
	int64_t err = kreg_allow(v->k, KREG_ALLOW_OTHERS);

	if (!err)
		err = kreg_self(v->k, &self);
	return err ? err : kreg_register_for(v->k, &self, "f-1", KREG_STRING, "f1", 2, 0, NULL);
}

static int64_t update_gift(struct victim *v)
{
	return kreg_update(v->k, "f-1", KREG_STRING, "new", 3, NULL, 0);
}

static int64_t allow(struct victim *v)
{
	return kreg_allow(v->k, KREG_ALLOW_OTHERS);
}

static int64_t counter_setup(struct victim *v)
{
	static const int64_t zero;

	return kreg_register(v->k, COMPANY_COUNTER, KREG_STRING, &zero, sizeof(zero), NULL);
}

static int64_t counter_add(struct victim *v)
{
	return kreg_counter_add(v->k, COMPANY_COUNTER, KREG_STRING, 5, NULL);
}

static int64_t lock_free(struct victim *v)
{
	return kreg_lock(v->k, "o-lock", KREG_STRING, COMPANY_LONG_MS, &v->other_lock);
}

static int64_t lock_taken(struct victim *v)
{
	return kreg_lock(v->k, "b-lock", KREG_STRING, COMPANY_LONG_MS, &v->other_lock);
}

static int bystander_locks(struct stage *stage)
{
	return (int)company_ask(&stage->company, BYSTANDER_LOCK, NULL);
}

static void bystander_unlocks(struct stage *stage)
{
	company_ask(&stage->company, BYSTANDER_UNLOCK, NULL);
}

static int64_t unlock(struct victim *v)
{
	return kreg_unlock(v->k, &v->lock);
}

static int64_t register_many(struct victim *v)
{
	static const struct kreg_item items[] = { { "o-1", 3, "o1", 2 },
						  { "o-2", 3, "o2", 2 },
						  { "o-3", 3, "o3", 2 } };

	return kreg_register_many(v->k, items, 3, NULL);
}

static int64_t meta_put(struct victim *v)
{
	return kreg_meta_put(v->k, "m", KREG_STRING, "new", 3);
}

static int64_t meta_put_many(struct victim *v)
{
	static const struct kreg_item items[] = { { "m", 1, "lost", 4 }, { "m", 1, "new", 3 } };

	return kreg_meta_put_many(v->k, items, 2);
}

static int64_t meta_delete(struct victim *v)
{
	return kreg_meta_delete(v->k, "m", KREG_STRING);
}

static int64_t listen_it(struct victim *v)
{
	return kreg_listen(&v->listener, v->k, NULL, 0);
}

static int64_t listen_close(struct victim *v)
{
	kreg_listener_close(v->listener);
	return 0;
}

/* A process that dies and leaves entries to sweep. */
static int somebody_dies(struct stage *stage)
{
	pid_t pid = fork();

	if (!pid) {
		struct kreg *k;
		char key[] = "d-0";
		int err = registry_open(&stage->at, stage->at.name, &k);

		for (; !err && key[2] <= '9'; key[2]++)
			err = kreg_register(k, key, KREG_STRING, long_value, sizeof(long_value),
					    NULL);
		kill(getpid(), SIGKILL);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return pid < 0 ? -errno : 0;
}

static int64_t sweep(struct victim *v)
{
	int64_t swept = kreg_sweep(v->k);

	return swept < 0 ? swept : 0;
}

static int64_t read_section(struct victim *v)
{
	const void *value;
	int64_t err = kreg_read_enter(v->k);

	if (!err && kreg_read(v->k, "b-1", KREG_STRING, &value, NULL) != 2)
		err = -EPROTO;
	return err ? err : kreg_read_leave(v->k);
}

static int64_t await_name(struct victim *v)
{
	return kreg_await(v->k, "c-awaited", KREG_STRING, COMPANY_LONG_MS, NULL);
}

static void awaited_comes(struct stage *stage)
{
	kreg_register(stage->k, "c-awaited", KREG_STRING, "x", 1, NULL);
}

static int64_t await_gone(struct victim *v)
{
	return kreg_await_gone(v->k, "b-line", KREG_STRING, NULL, COMPANY_LONG_MS);
}

static void bystander_leaves(struct stage *stage)
{
	company_ask(&stage->company, BYSTANDER_LEAVE_LINE, NULL);
}

static int64_t await_turn_setup(struct victim *v)
{
	return register_queue(v) == KREG_WAITING ? 0 : -EPROTO;
}

static int64_t await_turn(struct victim *v)
{
	return kreg_await_turn(v->k, "b-line", KREG_STRING, COMPANY_LONG_MS);
}

static int64_t close_it(struct victim *v)
{
	kreg_close(v->k);
	v->k = NULL;
	return 0;
}

static int64_t destroy_refused(struct victim *v)
{
	KREG_OPTIONS(options, .directory = v->at.directory, .guard = v->at.guard);

	return kreg_destroy(v->at.name, &options, 0);
}

static int64_t destroy_other(struct victim *v)
{
	KREG_OPTIONS(options, .directory = v->at.directory, .guard = v->at.guard);

	return kreg_destroy(OTHER, &options, 0);
}

static int other_is_made(struct stage *stage)
{
	struct kreg *k;
	int err = registry_open(&stage->at, OTHER, &k);

	if (!err)
		kreg_close(k);
	return err;
}

/* A registry left over from another life table. */
static int other_is_left_over(struct stage *stage)
{
	struct place_of_registry at = stage->at;
	struct kreg *k;
	int err;

	at.guard = stage->other_life;
	err = registry_open(&at, OTHER, &k);
	if (!err)
		kreg_close(k);
	return err;
}

static int64_t grow_setup(struct victim *v)
{
	int64_t err = open_other(v);
	char key[] = "g-000";
	int i;

	for (i = 0; !err && i < GROWING; i++) {
		key[2] = (char)('0' + i / 100);
		key[3] = (char)('0' + i / 10 % 10);
		key[4] = (char)('0' + i % 10);
		err = kreg_register(v->k, key, KREG_STRING, "x", 1, NULL);
	}
	return err;
}

static int64_t grow(struct victim *v)
{
	int64_t err = kreg_register(v->k, "o-1", KREG_STRING, "x", 1, NULL);

	if (!err)
		err = kreg_register(v->k, "o-2", KREG_STRING, "x", 1, NULL);
	return err ? err : kreg_register(v->k, "o-3", KREG_STRING, "x", 1, NULL);
}

static int64_t start(struct victim *v)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	KREG_START(start, .argv = argv, .value = "ready", .value_size = 5);
	struct kreg_started started = { .size = sizeof(started) };

	return kreg_start(v->k, "o-1", KREG_STRING, &start, &started);
}

#define OF_KEY(key, value)                                                                         \
	{                                                                                          \
		key, "-", "V:" value, "-", "-"                                                     \
	}

const struct operation operations[] = {
	{ .name = "open", .run = open_it, .flags = OPERATION_OPENS },
	{ .name = "register", .run = register_it, .outcomes = { OF_KEY("o-1", "o1") } },
	{ .name = "register_long",
	  .run = register_long,
	  .awaited = LONG_KEY,
	  .outcomes = { OF_KEY(LONG_KEY, "long") } },
	{ .name = "register_large", .run = register_large, .outcomes = { OF_KEY("o-1", "o1") } },
	{ .name = "register_reserved",
	  .run = register_reserved,
	  .outcomes = { { "o-1", "-", "-", "-", "-" } } },
	{ .name = "register_queue",
	  .run = register_queue,
	  .result = KREG_WAITING,
	  .outcomes = { { "b-line", "B:bl", "B:bl", "B:bl", "B:bl" } } },
	{ .name = "register_replace",
	  .run = register_replace,
	  .outcomes = { { "b-replaceable", "B:br", "V:vr", "B:br", "B:br" } } },
	{ .name = "register_drops",
	  .run = register_drops,
	  .outcomes = { { "b-dropped", "B:bd", "V:vd", "B:bd", "-" } } },
	{ .name = "register_dropped",
	  .run = register_dropped,
	  .outcomes = { OF_KEY("o-1", "o1") } },
	{ .name = "set_replaceable", .run = set_replaceable },
	{ .name = "set_drop", .run = set_drop },
	{ .name = "clear_drop", .run = clear_flags, .setup = set_drop },
	{ .name = "update_dropped",
	  .run = update,
	  .setup = set_drop,
	  .result = 2,
	  .outcomes = { { "v-1", "V:v1", "V:new", "-", "-" } } },
	{ .name = "register_taken", .run = register_taken, .result = -EEXIST },
	{ .name = "unregister",
	  .run = unregister_it,
	  .result = 1,
	  .outcomes = { { "v-1", "V:v1", "-", "-", "-" } } },
	{ .name = "unregister_line",
	  .run = unregister_line,
	  .result = 1,
	  .gone = "v-line",
	  .outcomes = { { "v-line", "V:vl", "w", "w", "w" } } },
	{ .name = "unregister_match",
	  .run = unregister_match,
	  .result = 1,
	  .outcomes = { { "v-1", "V:v1", "-", "-", "-" } } },
	{ .name = "update",
	  .run = update,
	  .result = 2,
	  .outcomes = { { "v-1", "V:v1", "V:new", "-", "-" } } },
	{ .name = "update_if",
	  .run = update_if,
	  .outcomes = { { "v-1", "V:v1", "V:new", "-", "-" } } },
	{ .name = "publish",
	  .run = publish,
	  .setup = register_reserved,
	  .outcomes = { OF_KEY("o-1", "o1") } },
	{ .name = "publish_other_value",
	  .run = publish_other,
	  .setup = register_reserved,
	  .outcomes = { OF_KEY("o-1", "another") } },
	{ .name = "give", .run = give, .outcomes = { { "v-1", "V:v1", "B:v1", "-", "B:v1" } } },
	{ .name = "register_for",
	  .run = register_for,
	  .awaited = "f-1",
	  .outcomes = { { "f-1", "-", "B:f1", "-", "B:f1" } } },
	{ .name = "update_for",
	  .run = update_for,
	  .setup = register_for,
	  .outcomes = { { "f-1", "B:f1", "B:new", "B:f1", "B:new" } } },
	{ .name = "unregister_for",
	  .run = unregister_for,
	  .setup = register_for,
	  .result = 1,
	  .outcomes = { { "f-1", "B:f1", "-", "B:f1", "-" } } },
	{ .name = "update_gift",
	  .run = update_gift,
	  .setup = update_gift_setup,
	  .result = 2,
	  .outcomes = { { "f-1", "V:f1", "V:new", "-", "-" } } },
	{ .name = "allow", .run = allow },
	{ .name = "counter_add", .run = counter_add, .setup = counter_setup },
	{ .name = "lock", .run = lock_free },
	{ .name = "lock_in_line",
	  .run = lock_taken,
	  .prepare = bystander_locks,
	  .wake = bystander_unlocks },
	{ .name = "unlock", .run = unlock, .flags = OPERATION_UNLOCKS },
	{ .name = "register_many",
	  .run = register_many,
	  .outcomes = { OF_KEY("o-1", "o1"), OF_KEY("o-2", "o2"), OF_KEY("o-3", "o3") } },
	{ .name = "meta_put", .run = meta_put, .flags = OPERATION_META, .meta = "new" },
	{ .name = "meta_put_many", .run = meta_put_many, .flags = OPERATION_META, .meta = "new" },
	{ .name = "meta_delete", .run = meta_delete, .flags = OPERATION_META },
	{ .name = "listen", .run = listen_it },
	{ .name = "listen_close", .run = listen_close, .setup = listen_it },
	{ .name = "sweep", .run = sweep, .prepare = somebody_dies },
	{ .name = "read_section", .run = read_section },
	{ .name = "await", .run = await_name, .wake = awaited_comes },
	{ .name = "await_gone",
	  .run = await_gone,
	  .wake = bystander_leaves,
	  .outcomes = { { "b-line", "B:bl", "-", "B:bl", "-" } } },
	{ .name = "await_turn",
	  .run = await_turn,
	  .setup = await_turn_setup,
	  .wake = bystander_leaves,
	  .outcomes = { { "b-line", "B:bl", "V:vl", "B:bl", "-" } } },
	{ .name = "close",
	  .run = close_it,
	  .flags = OPERATION_UNLOCKS,
	  .outcomes = { { "v-1", "V:v1", "-", "-", "-" }, { "v-line", "V:vl", "w", "w", "w" } } },
	{ .name = "start",
	  .run = start,
	  .flags = OPERATION_STARTS,
	  .outcomes = { { "o-1", "-", "P:ready", "-", "P:ready" } } },
	{ .name = "destroy_refused",
	  .run = destroy_refused,
	  .flags = OPERATION_UNSURE,
	  .result = -EBUSY },
	{ .name = "open_creates",
	  .run = open_other,
	  .flags = OPERATION_OPENS | OPERATION_APART | OPERATION_UNSURE },
	{ .name = "grow",
	  .run = grow,
	  .setup = grow_setup,
	  .flags = OPERATION_OPENS | OPERATION_APART | OPERATION_UNSURE },
	{ .name = "destroy",
	  .run = destroy_other,
	  .prepare = other_is_made,
	  .flags = OPERATION_OPENS | OPERATION_APART | OPERATION_UNSURE },
	{ .name = "take_over",
	  .run = open_other,
	  .prepare = other_is_left_over,
	  .flags = OPERATION_OPENS | OPERATION_APART | OPERATION_UNSURE | OPERATION_TAKES_OVER },
};

const uint32_t operations_count = sizeof(operations) / sizeof(operations[0]);
