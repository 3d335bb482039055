/* SPDX-License-Identifier: MIT */
/*
 * Listening: turns the logs of all seats into events in one order.
 *
 * One step, in this order:
 *
 *   1 which known owners are dead           their logs are final from here on
 *   2 which have called exec, and which     all that these have changed is in the table, with or
 *     calls are over                        without a record
 *   3 the highest stamp taken so far        every record with a smaller one that matters is
 *                                           published
 *   4 read all logs                         records with a later stamp wait for the next step
 *   5 sort by stamp, and apply to the mirror
 *   6 compare with the table                seats whose records were missed, those of 2, those of
 *                                           calls that are over (underway.c), and those halted in
 *                                           the middle of a call; all seats, if one may have changed
 *                                           others' entries. And entries that a record of the step
 *                                           before has told of, if the table lacked them already
 *   7 report the remaining entries of the dead of 1 as purged; report core dumps
 *
 * Steps 1 to 4 must not change places: a log that was read before its owner was found
 * dead may lack the last records, and those changes would be reported as purges.
 *
 * The fd is the sleeper's. It becomes readable when the registry's bell for news is rung,
 * when there is news without a ring, and at once when an owner of entries has died. The
 * sleeper only sleeps after everything was fetched, so a listener that does not fetch
 * costs the writers nothing. A death that it is not notified of is found as news.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/events/halted.h"
#include "lib/events/inbox.h"
#include "lib/events/mirror.h"
#include "lib/find/pattern.h"
#include "lib/events/programs.h"
#include "lib/events/sleeper.h"
#include "lib/events/underway.h"
#include "lib/namespace/telemetry.h"
#include "lib/handle/unguarded.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/succession.h"

struct kreg_listener {
	struct kreg *k;
	struct mirror mirror;
	struct inbox inbox;
	bool behind;                  /* the mirror needs a resync of everything */
	struct mirror_event *fetched; /* the user may still read its bytes */
	struct sleeper sleeper;       /* its fd becomes readable when there may be news */
	bool signalled;               /* the fd is readable */
	bool wants_dumps;
	struct programs programs;
	struct halted halted;
	struct underway underway;
};

static void signal_news(struct kreg_listener *l)
{
	if (!l->signalled)
		sleeper_signal(&l->sleeper);
	l->signalled = true;
}

/*
 * Watches each new owner for its death. If it is dead already, the fd becomes readable at
 * once.
 */
static void watch_owners(struct kreg_listener *l)
{
	struct mirror_owner *at;

	cds_list_for_each_entry (at, &l->mirror.owners, node) {
		if (at->token == l->k->self.owner)
			continue;
		if (!at->death)
			at->death = sleeper_watch(&l->sleeper, at->token);
		if (!at->dump && l->wants_dumps)
			at->dump = sleeper_watch_dump(&l->sleeper, at->token);
	}
}

/* Applies records with a stamp below @end to the mirror, in order. */
static int hear_records(struct kreg_listener *l, uint64_t end)
{
	struct log_record *record;
	int err = 0;

	inbox_sort(&l->inbox);
	while (!err && (record = inbox_take(&l->inbox, end))) {
		err = mirror_apply(&l->mirror, record);
		free(record);
	}
	return err;
}

/* Reports that records of @seat were missed, and compares its entries with the table. */
static int catch_up(struct kreg_listener *l, uint32_t seat, uint64_t lost, bool all)
{
	owner_t owner =
		owner_of(load_relaxed(&l->k->lives.words[seat]), seat); /* relaxed: a hint */
	struct kreg_owner who = { .token = owner };
	uint64_t life;
	int err;

	if (life_look(&l->k->lives, owner, &life))
		handle_owner(l->k, owner, life, &who);
	err = mirror_lost(&l->mirror, who.pid, lost);
	if (!err && !all && kreg_owner_is_alive(l->k, &who))
		err = mirror_resync(&l->mirror, owner);
	return err;
}

static int read_logs(struct kreg_listener *l)
{
	const struct segment *s = &l->k->segment;
	uint32_t seat, end = row_end(s), missed = 0;
	uint64_t stamps = log_stamps(s);
	uint64_t *lost = NULL;
	bool all = false;
	int err = 0;

	for (seat = 0; seat < end && !err; seat++) {
		uint64_t some = 0;

		err = inbox_read(&l->inbox, seat, &some);
		if (!some)
			continue;
		if (!lost)
			lost = calloc(s->seats, sizeof(*lost));
		if (!lost)
			return -ENOMEM;
		lost[seat] = some;
		missed++;
	}
	if (!err)
		err = hear_records(l, stamps);
	if (missed)
		all = gift_was_any(s);
	/*
	 * What an owner has changed of others' entries is in its own log, and by gifts only: by what
	 * it gave, or registered for others, and by the holders that it has dropped. So where there
	 * has been any gift, the entries of one owner are not enough, and they may be of an owner
	 * that is dead.
	 *
	 * What other logs have of earlier changes is dropped: the end of such an entry may be among
	 * what was missed, and applied after this look at the table it would be there for good.
	 */
	if (all && !err)
		inbox_begin(&l->inbox);
	/* A change without memory for its record is missed before it happens. */
	if (missed)
		underway_follow(&l->underway, all ? NULL : lost, false);
	for (seat = 0; missed && seat < end && !err; seat++) {
		if (lost[seat])
			err = catch_up(l, seat, lost[seat], all);
	}
	if (all && !err)
		err = mirror_resync(&l->mirror, 0);
	free(lost);
	return err;
}

static int purge_dead(struct kreg_listener *l)
{
	struct mirror_owner *at, *next;
	int err = 0;

	cds_list_for_each_entry_safe (at, next, &l->mirror.owners, node) {
		struct death *death = at->death;
		struct dump *dump = at->dump;

		if (!at->doomed || err)
			continue;
		err = mirror_purge(&l->mirror, at);
		if (!err && death)
			sleeper_forget(&l->sleeper, death);
		if (!err && dump)
			sleeper_forget_dump(&l->sleeper, dump);
	}
	return err;
}

static int tell_dumps(struct kreg_listener *l)
{
	struct mirror_owner *at;
	int err = 0;

	cds_list_for_each_entry (at, &l->mirror.owners, node) {
		if (!err && at->dump && dump_is_on(at->dump))
			err = mirror_dump(&l->mirror, at);
	}
	return err;
}

/* Starts again from the table, after memory or a table read has failed. */
static int start_over(struct kreg_listener *l)
{
	int err;

	inbox_begin(&l->inbox);
	underway_follow(&l->underway, NULL, false);
	err = mirror_lost(&l->mirror, 0, 0);
	if (!err)
		err = mirror_resync(&l->mirror, 0);
	l->behind = err != 0;
	return err;
}

/* One step, as described at the top. */
static int hear(struct kreg_listener *l)
{
	struct mirror_owner *at;
	int err;

	cds_list_for_each_entry (at, &l->mirror.owners, node)
		at->doomed = !life_is_alive(&l->k->lives, at->token);
	/*
	 * ORD[hear:A] acquire: that an owner is dead, then its log, which is final; pairs
	 * with life_look:A, which has read the word
	 */
	fence_acquire();
	programs_look(&l->programs);
	underway_look(&l->underway);
	l->inbox.is_early = false;
	err = l->behind ? start_over(l) : read_logs(l);
	if (!err)
		err = programs_catch_up(&l->programs, &l->mirror);
	if (!err)
		err = underway_catch_up(&l->underway, &l->mirror);
	if (!err)
		err = halted_catch_up(&l->halted, &l->mirror);
	if (!err)
		err = mirror_end_absent(&l->mirror);
	if (!err)
		err = purge_dead(l);
	if (!err)
		err = mirror_unblock(&l->mirror);
	if (!err)
		err = tell_dumps(l);
	if (err)
		l->behind = true;
	watch_owners(l);
	return err;
}

/*
 * Records that were not processed are still in the logs, so a caller that returns to
 * poll(2) has to be woken.
 */
static int keep_news(struct kreg_listener *l, int err)
{
	signal_news(l);
	return err;
}

static bool fetch(struct kreg_listener *l, struct kreg_event *out)
{
	struct mirror_event *event;

	free(l->fetched);
	l->fetched = NULL;
	if (cds_list_empty(&l->mirror.events))
		return false;
	event = cds_list_first_entry(&l->mirror.events, struct mirror_event, node);
	cds_list_del(&event->node);
	l->fetched = event;
	*out = event->event;
	signal_news(l);
	return true;
}

static int listener_next(struct kreg_listener *l, struct kreg_event *event)
{
	const struct segment *s = &l->k->segment;
	struct sleep until;
	int err;

	if (fetch(l, event))
		return 1;
	err = hear(l);
	if (err)
		return keep_news(l, err);
	if (fetch(l, event))
		return 1;
	/* No event is left: take the print, then look once more before sleeping. */
	sleeper_clear(&l->sleeper);
	l->signalled = false;
	until.print = log_print(s, &l->k->lives);
	err = hear(l);
	if (err)
		return keep_news(l, err);
	if (fetch(l, event))
		return 1;
	/*
	 * Nothing more will come. This order matters: if lives were ended by force, the
	 * registry may have been replaced since, and -EOWNERDEAD is the cause.
	 */
	if (!life_is_alive(&l->k->lives, l->k->self.owner))
		return keep_news(l, unguarded_why(l->k));
	if (!succession_is_current(s))
		return keep_news(l, -ESHUTDOWN);
	until.ask_again =
		l->inbox.is_early || underway_is_any(&l->underway) || mirror_has_absent(&l->mirror);
	sleeper_arm(&l->sleeper, &until);
	return 0;
}

#define L_IS_NULL "listener is NULL: it is what kreg_listen() has made"

int kreg_listener_next(struct kreg_listener *l, struct kreg_event *event)
{
	UNCANCELLABLE;
	int got;

	if (!l || !event)
		return refuse(l ? l->k : NULL, l ? "event is NULL" : L_IS_NULL);
	if (handle_is_parents(l->k))
		return -EOWNERDEAD;
	got = listener_next(l, event);
	if (got == 1 && event->type == KREG_EVENT_PURGE &&
	    telemetry_is_wanted(l->k, &kreg_purge_semaphore))
		telemetry_purge(l->k, &event->entry);
	return got;
}

int kreg_listener_fd(const struct kreg_listener *l)
{
	return l ? l->sleeper.pair.fd : refuse(NULL, L_IS_NULL);
}

static void listener_free(struct kreg_listener *l)
{
	mirror_free(&l->mirror);
	inbox_free(&l->inbox);
	programs_free(&l->programs);
	halted_free(&l->halted);
	underway_free(&l->underway);
	free(l->fetched);
	free(l);
}

void kreg_listener_close(struct kreg_listener *l)
{
	UNCANCELLABLE;
	if (!l)
		return;
	if (!handle_is_parents(l->k)) {
		sleeper_stop(&l->sleeper);
		log_unlisten(&l->k->segment, &l->k->self);
	} else {
		sleeper_abandon(&l->sleeper);
	}
	listener_free(l);
}

static int listener_new(struct kreg *k, const struct kreg_pattern *pattern, uint32_t flags,
			struct kreg_listener **out)
{
	struct kreg_listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->k = k;
	l->wants_dumps = flags & KREG_LISTEN_DUMPS;
	mirror_init(&l->mirror, k, pattern);
	*out = l;
	err = programs_init(&l->programs, k);
	if (!err)
		err = halted_init(&l->halted, k);
	if (!err)
		err = underway_init(&l->underway, k);
	return err ? err : inbox_init(&l->inbox, k);
}

static int listener_begin(struct kreg_listener *l, bool tell)
{
	struct kreg *k = l->k;
	int err, tries = 0;

	log_listen(&k->segment, &k->self);
	underway_begin(&l->underway);
	inbox_begin(&l->inbox);
	underway_follow(&l->underway, NULL, true);
	programs_look(&l->programs);
	do {
		err = mirror_resync(&l->mirror, 0);
	} while (err == -EAGAIN && ++tries < PEEK_TRIES);
	if (!err)
		err = mirror_begin(&l->mirror, tell);
	if (!err)
		err = sleeper_start(&l->sleeper, k);
	if (err) {
		log_unlisten(&k->segment, &k->self);
		return err;
	}
	watch_owners(l);
	signal_news(l);
	return 0;
}

int kreg_listen(struct kreg_listener **out, struct kreg *k, const struct kreg_pattern *pattern,
		uint32_t flags)
{
	UNCANCELLABLE;
	struct kreg_listener *l = NULL;
	struct kreg_pattern own;
	int err = out ? pattern_check(k, pattern, &own)
		      : refuse(k, "out is NULL: it gets the listener");

	if (!err && flags & ~(KREG_LISTEN_KNOWN | KREG_LISTEN_DUMPS))
		err = refuse(k, "flags has unknown bits: use KREG_LISTEN_*");
	if (!err && (own.value || own.match))
		err = refuse(k, own.value ? "pattern->value" : "pattern->match",
			     " is set, but events are selected by key and owner only: look at what "
			     "kreg_listener_next() returns");
	if (!err)
		err = handle_check(k);
	if (err)
		return err;
	err = listener_new(k, &own, flags, &l);
	if (!err)
		err = listener_begin(l, flags & KREG_LISTEN_KNOWN);
	if (!err)
		*out = l;
	else if (l)
		listener_free(l);
	return err;
}
