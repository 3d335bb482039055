/* SPDX-License-Identifier: MIT */
/*
 * Registers many names in one process, for shell tests, and stays until it is killed.
 *
 *     named COUNT FORMAT [REGISTRY]   names by a format of printf(3) with one %u, from 0 on, in the
 *                                     registry, or in "default"; prints a line when all are there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"

int main(int argc, char **argv)
{
	unsigned long count = argc >= 3 ? strtoul(argv[1], NULL, 10) : 0, i;
	const char *number = argc >= 3 ? strstr(argv[2], "%u") : NULL;
	char name[KREG_KEY_MAX + 1];
	struct kreg *k;

	if (!number || kreg_open(&k, argc > 3 ? argv[3] : "default", NULL))
		return 1;
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%.*s%lu%s", (int)(number - argv[2]), argv[2], i,
			 number + 2);
		if (kreg_register(k, name, KREG_STRING, "", 0, NULL))
			return 1;
	}
	puts("named");
	fflush(stdout);
	for (;;)
		pause();
}
