/* SPDX-License-Identifier: MIT */
/*
 * A service for tests that says things by sd_notify(3), without libsystemd.
 */
#ifndef KREG_TESTS_SUPPORT_NOTIFIER_H
#define KREG_TESTS_SUPPORT_NOTIFIER_H

/* The test program's path, for argv[0]; "say" and steps are its arguments. */
#define NOTIFIER "/proc/self/exe"

/* To be called first in main(): does the steps and never returns, or returns if there are none. */
void notifier_run(int argc, char **argv);

/* Sends @text to $NOTIFY_SOCKET, with \n for each comma; @fd, if it is not below 0, comes along. */
void notifier_send(const char *text, int fd);

#endif
