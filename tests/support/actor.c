/* SPDX-License-Identifier: MIT */
/*
 * A process that does to the registry "default" what a shell test writes to it, a line each, and
 * lives until its input ends:
 *
 *   register KEY VALUE    reserve KEY VALUE    update KEY VALUE    unregister KEY -
 *   lend KEY VALUE        registers it so that another process may take it over
 *   queue KEY VALUE       waits in line for it, to lose it to one that takes it over
 *   give KEY HOLDER       to the process that holds the name HOLDER
 *   supervise NS COUNT    so many services r0, r1 ..., which sleep, and come back long after the test
 *   flood KEY VALUE       more updates than a log has room for, the last one with VALUE
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg-services.h"

/* A log has room for 128 KiB, for 1 MiB if they come at once. */
#define FLOOD_BYTES 4000
#define FLOOD_UPDATES 2000

static ssize_t give(struct kreg *k, const char *key, const char *holder)
{
	struct kreg_owner to;
	ssize_t got = kreg_lookup(k, holder, KREG_STRING, NULL, 0, &to);

	return got < 0 ? got : kreg_give(k, key, KREG_STRING, &to);
}

static ssize_t flood(struct kreg *k, const char *key, const char *value)
{
	char bytes[FLOOD_BYTES] = "";
	ssize_t got = 0;
	int i;

	for (i = 0; i < FLOOD_UPDATES && got >= 0; i++) {
		bytes[0] = (char)i;
		got = kreg_update(k, key, KREG_STRING, bytes, sizeof(bytes), NULL, 0);
	}
	return got < 0 ? got : kreg_update(k, key, KREG_STRING, value, strlen(value), NULL, 0);
}

/* Stopped when the input ends. */
#define SUPERVISORS 16
#define ROLES 64
static struct kreg_supervisor *supervisors[SUPERVISORS];
static size_t supervisor_count;

static int supervise(struct kreg *k, const char *space, size_t count)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	const KREG_START(sleeping, .argv = argv);
	struct kreg_supervised services[ROLES] = { 0 };
	char roles[ROLES][16];
	KREG_SUPERVISION(what, .services = services, .count = count);
	size_t i;

	if (count > ROLES || supervisor_count == SUPERVISORS)
		return -E2BIG;
	for (i = 0; i < count; i++) {
		snprintf(roles[i], sizeof(roles[i]), "r%zu", i);
		services[i] = (struct kreg_supervised){ .size = sizeof(services[i]),
							.role = roles[i],
							.start = &sleeping,
							.restart_ms = 900000 };
	}
	return kreg_supervise(&supervisors[supervisor_count++], k, space, &what, NULL, 0);
}

static ssize_t act(struct kreg *k, const char *what, const char *key, const char *value)
{
	size_t size = strlen(value);

	if (!strcmp(what, "register"))
		return kreg_register(k, key, KREG_STRING, value, size, NULL);
	if (!strcmp(what, "reserve"))
		return kreg_register_with(k, key, KREG_STRING, value, size, KREG_REGISTER_RESERVED,
					  NULL);
	if (!strcmp(what, "lend"))
		return kreg_register_with(k, key, KREG_STRING, value, size,
					  KREG_REGISTER_REPLACEABLE, NULL);
	if (!strcmp(what, "queue"))
		return kreg_register_with(
			k, key, KREG_STRING, value, size,
			KREG_REGISTER_QUEUE | KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL);
	if (!strcmp(what, "update"))
		return kreg_update(k, key, KREG_STRING, value, size, NULL, 0);
	if (!strcmp(what, "unregister"))
		return kreg_unregister(k, key, KREG_STRING);
	if (!strcmp(what, "give"))
		return give(k, key, value);
	if (!strcmp(what, "supervise"))
		return supervise(k, key, (size_t)atoi(value));
	return strcmp(what, "flood") ? -1 : flood(k, key, value);
}

int main(void)
{
	char what[16], key[256], value[256];
	struct kreg *k;
	ssize_t got;

	if (kreg_open(&k, "default", NULL))
		return 1;
	while (scanf("%15s %255s %255s", what, key, value) == 3) {
		got = act(k, what, key, value);
		if (got < 0)
			fprintf(stderr, "actor: %s %s: %s\n", what, key, kreg_strerror((int)got));
	}
	while (supervisor_count)
		kreg_supervisor_stop(supervisors[--supervisor_count]);
	kreg_close(k);
	return 0;
}
