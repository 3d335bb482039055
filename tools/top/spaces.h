/* SPDX-License-Identifier: MIT */
/*
 * Namespaces, with how many names each has, how many of these are of processes that run or are
 * stopped, and how many services without a name are restarting or have failed, as their supervisors
 * report. One pass over the names, one over what is reported, and a look at each owner.
 */
#ifndef TOOLS_TOP_SPACES_H
#define TOOLS_TOP_SPACES_H

#include "tools/who.h"

struct space {
	char name[KREG_NAMESPACE_MAX + 1]; /* "-": names of no namespace */
	uint64_t names, running, stopped, restarting, failed;
};

/* Return: 0, -ENOMEM, an error of kreg_select(), or what @visit returned. */
int spaces_each(struct kreg *k, struct who_cache *who,
		int (*visit)(const struct space *space, void *data), void *data);

#endif
