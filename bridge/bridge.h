/* SPDX-License-Identifier: MIT */
/*
 * The bridge: what is registered on this host lies in etcd, and what lies there of other hosts is
 * registered on this one.
 *
 *   export.c    what this host has, from the registry's listener, and what of it is to be
 *               written to etcd
 *   import.c    what other hosts have, and which of it is registered here
 *   cluster.c   the session with etcd; member.c its lease, snapshot.c what it reads, glance.c
 *               whether etcd is the same as before, writes.c what it writes
 *   items.c     one item for each name that any of these knows
 *   members.c   the hosts of the cluster
 *   state.c     what of all this is in the local registry, for operators
 *   claims.c    names that are unique in the cluster: what processes of this host claim, and what they
 *               are answered; unique.c what is asked of etcd for them
 *
 * One thread runs all of it. Nothing that etcd says or does not say changes what is of this host
 * alone: an item of this host is only ever read from the registry.
 */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/list.h>

#include "bridge/etcd.h"
#include "bridge/members.h"
#include "bridge/record.h"
#include "bridge/say.h"
#include "bridge/shown.h"
#include "bridge/state.h"

struct bridge_options {
	const char *registry;
	const char *cluster;
	const char *host;
	char **exports; /* patterns of namespaces */
	size_t export_count;
	char **imports;
	size_t import_count;
	char **uniques;
	size_t unique_count;
	uint32_t ttl;    /* seconds */
	uint32_t grace;  /* seconds; 0: none */
	uint32_t most;   /* names of other hosts */
	const char *run; /* a folder for the holder's socket; NULL: there is no holder */
	struct etcd_options etcd;
};

/* A name of another host, as it lies in etcd. */
struct candidate {
	struct cds_list_head of_item;
	struct facts facts;
	uint64_t created, changed; /* revisions */
	uint64_t seen;             /* the snapshot that has had it last */
	bool is_unique;            /* the only one of the cluster */
	char host[KREG_HOST_MAX + 1];
};

struct unique;

struct item {
	struct name name;
	/* Of this host. */
	bool has_local;
	uint64_t owner;
	struct facts local;
	/* What is written: @is_dirty: it is in the list of what is not written as it is. */
	bool is_dirty, is_sent;
	uint64_t since;   /* when it became so; the list is in this order */
	uint64_t written; /* the revision of the last write */
	uint64_t seen;
	struct cds_list_head dirty;
	/* Of other hosts, and the revision of the one that is registered here; 0: none. */
	struct cds_list_head candidates;
	uint64_t shown;
	/* Claims of this host; NULL: there are none, and this host has nothing of it in etcd. */
	struct unique *unique;
	bool is_stale, is_hidden; /* @is_hidden: a name of this host is in its place */
	struct cds_list_head hidden;
};

struct bridge {
	const struct bridge_options *options;
	struct kreg *k;
	struct kreg_listener *listener;
	struct shown *names;
	struct kreg_owner self;
	struct etcd *etcd;
	char prefix[RECORD_KEY_MAX];

	void *items; /* of tsearch(3) */
	struct cds_list_head dirty;
	uint64_t waiting;            /* items that are dirty, also of those that are sent */
	struct cds_list_head hidden; /* items */
	bool is_lost;                /* the holder is */
	uint64_t candidates, exported, shown, hidden_count;
	/* @wrong: what of etcd is ignored; @failed: the session. */
	struct say_often wrong, failed, conflicts, full, refused, plain;
	/* Names that were written, events of the watch, and ends of an etcd that was restored. */
	uint64_t writes, events, restores;
	struct members members;
	struct state state;

	/* The owner that was asked for last, and its facts. */
	uint64_t asked, asked_start;
	uint32_t asked_uid;

	/* The session. */
	enum {
		SESSION_NONE,
		SESSION_LEASE,
		SESSION_MEMBER,
		SESSION_GLANCE,
		SESSION_READ,
		SESSION_READY
	} session;
	struct etcd_call *call, *write, *keep, *watch;
	uint64_t cluster_id, revision; /* up to which all is known */
	uint64_t reading;              /* the revision of the snapshot that is being read */
	uint64_t snapshot;             /* its number */
	bool is_member;
	/* The last change that was seen: its key, in base64; revision 0: none (glance.c). */
	struct {
		char *key;
		uint64_t revision;
		bool is_there;
	} last;
	bool whole; /* a snapshot was read, since which nothing was missed */
	char *from; /* the key behind which its next page begins */
	uint64_t lease;
	uint64_t
		lease_until; /* CLOCK_MONOTONIC: until when etcd keeps it at least, to be looked at */
	uint64_t sent_at;    /* when what it lasts from was sent: a grant, or a keepalive */
	uint64_t certain;    /* until when etcd keeps it at least; both of CLOCK_BOOTTIME */
	uint64_t keep_at, retry_at, backoff_ms;
	uint64_t touch; /* the last answer */
	/*
	 * When what is known of others was last known to be all of it; for long not: it is stale,
	 * and gone.
	 */
	uint64_t current;
	bool is_stale, is_gone;
	uint64_t forget_at; /* until when what a snapshot has not is kept */
	bool is_stopping;
	struct cds_list_head sent; /* items of the write that is underway */

	/* Unique names. */
	struct cds_list_head uniques, due;
	uint32_t asking;   /* questions that are underway */
	bool is_serving;   /* the entries of this bridge are there */
	bool is_withdrawn; /* the time is over, and nothing is answered */
};

/* ---- items.c */
struct item *item_find(struct bridge *b, const struct name *name);
/* NULL: no memory. */
struct item *item_get(struct bridge *b, const struct name *name);
/* If nothing is known of it any more, it is freed. */
void item_tidy(struct bridge *b, struct item *item);
void items_each(struct bridge *b, void (*visit)(struct bridge *, struct item *));
void items_free(struct bridge *b);
bool patterns_match(char *const *patterns, size_t count, const struct name *name);

/* ---- export.c */
void export_event(struct bridge *b, const struct kreg_event *event);
void export_dirty(struct bridge *b, struct item *item);
/* What is in etcd of this host: in a snapshot, or by a watch. @is_there: or it was deleted. */
void export_seen(struct bridge *b, const struct name *name, bool is_there,
		 const struct facts *facts, uint64_t lease, uint64_t changed);
/* Behind a snapshot: what it does not have is to be written. */
void export_compare(struct bridge *b);

/* ---- import.c */
/* 0, or -EINVAL: @facts could not be kept. Takes the memory of @facts. */
void import_put(struct bridge *b, const struct name *name, const char *host, struct facts *facts,
		uint64_t created, uint64_t changed);
void import_delete(struct bridge *b, const struct name *name, const char *host);
/* The same of one that is unique; @host NULL: nobody of another host has it. */
void import_unique(struct bridge *b, const struct name *name, const char *host, struct facts *facts,
		   uint64_t created, uint64_t changed);
/* It is there, but as something that is none. */
void import_keep(struct bridge *b, const struct name *name, const char *host);
void import_compare(struct bridge *b);
/* Brings what is registered here in line with what is known. */
void import_show(struct bridge *b, struct item *item);
/* Of the hosts that have it, the one that the others find; NULL: none has. */
const struct candidate *import_first(const struct item *item);
void import_touch(struct bridge *b, const struct kreg_event *event);

/* User and start of a process, as far as they are known. */
void export_ask_owner(struct bridge *b, const struct kreg_owner *owner, uint32_t *uid,
		      uint64_t *start);

/* ---- claims.c */
void claims_begin(struct bridge *b);
bool claims_may(const struct bridge *b, const struct name *name);
void claims_event(struct bridge *b, const struct kreg_event *event);
/*
 * No answer is shown afterwards. Before this host's lease is given up, or is over; a bridge that
 * cannot do it ends itself.
 */
void claims_withdraw_all(struct bridge *b);
/* The lease is certain until then; what waited for that goes on. */
void claims_certain(struct bridge *b);
/* What is due; returns when, of CLOCK_BOOTTIME, it is to be called again. 0: it need not. */
uint64_t claims_step(struct bridge *b);
void claims_free(struct bridge *b);

/* ---- unique.c */
/* What etcd has, by a snapshot or a watch; @host NULL: nobody. Takes the memory of @facts. */
void unique_seen(struct bridge *b, const struct name *name, const char *host, uint64_t claim,
		 struct facts *facts, const json_t *kv);
/* Behind a snapshot. */
void unique_compare(struct bridge *b);
/* All questions are given up; whether they have happened is not known. */
void unique_pause(struct bridge *b);
/* etcd was restored, and its revisions say nothing. */
void unique_forget(struct bridge *b);

/* ---- cluster.c */
void cluster_begin(struct bridge *b);
/* Its memory. */
void cluster_free(struct bridge *b);
/* What is due; returns the milliseconds until it is to be called again at the latest. */
int cluster_step(struct bridge *b);
void cluster_stop(struct bridge *b);

#endif
