/* SPDX-License-Identifier: MIT */
/*
 * What standard output is: a terminal of some size, or a pipe or file, where nothing is cut,
 * coloured or rounded.
 */
#ifndef TOOLS_OUT_TERMINAL_H
#define TOOLS_OUT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct terminal {
	bool is_one;
	bool has_colour; /* never with $NO_COLOR, or where $TERM is "dumb" */
	size_t width;    /* SIZE_MAX where it is no terminal */
	size_t height;
};

void terminal_look(struct terminal *terminal);

/*
 * From here to pager_end() standard output goes to $PAGER, or to less, in which colours work
 * and which ends if all fits. Does nothing where $PAGER is "cat" or empty, or none can be
 * started. pager_end() waits until the user has left it; both may be called in any case.
 */
void pager_begin(void);
void pager_end(void);

#endif
