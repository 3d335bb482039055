/* SPDX-License-Identifier: MIT */
/*
 * Records of changes, written to the process's log.
 *
 * A process has one log for all its handles and threads, so a lock of the member
 * serializes its records. The lock is private to the process: a process that dies with
 * it held blocks no other.
 *
 * The record of an unregistration is written before it happens (log.c explains why), and
 * the lock is held until it has happened.
 */
#include "lib/names/tell.h"

#include "shm/log_ring.h"

/* After this many records, check whether any listener is still alive. */
#define CHECK_EVERY 4096u

/* Until telling_end() no other thread of the process can write a record. */
static void telling_begin(struct kreg *k, const struct log_event *event)
{
	struct member *m = k->member;

	lock_take(&m->telling);
	log_write(&m->segment, event, log_stamp(&m->segment), &m->log_use);
}

/* The same, for those that write most records. */
static inline __attribute__((always_inline)) void
telling_begin_inline(struct kreg *k, const struct log_event *event)
{
	struct member *m = k->member;

	lock_take(&m->telling);
	log_write_inline(&m->segment, event, log_stamp(&m->segment), &m->log_use);
}

static __attribute__((noinline)) void check_listeners(struct kreg *k)
{
	log_check_listeners(&k->segment, &k->lives);
}

static inline void telling_end(struct kreg *k)
{
	bool check = !(++k->member->records % CHECK_EVERY);

	lock_give(&k->member->telling);
	log_tell_after_cas(&k->segment);
	if (caa_unlikely(check))
		check_listeners(k);
}

/* The event of @own, without key and value if they are damaged. */
static inline __attribute__((always_inline)) struct log_event
event_of(struct kreg *k, enum log_type type, const struct found *own)
{
	struct log_event event = {
		.type = type, .owner = k->self.owner, .pid = k->self.pid, .image = k->self.image
	};
	uint32_t size;

	if (!own)
		return event;
	event.place = own->place;
	event.key = own->entry->bytes;
	event.key_size = entry_key_size(own->info);
	/* One that fits into the first line needs no check, as in entry_has_key(). */
	if (caa_unlikely(event.key_size > sizeof(own->entry->bytes)) &&
	    !entry_has_room(&k->segment, own->entry, ENTRY_HEAD + event.key_size))
		event.key_size = 0;
	if (type == LOG_UNREGISTER || type == LOG_TAKE)
		return event;
	event.value = entry_value(&k->segment, own->entry, own->info, &size);
	event.value_size = event.value ? size : 0;
	return event;
}

void tell_register_now(struct kreg *k, const struct found *own, uint32_t flags)
{
	struct log_event event = event_of(k, LOG_REGISTER, own);

	event.flags = flags;
	telling_begin_inline(k, &event);
	telling_end(k);
}

void tell_update(struct kreg *k, const struct found *own, place_t before, uint32_t flags)
{
	struct log_event event;

	if (!log_is_wanted(&k->segment))
		return;
	event = event_of(k, LOG_UPDATE, own);
	event.before = before;
	event.flags = flags;
	telling_begin(k, &event);
	telling_end(k);
}

void tell_unregister_now(struct kreg *k, const struct found *own)
{
	struct log_event event = event_of(k, LOG_UNREGISTER, own);

	telling_begin_inline(k, &event);
}

void tell_unregister_done(struct kreg *k)
{
	log_settle(&k->segment, k->self.owner);
	telling_end(k);
}

bool tell_give(struct kreg *k, const struct found *gift, place_t before, owner_t to)
{
	struct log_event event;

	if (!log_is_wanted(&k->segment))
		return false;
	event = event_of(k, LOG_GIVE, gift);
	event.before = before;
	event.other = to;
	telling_begin(k, &event);
	return true;
}

void tell_given(struct kreg *k, const struct found *gift, place_t before, owner_t to)
{
	/*
	 * ORD[tell_given:A] full: the gift, then the check for listeners; pairs with
	 * log_listen:A
	 */
	full_fence();
	if (tell_give(k, gift, before, to))
		tell_unregister_done(k);
}

void tell_refused(struct kreg *k, const struct found *gift, owner_t to)
{
	struct log_event event;

	if (!log_is_wanted(&k->segment))
		return;
	event = event_of(k, LOG_GIVE, gift);
	event.flags = LOG_REFUSED;
	event.other = to;
	telling_begin(k, &event);
	tell_unregister_done(k);
}

bool tell_take(struct kreg *k, const struct found *holder)
{
	struct log_event event;

	if (!log_is_wanted(&k->segment))
		return false;
	event = event_of(k, LOG_TAKE, holder);
	event.other = holder->owner;
	telling_begin(k, &event);
	return true;
}

void tell_taken(struct kreg *k, const struct found *holder)
{
	/*
	 * ORD[tell_taken:A] full: the end of the entry, which is a CAS, then the check for
	 * listeners; pairs with log_listen:A
	 */
	fence_after_cas();
	if (tell_take(k, holder))
		tell_unregister_done(k);
}

void tell_resync(struct kreg *k)
{
	struct log_event event = event_of(k, LOG_RESYNC, NULL);

	/*
	 * ORD[tell_resync:A] full: all unregistrations, then the check for listeners;
	 * pairs with log_listen:A
	 */
	full_fence();
	if (!log_is_wanted(&k->segment))
		return;
	telling_begin(k, &event);
	telling_end(k);
}
