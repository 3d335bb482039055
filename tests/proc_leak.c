/* SPDX-License-Identifier: MIT */
/*
 * Meta and gifts, which belong to no single process, are reclaimed when they end:
 * although a process was killed, was stopped or called exec at the very instruction
 * between its change and the work that goes with it, and however long other processes
 * live.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/meta.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/trace.h"
#include "tests/support/whole.h"

/* Only a hang takes this long. */
#define LIMIT_S 60
/*
 * Two slabs; copying each byte of the old meta is a step of the writer that makes the new
 * one.
 */
#define LARGE 1700

static struct kreg *k;
static int mode;
static char value[LARGE];

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "leak");
}

/* A program that has ended may release its memory a moment after its fds. */
static void assert_bytes_come_down_to(uint64_t wanted)
{
	time_t end = time(NULL) + LIMIT_S;
	uint64_t bytes;

	do {
		bytes = bytes_used(k);
	} while (bytes > wanted && time(NULL) < end && !usleep(1000));
	ck_assert_uint_le(bytes, wanted);
}

static uint32_t slabs_of(uint64_t kind)
{
	uint32_t slab, count = 0;

	for (slab = 0; slab < land_slabs(&k->segment); slab++) {
		uint64_t word = land_owner(&k->segment, slab);

		count += land_is_nobodys(word) && word & kind;
	}
	return count;
}

/* Orders to a child, which answers with the result of the call. */
enum order { REGISTER = 1, GIVE, UNREGISTER, UPDATE, CLOSE, PUT };

static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "leak");
	struct kreg_owner self, *to = data;
	int64_t order;

	exec_at_will();
	ck_assert_int_eq(kreg_self(own, &self), 0);
	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN) {
		if (order == REGISTER)
			order = kreg_register(own, "name", KREG_STRING, "v", 1, NULL);
		else if (order == GIVE)
			order = kreg_give(own, "name", KREG_STRING, to);
		else if (order == UNREGISTER)
			order = kreg_unregister(own, "name", KREG_STRING);
		else if (order == UPDATE)
			order = kreg_update(own, "name", KREG_STRING, "new", 3, NULL, 0);
		else if (order == PUT)
			order = kreg_meta_put(own, "key", KREG_STRING, "new", 3);
		else
			kreg_close(own), order = 0;
		link_say(link, order);
	}
	return 0;
}

static bool meta_is_ready(void *data)
{
	return slabs_of(LAND_META) > *(uint32_t *)data;
}

static bool meta_is_replaced(void *data)
{
	return meta_word(&k->segment) != *(uint64_t *)data;
}

/*
 * Until the old meta of @size and whatever the writer made are gone, except the blob in
 * force.
 */
static void end_in_meta_put(enum trace_end end, bool linked, uint32_t size)
{
	bool is_changed = linked || end == TRACE_GO_ON;
	uint32_t before = size > SLAB_BYTES ? 2 : 1;
	struct child writer;
	uint32_t slabs;
	uint64_t base, word;

	ck_assert_int_eq(kreg_meta_put(k, "key", KREG_STRING, value, size), 0);
	base = bytes_used(k);
	slabs = slabs_of(LAND_META);
	ck_assert_uint_eq(slabs, before);
	word = meta_word(&k->segment);
	writer = child_start(obey, NULL);
	link_hear(writer.link);
	ck_assert(trace_until(&writer, PUT, linked ? meta_is_replaced : meta_is_ready,
			      linked ? (void *)&word : &slabs));
	ck_assert_int_eq(kreg_meta_get(k, "key", KREG_STRING, NULL, 0), linked ? 3 : (int)size);
	trace_end(&writer, end);
	if (end == TRACE_GO_ON)
		ck_assert_int_eq(link_hear(writer.link), 0);
	assert_bytes_come_down_to(base - (is_changed ? before - 1 : 0) * SLAB_BYTES);
	ck_assert_uint_eq(slabs_of(LAND_META), is_changed ? 1 : before);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	child_kill(&writer);
	ck_assert_int_eq(kreg_meta_put(k, "key", KREG_STRING, "", 0), 0);
	ck_assert_int_eq(kreg_meta_get(k, "key", KREG_STRING, NULL, 0), 0);
	assert_bytes_come_down_to(base - (before - 1) * SLAB_BYTES);
}

START_TEST(a_writer_of_meta_that_ends_or_execs_at_the_change_leaves_no_slab)
{
	enum trace_end end;

	open_mode(_i);
	for (end = 0; end < TRACE_ENDS; end++) {
		end_in_meta_put(end, true, 1);
		end_in_meta_put(end, false, 1);
	}
	end_in_meta_put(TRACE_EXEC, true, LARGE);
	ck_assert_int_eq(kreg_meta_delete(k, "key", KREG_STRING), 0);
	kreg_close(k);
}
END_TEST

/*
 * A writer that was stopped before the change finds that others have changed the meta,
 * and retries.
 */
START_TEST(a_writer_of_meta_that_is_overtaken_frees_its_slabs_and_retries)
{
	uint32_t slabs;
	struct child writer;
	int i;

	open_mode(_i);
	ck_assert_int_eq(kreg_meta_put(k, "mine", KREG_STRING, "0", 1), 0);
	slabs = slabs_of(LAND_META);
	writer = child_start(obey, NULL);
	link_hear(writer.link);
	ck_assert(trace_until(&writer, PUT, meta_is_ready, &slabs));
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(kreg_meta_put(k, "mine", KREG_STRING, "1", 1), 0);
		bytes_used(k);
	}
	ck_assert_uint_eq(slabs_of(LAND_META), 1);
	trace_end(&writer, TRACE_GO_ON);
	ck_assert_int_eq(link_hear(writer.link), 0);
	ck_assert_int_eq(kreg_meta_get(k, "key", KREG_STRING, NULL, 0), 3);
	ck_assert_int_eq(kreg_meta_get(k, "mine", KREG_STRING, NULL, 0), 1);
	bytes_used(k);
	ck_assert_uint_eq(slabs_of(LAND_META), 1);
	child_kill(&writer);
	ck_assert_int_eq(kreg_meta_delete(k, "key", KREG_STRING), 0);
	ck_assert_int_eq(kreg_meta_delete(k, "mine", KREG_STRING), 0);
	kreg_close(k);
}
END_TEST

/*
 * Other processes may write to shared memory, so the maker of a blob remembers how many
 * slabs it has.
 */
START_TEST(an_unlinked_blob_frees_its_own_slabs_even_if_overwritten)
{
	struct meta_made blob;
	struct meta_head *head;
	uint64_t base;

	open_mode(_i);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "v", 1, NULL), 0);
	base = bytes_used(k);
	ck_assert_int_eq(meta_take(&k->segment, &k->lives, &k->self, value, LARGE,
				   meta_word(&k->segment), &blob),
			 0);
	ck_assert_uint_eq(slabs_of(LAND_META), 2);
	head = segment_at(&k->segment, blob.place, sizeof(*head));
	head->bytes = 0xfff00000;
	meta_return(&k->segment, &blob);
	ck_assert_uint_eq(slabs_of(LAND_META), 0);
	ck_assert_uint_eq(bytes_used(k), base);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

static bool gift_is_made(void *data)
{
	(void)data;
	return slabs_of(LAND_GIFT);
}

static bool gift_is_given(void *data)
{
	struct kreg_owner owner;

	return !kreg_whereis(k, "name", KREG_STRING, &owner) && owner.pid == *(pid_t *)data;
}

/*
 * How the receiver ends the gift while the giver stands right after the change; UPDATE
 * keeps the name.
 */
static void receive(struct child *receiver, enum order how)
{
	switch (how) {
	case UNREGISTER:
		ck_assert_int_eq(child_ask(receiver, UNREGISTER), 1);
		break;
	case UPDATE:
		ck_assert_int_eq(child_ask(receiver, UPDATE), 1);
		break;
	case CLOSE:
		ck_assert_int_eq(child_ask(receiver, CLOSE), 0);
		break;
	default:
		child_kill(receiver);
	}
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL),
			 how == UPDATE ? 3 : -ENOENT);
}

/* @how 0: the receiver is killed. */
static void end_in_give(enum trace_end end, enum order how)
{
	struct child giver, receiver = child_start(obey, NULL);
	struct kreg_owner to = { .token = (uint64_t)link_hear(receiver.link) };
	uint64_t base;

	giver = child_start(obey, &to);
	link_hear(giver.link);
	ck_assert_int_eq(child_ask(&giver, REGISTER), 0);
	base = bytes_used(k);
	ck_assert(trace_until(&giver, GIVE, gift_is_given, &receiver.pid));
	receive(&receiver, how);
	trace_end(&giver, end);
	if (end == TRACE_GO_ON)
		ck_assert_int_eq(link_hear(giver.link), 0);
	ck_assert_int_eq(kreg_count(k), how == UPDATE);
	if (how == UPDATE)
		ck_assert_int_eq(child_ask(&receiver, CLOSE), 0);
	assert_bytes_come_down_to(base);
	ck_assert_uint_eq(slabs_of(LAND_GIFT), 0);
	ck_assert(!gift_is_any(&k->segment));
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	child_kill(&giver);
	if (how)
		child_kill(&receiver);
}

START_TEST(a_giver_may_end_or_exec_at_the_change_while_the_receiver_ends_the_gift)
{
	static const enum order how[] = { 0, UNREGISTER, UPDATE, CLOSE };
	enum trace_end end;
	uint64_t base;
	size_t i;

	open_mode(_i);
	base = bytes_used(k);
	for (end = 0; end < TRACE_ENDS; end++) {
		for (i = 0; i < sizeof(how) / sizeof(how[0]); i++)
			end_in_give(end, how[i]);
	}
	assert_bytes_come_down_to(base);
	kreg_close(k);
}
END_TEST

START_TEST(a_gift_that_was_never_given_ends_with_the_program_that_made_it)
{
	struct child giver, receiver;
	struct kreg_owner to = { 0 };
	enum trace_end end;
	uint64_t base;

	open_mode(_i);
	receiver = child_start(obey, NULL);
	to.token = (uint64_t)link_hear(receiver.link);
	for (end = TRACE_KILL; end <= TRACE_EXEC; end++) {
		giver = child_start(obey, &to);
		link_hear(giver.link);
		ck_assert_int_eq(child_ask(&giver, REGISTER), 0);
		base = bytes_used(k);
		ck_assert(trace_until(&giver, GIVE, gift_is_made, NULL));
		bytes_used(k);
		/* It may still be given. */
		ck_assert_uint_eq(slabs_of(LAND_GIFT), 1);
		trace_end(&giver, end);
		assert_bytes_come_down_to(base);
		ck_assert_uint_eq(slabs_of(LAND_GIFT), 0);
		ck_assert(!gift_is_any(&k->segment));
		child_kill(&giver);
	}
	child_kill(&receiver);
	kreg_close(k);
}
END_TEST

/*
 * The giver is dead and a sweep has run: the gift still belongs to the receiver, and ends
 * with it.
 */
START_TEST(a_gift_outlives_its_giver_and_a_sweep_and_ends_with_its_owner)
{
	struct child giver, receiver;
	struct kreg_owner to = { 0 };

	open_mode(_i);
	receiver = child_start(obey, NULL);
	to.token = (uint64_t)link_hear(receiver.link);
	giver = child_start(obey, &to);
	link_hear(giver.link);
	ck_assert_int_eq(child_ask(&giver, REGISTER), 0);
	ck_assert(trace_until(&giver, GIVE, gift_is_given, &receiver.pid));
	trace_end(&giver, TRACE_KILL);
	child_end(&giver);
	bytes_used(k);
	bytes_used(k);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert(gift_is_given(&receiver.pid));
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	/* The count alone detects the death, before any sweep does. */
	child_kill(&receiver);
	ck_assert(gift_is_any(&k->segment));
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert(!gift_is_any(&k->segment));
	bytes_used(k);
	ck_assert_uint_eq(slabs_of(LAND_GIFT), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_writer_of_meta_that_ends_or_execs_at_the_change_leaves_no_slab,
		a_writer_of_meta_that_is_overtaken_frees_its_slabs_and_retries,
		an_unlinked_blob_frees_its_own_slabs_even_if_overwritten,
		a_giver_may_end_or_exec_at_the_change_while_the_receiver_ends_the_gift,
		a_gift_that_was_never_given_ends_with_the_program_that_made_it,
		a_gift_outlives_its_giver_and_a_sweep_and_ends_with_its_owner,
		NULL,
	};

	return modes_run(suite_create("leak"), tcase_create("both"), both, NULL, NULL);
}
