/* SPDX-License-Identifier: MIT */
/*
 * A fence around a program that gets arbitrary input, so that it cannot harm the machine:
 * it can signal no process, run no program and mount nothing, and sees neither cgroups
 * nor guards.
 *
 * Context   fence_off_folders() in a process with one thread; fence_off_calls() in a child that
 *           does nothing else.
 */
#ifndef KREG_TESTS_FUZZ_FENCE_H
#define KREG_TESTS_FUZZ_FENCE_H

/*
 * From now on this process and its children see nothing of /sys/fs, if the kernel allows
 * that.
 */
void fence_off_folders(void);

/* Aborts if the kernel does not allow it. */
void fence_off_calls(void);

/*
 * Reaps what the children of this process left behind, and ends what still runs after
 * @seconds. False: it had to end some.
 */
int fence_reap(unsigned int seconds);

#endif
