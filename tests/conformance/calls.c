/* SPDX-License-Identifier: MIT */
#include "tests/conformance/calls.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* More than any case registers. */
#define SEEN 16

static const pid_t *actors;
static struct kreg_options options;
static const char *suffix;
static struct kreg_lock lock;
static struct kreg_listener *listener;

void calls_begin(const pid_t *pids, const struct kreg_options *with, const char *ends_with)
{
	actors = pids;
	options = *with;
	suffix = ends_with;
}

static char letter_of(pid_t pid)
{
	int i;

	for (i = 0; i < ACTORS; i++) {
		if (actors[i] == pid)
			return (char)('A' + i);
	}
	return '?';
}

/* A negative errno by the names that the cases use; false if it is none. */
static bool said_error(int64_t got, char *said)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ -EEXIST, "EEXIST" }, { -EINVAL, "EINVAL" },       { -ENOENT, "ENOENT" },
		{ -ESRCH, "ESRCH" },   { -ECANCELED, "ECANCELED" }, { -ETIMEDOUT, "ETIMEDOUT" },
		{ -EPERM, "EPERM" },
	};
	size_t i;

	if (got >= 0)
		return false;
	snprintf(said, SAID, "error %d", (int)-got);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].error == got)
			snprintf(said, SAID, "%s", names[i].name);
	}
	return true;
}

static void say_number(int64_t got, char *said)
{
	if (!said_error(got, said))
		snprintf(said, SAID, "%d", (int)got);
}

static void say_ok(int64_t got, char *said)
{
	if (!said_error(got, said))
		snprintf(said, SAID, "ok");
}

/* What a visitor has seen, for words. */
struct sight {
	char actor;
	char key[32], value[32];
};

struct seen {
	struct sight entries[SEEN];
	size_t count;
	int answer; /* what the visitor returns */
};

static int note(const struct kreg_entry *entry, void *data)
{
	struct seen *seen = data;

	if (seen->count == SEEN)
		return -EOVERFLOW;
	seen->entries[seen->count].actor = letter_of(entry->owner.pid);
	snprintf(seen->entries[seen->count].key, 32, "%.*s", (int)entry->key_size,
		 (const char *)entry->key);
	snprintf(seen->entries[seen->count].value, 32, "%.*s", (int)entry->value_size,
		 (const char *)entry->value);
	seen->count++;
	return seen->answer;
}

/* One owner's entries of one key stay in the order in which they came. */
static void sort_by_owner_and_key(struct seen *seen)
{
	struct sight moved;
	size_t i, j;

	for (i = 1; i < seen->count; i++) {
		for (j = i; j; j--) {
			int after = seen->entries[j - 1].actor - seen->entries[j].actor;

			if (!after)
				after = strcmp(seen->entries[j - 1].key, seen->entries[j].key);
			if (after <= 0)
				break;
			moved = seen->entries[j];
			seen->entries[j] = seen->entries[j - 1];
			seen->entries[j - 1] = moved;
		}
	}
}

enum words { WORDS_KEY = 1, WORDS_VALUE = 2, WORDS_OWNER = 4 };

/* "A.key=value ...", with the words that are wanted; "none" if there is nothing. */
static void say_seen(struct seen *seen, int64_t got, int words, char *said)
{
	size_t i, used = 0;

	if (said_error(got, said))
		return;
	sort_by_owner_and_key(seen);
	snprintf(said, SAID, "none");
	for (i = 0; i < seen->count; i++) {
		const char *key = words & WORDS_KEY ? seen->entries[i].key : "";
		const char *value = words & WORDS_VALUE ? seen->entries[i].value : "";
		const char actor[] = { words & WORDS_OWNER ? seen->entries[i].actor : 0, 0 };

		used += (size_t)snprintf(said + used, SAID - used, "%s%s%s%s%s%s", i ? " " : "",
					 actor, *actor && *key ? "." : "", key,
					 *value && (*key || *actor) ? "=" : "", value);
	}
}

void call_register(struct kreg *k, const struct step *step, char *said)
{
	char value[32] = "";
	struct kreg_found holder = { .value = value, .capacity = sizeof(value) - 1 };
	int got = kreg_register_with(k, step->key, KREG_STRING, step->value, strlen(step->value), 0,
				     &holder);

	if (got == -EEXIST)
		snprintf(said, SAID, "taken by %c=%s", letter_of(holder.owner.pid), value);
	else
		say_ok(got, said);
}

void call_unregister(struct kreg *k, const struct step *step, char *said)
{
	say_number(kreg_unregister(k, step->key, KREG_STRING), said);
}

static int value_is(const struct kreg_entry *entry, void *data)
{
	return entry->value_size == strlen(data) && !memcmp(entry->value, data, entry->value_size);
}

void call_unregister_match(struct kreg *k, const struct step *step, char *said)
{
	say_number(kreg_unregister_match(k, step->key, KREG_STRING, value_is, (char *)step->value),
		   said);
}

struct changing {
	const char *more;
	char old[32];
	int calls;
};

static ssize_t append(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	struct changing *changing = data;

	changing->calls++;
	snprintf(changing->old, sizeof(changing->old), "%.*s", (int)old_size, (const char *)old);
	return snprintf(value, capacity, "%s%s", changing->old, changing->more);
}

void call_update(struct kreg *k, const struct step *step, char *said)
{
	struct changing changing = { .more = step->value };
	int got = kreg_update_with(k, step->key, KREG_STRING, append, &changing);

	if (said_error(got, said) && changing.calls)
		strcat(said, ", but called");
	else if (got >= 0)
		snprintf(said, SAID, "%s becomes %s%s", changing.old, changing.old, step->value);
}

void call_update_if(struct kreg *k, const struct step *step, char *said)
{
	say_ok(kreg_update_if(k, step->key, KREG_STRING, step->value, strlen(step->value),
			      step->other, strlen(step->other)),
	       said);
}

void call_lookup(struct kreg *k, const struct step *step, char *said)
{
	char value[32] = "";
	struct kreg_owner owner;
	ssize_t got = kreg_lookup(k, step->key, KREG_STRING, value, sizeof(value) - 1, &owner);

	if (!said_error(got, said))
		snprintf(said, SAID, "%c=%s", letter_of(owner.pid), value);
}

void call_whereis(struct kreg *k, const struct step *step, char *said)
{
	struct kreg_owner owner;
	int got = kreg_whereis(k, step->key, KREG_STRING, &owner);

	if (!said_error(got, said))
		snprintf(said, SAID, "%c", letter_of(owner.pid));
}

void call_send(struct kreg *k, const struct step *step, char *said)
{
	say_ok(kreg_signal(k, step->key, KREG_STRING, 0), said);
}

void call_entries(struct kreg *k, const struct step *step, char *said)
{
	struct seen seen = { .count = 0 };
	int got = kreg_each_of_key(k, step->key, KREG_STRING, note, &seen);

	say_seen(&seen, got, WORDS_OWNER | WORDS_VALUE, said);
}

struct wanted {
	pid_t pid;
	struct kreg_owner *out;
};

static int is_wanted(const struct kreg_owner_facts *facts, void *data)
{
	struct wanted *wanted = data;

	if (facts->owner.pid != wanted->pid)
		return 0;
	*wanted->out = facts->owner;
	return 1;
}

/* By the letter; the dead have one too, but are found no more. */
static bool owner_of(struct kreg *k, char letter, struct kreg_owner *out)
{
	struct wanted wanted = { .pid = actors[letter - 'A'], .out = out };

	return kreg_each_owner(k, is_wanted, &wanted) == 1;
}

static void say_selected(struct kreg *k, struct kreg_pattern *pattern, const struct step *step,
			 int words, char *said)
{
	struct seen seen = { .count = 0 };
	struct kreg_owner owner;

	if (step->other) {
		if (!owner_of(k, *step->other, &owner)) {
			snprintf(said, SAID, "none");
			return;
		}
		pattern->owner = &owner;
	}
	say_seen(&seen, kreg_select(k, pattern, note, &seen), words, said);
}

void call_values(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .key = step->key, .key_size = KREG_STRING);

	say_selected(k, &pattern, step, WORDS_VALUE, said);
}

void call_keys(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .key = NULL);

	say_selected(k, &pattern, step, WORDS_KEY, said);
}

void call_match(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .key = step->key, .key_size = KREG_STRING, .value = step->value,
		     .value_size = strlen(step->value));

	say_selected(k, &pattern, step, WORDS_OWNER | WORDS_VALUE, said);
}

void call_select_prefix(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .prefix = step->key, .prefix_size = strlen(step->key));

	say_selected(k, &pattern, step, WORDS_OWNER | WORDS_KEY | WORDS_VALUE, said);
}

void call_select_glob(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .glob = step->key);

	say_selected(k, &pattern, step, WORDS_OWNER | WORDS_KEY | WORDS_VALUE, said);
}

void call_select_value(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .value = step->value, .value_size = strlen(step->value));

	say_selected(k, &pattern, step, WORDS_OWNER | WORDS_KEY | WORDS_VALUE, said);
}

void call_select_all(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .key = NULL);

	say_selected(k, &pattern, step, WORDS_OWNER | WORDS_KEY | WORDS_VALUE, said);
}

void call_dispatch(struct kreg *k, const struct step *step, char *said)
{
	struct seen seen = { .count = 0 };
	int64_t got = kreg_dispatch(k, step->key, KREG_STRING, note, &seen);

	say_seen(&seen, got, WORDS_OWNER | WORDS_VALUE, said);
	if (got >= 0 && (size_t)got != seen.count)
		strcat(said, ", but another number");
}

void call_dispatch_that_fails(struct kreg *k, const struct step *step, char *said)
{
	struct seen seen = { .answer = -ECANCELED };
	int64_t got = kreg_dispatch(k, step->key, KREG_STRING, note, &seen);

	say_number(got, said);
	if (seen.count != 1)
		strcat(said, ", but went on");
}

void call_count(struct kreg *k, const struct step *step, char *said)
{
	(void)step;
	say_number(kreg_count(k), said);
}

void call_count_match(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .key = step->key, .key_size = KREG_STRING, .value = step->value,
		     .value_size = strlen(step->value));

	say_number(kreg_count_select(k, &pattern), said);
}

void call_count_prefix(struct kreg *k, const struct step *step, char *said)
{
	KREG_PATTERN(pattern, .prefix = step->key, .prefix_size = strlen(step->key));

	say_number(kreg_count_select(k, &pattern), said);
}

void call_meta(struct kreg *k, const struct step *step, char *said)
{
	char value[32] = "";
	ssize_t got = kreg_meta_get(k, step->key, KREG_STRING, value, sizeof(value) - 1);

	if (!said_error(got, said))
		snprintf(said, SAID, "%s", value);
}

void call_put_meta(struct kreg *k, const struct step *step, char *said)
{
	say_ok(kreg_meta_put(k, step->key, KREG_STRING, step->value, strlen(step->value)), said);
}

void call_delete_meta(struct kreg *k, const struct step *step, char *said)
{
	say_ok(kreg_meta_delete(k, step->key, KREG_STRING), said);
}

void call_lock(struct kreg *k, const struct step *step, char *said)
{
	say_ok(kreg_lock(k, step->key, KREG_STRING, 0, &lock), said);
}

void call_unlock(struct kreg *k, const struct step *step, char *said)
{
	(void)step;
	say_ok(kreg_unlock(k, &lock), said);
}

static void say_opened(const char *name, uint32_t flags, uint32_t keys, uint32_t partitions,
		       char *said)
{
	struct kreg_options with = options;
	char full[KREG_NAME_MAX + 1];
	struct kreg *k;
	int got;

	with.flags = flags;
	with.keys = keys;
	with.partitions = partitions;
	/* Without a name it stays without one. */
	snprintf(full, sizeof(full), "%s%s", name, *name ? suffix : "");
	got = kreg_open(&k, full, &with);
	if (!got)
		kreg_close(k);
	say_ok(got, said);
}

void call_start(struct kreg *k, const struct step *step, char *said)
{
	(void)k;
	say_opened(step->key, KREG_OPEN_EXCLUSIVE, KREG_KEYS_UNIQUE, 0, said);
}

void call_start_again(struct kreg *k, const struct step *step, char *said)
{
	(void)k;
	say_opened(step->key, 0, KREG_KEYS_UNIQUE, 0, said);
}

void call_start_without_kind(struct kreg *k, const struct step *step, char *said)
{
	(void)k;
	say_opened(step->key, 0, KREG_KEYS_DUPLICATE_BY_KEY + 1, 0, said);
}

void call_start_with_no_partition_left(struct kreg *k, const struct step *step, char *said)
{
	(void)k;
	say_opened(step->key, 0, KREG_KEYS_DUPLICATE, 65, said);
}

void call_find_started(struct kreg *k, const struct step *step, char *said)
{
	(void)k;
	say_opened(step->key, KREG_OPEN_EXISTING, KREG_KEYS_UNIQUE, 0, said);
}

void call_listen(struct kreg *k, const struct step *step, char *said)
{
	(void)step;
	say_ok(kreg_listen(&listener, k, NULL, 0), said);
}

/* The next event, which is waited for. */
void call_hear(struct kreg *k, const struct step *step, char *said)
{
	static const char *const types[] = { "",       "register", "unregister",
					     "update", "purge",    "overrun" };
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;
	int got;

	(void)k;
	(void)step;
	while (!(got = kreg_listener_next(listener, &event))) {
		if (poll(&at, 1, -1) < 0)
			got = -errno;
	}
	if (!said_error(got, said))
		snprintf(said, SAID, "%s %c.%.*s=%.*s", types[event.type],
			 letter_of(event.entry.owner.pid), (int)event.entry.key_size,
			 (const char *)event.entry.key, (int)event.entry.value_size,
			 (const char *)event.entry.value);
}
