/* SPDX-License-Identifier: MIT */
/*
 * A name that is unique in the cluster, as this host knows it.
 *
 * Used by   claims.c, serving.c, unique.c.
 */
#ifndef BRIDGE_UNIQUE_H
#define BRIDGE_UNIQUE_H

#include "bridge/session.h"
#include "lib/cluster/entries.h"

/* A process of this host that wants it. */
struct wish {
	struct cds_list_head of_unique;
	struct kreg_owner owner;
	uint64_t serial;
	bool is_standby;
	bool is_over;  /* it has lost, and its answer says so until its claim ends */
	bool is_shown; /* its answer is in the registry */
	struct facts facts;
};

/* What etcd has. */
struct holding {
	bool is_there;
	char host[KREG_HOST_MAX + 1];
	uint64_t claim;
	uint64_t created, changed, lease;
	struct facts facts;
};

struct unique {
	struct cds_list_head all, due;
	struct item *item;
	struct bridge *b;
	struct cds_list_head wishes; /* in the order in which they came */
	struct wish *winner;         /* its answer is shown, and it has the name; NULL: none */
	uint64_t token;              /* of the winner */
	/* @at: the revision at which it was so. */
	bool is_known, is_due;
	uint64_t at, seen;
	struct holding there;
	/* The question that is underway, and what is put by it. */
	struct etcd_call *call;
	struct holding asked;
};

void unique_free(struct unique *u);
/* NULL: no memory. */
struct unique *unique_get(struct bridge *b, const struct name *name);
void unique_tidy(struct unique *u);
/* It is to be looked at. */
void unique_due(struct unique *u);

enum question { QUESTION_CLAIM, QUESTION_PUT, QUESTION_DELETE };
/*
 * CLAIM: put if nobody has it; PUT, DELETE: if it is as it was last seen. What etcd has
 * afterwards is known then, and the name is due. @wish NULL: of DELETE.
 */
void unique_ask(struct unique *u, enum question question, const struct wish *wish);

/* ---- claims.c */
/* Decides by what is known. */
void claims_decide(struct unique *u);
/* The winner may have given its name another value, or given it up without its claim. */
void claims_look(struct unique *u);
/* What etcd has is another registration than the one that is answered for. */
void claims_changed(struct unique *u);

#endif
