/* SPDX-License-Identifier: MIT */
/*
 * The bridges of a registry to clusters of hosts: whether each is in touch, what it could not do, and
 * names of other hosts that are left without a bridge.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cluster/bridges.h"
#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"
#include "tools/out/text.h"

/* A session that is not ready for so long, or a write that waits for so long, is worth a look. */
#define LATE_MS 5000

struct cluster {
	const struct doctor_patient *p;
	const struct bridge *bridge;
	uint64_t now;
	unsigned int count; /* findings of this bridge */
};

#define say(cluster, is, ...)                                                                      \
	((cluster)->count++,                                                                       \
	 doctor_say_of((cluster)->p, (is), "cluster", (cluster)->bridge->owner.pid, __VA_ARGS__))

/* So much of what a bridge says is shown: an endpoint, or a sentence. */
#define SHOWN_MAX 300
#define SHOWN_ROOM (SHOWN_MAX * TEXT_GROWTH + 1)

/* doctor_text() is for names. */
static const char *shown(char to[SHOWN_ROOM], const char *text)
{
	size_t size = strlen(text), width;

	to[text_escape(to, text, size < SHOWN_MAX ? size : SHOWN_MAX, SIZE_MAX, &width)] = '\0';
	return to;
}

/* "; the last error is: ..."; "" where nothing has failed. */
static const char *last_error(const struct bridge *b, char to[SHOWN_ROOM + 32])
{
	char text[SHOWN_ROOM];

	*to = '\0';
	if (*b->error)
		snprintf(to, SHOWN_ROOM + 32, "; the last error is: %s", shown(text, b->error));
	return to;
}

static void say_wrong(struct cluster *c)
{
	const struct bridge *b = c->bridge;

	if (b->is_other_format)
		say(c, DOCTOR_WARNING,
		    "the bridge to %s, pid %d, is of another version: %s; restart it, or use its "
		    "regtool",
		    b->cluster, b->owner.pid, b->wrong);
	else
		say(c, DOCTOR_FAILURE,
		    "what pid %d has registered as " BRIDGES_SPACE
		    "/%s is not the state of a bridge: %s; see who may write the registry",
		    b->owner.pid, b->cluster, b->wrong);
}

static void check_version(struct cluster *c)
{
	const struct bridge *b = c->bridge;
	char text[DOCTOR_TEXT];

	if (strcmp(b->version, kreg_version()))
		say(c, DOCTOR_WARNING,
		    "the bridge to %s, pid %d, is kreg-etcd %s, and this regtool is %s; restart it",
		    b->cluster, b->owner.pid, doctor_text(text, b->version, strlen(b->version)),
		    kreg_version());
}

static void say_cut_off(struct cluster *c)
{
	const struct bridge *b = c->bridge;
	char lag[32], error[SHOWN_ROOM + 32], endpoint[SHOWN_ROOM];
	const char *others = strcmp(b->others, "gone") ? "theirs are stale here, and absent after "
							 "its --grace"
						       : "theirs are absent here";

	doctor_age(lag, bridge_ago(b->touch ? b->touch : b->began, c->now));
	say(c, DOCTOR_FAILURE,
	    "the bridge to %s, pid %d, has had no answer of etcd for %s, so other hosts do not "
	    "find "
	    "the %" PRIu64 " names of this one, and %s; see whether etcd runs and %s can be "
	    "reached, and the log of kreg-etcd%s",
	    b->cluster, b->owner.pid, lag, b->exported, others, shown(endpoint, b->endpoint),
	    last_error(b, error));
}

/* A lease is kept alive three times within its time, so that two thirds are left as a rule. */
static void check_lease(struct cluster *c)
{
	const struct bridge *b = c->bridge;
	uint64_t left = bridge_left(b->lease_until, c->now);
	char left_text[32], lag[32], error[SHOWN_ROOM + 32];

	if (left / 1000 >= b->ttl / 2)
		return;
	say(c, DOCTOR_WARNING,
	    "the lease of the bridge to %s, pid %d, ends in %s, and with it what other hosts know "
	    "of this one; etcd has answered %s ago; see whether that process runs, and etcd%s",
	    b->cluster, b->owner.pid, doctor_age(left_text, left),
	    doctor_age(lag, bridge_ago(b->touch, c->now)), last_error(b, error));
}

static void check_session(struct cluster *c)
{
	const struct bridge *b = c->bridge;
	char age[32], error[SHOWN_ROOM + 32], session[DOCTOR_TEXT];
	uint64_t since = bridge_ago(b->session_since, c->now);

	switch (bridge_touch(b, c->now)) {
	case BRIDGE_CUT_OFF:
		say_cut_off(c);
		return;
	case BRIDGE_BUSY:
		if (since >= LATE_MS)
			say(c, DOCTOR_WARNING,
			    "the bridge to %s, pid %d, sees no change of other hosts for %s, as "
			    "its session is in the state \"%s\"; see the log of kreg-etcd%s",
			    b->cluster, b->owner.pid, doctor_age(age, since),
			    doctor_text(session, b->session, strlen(b->session)),
			    last_error(b, error));
		break;
	default:
		break;
	}
	if (b->lease)
		check_lease(c);
}

static void check_names(struct cluster *c)
{
	const struct bridge_conflict *first = c->bridge->conflict_list.items;
	uint64_t waiting = bridge_ago(c->bridge->waiting_since, c->now);
	char age[32], name[DOCTOR_TEXT], host[DOCTOR_TEXT];
	const struct bridge *b = c->bridge;

	/* Without a lease nothing can be written, which is said already. */
	if (b->waiting && waiting >= LATE_MS && bridge_touch(b, c->now) == BRIDGE_IN_TOUCH)
		say(c, DOCTOR_WARNING,
		    "%" PRIu64 " changes of this host are not in etcd, the oldest for %s, so "
		    "other hosts of %s do not see them; see whether etcd is slow or full, and the "
		    "log of kreg-etcd",
		    b->waiting, doctor_age(age, waiting), b->cluster);
	if (b->known >= b->most)
		say(c, DOCTOR_WARNING,
		    "%" PRIu64 " names of other hosts of %s are known, which is --most, so further "
		    "ones are not found here; restart kreg-etcd with a larger --most, or --import "
		    "less",
		    b->known, b->cluster);
	if (b->conflicts && b->conflict_list.count)
		say(c, DOCTOR_WARNING,
		    "%" PRIu64 " names of this host are also of another host of %s, as \"%s\" of "
		    "%s: here this host's are found, elsewhere those that were there first; if "
		    "that is not intended, end or rename one; `regtool -r %s cluster %s`",
		    b->conflicts, b->cluster, doctor_text(name, first->name, strlen(first->name)),
		    doctor_text(host, first->host, strlen(first->host)), c->p->name, b->cluster);
}

static void check_bridge(struct cluster *c)
{
	const struct bridge *b = c->bridge;

	if (*b->wrong) {
		say_wrong(c);
		return;
	}
	check_version(c);
	check_session(c);
	check_names(c);
	if (!c->count && bridge_touch(b, c->now) == BRIDGE_IN_TOUCH)
		say(c, DOCTOR_OK,
		    "%s has %" PRIu64 " hosts; %" PRIu64 " names are exported, %" PRIu64
		    " imported",
		    b->cluster, b->members, b->exported, b->imported);
	else if (!c->count)
		say(c, DOCTOR_OK, "the bridge to %s, pid %d, begins its session", b->cluster,
		    b->owner.pid);
}

static bool is_of_a_bridge(const struct bridges *bridges, const struct kreg_owner *owner)
{
	size_t i;

	for (i = 0; i < bridges->count; i++) {
		const struct bridge *b = &bridges->list[i];

		if (b->owner.pid == owner->pid ||
		    (!*b->wrong && b->names_pid == (uint64_t)owner->pid))
			return true;
	}
	return false;
}

/* A holder keeps them for a while, for the next bridge. */
static void check_left(const struct doctor_patient *p, const struct bridges *bridges)
{
	size_t i;

	for (i = 0; i < p->now->load_count; i++) {
		const struct doctor_load *load = &p->now->loads[i];
		uint64_t names = is_of_a_bridge(bridges, &load->owner)
					 ? 0
					 : bridges_stale_names(p->k, &load->owner);

		if (names)
			doctor_say_of(p, DOCTOR_WARNING, "cluster", load->owner.pid,
				      "%" PRIu64 " names of other hosts are stale, as no bridge "
				      "runs: pid %d keeps them for the time of --grace; start "
				      "kreg-etcd again, and see why it has ended",
				      names, load->owner.pid);
	}
}

void doctor_cluster(const struct doctor_patient *p)
{
	struct bridges bridges;
	int err;
	size_t i;

	if (p->now->stat.keys != KREG_KEYS_UNIQUE)
		return;
	err = bridges_read(&bridges, p->k, NULL);
	for (i = 0; i < bridges.count && i < DOCTOR_MOST && !err; i++) {
		struct cluster c = { .p = p, .bridge = &bridges.list[i], .now = bridges.now };

		check_bridge(&c);
	}
	if (err)
		doctor_say_of(p, DOCTOR_UNKNOWN, "cluster", 0, "its bridges cannot be read: %s",
			      kreg_strerror(err));
	else if (bridges.count + bridges.left_out > DOCTOR_MOST)
		doctor_say_of(p, DOCTOR_WARNING, "cluster", 0,
			      "%" PRIu64 " more entries are in " BRIDGES_SPACE
			      "; `regtool -r %s cluster`",
			      bridges.count + bridges.left_out - DOCTOR_MOST, p->name);
	if (!err)
		check_left(p, &bridges);
	bridges_free(&bridges);
}
