/* SPDX-License-Identifier: MIT */
/*
 * A helper of the shell tests: a process that does to a registry what operators look for.
 *
 *   holder NAME read PATIENCE_MS    is in a read section until it is killed
 *   holder NAME grow                registers more and more names
 *   holder NAME pair                registers and unregisters a name, again and again
 *
 * It creates the registry, has the name "holder" in it, and says "ready" when it does so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"

static int stay(struct kreg *k)
{
	const void *value;

	if (kreg_read_enter(k) || kreg_read(k, "holder", KREG_STRING, &value, NULL) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static int grow(struct kreg *k)
{
	char key[32];
	unsigned int i;

	puts("ready");
	fflush(stdout);
	for (i = 0;; i++) {
		snprintf(key, sizeof(key), "grown/%u", i);
		if (kreg_register(k, key, KREG_STRING, "a value", 7, NULL))
			return 1;
		usleep(2000);
	}
}

static int pair(struct kreg *k)
{
	puts("ready");
	fflush(stdout);
	while (!kreg_register(k, "pair", KREG_STRING, NULL, 0, NULL) &&
	       kreg_unregister(k, "pair", KREG_STRING) == 1)
		usleep(2000);
	return 1;
}

int main(int argc, char **argv)
{
	KREG_OPTIONS(options, .patience_ms = 1000);
	struct kreg *k;

	if (argc > 3)
		options.patience_ms = (uint32_t)atoi(argv[3]);
	if (argc < 3 || kreg_open(&k, argv[1], &options) ||
	    kreg_register(k, "holder", KREG_STRING, NULL, 0, NULL))
		return 1;
	if (!strcmp(argv[2], "pair"))
		return pair(k);
	return strcmp(argv[2], "grow") ? stay(k) : grow(k);
}
