/* SPDX-License-Identifier: MIT */
/*
 * What a call that starts processes costs: how often the memory of a process is copied, and the system calls of all
 * processes until each runs another program.
 *
 * Promises  what the new processes do is counted from their first instruction on, of a process that waits in
 *           vfork() only what it did before.
 * Needs     a body that raises SIGUSR1 where the count begins and SIGUSR2 where it ends.
 */
#ifndef KREG_TESTS_SUPPORT_TRACED_TREE_H
#define KREG_TESTS_SUPPORT_TRACED_TREE_H

struct traced_tree {
	int copies; /* fork() */
	int shared; /* vfork() */
	int calls;
};

/* Runs @body(@data) in a child of its own, and ends all that it has started. */
void traced_tree(struct traced_tree *out, int (*body)(void *data), void *data);

#endif
