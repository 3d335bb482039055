/* SPDX-License-Identifier: MIT */
/*
 * A limit of the machine or of a sandbox is refused with an error of its own and a
 * message that names it; and a process may have any number of handles.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"

/* More than there are keys of pthreads. */
#define HANDLES 1100
#define THREADS 3

static char said[512];

static void say(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int limit(int what, rlim_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	return setrlimit((__rlimit_resource_t)what, &limit);
}

/* What is refused, and the error that kreg_open() must return. */
struct refusal {
	const char *name;
	int mode; /* -1: both */
	int (*set)(void);
	int error;
	const char *sentence;
};

static int small_files(void)
{
	return limit(RLIMIT_FSIZE, 2ull << 30);
}

#ifndef __SANITIZE_ADDRESS__
/* This much more than the process uses now. */
static int space_left(rlim_t bytes)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;
	int got = statm ? fscanf(statm, "%lu", &pages) : 0;

	if (statm)
		fclose(statm);
	return got == 1 ? limit(RLIMIT_AS, pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes) : -1;
}

static int small_space(void)
{
	return space_left(1 << 20);
}
#endif

static int no_random(void)
{
	return refuse_call(SYS_getrandom, EPERM);
}

static int no_robust_list(void)
{
	return refuse_call(SYS_set_robust_list, EPERM);
}

static int no_wiped_page(void)
{
	return refuse_call(SYS_madvise, EPERM);
}

static const struct refusal refusals[] = {
	{ "ulimit -f", -1, small_files, -EFBIG, "ulimit -f" },
#ifndef __SANITIZE_ADDRESS__ /* a sanitizer has terabytes of address space itself */
	{ "ulimit -v", -1, small_space, -ENOMEM, "address space" },
#endif
	{ "no getrandom", -1, no_random, -EPERM, "getrandom" },
	{ "no set_robust_list", MODE_FALLBACK, no_robust_list, -ENOSYS, "set_robust_list" },
	{ "no madvise", -1, no_wiped_page, -EPERM, "madvise" },
};

struct attempt {
	int mode;
	const struct refusal *refusal;
};

static int try_to_open(int link, void *data)
{
	const struct attempt *attempt = data;
	KREG_OPTIONS(options, .guard = mode_guard(attempt->mode), .directory = tmp_directory(),
		     .log = say);
	struct kreg *k = NULL;
	int err;

	(void)link;
	if (attempt->refusal->set())
		return 2;
	err = kreg_open(&k, "limits", &options);
	printf("# %s: %s: %s\n", attempt->refusal->name, kreg_strerror(err), said);
	fflush(stdout);
	if (err != attempt->refusal->error || !strstr(said, attempt->refusal->sentence))
		return 1;
	return 0;
}

START_TEST(each_refusal_has_its_own_error_message)
{
	struct attempt attempt = { .mode = _i };
	struct child child;
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		attempt.refusal = &refusals[i];
		if (refusals[i].mode >= 0 && refusals[i].mode != _i)
			continue;
		child = child_start(try_to_open, &attempt);
		ck_assert_msg(!child_end(&child), "%s", refusals[i].name);
	}
}
END_TEST

static int open_smaller(int link, void *data)
{
	KREG_OPTIONS(options, .max_bytes = 16 << 20, .seats = 64);
	struct kreg *k;

	(void)link;
	if (small_files())
		return 2;
	k = mode_open_as(*(int *)data, "smaller", &options);
	if (kreg_register(k, "a", KREG_STRING, "v", 1, NULL))
		return 1;
	kreg_close(k);
	return 0;
}

START_TEST(a_registry_within_the_file_size_limit_is_created)
{
	int mode = _i;
	struct child child = child_start(open_smaller, &mode);

	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
#define MIB (1ull << 20)
/* Entries of 60,000 bytes: a number that fits into a window, and one far beyond it. */
#define FEW 200
#define MANY 2000
#define LARGE 60000

static char large[LARGE];

/* As under `ulimit -v 307200`, in a process that has opened nothing yet. */
static int create_under_limit(int link, void *data)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg *k;
	int i, err = 0;
	char key[16];
	void *room;

	(void)link;
	if (limit(RLIMIT_AS, 300 * MIB))
		return 2;
	k = mode_open(*(int *)data, "limited");
	if (kreg_stat(k, &stat))
		return 3;
	printf("# 300 MiB of address space: a registry for %llu MiB\n",
	       (unsigned long long)(stat.bytes_max / MIB));
	fflush(stdout);
	/* All of the registry is available, and as much again for the program. */
	for (i = 0; !err; i++) {
		snprintf(key, sizeof(key), "%d", i);
		err = kreg_register(k, key, KREG_STRING, large, i % 2 ? LARGE : 1, NULL);
	}
	room = malloc(64 * MIB);
	if (err != -ENOSPC || stat.bytes_max < 32 * MIB || kreg_count(k) != i - 1 || !room)
		return 4;
	free(room);
	for (i--; i--;) {
		snprintf(key, sizeof(key), "%d", i);
		if (kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL) != (i % 2 ? LARGE : 1))
			return 5;
	}
	if (kreg_check(k, NULL, NULL))
		return 6;
	kreg_close(k);
	return 0;
}

START_TEST(a_registry_fits_into_the_address_space_limit)
{
	KREG_OPTIONS(options, .guard = mode_guard(_i), .directory = tmp_directory());
	int mode = _i;
	struct child child = child_start(create_under_limit, &mode);

	ck_assert_int_eq(child_end(&child), 0);
	ck_assert_int_eq(kreg_destroy("limited", &options, 0), 0);
}
END_TEST

static int add_large(struct kreg *k, int from, int to)
{
	int i, err = 0;

	for (i = from; i < to && !err; i++)
		err = kreg_register(k, &i, sizeof(i), large, sizeof(large), NULL);
	return err;
}

enum look { LOOK_ALL, LOOK_SOME, LOOK_WRITE, LOOK_CLOSE };

static int64_t look_up(struct kreg *k, int names, bool may_be_beyond)
{
	int i, beyond = 0;

	for (i = 0; i < names; i++) {
		ssize_t got = kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL);

		if (got == -ENOMEM && may_be_beyond)
			beyond++;
		else if (got != LARGE)
			return got < 0 ? got : -1;
	}
	return beyond;
}

static int ignore(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

/* Calls that visit all entries return all of them or an error. */
static bool is_refused_or(int64_t got, int64_t right)
{
	if (got == -ENOMEM || got == right)
		return true;
	printf("# %lld instead of %lld\n", (long long)got, (long long)right);
	return false;
}

static bool look_at_all(struct kreg *k, struct kreg *reader, int names)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int seen = 0, err = kreg_each(reader, NULL, 0, ignore, &seen);

	return (err == -ENOMEM || (!err && seen == names)) &&
	       is_refused_or(kreg_stat(k, &stat), 0) && is_refused_or(kreg_check(k, NULL, NULL), 0);
}

/* With 64 MiB of address space left. */
static int look_through_window(int link, void *data)
{
	KREG_OPTIONS(options, .flags = KREG_OPEN_READONLY);
	struct kreg *k, *reader;
	int64_t order, names;
	int mode = *(int *)data;

	link_say(link, 0);
	link_hear(link);
	if (space_left(64 * MIB))
		return 2;
	k = mode_open(mode, "window");
	reader = mode_open_as(mode, "window", &options);
	link_say(link, look_up(k, FEW, false) + look_up(reader, FEW, false));
	while ((order = link_hear(link)) >= 0) {
		names = link_hear(link);
		if (order == LOOK_SOME)
			link_say(link, look_up(k, (int)names, true));
		else if (order == LOOK_ALL)
			link_say(link, look_at_all(k, reader, (int)names));
		else if (order == LOOK_WRITE)
			link_say(link, kreg_register(k, "mine", KREG_STRING, "v", 1, NULL));
		else
			kreg_close(k);
		if (order == LOOK_CLOSE)
			link_say(link, 0);
	}
	return 0;
}

static int64_t ask(struct child *child, int64_t order, int64_t names)
{
	link_say(child->link, order);
	return child_ask(child, names);
}

START_TEST(an_entry_beyond_the_mapping_is_an_error_and_never_absent)
{
	int mode = _i;
	struct child child = child_start_ready(look_through_window, &mode);
	struct kreg *k = mode_open(_i, "window");
	int64_t beyond, err;

	ck_assert_int_eq(add_large(k, 0, FEW), 0);
	ck_assert_int_eq(child_ask(&child, 0), 0);
	ck_assert_int_eq(ask(&child, LOOK_WRITE, 0), 0);
	ck_assert_int_eq(ask(&child, LOOK_ALL, FEW + 1), 1);
	ck_assert_int_eq(add_large(k, FEW, MANY), 0);
	beyond = ask(&child, LOOK_SOME, MANY);
	printf("# 64 MiB of address space: %lld of %d names are beyond it\n", (long long)beyond,
	       MANY);
	ck_assert_int_gt(beyond, MANY / 4);
	ck_assert_int_lt(beyond, MANY - FEW / 2);
	ck_assert_int_eq(ask(&child, LOOK_ALL, MANY + 1), 1);
	err = ask(&child, LOOK_WRITE, 0);
	ck_assert(err == -EEXIST || err == -ENOMEM);
	ck_assert_int_eq(kreg_count(k), MANY + 1);
	ck_assert_int_eq(ask(&child, LOOK_CLOSE, 0), 0);
	ck_assert_int_eq(kreg_lookup(k, "mine", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), MANY);
	child_kill(&child);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST
#endif

static struct kreg *handles[HANDLES];

/* Registers through each handle, and ends. */
static void *use_all(void *data)
{
	intptr_t number = (intptr_t)data, failed = 0;
	char key[32];
	int i;

	for (i = 0; i < HANDLES; i++) {
		snprintf(key, sizeof(key), "%d.%d", (int)number, i);
		failed += kreg_register(handles[i], key, KREG_STRING, "v", 1, NULL) != 0;
	}
	for (i = HANDLES - 1; i >= 0; i--) {
		snprintf(key, sizeof(key), "%d.%d", (int)number, i);
		failed += kreg_update(handles[i], key, KREG_STRING, "w", 1, NULL, 0) < 0;
	}
	return (void *)failed;
}

static uint64_t slots_used(struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat.slots_used;
}

START_TEST(a_process_may_have_more_handles_than_pthread_keys)
{
	struct kreg *first = mode_open(_i, "handles");
	pthread_t threads[THREADS];
	void *failed;
	intptr_t i;

	for (i = 0; i < HANDLES; i++)
		handles[i] = mode_open(_i, "handles");
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_all, (void *)i);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	/*
	 * The slots of the threads were freed with them, and those of closed handles are
	 * freed too.
	 */
	ck_assert_uint_eq(slots_used(first), 0);
	ck_assert_ptr_null(use_all((void *)i));
	ck_assert_uint_eq(slots_used(first), HANDLES);
	ck_assert_int_eq(kreg_count(first), (THREADS + 1) * HANDLES);
	for (i = 0; i < HANDLES; i += 2) {
		kreg_close(handles[i]);
		handles[i] = mode_open(_i, "handles");
	}
	ck_assert_ptr_null(use_all((void *)(intptr_t)(THREADS + 1)));
	for (i = 0; i < HANDLES; i++)
		kreg_close(handles[i]);
	ck_assert_int_eq(kreg_count(first), 0);
	ck_assert_uint_le(slots_used(first), 1);
	kreg_close(first);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		each_refusal_has_its_own_error_message,
		a_registry_within_the_file_size_limit_is_created,
#ifndef __SANITIZE_ADDRESS__
		a_registry_fits_into_the_address_space_limit,
		an_entry_beyond_the_mapping_is_an_error_and_never_absent,
#endif
		a_process_may_have_more_handles_than_pthread_keys,
		NULL,
	};

	return modes_run(suite_create("limits"), tcase_create("both"), both, NULL, NULL);
}
