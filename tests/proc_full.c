/* SPDX-License-Identifier: MIT */
/*
 * A full file system: every call that allocates is refused with -ENOSPC and changes
 * nothing, calls that do not allocate work, and with room again all calls work. Never
 * SIGBUS.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/value.h"
#include "tests/support/unit.h"

#define VALUE 8000

static char folder[128], value[KREG_VALUE_MAX];
static struct kreg *k;
static int mode;

static struct kreg *open_there(const char *name)
{
	KREG_OPTIONS(options, .guard = mode_guard(mode), .directory = folder);
	struct kreg *out = NULL;
	int err = kreg_open(&out, name, &options);

	ck_assert_msg(!err, "%s", kreg_strerror(err));
	return out;
}

/* Small ones at last, so that no slab has room either. */
static int fill(void)
{
	static const size_t sizes[] = { VALUE, 1000, 400, 300, 200, 100, 1 };
	int number = 0, err = 0;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		do {
			err = kreg_register(k, &number, sizeof(number), value, sizes[i], NULL);
			number += !err;
		} while (!err);
		ck_assert_int_eq(err, -ENOSPC);
	}
	return number;
}

static int hold_theirs(int link, void *data)
{
	struct kreg *own = open_there("full");
	struct kreg_owner self;

	(void)data;
	if (kreg_register_with(own, "theirs", KREG_STRING, "v", 1, KREG_REGISTER_REPLACEABLE,
			       NULL) ||
	    kreg_self(own, &self))
		return 1;
	link_say(link, (int64_t)self.token);
	link_hear(link);
	return 0;
}

static int register_with(uint32_t flags)
{
	return kreg_register_with(k, "theirs", KREG_STRING, value, VALUE, flags, NULL);
}

static void all_are_refused(const struct kreg_owner *to)
{
	static const char *const sleeps[] = { "sleep", "1000", NULL };
	KREG_OPTIONS(options, .guard = mode_guard(mode), .directory = folder);
	KREG_START(how, .argv = sleeps);
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg_lock lock;
	struct kreg *other;

	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, value, VALUE, NULL, 0), -ENOSPC);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, value, VALUE, "old", 3), -ENOSPC);
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, value_grow, NULL), -ENOSPC);
	ck_assert_int_eq(kreg_publish(k, "reserved", KREG_STRING, value, VALUE), -ENOSPC);
	ck_assert_int_eq(register_with(KREG_REGISTER_REPLACE), -ENOSPC);
	ck_assert_int_eq(register_with(KREG_REGISTER_QUEUE), -ENOSPC);
	ck_assert_int_eq(kreg_service_register(k, "space", "role", value, VALUE, NULL), -ENOSPC);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), -ENOSPC);
	ck_assert_int_eq(kreg_give(k, "mine", KREG_STRING, to), -ENOSPC);
	ck_assert_int_eq(kreg_meta_put(k, "meta", KREG_STRING, value, VALUE), -ENOSPC);
	ck_assert_int_eq(kreg_start(k, "program", KREG_STRING, &how, &started), -ENOSPC);
	ck_assert_int_eq(started.child, 0);
	ck_assert_int_eq(kreg_open(&other, "another", &options), -ENOSPC);
}

static void nothing_has_changed(int64_t count)
{
	int64_t now;

	value_is(k, "mine", "old");
	value_is(k, "theirs", "v");
	ck_assert_int_eq(kreg_lookup(k, "reserved", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_lookup(k, "program", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_meta_get(k, "meta", KREG_STRING, NULL, 0), -ENOENT);
	ck_assert_int_eq(kreg_counter_add(k, "counter", KREG_STRING, 5, &now), 0);
	ck_assert_int_eq(now, 5);
	ck_assert_int_eq(kreg_count(k), count);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
}

START_TEST(a_full_file_system_refuses_every_call_that_allocates)
{
	struct kreg_owner to = { 0 };
	struct child child;
	int64_t number = 0;
	int filled;

	mode = _i;
	snprintf(folder, sizeof(folder), "%s/full", tmp_directory());
	mkdir(folder, 0700);
	if (mount("tmpfs", folder, "tmpfs", 0, "size=4m")) {
		unit_skip("only root can mount a tmpfs");
		return;
	}
	k = open_there("full");
	child = child_start(hold_theirs, NULL);
	to.token = (uint64_t)link_hear(child.link);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "old", 3, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "counter", KREG_STRING, &number, sizeof(number), NULL),
			 0);
	ck_assert_int_eq(kreg_register_with(k, "reserved", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	filled = fill();
	printf("# 4 MiB: %d names\n", filled);
	all_are_refused(&to);
	nothing_has_changed(filled + 3);
	/* With room again it goes. */
	while (filled--)
		ck_assert_int_eq(kreg_unregister(k, &filled, sizeof(filled)), 1);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, value, VALUE, NULL, 0), 3);
	ck_assert_int_eq(kreg_meta_put(k, "meta", KREG_STRING, value, VALUE), 0);
	ck_assert_int_eq(kreg_give(k, "mine", KREG_STRING, &to), 0);
	child_kill(&child);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

/* ---- rows and slots, which are reserved as they are used */

static char filler[160];

static bool mount_small(const char *name)
{
	snprintf(folder, sizeof(folder), "%s/%s", tmp_directory(), name);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	mkdir(folder, 0700);
	if (!mount("tmpfs", folder, "tmpfs", 0, "size=2m"))
		return true;
	unit_skip("only root can mount a tmpfs");
	return false;
}

/* Takes every page that is left; unlink(filler) gives them back. */
static void fill_up(void)
{
	int fd = open(filler, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, value, 4096) == 4096)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

#define SLOTS_IN_A_PAGE (4096 / 64)
#define THREADS (SLOTS_IN_A_PAGE + 10)

static pthread_barrier_t together;
static int results[THREADS];

/* Needs a slot and nothing else, and has it until all threads have had theirs. */
static void *need_slot(void *result)
{
	*(int *)result = kreg_unregister(k, "absent", KREG_STRING);
	pthread_barrier_wait(&together);
	return NULL;
}

/* How many threads got a slot; the others got -ENOSPC. */
static int threads_with_slots(void)
{
	pthread_t threads[THREADS];
	int i, count = 0;

	ck_assert_int_eq(pthread_barrier_init(&together, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, need_slot, &results[i]), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		if (results[i])
			ck_assert_int_eq(results[i], -ENOSPC);
		count += !results[i];
	}
	pthread_barrier_destroy(&together);
	return count;
}

START_TEST(a_thread_whose_slot_has_no_memory_is_refused_and_the_others_go_on)
{
	mode = _i;
	if (!mount_small("slots"))
		return;
	k = open_there("slots");
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "old", 3, NULL), 0);
	fill_up();
	/* The first one is this thread's. */
	ck_assert_int_eq(threads_with_slots(), SLOTS_IN_A_PAGE - 1);
	value_is(k, "mine", "old");
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	unlink(filler);
	ck_assert_int_eq(threads_with_slots(), THREADS);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

#define ROWS_IN_A_PAGE (4096 / 128)

static char said[512];

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int open_one_more(struct kreg **out)
{
	KREG_OPTIONS(options, .guard = "none", .directory = folder, .log = keep);

	return kreg_open(out, "rows", &options);
}

static int take_seat(int link, void *data)
{
	struct kreg *own;

	(void)data;
	link_say(link, open_one_more(&own));
	link_hear(link);
	return 0;
}

/*
 * In the fallback, where the first process of a registry has its first seat.
 */
START_TEST(a_process_whose_row_has_no_memory_is_refused_and_the_others_go_on)
{
	struct child children[ROWS_IN_A_PAGE];
	int i;

	mode = _i;
	if (mode != MODE_FALLBACK || !mount_small("rows"))
		return;
	for (i = 0; i < ROWS_IN_A_PAGE; i++) {
		children[i] = child_start(take_seat, NULL);
		ck_assert_int_eq(link_hear(children[i].link), 0);
	}
	fill_up();
	ck_assert_int_eq(open_one_more(&k), -ENOSPC);
	ck_assert_msg(strstr(said, "free space") != NULL, "what to do is not in: %s", said);
	/* Its seat is free again. */
	child_kill(&children[5]);
	ck_assert_int_eq(open_one_more(&k), 0);
	kreg_close(k);
	unlink(filler);
	children[5] = child_start(take_seat, NULL);
	ck_assert_int_eq(link_hear(children[5].link), 0);
	ck_assert_int_eq(open_one_more(&k), 0);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "old", 3, NULL), 0);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
	for (i = 0; i < ROWS_IN_A_PAGE; i++)
		child_kill(&children[i]);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_full_file_system_refuses_every_call_that_allocates,
		a_thread_whose_slot_has_no_memory_is_refused_and_the_others_go_on,
		a_process_whose_row_has_no_memory_is_refused_and_the_others_go_on,
		NULL,
	};

	return modes_run(suite_create("full"), tcase_create("both"), both, NULL, NULL);
}
