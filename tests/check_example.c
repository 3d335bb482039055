/* SPDX-License-Identifier: MIT */
/*
 * The example's services, each test with services of its own: what they store, what
 * outlives a kill, and that two tests do not see each other.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "examples/services/client.h"
#include "lib/kreg-services.h"
#include "tests/support/guard.h"
#include "tests/support/services.h"

#define TIMEOUT_MS 60000

/* One isolated environment. */
struct place {
	struct services services;
	struct kreg_isolation *isolation;
	const char *space;
};

static struct kreg *k;
static char text[TEXT_MAX];

static void place_open(struct place *place, const char *name)
{
	KREG_SUPERVISION(tree, .services = place->services.tree, .count = SERVICES,
			 .intensity = 10);
	char why[KREG_ROLE_MAX + 1] = "";
	int err;

	services_describe(&place->services, name);
	err = kreg_isolate(&place->isolation, k, &tree, why, sizeof(why));
	ck_assert_msg(!err, "%s: %s", why, kreg_strerror(err));
	place->space = kreg_isolation_space(place->isolation);
}

static void place_close(struct place *place)
{
	ck_assert_int_eq(kreg_isolation_end(place->isolation), 0);
}

static struct client client_of(const struct place *place, const char *role)
{
	struct client client;

	client_init(&client, k, place->space, role, TIMEOUT_MS);
	return client;
}

/* Return: what the service answers, until the next request. */
static const char *ask(struct client *client, const char *request)
{
	int err = client_ask(client, request, text);

	ck_assert_msg(!err, "%s: %s", request, err == 1 ? text : kreg_strerror(err));
	return text;
}

static struct kreg_owner owner_of(const struct place *place, const char *role)
{
	struct kreg_found found = { 0 };

	ck_assert_int_eq(kreg_service_await(k, place->space, role, TIMEOUT_MS, &found), 0);
	return found.owner;
}

/* Returns when that process no longer holds the name. */
static void kill_service(const struct place *place, const char *role)
{
	struct kreg_owner owner = owner_of(place, role);
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_service_key(place->space, role, key, sizeof(key));

	ck_assert_int_eq(kreg_signal(k, key, (size_t)size, SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, place->space, role, &owner, TIMEOUT_MS), 0);
}

START_TEST(a_value_of_the_configuration_is_read)
{
	struct place place;
	struct client config;

	k = mode_open(_i, "example");
	place_open(&place, _i == MODE_GUARD ? "config-guard" : "config");
	config = client_of(&place, "config_server");
	ck_assert_str_eq(ask(&config, "get greeting"), "hello");
	ck_assert_int_eq(client_ask(&config, "get nothing", text), 1);
	ck_assert_str_eq(text, "no such key");
	ck_assert_int_eq(client_ask(&config, "greet", text), 1);
	client_deinit(&config);
	place_close(&place);
	kreg_close(k);
}
END_TEST

START_TEST(an_event_is_stored_once_although_a_kill_makes_the_client_repeat_it)
{
	struct place place;
	struct client store;
	pid_t first;

	k = mode_open(_i, "example");
	place_open(&place, _i == MODE_GUARD ? "once-guard" : "once");
	store = client_of(&place, "event_store");
	ck_assert_str_eq(ask(&store, "add one the first event"), "1");
	ck_assert_str_eq(ask(&store, "add two the second event"), "2");
	first = store.service.pid;
	kill_service(&place, "event_store");
	ck_assert_str_eq(ask(&store, "add two the second event"), "2");
	ck_assert_int_ne(store.service.pid, first);
	ck_assert_str_eq(ask(&store, "add three the third event"), "3");
	ck_assert_str_eq(ask(&store, "count"), "3");
	ck_assert_str_eq(ask(&store, "get 2"), "two the second event");
	client_deinit(&store);
	place_close(&place);
	kreg_close(k);
}
END_TEST

START_TEST(an_event_cut_short_by_a_kill_is_removed_and_its_request_stored_whole)
{
	struct place place;
	struct client store;
	char path[256];
	FILE *events;

	k = mode_open(_i, "example");
	place_open(&place, _i == MODE_GUARD ? "half-guard" : "half");
	store = client_of(&place, "event_store");
	ck_assert_str_eq(ask(&store, "add one the first event"), "1");
	snprintf(path, sizeof(path), "%s/events.log", place.services.folder);
	events = fopen(path, "a");
	ck_assert_ptr_nonnull(events);
	ck_assert_int_gt(fprintf(events, "two the sec"), 0);
	ck_assert_int_eq(fclose(events), 0);
	kill_service(&place, "event_store");
	ck_assert_str_eq(ask(&store, "count"), "1");
	ck_assert_str_eq(ask(&store, "add two the second event"), "2");
	kill_service(&place, "event_store");
	ck_assert_str_eq(ask(&store, "get 2"), "two the second event");
	client_deinit(&store);
	place_close(&place);
	kreg_close(k);
}
END_TEST

START_TEST(telemetry_counts_and_reports_a_death)
{
	struct place place;
	struct client telemetry;
	char death[KREG_ROLE_MAX + 32], arrival[KREG_ROLE_MAX + 32];
	struct kreg_owner owner;

	k = mode_open(_i, "example");
	place_open(&place, _i == MODE_GUARD ? "death-guard" : "death");
	telemetry = client_of(&place, "telemetry");
	ck_assert_str_eq(ask(&telemetry, "read requests"), "0");
	ck_assert_str_eq(ask(&telemetry, "add requests 5"), "5");
	ck_assert_str_eq(ask(&telemetry, "add requests -2"), "3");
	ck_assert_str_eq(ask(&telemetry, "read requests"), "3");
	owner = owner_of(&place, "event_store");
	kill_service(&place, "event_store");
	snprintf(death, sizeof(death), "event_store %d", owner.pid);
	/* It is notified by the death itself, a moment after this process. */
	while (!strstr(ask(&telemetry, "deaths"), death))
		usleep(1000);
	ck_assert_str_eq(text, death);
	owner = owner_of(&place, "event_store");
	snprintf(arrival, sizeof(arrival), "event_store %d", owner.pid);
	while (!strstr(ask(&telemetry, "arrivals"), arrival))
		usleep(1000);
	client_deinit(&telemetry);
	place_close(&place);
	kreg_close(k);
}
END_TEST

START_TEST(two_isolated_environments_do_not_see_each_other)
{
	struct place here, there;
	struct client one, other;

	k = mode_open(_i, "example");
	place_open(&here, _i == MODE_GUARD ? "here-guard" : "here");
	place_open(&there, _i == MODE_GUARD ? "there-guard" : "there");
	ck_assert_str_ne(here.space, there.space);
	one = client_of(&here, "event_store");
	other = client_of(&there, "event_store");
	ck_assert_str_eq(ask(&one, "add one an event"), "1");
	ck_assert_str_eq(ask(&other, "count"), "0");
	ck_assert_int_ne(one.service.pid, other.service.pid);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "event_store", NULL, 0, NULL),
			 -ENOENT);
	client_deinit(&one);
	place_close(&here);
	ck_assert_str_eq(ask(&other, "add other an event"), "1");
	client_deinit(&other);
	place_close(&there);
	kreg_close(k);
}
END_TEST

START_TEST(waiting_for_a_service_that_does_not_start_times_out)
{
	struct client client;

	k = mode_open(_i, "example");
	client_init(&client, k, "nowhere", "nobody", 20);
	ck_assert_int_eq(client_ask(&client, "count", text), -ETIMEDOUT);
	client_deinit(&client);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_value_of_the_configuration_is_read,
		an_event_is_stored_once_although_a_kill_makes_the_client_repeat_it,
		an_event_cut_short_by_a_kill_is_removed_and_its_request_stored_whole,
		telemetry_counts_and_reports_a_death,
		two_isolated_environments_do_not_see_each_other,
		waiting_for_a_service_that_does_not_start_times_out,
		NULL,
	};

	return modes_run(suite_create("example"), tcase_create("both"), both, NULL, NULL);
}
