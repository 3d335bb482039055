/* SPDX-License-Identifier: MIT */
/*
 * Read sections, which return pointers into the registry: memory that a section has found
 * is not used again before the section is left or expelled.
 *
 * A section takes its thread's slot, so it needs a handle for writing.
 *
 * Entering and leaving are without calls, and each checks in some ten instructions that the
 * handle is the thread's last one and open, that this is no child of fork(), and that the process's
 * life goes on: its slot would not count otherwise, so that leaving has to notice. A read leaves the
 * life to that: what it finds is no more certain before than the section is in the end.
 * slot->reading tells whether the thread is in a section; sections inside of that one are counted
 * apart.
 */
#include <errno.h>

#include "lib/find/lookup.h"
#include "shm/look.h"
#include "shm/table_search.h"

#define NO_SECTION "k has no read section in this thread: call kreg_read_enter() before"

static void read_nest(struct thread *thread, uint32_t inner)
{
	thread->inner = inner;
	if (thread == thread_recent.thread)
		thread_recent.leaves = inner ? THREAD_NONE : thread_recent.number;
}

/* A section inside of another one; a thread whose record is not the recent one. */
static __attribute__((noinline)) int read_enter_slow(struct kreg *k)
{
	struct thread *thread;
	int err = k ? handle_thread(k, &thread) : refuse_in("kreg_read_enter", k, K_IS_NULL);

	if (err)
		return err;
	/* relaxed: not 0 inside of a section, expelled or not */
	if (load_relaxed(&thread->writer.slot->reading))
		read_nest(thread, thread->inner + 1);
	else
		grace_read_enter(&k->segment, thread->writer.slot);
	return 0;
}

int kreg_read_enter(struct kreg *k)
{
	struct segment_header *header;
	struct slot *slot;

	if (caa_unlikely(!handle_is_recent(k)))
		return read_enter_slow(k);
	slot = thread_recent.slot;
	if (caa_unlikely(load_operand(&slot->reading))) /* relaxed: as in read_enter_slow() */
		return read_enter_slow(k);
	header = k->segment.header;
	/* A fenced slot is never that of a recent record. */
	grace_enter_in(header, &slot->reading, false);
	return 0;
}

/* By the list, if the index has no answer. */
static int read_find(struct kreg *k, const struct query *q, struct found *found,
		     struct kreg_owner *owner)
{
	int tries, err;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		err = lookup_find(k, q, found);
		if (err || !owner || handle_owner(k, found->owner, found->life, owner))
			return err;
		/* The owner has died meanwhile. */
	}
	return -EAGAIN;
}

/* The cases that read_indexed() leaves. */
static __attribute__((noinline)) ssize_t read_whole(struct kreg *k, const void *key,
						    size_t key_size, const void **value,
						    struct kreg_owner *owner)
{
	struct thread *thread;
	struct found found;
	struct query q;
	uint32_t size;
	const void *at;
	int err;

	err = value ? key_of_call_in(k, key, &key_size, "kreg_read")
		    : refuse_in("kreg_read", k, "value is NULL");
	if (!err)
		err = handle_thread(k, &thread);
	/* relaxed: as in read_enter_slow() */
	if (!err && !load_relaxed(&thread->writer.slot->reading))
		err = refuse_in("kreg_read", k, NO_SECTION);
	if (err)
		return err;
	look_renew(&k->segment);
	q = table_query(&k->segment, key, key_size);
	err = read_find(k, &q, &found, owner);
	if (err)
		return err;
	at = entry_value(&k->segment, found.entry, found.info, &size);
	if (!at)
		return segment_fault(&k->segment);
	*value = at;
	return size;
}

/* What the look has led to, if it is a plain name whose value is behind the key; else -EAGAIN. */
static inline __attribute__((always_inline)) ssize_t
read_entry(struct kreg *k, const struct entry *entry,
	   bool (*equals)(const void *, const void *, size_t), bool is_long, const void *key,
	   size_t key_size, const void **value, struct kreg_owner *owner)
{
	uint64_t size;
	uint32_t at;

	if (caa_unlikely(!lookup_is_name(k, entry, equals, is_long, key, key_size, owner)))
		return -EAGAIN;
	size = load_relaxed(&entry->info) >> ENTRY_VALUE_SIZE_SHIFT; /* relaxed: behind the cell */
	at = entry_head((uint32_t)key_size);
	if (caa_unlikely(at + size > LINE_BYTES) &&
	    (size > KREG_VALUE_MAX || !entry_has_room(&k->segment, entry, at + (uint32_t)size)))
		return -EAGAIN;
	*value = (const unsigned char *)entry + at;
	return (ssize_t)size;
}

/*
 * By the look. -EAGAIN: read_whole().
 *
 * The look may have begun before the section. The entry was not marked when it was read, in an
 * epoch in which the section existed, so it is retired later, and not used again before the
 * section has ended.
 */
static inline __attribute__((always_inline)) ssize_t
read_seen(struct kreg *k, const void *key, size_t key_size, const void **value,
	  struct kreg_owner *owner,
	  uint32_t (*hash)(const struct hash_seed *, const unsigned char *, size_t),
	  bool (*equals)(const void *, const void *, size_t), bool is_long)
{
	look_began began = look_begin(&k->segment);
	struct entry *entry;
	ssize_t got;

	got = look_probe(&k->segment, hash(&k->segment.hash, key, key_size), began, &entry);
	if (got)
		return got;
	got = read_entry(k, entry, equals, is_long, key, key_size, value, owner);
	return look_held(&k->segment, began) ? got : -EAGAIN;
}

#define READ_BY(hash, equals, is_long)                                                             \
	do {                                                                                       \
		ssize_t got = read_seen(k, key, key_size, value, owner, hash, equals, is_long);    \
                                                                                                   \
		return caa_likely(got != -EAGAIN) ? got                                            \
						  : read_whole(k, key, key_size, value, owner);    \
	} while (0)

/* Keys of other sizes, as in lookup.c. */
static __attribute__((noinline)) ssize_t read_other(struct kreg *k, const void *key,
						    size_t key_size, const void **value,
						    struct kreg_owner *owner)
{
	if (key_size - 1 >= KREG_KEY_MAX)
		return read_whole(k, key, key_size, value, owner);
	if (key_size <= 16)
		READ_BY(hash_to_16, copy_equals, false);
	if (key_size <= HASH_SHORT_MAX)
		READ_BY(hash_33_to_64, copy_equals, true);
	READ_BY(hash_long, copy_equals, true);
}

/* Values of other sizes, as LOOKUP_SIZED() of lookup.c. */
static __attribute__((noinline)) ssize_t read_sized(struct kreg *k, const void *key,
						    size_t key_size, const void **value,
						    struct kreg_owner *owner, look_began began,
						    look_aside at)
{
	const struct entry *entry = (const struct entry *)(uintptr_t)look_get(at);
	ssize_t got =
		read_entry(k, entry, copy_equals_16_to_32, false, key, key_size, value, owner);

	return caa_likely(got != -EAGAIN) && look_held(&k->segment, began)
		       ? got
		       : read_whole(k, key, key_size, value, owner);
}

/* As lookup_usual(): a value of 8 bytes. */
static inline __attribute__((always_inline)) ssize_t
read_usual(const struct kreg *k, const struct entry *entry, look_began began, const void *key,
	   size_t key_size, const void **value, struct kreg_owner *owner)
{
	const unsigned char *at;
	uint64_t pid;
	owner_t word;

	if (caa_unlikely(!lookup_has_key(k, entry, copy_equals_16_to_32, false, key, key_size)))
		return -EAGAIN;
	at = entry->bytes + ((key_size + 7) & ~(size_t)7);
	word = load_relaxed(&entry->owner); /* relaxed: behind the cell */
	if (caa_unlikely(!lookup_lives(k, word, &pid)))
		return -EAGAIN;
	if (caa_likely(owner))
		lookup_fill(owner, word, pid);
	*value = at;
	return look_held(&k->segment, began) ? 8 : -EAGAIN;
}

ssize_t kreg_read(struct kreg *k, const void *key, size_t key_size, const void **value,
		  struct kreg_owner *owner)
{
	size_t above = key_size - 17;
	struct entry *entry;
	look_began began;
	uint32_t hash;
	ssize_t got;
	bool usual;

	/* As in kreg_lookup(), and whose section it is. */
	if (caa_unlikely(!((uintptr_t)k & (uintptr_t)key & (uintptr_t)value)) &&
	    (!k || !key || !value))
		return read_whole(k, key, key_size, value, owner);
	if (caa_unlikely(!handle_is_numbered(k, thread_recent.number)) ||
	    /* relaxed: as in read_enter_slow() */
	    caa_unlikely(!load_operand(&thread_recent.slot->reading)))
		return read_whole(k, key, key_size, value, owner);
	__asm__("" : "+r"(above));
	if (caa_unlikely(above >= 16))
		return read_other(k, key, above + 17, value, owner);
	began = look_begin(&k->segment);
	hash = hash_17_to_32(&k->segment.hash, key, above + 17);
	/* As in lookup_by(). */
	__asm__("" : "+r"(key), "+r"(above), "+r"(hash));
	got = look_probe(&k->segment, hash, began, &entry);
	usual = !got && lookup_is_eight(entry, above + 17);
	if (caa_likely(usual))
		got = read_usual(k, entry, began, key, above + 17, value, owner);
	if (caa_likely(got < 0 ? got != -EAGAIN : usual))
		return got;
	__asm__("" : "+r"(above));
	if (!got)
		return read_sized(k, key, above + 17, value, owner, began,
				  look_set((uintptr_t)entry));
	return read_whole(k, key, above + 17, value, owner);
}

/* Of a section that has others inside, was expelled, or is none. */
static __attribute__((noinline)) int read_leave_slow(struct kreg *k)
{
	struct thread *thread;
	int err = k ? handle_thread(k, &thread) : refuse_in("kreg_read_leave", k, K_IS_NULL);

	if (err)
		return err;
	/* relaxed: as in read_enter_slow() */
	if (!load_relaxed(&thread->writer.slot->reading))
		return refuse_in("kreg_read_leave", k, NO_SECTION);
	if (!thread->inner)
		return grace_read_leave(thread->writer.slot);
	read_nest(thread, thread->inner - 1);
	return 0;
}

int kreg_read_leave(struct kreg *k)
{
	if (caa_unlikely(!handle_is_recent_by(k, thread_recent.leaves)) ||
	    caa_unlikely(!grace_read_leaves(thread_recent.slot)))
		return read_leave_slow(k);
	return 0;
}
