/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's policy, as tables: which services are stopped, forgotten and started,
 * and in which order, when a service has ended; how many restarts are too many; the order
 * in which services are started.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/services/supervise/restart.h"
#include "lib/services/tree/start_order.h"
#include "tests/support/unit.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct end_case {
	struct ending ending;
	bool is_clean;
};

static const struct end_case ends[] = {
	{ { CLD_EXITED, 0 }, true },
	{ { CLD_EXITED, 1 }, false },
	{ { CLD_EXITED, 255 }, false },
	{ { CLD_EXITED, SIGTERM }, false },
	{ { CLD_KILLED, SIGHUP }, true },
	{ { CLD_KILLED, SIGINT }, true },
	{ { CLD_KILLED, SIGPIPE }, true },
	{ { CLD_KILLED, SIGTERM }, true },
	{ { CLD_KILLED, SIGKILL }, false },
	{ { CLD_KILLED, SIGUSR1 }, false },
	{ { CLD_DUMPED, SIGSEGV }, false },
	{ { CLD_DUMPED, SIGABRT }, false },
	{ { 0, 0 }, false },
};

START_TEST(permanent_services_restart_always_transient_after_failure_temporary_never)
{
	size_t i;

	for (i = 0; i < COUNT(ends); i++) {
		const struct ending *ending = &ends[i].ending;

		ck_assert_msg(ending_is_clean(ending) == ends[i].is_clean, "code %d, status %d",
			      ending->code, ending->status);
		ck_assert(restart_is_needed(KREG_RESTART_PERMANENT, ending));
		ck_assert(restart_is_needed(KREG_RESTART_TRANSIENT, ending) != ends[i].is_clean);
		ck_assert(!restart_is_needed(KREG_RESTART_TEMPORARY, ending));
	}
}
END_TEST

/*
 * A service is a letter: its policy p, t or y (temporary), in capitals if it runs, - if it is forgotten.
 * A step is a letter and a place: x stopped, f forgotten, s started.
 */
struct plan_case {
	const char *services;
	uint32_t strategy;
	size_t place;
	const char *steps;
};

static const struct plan_case plans[] = {
	{ "p", KREG_ONE_FOR_ONE, 0, "s0" },
	{ "pPP", KREG_ONE_FOR_ONE, 0, "s0" },
	{ "PpP", KREG_ONE_FOR_ONE, 1, "s1" },
	{ "PPt", KREG_ONE_FOR_ONE, 2, "s2" },
	{ "YpY", KREG_ONE_FOR_ONE, 1, "s1" },
	{ "p", KREG_REST_FOR_ONE, 0, "s0" },
	{ "pPP", KREG_REST_FOR_ONE, 0, "x2 x1 s0 s1 s2" },
	{ "PpP", KREG_REST_FOR_ONE, 1, "x2 s1 s2" },
	{ "PPt", KREG_REST_FOR_ONE, 2, "s2" },
	{ "p", KREG_ONE_FOR_ALL, 0, "s0" },
	{ "pPP", KREG_ONE_FOR_ALL, 0, "x2 x1 s0 s1 s2" },
	{ "PpP", KREG_ONE_FOR_ALL, 1, "x2 x0 s0 s1 s2" },
	{ "PPt", KREG_ONE_FOR_ALL, 2, "x1 x0 s0 s1 s2" },
	/* Temporary services are stopped with the others, and never started again. */
	{ "pYP", KREG_REST_FOR_ONE, 0, "x2 x1 f1 s0 s2" },
	{ "YpY", KREG_REST_FOR_ONE, 1, "x2 f2 s1" },
	{ "YpY", KREG_ONE_FOR_ALL, 1, "x2 f2 x0 f0 s1" },
	{ "-p-", KREG_ONE_FOR_ALL, 1, "s1" },
	/*
	 * A transient service that had ended well is started with the others, and so is
	 * one whose restart had failed.
	 */
	{ "pt", KREG_REST_FOR_ONE, 0, "s0 s1" },
	{ "tp", KREG_REST_FOR_ONE, 1, "s1" },
	{ "tpP", KREG_ONE_FOR_ALL, 1, "x2 s0 s1 s2" },
	{ "Ppp", KREG_ONE_FOR_ALL, 1, "x0 s0 s1 s2" },
	{ "pt", KREG_ONE_FOR_ONE, 0, "s0" },
};

static void read_places(const char *services, struct restart_place *places)
{
	for (; *services; services++, places++) {
		const char *policies = "pPtTyY-", *at = strchr(policies, *services);

		ck_assert_ptr_nonnull(at);
		places->policy = *services == '-' ? (uint32_t)KREG_RESTART_TEMPORARY
						  : (uint32_t)(at - policies) / 2;
		places->runs = *services == 'P' || *services == 'T' || *services == 'Y';
		places->is_forgotten = *services == '-';
	}
}

START_TEST(services_are_stopped_last_to_first_and_started_first_to_last)
{
	struct restart_place places[8];
	struct restart_step steps[24];
	size_t i, j, count;

	for (i = 0; i < COUNT(plans); i++) {
		char text[128] = "", *at = text;

		read_places(plans[i].services, places);
		count = restart_plan(places, strlen(plans[i].services), plans[i].strategy,
				     plans[i].place, steps);
		for (j = 0; j < count; j++)
			at += sprintf(at, "%s%c%zu", j ? " " : "", "xfs"[steps[j].action],
				      steps[j].place);
		ck_assert_msg(!strcmp(text, plans[i].steps),
			      "%s, strategy %u, place %zu: %s, not %s", plans[i].services,
			      plans[i].strategy, plans[i].place, text, plans[i].steps);
	}
}
END_TEST

/*
 * The times at which restarts are needed, in milliseconds, and how many are allowed
 * before one is refused.
 */
struct intensity_case {
	uint32_t intensity, period_ms;
	uint64_t times[8]; /* up to a 0 */
	size_t allowed;
};

static const struct intensity_case intensities[] = {
	{ KREG_INTENSITY_NONE, 1000, { 1 }, 0 },
	{ 1, 1000, { 1, 2 }, 1 },
	{ 1, 1000, { 1, 1001 }, 1 },
	{ 1, 1000, { 1, 1002, 2003, 3004 }, 4 },
	{ 3, 1000, { 1, 2, 3, 4 }, 3 },
	{ 3, 1000, { 1, 1, 1, 1 }, 3 },
	{ 3, 1000, { 1, 500, 900, 1002, 1400, 1500 }, 4 },
	{ 3, 1000, { 1, 500, 900, 1002, 1501, 1901 }, 6 },
	{ 3, 1000, { 1, 2, 3, 5000, 5001, 5002, 5003 }, 6 },
	/* By default once in five seconds. */
	{ 0, 0, { 1, 5001 }, 1 },
	{ 0, 0, { 1, 5002 }, 2 },
};

START_TEST(more_restarts_than_intensity_within_a_period_are_too_many)
{
	size_t i, allowed;

	for (i = 0; i < COUNT(intensities); i++) {
		const struct intensity_case *at = &intensities[i];
		struct restart_history history;

		ck_assert_int_eq(restart_history_init(&history, at->intensity, at->period_ms), 0);
		for (allowed = 0; allowed < COUNT(at->times) && at->times[allowed]; allowed++) {
			if (!restart_is_allowed(&history, at->times[allowed]))
				break;
		}
		restart_history_deinit(&history);
		ck_assert_msg(allowed == at->allowed, "case %zu: %zu are allowed, not %zu", i,
			      allowed, at->allowed);
	}
}
END_TEST

/* Services a, b, c, d, each with the letters of those that it waits for. */
struct order_case {
	const char *after[4];
	const char *order; /* NULL: there is none, because of service @fault */
	size_t fault;
	const char *missing;
	size_t next;
};

static const struct order_case orders[] = {
	{ { "", "", "", "" }, "abcd", 0, NULL, 0 },
	{ { "", "a", "b", "c" }, "abcd", 0, NULL, 0 },
	{ { "b", "c", "d", "" }, "dcba", 0, NULL, 0 },
	{ { "c", "", "", "a" }, "bcad", 0, NULL, 0 },
	{ { "d", "d", "", "" }, "cdab", 0, NULL, 0 },
	{ { "bcd", "", "d", "" }, "bdca", 0, NULL, 0 },
	{ { "bb", "", "", "" }, "bacd", 0, NULL, 0 },
	{ { "", "x", "", "" }, NULL, 1, "x", 0 },
	{ { "", "", "c", "" }, NULL, 2, NULL, 2 },
	{ { "b", "a", "", "" }, NULL, 0, NULL, 1 },
	{ { "", "c", "d", "b" }, NULL, 2, NULL, 3 },
	{ { "b", "c", "b", "" }, NULL, 2, NULL, 1 },
};

/* Roles up to a NULL, of the letters of @text. */
static const char *const *roles_of(const char *text, const char *roles[8], char names[8][2])
{
	size_t i;

	for (i = 0; text[i]; i++) {
		snprintf(names[i], sizeof(names[i]), "%c", text[i]);
		roles[i] = names[i];
	}
	roles[i] = NULL;
	return roles;
}

START_TEST(services_start_after_those_they_wait_for_and_otherwise_in_given_order)
{
	static const char *const letters[] = { "a", "b", "c", "d" };
	size_t i, j;

	for (i = 0; i < COUNT(orders); i++) {
		const struct order_case *at = &orders[i];
		struct start_order_fault fault = { 0 };
		struct kreg_supervised services[4] = { 0 };
		const char *roles[4][8];
		char names[4][8][2], text[5] = "";
		size_t order[4];
		int err;

		for (j = 0; j < 4; j++) {
			services[j].role = letters[j];
			services[j].after = roles_of(at->after[j], roles[j], names[j]);
		}
		err = start_order(services, 4, order, &fault);
		ck_assert_msg(err == (at->order ? 0 : -EINVAL), "case %zu: %d", i, err);
		for (j = 0; j < 4 && !err; j++)
			text[j] = *letters[order[j]];
		ck_assert_str_eq(text, at->order ? at->order : "");
		if (!err)
			continue;
		ck_assert_msg(fault.service == at->fault, "case %zu: %zu", i, fault.service);
		if (at->missing)
			ck_assert_str_eq(fault.missing, at->missing);
		else
			ck_assert_uint_eq(fault.next, at->next);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		permanent_services_restart_always_transient_after_failure_temporary_never,
		services_are_stopped_last_to_first_and_started_first_to_last,
		more_restarts_than_intensity_within_a_period_are_too_many,
		services_start_after_those_they_wait_for_and_otherwise_in_given_order,
		NULL,
	};

	return unit_run("restart", NULL, NULL, tests);
}
