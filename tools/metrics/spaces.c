/* SPDX-License-Identifier: MIT */
/*
 * A tree by name while it counts, and a list that is sorted at the end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* tdestroy() */
#endif

#include "tools/metrics/spaces.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "tools/reported.h"

struct visit {
	struct spaces *spaces;
	struct space *last; /* services of one namespace often come together */
	struct reported *reported;
	struct who_cache *who;
};

const char *spaces_state_name(int state)
{
	switch (state) {
	case SPACES_STARTING:
		return "starting";
	case SPACES_RESTARTING:
		return "restarting";
	case SPACES_FAILED:
		return "failed";
	default:
		return who_state_name((enum who_state)state);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct space *)a)->name, ((const struct space *)b)->name);
}

static int compare_listed(const void *a, const void *b)
{
	return compare(*(struct space *const *)a, *(struct space *const *)b);
}

static int make_room(struct spaces *spaces)
{
	size_t room = spaces->room ? 2 * spaces->room : 16;
	struct space **list;

	if (spaces->count < spaces->room)
		return 0;
	list = realloc(spaces->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	spaces->list = list;
	spaces->room = room;
	return 0;
}

/* Return: a new one in the tree and in the list; NULL: no memory. */
static struct space *add(struct spaces *spaces, const char *name)
{
	struct space *space;

	if (make_room(spaces) != 0)
		return NULL;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	strncpy(space->name, name, KREG_NAMESPACE_MAX);
	if (!tsearch(space, &spaces->tree, compare)) {
		free(space);
		return NULL;
	}
	spaces->list[spaces->count++] = space;
	return space;
}

/* NULL: no memory. */
static struct space *find(struct visit *visit, const char *name)
{
	struct spaces *spaces = visit->spaces;
	struct space key = { 0 };
	void *found;

	if (visit->last && !strcmp(visit->last->name, name))
		return visit->last;
	strncpy(key.name, name, KREG_NAMESPACE_MAX);
	found = tfind(&key, &spaces->tree, compare);
	if (found)
		visit->last = *(struct space **)found;
	else if (spaces->count < SPACES_MAX)
		visit->last = add(spaces, name);
	else
		return &spaces->others;
	return visit->last;
}

static int count_service(const struct kreg_service *service, void *data)
{
	struct visit *visit = data;
	struct space *space = find(visit, service->space);
	const struct who *who = who_is(visit->who, &service->owner);
	bool is_reserved = service->flags & KREG_REGISTER_RESERVED;

	if (!space || !who)
		return -ENOMEM;
	reported_mark(visit->reported, service->space, service->role);
	if (who->state == WHO_RUNNING && is_reserved)
		space->services[SPACES_STARTING]++;
	else
		space->services[who->state]++;
	return 0;
}

/*
 * The state of a service without a name; -1: it is not counted. One that has ended is about to be
 * restarted, or its supervisor does not look after it. One that runs has unregistered its name, or
 * it has ended by now: @who is its process.
 */
static int state_of(const struct reported_service *service, const struct who *who)
{
	switch (service->state) {
	case KREG_STATE_STARTING:
		return SPACES_STARTING;
	case KREG_STATE_RUNNING:
		return who->state == WHO_UNKNOWN ? SPACES_RESTARTING : (int)who->state;
	case KREG_STATE_ENDED:
	case KREG_STATE_RESTARTING:
		return SPACES_RESTARTING;
	case KREG_STATE_FAILED:
		return SPACES_FAILED;
	default:
		return -1;
	}
}

static int count_reported(struct visit *visit, const struct reported_service *service)
{
	const struct who *who = NULL;
	struct space *space;
	int state;

	if (service->has_name)
		return 0;
	if (service->state == KREG_STATE_RUNNING) {
		who = who_is(visit->who, &service->owner);
		if (!who)
			return -ENOMEM;
	}
	state = state_of(service, who);
	if (state < 0)
		return 0;
	space = find(visit, service->space);
	if (!space)
		return -ENOMEM;
	space->services[state]++;
	return 0;
}

/* Each service once, by its name or, without one, by what is reported of it. */
static int count_all(struct visit *visit, struct kreg *k)
{
	struct reported *reported = visit->reported;
	int err = reported_read(reported, k);
	size_t i;

	if (!err)
		err = kreg_service_each_reserved(k, NULL, count_service, visit);
	for (i = 0; i < reported->count && !err; i++)
		err = count_reported(visit, &reported->list[i]);
	return err;
}

static void keep(void *space)
{
	(void)space;
}

/* Those that are not shown are counted together. */
static void cut(struct spaces *spaces)
{
	size_t i;
	int state;

	for (i = SPACES_SHOWN; i < spaces->count; i++) {
		for (state = 0; state < SPACES_STATES; state++)
			spaces->others.services[state] += spaces->list[i]->services[state];
	}
	for (state = 0; state < SPACES_STATES; state++)
		spaces->has_others = spaces->has_others || spaces->others.services[state];
}

int spaces_count(struct spaces *spaces, struct kreg *k, struct who_cache *who)
{
	struct reported reported = { 0 };
	struct visit visit = { .spaces = spaces, .reported = &reported, .who = who };
	int err = count_all(&visit, k);

	reported_free(&reported);
	strcpy(spaces->others.name, SPACES_OTHERS);
	tdestroy(spaces->tree, keep);
	spaces->tree = NULL;
	if (spaces->count)
		qsort(spaces->list, spaces->count, sizeof(*spaces->list), compare_listed);
	cut(spaces);
	return err;
}

void spaces_free(struct spaces *spaces)
{
	size_t i;

	for (i = 0; i < spaces->count; i++)
		free(spaces->list[i]);
	free(spaces->list);
	*spaces = (struct spaces){ 0 };
}
