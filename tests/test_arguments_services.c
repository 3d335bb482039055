/* SPDX-License-Identifier: MIT */
/*
 * Arguments that are refused by the calls of services and programs, as in test_arguments.c.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/kreg-services.h"
#include "tests/support/heard.h"
#include "tests/support/unit.h"

static ssize_t keep(void *out, size_t capacity, const void *now, size_t size, void *data)
{
	(void)capacity;
	(void)data;
	memcpy(out, now, size);
	return (ssize_t)size;
}

static int visit_service(const struct kreg_service *service, void *data)
{
	(void)service;
	(void)data;
	return 0;
}

static int visit_state(const char *space, const char *role, const struct kreg_service_state *state,
		       void *data)
{
	(void)space, (void)role, (void)state, (void)data;
	return 0;
}

static int visit_namespace(const char *space, uint64_t services, void *data)
{
	(void)space;
	(void)services;
	(void)data;
	return 0;
}

/* The calls of services that take a namespace and a role: what of it is wrong. */
#define SERVICE(call, ...)                                                                         \
	do {                                                                                       \
		REFUSED(call, "k is NULL", (NULL, "s", "r", ##__VA_ARGS__));                       \
		REFUSED(call, "space is NULL", (heard_k, NULL, "r", ##__VA_ARGS__));               \
		REFUSED(call, "space is no namespace", (heard_k, "s/", "r", ##__VA_ARGS__));       \
		REFUSED(call, "role is NULL", (heard_k, "s", NULL, ##__VA_ARGS__));                \
		REFUSED(call, "role is no role", (heard_k, "s", "", ##__VA_ARGS__));               \
		REFUSED(call, "duplicate keys", (heard_d, "s", "r", ##__VA_ARGS__));               \
	} while (0)
#define SERVICE_BEGIN(call, ...)                                                                   \
	do {                                                                                       \
		REFUSED(call, "out is NULL", (NULL, heard_k, "s", "r", ##__VA_ARGS__));            \
		REFUSED(call, "role is no role", (&pending, heard_k, "s", "\n", ##__VA_ARGS__));   \
	} while (0)

START_TEST(namespaces_and_roles)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_service_state state = { .size = sizeof(state) };
	struct kreg_pending *pending;
	struct kreg_owner owner;
	struct kreg_lock lock;
	const void *value;
	char room[300];

	heard_begin(_i);
	SERVICE(kreg_service_register, "v", 1, NULL);
	SERVICE(kreg_service_register_with, "v", 1, 0, NULL);
	SERVICE(kreg_service_unregister);
	SERVICE(kreg_service_lookup, room, 8, NULL);
	SERVICE(kreg_service_lookup_string, room, 8, NULL);
	SERVICE(kreg_service_whereis, &owner);
	SERVICE(kreg_service_await, 0, NULL);
	SERVICE(kreg_service_await_gone, NULL, 0);
	SERVICE(kreg_service_await_turn, 0);
	SERVICE(kreg_service_publish, "v", 1);
	SERVICE(kreg_service_give, &heard_self);
	SERVICE(kreg_service_update, "v", 1, NULL, 0);
	SERVICE(kreg_service_update_if, "v", 1, "v", 1);
	SERVICE(kreg_service_update_with, keep, NULL);
	SERVICE(kreg_service_counter_add, 1, NULL);
	SERVICE(kreg_service_counter_add_bounded, 1, 2, 0, NULL);
	SERVICE(kreg_service_counter_reset, 1, NULL);
	SERVICE(kreg_service_read, &value, NULL);
	SERVICE(kreg_service_monitor, &owner);
	SERVICE(kreg_service_signal, 0);
	SERVICE(kreg_service_connect, SOCK_STREAM, NULL);
	SERVICE(kreg_service_lock, 0, &lock);
	SERVICE(kreg_service_health, &health);
	SERVICE(kreg_service_state, &state);
	REFUSED(kreg_service_register_for, "role is no role",
		(heard_k, &heard_self, "s", "\n", "v", 1, 0, NULL));
	REFUSED(kreg_service_update_for, "role is no role",
		(heard_k, &heard_self, "s", "\n", "v", 1));
	REFUSED(kreg_service_unregister_for, "role is no role", (heard_k, &heard_self, "s", "\n"));
	SERVICE_BEGIN(kreg_service_await_begin);
	SERVICE_BEGIN(kreg_service_await_gone_begin, NULL);
	SERVICE_BEGIN(kreg_service_await_turn_begin);
	SERVICE_BEGIN(kreg_service_lock_begin);
	heard_end();
}
END_TEST

START_TEST(what_the_calls_for_names_refuse)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_service_state state = { 0 };

	heard_begin(_i);
	/* What the call for names refuses has the name of the call that was made. */
	REFUSED(kreg_service_register, "value is NULL", (heard_k, "s", "r", NULL, 1, NULL));
	REFUSED(kreg_service_update, "old is NULL", (heard_k, "s", "r", "v", 1, NULL, 1));
	REFUSED(kreg_service_lookup, "value is NULL", (heard_k, "s", "r", NULL, 8, NULL));
	REFUSED(kreg_service_lookup_string, "out is NULL", (heard_k, "s", "r", NULL, 8, NULL));
	REFUSED(kreg_service_whereis, "owner is NULL", (heard_k, "s", "r", NULL));
	REFUSED(kreg_service_read, "value is NULL", (heard_k, "s", "r", NULL, NULL));
	REFUSED(kreg_service_lock, "lock is NULL", (heard_k, "s", "r", 0, NULL));
	REFUSED(kreg_service_health, "health is NULL", (heard_k, "s", "r", NULL));
	health.size = 0;
	REFUSED(kreg_service_health, "health->size is not set", (heard_k, "s", "r", &health));
	REFUSED(kreg_service_state, "state is NULL", (heard_k, "s", "r", NULL));
	REFUSED(kreg_service_state, "state->size is not set", (heard_k, "s", "r", &state));
	heard_end();
}
END_TEST

START_TEST(lists_and_keys)
{
	KREG_PATTERN(pattern, .key = NULL);
	struct kreg_service_item item = { .space = "s", .role = " " };
	struct kreg_pool pool;
	struct kreg_ref ref;
	char room[300];
	size_t failed;

	heard_begin(_i);
	REFUSED(kreg_service_register_many, "k is NULL", (NULL, &item, 1, &failed));
	REFUSED(kreg_service_register_many, "items is NULL", (heard_k, NULL, 1, &failed));
	REFUSED(kreg_service_register_many, "role is no role", (heard_k, &item, 1, &failed));
	REFUSED(kreg_service_each, "visit is NULL", (heard_k, NULL, NULL, NULL));
	REFUSED(kreg_service_each, "duplicate keys", (heard_d, NULL, visit_service, NULL));
	REFUSED(kreg_service_each, "space is no namespace", (heard_k, "", visit_service, NULL));
	REFUSED(kreg_service_each_reserved, "k is NULL", (NULL, NULL, visit_service, NULL));
	REFUSED(kreg_namespace_each, "visit is NULL", (heard_k, NULL, NULL));
	REFUSED(kreg_namespace_each, "duplicate keys", (heard_d, visit_namespace, NULL));
	REFUSED(kreg_service_state_each, "visit is NULL", (heard_k, NULL, NULL, NULL));
	REFUSED(kreg_service_state_each, "k is NULL", (NULL, NULL, visit_state, NULL));
	REFUSED(kreg_service_state_each, "duplicate keys", (heard_d, NULL, visit_state, NULL));
	REFUSED(kreg_service_state_each, "space is no namespace",
		(heard_k, "a/b", visit_state, NULL));
	REFUSED(kreg_service_telemetry, "k is NULL", (NULL, NULL, NULL));
	REFUSED(kreg_service_beat, "k is NULL", (NULL));
	REFUSED(kreg_service_key, "space is NULL", (NULL, "r", room, sizeof(room)));
	REFUSED(kreg_service_key, "role is no role", ("s", "", room, sizeof(room)));
	REFUSED(kreg_service_key, "key is NULL", ("s", "r", NULL, 8));
	REFUSED(kreg_service_parse, "key is NULL", (NULL, 1, room, 8, room, 8));
	REFUSED(kreg_service_parse, "space is NULL", ("s/r", 3, NULL, 8, room, 8));
	REFUSED(kreg_service_parse, "role is NULL", ("s/r", 3, room, 8, NULL, 8));
	SILENT(-EINVAL, kreg_service_parse("no service", KREG_STRING, room, 8, room, 8));
	REFUSED(kreg_service_ref, "out is NULL", (NULL, "s", "r", room, 8));
	REFUSED(kreg_service_ref, "role is NULL", (&ref, "s", NULL, room, 8));
	REFUSED(kreg_service_ref, "space is NULL", (&ref, NULL, "r", room, 8));
	REFUSED(kreg_service_ref, "key is NULL", (&ref, "s", "r", NULL, 8));
	SILENT(3, kreg_service_ref(&ref, "s", "r", NULL, 0));
	REFUSED(kreg_service_pool, "out is NULL", (NULL, "s", "r", room, 8));
	REFUSED(kreg_service_pool, "space is NULL", (&pool, NULL, "r", room, 8));
	REFUSED(kreg_service_pattern, "out is NULL", (NULL, "s", NULL, room, 8));
	REFUSED(kreg_service_pattern, "space is no namespace", (&pattern, "/", NULL, room, 8));
	REFUSED(kreg_service_pattern, "key is NULL", (&pattern, "s", NULL, NULL, 8));
	SILENT(2, kreg_service_pattern(&pattern, "s", NULL, NULL, 0));
	pattern.size = 0;
	REFUSED(kreg_service_pattern, "out->size", (&pattern, "s", NULL, room, 8));
	heard_end();
}
END_TEST

START_TEST(programs)
{
	const char *const argv[] = { "true", NULL }, *const list[] = { "A=b", "x", NULL };
	KREG_START(start, .argv = NULL);
	struct kreg_started started = { 0 };

	heard_begin(_i);
	REFUSED(kreg_start, "k is NULL", (NULL, "b", 1, &start, NULL));
	REFUSED(kreg_start, "key is empty", (heard_k, "b", 0, &start, NULL));
	REFUSED(kreg_start, "start is NULL", (heard_k, "b", 1, NULL, NULL));
	REFUSED(kreg_start, "start->argv", (heard_k, "b", 1, &start, NULL));
	start.argv = argv;
	REFUSED(kreg_start, "started->size", (heard_k, "b", 1, &start, &started));
	REFUSED(kreg_start, "duplicate keys", (heard_d, "b", 1, &start, NULL));
	start.flags = 1u << 31;
	REFUSED(kreg_start, "start->flags has unknown bits", (heard_k, "b", 1, &start, NULL));
	start.flags = KREG_START_PASS_ON;
	REFUSED(kreg_start, "KREG_START_PASS_ON", (heard_k, "b", 1, &start, NULL));
	start.flags = KREG_START_ATTEND;
	REFUSED(kreg_start, "KREG_START_ATTEND", (heard_k, "b", 1, &start, NULL));
	start.flags = 0;
	start.ready = 7;
	REFUSED(kreg_start, "start->ready", (heard_k, "b", 1, &start, NULL));
	start.ready = KREG_READY_FD;
	REFUSED(kreg_start, "start->ready_fd", (heard_k, "b", 1, &start, NULL));
	start.ready = KREG_READY_EXEC;
	start.watchdog_ms = 1;
	REFUSED(kreg_start, "start->watchdog_ms", (heard_k, "b", 1, &start, NULL));
	start.watchdog_ms = 0;
	start.timeout_ms = -1;
	REFUSED(kreg_start, "start->timeout_ms", (heard_k, "b", 1, &start, NULL));
	start.timeout_ms = 0;
	start.value_size = 1;
	REFUSED(kreg_start, "start->value is NULL", (heard_k, "b", 1, &start, NULL));
	start.value_size = 0;
	start.environment = list;
	REFUSED(kreg_start, "start->environment[1]", (heard_k, "b", 1, &start, NULL));
	REFUSED(kreg_service_start, "start->environment[1]", (heard_k, "s", "r", &start, NULL));
	start.size = 0;
	REFUSED(kreg_start, "start->size is not set", (heard_k, "b", 1, &start, NULL));
	start.size = sizeof(start);
	SERVICE(kreg_service_start, &start, NULL);
	heard_end();
}
END_TEST

START_TEST(supervisors)
{
	KREG_SUPERVISION(what, .strategy = 9);
	struct kreg_supervisor *supervisor;
	struct kreg_supervision *read;
	struct kreg_program_state state;
	struct kreg_isolation *isolation;

	heard_begin(_i);
	REFUSED(kreg_program_fd, "program is NULL", (NULL));
	REFUSED(kreg_program_hear, "program is NULL", (NULL));
	REFUSED(kreg_program_state, "program is NULL", (NULL, &state));
	REFUSED(kreg_supervise, "k is NULL", (&supervisor, NULL, "s", &what, NULL, 0));
	REFUSED(kreg_supervise, "out is NULL", (NULL, heard_k, "s", &what, NULL, 0));
	REFUSED(kreg_supervise, "why is NULL", (&supervisor, heard_k, "s", &what, NULL, 1));
	REFUSED(kreg_supervise, "what is NULL", (&supervisor, heard_k, "s", NULL, NULL, 0));
	REFUSED(kreg_supervise, "space is no namespace",
		(&supervisor, heard_k, " ", &what, NULL, 0));
	REFUSED(kreg_supervise, "unknown strategy", (&supervisor, heard_k, "s", &what, NULL, 0));
	what.strategy = 0;
	what.count = 1;
	REFUSED(kreg_supervise, "services is NULL", (&supervisor, heard_k, "s", &what, NULL, 0));
	what.count = 0;
	REFUSED(kreg_supervisor_fd, "supervisor is NULL", (NULL));
	REFUSED(kreg_supervisor_state, "supervisor is NULL", (NULL));
	REFUSED(kreg_supervisor_change, "supervisor is NULL", (NULL, &what, NULL, 0));
	REFUSED(kreg_supervision_read, "out is NULL", (NULL, "file", NULL, NULL));
	REFUSED(kreg_supervision_read, "file is NULL", (&read, NULL, NULL, NULL));
	REFUSED(kreg_namespace_stop, "k is NULL", (NULL, "s", 0));
	REFUSED(kreg_namespace_stop, "space is no namespace", (heard_k, "", 0));
	REFUSED(kreg_isolate, "out is NULL", (NULL, heard_k, NULL, NULL, 0));
	REFUSED(kreg_isolate, "why is NULL", (&isolation, heard_k, NULL, NULL, 1));
	what.flags = KREG_SUPERVISE_KEEP;
	REFUSED(kreg_isolate, "KREG_SUPERVISE_KEEP", (&isolation, heard_k, &what, NULL, 0));
	heard_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arguments of services");
	TCase *tcase = tcase_create("refused");

	tcase_add_loop_test(tcase, namespaces_and_roles, 0, 2);
	tcase_add_loop_test(tcase, what_the_calls_for_names_refuse, 0, 2);
	tcase_add_loop_test(tcase, lists_and_keys, 0, 2);
	tcase_add_loop_test(tcase, programs, 0, 2);
	tcase_add_loop_test(tcase, supervisors, 0, 2);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
