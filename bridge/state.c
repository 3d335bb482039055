/* SPDX-License-Identifier: MIT */
/*
 * When the state is published: at once if the session has another state, else when something has
 * changed, once a second at most. What passes by itself, as the time that a lease has left, is
 * written as the time at which it ends, so nothing is written where nothing happens.
 *
 * The times of the session are of clock_now(), which stands still while the host sleeps; those of a
 * reader are not to. So each is taken as CLOCK_BOOTTIME in the turn in which it has changed.
 */
#include "bridge/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/bridge.h"

#define EACH_NS 1000000000ull
/* A session that comes and goes quickly is not to fill the logs of listeners. */
#define SESSION_NS 100000000ull
#define LONG_MS 1000

static uint64_t said(const struct bridge *b)
{
	return b->wrong.count + b->failed.count + b->conflicts.count + b->full.count +
	       b->refused.count;
}

static void look(const struct bridge *b, struct state_figures *out)
{
	*out = (struct state_figures){
		.session = b->session,
		.lease = b->lease,
		.lease_until = b->lease_until,
		.touch = b->touch,
		.revision = b->revision,
		.exported = b->exported,
		.shown = b->shown,
		.candidates = b->candidates,
		.hidden = b->hidden_count,
		.waiting = b->waiting,
		.members = b->members.changes,
		.writes = b->writes,
		.events = b->events,
		.restores = b->restores,
		.said = said(b),
		.is_stale = b->is_stale,
		.is_gone = b->is_gone,
		.endpoint = (uintptr_t)etcd_endpoint(b->etcd),
	};
}

/* @at of clock_now() as CLOCK_BOOTTIME, if the host has not slept since. */
static uint64_t as_boot(uint64_t boot, uint64_t now, uint64_t at)
{
	return at > now ? boot + (at - now) : boot - (now - at);
}

static void take_times(struct bridge *b, uint64_t boot, uint64_t now)
{
	struct state *s = &b->state;
	struct state_figures before = s->now;

	look(b, &s->now);
	if (!s->began) {
		s->began = s->session_since = boot;
		s->began_touch = s->now.touch;
		return;
	}
	if ((s->now.session == SESSION_READY) != (before.session == SESSION_READY))
		s->session_since = boot;
	if (s->now.touch != s->began_touch && s->now.touch != before.touch)
		s->touch = as_boot(boot, now, s->now.touch);
	if (s->now.lease_until != before.lease_until)
		s->lease_until = as_boot(boot, now, s->now.lease_until);
}

static uint64_t due_at(const struct state *s)
{
	if (!s->published_at)
		return 0;
	return s->published_at + (s->now.session != s->published.session ? SESSION_NS : EACH_NS);
}

static int put(struct bridge *b, const char *text)
{
	char key[KREG_KEY_MAX + 1];
	size_t size = (size_t)snprintf(key, sizeof(key), ".cluster/%s", b->options->cluster);
	ssize_t got;

	if (!b->state.is_registered)
		return kreg_register(b->k, key, size, text, strlen(text), NULL);
	got = kreg_update(b->k, key, size, text, strlen(text), NULL, 0);
	return got < 0 && got != -ERANGE ? (int)got : 0;
}

static void publish(struct bridge *b, uint64_t boot, uint64_t now)
{
	struct state *s = &b->state;
	char *text = state_text(b, boot, now);
	int err = text ? put(b, text) : -ENOMEM;

	free(text);
	s->published_at = now;
	if (err) {
		if (!s->is_refused)
			say("the state of this bridge, .cluster/%s, is not registered: %s",
			    b->options->cluster, kreg_strerror(err));
		s->is_refused = true;
		s->is_registered = s->is_registered && err != -ENOENT && err != -EPERM;
		return;
	}
	s->is_registered = true;
	s->is_refused = false;
	s->published = s->now;
}

int state_step(struct bridge *b)
{
	uint64_t now = clock_now(), boot = clock_boot(), due;
	struct state *s = &b->state;

	take_times(b, boot, now);
	if (s->is_registered && !memcmp(&s->now, &s->published, sizeof(s->now)))
		return LONG_MS;
	due = due_at(s);
	if (now < due)
		return (int)((due - now) / 1000000 + 1);
	publish(b, boot, now);
	return LONG_MS;
}
