/* SPDX-License-Identifier: MIT */
/*
 * Options as a pattern. A pid may have several owners in the fallback, one for each handle; so it is
 * matched entry by entry.
 */
#include "tools/selection.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tools/client.h"

static int has_pid(const struct kreg_entry *entry, void *data)
{
	return entry->owner.pid == *(const pid_t *)data;
}

void selection_init(struct selection *selection)
{
	*selection = (struct selection){ .pattern.size = sizeof(selection->pattern) };
}

int selection_option(struct selection *selection, int option, const char *argument)
{
	struct kreg_pattern *pattern = &selection->pattern;
	uint64_t pid;

	switch (option) {
	case 'p':
		pattern->prefix = argument;
		pattern->prefix_size = strlen(argument);
		return 1;
	case 'K':
		pattern->key = argument;
		pattern->key_size = KREG_STRING;
		return 1;
	case 'g':
		pattern->glob = argument;
		return 1;
	case 'v':
		pattern->value = argument;
		pattern->value_size = strlen(argument);
		return 1;
	case 'P':
		if (client_number(argument, INT_MAX, &pid) || !pid)
			return -EINVAL;
		selection->pid = (pid_t)pid;
		pattern->match = has_pid;
		pattern->data = &selection->pid;
		return 1;
	default:
		return 0;
	}
}
