/* SPDX-License-Identifier: MIT */
/*
 * kreg: names. Register, look up, update, reserve and publish; counters.
 *
 * Include <kreg.h>, which states what holds for all calls.
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
 * With unique keys a key has at most one living owner, and the entries of dead owners do not
 * count. With duplicate keys a key is never taken.
 *
 * @key: 1 to 255 bytes.
 * @value: 0 to 65536 bytes, copied. With KREG_STRING as the size, a C string without its NUL.
 * @holder: may be NULL; at -EEXIST it gets the owner of the key, which may be the caller,
 *          and its value, read atomically. So this call is also register-or-locate in one
 *          step.
 *
 * Context: any thread; lock-free between processes. Threads of one process take turns at a
 *          key. A thread takes a slot at its first call and keeps it until it ends.
 * Death: killed inside, the process has no entry, because it is dead.
 * Return: 0, or an error, and nothing has changed:
 *   -EEXIST        the key is taken (unique keys)
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EMSGSIZE      the value is longer than 65536 bytes
 *   -EROFS         the handle is read-only
 *   -ENOSPC        the registry or its file system is full
 *   -EDQUOT        the process has used up its share of the registry's memory (owner_bytes);
 *                  unregister something
 *   -ENOBUFS       no slot is free for this thread
 *   -EOWNERDEAD    the handle is from before fork(2)
 *   -EOWNERDEAD    the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 * Since: 1.0
 */
int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_found *holder);

/*
 * Registers as kreg_register() does, with @flags:
 *
 * KREG_REGISTER_RESERVED     The key is taken, but no lookup finds it before kreg_publish(),
 *                            and processes in line behind it wait.
 * KREG_REGISTER_REPLACEABLE  Another process may take the name over.
 * KREG_REGISTER_DROP         With REPLACEABLE: a process that takes the name over unregisters
 *                            this entry in the same step, so that its owner does not wait in
 *                            line. Not with RESERVED.
 * KREG_REGISTER_REPLACE      Take the name over from a living owner that allows it. That
 *                            owner keeps its entry and is next in line, or loses it if it has
 *                            registered with DROP. A caller that was waiting in line gives up
 *                            its place there.
 * KREG_REGISTER_QUEUE        If the name is held, wait in line for it. The call itself does
 *                            not block. When all that are ahead have unregistered or died,
 *                            the next in line is the owner in the same instant.
 *
 * All but RESERVED need unique keys. With both REPLACE and QUEUE the caller waits in line if
 * the name cannot be taken over.
 *
 * @holder: as for kreg_register(), also at KREG_WAITING. If the caller already has a place in
 *          the line, @holder is that place.
 * Return: 0; KREG_WAITING (1) if another entry is ahead in line; an error as
 *         kreg_register(), and:
 *   -EEXIST        the key is taken, and cannot be taken over
 *   -EEXIST        KREG_REGISTER_QUEUE, and the caller holds the key or is in line already
 *   -EINVAL        a flag does not exist, or needs unique keys; DROP without REPLACEABLE, or
 *                  with RESERVED
 *   -EMSGSIZE      KREG_REGISTER_DROP: key and value are larger than some 16,000 bytes
 * Since: 1.0
 */
enum kreg_register_flags {
	KREG_REGISTER_RESERVED = 1 << 0,
	KREG_REGISTER_REPLACEABLE = 1 << 1,
	KREG_REGISTER_REPLACE = 1 << 2,
	KREG_REGISTER_QUEUE = 1 << 3,
	KREG_REGISTER_DROP = 1 << 4,
};

#define KREG_WAITING 1

int kreg_register_with(struct kreg *k, const void *key, size_t key_size, const void *value,
		       size_t value_size, uint32_t flags, struct kreg_found *holder);

/*
 * kreg_set_flags() changes the flags of the caller's own entry, of unique keys, to @flags:
 * KREG_REGISTER_REPLACEABLE, with KREG_REGISTER_DROP or without it, or 0. It is one step: the
 * name is never free, and an entry that waits in line keeps its place. A reserved name's
 * cannot be changed. If it returns 0 no process takes the name over afterwards but by the new
 * flags. Listeners get no event.
 *
 * kreg_get_flags() returns how many living entries are ahead of the caller's own, reserved
 * ones included; 0: the caller holds the name. *flags gets KREG_REGISTER_REPLACEABLE,
 * KREG_REGISTER_DROP, and KREG_REGISTER_RESERVED if it is not published.
 *
 * What was registered, or set, with KREG_REGISTER_DROP belongs to the process, not to one of
 * its handles. It takes 1 KiB, and key and value together are not larger than some 16,000
 * bytes. As long as a registry has such entries, kreg_count() looks at all of its memory. The
 * owner of an entry that was dropped learns it as from any other end of it: a listener gets an
 * unregister event, and the owner's calls for it return -EPERM, kreg_unregister() 0.
 *
 * Context: as kreg_register(). An entry with other flags is made, so it needs memory.
 * Death: killed inside, the process has no entry, because it is dead. A taker that is killed
 *        has the name or not; if it had dropped the holder by then, the next in line holds it.
 * Return: kreg_set_flags(): 0; KREG_WAITING (1) if another entry is ahead in line, because the
 *         caller waits there, or because the name was taken over meanwhile. Or an error as
 *         kreg_register(), but never -EEXIST, and nothing has changed:
 *   -ENOENT        the caller has no such entry; kreg_set_flags(): or it is reserved
 *   -EPERM         unique keys: another process holds the name or has reserved it
 *   -EREMOTE       kreg_set_flags(): the entry is one of kreg_register_remote()
 *   -EINVAL        kreg_set_flags(): DROP without REPLACEABLE, another flag, or duplicate keys
 *   -EMSGSIZE      KREG_REGISTER_DROP: key and value are too large
 * Since: 1.0
 */
int kreg_set_flags(struct kreg *k, const void *key, size_t key_size, uint32_t flags);
int kreg_get_flags(struct kreg *k, const void *key, size_t key_size, uint32_t *flags);

/*
 * Publishes a name that the caller has reserved: lookups find it from now on, with @value.
 * The value with which it was reserved is never visible. Of several reserved entries under
 * one key the one reserved last is published.
 *
 * Context: as kreg_register().
 * Death: killed inside, the process has no entry, because it is dead.
 * Return: 0; KREG_WAITING (1) if another entry is ahead in line, because the caller had
 *         reserved a place there, or because the name was replaceable and was taken over
 *         meanwhile; an error as kreg_register(), but never -EEXIST, and:
 *   -ENOENT        the caller has not reserved the key
 *   -EPERM         unique keys: another process holds the name or has reserved it
 * Since: 1.0
 */
int kreg_publish(struct kreg *k, const void *key, size_t key_size, const void *value,
		 size_t value_size);

/*
 * kreg_unregister() unregisters all of the caller's entries under @key, also those that are
 * reserved or wait in line. kreg_unregister_match() unregisters those for which @match
 * returns non-zero, and leaves reserved ones alone. An entry that another process registers
 * for the caller, or gives to it, meanwhile may go, and is counted then, or stay. So with
 * unique keys, too, there may be more than one.
 *
 * @match: not NULL. It gets the entry where it lies in shared memory, and must not call
 *         kreg: the key is locked against the other threads of the process meanwhile.
 * Context: as kreg_register(). With duplicate keys it takes time in proportion to the caller's
 *          entries under the key, and for each of them to those of others that were registered
 *          later.
 * Death: killed inside, the process has no entry, because it is dead.
 * Return: how many entries there were, 0 included; an error as kreg_register(), but never
 *         -EEXIST, -EDQUOT, and:
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 * Since: 1.0
 */
int kreg_unregister(struct kreg *k, const void *key, size_t key_size);
int kreg_unregister_match(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match,
			  void *data);

/*
 * Unregisters what this process has registered through @k: names, reserved names and places
 * in lines. The handle stays open. What kreg_close() ends beyond that stays: locks.
 * So do the meta data, and names that the process registered through other handles.
 *
 * KREG_UNREGISTER_PROCESS    All that the process has, through whichever handle; also what
 *                            other processes gave to it, what it was started under, and what
 *                            it had under the guard when it called execve(2).
 *
 * One entry after the other is unregistered, each in one step, as by kreg_unregister(): the
 * next in line holds the name in the same instant, waiters are woken, and listeners get an
 * event for each. An entry that another thread registers, updates, publishes or gives
 * meanwhile, or another process registers for this one or gives to it, may go or stay.
 *
 * Context: any thread; not inside a callback of kreg_unregister_match(). It takes time in
 *          proportion to what the process has in the registry, with KREG_UNREGISTER_PROCESS
 *          also to the size of the registry. Threads of one process take turns at a key.
 * Death: killed inside, the process has no entry, because it is dead. Stopped, or if another
 *        thread calls execve(2), some are unregistered and the others are not.
 * Return: how many entries it has unregistered, 0 included; an error as kreg_unregister(), but
 *         never -ENAMETOOLONG, -EMSGSIZE, and then some may be unregistered:
 *   -EINVAL        @k is NULL, or a flag does not exist
 * Since: 1.0
 */
enum kreg_unregister_flags {
	KREG_UNREGISTER_PROCESS = 1 << 0,
};

int64_t kreg_unregister_all(struct kreg *k, uint32_t flags);

/*
 * Gives the caller's own name @key to another process in one step. A lookup finds the name
 * with the old owner or with the new one: it is never free, and never with a third process.
 *
 * The value goes with the name, and so does its being replaceable. If the caller waits in
 * line for the name, its place in the line is given; if @to is in line itself, it keeps that
 * place too. A reserved name cannot be given. The name then belongs to the process, not to
 * one of its handles. With duplicate keys the entry that the caller registered last is given.
 *
 * @to: a living owner that has the registry open for writing, as kreg_lookup(),
 *      kreg_whereis() or kreg_each_owner() returned it. It need not do anything.
 * Context: as kreg_register().
 * Death: if the caller is killed inside, @to has the name, or it is free. If @to dies or
 *        closes its last handle meanwhile, the name is free, or the next in line holds it.
 * Return: 0, or an error as kreg_register(), but never -EEXIST, and the name is the caller's
 *         as before:
 *   -ENOENT        the caller has no such entry, or it is reserved
 *   -EPERM         unique keys: another process holds the name or has reserved it
 *   -ESRCH         @to is dead, or has not opened the registry for writing, or closes it
 *   -EREMOTE       the entry is one of kreg_register_remote()
 *   -EMSGSIZE      key and value together are larger than some 16,000 bytes
 *   -EINVAL        the registry has partitions: an entry is in its owner's partition
 * Since: 1.0
 */
int kreg_give(struct kreg *k, const void *key, size_t key_size, const struct kreg_owner *to);

/*
 * Lets other processes register, update and unregister names for this one, by the next three
 * calls, or forbids it again, as it is at first. kreg_give() never needs it.
 *
 * It holds for the process, with all its handles, until its last one is closed, and for the
 * program: after exec under the guard, the next program decides. Everybody who may write the
 * registry is admitted then, of whatever user: the mode of the registry's file says who that is.
 *
 * @allowed: KREG_ALLOW_OTHERS, or 0 to forbid it. What was registered stays. A call of another
 *           process that has begun before may still succeed.
 * Context: any thread; no lock, no system call.
 * Death: nothing is left.
 * Return: 0, or an error:
 *   -EINVAL        @k is NULL, or a bit does not exist
 *   -EROFS, -ENOBUFS, -ENOSPC, -EOWNERDEAD, -ESHUTDOWN, -ENOMEM  as kreg_register()
 * Since: 1.0
 */
enum kreg_allow_flags {
	KREG_ALLOW_OTHERS = 1 << 0,
};

int kreg_allow(struct kreg *k, uint32_t allowed);

/*
 * Registers @key with @value for the process @to, which has allowed that by kreg_allow(). From
 * the first instant on the name is @to's, as if it had been given to it: it may update, give or
 * unregister it, and the name ends with it. The caller never has it. With duplicate keys this
 * lets @to join a group, and kreg_unregister_for() lets it leave.
 *
 * Others, too, may change such a name, by kreg_update_for() and kreg_unregister_for(), as long as
 * its owner allows it, also after the owner has updated it. What a process has registered itself,
 * without KREG_REGISTER_DROP, is its own: nobody else changes that. So a process that registers a
 * name which others are to change uses this call with itself as @to, for which it needs no consent.
 *
 * @to: as for kreg_give().
 * @flags: 0 or KREG_REGISTER_REPLACEABLE, with KREG_REGISTER_DROP or without it.
 * @holder: as for kreg_register().
 * Context: as kreg_register(). The memory, 1 KiB at least, counts against the caller's share as
 *          long as the caller lives, as that of a name that it has given.
 * Death: if the caller is killed inside, @to has the name or not, and whole. If @to dies, the
 *        name is free.
 * Return: 0, or an error as kreg_register(), and nothing has changed:
 *   -EEXIST        the key is taken, perhaps by @to (unique keys)
 *   -EPERM         @to does not allow it
 *   -ESRCH         @to is dead, or has not opened the registry for writing
 *   -EMSGSIZE      key and value together are larger than some 16,000 bytes
 *   -EINVAL        a flag does not exist, or needs unique keys
 * Since: 1.0
 */
int kreg_register_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size,
		      const void *value, size_t value_size, uint32_t flags,
		      struct kreg_found *holder);

/*
 * Changes the value of a name that was registered for @to or given to it; with duplicate keys of
 * the one registered last. A lookup finds the old value or the new one, whole, and never none. If
 * @to is changing the name too, one of the two changes is first. The flags stay as
 * they are.
 *
 * Context: as kreg_register_for().
 * Death: if the caller is killed inside, the value is the old one or the new one. If @to dies,
 *        the name is free.
 * Return: 0, or an error as kreg_register_for(), but never -EEXIST, and nothing has changed:
 *   -ENOENT        @to has no such name
 *   -EPERM         @to does not allow it
 *   -EPERM         @to has registered the name itself
 * Since: 1.0
 */
int kreg_update_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size,
		    const void *value, size_t value_size);

/*
 * Unregisters what was registered for @to under @key, or given to it. Other entries of @to under
 * that key stay: what it has registered itself, and what is reserved. What is registered for it,
 * or given to it, meanwhile may go, and is counted then, or stay: also with unique keys.
 *
 * Context: as kreg_register().
 * Death: if the caller is killed inside, each entry is there or not.
 * Return: how many entries there were, 0 included; an error as kreg_register_for(), but never
 *         -EEXIST, -EMSGSIZE, -EDQUOT, and:
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EPERM         @to does not allow it
 *   -EPERM         @to has such entries, and has registered all of them itself
 * Since: 1.0
 */
int kreg_unregister_for(struct kreg *k, const struct kreg_owner *to, const void *key,
			size_t key_size);

/*
 * Changes the value of the caller's own entry. A lookup finds the old value or the new one,
 * whole, and never none; a visitor as well, once. Only the owner can change the value. A name
 * that waits in line may be updated, a reserved one may not. A replaceable name stays
 * replaceable.
 *
 * With duplicate keys it is the entry that the caller registered last, and its place in the
 * order of registration stays. It takes time in proportion to the entries of the key.
 *
 * kreg_update() changes it unconditionally, and copies the old value to @old, with room for
 * @capacity bytes. NULL with a capacity of 0: it is not copied.
 *
 * kreg_update_if() changes it if the value is @expected, byte for byte and of that size. With
 * duplicate keys it changes the one registered last of the caller's entries with that value.
 *
 * kreg_update_with() calls @change, which writes the new value to @value, with room for
 * @capacity bytes, always 65536, and returns its size; @old is a copy of the old value. It
 * returns a negative number to leave the value as it is. @change is called again if another thread of
 * the process has updated the entry meanwhile, and is not called if the caller has no such
 * entry. It may call kreg.
 *
 * Context: any thread; lock-free between processes. Threads of one process take turns at a
 *          key. The new value is written beside the old one, so an update needs as much
 *          memory as registering.
 * Death: killed inside, the process has no entry, because it is dead.
 * Return: kreg_update(): the size of the old value. The others: 0, or the negative number
 *         that @change returned. Or an error as kreg_register(), but never -EEXIST, and
 *         nothing has changed:
 *   -ERANGE        kreg_update(): the old value is larger than @capacity
 *   -ENOENT        the caller has no such entry, or it is reserved
 *   -EPERM         unique keys: another process holds the name or has reserved it
 *   -EREMOTE       the entry is one of kreg_register_remote()
 *   -ECANCELED     kreg_update_if(): the value is not @expected; look it up and retry
 *   -EAGAIN        kreg_update_with(): other threads, or @change, have changed the entry, as by
 *                  kreg_counter_add(), during each of 65536 calls of @change; retry
 *   -EMSGSIZE      the new value is longer than 65536 bytes
 * Since: 1.0
 */
typedef ssize_t (*kreg_update_fn)(void *value, size_t capacity, const void *old, size_t old_size,
				  void *data);

ssize_t kreg_update(struct kreg *k, const void *key, size_t key_size, const void *value,
		    size_t value_size, void *old, size_t capacity);
int kreg_update_if(struct kreg *k, const void *key, size_t key_size, const void *value,
		   size_t value_size, const void *expected, size_t expected_size);
int kreg_update_with(struct kreg *k, const void *key, size_t key_size, kreg_update_fn change,
		     void *data);

/*
 * Counters: entries whose value is an int64_t, in the byte order of the host.
 *
 * kreg_counter_add() adds @delta, which may be negative, to the caller's own counter under
 * @key, atomically and in place. Overflow wraps around. With duplicate keys it is the entry
 * that the caller registered last. Listeners get no event. This holds for the next two too,
 * but for overflow.
 *
 * kreg_counter_add_bounded() adds as well, but if the sum passes @threshold the counter
 * becomes @to instead: if the sum is greater and @delta is not negative, or if it is smaller
 * and @delta is negative. So @delta 1, @threshold 9 and @to 0 count from 0 to 9 again and
 * again, and @to the same as @threshold keeps the counter there. A sum that an int64_t cannot
 * hold passes each threshold. @to need not be on any side of @threshold.
 *
 * kreg_counter_reset() sets the counter to @to, in the same step in which it reads what it
 * was: no addition of another thread is lost between the two.
 *
 * kreg_counter_add_many() is kreg_counter_add() for each of @items, in their order, and goes
 * on after an error. They are not added at the same instant: another process may see some of
 * them only, and a death inside leaves some of them only, which go with their owner. An item
 * may have the key of another one.
 *
 * kreg_counter_sum() adds up all counters under @key; the sum is 0 if there are none. The
 * counters of dead owners do not count. Values that are not 8 bytes long, and names that
 * wait in line, are left out. The counters are not read at the same instant.
 *
 * @now: may be NULL; gets the counter's value after the addition.
 * @before: may be NULL; gets the counter's value before it was set.
 * @items: @now and @error are filled in: @error as kreg_counter_add() returns it, and @now
 *         unless that is an error.
 * Context: all but kreg_counter_sum(): any thread; threads of one process take turns at a key.
 *          kreg_counter_sum(): any thread, a read-only handle, a child of fork(2). It takes
 *          no lock, and time in proportion to the entries of the key.
 * Death: the counter is gone with its owner.
 * Return: kreg_counter_add_many(): how many items have no error; the others: 0. Or an error,
 *         and *now, *before or *sum is unchanged:
 *   kreg_counter_add(), kreg_counter_add_bounded(), kreg_counter_reset(): an error as
 *   kreg_register(), but never -EEXIST, -EDQUOT, and
 *   -ENOENT        the caller has no such entry, or it is reserved
 *   -EPERM         unique keys: another process holds the name or has reserved it
 *   -EREMOTE       the entry is one of kreg_register_remote()
 *   -EINVAL        the value of the entry is not 8 bytes long
 *   kreg_counter_add_many():
 *   -EINVAL        an argument is NULL
 *   kreg_counter_sum(): an error as kreg_each_of_key(), and
 *   -EINVAL        @sum is NULL
 * Since: 1.0
 */
struct kreg_counter_item {
	const void *key;
	size_t key_size; /* or KREG_STRING */
	int64_t delta;
	int64_t now;
	int error;
};

int kreg_counter_add(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t *now);
int kreg_counter_add_bounded(struct kreg *k, const void *key, size_t key_size, int64_t delta,
			     int64_t threshold, int64_t to, int64_t *now);
int kreg_counter_reset(struct kreg *k, const void *key, size_t key_size, int64_t to,
		       int64_t *before);
int64_t kreg_counter_add_many(struct kreg *k, struct kreg_counter_item *items, size_t count);
int kreg_counter_sum(struct kreg *k, const void *key, size_t key_size, int64_t *sum);

/*
 * Finds the owner of @key and copies its value.
 *
 * With duplicate keys it finds the entry that was registered last; with partitions, the last
 * one of one of them.
 *
 * A lookup is linearizable: the owner that it returns held the key at some instant of the
 * call, and -ENOENT means that at some instant no owner did. So a name that is given, taken
 * over or inherited in a line, and is never free, is always found. With several partitions, a
 * key that has an entry in only one of them, which goes to another one and back during the
 * call, may be missed.
 *
 * @value: room for @capacity bytes. NULL with a capacity of 0 asks for the size.
 * @owner: may be NULL.
 * Context: any thread, a read-only handle, a child of fork(2), a signal handler. It takes no
 *          lock and no slot, writes nothing, and makes no system call, except one mprotect(2)
 *          when the process first reaches what other processes have added to the registry.
 * Death: the entry of a dead owner is not found.
 * Return: the size of the value, >= 0, or an error:
 *   -ENOENT        the key has no owner
 *   -ERANGE        the value is larger than @capacity: nothing was copied; @owner is filled in
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EAGAIN        the registry is changing too quickly: the memory was reused during the
 *                  read, or the key changed its owner, 256 times in a row; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        the key may be beyond what this process could map: its address space is
 *                  limited, and other processes have made the registry larger since; reopen it
 * Since: 1.0
 */
ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,
		    struct kreg_owner *owner);

/*
 * As kreg_lookup() of a value that is a C string: @out becomes one.
 *
 * @out: room for @capacity bytes, the NUL included. At an error it is the empty string, if it
 *       has room for that. NULL with a capacity of 0 asks for the length, and whether the value
 *       has a NUL inside is not looked at.
 * Return: the length of the string without its NUL; an error as kreg_lookup(), and:
 *   -ERANGE        the value and its NUL are larger than @capacity; @owner is filled in
 *   -EILSEQ        the value has a NUL inside, so it is no string; @owner is filled in
 * Since: 1.0
 */
ssize_t kreg_lookup_string(struct kreg *k, const void *key, size_t key_size, char *out,
			   size_t capacity, struct kreg_owner *owner);

/*
 * A read section. Between kreg_read_enter() and kreg_read_leave() the values to which
 * kreg_read() points do not change, even if they are unregistered or updated or their owner
 * dies. Only a counter continues to count. So a large value need not be copied. Sections
 * nest. kreg_read() finds what kreg_lookup() finds.
 *
 * A section that lasts longer than the registry's patience while memory is needed is
 * expelled: its pointers stay readable, but the memory may change, and kreg_read_leave()
 * returns -ESTALE.
 *
 * @owner: may be NULL.
 * Context: a section belongs to the calling thread. Keep it short and do not sleep inside:
 *          other processes may need the memory. Not in a signal handler, nor in a child of
 *          fork(2). A thread takes a slot at its first section and keeps it until it ends.
 * Death: a reader that dies inside a section blocks no other process.
 * Return: kreg_read(): the size of the value; the others: 0. Or an error:
 *   kreg_read_enter():
 *   -ENOBUFS       no slot is free for this thread
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EROFS         a read-only handle has no sections; use kreg_lookup()
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry's guard is gone; reopen the registry
 *   -ENOMEM        out of memory
 *   -EINVAL        @k is NULL
 *   kreg_read(): these, an error as kreg_lookup(), and
 *   -EINVAL        the thread is not inside a section
 *   kreg_read_leave():
 *   -ESTALE        the section was expelled: what was read since the outermost enter may be
 *                  wrong; read again
 *   -EINVAL        the thread is not inside a section
 *   -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS, -ENOSPC, -ENOMEM  as kreg_read_enter(), where
 *                  no section can be entered
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
