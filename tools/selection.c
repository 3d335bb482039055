/* SPDX-License-Identifier: MIT */
/*
 * Options as a pattern. In the fallback a process may be several owners, one for each handle,
 * so a pid is compared with each entry's owner rather than resolved to one owner.
 */
#include "tools/selection.h"

#include <limits.h>
#include <string.h>

static int has_pid(const struct kreg_entry *entry, void *data)
{
	return entry->owner.pid == *(const pid_t *)data;
}

void selection_init(struct selection *selection)
{
	*selection = (struct selection){ .pattern.size = sizeof(selection->pattern) };
}

int selection_option(const struct client *client, struct selection *selection, int option,
		     const char *argument)
{
	struct kreg_pattern *pattern = &selection->pattern;
	uint64_t pid;

	switch (option) {
	case 'p':
		pattern->prefix = argument;
		pattern->prefix_size = strlen(argument);
		break;
	case 'K':
		pattern->key = argument;
		pattern->key_size = KREG_STRING;
		break;
	case 'g':
		pattern->glob = argument;
		break;
	case 'v':
		pattern->value = argument;
		pattern->value_size = strlen(argument);
		break;
	default:
		if (client_range(client, "--pid", argument, 1, INT_MAX, &pid))
			return REGTOOL_USAGE;
		selection->pid = (pid_t)pid;
		pattern->match = has_pid;
		pattern->data = &selection->pid;
	}
	return REGTOOL_DONE;
}
