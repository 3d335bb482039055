/* SPDX-License-Identifier: MIT */
/*
 * What a process waits for that opens a registry and looks a name up, or registers one: bounds on its system calls
 * and page faults. A new one costs each process that attaches, 0.3 to 9 us for a call and 2 to 4 for a fault.
 *
 * Of faults, those of a process that has opened the registry before are counted: the first time there are those of
 * the library's code as well, by how the linker has laid it out. A fault maps the pages beside it, up to a
 * multiple of 16, so the least of 16 places in the address space counts.
 */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/traced.h"
#include "tests/support/unit.h"

#define PLACES 16
#define TRIES 10
/* What another C library may need beyond what is made here. */
#define SPARE 3
/* Where the line and the entry of a key are depends on a registry's seed. */
#define REGISTRIES 4

/* One more page in between, so that the next mapping is a page further. */
static void move_on(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
}

/* Where the kernel does not say when a file was made, the boot id is read. */
static int boot_calls(void)
{
	struct statx x;

	return !statx(AT_FDCWD, tmp_directory(), 0, STATX_BTIME, &x) && x.stx_mask & STATX_BTIME
		       ? 0
		       : 7;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* The other process that the registry has entries of. */
static int fill(int link, void *mode)
{
	struct kreg *k = mode_open(*(int *)mode, "attach");

	ck_assert_int_eq(kreg_register(k, "there", KREG_STRING, "value", 5, NULL), 0);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static struct child filled;

static void begin(int mode)
{
	filled = child_start_ready(fill, &mode);
}

/* A registry with another seed. */
static void begin_again(int mode)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode));

	child_kill(&filled);
	ck_assert_int_eq(kreg_destroy("attach", &options, KREG_DESTROY_FORCE), 0);
	begin(mode);
}

static struct kreg *open_with(int mode, uint32_t flags)
{
	KREG_OPTIONS(options, .flags = flags);

	return mode_open_as(mode, "attach", &options);
}

static int look_up(struct kreg *k)
{
	struct kreg_owner owner;
	char value[8];

	return (int)kreg_lookup(k, "there", KREG_STRING, value, sizeof(value), &owner);
}

static int open_reader(void *mode)
{
	open_with(*(int *)mode, KREG_OPEN_READONLY);
	return 0;
}

static int open_writer(void *mode)
{
	open_with(*(int *)mode, 0);
	return 0;
}

static int open_and_look_up(void *mode)
{
	return look_up(open_with(*(int *)mode, KREG_OPEN_READONLY)) - 5;
}

/* The registration alone is counted: an open waits for another thread, with one call more or less. */
static int register_in_open(void *mode)
{
	struct kreg *k = open_with(*(int *)mode, 0);

	raise(SIGUSR1);
	return kreg_register(k, "new", KREG_STRING, NULL, 0, NULL);
}

/* A wait for another thread makes one or none, and may be repeated. */
static int least_calls(int (*body)(void *data), int mode)
{
	int i, calls, least = INT_MAX;

	for (i = 0; i < TRIES; i++) {
		calls = traced_count(body, &mode);
		if (calls < least)
			least = calls;
	}
	return least;
}

START_TEST(system_calls_of_an_open_for_reading)
{
	static const int most[MODES] = { [MODE_FALLBACK] = 17, [MODE_GUARD] = 59 };
	int mode = _i, calls;

	begin(mode);
	calls = least_calls(open_reader, mode);
	ck_assert_int_le(calls, most[mode] + boot_calls() + SPARE);
	ck_assert_int_eq(least_calls(open_and_look_up, mode), calls);
}
END_TEST

START_TEST(system_calls_of_an_open_for_writing_and_of_the_first_registration)
{
	static const int most[MODES] = { [MODE_FALLBACK] = 55, [MODE_GUARD] = 115 };
	int mode = _i;

	begin(mode);
	ck_assert_int_le(least_calls(open_writer, mode), most[mode] + boot_calls() + SPARE);
	ck_assert_int_le(least_calls(register_in_open, mode), 3);
}
END_TEST

struct counted {
	long open, lookup, change;
};

static void least(long *of, long now)
{
	if (now < *of)
		*of = now;
}

static void count_faults(int mode, uint32_t flags, struct counted *out)
{
	struct kreg *k;
	long before;
	int place;

	for (place = -1; place < PLACES; place++) {
		/* The first one is also of the process. */
		if (place <= 0)
			*out = (struct counted){ 1000, 1000, 1000 };
		if (place > 0 && place % (PLACES / REGISTRIES) == 0)
			begin_again(mode);
		move_on();
		before = faults();
		k = open_with(mode, flags);
		least(&out->open, faults() - before);
		before = faults();
		ck_assert_int_eq(look_up(k), 5);
		least(&out->lookup, faults() - before);
		if (!(flags & KREG_OPEN_READONLY)) {
			before = faults();
			ck_assert_int_eq(kreg_register(k, "new", KREG_STRING, NULL, 0, NULL), 0);
			least(&out->change, faults() - before);
		}
		kreg_close(k);
	}
}

START_TEST(page_faults_of_a_process_that_reads)
{
	struct counted counted;

	begin(_i);
	count_faults(_i, KREG_OPEN_READONLY, &counted);
	ck_assert_int_le(counted.open, 1);
	/* A line and an entry. */
	ck_assert_int_le(counted.lookup, 2);
}
END_TEST

START_TEST(page_faults_of_a_process_that_writes)
{
	struct counted counted;

	begin(_i);
	count_faults(_i, 0, &counted);
	ck_assert_int_le(counted.open, 2);
	ck_assert_int_le(counted.lookup, 2);
	ck_assert_int_le(counted.change, 4);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		system_calls_of_an_open_for_reading,
		system_calls_of_an_open_for_writing_and_of_the_first_registration,
		page_faults_of_a_process_that_reads,
		page_faults_of_a_process_that_writes,
		NULL,
	};
	const TTest *const none[] = { NULL };

	/* A sanitizer's own calls and faults would be counted as well. */
	return modes_run(suite_create("attach"), tcase_create("both"),
			 UNIT_IS_SANITIZED ? none : both, NULL, NULL);
}
