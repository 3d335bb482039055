/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the session have in common. cluster.c has the states.
 *
 * Used by   cluster.c, glance.c, member.c, snapshot.c, writes.c.
 */
#ifndef BRIDGE_SESSION_H
#define BRIDGE_SESSION_H

#include "bridge/bridge.h"

#define SECOND 1000000000ull

/* As etcd's JSON has them. NULL: no memory. */
json_t *base64_json(const void *bytes, size_t size);
json_t *base64_string(const char *text);
json_t *number_json(uint64_t number);
/* Of the header; 0: there is none. */
uint64_t revision_of(const json_t *answer);

/* ---- cluster.c */
/* Back to NONE, with a pause. */
void session_pause(struct bridge *b);
/* The same, at the next member; -EAGAIN: at the same one. */
void session_fail(struct bridge *b, int err, const char *what);
void session_lease_lost(struct bridge *b);
/* etcd has answered. */
void session_touched(struct bridge *b);
/* It has answered a txn that puts with the lease, or not: @err. False: that is dealt with, and over. */
bool session_answered(struct bridge *b, int err);

/* ---- member.c */
uint64_t member_lease_time(const struct bridge *b);
/* Begins with LEASE; with MEMBER. */
void member_take_lease(struct bridge *b);
void member_look(struct bridge *b);
/* If it is time. */
void member_keep(struct bridge *b, uint64_t now);
json_t *member_key(const struct bridge *b);

/* ---- snapshot.c */
/* READ, from the beginning; READY, from the revision that is known. */
void snapshot_begin(struct bridge *b);
void snapshot_follow(struct bridge *b);

/* ---- glance.c */
/* GLANCE, which leads to READ or READY. */
void glance_begin(struct bridge *b);
/* What an answer says of etcd itself. */
void glance_header(struct bridge *b, const json_t *answer);
/* A change that was seen. */
void glance_note(struct bridge *b, const json_t *kv, bool is_there);
void glance_forget(struct bridge *b);

/* ---- writes.c */
/* Writes what is dirty, if anything is. */
void writes_begin(struct bridge *b);
/* What a write says that did not happen, or perhaps did, is dirty again. */
void writes_again(struct bridge *b);

#endif
