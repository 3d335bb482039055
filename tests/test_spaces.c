/* SPDX-License-Identifier: MIT */
/*
 * Services by namespace and state, as metrics have them: each service is counted once, also if it
 * has changed between the two calls that read what is reported and which names there are. These two,
 * and the look at a process, are functions of this file, so that the change comes there each time.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/support/unit.h"
#include "tools/metrics/spaces.h"

#define SPACE "space"
#define ROLE "role"
#define PROCESS 1

/* What is seen of the service. */
struct look {
	uint32_t reported; /* enum kreg_supervised_state; 0: no supervisor reports it */
	bool has_name, is_reserved;
	int process; /* WHO_*: of a process that has the name, or that is reported */
};

/* The states that one look can find. */
static const struct look looks[] = {
	{ KREG_STATE_RUNNING, .has_name = true, .process = WHO_RUNNING },
	{ KREG_STATE_STARTING, .has_name = true, .is_reserved = true, .process = WHO_RUNNING },
	{ KREG_STATE_STARTING, .process = WHO_UNKNOWN },
	{ KREG_STATE_RUNNING, .process = WHO_RUNNING },
	{ KREG_STATE_ENDED, .process = WHO_UNKNOWN },
	{ KREG_STATE_RESTARTING, .process = WHO_UNKNOWN },
	{ KREG_STATE_FAILED, .process = WHO_UNKNOWN },
	{ KREG_STATE_RUNNING, .has_name = true, .process = WHO_STOPPED },
};
#define LOOKS (int)(sizeof(looks) / sizeof(looks[0]))

/* The first call sees the first of them, the second one the other. */
static struct look seen[2];
static int calls;
static struct who who;

const struct who *who_is(struct who_cache *cache, const struct kreg_owner *owner)
{
	(void)cache;
	ck_assert_int_eq(owner->pid, PROCESS);
	who.state = (enum who_state)seen[1].process;
	return &who;
}

const char *who_state_name(enum who_state state)
{
	(void)state;
	return "";
}

static const struct look *next_look(void)
{
	ck_assert_int_lt(calls, 2);
	return &seen[calls++];
}

int kreg_service_each_reserved(struct kreg *k, const char *space,
			       int (*visit)(const struct kreg_service *service, void *data),
			       void *data)
{
	const struct look *look = next_look();
	struct kreg_service service = { .space = SPACE,
					.role = ROLE,
					.owner = { .pid = PROCESS, .token = 1 } };

	(void)k;
	ck_assert_ptr_null(space);
	service.flags = look->is_reserved ? KREG_REGISTER_RESERVED : 0;
	return look->has_name ? visit(&service, data) : 0;
}

int kreg_service_state_each(struct kreg *k, const char *space,
			    int (*visit)(const char *space, const char *role,
					 const struct kreg_service_state *state, void *data),
			    void *data)
{
	const struct look *look = next_look();
	struct kreg_service_state state = { .size = sizeof(state),
					    .state = look->reported,
					    .owner = { .pid = PROCESS, .token = 1 } };

	(void)k;
	ck_assert_ptr_null(space);
	return look->reported ? visit(SPACE, ROLE, &state, data) : 0;
}

/* Counts what is seen; the service is in this state. */
static int counted_state(void)
{
	struct spaces spaces = { 0 };
	int state, found = -1;

	calls = 0;
	ck_assert_int_eq(spaces_count(&spaces, NULL, NULL), 0);
	ck_assert_int_eq(calls, 2);
	ck_assert_uint_eq(spaces.count, 1);
	ck_assert(!spaces.has_others);
	for (state = 0; state < SPACES_STATES; state++) {
		ck_assert_uint_le(spaces.list[0]->services[state], found < 0);
		if (spaces.list[0]->services[state])
			found = state;
	}
	spaces_free(&spaces);
	ck_assert_int_ge(found, 0);
	return found;
}

START_TEST(a_service_that_changes_in_between_is_counted_once)
{
	seen[0] = looks[_i / LOOKS];
	seen[1] = looks[_i % LOOKS];
	counted_state();
}
END_TEST

START_TEST(one_that_does_not_change_is_counted_as_what_it_is)
{
	static const int states[] = { WHO_RUNNING,   SPACES_STARTING,   SPACES_STARTING,
				      WHO_RUNNING,   SPACES_RESTARTING, SPACES_RESTARTING,
				      SPACES_FAILED, WHO_STOPPED };

	seen[0] = seen[1] = looks[_i];
	ck_assert_int_eq(counted_state(), states[_i]);
}
END_TEST

START_TEST(without_a_supervisor_its_name_is_counted)
{
	seen[0] = seen[1] = (struct look){ 0, .has_name = true, .process = WHO_RUNNING };
	ck_assert_int_eq(counted_state(), WHO_RUNNING);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spaces");
	TCase *tc = tcase_create("spaces");

	tcase_add_loop_test(tc, a_service_that_changes_in_between_is_counted_once, 0,
			    LOOKS * LOOKS);
	tcase_add_loop_test(tc, one_that_does_not_change_is_counted_as_what_it_is, 0, LOOKS);
	tcase_add_test(tc, without_a_supervisor_its_name_is_counted);
	suite_add_tcase(suite, tc);
	return unit_run_suite(suite);
}
