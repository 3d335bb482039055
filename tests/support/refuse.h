/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes: what the kernel refuses to the calling thread from now on, and to what that forks; there is no way back.
 */
#ifndef KREG_TESTS_SUPPORT_REFUSE_H
#define KREG_TESTS_SUPPORT_REFUSE_H

#include <stddef.h>

#include <linux/filter.h>

/* Refuses the system call @number with @error, above 0. Return: 0 or a negative error. */
int refuse_call(long number, int error);

/* Refuses what a filter of seccomp(2) says. */
int refuse_by(struct sock_filter *filter, size_t count);

#endif
