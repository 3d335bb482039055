/* SPDX-License-Identifier: MIT */
/*
 * Names, waits, mirror, counts, memory: each queried through kreg.h, as any other process
 * would.
 */
#include "tests/step/checker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"

/*
 * Between two comparisons of the table with the mirror, and of the numbers with their
 * base.
 */
#define PAUSE_US 500

int check_fail(struct check *check, const char *format, ...)
{
	va_list arguments;

	if (check->complaint[0])
		return -1;
	va_start(arguments, format);
	vsnprintf(check->complaint, sizeof(check->complaint), format, arguments);
	va_end(arguments);
	return -1;
}

static void took(struct check *check, int64_t since)
{
	int ms = (int)(clock_ms() - since);

	if (ms > check->worst_ms)
		check->worst_ms = ms;
}

static char letter_of(const struct check *check, uint64_t token)
{
	struct kreg_owner self;

	if (check->victim.token && token == check->victim.token)
		return 'V';
	if (token == check->stage->company.bystander_owner.token)
		return 'B';
	if (token == check->stage->company.waiter_owner.token)
		return 'W';
	if (!kreg_self(check->stage->k, &self) && token == self.token)
		return 'C';
	return check->operation->flags & OPERATION_STARTS ? 'P' : '?';
}

#define STATE_MAX 256

/* Written as in the outcomes. */
static void state_of(const struct check *check, const char *key, char *out)
{
	char value[STATE_MAX - 8];
	struct kreg_owner owner;
	ssize_t size = kreg_lookup(check->stage->k, key, KREG_STRING, value, sizeof(value), &owner);

	if (size == -ENOENT)
		snprintf(out, STATE_MAX, "-");
	else if (size == -ERANGE)
		snprintf(out, STATE_MAX, "%c:o1", letter_of(check, owner.token));
	else if (size < 0)
		snprintf(out, STATE_MAX, "error %zd", size);
	else
		snprintf(out, STATE_MAX, "%c:%.*s", letter_of(check, owner.token), (int)size,
			 value);
}

static const char *wanted_state(const struct check *check, const char *outcome)
{
	if (strcmp(outcome, "w"))
		return outcome;
	return check->stage->watched ? "W:w" : "-";
}

static int check_state(struct check *check, const struct outcome *outcome, bool alive,
		       enum moment moment)
{
	const char *first = wanted_state(check, alive ? outcome->before : outcome->dead_before);
	const char *second = wanted_state(check, alive ? outcome->after : outcome->dead_after);
	char state[STATE_MAX];

	state_of(check, outcome->key, state);
	if (!strcmp(state, second) || (moment == MOMENT_EITHER && !strcmp(state, first)))
		return 0;
	return check_fail(check, "%s is %s, and should be %s%s%s", outcome->key, state,
			  moment == MOMENT_EITHER ? first : "",
			  moment == MOMENT_EITHER ? " or " : "", second);
}

static const struct outcome usual[] = {
	{ "b-1", "B:b1", "B:b1", "B:b1", "B:b1" },
	{ "b-line", "B:bl", "B:bl", "B:bl", "B:bl" },
	{ "b-replaceable", "B:br", "B:br", "B:br", "B:br" },
	{ "b-dropped", "B:bd", "B:bd", "B:bd", "B:bd" },
	{ "v-1", "V:v1", "V:v1", "-", "-" },
	{ "v-line", "V:vl", "V:vl", "w", "w" },
};

#define USUAL (sizeof(usual) / sizeof(usual[0]))
/* The victim's names come last. */
#define USUAL_OF_OTHERS 4u

static bool is_of_operation(const struct operation *operation, const char *key)
{
	int i;

	for (i = 0; i < OUTCOMES_MAX && operation->outcomes[i].key; i++) {
		if (!strcmp(operation->outcomes[i].key, key))
			return true;
	}
	return false;
}

/*
 * Meta belongs to the registry, so it is as before or as after the change, whichever
 * process is dead.
 */
static int check_meta(struct check *check, enum moment moment)
{
	const struct operation *operation = check->operation;
	bool changes = operation->flags & OPERATION_META;
	const char *after = changes ? operation->meta : "old";
	char value[16];
	ssize_t size = kreg_meta_get(check->stage->k, "m", KREG_STRING, value, sizeof(value));

	if (size == 3 && !memcmp(value, "old", 3) && (!changes || moment == MOMENT_EITHER))
		return 0;
	if (after ? size == 3 && !memcmp(value, after, 3) : size == -ENOENT)
		return 0;
	return check_fail(check, "the meta is of size %zd, and neither as before nor as after",
			  size);
}

int check_states(struct check *check, bool alive, enum moment moment)
{
	const struct operation *operation = check->operation;
	size_t count = operation->flags & OPERATION_OPENS ? USUAL_OF_OTHERS : USUAL, i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		if (!is_of_operation(operation, usual[i].key))
			err = check_state(check, &usual[i], alive, moment);
	}
	for (i = 0; !err && i < OUTCOMES_MAX && operation->outcomes[i].key; i++)
		err = check_state(check, &operation->outcomes[i], alive, moment);
	return err ? err : check_meta(check, moment);
}

static int is_victims(const struct kreg_entry *entry, void *data)
{
	const struct check *check = data;

	return entry->owner.token == check->victim.token;
}

int check_absent(struct check *check)
{
	int listed;

	if (!check->victim.token)
		return 0;
	if (kreg_owner_is_alive(check->stage->k, &check->victim))
		return check_fail(check, "the dead process counts as alive");
	listed = kreg_each(check->stage->k, NULL, 0, is_victims, check);
	if (listed)
		return check_fail(check, "a visit of all finds an entry of the dead: %d", listed);
	return 0;
}

static bool is_held(const struct check *check, const char *key)
{
	char state[STATE_MAX];

	state_of(check, key, state);
	return state[0] != '-';
}

static bool is_held_by(const struct check *check, const char *key, char who)
{
	char state[STATE_MAX];

	state_of(check, key, state);
	return state[0] == who;
}

/*
 * A waiter may miss a name that comes and goes again, unless it was there for long: a
 * program that a dead process had started holds its name until the kernel has killed it.
 */
#define HELD_SHORTLY_MS 2000
#define LOOK_MS 20

static int64_t await_waiter(struct check *check, enum wait_kind kind, const char *key,
			    int64_t since)
{
	int64_t result;

	do
		result = company_waited(&check->stage->company, kind, LOOK_MS);
	while (result == -ETIME && clock_ms() - since < COMPANY_WAIT_MS &&
	       (kind != WAIT_NAME || is_held(check, key)));
	return result;
}

static int check_wait(struct check *check, enum wait_kind kind, const char *key, const char *what)
{
	char state[STATE_MAX];
	int64_t since = clock_ms(), result;

	if (check->waited[kind])
		return 0;
	result = await_waiter(check, kind, key, since);
	if (result == -ETIME && clock_ms() - since < HELD_SHORTLY_MS)
		return 0;
	took(check, since);
	state_of(check, key, state);
	if (result == -ETIME)
		return check_fail(check, "%s sleeps on for %lld ms: %s is %s", what,
				  (long long)(clock_ms() - since), key, state);
	check->waited[kind] = true;
	if (result)
		return check_fail(check, "%s ends with %lld", what, (long long)result);
	return 0;
}

static const char *awaited_of(const struct check *check)
{
	return check->operation->awaited ? check->operation->awaited : "o-1";
}

static const char *gone_of(const struct check *check)
{
	return check->operation->gone ? check->operation->gone : "v-1";
}

int check_waits(struct check *check, bool victim_holds, bool unlocked, bool all)
{
	const char *awaited = awaited_of(check);
	bool ours = false;
	int err = 0;

	if (!check->stage->watched)
		return 0;
	/* Repeated if the name was held, and gone before the waiter looked. */
	do {
		if (all && !is_held(check, awaited))
			ours = !kreg_register(check->stage->k, awaited, KREG_STRING, "c", 1, NULL);
		if (all || is_held(check, awaited))
			err = check_wait(check, WAIT_NAME, awaited,
					 "kreg_await() for a name that is held");
	} while (all && !err && !check->waited[WAIT_NAME] && !ours);
	if (ours)
		kreg_unregister(check->stage->k, awaited, KREG_STRING);
	if (!err && (all || !victim_holds || !is_held_by(check, gone_of(check), 'V')))
		err = check_wait(check, WAIT_GONE, gone_of(check),
				 "kreg_await_gone() for a name that is gone");
	if (!err && (all || is_held_by(check, "v-line", 'W')))
		err = check_wait(check, WAIT_TURN, "v-line", "kreg_await_turn() of the holder");
	if (!err && (all || unlocked))
		err = check_wait(check, WAIT_LOCK, "v-lock", "kreg_lock() for a lock that is free");
	return err;
}

struct table {
	struct mirrored entries[COMPANY_MIRROR];
	uint32_t count;
};

static int table_add(const struct kreg_entry *entry, void *data)
{
	struct table *table = data;
	struct mirrored *to = &table->entries[table->count];
	size_t size = entry->value_size < COMPANY_KEY - 1 ? entry->value_size : COMPANY_KEY - 1;

	if (entry->position)
		return 0;
	if (table->count == COMPANY_MIRROR)
		return -E2BIG;
	snprintf(to->key, sizeof(to->key), "%.*s", (int)entry->key_size, (const char *)entry->key);
	memset(to->value, 0, sizeof(to->value));
	if (strcmp(to->key, COMPANY_COUNTER))
		memcpy(to->value, entry->value, size);
	to->owner = entry->owner.token;
	table->count++;
	return 0;
}

int check_mirror(struct check *check)
{
	int64_t since = clock_ms();
	struct table table;
	int err;

	if (!check->stage->watched)
		return 0;
	do {
		table.count = 0;
		err = kreg_each(check->stage->k, NULL, 0, table_add, &table);
		if (err)
			return check_fail(check, "a visit of all ends with %d", err);
		if (company_mirror_is(&check->stage->company, table.entries, table.count)) {
			took(check, since);
			return 0;
		}
		usleep(PAUSE_US);
	} while (clock_ms() - since < COMPANY_WAIT_MS);
	return check_fail(check,
			  "the listener's mirror differs from the table after %d ms (%u beside %u)",
			  COMPANY_WAIT_MS, check->stage->company.board->mirror_count, table.count);
}

int check_others(struct check *check)
{
	struct kreg *k = check->stage->k;
	int64_t err = company_ask(&check->stage->company, BYSTANDER_CHANGE, NULL);

	if (err)
		return check_fail(check, "another process cannot change a name: %lld",
				  (long long)err);
	err = kreg_register(k, "c-1", KREG_STRING, "c", 1, NULL);
	if (!err)
		err = kreg_update(k, "c-1", KREG_STRING, "cc", 2, NULL, 0) - 1;
	if (!err)
		err = kreg_unregister(k, "c-1", KREG_STRING) - 1;
	return err ? check_fail(check, "another process cannot change a name: %lld", (long long)err)
		   : 0;
}

static int check_free_key(struct check *check, const char *key)
{
	char state[STATE_MAX];
	int err;

	state_of(check, key, state);
	if (state[0] != '-')
		return 0;
	err = kreg_register(check->stage->k, key, KREG_STRING, "c", 1, NULL);
	if (err)
		return check_fail(check, "%s is absent, and cannot be registered: %d", key, err);
	state_of(check, key, state);
	if (strcmp(state, "C:c"))
		return check_fail(check, "%s is %s after it was registered as C:c", key, state);
	err = kreg_unregister(check->stage->k, key, KREG_STRING);
	return err == 1 ? 0 : check_fail(check, "%s cannot be unregistered: %d", key, err);
}

int check_free(struct check *check)
{
	const struct operation *operation = check->operation;
	int err = check_free_key(check, "v-1"), i;

	for (i = 0; !err && i < OUTCOMES_MAX && operation->outcomes[i].key; i++) {
		if (!(operation->flags & OPERATION_STARTS))
			err = check_free_key(check, operation->outcomes[i].key);
	}
	return err;
}

static int count_one(const struct kreg_entry *entry, void *data)
{
	int64_t *count = data;

	(void)entry;
	++*count;
	return 0;
}

static void keep_fault(const char *sentence, void *data)
{
	check_fail(data, "%s", sentence);
}

int check_counts(struct check *check)
{
	struct kreg *k = check->stage->k;
	int64_t walked = 0, counted = kreg_count(k), faults;
	int err = kreg_each(k, NULL, 0, count_one, &walked);

	if (err)
		return check_fail(check, "a visit of all ends with %d", err);
	if (walked != counted)
		return check_fail(check, "kreg_count() is %lld, and there are %lld",
				  (long long)counted, (long long)walked);
	faults = kreg_check(k, keep_fault, check);
	if (faults)
		return check_fail(check, "kreg_check() is %lld", (long long)faults);
	return 0;
}

int check_base(struct check *check, bool first)
{
	struct kreg_stat *base = &check->stage->base, now = { .size = sizeof(now) };
	int64_t since = clock_ms();

	if (first)
		memset(base, 0, sizeof(*base));
	do {
		if (kreg_sweep(check->stage->k) < 0 || company_sweep(&check->stage->company) ||
		    kreg_stat(check->stage->k, &now))
			return check_fail(check, "a sweep fails");
		/* Only this process and its company. */
		if (first && now.owners == (check->stage->watched ? 4 : 2) && !now.bytes_dead)
			*base = now;
		if (now.bytes_used == base->bytes_used && !now.bytes_dead &&
		    now.slots_used == base->slots_used && now.entries == base->entries &&
		    now.owners == base->owners && !now.held_up_by)
			return 0;
		usleep(PAUSE_US);
	} while (clock_ms() - since < COMPANY_WAIT_MS);
	return check_fail(
		check,
		"after sweeps %llu bytes are used, %llu dead, %llu slots, %llu entries, %llu "
		"owners, at the base %llu, 0, %llu, %llu, %llu; delayed by %d",
		(unsigned long long)now.bytes_used, (unsigned long long)now.bytes_dead,
		(unsigned long long)now.slots_used, (unsigned long long)now.entries,
		(unsigned long long)now.owners, (unsigned long long)base->bytes_used,
		(unsigned long long)base->slots_used, (unsigned long long)base->entries,
		(unsigned long long)base->owners, now.held_up_by);
}

/*
 * How many files there are for OTHER, and the name of the first. @ages: makes them old
 * enough to be removed.
 */
static int stray_files(const struct stage *stage, bool ages, char *out, size_t size)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const struct dirent *at;
	DIR *folder = opendir(stage->at.directory);
	int count = 0;

	if (!folder)
		return 0;
	while ((at = readdir(folder))) {
		if (!strstr(at->d_name, OTHER))
			continue;
		if (!count++)
			snprintf(out, size, "%s", at->d_name);
		if (ages)
			utimensat(dirfd(folder), at->d_name, old, AT_SYMLINK_NOFOLLOW);
	}
	closedir(folder);
	return count;
}

static int check_destroy(struct check *check)
{
	KREG_OPTIONS(options, .directory = check->stage->at.directory,
		     .guard = check->stage->at.guard);
	int err = kreg_destroy(OTHER, &options, 0);

	return err ? check_fail(check, "the registry cannot be destroyed: %d", err) : 0;
}

/*
 * The file of a process that was killed halfway is removed by the next call, once it is
 * old enough.
 */
static int check_strays(struct check *check)
{
	char name[256];
	struct kreg *k;

	if (!stray_files(check->stage, true, name, sizeof(name)))
		return 0;
	if (registry_open(&check->stage->at, OTHER, &k))
		return check_fail(check, "the registry cannot be created again");
	kreg_close(k);
	if (check_destroy(check))
		return -1;
	return stray_files(check->stage, false, name, sizeof(name))
		       ? check_fail(check, "a file stays behind: %s", name)
		       : 0;
}

int check_other(struct check *check, bool destroy)
{
	int64_t since = clock_ms();
	struct kreg *k;
	int err = registry_open(&check->stage->at, OTHER, &k);

	took(check, since);
	if (err)
		return check_fail(check, "the registry cannot be opened: %d", err);
	err = kreg_register(k, "c-1", KREG_STRING, "c", 1, NULL);
	if (err)
		check_fail(check, "nothing can be registered: %d", err);
	else if (kreg_lookup(k, "c-1", KREG_STRING, NULL, 0, NULL) != 1)
		check_fail(check, "what was registered is not found");
	else
		kreg_check(k, keep_fault, check);
	kreg_close(k);
	if (check->complaint[0])
		return -1;
	if (!destroy)
		return 0;
	return check_destroy(check) ? -1 : check_strays(check);
}

static void end_holder(struct check *check, pid_t child)
{
	struct kreg_owner holder;

	if (kreg_lookup(check->stage->k, "o-1", KREG_STRING, NULL, 0, &holder) >= 0)
		kill(holder.pid, SIGKILL);
	if (child > 0) {
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	kreg_await_gone(check->stage->k, "o-1", KREG_STRING, NULL, COMPANY_WAIT_MS);
}

int check_start(struct check *check)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	KREG_START(start, .argv = argv, .value = "ready", .value_size = 5,
		   .timeout_ms = COMPANY_WAIT_MS);
	struct kreg_started started = { .size = sizeof(started) };
	int64_t since = clock_ms();
	char state[STATE_MAX];
	int err;

	if (is_held(check, "o-1"))
		end_holder(check, 0);
	err = kreg_start(check->stage->k, "o-1", KREG_STRING, &start, &started);
	took(check, since);
	if (err)
		return check_fail(check, "nothing can be started under the name: %d", err);
	end_holder(check, started.child);
	state_of(check, "o-1", state);
	return state[0] == '-' ? 0 : check_fail(check, "o-1 is %s after its end", state);
}
