/* SPDX-License-Identifier: MIT */
/*
 * Notification of listeners about changes.
 *
 * Promises  costs one load if there are no listeners.
 * Needs     the key's lock; tell_unregister_done() after a tell_unregister() that
 *           returned true.
 * Context   inside of a change; any thread.
 * Used by   change.c, close.c.
 */
#ifndef KREG_LIB_TELL_H
#define KREG_LIB_TELL_H

#include "lib/handle/handle.h"
#include "shm/log.h"

#pragma GCC visibility push(hidden)

/* After @own was linked or published, and a full fence. @flags: LOG_WAITING, LOG_FRONT. */
void tell_register_now(struct kreg *k, const struct found *own, uint32_t flags);

static inline void tell_register(struct kreg *k, const struct found *own, uint32_t flags)
{
	if (log_is_wanted(&k->segment))
		tell_register_now(k, own, flags);
}

/* After @own has replaced @before, and a full fence. @flags: LOG_SILENT. */
void tell_update(struct kreg *k, const struct found *own, place_t before, uint32_t flags);

/*
 * Before @own is unregistered. True: a record was written, and the telling lock is held
 * until tell_unregister_done().
 */
void tell_unregister_now(struct kreg *k, const struct found *own);

static inline bool tell_unregister(struct kreg *k, const struct found *own)
{
	if (!log_is_wanted(&k->segment))
		return false;
	tell_unregister_now(k, own);
	return true;
}

void tell_unregister_done(struct kreg *k);

/* After @own was unregistered without a record: a listener may have started meanwhile. */
static inline void tell_unregistered(struct kreg *k, const struct found *own)
{
	/*
	 * ORD[tell_unregistered:A] full: the unregistration, which is a CAS, then the check
	 * for listeners; pairs with log_listen:A
	 */
	fence_after_cas();
	if (tell_unregister(k, own))
		tell_unregister_done(k);
}

/* The same two for a give: @gift, which belongs to @to, is to replace @before; 0: nothing. */
bool tell_give(struct kreg *k, const struct found *gift, place_t before, owner_t to);
void tell_given(struct kreg *k, const struct found *gift, place_t before, owner_t to);

/* After that: @to had closed before @gift was linked, so nobody has it. */
void tell_refused(struct kreg *k, const struct found *gift, owner_t to);

/* The same two for @holder, another owner's, which is dropped by a take-over or unregistered. */
bool tell_take(struct kreg *k, const struct found *holder);
void tell_taken(struct kreg *k, const struct found *holder);

/* After all of the handle's entries were unregistered. */
void tell_resync(struct kreg *k);

#pragma GCC visibility pop

#endif
