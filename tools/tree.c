/* SPDX-License-Identifier: MIT */
/*
 * Services as they come, then sorted by namespace, and in it the supervisor, those that its file
 * has, and the others.
 */
#include "tools/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/up_mark.h"

struct visit {
	struct tree *tree;
	struct kreg *k;
	struct who_cache *who;
};

const char *tree_state_name(int state)
{
	switch (state) {
	case TREE_STARTING:
		return "starting";
	case TREE_RESTARTING:
		return "restarting";
	case TREE_DOWN:
		return "down";
	default:
		return who_state_name((enum who_state)state);
	}
}

static bool is_supervisor(const struct tree_service *service)
{
	return !strcmp(service->role, KREG_ROLE_SUPERVISOR);
}

static int by_role(const void *a, const void *b)
{
	const struct tree_service *first = a, *second = b;
	int order = strcmp(first->space, second->space);

	return order ? order : strcmp(first->role, second->role);
}

static int as_shown(const void *a, const void *b)
{
	const struct tree_service *first = a, *second = b;
	int order = strcmp(first->space, second->space);

	if (!order)
		order = is_supervisor(second) - is_supervisor(first);
	if (!order)
		order = second->is_supervised - first->is_supervised;
	return order ? order : strcmp(first->role, second->role);
}

/* NULL: no memory. */
static struct tree_service *add(struct tree *tree, const char *space, const char *role)
{
	size_t room = tree->room ? 2 * tree->room : 64;
	struct tree_service *service, *grown;

	if (tree->count == tree->room) {
		grown = realloc(tree->services, room * sizeof(*grown));
		if (!grown)
			return NULL;
		tree->services = grown;
		tree->room = room;
	}
	service = &tree->services[tree->count++];
	*service = (struct tree_service){ 0 };
	snprintf(service->space, sizeof(service->space), "%s", space);
	snprintf(service->role, sizeof(service->role), "%s", role);
	return service;
}

static int add_registered(const struct kreg_service *found, void *data)
{
	struct visit *visit = data;
	const struct who *who = who_is(visit->who, &found->owner);
	struct tree_service *service = add(visit->tree, found->space, found->role);
	struct kreg_owner owner;

	if (!who || !service)
		return -ENOMEM;
	service->who = who;
	service->state = who->state;
	/* No lookup finds a name that is only reserved. */
	if (who->state == WHO_RUNNING &&
	    kreg_service_whereis(visit->k, found->space, found->role, &owner) == -ENOENT)
		service->state = TREE_STARTING;
	/* With a 0 byte behind it, for a supervisor's. */
	service->value = calloc(1, found->value_size + 1);
	if (!service->value)
		return -ENOMEM;
	memcpy(service->value, found->value, found->value_size);
	service->value_size = found->value_size;
	return 0;
}

/* Among the @count first, which are sorted by_role(). */
static struct tree_service *find(const struct tree *tree, size_t count, const char *space,
				 const char *role)
{
	struct tree_service key = { 0 };

	snprintf(key.space, sizeof(key.space), "%s", space);
	snprintf(key.role, sizeof(key.role), "%s", role);
	return bsearch(&key, tree->services, count, sizeof(key), by_role);
}

static int state_of_absent(const struct kreg_supervised *wanted)
{
	bool is_back = wanted->restart == KREG_RESTART_PERMANENT &&
		       !(wanted->flags & KREG_SERVICE_ONESHOT);

	return is_back ? TREE_RESTARTING : TREE_DOWN;
}

static int take_file(struct tree *tree, size_t registered, const char *space,
		     const struct kreg_supervision *what)
{
	struct tree_service *service;
	size_t i;

	for (i = 0; i < what->count; i++) {
		service = find(tree, registered, space, what->services[i].role);
		if (!service) {
			service = add(tree, space, what->services[i].role);
			if (!service)
				return -ENOMEM;
			service->state = state_of_absent(&what->services[i]);
		}
		service->is_supervised = true;
	}
	return 0;
}

/* Of the supervisors whose file can be read. */
static int read_files(struct tree *tree)
{
	char path[PATH_MAX], space[KREG_NAMESPACE_MAX + 1];
	size_t registered = tree->count, i;
	struct kreg_supervision *what;
	int err = 0;

	for (i = 0; i < registered && !err; i++) {
		if (!is_supervisor(&tree->services[i]) ||
		    !up_mark_path(tree->services[i].value, path) ||
		    kreg_supervision_read(&what, path, NULL, NULL))
			continue;
		/* add() moves the services. */
		strcpy(space, tree->services[i].space);
		err = take_file(tree, registered, space, what);
		kreg_supervision_free(what);
	}
	return err;
}

static void take_space(struct tree *tree, size_t *at)
{
	struct tree_space *space = &tree->spaces[tree->space_count++];
	const struct tree_service *first = &tree->services[*at], *service = first;
	size_t left = tree->count - *at;

	if (is_supervisor(service)) {
		space->supervisor = service++;
		left--;
	}
	space->services = service;
	for (; left && !strcmp(service->space, first->space); left--, service++) {
		space->count++;
		space->states[service->state]++;
		tree->total++;
		tree->states[service->state]++;
	}
	space->name = first->space;
	*at = (size_t)(service - tree->services);
}

static int sort(struct tree *tree)
{
	size_t at;

	if (!tree->count)
		return 0;
	qsort(tree->services, tree->count, sizeof(*tree->services), as_shown);
	tree->spaces = calloc(tree->count, sizeof(*tree->spaces));
	if (!tree->spaces)
		return -ENOMEM;
	for (at = 0; at < tree->count;)
		take_space(tree, &at);
	return 0;
}

int tree_look(struct tree *tree, struct kreg *k, const char *space, struct who_cache *who)
{
	struct visit visit = { .tree = tree, .k = k, .who = who };
	int err = kreg_service_each_reserved(k, space, add_registered, &visit);

	if (!err && tree->count) {
		qsort(tree->services, tree->count, sizeof(*tree->services), by_role);
		err = read_files(tree);
	}
	return err ? err : sort(tree);
}

void tree_free(struct tree *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++)
		free(tree->services[i].value);
	free(tree->services);
	free(tree->spaces);
	*tree = (struct tree){ 0 };
}
