/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The number of seats that each user holds, so that no user but root gets more than the
 * share.
 *
 * Without it one user could take all seats, and nobody else could take part.
 *
 * Promises  the count of a user is the number of seats whose facts have its uid, and of
 *           those that are being taken. It is lowered once for each life, because one
 *           program wins the end of a life, and that one lowers it.
 * Needs     user_leave() after each user_join() that returned 0, when the seat is free
 *           again.
 * Used by   bpf/guard.bpf.c.
 *
 *   word of a user   becomes, by
 *   no element       {uid, 1}, user_join()
 *   {uid, n}         {uid, n + 1}, user_join(), by compare-and-swap; {uid, n - 1}, user_leave()
 *   {uid, 0}         {uid, leaving}, user_leave(), by compare-and-swap; or {uid, 1}, user_join()
 *   {uid, leaving}   no element; {uid, 0} where the kernel refuses to delete it
 *
 * The memory of a deleted element may be reused for another user at once. The uid is in
 * the word, so a late compare-and-swap fails. While the user holds a seat its element
 * stays, so the count is lowered without one. A program runs to its end, even if it is
 * preempted; so no {uid, leaving} stays, and a process that meets one retries.
 */
#ifndef KREG_USER_BPF_H
#define KREG_USER_BPF_H

#include "bpf/seat.bpf.h"

/* As a count: the element is being deleted, and nobody may raise it. */
#define USER_LEAVING 0xffffffffu
/*
 * The verifier needs a bound; each failure means that another process of the user
 * succeeded.
 */
#define USER_TRIES 8

/* Counts one more seat for @uid, before it is taken. 0, or a positive error. */
static int user_join(struct life_control *c, __u32 uid)
{
	__u64 fresh = (__u64)uid << 32 | 1, seen;
	__u32 share = c->share;
	__u64 *word;
	int i, err;

	if (!uid)
		return 0;
	word = bpf_map_lookup_elem(&users, &uid);
	/*
	 * Of several that insert at once one succeeds; the others retry and find the
	 * element.
	 */
	if (!word) {
		err = (int)bpf_map_update_elem(&users, &uid, &fresh, BPF_NOEXIST);
		return !err ? 0 : err == -E2BIG ? EUSERS : EAGAIN;
	}
	for (i = 0; i < USER_TRIES; i++) {
		seen = *(volatile __u64 *)word;
		/* Another user's element by now, or one that is about to be deleted. */
		if ((__u32)(seen >> 32) != uid || (__u32)seen == USER_LEAVING)
			return EAGAIN;
		if ((__u32)seen >= share)
			return EDQUOT;
		if (__sync_bool_compare_and_swap(word, seen, seen + 1))
			return 0;
	}
	return EAGAIN;
}

/*
 * Whether @uid holds its share. A full barrier: if the count was raised to this by a
 * thread that had made a claim, a later lookup sees that claim. It adds 0, so a word that
 * is another user's by now is not changed.
 */
static bool holds_share(struct life_control *c, __u32 uid)
{
	__u64 *word = uid ? bpf_map_lookup_elem(&users, &uid) : 0, seen;

	if (!word)
		return false;
	seen = __sync_fetch_and_add(word, 0);
	return (__u32)(seen >> 32) == uid && (__u32)seen != USER_LEAVING && (__u32)seen >= c->share;
}

/*
 * Counts one seat less for @uid, which is free again. The element of a user without seats
 * is deleted: the map has room for twice as many users as there are seats, but more may
 * come and go.
 */
static void user_leave(__u32 uid)
{
	__u64 none = (__u64)uid << 32, leaving = none | USER_LEAVING;
	__u64 *word = uid ? bpf_map_lookup_elem(&users, &uid) : 0;

	if (!word || (__u32)__sync_fetch_and_add(word, -1ull) != 1)
		return;
	/*
	 * Fails if another process of the user has come meanwhile, which needs the
	 * element.
	 */
	if (!__sync_bool_compare_and_swap(word, none, leaving))
		return;
	if (bpf_map_delete_elem(&users, &uid))
		__sync_bool_compare_and_swap(word, leaving, none);
}

/*
 * Ends the life @life of @seat, whose word is @word, and returns the seat. *uid is the
 * user that held it. True if this call has ended the life. The facts are read first,
 * because after the end the seat may have another holder; they are those of this life if
 * the compare-and-swap succeeds. The count is lowered last: a user may be refused for a
 * moment, but never gets more than its share.
 */
static bool end_seat(struct life_control *c, __u32 seat, __u64 *word, __u64 life, __u32 *uid)
{
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);

	if (!fact)
		return false;
	*uid = *(volatile __u32 *)&fact->uid;
	if (!end_life(word, life))
		return false;
	give_back(c, seat);
	user_leave(*uid);
	return true;
}

#endif
