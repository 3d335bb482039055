/* SPDX-License-Identifier: MIT */
/*
 * The victim: uses the registry at random until it is killed, and knows what it must see.
 *
 * A value carries a checksum over itself, its key and its owner's pid, so whatever a lookup returns
 * is either exactly what that owner registered under that key, or wrong. For its own keys the
 * victim knows more: it remembers each checksum, and whether it holds the key at all.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/torture/victim.h"

const char torture_registry[] = "torture";

const char *const torture_call_names[TORTURE_CALLS] = {
	[CALL_NONE] = "none",       [CALL_OPEN] = "open",     [CALL_REGISTER] = "register",
	[CALL_LOOKUP] = "lookup",   [CALL_READ] = "read",     [CALL_UNREGISTER] = "unregister",
	[CALL_EACH] = "each",       [CALL_COUNT] = "count",   [CALL_SWEEP] = "sweep",
	[CALL_CLOSE] = "close",     [CALL_UPDATE] = "update", [CALL_RESERVE] = "reserve",
	[CALL_PUBLISH] = "publish", [CALL_LOCK] = "lock",     [CALL_INSIDE] = "lock held",
	[CALL_UNLOCK] = "unlock",   [CALL_LINE] = "line",     [CALL_GIVE] = "give",
	[CALL_DESTROY] = "destroy", [CALL_EXEC] = "exec",     [CALL_SETUID] = "setuid",
	[CALL_START] = "start",     [CALL_FLAGS] = "flags",   [CALL_FOR] = "for another",
};

/* Marsaglia's xorshift64*; a state of 0 would stay 0. */
uint64_t torture_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 88172645463325252ull;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ull;
}

void torture_options(const struct torture_plan *plan, struct kreg_options *out)
{
	KREG_OPTIONS(options, .directory = plan->directory,
		     .guard = plan->guard ? plan->guard : "none",
		     .life = plan->guard ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK, .seats = 256,
		     .mode = 0666, .slots = 128, .max_bytes = 256u << 20, .patience_ms = 2);

	*out = options;
}

/* Most keys are short; some make an entry of more than one line. */
uint32_t torture_key(uint32_t number, char *out)
{
	int size = sprintf(out, "name-%u", number);
	uint32_t more = number % 8 ? number % 24 : number % 240;

	memset(out + size, 'x', more);
	return (uint32_t)size + more;
}

void torture_complain(struct torture_board *board, const char *format, ...)
{
	uint32_t none = 0;
	va_list args;

	if (!__atomic_compare_exchange_n(&board->complained, &none, 1, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return;
	va_start(args, format);
	vsnprintf(board->complaint, sizeof(board->complaint), format, args);
	va_end(args);
	store_release(&board->complained, 2);
}

static bool is_line(const void *key, size_t key_size)
{
	return key_size > 5 && !memcmp(key, "line-", 5);
}

static uint32_t checksum(const void *key, size_t key_size, const void *value, size_t size)
{
	uint64_t of_key = XXH3_64bits(key, key_size);

	return (uint32_t)XXH3_64bits_withSeed((const char *)value + 4, size - 4, of_key + size);
}

const char *torture_entry_fault(const void *key, size_t key_size, const void *value, size_t size,
				pid_t pid)
{
	struct value_head head;

	if (size < VALUE_HEAD || size > KREG_VALUE_MAX)
		return "its size was never registered";
	memcpy(&head, value, sizeof(head));
	if (head.check != checksum(key, key_size, value, size))
		return "its checksum is wrong";
	/* Such names move between victims with their values, or to a started program. */
	if ((pid_t)head.pid != pid && !is_line(key, key_size) && !torture_is_started(key, key_size))
		return "its owner is another one than the value says";
	return NULL;
}

static uint32_t random_size(struct victim *v)
{
	uint32_t dice = random_below(v, 100);

	if (dice < 40)
		return VALUE_HEAD;
	/*
	 * With many names values stay short, because the names are visited after each
	 * death.
	 */
	if (dice < 70 || v->board->keys > 1000)
		return VALUE_HEAD + random_below(v, 56);
	if (dice < 91)
		return 64 + random_below(v, 960);
	if (dice < 98)
		return 1024 + random_below(v, 8 * 1024);
	return KREG_VALUE_MAX - random_below(v, 56 * 1024);
}

/* A process that was reaped before this call began must not be in its result. */
bool victim_was_reaped(const struct victim *v, uint64_t token)
{
	uint64_t i, first = v->reaped > TORTURE_REAPED / 2 ? v->reaped - TORTURE_REAPED / 2 : 0;

	for (i = first; i < v->reaped; i++) {
		if (load_relaxed(&v->board->reaped[i % TORTURE_REAPED]) == token)
			return true;
	}
	return false;
}

static void check_found(struct victim *v, uint32_t number, const void *key, size_t key_size,
			const void *value, size_t size, const struct kreg_owner *owner)
{
	const char *fault = torture_entry_fault(key, key_size, value, size, owner->pid);
	struct value_head head;

	if (fault)
		complain(v, "a lookup of name %u returned %zu bytes of %d (token %#llx), and %s",
			 number, size, owner->pid, (unsigned long long)owner->token, fault);
	memcpy(&head, value, sizeof(head));
	if (v->holds[number] != (owner->token == v->self.token))
		complain(v, "name %u was found with %d while %d %s it", number, owner->pid,
			 v->self.pid, v->holds[number] ? "held" : "did not hold");
	if (v->holds[number] && head.check != v->checks[number])
		complain(v, "%d found another value under its name %u than it had registered",
			 v->self.pid, number);
	if (victim_was_reaped(v, owner->token))
		complain(v, "a lookup of name %u returned %d, which had been reaped", number,
			 owner->pid);
}

void victim_registry(const struct victim *v, char name[32])
{
	if (geteuid() == v->board->user)
		snprintf(name, 32, "%s", torture_registry);
	else
		snprintf(name, 32, "%u:%s", v->board->user, torture_registry);
}

void victim_open(struct victim *v)
{
	struct kreg_options options;
	char name[32];
	int err;

	victim_registry(v, name);
	torture_options(v->plan, &options);
	options.flags = KREG_OPEN_EXISTING;
	begin(v, CALL_OPEN);
	err = kreg_open(&v->k, name, &options);
	if (!err)
		err = kreg_self(v->k, &v->self);
	if (!err)
		err = kreg_allow(v->k, KREG_ALLOW_OTHERS);
	if (err)
		complain(v, "opening: %s", kreg_strerror(err));
	store_release(&v->line->token, v->self.token);
	end(v, CALL_OPEN);
}

uint32_t victim_value(struct victim *v, const char *key, uint32_t key_size, unsigned char **value,
		      uint32_t *size)
{
	struct value_head head = { .pid = (uint32_t)getpid() };

	*size = random_size(v);
	*value = v->pool + random_below(v, KREG_VALUE_MAX);
	memcpy(*value, &head, sizeof(head));
	head.check = checksum(key, key_size, *value, *size);
	memcpy(*value, &head, sizeof(head));
	return head.check;
}

static void do_register(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	struct kreg_found holder = { 0 };
	unsigned char *value;
	uint32_t size, check = victim_value(v, key, key_size, &value, &size);
	int err;

	v->memory->doubt_check = check;
	begin(v, CALL_REGISTER);
	err = kreg_register(v->k, key, key_size, value, size, &holder);
	end(v, CALL_REGISTER);
	if (is_full(v, err))
		return;
	if (err && err != -EEXIST)
		complain(v, "registering: %s", kreg_strerror(err));
	if (v->holds[number] && (!err || holder.owner.token != v->self.token))
		complain(v, "%d held name %u, and registering it said %d, holder %d", v->self.pid,
			 number, err, err ? holder.owner.pid : 0);
	if (!v->holds[number] && err && holder.owner.token == v->self.token)
		complain(v, "%d did not hold name %u, and registering it said so", v->self.pid,
			 number);
	if (err && victim_was_reaped(v, holder.owner.token))
		complain(v, "name %u was refused for %d, which had been reaped", number,
			 holder.owner.pid);
	if (err)
		return;
	v->holds[number] = true;
	v->checks[number] = check;
	v->held++;
}

/* The same in two steps, between which no process may find the name. */
static void do_reserve(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	unsigned char *value;
	uint32_t size, check = victim_value(v, key, key_size, &value, &size);
	int err;

	v->memory->doubt_check = check;
	v->memory->doubt_reserved = true;
	begin(v, CALL_RESERVE);
	err = kreg_register_with(v->k, key, key_size, NULL, 0, KREG_REGISTER_RESERVED, NULL);
	end(v, CALL_RESERVE);
	if (is_full(v, err) || err == -EEXIST)
		return;
	if (err)
		complain(v, "reserving: %s", kreg_strerror(err));
	if (v->holds[number])
		complain(v, "%d held name %u, and could reserve it", v->self.pid, number);
	err = (int)kreg_lookup(v->k, key, key_size, NULL, 0, NULL);
	if (err != -ENOENT && err != -EAGAIN)
		complain(v, "name %u was reserved, and its lookup said %d", number, err);
	begin(v, CALL_PUBLISH);
	err = kreg_publish(v->k, key, key_size, value, size);
	end(v, CALL_PUBLISH);
	if (is_full(v, err)) {
		if (kreg_unregister(v->k, key, key_size) != 1)
			complain(v, "the reservation of name %u was lost", number);
		return;
	}
	if (err)
		complain(v, "publishing: %s", kreg_strerror(err));
	v->holds[number] = true;
	v->checks[number] = check;
	v->held++;
}

static void do_update(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	unsigned char *value;
	uint32_t size, check = victim_value(v, key, key_size, &value, &size);
	struct value_head old;
	ssize_t got;

	v->memory->doubt_check = check;
	begin(v, CALL_UPDATE);
	got = kreg_update(v->k, key, key_size, value, size, v->value, sizeof(v->value));
	end(v, CALL_UPDATE);
	if (is_full(v, got) || ((got == -ENOENT || got == -EPERM) && !v->holds[number]))
		return;
	if (got < 0)
		complain(v, "updating: %s", kreg_strerror((int)got));
	if (!v->holds[number])
		complain(v, "%d did not hold name %u, and updated it", v->self.pid, number);
	memcpy(&old, v->value, sizeof(old));
	if (got < (ssize_t)VALUE_HEAD || old.check != v->checks[number])
		complain(v, "%d updated name %u, and the old value was another one", v->self.pid,
			 number);
	v->checks[number] = check;
}

/* The holder is alone inside, unless the previous holder died there. */
int victim_lock(struct victim *v, uint32_t number, int timeout_ms)
{
	uint64_t *inside = &v->board->inside[number % TORTURE_LOCKS];
	struct kreg_owner other = { 0 };
	struct kreg_lock lock;
	char key[16];
	int err;

	snprintf(key, sizeof(key), "name-%u", number % TORTURE_LOCKS);
	store_release(&v->memory->lock, 1 + number % TORTURE_LOCKS);
	begin(v, CALL_LOCK);
	err = kreg_lock(v->k, key, KREG_STRING, timeout_ms, &lock);
	end(v, CALL_LOCK);
	if (is_full(v, err) || err == -ETIMEDOUT)
		goto out;
	if (err)
		complain(v, "locking: %s", kreg_strerror(err));
	begin(v, CALL_INSIDE);
	other.token = load_acquire(inside);
	if (other.token && kreg_owner_is_alive(v->k, &other))
		complain(v, "%d has lock %s, and so has another one", v->self.pid, key);
	store_release(inside, v->self.token);
	if (kreg_count(v->k) < v->held || load_acquire(inside) != v->self.token)
		complain(v, "another one came into lock %s, which %d has", key, v->self.pid);
	store_release(inside, 0ull);
	end(v, CALL_INSIDE);
	begin(v, CALL_UNLOCK);
	err = kreg_unlock(v->k, &lock);
	end(v, CALL_UNLOCK);
	if (err)
		complain(v, "unlocking: %s", kreg_strerror(err));
out:
	store_release(&v->memory->lock, 0u);
	return err;
}

static void do_unregister(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	int count;

	v->memory->doubt_gone = true;
	begin(v, CALL_UNREGISTER);
	count = kreg_unregister(v->k, key, key_size);
	end(v, CALL_UNREGISTER);
	if (count < 0)
		complain(v, "unregistering: %s", kreg_strerror(count));
	if (count != v->holds[number])
		complain(v, "%d had %d of name %u, and unregistered %d", v->self.pid,
			 v->holds[number], number, count);
	v->held -= (uint32_t)count;
	v->holds[number] = false;
}

static void do_lookup(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	size_t capacity = random_below(v, 8) ? sizeof(v->value) : 16;
	struct kreg_owner owner;
	ssize_t size;

	begin(v, CALL_LOOKUP);
	size = kreg_lookup(v->k, key, key_size, v->value, capacity, &owner);
	end(v, CALL_LOOKUP);
	if (size == -EAGAIN) {
		store_relaxed(&v->line->again, v->line->again + 1);
		return;
	}
	if (size == -ENOENT && v->holds[number])
		complain(v, "%d held name %u, and did not find it", v->self.pid, number);
	if (size < 0 && size != -ENOENT && (size != -ERANGE || capacity == sizeof(v->value)))
		complain(v, "looking up: %s", kreg_strerror((int)size));
	if (size >= 0)
		check_found(v, number, key, key_size, v->value, (size_t)size, &owner);
}

static void do_read(struct victim *v, uint32_t number, const char *key, uint32_t key_size)
{
	struct kreg_owner owner;
	const void *value;
	ssize_t size;
	int err;

	begin(v, CALL_READ);
	err = kreg_read_enter(v->k);
	if (err)
		complain(v, "entering a section: %s", kreg_strerror(err));
	size = kreg_read(v->k, key, key_size, &value, &owner);
	if (size > 0)
		memcpy(v->value, value, (size_t)size < sizeof(v->value) ? (size_t)size : 0);
	err = kreg_read_leave(v->k);
	end(v, CALL_READ);
	if (err == -ESTALE) {
		store_relaxed(&v->line->expelled, v->line->expelled + 1);
		return;
	}
	if (err)
		complain(v, "leaving a section: %s", kreg_strerror(err));
	if (size == -ENOENT && v->holds[number])
		complain(v, "%d held name %u, and did not find it in a section", v->self.pid,
			 number);
	if (size < 0 && size != -ENOENT)
		complain(v, "reading: %s", kreg_strerror((int)size));
	if (size > 0 && (size_t)size < sizeof(v->value))
		check_found(v, number, key, key_size, v->value, (size_t)size, &owner);
}

static int count_own(const struct kreg_entry *entry, void *data)
{
	struct victim *v = data;
	const char *fault = torture_entry_fault(entry->key, entry->key_size, entry->value,
						entry->value_size, entry->owner.pid);

	if (fault)
		complain(v, "%d listed its own names, and of one %s", v->self.pid, fault);
	v->held -= !is_line(entry->key, entry->key_size);
	return 0;
}

static void do_each(struct victim *v)
{
	uint32_t held = v->held;
	int err;

	begin(v, CALL_EACH);
	err = kreg_each_of_owner(v->k, &v->self, count_own, v);
	end(v, CALL_EACH);
	if (err == -EAGAIN)
		store_relaxed(&v->line->again, v->line->again + 1);
	else if (err)
		complain(v, "listing: %s", kreg_strerror(err));
	else if (v->held)
		complain(v, "%d held %u names, and listed %u", v->self.pid, held, held - v->held);
	v->held = held;
}

static void do_count(struct victim *v)
{
	int64_t count;

	begin(v, CALL_COUNT);
	count = kreg_count(v->k);
	end(v, CALL_COUNT);
	/*
	 * The owners are counted one after the other, so the sum is only bounded by what
	 * all can hold.
	 */
	if (count < v->held || count > (int64_t)v->board->keys * TORTURE_WORKERS_MAX)
		complain(v, "%d held %u names, and the count was %lld", v->self.pid, v->held,
			 (long long)count);
}

static void do_sweep(struct victim *v)
{
	int64_t bytes;

	begin(v, CALL_SWEEP);
	bytes = kreg_sweep(v->k);
	end(v, CALL_SWEEP);
	if (bytes < 0)
		complain(v, "sweeping: %s", kreg_strerror((int)bytes));
}

/* Names registered by an earlier program are removed as well. */
static void do_close(struct victim *v)
{
	store_release(&v->memory->closing, true);
	begin(v, CALL_CLOSE);
	kreg_close(v->k);
	end(v, CALL_CLOSE);
	memset(v->holds, 0, sizeof(v->memory->holds));
	v->held = 0;
	victim_open(v);
	store_release(&v->memory->closing, false);
}

static void do_something(struct victim *v)
{
	uint32_t dice = random_below(v, 100000), number = random_below(v, v->board->keys);
	char key[KREG_KEY_MAX + 1];
	uint32_t key_size = torture_key(number, key);

	doubt_begin(v, number);
	if (dice < 28000)
		do_register(v, number, key, key_size);
	else if (dice < 34000)
		do_reserve(v, number, key, key_size);
	else if (dice < 44000)
		do_update(v, number, key, key_size);
	else if (dice < 45000)
		victim_lock(v, number, (int)random_below(v, 2));
	else if (dice < 46500)
		victim_line(v);
	else if (dice < 47500)
		victim_give(v);
	else if (dice < 47700)
		victim_destroy(v);
	else if (dice < 47760)
		victim_setuid(v);
	else if (dice < 47820)
		victim_start(v);
	else if (dice < 48600)
		victim_flags(v);
	else if (dice < 49600)
		victim_for(v);
	else if (dice < 62000)
		do_lookup(v, number, key, key_size);
	else if (dice < 74000)
		do_read(v, number, key, key_size);
	else if (dice < 99000)
		do_unregister(v, number, key, key_size);
	else if (dice < 99100)
		do_each(v);
	else if (dice < 99500)
		do_count(v);
	else if (dice < 99950)
		do_sweep(v);
	else
		do_close(v);
	doubt_end(v);
}

_Noreturn void torture_victim_run(const struct torture_plan *plan, struct torture_board *board,
				  uint32_t which, uint64_t seed)
{
	struct victim *v = calloc(1, sizeof(*v));
	uint32_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!v)
		_exit(1);
	v->plan = plan;
	v->board = board;
	v->line = &board->victims[which];
	v->memory = &board->memories[which];
	v->checks = v->memory->checks;
	v->holds = v->memory->holds;
	v->random = seed;
	for (i = 0; i < POOL_BYTES / 8; i++) {
		uint64_t word = torture_random(&seed);

		memcpy(v->pool + 8 * i, &word, 8);
	}
	/* The memory of an earlier program says so. */
	if (load_relaxed(&v->line->call) == CALL_EXEC) {
		victim_go_on(v);
	} else {
		victim_arm(v);
		victim_open(v);
	}
	for (;;)
		do_something(v);
}
