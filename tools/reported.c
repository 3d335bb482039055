/* SPDX-License-Identifier: MIT */
/*
 * A sorted list of what is reported.
 */
#include "tools/reported.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *x, const void *y)
{
	const struct reported_service *a = x, *b = y;
	int order = strcmp(a->space, b->space);

	return order ? order : strcmp(a->role, b->role);
}

static int make_room(struct reported *reported)
{
	size_t room = reported->room ? 2 * reported->room : 32;
	struct reported_service *list;

	if (reported->count < reported->room)
		return 0;
	list = reallocarray(reported->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	reported->list = list;
	reported->room = room;
	return 0;
}

static void set_names(struct reported_service *service, const char *space, const char *role)
{
	*service = (struct reported_service){ 0 };
	strncpy(service->space, space, KREG_NAMESPACE_MAX);
	strncpy(service->role, role, KREG_ROLE_MAX);
}

static int add(const char *space, const char *role, const struct kreg_service_state *state,
	       void *data)
{
	struct reported *reported = data;
	struct reported_service *service;

	if (make_room(reported))
		return -ENOMEM;
	service = &reported->list[reported->count++];
	set_names(service, space, role);
	service->state = state->state;
	service->owner = state->owner;
	return 0;
}

int reported_read(struct reported *reported, struct kreg *k)
{
	int err = kreg_service_state_each(k, NULL, add, reported);

	if (reported->count)
		qsort(reported->list, reported->count, sizeof(*reported->list), compare);
	return err;
}

void reported_mark(struct reported *reported, const char *space, const char *role)
{
	struct reported_service key, *found;

	if (!reported->count)
		return;
	set_names(&key, space, role);
	found = bsearch(&key, reported->list, reported->count, sizeof(key), compare);
	if (found)
		found->has_name = true;
}

void reported_free(struct reported *reported)
{
	free(reported->list);
	*reported = (struct reported){ 0 };
}
