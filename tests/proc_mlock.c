/* SPDX-License-Identifier: MIT */
/*
 * A program that locks its memory, before or after it opens a registry, locks only the
 * used part of the registry: not the whole file, which has room for the maximum.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/capability.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#define SIZE_MIB 256
/* The fixed parts, and what may be open beyond what is used. */
#define MOST_MIB 8
#define NAMES 50000
#define LITTLE 2000

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

/*
 * Reports how much is used after locking; then looks up what others have registered
 * since, and reports how many it finds.
 */
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

	if (!tmp_mount(folder, "256m"))
		return;
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

/* ---- a small limit on locked memory, without the privilege to exceed it */

#ifndef __SANITIZE_ADDRESS__ /* its mlockall() does nothing */

static int lock_within(rlim_t bytes)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	const struct rlimit limit = { bytes, bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || syscall(SYS_capget, &header, caps))
		return -1;
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	caps[0].permitted &= ~(1u << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, caps) ? -1 : mlockall(MCL_FUTURE);
}

static void say(const char *sentence, void *data)
{
	snprintf(data, 256, "%s", sentence);
}

static int use_little(int link, void *data)
{
	const struct locking *locking = data;
	KREG_OPTIONS(options, .guard = mode_guard(locking->mode), .directory = tmp_directory());
	struct kreg *k;
	int i, err;

	(void)link;
	if (lock_within(8 << 20))
		return 2;
	err = kreg_open(&k, "little", &options);
	printf("# 8 MiB may be locked: %s\n", kreg_strerror(err));
	fflush(stdout);
	if (err)
		return 3;
	for (i = 0; i < LITTLE; i++) {
		if (kreg_register(k, &i, sizeof(i), "v", 1, NULL))
			return 4;
	}
	for (i = 0; i < LITTLE; i++) {
		if (kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL) != 1)
			return 5;
	}
	if (kreg_check(k, NULL, NULL))
		return 6;
	kreg_close(k);
	return 0;
}

static int use_nothing(int link, void *data)
{
	const struct locking *locking = data;
	char said[256] = "";
	KREG_OPTIONS(options, .guard = mode_guard(locking->mode), .directory = tmp_directory(),
		     .log = say, .log_data = said);
	struct kreg *k;
	int err;

	(void)link;
	if (lock_within(512 << 10))
		return 2;
	err = kreg_open(&k, "little", &options);
	printf("# 512 KiB may be locked: %s: %s\n", kreg_strerror(err), said);
	fflush(stdout);
	return (err == -ENOMEM || err == -EAGAIN) && strstr(said, "locked memory") ? 0 : 3;
}

START_TEST(a_limit_on_locked_memory_makes_a_smaller_map_or_an_error)
{
	struct locking locking = { .mode = _i };
	struct child child = child_start(use_little, &locking);

	ck_assert_int_eq(child_end(&child), 0);
	child = child_start(use_nothing, &locking);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

#endif

START_TEST(mlockall_locks_used_memory_and_lookups_see_new_entries)
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
		mlockall_locks_used_memory_and_lookups_see_new_entries,
#ifndef __SANITIZE_ADDRESS__
		a_limit_on_locked_memory_makes_a_smaller_map_or_an_error,
#endif
		NULL,
	};

	return modes_run(suite_create("mlock"), tcase_create("both"), both, NULL, NULL);
}
