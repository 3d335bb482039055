/* SPDX-License-Identifier: MIT */
/*
 * The end of a registry from inside: other processes propose its end repeatedly.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "shm/in_use.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static struct kreg *k;
static bool has_rivals;
static char said[1024];

bool __real_in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who);
bool __wrap_in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who);

/*
 * No process has anything in use; during each look another process has proposed the end
 * under an id of its own.
 */
bool __wrap_in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who)
{
	static uint64_t id;

	if (!has_rivals)
		return __real_in_use_by(s, lives, who);
	*who = (struct in_use){ 0 };
	id = (id | ~SEGMENT_ID_MASK) + 1;
	store_relaxed(&s->header->successor, id | SEGMENT_PROPOSED);
	return false;
}

static void listen_to(const char *sentence, void *data)
{
	(void)data;
	strncpy(said, sentence, sizeof(said) - 1);
}

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 16 << 20,
		     .slots = 16, .seats = 16);

	ck_assert_int_eq(kreg_open(&k, "end", &options), 0);
	kreg_close(k);
}

START_TEST(a_destroy_that_is_overtaken_each_time_reports_it)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .log = listen_to);

	has_rivals = true;
	ck_assert_int_eq(kreg_destroy("end", &options, 0), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(said, "retry"));
	ck_assert_ptr_null(strstr(said, "alive"));
	has_rivals = false;
	ck_assert_int_eq(kreg_destroy("end", &options, 0), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { a_destroy_that_is_overtaken_each_time_reports_it, NULL };

	return unit_run("succession", set_up, NULL, tests);
}
