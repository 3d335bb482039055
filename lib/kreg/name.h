/* SPDX-License-Identifier: MIT */
/*
 * kreg: names. Register, look up, update, reserve and publish; counters.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_NAME_H
#define KREG_NAME_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Registers @key with @value for the calling process.
 *
 * @holder: may be NULL; at -EEXIST it is filled with who holds the key, which may be the
 *          caller itself.
 * Context: lock-free between processes; waits for no other process.
 * Death: killed inside, the entry is not there.
 * Return: 0; -EEXIST taken (unique keys); -EINVAL empty key; -ENAMETOOLONG; -EMSGSIZE the value
 *         is too large; -EROFS; -ENOSPC the registry or its file system is full; -EDQUOT the
 *         process has what one owner may take of it: unregister something; -ENOBUFS no
 *         slot is free for this thread; -EOWNERDEAD the handle is a parent's, or the guard has
 *         ended this life; -ESHUTDOWN the registry was destroyed or taken over: open it again;
 *         -EUCLEAN another process has damaged the memory; -ENOMEM.
 * Since: 1.0
 */
int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_owner *holder);

/*
 * The same, and more by @flags:
 *
 * KREG_REGISTER_RESERVED     the key is taken, but nobody finds it before kreg_publish(); who is in line
 *                            behind it waits
 * KREG_REGISTER_REPLACEABLE  another process may take the name over
 * KREG_REGISTER_REPLACE      take the name over from a living owner that allows it; that owner is
 *                            next in line then; if the caller was in line, it gives that place up
 * KREG_REGISTER_QUEUE        wait in line where the name is held: when those ahead unregister or die,
 *                            the next in line is the owner in the same instant
 *
 * The last three are for unique keys. With both REPLACE and QUEUE, what cannot be taken over is
 * waited for.
 *
 * @holder: may be NULL; at -EEXIST and KREG_WAITING who holds the key, with the value, both of one
 *          moment. So this is also register-or-locate in one step. At -EEXIST because the caller is
 *          in line already, its own place there.
 * Return: as kreg_register(); KREG_WAITING (1) somebody was ahead in line; -EINVAL also for flags
 *         that do not exist or do not go with duplicate keys.
 * Since: 1.0
 */
enum kreg_register_flags {
	KREG_REGISTER_RESERVED = 1 << 0,
	KREG_REGISTER_REPLACEABLE = 1 << 1,
	KREG_REGISTER_REPLACE = 1 << 2,
	KREG_REGISTER_QUEUE = 1 << 3,
};

#define KREG_WAITING 1

int kreg_register_with(struct kreg *k, const void *key, size_t key_size, const void *value,
		       size_t value_size, uint32_t flags, struct kreg_found *holder);

/*
 * Makes a name that the caller has reserved found, with @value.
 * Return: 0; KREG_WAITING (1) others are ahead in line, because the caller had reserved a place there, or
 *         because the name was replaceable and was taken over meanwhile; -ENOENT the caller has not reserved it; errors as kreg_register(), but never -EEXIST.
 * Since: 1.0
 */
int kreg_publish(struct kreg *k, const void *key, size_t key_size, const void *value,
		 size_t value_size);

/*
 * Unregisters all of the caller's entries under @key, reserved ones included; or, below, those
 * that @match accepts, reserved ones not. It must not be NULL, nor call kreg.
 * Return: how many there were, 0 included; errors as kreg_register(), but never -EEXIST,
 *         -ENOSPC, -EDQUOT.
 * Since: 1.0
 */
int kreg_unregister(struct kreg *k, const void *key, size_t key_size);
int kreg_unregister_match(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match,
			  void *data);

/*
 * Gives a name of the caller's to another process in one step: at no moment is it free, or found with
 * anyone else. Its value goes with it. Where it waits in line, its place does; if @to is in line
 * itself, it keeps that place. There the name belongs to the process, not to one of its handles.
 *
 * @to: a living owner that has the registry open for writing, as found by a lookup, kreg_whereis() or
 *      kreg_each_owner().
 * Death: killed inside, the name is @to's or free.
 * Return: 0; -ENOENT the caller does not hold the key; -ESRCH @to is dead, or has not opened the registry;
 *         -EMSGSIZE key and value are larger than some 16,000 bytes; errors as kreg_register(); -EINVAL
 *         also where the registry has partitions, because an entry's partition is its owner's.
 * Since: 1.0
 */
int kreg_give(struct kreg *k, const void *key, size_t key_size, const struct kreg_owner *to);

/*
 * Gives the caller's own entry another value. Whoever looks finds the old value or the new one,
 * never a mix, and at no moment none. Unique keys only.
 *
 * kreg_update: whatever the value is. The old one is copied to @old if there is room for it.
 * kreg_update_if: if the value is @expected.
 * kreg_update_with: @change is called with the old value, writes the new one, and returns its size,
 *       or a negative number to leave all as it is. It is called again if another thread was
 *       quicker. Not called if the caller has no such entry. It may call kreg.
 *
 * Death: killed inside, the entry is gone with its owner.
 * Return: kreg_update: the old value's size. The others: 0, or what @change returned; -ECANCELED
 *         the value is not @expected. -ENOENT the caller neither holds the key nor is in line for
 *         it; errors as kreg_register(), but never -EEXIST; -EINVAL also for duplicate keys.
 * Since: 1.0
 */
typedef ssize_t (*kreg_update_fn)(const void *old, size_t old_size, void *value, size_t capacity,
				  void *data);

ssize_t kreg_update(struct kreg *k, const void *key, size_t key_size, const void *value,
		    size_t value_size, void *old, size_t capacity);
int kreg_update_if(struct kreg *k, const void *key, size_t key_size, const void *expected,
		   size_t expected_size, const void *value, size_t value_size);
int kreg_update_with(struct kreg *k, const void *key, size_t key_size, kreg_update_fn change,
		     void *data);

/*
 * Counters are entries whose value is an int64_t. The owner adds to its own in one step; anyone sums
 * up those of a key, which leaves out what the dead have counted. With duplicate keys the entry that
 * the caller registered last is added to.
 *
 * @now: may be NULL; the sum after the addition. Overflow wraps around.
 * Return: 0; kreg_counter_add: -ENOENT the caller holds no such key, -EINVAL its value is not of
 *         8 bytes, errors as kreg_register() has them for the handle. kreg_counter_sum: as
 *         kreg_each_of_key(); values that are not of 8 bytes are left out.
 * Since: 1.0
 */
int kreg_counter_add(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t *now);
int kreg_counter_sum(struct kreg *k, const void *key, size_t key_size, int64_t *sum);

/*
 * Looks @key up and copies its value out. Linearizable: the owner that is found held the key at some
 * moment of the call, and -ENOENT means that nobody did at some moment of it. So a name that is handed on
 * by kreg_give(), in a line, or by a take-over, and is never free, is always found. (With several partitions a
 * key that is in one alone, and goes to another one and back during the call, may be missed.)
 *
 * @value: room for @capacity bytes; may be NULL if @capacity is 0.
 * @owner: may be NULL.
 * Context: no lock, no slot, nothing written; no system call, but for an mprotect(2) at the first look at what
 *          others have added to the registry; async-signal-safe.
 * Death: an owner that is dead is not found.
 * Return: the size of the value, >= 0. If that is larger than @capacity, nothing was copied.
 *         -ENOENT nobody holds the key; -EINVAL; -ENAMETOOLONG; -EAGAIN memory was reused
 *         under this read, or the key went from owner to owner, hundreds of times in a row, which
 *         takes an extraordinary rate of changes; -EUCLEAN; -ENOMEM it may be there, beyond what this process could map:
 *         its address space is limited, and others have taken more of the registry since it was opened. Open it again.
 * Since: 1.0
 */
ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,
		    struct kreg_owner *owner);

/*
 * A read section: between kreg_read_enter() and kreg_read_leave() what kreg_read() returned stays
 * as it is. Sections nest. A section that lasts longer than the registry's patience while memory is
 * wanted is expelled: its pointers stay readable, what they point to may change, and
 * kreg_read_leave() says so.
 *
 * Context: of the calling thread alone. Keep it short, and do not sleep inside.
 * Return: kreg_read_enter: 0; -ENOBUFS no slot is free; -EROFS a read-only handle has none;
 *         -EOWNERDEAD. kreg_read_leave: 0; -ESTALE expelled: what was read since the outermost
 *         enter may be wrong, read it again; -EINVAL not inside a section. kreg_read: as
 *         kreg_lookup(), and -EINVAL outside a section.
 * Since: 1.0
 */
int kreg_read_enter(struct kreg *k);
ssize_t kreg_read(struct kreg *k, const void *key, size_t key_size, const void **value,
		  struct kreg_owner *owner);
int kreg_read_leave(struct kreg *k);

#ifdef __cplusplus
}
#endif
#endif
