/* SPDX-License-Identifier: MIT */
/*
 * Check forks for each test; the folder is made before, so that all share it and it is removed once.
 */
#include "tests/support/unit.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/support/orphans.h"
#include "tests/support/tmp.h"

#define SECONDS_FOR_ONE 300

int unit_run_suite(Suite *suite)
{
	SRunner *runner;
	int failed;

	tmp_directory();
	runner = srunner_create(suite);
	/* Without forks the cases' own children would be taken for what an earlier case left. */
	if (srunner_fork_status(runner) == CK_FORK)
		orphans_adopt();
	srunner_run_all(runner, CK_ENV);
	orphans_end();
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

int unit_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
	     const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, SECONDS_FOR_ONE);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}

void unit_skip(const char *format, ...)
{
	const char *required = getenv("KREG_REQUIRE_BPF");
	char why[256];
	va_list list;

	va_start(list, format);
	vsnprintf(why, sizeof(why), format, list);
	va_end(list);
	printf("# SKIP %s\n", why);
	fflush(stdout);
	if (required && *required)
		ck_abort_msg("nothing may be skipped here: %s", why);
}

unsigned int unit_slowness(void)
{
	const char *said = getenv("KREG_SLOW");
	unsigned long slowness = said ? strtoul(said, NULL, 0) : 1;

	return slowness >= 1 && slowness <= 1000 ? (unsigned int)slowness : 1;
}

unsigned int unit_many(const char *variable, unsigned int usual)
{
	const char *wanted = getenv(variable);
	unsigned long many = wanted ? strtoul(wanted, NULL, 0) : 0;

	return many && many <= 100000000 ? (unsigned int)many : usual;
}

unsigned int unit_seed(void)
{
	const char *wanted = getenv("KREG_SEED");

	return wanted ? (unsigned int)strtoul(wanted, NULL, 0) : (unsigned int)getpid();
}

int unit_entries(const char *folder)
{
	DIR *entries = opendir(folder);
	int count = 0;

	ck_assert_ptr_nonnull(entries);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

bool unit_has_ended(pid_t task)
{
	struct process process;

	return !process_read(task, &process) || process.flags & 0x4; /* PF_EXITING */
}

int unit_threads(void)
{
	DIR *entries = opendir("/proc/self/task");
	const struct dirent *at;
	int count = 0;

	ck_assert_ptr_nonnull(entries);
	while ((at = readdir(entries)))
		count += atoi(at->d_name) > 0 && !unit_has_ended(atoi(at->d_name));
	closedir(entries);
	return count;
}
