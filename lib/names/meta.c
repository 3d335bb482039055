/* SPDX-License-Identifier: MIT */
/*
 * Meta: keys and values of the registry itself. In the blob, items follow each other,
 * sizes first, unaligned.
 */
#include "shm/meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/find/text.h"
#include "lib/handle/handle.h"

struct item {
	uint32_t key_size;
	uint32_t value_size;
};

/* A copy of the whole blob. */
struct copy {
	unsigned char *bytes; /* NULL: there are no items */
	uint32_t size;
	uint64_t word; /* the word that led to the blob */
};

/* The caller frees @bytes. */
static int copy_all(struct kreg *k, struct copy *out)
{
	int tries;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);
		const void *blob;

		*out = (struct copy){ .word = meta_word(&k->segment) };
		blob = meta_blob(&k->segment, out->word, &out->size);
		if (blob && out->size) {
			out->bytes = malloc(out->size);
			if (!out->bytes)
				return -ENOMEM;
			copy_out(out->bytes, blob, out->size);
		}
		if (grace_peek_held(&k->segment, epoch))
			return !blob && meta_is_any(out->word) ? segment_fault(&k->segment) : 0;
		free(out->bytes);
	}
	return -EAGAIN;
}

/* Reads the item at *at and moves *at behind it. False: the end, or damage. */
static bool next_item(const struct copy *copy, uint32_t *at, struct kreg_entry *out)
{
	struct item item;

	if (copy->size - *at < sizeof(item))
		return false;
	memcpy(&item, copy->bytes + *at, sizeof(item));
	if (!item.key_size || item.key_size > KREG_KEY_MAX || item.value_size > KREG_VALUE_MAX ||
	    copy->size - *at - sizeof(item) < (uint64_t)item.key_size + item.value_size)
		return false;
	*out = (struct kreg_entry){ .key_size = item.key_size, .value_size = item.value_size };
	out->key = copy->bytes + *at + sizeof(item);
	out->value = copy->bytes + *at + sizeof(item) + item.key_size;
	*at += (uint32_t)sizeof(item) + item.key_size + item.value_size;
	return true;
}

static void append(unsigned char *bytes, uint32_t *size, const struct kreg_entry *entry)
{
	struct item item = { (uint32_t)entry->key_size, (uint32_t)entry->value_size };

	memcpy(bytes + *size, &item, sizeof(item));
	memcpy(bytes + *size + sizeof(item), entry->key, entry->key_size);
	if (entry->value_size)
		memcpy(bytes + *size + sizeof(item) + entry->key_size, entry->value,
		       entry->value_size);
	*size += (uint32_t)(sizeof(item) + entry->key_size + entry->value_size);
}

static bool has_key(const struct kreg_entry *entry, const void *key, size_t key_size)
{
	return entry->key_size == key_size && !memcmp(entry->key, key, key_size);
}

/*
 * Writes all of @copy but @change's key, and then @change if it has a value. True: the
 * key was in @copy.
 */
static bool compose(const struct copy *copy, const struct kreg_entry *change, unsigned char *out,
		    uint32_t *size)
{
	struct kreg_entry entry;
	bool found = false;
	uint32_t at = 0;

	*size = 0;
	while (next_item(copy, &at, &entry)) {
		if (has_key(&entry, change->key, change->key_size))
			found = true;
		else
			append(out, size, &entry);
	}
	if (change->value)
		append(out, size, change);
	return found;
}

static int put_blob(struct kreg *k, uint64_t seen, const void *bytes, uint32_t size)
{
	struct segment *s = &k->segment;
	struct meta_made blob;
	struct thread *thread;
	int err = meta_take(s, &k->lives, &k->self, bytes, size, seen, &blob);

	if (handle_make_room(k, err))
		err = meta_take(s, &k->lives, &k->self, bytes, size, seen, &blob);
	if (err)
		return err;
	err = handle_enter(k, &thread);
	if (!err) {
		if (!meta_replace(&thread->writer, &blob))
			err = -EAGAIN;
		handle_leave(thread);
	}
	if (err)
		meta_return(s, &blob);
	else
		handle_advance(k);
	return err;
}

/* -EAGAIN: another change was made first. */
static int change_once(struct kreg *k, const struct kreg_entry *change)
{
	unsigned char *bytes = NULL;
	struct copy copy;
	uint32_t size;
	bool found;
	int err = copy_all(k, &copy);

	if (err)
		return err;
	bytes = malloc(copy.size + sizeof(struct item) + change->key_size + change->value_size);
	if (!bytes) {
		free(copy.bytes);
		return -ENOMEM;
	}
	found = compose(&copy, change, bytes, &size);
	if (!found && !change->value)
		err = -ENOENT;
	else if (size > KREG_META_MAX)
		err = -ENOSPC;
	else
		err = put_blob(k, copy.word, bytes, size);
	free(bytes);
	free(copy.bytes);
	return err;
}

static int change(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size)
{
	struct kreg_entry entry = { .key = key, .value = value, .value_size = value_size };
	uint32_t tries = 0;
	int err = key_of_call(k, key, &key_size);

	if (err)
		return err;
	entry.key_size = key_size;
	do {
		err = handle_check(k);
		if (!err)
			err = change_once(k, &entry);
	} while (err == -EAGAIN && ++tries < TABLE_TRIES);
	return err;
}

int kreg_meta_put(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size)
{
	UNCANCELLABLE;
	int err = value_of_call(k, value, &value_size, "value");

	if (err)
		return err;
	return change(k, key, key_size, value ? value : "", value_size);
}

int kreg_meta_delete(struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	return change(k, key, key_size, NULL, 0);
}

static int show(const struct kreg_entry *entry, kreg_visit_fn visit, void *data)
{
	OUTSIDE_OF_CALL;

	return visit(entry, data);
}

int kreg_meta_each(struct kreg *k, kreg_visit_fn visit, void *data)
{
	UNCANCELLABLE;
	struct kreg_entry entry;
	struct copy copy;
	uint32_t at = 0;
	int err = !k      ? refuse(k, K_IS_NULL)
		  : visit ? copy_all(k, &copy)
			  : refuse(k, "visit is NULL");

	if (err)
		return err;
	while (!err && next_item(&copy, &at, &entry))
		err = show(&entry, visit, data);
	free(copy.bytes);
	return err;
}

ssize_t kreg_meta_get(struct kreg *k, const void *key, size_t key_size, void *value,
		      size_t capacity)
{
	UNCANCELLABLE;
	struct kreg_entry entry;
	ssize_t got = -ENOENT;
	struct copy copy;
	uint32_t at = 0;
	int err = key_of_call(k, key, &key_size);

	if (!err)
		err = buffer_of_call(k, value, capacity, "value");
	if (!err)
		err = copy_all(k, &copy);
	if (err)
		return err;
	while (got == -ENOENT && next_item(&copy, &at, &entry)) {
		if (!has_key(&entry, key, key_size))
			continue;
		got = value && entry.value_size > capacity ? -ERANGE : (ssize_t)entry.value_size;
		if (value && got > 0)
			memcpy(value, entry.value, entry.value_size);
	}
	free(copy.bytes);
	return got;
}

ssize_t kreg_meta_get_string(struct kreg *k, const void *key, size_t key_size, char *out,
			     size_t capacity)
{
	UNCANCELLABLE;
	ssize_t got = buffer_of_call(k, out, capacity, "out");

	if (!got)
		got = kreg_meta_get(k, key, key_size, out, text_room(out, capacity));

	return text_end(out, capacity, got);
}
