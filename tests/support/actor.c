/* SPDX-License-Identifier: MIT */
/*
 * A process that does to the registry "default" what a shell test writes to it, a line each, and
 * lives until its input ends:
 *
 *   register KEY VALUE    reserve KEY VALUE    update KEY VALUE    unregister KEY -
 *   give KEY HOLDER       to the process that holds the name HOLDER
 *   flood KEY VALUE       more updates than a log has room for, the last one with VALUE
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"

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

static ssize_t act(struct kreg *k, const char *what, const char *key, const char *value)
{
	size_t size = strlen(value);

	if (!strcmp(what, "register"))
		return kreg_register(k, key, KREG_STRING, value, size, NULL);
	if (!strcmp(what, "reserve"))
		return kreg_register_with(k, key, KREG_STRING, value, size, KREG_REGISTER_RESERVED,
					  NULL);
	if (!strcmp(what, "update"))
		return kreg_update(k, key, KREG_STRING, value, size, NULL, 0);
	if (!strcmp(what, "unregister"))
		return kreg_unregister(k, key, KREG_STRING);
	if (!strcmp(what, "give"))
		return give(k, key, value);
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
	kreg_close(k);
	return 0;
}
