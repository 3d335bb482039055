/* SPDX-License-Identifier: MIT */
#include "tests/contexts/scene.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/contexts/programs.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define POPULATE 600
#define READS 1500
#define AWAITED "awaited"
#define LOCK "held lock"

const enum kreg_keys scene_kinds[SCENE_KINDS] = { KREG_KEYS_UNIQUE, KREG_KEYS_DUPLICATE,
						  KREG_KEYS_DUPLICATE_BY_KEY };

static const struct context in_order = { .name = "in order" };

static uint32_t next_number(void *seed)
{
	return (uint32_t)rand_r(seed);
}

struct kreg *scene_open(const struct scene *scene)
{
	KREG_OPTIONS(options, .directory = scene->directory, .guard = mode_guard(scene->mode),
		     .keys = scene->keys, .mode = scene->file_mode,
		     .slots = scene->slots ? scene->slots : 128, .seats = 64,
		     .partitions = scene->keys == KREG_KEYS_DUPLICATE ? 2 : 0);
	struct kreg *k = NULL;
	int err = kreg_open(&k, scene->name, &options);

	return err ? NULL : k;
}

struct any scene_any(struct scene *scene, struct kreg *k, unsigned int *seed)
{
	return (struct any){ .k = k,
			     .number = next_number,
			     .data = seed,
			     .directory = scene->directory,
			     .said = answers_note,
			     .said_data = scene->answers,
			     .owner = scene->other_owner };
}

/* Has names of its own among those that others use, and lets them change these. */
static int take_part(int link, void *data)
{
	struct scene *scene = data;
	struct kreg *k = scene_open(scene);
	struct kreg_owner self;

	if (!k || kreg_allow(k, KREG_ALLOW_OTHERS) || kreg_self(k, &self))
		return 1;
	if (kreg_register(k, "ke", KREG_STRING, "12345678", 8, NULL) ||
	    kreg_register_with(k, "space/m", KREG_STRING, "@abstract", KREG_STRING,
			       scene->keys ? 0 : KREG_REGISTER_REPLACEABLE, NULL))
		return 2;
	link_say(link, (int64_t)self.token);
	link_hear(link);
	return 0;
}

void scene_enter(struct scene *scene, const struct context *context)
{
	answers_of_context(scene->answers);
	scene->answers->context = context;
}

static void populate(struct scene *scene)
{
	unsigned int seed = 1 + (unsigned int)scene->keys;
	struct any any = scene_any(scene, scene->k, &seed);
	int i;

	for (i = 0; i < POPULATE; i++)
		any_change(&any);
	kreg_unlock(scene->k, &any.lock);
	any_end(&any);
	kreg_service_telemetry(scene->k, NULL, NULL);
}

void scene_begin(struct scene *scene)
{
	if (!scene->directory)
		scene->directory = tmp_directory();
	scene->answers = child_shared(sizeof(*scene->answers));
	scene->reference = child_shared(sizeof(*scene->reference));
	scene->answers->context = &in_order;
	scene->answers->has_duplicates = scene->keys != KREG_KEYS_UNIQUE;
	scene->k = scene_open(scene);
	ck_assert_ptr_nonnull(scene->k);
	scene->other = child_start(take_part, scene);
	scene->other_owner.token = (uint64_t)link_hear(scene->other.link);
	scene->other_owner.pid = scene->other.pid;
	populate(scene);
	ck_assert_int_eq(image_take(scene->k, &scene->before), 0);
	ck_assert_uint_gt(scene->before.entries, 0);
	ck_assert_uint_gt(scene->before.meta, 0);
}

void scene_end(struct scene *scene)
{
	KREG_OPTIONS(where, .directory = scene->directory, .guard = mode_guard(scene->mode));

	answers_of_context(scene->answers);
	answers_check(scene->answers);
	child_kill(&scene->other);
	kreg_close(scene->k);
	kreg_destroy(scene->name, &where, KREG_DESTROY_FORCE);
}

/* ---- threads that have slots */

static struct {
	struct kreg *k;
	pthread_barrier_t taken, over;
	int count, without;
} takers;

static void *take_slot(void *unused)
{
	(void)unused;
	if (kreg_unregister(takers.k, "nobody", KREG_STRING) < 0)
		__atomic_fetch_add(&takers.without, 1, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&takers.taken);
	pthread_barrier_wait(&takers.over);
	return NULL;
}

int scene_take_slots(struct scene *scene, int count)
{
	pthread_t thread;
	int i;

	takers.k = scene->k;
	takers.count = count;
	takers.without = 0;
	pthread_barrier_init(&takers.taken, NULL, (unsigned int)count + 1);
	pthread_barrier_init(&takers.over, NULL, (unsigned int)count + 1);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, take_slot, NULL), 0);
		pthread_detach(thread);
	}
	pthread_barrier_wait(&takers.taken);
	return takers.without;
}

void scene_let_go(void)
{
	pthread_barrier_wait(&takers.over);
}

void scene_open_things(struct scene *scene)
{
	struct kreg *k = scene->k;
	struct kreg_event event;

	ck_assert_int_eq(kreg_listen(&scene->listener, k, NULL, 0), 0);
	while (kreg_listener_next(scene->listener, &event) == 1)
		;
	ck_assert_int_eq(kreg_await_begin(&scene->pendings[0], k, AWAITED, KREG_STRING), 0);
	ck_assert_int_eq(kreg_await_gone_begin(&scene->pendings[1], k, "ke", KREG_STRING,
					       &scene->other_owner),
			 0);
	ck_assert_int_eq(kreg_lock(k, LOCK, KREG_STRING, 0, &scene->lock), 0);
	ck_assert_int_eq(kreg_lock_begin(&scene->pendings[2], k, LOCK, KREG_STRING), 0);
	ck_assert_int_eq(kreg_await_gone_begin(&scene->pendings[3], k, AWAITED, KREG_STRING, NULL),
			 0);
	ck_assert_int_eq(kreg_read_enter(k), 0);
}

static bool hears_of(struct scene *scene, const char *key)
{
	struct pollfd at = { .fd = kreg_listener_fd(scene->listener), .events = POLLIN };
	struct kreg_event event;

	while (poll(&at, 1, 20000) == 1)
		while (kreg_listener_next(scene->listener, &event) == 1)
			if (event.type == KREG_EVENT_REGISTER &&
			    event.entry.key_size == strlen(key) &&
			    !memcmp(event.entry.key, key, strlen(key)))
				return true;
	return false;
}

void scene_close_things(struct scene *scene)
{
	struct kreg *k = scene->k;
	struct kreg_lock lock = { 0 };
	int i;

	ck_assert_int_eq(kreg_read_leave(k), 0);
	ck_assert_int_eq(kreg_read_leave(k), -EINVAL);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(i == 2 ? kreg_pending_lock(scene->pendings[i], &lock)
					: kreg_pending_result(scene->pendings[i], NULL),
				 -EAGAIN);
	ck_assert_int_eq(kreg_pending_result(scene->pendings[3], NULL), 0);
	ck_assert_int_eq(kreg_register(k, AWAITED, KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_pending_result(scene->pendings[0], NULL), 0);
	ck_assert(hears_of(scene, AWAITED));
	ck_assert_int_eq(kreg_unregister(k, AWAITED, KREG_STRING), 1);
	ck_assert_int_eq(kreg_unlock(k, &scene->lock), 0);
	ck_assert_int_eq(kreg_pending_lock(scene->pendings[2], &lock), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	for (i = 0; i < SCENE_PENDINGS; i++)
		kreg_pending_close(scene->pendings[i]);
	kreg_listener_close(scene->listener);
	scene->lock = (struct kreg_lock){ 0 };
}

static void read_some(struct scene *scene, struct kreg *k)
{
	unsigned int seed = 77;
	struct any any = scene_any(scene, k, &seed);
	int i;

	for (i = 0; i < READS; i++)
		any_read(&any);
	any_end(&any);
}

void scene_refer(struct scene *scene, struct kreg *k)
{
	scene->reference->count = 0;
	scene->answers->fill = scene->reference;
	read_some(scene, k);
	scene->answers->fill = NULL;
}

void scene_compare(struct scene *scene, struct kreg *k)
{
	scene->answers->compare = scene->reference;
	scene->answers->compared = 0;
	read_some(scene, k);
	scene->answers->compare = NULL;
}

void scene_change(struct scene *scene, struct kreg *k, int count, bool inherited)
{
	unsigned int seed = 99;
	struct any any = scene_any(scene, k, &seed);
	int i, next = 0;

	if (inherited)
		any.listener = scene->listener;
	any.lock = scene->lock;
	for (i = 0; i < count; i++) {
		if (inherited && !any.pending && next < SCENE_PENDINGS)
			any.pending = scene->pendings[next++];
		any_change(&any);
		if (scene->answers->context->refusal && i % 100 == 0)
			programs_call(&any);
	}
	any_end(&any);
}

void scene_is_unchanged(struct scene *scene)
{
	struct image now;

	ck_assert_int_eq(image_take(scene->k, &now), 0);
	ck_assert_msg(image_is_same(&scene->before, &now),
		      "%s: %llu entries, %llu meta, %llu states are now %llu, %llu, %llu or others",
		      scene->answers->context->name, (unsigned long long)scene->before.entries,
		      (unsigned long long)scene->before.meta,
		      (unsigned long long)scene->before.states, (unsigned long long)now.entries,
		      (unsigned long long)now.meta, (unsigned long long)now.states);
	ck_assert_int_eq(kreg_check(scene->k, NULL, NULL), 0);
}
