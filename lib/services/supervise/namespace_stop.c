/* SPDX-License-Identifier: MIT */
/*
 * A namespace is emptied in rounds: all that is there is taken down, the supervisor first, because it would start
 * anew what we end, then those that came last. Each is gone before the next one is told. Then we look again for
 * what came meanwhile.
 *
 * Reserved names and those in line are there too: whoever has them will hold them. An entry of somebody who has not
 * opened the registry is nobody's to be ended: anyone who may write the registry may have made it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/namespace/service_key.h"
#include "lib/services/supervise/service_left.h"
#include "lib/services/supervise/ward.h"
#include "lib/find/visit.h"
#include "lib/wait/wait.h"
#include "shm/table_search.h"

#define STOP_MS 5000

/* One entry of the namespace. */
struct resident {
	struct service_key key;
	struct kreg_owner owner;
	uint64_t start; /* of its process; 0: not known */
	bool is_supervisor;
	bool is_first; /* it holds the name, or has reserved it */
};

struct round {
	struct kreg *k;
	struct resident *at;
	size_t count, size;
};

static bool round_grow(struct round *round)
{
	size_t size = round->size ? round->size * 2 : 32;
	void *grown;

	if (round->count < round->size)
		return true;
	grown = realloc(round->at, size * sizeof(*round->at));
	if (!grown)
		return false;
	round->at = grown;
	round->size = size;
	return true;
}

static int note(const struct kreg_entry *entry, void *data)
{
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];
	struct round *round = data;
	struct resident *resident;

	if (kreg_service_parse(entry->key, entry->key_size, space, role))
		return 0;
	if (!round_grow(round))
		return -ENOMEM;
	resident = &round->at[round->count++];
	*resident = (struct resident){ .owner = entry->owner, .is_first = !entry->position };
	resident->is_supervisor = !strcmp(role, KREG_ROLE_SUPERVISOR);
	resident->key.size = entry->key_size;
	memcpy(resident->key.bytes, entry->key, entry->key_size);
	return 0;
}

static int in_order_of_stop(const void *a, const void *b)
{
	const struct resident *x = a, *y = b;

	if (x->is_supervisor != y->is_supervisor)
		return y->is_supervisor - x->is_supervisor;
	return (x->start < y->start) - (x->start > y->start);
}

static int collect(struct round *round, const struct service_key *prefix)
{
	KREG_PATTERN(pattern, .prefix = prefix->bytes, .prefix_size = prefix->size);
	const struct visit visit = {
		.k = round->k,
		.pattern = &pattern,
		.visit = note,
		.data = round,
		.reserved_too = true,
	};
	struct kreg_owner_facts facts;
	size_t i, kept = 0;
	int err;

	round->count = 0;
	err = visit_all(&visit);
	if (err || !round->count)
		return err;
	/* Of who is dead by now nothing is known, and nothing is needed. Nor is who has never been here. */
	for (i = 0; i < round->count; i++) {
		err = kreg_owner_facts(round->k, &round->at[i].owner, &facts);
		if (err == -ESRCH)
			continue;
		round->at[i].start = err ? 0 : facts.start;
		round->at[kept++] = round->at[i];
	}
	round->count = kept;
	if (kept)
		qsort(round->at, kept, sizeof(*round->at), in_order_of_stop);
	return 0;
}

/* @data: whose entry it is, be it reserved or in line. */
static ssize_t look_for_end(struct kreg *k, const struct query *q, void *data)
{
	const owner_t *owner = data;
	struct query line = *q;
	struct found found;
	int err;

	line.kinds = KINDS_OF_NAMES;
	line.owner = *owner;
	err = wait_find(k, &line, &found);
	if (err)
		return err == -ENOENT ? 0 : err;
	return -EAGAIN;
}

static bool is_there_still(struct kreg *k, const struct line_view *view, const void *data,
			   owner_t *in_the_way)
{
	(void)k;
	*in_the_way = *(const owner_t *)data;
	return view->has_whose;
}

static int await_end(struct kreg *k, const struct resident *resident, int64_t ms)
{
	struct query q = table_query(&k->segment, resident->key.bytes, resident->key.size);
	owner_t owner = resident->owner.token;

	return (int)wait_until(k, &q, ms,
			       &(struct wait_for){ .look = look_for_end,
						   .is_in_vain = is_there_still,
						   .data = &owner,
						   .whose = owner });
}

/* -EBUSY: it is this process, whose name its foster parent holds. */
static int end_process(struct kreg *k, const struct resident *resident, int64_t ms)
{
	struct ward ward = { .group = { .cgroup = -1 }, .end = -1, .signals = -1 };
	int err = ward_take_over(&ward, k, &resident->owner);

	if (err)
		return err == -ESRCH ? 0 : err;
	err = ward_tell(&ward, SIGTERM);
	if (!err)
		err = await_end(k, resident, ms);
	if (err == -ETIMEDOUT) {
		err = ward_tell(&ward, SIGKILL);
		if (!err)
			err = await_end(k, resident, -1);
	}
	if (ward_runs(&ward))
		ward_reap(&ward);
	return err;
}

static int end_resident(struct kreg *k, const struct resident *resident, int64_t ms)
{
	int err;

	if (resident->owner.token == k->self.owner) {
		err = kreg_unregister(k, resident->key.bytes, resident->key.size);
		return err < 0 ? err : 0;
	}
	return end_process(k, resident, ms);
}

/* How many services it has ended. */
static int64_t end_round(const struct round *round, int64_t stop_ms)
{
	int64_t services = 0;
	size_t i;
	int err;

	for (i = 0; i < round->count; i++) {
		const struct resident *resident = &round->at[i];
		int64_t ms = stop_ms;

		/* It ends the others one by one before it goes. */
		if (resident->is_supervisor)
			ms *= (int64_t)round->count;
		err = end_resident(round->k, resident, ms);
		if (err)
			return err;
		services += resident->is_first;
	}
	return services;
}

int64_t kreg_namespace_stop(struct kreg *k, const char *space, uint32_t stop_ms)
{
	UNCANCELLABLE;
	const struct kreg_supervision quiet = { .log = NULL };
	struct round round = { .k = k };
	struct cgroups cgroups;
	struct service_key prefix;
	int64_t services = 0, ended;
	int err = k && k->segment.unique ? service_prefix(&prefix, space) : -EINVAL;

	if (!err)
		err = handle_check(k);
	while (!err && !(err = collect(&round, &prefix)) && round.count) {
		ended = end_round(&round, stop_ms ? stop_ms : STOP_MS);
		if (ended < 0)
			err = (int)ended;
		else
			services += ended;
	}
	if (!err) {
		cgroups_open(&cgroups, k->origin, space);
		service_left_clear(k, space, &cgroups, &quiet);
		cgroups_close(&cgroups);
	}
	free(round.at);
	return err ? err : services;
}
