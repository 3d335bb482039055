/* SPDX-License-Identifier: MIT */
/*
 * Owners as people know them, and the cache of those that were looked at.
 */
#include "tools/who.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/who_proc.h"

struct known {
	struct known *next;
	uint64_t token;
	struct who who;
	struct output_shared shared;
};

struct who_cache {
	struct kreg *k;
	unsigned int flags;
	const struct known *last; /* names of one owner often come together */
	size_t count, room;       /* room is a power of 2 */
	struct known **heads;
};

struct who_cache *who_new(struct kreg *k, unsigned int flags)
{
	struct who_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->k = k;
	cache->flags = flags;
	cache->room = 64;
	cache->heads = calloc(cache->room, sizeof(*cache->heads));
	if (!cache->heads) {
		free(cache);
		return NULL;
	}
	return cache;
}

static void free_known(struct known *known)
{
	free((char *)known->who.comm);
	free((char *)known->who.line);
	free((char *)known->who.unit);
	free(known);
}

void who_free(struct who_cache *cache)
{
	struct known *known;
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < cache->room; i++) {
		while ((known = cache->heads[i])) {
			cache->heads[i] = known->next;
			free_known(known);
		}
	}
	free(cache->heads);
	free(cache);
}

static struct known **head_of(const struct who_cache *cache, uint64_t token)
{
	return &cache->heads[(token * 0x9e3779b97f4a7c15u >> 32) & (cache->room - 1)];
}

/* Twice the room. Without memory for it lists become longer. */
static void grow(struct who_cache *cache)
{
	struct who_cache next = { .room = 2 * cache->room };
	struct known *known, **head;
	size_t i;

	next.heads = calloc(next.room, sizeof(struct known *));
	if (!next.heads)
		return;
	for (i = 0; i < cache->room; i++) {
		while ((known = cache->heads[i])) {
			cache->heads[i] = known->next;
			head = head_of(&next, known->token);
			known->next = *head;
			*head = known;
		}
	}
	free(cache->heads);
	cache->heads = next.heads;
	cache->room = next.room;
}

static const char *const names[WHO_STATES] = {
	[WHO_UNKNOWN] = "unknown", [WHO_RUNNING] = "running", [WHO_STOPPED] = "stopped",
	[WHO_DUMPING] = "dumping", [WHO_ZOMBIE] = "zombie",   [WHO_FORGED] = "forged",
};

const char *who_state_name(enum who_state state)
{
	return names[state];
}

int who_state_of(const char *name)
{
	int i;

	for (i = 0; i < WHO_STATES; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

static enum output_mood mood_of(enum who_state state)
{
	switch (state) {
	case WHO_RUNNING:
		return OUTPUT_PLAIN;
	case WHO_STOPPED:
	case WHO_DUMPING:
	case WHO_FORGED:
		return OUTPUT_BAD;
	case WHO_ZOMBIE:
		return OUTPUT_WARNING;
	default:
		return OUTPUT_DIM;
	}
}

/* They are the same in each row of the owner. */
static void fill_cells(struct who *who)
{
	struct output_cell *cells = who->cells;

	cells[0] = output_number((uint64_t)who->pid);
	cells[1] = output_constant(who->comm);
	cells[2] = who->uid == KREG_ID_UNKNOWN ? output_none() : output_number(who->uid);
	cells[3] = who->age_ms < 0 ? output_none() : output_number((uint64_t)who->age_ms);
	cells[4] = output_constant(names[who->state]);
	cells[4].mood = mood_of(who->state);
	cells[5] = output_constant(who->line);
	cells[6] = output_constant(who->unit);
}

/* NULL: no memory. */
static struct known *look(struct who_cache *cache, const struct kreg_owner *owner)
{
	struct known *known = calloc(1, sizeof(*known));
	struct known **head;

	if (!known)
		return NULL;
	known->token = owner->token;
	who_read(cache->k, owner, cache->flags, &known->who);
	fill_cells(&known->who);
	known->shared.cells = known->who.cells;
	known->who.shared = &known->shared;
	if (4 * ++cache->count > cache->room)
		grow(cache);
	head = head_of(cache, owner->token);
	known->next = *head;
	*head = known;
	return known;
}

const struct who *who_is(struct who_cache *cache, const struct kreg_owner *owner)
{
	const struct known *known = cache->last;

	if (known && known->token == owner->token)
		return &known->who;
	for (known = *head_of(cache, owner->token); known; known = known->next) {
		if (known->token == owner->token)
			break;
	}
	if (!known)
		known = look(cache, owner);
	cache->last = known;
	return known ? &known->who : NULL;
}

unsigned int who_needs(const struct output *output, size_t first)
{
	bool more = false;
	size_t i;

	for (i = 1; i < WHO_CELLS; i++)
		more = more || output_needs(output, first + i);
	return (more ? 0 : WHO_PID_ONLY) | (output_needs(output, first + 5) ? WHO_LINE : 0) |
	       (output_needs(output, first + 6) ? WHO_UNIT : 0);
}
