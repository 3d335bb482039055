/* SPDX-License-Identifier: MIT */
/*
 * support/tmp.h for shell tests.
 *
 *     leftovers PID         removes what killed tests left, and prints the name of the run of process PID
 *     leftovers end NAME    ends the processes that the run NAME has started, and those that they have started
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/tmp.h"

int main(int argc, char **argv)
{
	char name[TMP_NAME];

	if (argc == 3 && !strcmp(argv[1], "end")) {
		tmp_end_started_for(argv[2]);
		return 0;
	}
	if (argc != 2)
		return 2;
	tmp_remove_dead();
	tmp_name_of(atoi(argv[1]), name);
	puts(name);
	return 0;
}
