/* SPDX-License-Identifier: MIT */
/*
 * Programs for tests to start: the test program itself, with a word that says what it is to do.
 */
#ifndef KREG_TESTS_SUPPORT_PROGRAM_H
#define KREG_TESTS_SUPPORT_PROGRAM_H

/* The test program's path, for argv[0]. */
#define PROGRAM "/proc/self/exe"

/* The same path for a shell, whose own /proc/self/exe is the shell's. */
const char *program_path(void);

/* To be called first in main(): does what @argv asks for and ends the process, or returns if it asks for nothing. */
void program_run(int argc, char **argv);

#endif
