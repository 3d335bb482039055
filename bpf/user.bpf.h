/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How many seats each user holds, so that nobody but root gets more than the share.
 *
 * Promises  the count of a user is that of the seats whose facts have its uid, and of those being taken; it
 *           is lowered by whoever ends the life, once, because one program wins the end of a life.
 * Needs     user_leave() after each user_join() that returned 0, when the seat is free again.
 * Used by   bpf/guard.bpf.c.
 *
 *   word of a user        becomes, by
 *   no element            {uid, 1}, user_join()
 *   {uid, n}              {uid, n + 1}, user_join(), by compare-and-swap; {uid, n - 1}, user_leave()
 *   {uid, 0}              {uid, leaving}, user_leave(), by compare-and-swap; or {uid, 1}, user_join()
 *   {uid, leaving}        no element; {uid, 0} where the kernel refuses to delete it
 *
 * The memory of a deleted element may be that of another user's at once. The uid is in the word, so a
 * compare-and-swap that comes late fails. While a seat of the user is held its element stays, so it is
 * lowered without one. A program runs to its end, though it may be preempted; so no {uid, leaving} stays, and who meets
 * one says "again".
 */
#ifndef KREG_USER_BPF_H
#define KREG_USER_BPF_H

#include "bpf/seat.bpf.h"

#define USER_LEAVING 0xffffffffu
#define USER_TRIES 8

/* One seat more is @uid's. 0, or a positive error. */
static int user_join(struct life_control *c, __u32 uid)
{
	__u64 fresh = (__u64)uid << 32 | 1, seen;
	__u32 share = c->share;
	__u64 *word;
	int i, err;

	if (!uid)
		return 0;
	word = bpf_map_lookup_elem(&users, &uid);
	if (!word) {
		err = (int)bpf_map_update_elem(&users, &uid, &fresh, BPF_NOEXIST);
		return !err ? 0 : err == -E2BIG ? EUSERS : EAGAIN;
	}
	for (i = 0; i < USER_TRIES; i++) {
		seen = *(volatile __u64 *)word;
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
 * Whether @uid holds its share. A full barrier: a claim that was made before the count was raised to this is seen
 * afterwards. Nothing is added, so that a word that is another user's by now stays as it is.
 */
static bool holds_share(struct life_control *c, __u32 uid)
{
	__u64 *word = uid ? bpf_map_lookup_elem(&users, &uid) : 0, seen;

	if (!word)
		return false;
	seen = __sync_fetch_and_add(word, 0);
	return (__u32)(seen >> 32) == uid && (__u32)seen != USER_LEAVING && (__u32)seen >= c->share;
}

/* A seat of @uid's is free again. */
static void user_leave(__u32 uid)
{
	__u64 none = (__u64)uid << 32, leaving = none | USER_LEAVING;
	__u64 *word = uid ? bpf_map_lookup_elem(&users, &uid) : 0;

	if (!word || (__u32)__sync_fetch_and_add(word, -1ull) != 1)
		return;
	if (!__sync_bool_compare_and_swap(word, none, leaving))
		return;
	if (bpf_map_delete_elem(&users, &uid))
		__sync_bool_compare_and_swap(word, leaving, none);
}

/*
 * Ends the life @life of @seat, whose word is @word, and gives the seat back. *uid: whose it was. True: it was this
 * call. The facts are read first: after the end the seat may be another's. They are this life's if the word
 * still is the same afterwards.
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
