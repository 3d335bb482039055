/* SPDX-License-Identifier: MIT */
/*
 * Each call takes effect at one instant between its begin and its end, as all others see
 * it, and so does a death: the histories of workers that change and look up a few names
 * at once, and are killed, are linearizable. So are those of calls for others, of counters
 * with bounds, and of entries under one key that is not unique.
 *
 * KREG_HISTORIES=5000 is the long run.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "shm/atomic.h"
#include "tests/linear/checker.h"
#include "tests/linear/worker.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

/*
 * Of each mode; a fault that shows in one of 400 is missed by both modes in one run of 1,800, one that shows in one of
 * 2,000 in one run of 5.
 */
#if defined(__SANITIZE_ADDRESS__)
#define HISTORIES 500u
#else
#define HISTORIES 1500u
#endif
/* Of counters, and of duplicate keys: fewer kinds of calls, on which a fault shows more often. */
#define HISTORIES_OF_FORM 500u
/*
 * Each history switches processes often, which is slow while other programs use the CPUs:
 * then fewer are made.
 */
#define MS_AT_MOST 100000
#define HISTORIES_MIN 100u
#define KILLS_MAX 3u
#define LOST_MAX 10u /* of a history; few have any */
#define EACH_MIN 6u

struct figures {
	uint64_t operations;
	uint64_t overlaps;    /* of these */
	uint64_t overlapping; /* histories */
	uint64_t kills;
	uint64_t inside; /* of these, where the victim was in an operation */
	uint64_t with_kills;
};

struct recorder {
	int mode;
	enum form form;
	unsigned int seed;
	uint64_t random;
	struct worker_board *board;
	struct child children[WORKERS_MAX];
	uint32_t victims[KILLS_MAX];
	uint32_t kills;
	struct history history;
	struct figures figures;
};

static uint32_t random_between(struct recorder *r, uint32_t low, uint32_t high)
{
	return low + (uint32_t)((worker_random(&r->random) >> 32) * (high - low + 1) >> 32);
}

static void start_worker(struct recorder *r, uint32_t number)
{
	struct worker_start start = { .board = r->board, .mode = r->mode, .number = number };

	r->children[number] = child_start(worker_run, &start);
	r->board->pids[number] = r->children[number].pid;
}

/* Plans the next history: its workers, their operations, and the victims. */
static void plan(struct recorder *r, uint32_t number)
{
	struct worker_board *board = r->board;
	uint32_t i, most;

	board->history = number;
	board->form = r->form;
	board->workers = random_between(r, 2, WORKERS_MAX);
	board->keys = r->form == FORM_DUPLICATES ? 1 : random_between(r, 1, KEYS_MAX);
	most = (OPERATIONS_MAX - KILLS_MAX - LOST_MAX) / board->workers;
	board->each = random_between(r, EACH_MIN, most < OWN_MAX ? most : OWN_MAX);
	board->ticks = 1;
	for (i = 0; i < WORKERS_MAX; i++)
		board->pages[i] = (struct worker_page){ .stop_at = OWN_MAX };
	r->kills = random_between(r, 0, 2) ? 0 : random_between(r, 1, KILLS_MAX);
	if (r->kills > board->workers)
		r->kills = board->workers;
	/* Adjacent numbers serve as well as any. */
	r->victims[0] = random_between(r, 0, board->workers - 1);
	for (i = 0; i < r->kills; i++) {
		r->victims[i] = (r->victims[0] + i) % board->workers;
		if (random_between(r, 0, 1))
			board->pages[r->victims[i]].stop_at = random_between(r, 0, board->each - 1);
	}
}

/* Notifies all workers, and returns when those of the plan wait for the start. */
static void assemble(struct recorder *r)
{
	uint32_t i;

	for (i = 0; i < WORKERS_MAX; i++)
		link_say(r->children[i].link, r->board->history);
	for (i = 0; i < WORKERS_MAX; i++)
		unit_assert(link_hear(r->children[i].link) == r->board->history);
}

/*
 * Waits this many ticks after the start; a victim that must stop inside a call is awaited
 * first.
 */
static void await_moment(struct recorder *r, uint32_t victim)
{
	struct worker_board *board = r->board;
	uint32_t at = random_between(r, 1, 2 * board->workers * board->each);

	worker_await_tick(board, DIRECTOR, at);
	if (board->pages[victim].stop_at < OWN_MAX)
		worker_await_victim(board, victim);
}

static void kill_victim(struct recorder *r, uint32_t nth)
{
	uint32_t victim = r->victims[nth];
	struct worker_page *page = &r->board->pages[victim];
	struct operation *op = &r->history.operations[r->history.count++];
	int status;

	await_moment(r, victim);
	*op = (struct operation){ .kind = OP_DIE, .worker = (uint8_t)victim };
	op->holder = WORKER_NONE;
	op->begun = worker_tick(r->board);
	kill(r->children[victim].pid, SIGKILL);
	status = child_end(&r->children[victim]);
	op->ended = worker_tick(r->board);
	unit_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	r->figures.inside += page->count && is_pending(&page->operations[page->count - 1]);
	worker_set_state(r->board, victim, WORKER_FINISHED);
	r->children[victim].pid = 0;
}

static struct operation *add_step(struct history *h, const struct operation *op)
{
	unit_assert(h->count < OPERATIONS_MAX);
	h->operations[h->count] = *op;
	return &h->operations[h->count++];
}

static bool is_unregister(const struct operation *op)
{
	return op->kind == OP_UNREGISTER || op->kind == OP_UNREGISTER_ALL ||
	       op->kind == OP_UNREGISTER_FOR;
}

/*
 * Some calls are several steps. An OP_SET_FLAGS that returned KREG_WAITING: the flags are set, the
 * name is lost. With unique keys, an unregistration that returned 2: others have registered the key
 * for the owner again behind the first; one that was killed inside may have come that far.
 */
static void collect_one(struct history *h, const struct operation *op)
{
	struct operation *step = add_step(h, op);
	int32_t left;

	if (op->kind == OP_SET_FLAGS && !is_pending(op) && op->result == KREG_WAITING) {
		step->result = 0;
		add_step(h, step)->kind = OP_LOST;
	}
	if (h->form == FORM_DUPLICATES || !is_unregister(op))
		return;
	left = is_pending(op) ? 1 : op->result - 1;
	if (left > 0 && !is_pending(op))
		step->result = 1;
	for (; left > 0; left--)
		add_step(h, step);
}

/* Collects what the workers wrote. A pending lookup has no answer and is left out. */
static void collect(struct recorder *r)
{
	struct history *h = &r->history;
	uint32_t i, j;

	for (i = 0; i < r->board->workers; i++) {
		const struct worker_page *page = &r->board->pages[i];

		for (j = 0; j < page->count; j++) {
			const struct operation *op = &page->operations[j];

			unit_assert(!is_pending(op) || !r->children[i].pid);
			if (!is_pending(op) || op->kind != OP_LOOKUP)
				collect_one(h, op);
		}
	}
	history_sort(h);
}

static void record(struct recorder *r, uint32_t number)
{
	uint32_t i, overlaps;

	plan(r, number);
	assemble(r);
	r->history.count = 0;
	r->history.form = r->form;
	worker_go(r->board, number);
	for (i = 0; i < r->kills; i++)
		kill_victim(r, i);
	for (i = 0; i < r->board->workers; i++) {
		if (r->children[i].pid)
			unit_assert(link_hear(r->children[i].link) == number);
	}
	collect(r);
	overlaps = history_overlaps(&r->history);
	r->figures.operations += r->history.count - r->kills;
	r->figures.overlaps += overlaps;
	r->figures.overlapping += overlaps > 0;
	r->figures.kills += r->kills;
	r->figures.with_kills += r->kills > 0;
	for (i = 0; i < r->board->workers; i++) {
		if (!r->children[i].pid)
			start_worker(r, i);
	}
}

static const char *mode_name(int mode)
{
	return mode == MODE_GUARD ? "guard" : "fallback";
}

static void complain(const struct recorder *r, uint64_t placed)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	history_print(out, &r->history, placed);
	fclose(out);
	ck_abort_msg("KREG_SEED=%u %s: history %u is not linearizable; no order has those with a "
		     "star after the others:%s",
		     r->seed, mode_name(r->mode), r->board->history, text);
}

static void print_figures(const struct recorder *r, const struct checker *checker)
{
	const struct figures *f = &r->figures;

	printf("# %s: %u histories of %llu operations; %llu configurations searched\n",
	       mode_name(r->mode), r->board->history, (unsigned long long)f->operations,
	       (unsigned long long)checker_work(checker));
	printf("# %llu kills in %llu histories, %llu of them inside an operation\n",
	       (unsigned long long)f->kills, (unsigned long long)f->with_kills,
	       (unsigned long long)f->inside);
	printf("# %.1f %% of the histories have operations that overlap a change of the same key, "
	       "%.1f %% of the operations do\n",
	       100.0 * (double)f->overlapping / r->board->history,
	       100.0 * (double)f->overlaps / (double)f->operations);
	fflush(stdout);
}

static void start_all(struct recorder *r)
{
	struct worker_start learner = { .mode = r->mode };
	uint32_t i;

	r->board = child_shared(sizeof(*r->board));
	r->board->form = r->form;
	learner.board = r->board;
	ck_assert_int_eq(worker_learn(&learner), 0);
	r->board->seed = worker_random(&r->random);
	for (i = 0; i < WORKERS_MAX; i++)
		start_worker(r, i);
}

static void end_all(struct recorder *r)
{
	struct kreg *k;
	uint32_t i;

	for (i = 0; i < WORKERS_MAX; i++)
		ck_assert_int_eq(child_end(&r->children[i]), 0);
	munmap(r->board, sizeof(*r->board));
	k = worker_open(r->mode, r->form);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}

static void check_histories(int mode, enum form form, uint32_t histories)
{
	struct recorder r = { .mode = mode, .form = form, .seed = unit_seed() };
	struct checker *checker = checker_new();
	int64_t began = clock_ms();
	uint64_t placed;
	uint32_t number;

	ck_assert_ptr_nonnull(checker);
	r.random = r.seed;
	printf("# KREG_SEED=%u\n", r.seed);
	fflush(stdout);
	start_all(&r);
	for (number = 1; number <= histories; number++) {
		if (number > HISTORIES_MIN && clock_ms() - began > MS_AT_MOST)
			break;
		record(&r, number);
		if (!checker_is_linearizable(checker, &r.history, &placed))
			complain(&r, placed);
	}
	print_figures(&r, checker);
	end_all(&r);
	/* Otherwise there was nothing to check. */
	ck_assert_uint_gt(r.figures.overlapping, (number - 1) / 4);
	ck_assert_uint_gt(r.figures.inside, 0);
	checker_free(checker);
}

START_TEST(histories_are_linearizable_although_workers_are_killed)
{
	check_histories(_i, FORM_NAMES, unit_many("KREG_HISTORIES", HISTORIES));
}
END_TEST

START_TEST(histories_of_bounded_counters_that_others_set_are_linearizable)
{
	check_histories(_i, FORM_COUNTERS, unit_many("KREG_HISTORIES", HISTORIES_OF_FORM));
}
END_TEST

START_TEST(histories_of_a_duplicate_key_are_linearizable)
{
	check_histories(_i, FORM_DUPLICATES, unit_many("KREG_HISTORIES", HISTORIES_OF_FORM));
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		histories_are_linearizable_although_workers_are_killed,
		histories_of_bounded_counters_that_others_set_are_linearizable,
		histories_of_a_duplicate_key_are_linearizable, NULL
	};

	return modes_run(suite_create("linear"), tcase_create("both"), both, NULL, NULL);
}
