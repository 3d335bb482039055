/* SPDX-License-Identifier: MIT */
/*
 * A worker chooses its operations at random, depending on which names it believes to
 * hold, so that names change their owners.
 *
 * On two CPUs a worker would seldom be preempted inside a call. So now and then it stops
 * at some instruction, and goes on when the others have gone on, or never: then it is
 * killed there.
 */
#include "tests/linear/worker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "tests/linear/stop.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"

#define VALUE_ROOM 4096u
#define SPINS 200u
#define ONE_STOPS_IN 4u
#define WAIT_TICKS 30u

struct worker {
	struct worker_board *board;
	struct kreg *k;
	uint64_t random;
	uint32_t number;
	uint8_t holds[KEYS_MAX]; /* the value, as far as it knows */
	uint8_t last[KEYS_MAX];  /* the one that it wrote last */
	unsigned char value[VALUE_ROOM];
	unsigned char bytes[VALUE_ROOM];
};

/* The worker that the signal handler stops. */
static struct worker *self;

bool worker_any_works(struct worker_board *board)
{
	uint32_t i;

	for (i = 0; i < board->workers; i++) {
		if (__atomic_load_n(&board->pages[i].state, __ATOMIC_SEQ_CST) == WORKER_WORKS)
			return true;
	}
	return false;
}

static void futex_wait(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake_all(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void worker_go(struct worker_board *board, uint32_t history)
{
	store_release(&board->go, history);
	futex_wake_all(&board->go);
}

static void await_go(struct worker_board *board, uint32_t history)
{
	uint32_t go;

	while ((go = load_acquire(&board->go)) != history)
		futex_wait(&board->go, go);
}

static void wake(struct worker_board *board, uint32_t number)
{
	__atomic_store_n(&board->until[number], 0, __ATOMIC_SEQ_CST);
	futex_wake_all(&board->until[number]);
}

static void wake_for(struct worker_board *board, uint32_t tick)
{
	uint32_t i, until;

	for (i = 0; i <= DIRECTOR; i++) {
		until = __atomic_load_n(&board->until[i], __ATOMIC_SEQ_CST);
		if (until && until <= tick)
			wake(board, i);
	}
}

/* A victim of a kill may not get to wake the others: then the next tick does, or the state that it is given. */
uint32_t worker_tick(struct worker_board *board)
{
	uint32_t tick = __atomic_fetch_add(&board->ticks, 1, __ATOMIC_SEQ_CST);

	wake_for(board, tick + 1);
	return tick;
}

void worker_set_state(struct worker_board *board, uint32_t number, enum worker_state state)
{
	__atomic_store_n(&board->pages[number].state, state, __ATOMIC_SEQ_CST);
	if (state == WORKER_WORKS)
		return;
	if (!worker_any_works(board))
		wake_for(board, UINT32_MAX);
	else if (__atomic_load_n(&board->until[DIRECTOR], __ATOMIC_SEQ_CST))
		wake(board, DIRECTOR);
}

static bool is_ready_to_die(struct worker_page *page)
{
	uint32_t state = __atomic_load_n(&page->state, __ATOMIC_SEQ_CST);

	return state == WORKER_FINISHED ||
	       (state == WORKER_STOPPED && load_acquire(&page->count) > page->stop_at);
}

static bool is_over(struct worker_board *board, uint32_t tick, struct worker_page *victim)
{
	if (victim)
		return is_ready_to_die(victim);
	return __atomic_load_n(&board->ticks, __ATOMIC_SEQ_CST) >= tick || !worker_any_works(board);
}

static void sleep_as(struct worker_board *board, uint32_t number, uint32_t tick,
		     struct worker_page *victim)
{
	uint32_t *until = &board->until[number];

	while (!is_over(board, tick, victim)) {
		__atomic_store_n(until, tick, __ATOMIC_SEQ_CST);
		/* Those who wake it see @until, or this sees what they have done before. */
		if (!is_over(board, tick, victim))
			futex_wait(until, tick);
	}
	store_release(until, 0);
}

void worker_await_tick(struct worker_board *board, uint32_t number, uint32_t tick)
{
	sleep_as(board, number, tick, NULL);
}

void worker_await_victim(struct worker_board *board, uint32_t number)
{
	sleep_as(board, DIRECTOR, UINT32_MAX, &board->pages[number]);
}

uint64_t worker_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint32_t random_below(struct worker *w, uint32_t bound)
{
	return (uint32_t)((worker_random(&w->random) >> 32) * bound >> 32);
}

/*
 * Contains the operation that wrote it and its history; some values fit beside their key,
 * some do not.
 */
static uint32_t value_make(const struct worker_board *board, uint8_t value, unsigned char *out)
{
	uint32_t size = 8 + (value % 8 ? value % 40u : value * 40u);

	memset(out, value, size);
	memcpy(out, &board->history, sizeof(board->history));
	out[4] = value;
	return size;
}

static uint8_t value_read(const struct worker_board *board, const unsigned char *bytes,
			  ssize_t size)
{
	unsigned char whole[VALUE_ROOM];

	if (size < 8 || size > (ssize_t)VALUE_ROOM || !bytes[4] ||
	    bytes[4] >= value_of(WORKERS_MAX, 0) || value_make(board, bytes[4], whole) != size ||
	    memcmp(whole, bytes, (size_t)size))
		return VALUE_WRONG;
	return bytes[4];
}

static uint8_t holder_read(const struct worker_board *board, pid_t pid)
{
	uint8_t i;

	for (i = 0; i < board->workers; i++) {
		if (board->pids[i] == pid)
			return i;
	}
	return WORKER_WRONG;
}

static const char *key_name(uint32_t key)
{
	static const char *const names[KEYS_MAX] = {
		"a", "another", "and one that is longer than what a lookup takes the shortcut for"
	};

	return names[key];
}

static uint32_t register_flags(uint8_t flags)
{
	return (flags & FLAG_REPLACE ? KREG_REGISTER_REPLACE : 0u) |
	       (flags & FLAG_DROP ? KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP : 0u);
}

/* Each reads the holder's value too, which must be from the same moment. */
static void do_register(struct worker *w, struct operation *op, uint32_t size)
{
	struct kreg_found found = { .value = w->bytes, .capacity = VALUE_ROOM };
	const char *key = key_name(op->key);

	if (op->value % 2 && !op->flags)
		op->result = kreg_register(w->k, key, KREG_STRING, w->value, size, &found);
	else
		op->result = kreg_register_with(w->k, key, KREG_STRING, w->value, size,
						register_flags(op->flags), &found);
	if (op->result != -EEXIST)
		return;
	op->holder = holder_read(w->board, found.owner.pid);
	op->found = value_read(w->board, w->bytes, found.size);
}

static void do_update(struct worker *w, struct operation *op, uint32_t size)
{
	ssize_t got = kreg_update(w->k, key_name(op->key), KREG_STRING, w->value, size, w->bytes,
				  VALUE_ROOM);

	op->result = got < 0 ? (int32_t)got : 0;
	if (got >= 0)
		op->found = value_read(w->board, w->bytes, got);
}

static void do_update_if(struct worker *w, struct operation *op, uint32_t size)
{
	unsigned char expected[VALUE_ROOM];
	uint32_t expected_size = value_make(w->board, op->expected, expected);

	op->result = kreg_update_if(w->k, key_name(op->key), KREG_STRING, w->value, size, expected,
				    expected_size);
}

static void do_lookup(struct worker *w, struct operation *op)
{
	struct kreg_owner owner;
	ssize_t got;

	do {
		got = kreg_lookup(w->k, key_name(op->key), KREG_STRING, w->bytes, VALUE_ROOM,
				  &owner);
	} while (got == -EAGAIN);
	op->result = got < 0 ? (int32_t)got : 0;
	if (got < 0)
		return;
	op->found = value_read(w->board, w->bytes, got);
	op->holder = holder_read(w->board, owner.pid);
}

static void perform(struct worker *w, struct operation *op)
{
	uint32_t size = value_make(w->board, op->value, w->value);

	if (op->kind == OP_REGISTER)
		do_register(w, op, size);
	else if (op->kind == OP_UNREGISTER)
		op->result = kreg_unregister(w->k, key_name(op->key), KREG_STRING);
	else if (op->kind == OP_UNREGISTER_ALL)
		op->result = (int32_t)kreg_unregister_all(w->k, KREG_UNREGISTER_PROCESS);
	else if (op->kind == OP_SET_FLAGS)
		op->result = kreg_set_flags(w->k, key_name(op->key), KREG_STRING,
					    register_flags(op->flags));
	else if (op->kind == OP_UPDATE)
		do_update(w, op, size);
	else if (op->kind == OP_UPDATE_IF)
		do_update_if(w, op, size);
	else
		do_lookup(w, op);
}

static enum operation_kind choose_kind(struct worker *w, uint32_t key)
{
	/* In percent, cumulative. */
	static const uint32_t up_to[2][OP_LOOKUP] = { { 50, 53, 55, 58, 61, 64 },
						      { 8, 30, 36, 58, 75, 87 } };
	uint32_t dice = random_below(w, 100), kind = OP_REGISTER;
	const uint32_t *shares = up_to[w->holds[key] != VALUE_NONE];

	while (kind < OP_LOOKUP && dice >= shares[kind])
		kind++;
	/* With several keys it is several steps. */
	if (kind == OP_UNREGISTER_ALL && w->board->keys > 1)
		kind = OP_UNREGISTER;
	return (enum operation_kind)kind;
}

static struct operation choose(struct worker *w, uint32_t number)
{
	struct operation op = { .worker = (uint8_t)w->number, .holder = WORKER_NONE };

	op.key = (uint8_t)random_below(w, w->board->keys);
	op.kind = (uint8_t)choose_kind(w, op.key);
	if (op.kind == OP_REGISTER)
		op.flags = (uint8_t)random_below(w, 4);
	else if (op.kind == OP_SET_FLAGS)
		op.flags = random_below(w, 2) ? FLAG_DROP : 0;
	if (op.kind == OP_REGISTER || op.kind == OP_UPDATE || op.kind == OP_UPDATE_IF)
		op.value = value_of(w->number, number);
	if (op.kind == OP_UPDATE_IF)
		op.expected =
			random_below(w, 3) && w->holds[op.key] ? w->holds[op.key] : w->last[op.key];
	return op;
}

static void remember(struct worker *w, const struct operation *op)
{
	bool is_lost = op->result == -EPERM || op->result == -ENOENT;

	if (op->kind == OP_LOOKUP || op->kind == OP_SET_FLAGS)
		return;
	if (op->kind == OP_UNREGISTER || op->kind == OP_UNREGISTER_ALL || is_lost)
		w->holds[op->key] = VALUE_NONE;
	else if (!op->result)
		w->holds[op->key] = w->last[op->key] = op->value;
}

/* Stops in the middle of an operation. */
static void stop(void)
{
	struct worker_board *board = self->board;
	struct worker_page *page = &board->pages[self->number];
	uint32_t until = load_acquire(&board->ticks) + 1 + random_below(self, WAIT_TICKS);

	worker_set_state(board, self->number, WORKER_STOPPED);
	while (page->count > page->stop_at)
		pause();
	worker_await_tick(board, self->number, until);
	worker_set_state(board, self->number, WORKER_WORKS);
}

static void pause_by_chance(struct worker *w)
{
	uint32_t dice = random_below(w, 8), spins;

	if (!dice)
		sched_yield();
	for (spins = dice > 4 ? random_below(w, SPINS) : 0; spins; spins--)
		caa_cpu_relax();
}

static void take_part(struct worker *w)
{
	struct worker_page *page = &w->board->pages[w->number];
	uint32_t number, ended;

	w->random = w->board->seed ^ (uint64_t)w->board->history << 8 ^ w->number;
	memset(w->holds, VALUE_NONE, sizeof(w->holds));
	memset(w->last, value_of(w->number, 0), sizeof(w->last));
	for (number = 0; number < w->board->each; number++) {
		struct operation *op = &page->operations[number];

		*op = choose(w, number);
		pause_by_chance(w);
		op->begun = worker_tick(w->board);
		store_release(&page->count, number + 1);
		if (number >= page->stop_at || !random_below(w, ONE_STOPS_IN))
			stop_arm(op->kind, worker_random(&w->random));
		perform(w, op);
		stop_disarm();
		ended = worker_tick(w->board);
		store_release(&op->ended, ended);
		remember(w, op);
	}
	worker_set_state(w->board, w->number, WORKER_FINISHED);
}

static bool forget_all(struct worker *w)
{
	uint32_t key;

	for (key = 0; key < KEYS_MAX; key++) {
		if (kreg_unregister(w->k, key_name(key), KREG_STRING) < 0)
			return false;
	}
	return true;
}

static struct worker *open_worker(const struct worker_start *start)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->board = start->board;
	w->number = start->number;
	w->k = mode_open(start->mode, "linear");
	self = w;
	return w;
}

static void close_worker(struct worker *w)
{
	kreg_close(w->k);
	free(w);
}

int worker_learn(const struct worker_start *start)
{
	static const uint8_t kinds[] = { OP_LOOKUP,    OP_UNREGISTER, OP_UPDATE,
					 OP_REGISTER,  OP_REGISTER,   OP_LOOKUP,
					 OP_UPDATE,    OP_UPDATE_IF,  OP_REGISTER,
					 OP_UPDATE_IF, OP_UNREGISTER, OP_REGISTER,
					 OP_SET_FLAGS, OP_SET_FLAGS,  OP_UNREGISTER_ALL };
	int err = stop_init(stop);
	struct worker *w = err ? NULL : open_worker(start);
	struct operation op = { .kind = 0 };
	uint32_t i;

	if (!w)
		return err ? err : -ENOMEM;
	/* The short names are treated alike, and each of these instructions costs a signal. */
	for (op.key = 0; op.key < KEYS_MAX; op.key += KEYS_MAX - 1) {
		for (i = 0; i < sizeof(kinds); i++) {
			op.kind = kinds[i];
			op.flags = i > 8 && i % 2 ? FLAG_DROP : 0;
			op.expected = i < 8 ? value_of(w->number, 6) : VALUE_WRONG;
			op.value = value_of(w->number, i % OWN_MAX);
			stop_learn(op.kind);
			perform(w, &op);
			stop_learnt();
		}
	}
	close_worker(w);
	return 0;
}

int worker_run(int link, void *data)
{
	struct worker *w = open_worker(data);
	int64_t order;

	if (!w)
		return 1;
	while ((order = link_hear(link)) != INT64_MIN) {
		/*
		 * A worker that takes no part may already read the next plan once it has
		 * reported.
		 */
		bool takes_part = w->number < w->board->workers;

		if (!forget_all(w))
			return 2;
		link_say(link, order);
		if (!takes_part)
			continue;
		await_go(w->board, (uint32_t)order);
		take_part(w);
		link_say(link, order);
	}
	close_worker(w);
	return 0;
}
