/* SPDX-License-Identifier: MIT */
/*
 * Empties a namespace, in rounds. A round ends every entry that it finds: the supervisor
 * first, because it would restart what is ended after it, then the others from the newest
 * to the oldest, each one only when the one before it is gone. The next round finds what
 * has been registered meanwhile.
 *
 * Reserved names and queued entries count too, because their owners will hold the names.
 * An entry whose owner has not opened the registry is left alone: any process that may
 * write the registry could have made it, to have that owner killed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "base/fd.h"
#include "lib/inner.h"
#include "lib/services/supervise/service_left.h"
#include "lib/services/supervise/ward.h"

#define STOP_MS 5000

/* An entry of the namespace. */
struct resident {
	char key[KREG_KEY_MAX];
	size_t key_size;
	char role[KREG_ROLE_MAX + 1];
	struct kreg_owner owner;
	uint64_t start; /* of its process; 0: unknown */
	bool is_supervisor;
	bool is_first; /* it holds the name, or has reserved it */
};

struct round {
	struct kreg *k;
	const char *space;
	const struct cgroups *cgroups;
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

	if (kreg_service_parse(entry->key, entry->key_size, space, sizeof(space), role,
			       sizeof(role)))
		return 0;
	if (!round_grow(round))
		return -ENOMEM;
	resident = &round->at[round->count++];
	*resident = (struct resident){ .owner = entry->owner, .is_first = !entry->position };
	resident->is_supervisor = !strcmp(role, KREG_ROLE_SUPERVISOR);
	resident->key_size = entry->key_size;
	memcpy(resident->key, entry->key, entry->key_size);
	strcpy(resident->role, role);
	return 0;
}

static int in_order_of_stop(const void *a, const void *b)
{
	const struct resident *x = a, *y = b;

	if (x->is_supervisor != y->is_supervisor)
		return y->is_supervisor - x->is_supervisor;
	return (x->start < y->start) - (x->start > y->start);
}

static int collect(struct round *round, const char *prefix, size_t prefix_size)
{
	KREG_PATTERN(pattern, .prefix = prefix, .prefix_size = prefix_size);
	struct kreg_owner_facts facts;
	size_t i, kept = 0;
	int err;

	round->count = 0;
	err = kreg_inner_select_all(round->k, &pattern, note, round);
	if (err || !round->count)
		return err;
	/*
	 * An owner that is dead by now needs no ending; one that has not opened the
	 * registry must not be ended.
	 */
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

static int await_end(struct kreg *k, const struct resident *resident, int64_t ms)
{
	return kreg_inner_await_end(k, resident->key, resident->key_size, resident->owner.token,
				    ms);
}

/* -EBUSY: it is the calling process, whose name its foster parent holds. */
static int end_process(const struct round *round, const struct resident *resident, int64_t ms)
{
	struct kreg *k = round->k;
	struct ward ward = { .group = { .cgroup = -1 }, .end = -1, .signals = -1 };
	int err = ward_take_over(&ward, k, &resident->owner);

	if (err == -ESRCH) {
		/*
		 * Its name is gone before its last process has left the cgroup. What is
		 * left there now must not be counted once more as the rest of a service.
		 */
		service_left_clear_role(k, round->space, round->cgroups, resident->role);
		return 0;
	}
	if (err)
		return err;
	/*
	 * Kills what the service has started, if it has a cgroup. Its minder would do so
	 * a few milliseconds later.
	 */
	if (!resident->is_supervisor)
		ward.group.cgroup =
			cgroups_find(round->cgroups, resident->role, k, &resident->owner);
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
	if (!err && ward.group.cgroup >= 0) {
		group_kill(&ward.group);
		cgroups_remove(ward.group.cgroup, resident->role);
	} else if (!err) {
		service_left_clear_role(k, round->space, round->cgroups, resident->role);
	}
	fd_close(&ward.group.cgroup);
	return err;
}

static int end_resident(const struct round *round, const struct resident *resident, int64_t ms)
{
	struct kreg *k = round->k;
	struct kreg_owner self;
	int err;

	if (!kreg_self(k, &self) && resident->owner.token == self.token) {
		err = kreg_unregister(k, resident->key, resident->key_size);
		return err < 0 ? err : 0;
	}
	return end_process(round, resident, ms);
}

/* Returns the number of services that it has ended. */
static int64_t end_round(const struct round *round, int64_t stop_ms)
{
	int64_t services = 0;
	size_t i;
	int err;

	for (i = 0; i < round->count; i++) {
		const struct resident *resident = &round->at[i];
		int64_t ms = stop_ms;

		/* The supervisor ends the others one by one before it ends itself. */
		if (resident->is_supervisor)
			ms *= (int64_t)round->count;
		err = end_resident(round, resident, ms);
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
	struct cgroups cgroups = { .own = -1, .all = -1 };
	struct round round = { .k = k, .space = space, .cgroups = &cgroups };
	char prefix[KREG_KEY_MAX];
	/* The key's prefix: a role of one character is the shortest. */
	ssize_t size = kreg_inner_service_key(space, "-", prefix, sizeof(prefix));
	int64_t services = 0, ended;
	int err = program_of_call(k, 0, 0);

	if (!err && size < 0)
		err = kreg_inner_refuse_service(k, call_of(__func__), space, NULL, false);

	if (!err)
		cgroups_open(&cgroups, kreg_inner_origin(k), space);
	while (!err && !(err = collect(&round, prefix, (size_t)size - 1)) && round.count) {
		ended = end_round(&round, stop_ms ? stop_ms : STOP_MS);
		if (ended < 0)
			err = (int)ended;
		else
			services += ended;
	}
	if (!err)
		services += (int64_t)service_left_clear(k, space, &cgroups, &quiet);
	cgroups_close(&cgroups);
	free(round.at);
	return err ? err : services;
}
