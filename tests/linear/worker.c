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
#include "tests/linear/calls.h"
#include "tests/linear/stop.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/whole.h"

#define SPINS 200u
#define ONE_STOPS_IN 4u
#define WAIT_TICKS 30u

struct worker {
	struct worker_board *board;
	struct caller caller;
	uint64_t random;
	uint32_t number;
	uint32_t entries;        /* of FORM_DUPLICATES */
	uint8_t holds[KEYS_MAX]; /* the value, as far as it knows */
	uint8_t last[KEYS_MAX];  /* the one that it wrote last, before that one */
	uint8_t seen[KEYS_MAX];  /* the owner that it found last */
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

/* In percent, cumulative, up to OP_UNREGISTER_FOR: without the key, and with it. The rest are lookups. */
static const uint32_t shares[FORMS][2][OP_LOOKUP] = {
	[FORM_NAMES] = { { 42, 45, 47, 50, 53, 56, 56, 66, 72, 78 },
			 { 7, 26, 31, 50, 65, 76, 76, 79, 86, 88 } },
	[FORM_COUNTERS] = { { 10, 12, 12, 12, 14, 14, 18, 58, 76, 80 },
			    { 4, 10, 10, 14, 20, 20, 64, 68, 78, 80 } },
	[FORM_DUPLICATES] = { { 60, 63, 65, 70, 75, 75, 75, 75, 75, 75 },
			      { 25, 35, 40, 60, 80, 80, 80, 80, 80, 80 } },
};

static enum operation_kind choose_kind(struct worker *w, uint32_t key)
{
	uint32_t dice = random_below(w, 100), kind = OP_REGISTER;
	const uint32_t *up_to = shares[w->board->form][w->holds[key] != VALUE_NONE];

	while (kind < OP_LOOKUP && dice >= up_to[kind])
		kind++;
	/* With several keys it is several steps. */
	if (kind == OP_UNREGISTER_ALL && w->board->keys > 1)
		kind = OP_UNREGISTER;
	if (w->board->form == FORM_DUPLICATES && kind == OP_REGISTER && w->entries == OWN_ENTRIES)
		kind = OP_UPDATE;
	return (enum operation_kind)kind;
}

static uint8_t choose_value(struct worker *w, uint32_t number)
{
	if (w->board->form == FORM_COUNTERS)
		return (uint8_t)(1 + random_below(w, COUNT_MAX + 1));
	return value_of(w->number, number);
}

/* Mostly the one that holds the key, as far as it knows. */
static uint8_t choose_whom(struct worker *w, uint32_t key)
{
	if (w->seen[key] < w->board->workers && random_below(w, 4))
		return w->seen[key];
	return (uint8_t)random_below(w, w->board->workers);
}

static void choose_count(struct worker *w, struct operation *op)
{
	op->delta = (int8_t)(random_below(w, 2) ? 1 + (int)random_below(w, 4)
						: -1 - (int)random_below(w, 4));
	op->threshold = (uint8_t)(random_below(w, 6) + (op->delta > 0 ? COUNT_MAX - 5 : 0));
}

static struct operation choose(struct worker *w, uint32_t number)
{
	struct operation op = { .worker = (uint8_t)w->number, .holder = WORKER_NONE };

	op.key = (uint8_t)random_below(w, w->board->keys);
	op.kind = (uint8_t)choose_kind(w, op.key);
	if (op.kind == OP_REGISTER && w->board->form == FORM_NAMES)
		op.flags = (uint8_t)random_below(w, 4);
	else if (op.kind == OP_SET_FLAGS ||
		 (op.kind == OP_REGISTER_FOR && w->board->form == FORM_NAMES))
		op.flags = random_below(w, 2) ? FLAG_DROP : 0;
	if (op.kind < OP_LOOKUP)
		op.value = choose_value(w, number);
	if (op.kind == OP_UPDATE_IF)
		op.expected =
			random_below(w, 3) && w->holds[op.key] ? w->holds[op.key] : w->last[op.key];
	if (op.kind == OP_COUNT)
		choose_count(w, &op);
	if (is_for_another(&op))
		op.to = choose_whom(w, op.key);
	return op;
}

static void remember_own(struct worker *w, const struct operation *op)
{
	bool is_lost = op->result == -EPERM || op->result == -ENOENT;

	if (op->kind == OP_UNREGISTER || op->kind == OP_UNREGISTER_ALL || is_lost) {
		w->holds[op->key] = VALUE_NONE;
		w->entries = 0;
	} else if (!op->result) {
		w->last[op->key] = w->holds[op->key] ? w->holds[op->key] : op->value;
		w->holds[op->key] = op->kind == OP_COUNT ? op->found : op->value;
		w->entries += op->kind == OP_REGISTER;
	}
}

static void remember(struct worker *w, const struct operation *op)
{
	if (op->holder < WORKERS_MAX)
		w->seen[op->key] = op->holder;
	if (op->kind == OP_REGISTER_FOR && !op->result)
		w->seen[op->key] = op->to;
	if (op->kind < OP_SET_FLAGS || op->kind == OP_COUNT)
		remember_own(w, op);
	else if (op->kind == OP_REGISTER_FOR && op->to == w->number && !op->result)
		w->holds[op->key] = op->value;
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
	memset(w->seen, WORKER_NONE, sizeof(w->seen));
	w->entries = 0;
	for (number = 0; number < w->board->each; number++) {
		struct operation *op = &page->operations[number];

		*op = choose(w, number);
		pause_by_chance(w);
		op->begun = worker_tick(w->board);
		store_release(&page->count, number + 1);
		if (number >= page->stop_at || !random_below(w, ONE_STOPS_IN))
			stop_arm(op->kind, worker_random(&w->random));
		call_perform(&w->caller, op);
		stop_disarm();
		ended = worker_tick(w->board);
		store_release(&op->ended, ended);
		remember(w, op);
	}
	worker_set_state(w->board, w->number, WORKER_FINISHED);
}

static bool forget_all(struct worker *w)
{
	uint32_t form, key;

	for (form = 0; form < FORMS; form++) {
		for (key = 0; key < KEYS_MAX; key++) {
			if (kreg_unregister(w->caller.k[form], call_key(key), KREG_STRING) < 0)
				return false;
		}
	}
	return true;
}

struct kreg *worker_open(int mode, enum form form)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);

	return form == FORM_DUPLICATES ? mode_open_as(mode, "linear-dup", &options)
				       : mode_open(mode, "linear");
}

static struct worker *open_worker(const struct worker_start *start)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->board = start->board;
	w->number = start->number;
	w->caller.board = start->board;
	w->caller.k[FORM_NAMES] = worker_open(start->mode, FORM_NAMES);
	w->caller.k[FORM_COUNTERS] = w->caller.k[FORM_NAMES];
	w->caller.k[FORM_DUPLICATES] = worker_open(start->mode, FORM_DUPLICATES);
	if (kreg_allow(w->caller.k[FORM_NAMES], KREG_ALLOW_OTHERS))
		abort();
	start->board->owners[start->number] = self_of(w->caller.k[FORM_NAMES]);
	self = w;
	return w;
}

static void close_worker(struct worker *w)
{
	kreg_close(w->caller.k[FORM_NAMES]);
	kreg_close(w->caller.k[FORM_DUPLICATES]);
	free(w);
}

/* Each call in several states of the key, so that it takes several paths. */
static void learn_form(struct worker *w, uint32_t key)
{
	static const uint8_t kinds[] = { OP_LOOKUP,       OP_UNREGISTER,     OP_UPDATE,
					 OP_REGISTER,     OP_REGISTER,       OP_LOOKUP,
					 OP_UPDATE,       OP_UPDATE_IF,      OP_REGISTER,
					 OP_UPDATE_IF,    OP_UNREGISTER,     OP_REGISTER,
					 OP_SET_FLAGS,    OP_SET_FLAGS,      OP_UNREGISTER_ALL,
					 OP_COUNT,        OP_UNREGISTER_FOR, OP_REGISTER_FOR,
					 OP_REGISTER_FOR, OP_UPDATE_FOR,     OP_COUNT,
					 OP_UPDATE,       OP_UNREGISTER_FOR, OP_UPDATE_FOR };
	struct operation op = {
		.key = (uint8_t)key, .to = (uint8_t)w->number, .delta = 1, .threshold = 9
	};
	bool has_values = w->board->form != FORM_COUNTERS;
	uint32_t i;

	for (i = 0; i < sizeof(kinds); i++) {
		op.kind = kinds[i];
		if (w->board->form == FORM_DUPLICATES && op.kind >= OP_SET_FLAGS &&
		    op.kind < OP_LOOKUP)
			continue;
		op.flags = has_values && i > 8 && i % 2 ? FLAG_DROP : 0;
		op.expected = i < 8 && has_values ? value_of(w->number, 6) : VALUE_WRONG;
		op.value = has_values ? value_of(w->number, i % OWN_MAX) : 1 + i % COUNT_MAX;
		stop_learn(op.kind);
		call_perform(&w->caller, &op);
		stop_learnt();
	}
}

int worker_learn(const struct worker_start *start)
{
	int err = stop_init(stop);
	struct worker *w = err ? NULL : open_worker(start);
	uint32_t key;

	if (!w)
		return err ? err : -ENOMEM;
	/* The short names are treated alike, and each of these instructions costs a signal. */
	for (key = 0; key < KEYS_MAX; key += KEYS_MAX - 1)
		learn_form(w, key);
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
