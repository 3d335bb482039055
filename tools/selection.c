/* SPDX-License-Identifier: MIT */
/*
 * Options as a pattern. In the fallback a process may be several owners, one for each handle,
 * so a pid is compared with each entry's owner rather than resolved to one owner.
 */
#include "tools/selection.h"

#include <limits.h>
#include <string.h>

static int match(const struct kreg_entry *entry, void *data)
{
	const struct selection *selection = data;
	const struct who *who;

	if (selection->pid && entry->owner.pid != selection->pid)
		return 0;
	if (selection->state < 0)
		return 1;
	who = who_is(selection->who, &entry->owner);
	return who && (int)who->state == selection->state;
}

void selection_init(struct selection *selection)
{
	*selection = (struct selection){
		.pattern.size = sizeof(selection->pattern),
		.state = -1,
	};
}

int selection_prefix(const struct client *client, struct selection *selection, const char *prefix)
{
	if (selection->pattern.prefix)
		return client_misuse(client,
				     "%s: PREFIX, --prefix and --namespace are one thing; "
				     "give one of them",
				     client->command->name);
	selection->pattern.prefix = prefix;
	selection->pattern.prefix_size = strlen(prefix);
	return REGTOOL_DONE;
}

static int take_namespace(const struct client *client, struct selection *selection,
			  const char *space)
{
	int status = client_check_namespace(client, space);

	if (status)
		return status;
	strcpy(selection->space, space);
	strcat(selection->space, "/");
	return selection_prefix(client, selection, selection->space);
}

static int take_pid(const struct client *client, struct selection *selection, const char *text)
{
	uint64_t pid;

	if (client_range(client, "--pid", text, 1, INT_MAX, &pid))
		return REGTOOL_USAGE;
	selection->pid = (pid_t)pid;
	selection->pattern.match = match;
	selection->pattern.data = selection;
	return REGTOOL_DONE;
}

static int take_state(const struct client *client, struct selection *selection, const char *name)
{
	selection->state = who_state_of(name);
	if (selection->state < 0)
		return client_misuse(client,
				     "--state: \"%s\" is none of running, stopped, dumping, "
				     "zombie, forged and unknown",
				     name);
	selection->pattern.match = match;
	selection->pattern.data = selection;
	return REGTOOL_DONE;
}

int selection_option(const struct client *client, struct selection *selection, int option,
		     const char *argument)
{
	struct kreg_pattern *pattern = &selection->pattern;

	switch (option) {
	case 'p':
		return selection_prefix(client, selection, argument);
	case 'n':
		return take_namespace(client, selection, argument);
	case 'K':
		pattern->key = argument;
		pattern->key_size = KREG_STRING;
		return client_check_key(client, argument);
	case 'g':
		pattern->glob = argument;
		return REGTOOL_DONE;
	case 'a':
		selection->dots = true;
		return REGTOOL_DONE;
	case 'v':
		pattern->value = argument;
		pattern->value_size = strlen(argument);
		return REGTOOL_DONE;
	case 's':
		return take_state(client, selection, argument);
	default:
		return take_pid(client, selection, argument);
	}
}

static bool has_dot(const char *text)
{
	return text && *text == '.';
}

bool selection_hides(const struct selection *selection, const struct kreg_entry *entry)
{
	const struct kreg_pattern *pattern = &selection->pattern;
	const char *key = entry->key;

	/* A key without a slash is in no namespace. */
	if (!entry->key_size || *key != '.' || !memchr(key, '/', entry->key_size))
		return false;
	return !selection->dots && !has_dot(pattern->key) && !has_dot(pattern->prefix) &&
	       !has_dot(pattern->glob);
}

bool selection_is_all(const struct selection *selection)
{
	const struct kreg_pattern *pattern = &selection->pattern;

	return !pattern->key && !pattern->prefix && !pattern->glob && !pattern->value &&
	       !pattern->match;
}
