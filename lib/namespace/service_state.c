/* SPDX-License-Identifier: MIT */
/*
 * What supervisors report of their services: one entry for each service, under the key of its
 * name, of a kind of its own (report.h).
 *
 *   the supervisor              its entries
 *   reports a state               replaced, one CAS each
 *   cannot, for want of memory  removed, rather than left as they were
 *   stops, or stops the tree    removed
 *   gives the tree up           left until its handle is closed
 *   dies, or calls exec         absent, as its names: the owner word has the image
 *
 * Two processes report of one service if one has given its tree up and the other supervises now. The
 * newer state counts, because what was given up no longer changes.
 *
 * No index leads from a namespace to its states. But a supervisor's row counts them among
 * what its program holds, so only processes with such a count are looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sized.h"
#include "lib/find/visit.h"
#include "lib/namespace/service_key.h"
#include "lib/program/report.h"
#include "shm/query.h"

_Static_assert(offsetof(struct reported_state, supervisor) == 0, "report.h");

/* A state as it was reported, and by whom. */
struct reported {
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];
	struct reported_state state;
	struct kreg_owner supervisor;
};

struct reported_list {
	struct reported *at;
	size_t count, size;
};

static int64_t ms_of(uint64_t ns)
{
	return (int64_t)(ns / 1000000);
}

/* A state that is none reports nothing. */
static bool is_sound(const struct kreg_entry *entry, struct reported *reported)
{
	if (entry->value_size != sizeof(reported->state) ||
	    service_parse(entry->key, entry->key_size, reported->space, sizeof(reported->space),
			  reported->role, sizeof(reported->role)))
		return false;
	memcpy(&reported->state, entry->value, sizeof(reported->state));
	reported->supervisor = entry->owner;
	return reported->state.state >= KREG_STATE_WAITING &&
	       reported->state.state <= KREG_STATE_FAILED;
}

static void show(struct kreg *k, const struct reported *reported, struct kreg_service_state *out)
{
	const struct reported_state *state = &reported->state;
	uint64_t now = clock_now();

	*out = (struct kreg_service_state){
		.size = sizeof(*out),
		.state = state->state,
		.restarts = state->restarts,
		.in_row = state->in_row,
		.error = state->error,
		.end = state->end,
		.since_ms = now > state->since ? ms_of(now - state->since) : 0,
		.next_ms = -1,
		.owner = { .token = state->program, .pid = state->pid },
		.supervisor = reported->supervisor,
	};
	/* Rounded up: at 0 it is due. */
	if (out->state == KREG_STATE_RESTARTING)
		out->next_ms = state->due > now ? ms_of(state->due - now + 999999) : 0;
	if (out->state == KREG_STATE_RUNNING && !kreg_owner_is_alive(k, &out->owner))
		out->state = KREG_STATE_ENDED;
	if (out->state == KREG_STATE_ENDED)
		kreg_owner_end(k, &out->owner, &out->end);
}

/* ---- one */

static int take_newest(const struct kreg_entry *entry, void *data)
{
	struct reported *newest = data, reported;

	if (is_sound(entry, &reported) && reported.state.since >= newest->state.since)
		*newest = reported;
	return 0;
}

int kreg_service_state(struct kreg *k, const char *space, const char *role,
		       struct kreg_service_state *state)
{
	UNCANCELLABLE;
	struct kreg_service_state full;
	struct reported newest = { 0 };
	struct service_key key;
	struct query q;
	int err = size_of_call(k, state, "state");

	if (!err)
		err = service_of(&key, k, space, role);
	if (err)
		return err;
	KREG_PATTERN(pattern, .key = key.bytes, .key_size = key.size);
	q = table_query_state(&k->segment, key.bytes, key.size);
	err = visit_orders(&(struct visit){ .k = k,
					    .pattern = &pattern,
					    .visit = take_newest,
					    .data = &newest,
					    .kinds = KIND_OF(ENTRY_STATE) },
			   q.order, q.order);
	if (!err && !newest.state.state)
		err = -ENOENT;
	if (err)
		return err;
	show(k, &newest, &full);
	sized_write(state, &full, sizeof(full));
	return 0;
}

/* ---- all */

static int take(const struct kreg_entry *entry, void *data)
{
	struct reported_list *list = data;
	size_t size = list->size ? list->size * 2 : 32;
	struct reported *grown;

	if (list->count == list->size) {
		grown = reallocarray(list->at, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->at = grown;
		list->size = size;
	}
	if (is_sound(entry, &list->at[list->count]))
		list->count++;
	return 0;
}

/* What the program of each process holds that has a count of such things. */
static int take_all(struct kreg *k, const struct service_key *prefix, struct reported_list *list)
{
	uint32_t seat, end = row_end(&k->segment), entries;
	struct kreg_owner owner = { 0 };
	int err = segment_is_whole(&k->segment) ? 0 : -ENOMEM;

	KREG_PATTERN(pattern, .owner = &owner, .prefix = prefix->bytes,
		     .prefix_size = prefix->size);
	for (seat = 0; seat < end && !err; seat++) {
		owner.token = row_owner(&k->segment, &k->lives, seat, &entries);
		if (!owner.token || !row_locks(&k->segment, &k->lives, owner.token))
			continue;
		err = visit_owner(&(struct visit){ .k = k,
						   .pattern = &pattern,
						   .visit = take,
						   .data = list,
						   .kinds = KIND_OF(ENTRY_STATE) },
				  owner.token);
	}
	return err;
}

/* The newest of one service first. */
static int by_name(const void *a, const void *b)
{
	const struct reported *x = a, *y = b;
	int order = strcmp(x->space, y->space);

	if (!order)
		order = strcmp(x->role, y->role);
	return order ? order
		     : (x->state.since < y->state.since) - (x->state.since > y->state.since);
}

static bool is_same_service(const struct reported *a, const struct reported *b)
{
	return !strcmp(a->space, b->space) && !strcmp(a->role, b->role);
}

static int call(int (*visit)(const char *, const char *, const struct kreg_service_state *, void *),
		const struct reported *reported, const struct kreg_service_state *state, void *data)
{
	OUTSIDE_OF_CALL;

	return visit(reported->space, reported->role, state, data);
}

int kreg_service_state_each(struct kreg *k, const char *space,
			    int (*visit)(const char *space, const char *role,
					 const struct kreg_service_state *state, void *data),
			    void *data)
{
	UNCANCELLABLE;
	struct service_key prefix = { .size = 0 };
	struct kreg_service_state state;
	struct reported_list list = { 0 };
	size_t i;
	int err;

	if (!k || !visit)
		return refuse(k, k ? "visit is NULL" : K_IS_NULL);
	if (!k->segment.unique)
		return refuse(k, "the registry has duplicate keys, in which there are no services");
	if (space && service_prefix(&prefix, space))
		return kreg_inner_refuse_service(k, call_of(__func__), space, NULL, false);
	err = take_all(k, &prefix, &list);
	if (list.count)
		qsort(list.at, list.count, sizeof(*list.at), by_name);
	for (i = 0; i < list.count && !err; i++) {
		if (i && is_same_service(&list.at[i - 1], &list.at[i]))
			continue;
		show(k, &list.at[i], &state);
		err = call(visit, &list.at[i], &state, data);
	}
	free(list.at);
	return err;
}

/* ---- the supervisor's part */

int kreg_inner_report(struct kreg *k, const char *space, const char *role,
		      const struct reported_state *state)
{
	struct content content = { .kind = ENTRY_STATE,
				   .value = state,
				   .value_size = sizeof(*state) };
	struct service_key key;
	struct query q;
	int err = service_key(&key, space, role);

	if (err)
		return refuse(k, "space or role is none of a service");
	q = table_query_state(&k->segment, key.bytes, key.size);
	err = report_put(k, &q, &content);
	if (err)
		report_drop(k, &q, 0);
	return err;
}

void kreg_inner_unreport(struct kreg *k, const char *space, const char *role, uint64_t supervisor)
{
	struct service_key key;
	struct query q;

	if (service_key(&key, space, role))
		return;
	q = table_query_state(&k->segment, key.bytes, key.size);
	report_drop(k, &q, supervisor);
}
