/* SPDX-License-Identifier: MIT */
/*
 * A service that is killed repeatedly under load: what it has confirmed is stored exactly once,
 * and open requests are answered by the next process. The time that this takes is printed, but
 * has no bound.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "examples/services/client.h"
#include "lib/kreg-services.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/services.h"
#include "tests/support/unit.h"

#define SPACE "recovery"
#define CLIENTS 4
#define KILLS 100
#define REQUESTS_BETWEEN 30
#define TIMEOUT_MS 60000

static int mode;

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_asked_to_end(int link)
{
	struct pollfd at = { .fd = link, .events = POLLIN };

	return poll(&at, 1, 0) != 0;
}

/*
 * Stores one event after the other, each with a unique id. Reports how many, or -1; and
 * how many requests it had to repeat.
 */
static int store_events(int link, void *data)
{
	struct kreg *own = mode_open(mode, "recovery");
	char request[64], text[TEXT_MAX];
	struct client client;
	int64_t stored = 0;
	long number, last = 0;
	int err;

	client_init(&client, own, SPACE, "event_store", TIMEOUT_MS);
	link_say(link, 0);
	while (!is_asked_to_end(link)) {
		snprintf(request, sizeof(request), "add %d-%d event %d of client %d", *(int *)data,
			 (int)stored + 1, (int)stored + 1, *(int *)data);
		err = client_ask(&client, request, text);
		number = err ? 0 : strtol(text, NULL, 10);
		/* The store keeps the order in which they were sent. */
		if (number <= last) {
			fprintf(stderr, "%s: %d %s\n", request, err, err == 1 ? text : "");
			stored = -1;
			break;
		}
		last = number;
		stored++;
	}
	/* A socket that is closed with unread data drops its own last message. */
	link_hear(link);
	link_say(link, stored);
	link_say(link, (int64_t)client.resent);
	client_deinit(&client);
	kreg_close(own);
	return 0;
}

static void ask(struct client *client, const char *request, char *text)
{
	int err = client_ask(client, request, text);

	ck_assert_msg(!err, "%s: %s", request, err == 1 ? text : kreg_strerror(err));
}

/* Return: microseconds until the next process has answered. */
static int64_t kill_and_ask(struct kreg *k, struct client *client)
{
	const uint64_t killed = client->service.token;
	char text[TEXT_MAX];
	int64_t start = now_us();

	ck_assert_int_eq(kreg_signal(k, SPACE "/event_store", KREG_STRING, SIGKILL), 0);
	/* A process that is being killed may answer once more. */
	do {
		ask(client, "count", text);
	} while (client->service.token == killed);
	return now_us() - start;
}

static int compare(const void *one, const void *other)
{
	const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

/* Each client's events are all in the file, in their order, and none is twice. */
static void check_file(const char *folder, const int64_t *stored)
{
	int64_t seen[CLIENTS] = { 0 };
	char path[256], line[256];
	int client, number;
	FILE *events;

	snprintf(path, sizeof(path), "%s/events.log", folder);
	events = fopen(path, "r");
	ck_assert_ptr_nonnull(events);
	while (fgets(line, sizeof(line), events)) {
		ck_assert_int_eq(sscanf(line, "%d-%d event", &client, &number), 2);
		ck_assert(client >= 0 && client < CLIENTS);
		ck_assert_int_eq(number, ++seen[client]);
		ck_assert_int_eq(line[strlen(line) - 1], '\n');
	}
	fclose(events);
	for (client = 0; client < CLIENTS; client++)
		ck_assert_int_eq(seen[client], stored[client]);
}

static void kill_often(struct kreg *k, struct client *client, unsigned int *seed, int64_t *took)
{
	char text[TEXT_MAX];
	int i, left;

	for (i = 0; i < KILLS; i++) {
		/* So that each kill hits another point of its work. */
		for (left = rand_r(seed) % REQUESTS_BETWEEN; left >= 0; left--)
			ask(client, "count", text);
		took[i] = kill_and_ask(k, client);
	}
	qsort(took, KILLS, sizeof(took[0]), compare);
}

START_TEST(no_repeated_event_is_lost_or_doubled_by_a_hundred_kills)
{
	static struct services services;
	KREG_SUPERVISION(tree, .services = services.tree, .count = TELEMETRY, .intensity = KILLS,
			 .period_ms = 1000);
	int numbers[CLIENTS], i;
	int64_t stored[CLIENTS], sum = 0, resent = 0, took[KILLS], start;
	struct child clients[CLIENTS];
	struct kreg_supervisor *supervisor;
	char text[TEXT_MAX], why[KREG_ROLE_MAX + 1];
	unsigned int seed = unit_seed();
	struct client client;
	struct kreg *k;

	mode = _i;
	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	services_describe(&services, mode == MODE_GUARD ? "guard" : "fallback");
	/* The clients are there before the services, and wait for them. */
	for (i = 0; i < CLIENTS; i++) {
		numbers[i] = i;
		clients[i] = child_start_ready(store_events, &numbers[i]);
	}
	k = mode_open(mode, "recovery");
	ck_assert_int_eq(kreg_supervise(&supervisor, k, SPACE, &tree, why, sizeof(why)), 0);
	client_init(&client, k, SPACE, "event_store", TIMEOUT_MS);
	start = now_us();
	kill_often(k, &client, &seed, took);
	start = now_us() - start;
	for (i = 0; i < CLIENTS; i++) {
		stored[i] = child_ask(&clients[i], 0);
		ck_assert_int_ge(stored[i], 1);
		resent += link_hear(clients[i].link);
		child_end(&clients[i]);
		sum += stored[i];
	}
	/* Otherwise there was no load. */
	ck_assert_int_ge(resent, 1);
	ask(&client, "count", text);
	ck_assert_int_eq(strtol(text, NULL, 10), sum);
	check_file(services.folder, stored);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), 0);
	client_deinit(&client);
	kreg_supervisor_stop(supervisor);
	ck_assert_int_eq(kreg_service_lookup(k, SPACE, "event_store", NULL, 0, NULL), -ENOENT);
	kreg_close(k);
	printf("# %s: %d kills in %.1f s; %d events of %d clients, %d requests sent again; from "
	       "the kill "
	       "to the next one's first answer: median %.1f ms, worst %.1f ms\n",
	       mode == MODE_GUARD ? "guard" : "fallback", KILLS, (double)start / 1e6, (int)sum,
	       CLIENTS, (int)resent, (double)took[KILLS / 2] / 1e3, (double)took[KILLS - 1] / 1e3);
	fflush(stdout);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		no_repeated_event_is_lost_or_doubled_by_a_hundred_kills,
		NULL,
	};

	return modes_run(suite_create("recovery"), tcase_create("both"), both, NULL, NULL);
}
