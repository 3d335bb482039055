/* SPDX-License-Identifier: MIT */
/*
 * support/tmp.h for shell tests: removes what killed tests left, and prints the name of the run of process PID.
 *
 *     leftovers PID
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/tmp.h"

int main(int argc, char **argv)
{
	char name[TMP_NAME];

	if (argc != 2)
		return 2;
	tmp_remove_dead();
	tmp_name_of(atoi(argv[1]), name);
	puts(name);
	return 0;
}
