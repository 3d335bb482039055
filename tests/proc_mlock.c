/* SPDX-License-Identifier: MIT */
/*
 * A program that locks its memory, before it opens a registry or afterwards, locks what is used of it: not the whole
 * file, which has room for all there can ever be.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#define SIZE_MIB 256
/* The fixed parts, and what is open beyond what is used. */
#define MOST_MIB 8
#define NAMES 50000

static char folder[128];

enum when { BEFORE, AFTER, WHENS };

struct locking {
	int mode;
	enum when when;
};

static uint64_t used_mib(void)
{
	struct statfs st;

	return statfs(folder, &st) ? 0 : (st.f_blocks - st.f_bfree) * (uint64_t)st.f_bsize >> 20;
}

static struct kreg *open_there(int mode, uint32_t flags)
{
	KREG_OPTIONS(options, .guard = mode_guard(mode), .directory = folder, .flags = flags);
	struct kreg *k = NULL;
	int err = kreg_open(&k, "mlock", &options);

	if (err)
		printf("# kreg_open: %s\n", kreg_strerror(err));
	return k;
}

static int lock_all(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}

/* Says what is used after locking; then looks up what others have registered meanwhile, and says how many it finds. */
static int lock_and_look(int link, void *data)
{
	const struct locking *locking = data;
	struct kreg *k, *reader;
	int i, found = 0, err = 0;

	if (locking->when == BEFORE)
		err = lock_all();
	k = open_there(locking->mode, 0);
	reader = open_there(locking->mode, KREG_OPEN_READONLY);
	if (!k || !reader || kreg_register(k, "mine", KREG_STRING, "v", 1, NULL))
		return 1;
	if (locking->when == AFTER)
		err = lock_all();
	link_say(link, err ? err : (int64_t)used_mib());
	link_hear(link);
	for (i = 0; i < NAMES; i++) {
		found += kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL) == 100;
		found += kreg_lookup(reader, &i, sizeof(i), NULL, 0, NULL) == 100;
	}
	link_say(link, found);
	link_say(link, kreg_check(k, NULL, NULL));
	link_hear(link);
	return 0;
}

static void play(struct locking locking)
{
	struct child child;
	char value[100] = { 0 };
	struct kreg *k;
	int64_t mib;
	int i;

	if (mount("tmpfs", folder, "tmpfs", 0, "size=256m"))
		return; /* only root can mount one */
	child = child_start(lock_and_look, &locking);
	mib = link_hear(child.link);
	printf("# mlockall() %s kreg_open(): %lld of %d MiB are used\n",
	       locking.when == BEFORE ? "before" : "after", (long long)mib, SIZE_MIB);
	ck_assert_int_ge(mib, 0);
	ck_assert_int_le(mib, MOST_MIB);
	k = open_there(locking.mode, 0);
	ck_assert_ptr_nonnull(k);
	for (i = 0; i < NAMES; i++)
		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), value, sizeof(value), NULL), 0);
	ck_assert_int_eq(child_ask(&child, 0), 2 * NAMES);
	ck_assert_int_eq(link_hear(child.link), 0);
	child_kill(&child);
	kreg_close(k);
	ck_assert_int_eq(umount(folder), 0);
}

START_TEST(mlockall_locks_what_is_used_and_lookups_see_what_others_add)
{
	struct locking locking = { .mode = _i };

	snprintf(folder, sizeof(folder), "%s/mlock", tmp_directory());
	mkdir(folder, 0700);
	for (locking.when = BEFORE; locking.when < WHENS; locking.when++)
		play(locking);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		mlockall_locks_what_is_used_and_lookups_see_what_others_add,
		NULL,
	};

	return modes_run(suite_create("mlock"), tcase_create("both"), both, NULL, NULL);
}
