/* SPDX-License-Identifier: MIT */
/*
 * What the machine or a sandbox does not grant is refused with an error of its own and a sentence that names it; and
 * a process may have as many handles as it likes.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"

/* More than there are keys of pthreads. */
#define HANDLES 1100
#define THREADS 3

static char said[512];

static void say(void *data, const char *sentence)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int limit(int what, rlim_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	return setrlimit((__rlimit_resource_t)what, &limit);
}

/* What is refused, and what kreg_open() has to make of it. */
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
static int small_space(void)
{
	return limit(RLIMIT_AS, 2ull << 30);
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
#ifndef __SANITIZE_ADDRESS__ /* it has terabytes of address space itself */
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

START_TEST(each_refusal_is_told_by_its_own_sentence)
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

START_TEST(what_fits_into_the_limit_on_files_is_created)
{
	int mode = _i;
	struct child child = child_start(open_smaller, &mode);

	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

static struct kreg *handles[HANDLES];

/* Registers through each handle, and leaves. */
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

START_TEST(a_process_has_more_handles_than_there_are_keys_of_pthreads)
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
	/* The slots of the threads went with them, and those of closed handles go, too. */
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
		each_refusal_is_told_by_its_own_sentence,
		what_fits_into_the_limit_on_files_is_created,
		a_process_has_more_handles_than_there_are_keys_of_pthreads,
		NULL,
	};

	return modes_run(suite_create("limits"), tcase_create("both"), both, NULL, NULL);
}
