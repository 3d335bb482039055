/* SPDX-License-Identifier: MIT */
/*
 * The state of the bridge, as an entry of its own in the registry: it is there as long as the bridge
 * is, and who may read the registry may read it. No other host gets it, because its namespace begins
 * with a dot.
 *
 *   .cluster/CLUSTER   an object of JSON, STATE_FORMAT; kreg-etcd(8) has its fields
 *
 * Context   one thread.
 */
#ifndef BRIDGE_STATE_H
#define BRIDGE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define STATE_FORMAT 1

/* So many members and hidden names are in it, and so much of the patterns. */
#define STATE_MEMBERS 64
#define STATE_HIDDEN 8
#define STATE_PATTERNS_BYTES 1024

struct bridge;

/* What is compared, to know whether anything has changed. */
struct state_figures {
	uint64_t session, lease, lease_until, touch, revision;
	uint64_t exported, shown, candidates, hidden, waiting, members;
	uint64_t writes, events, restores, said;
	uint64_t is_stale, is_gone;
	uint64_t endpoint;
};

/* Times of CLOCK_BOOTTIME, in nanoseconds, which a reader compares with its own clock. */
struct state {
	uint64_t began, touch, lease_until;
	uint64_t session_since; /* since when the session is ready, or is not */
	/* What these were taken from, to see that it has changed. */
	struct state_figures now, published;
	uint64_t began_touch;  /* of the bridge, before etcd has answered */
	uint64_t published_at; /* of clock_now(); 0: never */
	bool is_registered;
	bool is_refused; /* it was said already */
};

/* Publishes what has changed, if it is time; returns the milliseconds until it will be. */
int state_step(struct bridge *b);

/* ---- state_text.c */
/* The value at CLOCK_BOOTTIME @boot and clock_now() @now; NULL: no memory. */
json_t *state_json(struct bridge *b, uint64_t boot, uint64_t now);
/* The same as text of at most KREG_VALUE_MAX bytes, which the caller frees. */
char *state_text(struct bridge *b, uint64_t boot, uint64_t now);

#endif
