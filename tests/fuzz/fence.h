/* SPDX-License-Identifier: MIT */
/*
 * A fence around what must not do anything to the machine whatever it is told: it signals nobody, runs no program,
 * mounts nothing, and sees neither cgroups nor guards.
 *
 * Context   fence_off() in a process with one thread; fence() in a child that has nothing else to do.
 */
#ifndef KREG_TESTS_FUZZ_FENCE_H
#define KREG_TESTS_FUZZ_FENCE_H

/* From now on this process and its children see nothing of /sys/fs, where the kernel lets it. */
void fence_off_folders(void);

/* Aborts if it cannot be had. */
void fence_off_calls(void);

/* Ends what children of this process have left behind, once they are gone, if it does not end by itself. False: it had to. */
int fence_reap(unsigned int seconds);

#endif
