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

/* What a call changes. An entry without a value removes its key, one without a key does nothing. */
struct changes {
	struct kreg_entry *entries;
	size_t count;
	struct kreg_entry **by_key; /* those that have a key, in its order, each key once */
	size_t keys;
	size_t bytes; /* of the items that they put */
};

static int compare_keys(const struct kreg_entry *a, const struct kreg_entry *b)
{
	if (a->key_size != b->key_size)
		return a->key_size < b->key_size ? -1 : 1;
	return memcmp(a->key, b->key, a->key_size);
}

/* For qsort(3): of the same key in the order of the entries. */
static int compare_entries(const void *a, const void *b)
{
	const struct kreg_entry *first = *(struct kreg_entry *const *)a;
	const struct kreg_entry *second = *(struct kreg_entry *const *)b;
	int order = compare_keys(first, second);

	return order ? order : (first > second) - (first < second);
}

/* For bsearch(3). */
static int compare_to_key(const void *key, const void *other)
{
	return compare_keys(key, *(struct kreg_entry *const *)other);
}

/*
 * Completes @changes, whose entries are there and whose @by_key has room for all. Of entries with
 * the same key the last one stays.
 */
static void order_changes(struct changes *changes)
{
	size_t i;

	changes->keys = changes->bytes = 0;
	for (i = 0; i < changes->count; i++)
		changes->by_key[i] = &changes->entries[i];
	qsort(changes->by_key, changes->count, sizeof(changes->by_key[0]), compare_entries);
	for (i = 0; i < changes->count; i++) {
		struct kreg_entry *entry = changes->by_key[i];

		if (i + 1 < changes->count && !compare_keys(entry, changes->by_key[i + 1])) {
			entry->key = NULL;
			continue;
		}
		changes->by_key[changes->keys++] = entry;
		if (entry->value)
			changes->bytes += sizeof(struct item) + entry->key_size + entry->value_size;
	}
}

/*
 * Writes all of @copy but the keys that change, and then what they are changed to. It is one pass
 * over both, however many keys change. Return: how many of these were in @copy.
 */
static size_t compose(const struct copy *copy, const struct changes *changes, unsigned char *out,
		      uint32_t *size)
{
	struct kreg_entry entry;
	size_t found = 0, i;
	uint32_t at = 0;

	*size = 0;
	while (next_item(copy, &at, &entry)) {
		if (bsearch(&entry, changes->by_key, changes->keys, sizeof(changes->by_key[0]),
			    compare_to_key))
			found++;
		else
			append(out, size, &entry);
	}
	for (i = 0; i < changes->count; i++) {
		if (changes->entries[i].key && changes->entries[i].value)
			append(out, size, &changes->entries[i]);
	}
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

/* -ENOENT: no key is put, and none was there. -EAGAIN: another change was made first. */
static int change_once(struct kreg *k, const struct changes *changes)
{
	unsigned char *bytes = NULL;
	struct copy copy;
	uint32_t size;
	size_t found;
	int err = copy_all(k, &copy);

	if (err)
		return err;
	bytes = malloc(copy.size + changes->bytes + 1); /* never 0, for which NULL is no error */
	if (!bytes) {
		free(copy.bytes);
		return -ENOMEM;
	}
	found = compose(&copy, changes, bytes, &size);
	if (!found && !changes->bytes)
		err = -ENOENT;
	else if (size > KREG_META_MAX)
		err = -ENOSPC;
	else
		err = put_blob(k, copy.word, bytes, size);
	free(bytes);
	free(copy.bytes);
	return err;
}

static int change(struct kreg *k, struct changes *changes)
{
	uint32_t tries = 0;
	int err;

	order_changes(changes);
	if (changes->bytes > KREG_META_MAX)
		return -ENOSPC;
	do {
		err = handle_check(k);
		if (!err)
			err = change_once(k, changes);
	} while (err == -EAGAIN && ++tries < TABLE_TRIES);
	return err;
}

static int change_one(struct kreg *k, struct kreg_entry *entry)
{
	struct kreg_entry *by_key[1];
	struct changes changes = { .entries = entry, .count = 1, .by_key = by_key };

	return change(k, &changes);
}

/* An entry to be put: its value is not NULL. @function names the call in what is refused. */
static int entry_of_call(const struct kreg *k, const struct kreg_item *item, struct kreg_entry *out,
			 const char *function)
{
	size_t key_size = item->key_size, value_size = item->value_size;
	int err = key_of_call_in(k, item->key, &key_size, function);

	if (!err)
		err = value_of_call_in(k, item->value, &value_size, "value", function);
	*out = (struct kreg_entry){ .key = item->key,
				    .key_size = key_size,
				    .value = item->value ? item->value : "",
				    .value_size = value_size };
	return err;
}

int kreg_meta_put(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size)
{
	UNCANCELLABLE;
	const struct kreg_item item = { key, key_size, value, value_size };
	struct kreg_entry entry;
	int err = entry_of_call(k, &item, &entry, __func__);

	return err ? err : change_one(k, &entry);
}

int kreg_meta_delete(struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	struct kreg_entry entry = { .key = key };
	int err = key_of_call(k, key, &key_size);

	entry.key_size = key_size;
	return err ? err : change_one(k, &entry);
}

int kreg_meta_put_many(struct kreg *k, const struct kreg_item *items, size_t count)
{
	UNCANCELLABLE;
	struct changes changes = { .count = count };
	size_t i;
	int err = !k                ? refuse(k, K_IS_NULL)
		  : !items && count ? refuse(k, "items is NULL, but count is not 0")
				    : 0;

	if (err || !count)
		return err ? err : handle_check(k);
	changes.entries = calloc(count, sizeof(changes.entries[0]));
	changes.by_key = calloc(count, sizeof(changes.by_key[0]));
	if (!changes.entries || !changes.by_key)
		err = -ENOMEM;
	for (i = 0; !err && i < count; i++)
		err = entry_of_call(k, &items[i], &changes.entries[i], __func__);
	if (!err)
		err = change(k, &changes);
	free(changes.by_key);
	free(changes.entries);
	return err;
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
