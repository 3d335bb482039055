/* SPDX-License-Identifier: MIT */
/*
 * A full file system: every call that allocates is refused with -ENOSPC and changes
 * nothing, calls that do not allocate work, and with room again all calls work. Never
 * SIGBUS.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
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
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, "old", 3, value, VALUE), -ENOSPC);
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
		printf("# SKIP only root can mount a tmpfs\n");
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

int main(void)
{
	const TTest *const both[] = { a_full_file_system_refuses_every_call_that_allocates, NULL };

	return modes_run(suite_create("full"), tcase_create("both"), both, NULL, NULL);
}
