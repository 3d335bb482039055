/* SPDX-License-Identifier: MIT */
/*
 * Services as they come, then sorted by namespace, and in it the supervisor, those that it
 * reports, and the others.
 */
#include "tools/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct visit {
	struct tree *tree;
	struct who_cache *who;
	size_t registered; /* services that have a name, which are the first */
};

const char *tree_state_name(int state)
{
	switch (state) {
	case TREE_STARTING:
		return "starting";
	case TREE_STOPPING:
		return "stopping";
	case TREE_WAITING:
		return "waiting";
	case TREE_ENDED:
		return "ended";
	case TREE_RESTARTING:
		return "restarting";
	case TREE_DONE:
		return "done";
	case TREE_DOWN:
		return "down";
	case TREE_FAILED:
		return "failed";
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

	if (!who || !service)
		return -ENOMEM;
	service->who = who;
	service->state = who->state;
	if (who->state == WHO_RUNNING && found->flags & KREG_REGISTER_RESERVED)
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
	return !count ? NULL : bsearch(&key, tree->services, count, sizeof(key), by_role);
}

static int state_of(uint32_t reported)
{
	switch (reported) {
	case KREG_STATE_WAITING:
		return TREE_WAITING;
	case KREG_STATE_STARTING:
		return TREE_STARTING;
	case KREG_STATE_RUNNING:
		return WHO_RUNNING;
	case KREG_STATE_STOPPING:
		return TREE_STOPPING;
	case KREG_STATE_RESTARTING:
		return TREE_RESTARTING;
	case KREG_STATE_DONE:
		return TREE_DONE;
	case KREG_STATE_STOPPED:
		return TREE_DOWN;
	case KREG_STATE_FAILED:
		return TREE_FAILED;
	default:
		return TREE_ENDED;
	}
}

/* Of a service without a name. A program may have unregistered it, and run. */
static int take_absent(struct tree_service *service, const struct visit *visit)
{
	const struct kreg_service_state *reported = &service->reported;

	service->state = state_of(reported->state);
	if (reported->state != KREG_STATE_RUNNING)
		return 0;
	service->who = who_is(visit->who, &reported->owner);
	service->value = calloc(1, 1);
	if (!service->who || !service->value)
		return -ENOMEM;
	service->state = service->who->state;
	return 0;
}

static int take_reported(const char *space, const char *role,
			 const struct kreg_service_state *reported, void *data)
{
	const struct visit *visit = data;
	struct tree_service *service = find(visit->tree, visit->registered, space, role);
	bool has_name = service;

	if (!has_name)
		service = add(visit->tree, space, role);
	if (!service)
		return -ENOMEM;
	service->is_supervised = true;
	service->reported = *reported;
	if (!has_name)
		return take_absent(service, visit);
	/* It has died since its name was seen. */
	if (service->state == WHO_UNKNOWN && reported->state != KREG_STATE_RUNNING)
		service->state = state_of(reported->state);
	if (service->state == WHO_RUNNING && reported->state == KREG_STATE_STOPPING)
		service->state = TREE_STOPPING;
	return 0;
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
	struct visit visit = { .tree = tree, .who = who };
	int err = kreg_service_each_reserved(k, space, add_registered, &visit);

	if (!err && tree->count)
		qsort(tree->services, tree->count, sizeof(*tree->services), by_role);
	visit.registered = tree->count;
	if (!err)
		err = kreg_service_state_each(k, space, take_reported, &visit);
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
