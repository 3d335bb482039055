/* SPDX-License-Identifier: MIT */
/*
 * The guard is started before Check forks its first test, and stopped after the last one.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tests/support/guard.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static char path[128], second[128], why[512] = "built with --disable-bpf";

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(why, sizeof(why), "%s", sentence);
}

const char *mode_guard(int mode)
{
	return mode == MODE_GUARD ? path : "none";
}

const char *second_guard(void)
{
	return second;
}

struct kreg *mode_open_as(int mode, const char *name, const struct kreg_options *options)
{
	struct kreg_options all = *options;
	struct kreg *k;
	int err;

	all.directory = tmp_directory();
	all.guard = mode_guard(mode);
	all.log = keep;
	err = kreg_open(&k, name, &all);
	ck_assert_msg(!err, "kreg_open: %s: %s", kreg_strerror(err), why);
	return k;
}

struct kreg *mode_open(int mode, const char *name)
{
	KREG_OPTIONS(options, .flags = 0);

	return mode_open_as(mode, name, &options);
}

#ifdef HAVE_GUARD

static bool start(void)
{
	struct guard_options options = { .path = path, .log = keep };
	char name[TMP_NAME];
	bool is_there;

	tmp_remove_dead();
	tmp_name_of(getpid(), name);
	snprintf(path, sizeof(path), "/sys/fs/bpf/%s", name);
	snprintf(second, sizeof(second), "/sys/fs/bpf/%s-second", name);
	is_there = !guard_start(&options);
	/*
	 * Loading it needs 11 MB, which the heap keeps: each fork of the test and of its
	 * children would copy the page table of that.
	 */
	malloc_trim(0);
	return is_there;
}

static void stop(void)
{
	struct guard_options options = { .path = path };

	guard_stop(&options, true);
	options.path = second;
	guard_stop(&options, true);
}

/* A test that failed has left it running, and the next one is not to fail for that. */
static void stop_second(void)
{
	struct guard_options options = { .path = second };

	guard_stop(&options, true);
}

#else

static void stop_second(void)
{
}

static bool start(void)
{
	return false;
}

static void stop(void)
{
}

#endif

static void add(TCase *tcase, const TTest *const *tests, int first, int end)
{
	for (; tests && *tests; tests++)
		tcase_add_loop_test(tcase, *tests, first, end);
}

/* Whether there is a guard; ends the program if there has to be one. */
static bool begin(void)
{
	bool has_guard = start();

	if (!has_guard) {
		fprintf(stderr, "without the guard: %s\n", why);
		if (getenv("KREG_REQUIRE_BPF") && *getenv("KREG_REQUIRE_BPF")) {
			printf("Bail out! a guard is required: %s\n", why);
			exit(1);
		}
	}
	tmp_directory();
	return has_guard;
}

static int run(Suite *suite, bool has_guard)
{
	int status = unit_run_suite(suite);

	if (has_guard)
		stop();
	return status;
}

int modes_run(Suite *suite, TCase *both, const TTest *const *both_tests, TCase *guard,
	      const TTest *const *guard_tests)
{
	bool has_guard = begin();

	if (both) {
		tcase_set_timeout(both, 300);
		add(both, both_tests, MODE_FALLBACK, has_guard ? MODE_GUARD + 1 : MODE_GUARD);
		suite_add_tcase(suite, both);
	}
	if (guard && has_guard) {
		tcase_set_timeout(guard, 300);
		tcase_add_checked_fixture(guard, stop_second, NULL);
		add(guard, guard_tests, MODE_GUARD, MODE_GUARD + 1);
		suite_add_tcase(suite, guard);
	}
	return run(suite, has_guard);
}

int modes_run_cases(Suite *suite, const TTest *tests, size_t count)
{
	bool has_guard = begin();
	TCase *tcase = tcase_create("both");
	int i;

	for (i = 0; i < (int)count; i++)
		tcase_add_loop_test(tcase, &tests[i], i * MODES + MODE_FALLBACK,
				    i * MODES + (has_guard ? MODE_GUARD : MODE_FALLBACK) + 1);
	suite_add_tcase(suite, tcase);
	return run(suite, has_guard);
}
