/* SPDX-License-Identifier: MIT */
/*
 * A test as a process:
 *
 *     isolated FILE          takes a namespace of its own, has the services of FILE started in it,
 *                            talks to one, and cleans up; prints a line for each step
 *     isolated FILE linger   the same, but waits to be killed instead of cleaning up
 *
 * FILE is one for kreg_services(5), such as services.ini. Killing this process at any point
 * kills the services with it.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "environment.h"

#define TIMEOUT_MS 10000

static void __attribute__((format(printf, 1, 2))) step(const char *format, ...)
{
	static int number;
	va_list values;

	printf("%d. ", ++number);
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	putchar('\n');
	fflush(stdout);
}

static void say(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "isolated: %s\n", sentence);
}

/* The supervisor of the namespace is the test itself. */
static bool is_of_test(const struct kreg_service *service)
{
	return !strcmp(service->role, KREG_ROLE_SUPERVISOR);
}

static int count(const struct kreg_service *service, void *data)
{
	*(int *)data += !is_of_test(service);
	return 0;
}

static int count_services(struct kreg *k, const char *space)
{
	int services = 0;
	int err = kreg_service_each(k, space, count, &services);

	return err ? fail("count the services", kreg_strerror(err)) : services;
}

static int show_service(const struct kreg_service *service, void *data)
{
	(void)data;
	if (is_of_test(service))
		return 0;
	step("%s is ready, pid %d, at %.*s", service->role, service->owner.pid,
	     (int)service->value_size, (const char *)service->value);
	return 0;
}

/* The holder of the same role in production is another process, or there is none. */
static int show_other(const struct kreg_service *service, void *data)
{
	struct kreg *k = data;
	struct kreg_owner other;
	ssize_t size;

	if (is_of_test(service))
		return 0;
	size = kreg_service_lookup(k, "production", service->role, NULL, 0, &other);
	if (size >= 0 && other.pid == service->owner.pid)
		return fail("be isolated", service->role);
	if (size >= 0)
		step("%s of production is another one, pid %d", service->role, other.pid);
	else
		step("%s of production is nobody", service->role);
	return 0;
}

static int talk(struct kreg *k, const char *space)
{
	static const char *const requests[] = { "add first an event of the test", "get 1",
						"count" };
	char text[TEXT_MAX];
	struct client client;
	size_t i;
	int err = 0;

	client_init(&client, k, space, "event_store", TIMEOUT_MS);
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]) && !err; i++) {
		err = client_ask(&client, requests[i], text);
		if (!err)
			step("the test asks event_store: %s; pid %d answers: %s", requests[i],
			     client.service.pid, text);
	}
	client_deinit(&client);
	return err ? fail("talk to event_store", err == 1 ? text : kreg_strerror(err)) : 0;
}

static int test(struct kreg *k, const char *space)
{
	int services = count_services(k, space);

	if (services < 0)
		return -1;
	step("there are %d services in %s", services, space);
	if (kreg_service_each(k, space, show_service, NULL) ||
	    kreg_service_each(k, space, show_other, k))
		return -1;
	return talk(k, space);
}

/* The namespace's name outlives the isolation here, to show that nobody is left in it. */
static int clear_up(struct kreg *k, struct kreg_isolation *isolation)
{
	char space[KREG_NAMESPACE_MAX + 1];
	int services, err;

	snprintf(space, sizeof(space), "%s", kreg_isolation_space(isolation));
	err = kreg_isolation_end(isolation);
	if (err)
		return fail("stop the services", kreg_strerror(err));
	services = count_services(k, space);
	if (services)
		return services < 0 ? -1 : fail("clear up", "services are left");
	step("the services are stopped, and %s is empty", space);
	return 0;
}

static int isolate(struct kreg *k, const char *file, bool lingers)
{
	struct kreg_supervision *services;
	struct kreg_isolation *isolation;
	char why[KREG_ROLE_MAX + 1] = "";
	int status, err = kreg_supervision_read(&services, file, say, NULL);

	if (err)
		return fail("read the services", kreg_strerror(err));
	err = kreg_isolate(&isolation, k, services, why, sizeof(why));
	kreg_supervision_free(services);
	if (err)
		return fail(*why ? why : "take a namespace", kreg_strerror(err));
	step("the test, pid %d, has the namespace %s", getpid(), kreg_isolation_space(isolation));
	status = test(k, kreg_isolation_space(isolation));
	if (!status && lingers) {
		step("the test waits to be killed");
		for (;;)
			pause();
	}
	return clear_up(k, isolation) || status ? -1 : 0;
}

int main(int argc, char **argv)
{
	bool lingers = argc == 3 && !strcmp(argv[2], "linger");
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg *k;
	int status, err;

	if (argc != 2 && !lingers) {
		fputs("usage: isolated FILE [linger]\n", stderr);
		return 2;
	}
	k = environment_registry();
	if (!k)
		return 1;
	err = kreg_stat(k, &stat);
	if (err)
		fail("ask what the registry is", kreg_strerror(err));
	else
		step("the test process has the registry open, %s",
		     stat.life == KREG_LIFE_GUARD ? "under the guard" : "without a guard");
	status = err ? -1 : isolate(k, argv[1], lingers);
	kreg_close(k);
	return status ? 1 : 0;
}
