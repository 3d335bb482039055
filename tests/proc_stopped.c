/* SPDX-License-Identifier: MIT */
/*
 * A writer that is stopped anywhere inside a call delays neither the other processes nor
 * the reclaiming of their memory, and when it goes on its call completes correctly.
 *
 * ptrace(2) stops the writer: before some of its CASes, and at random
 * instructions. Meanwhile another process registers and unregisters names whose entries
 * are the writer's neighbours in the list, and does so more often than there is memory
 * for.
 *
 * KREG_EVERY=1 stops it before each CAS; KREG_PAIRS=100000 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/names/change.h"
#include "lib/handle/handle.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define NEIGHBOURS 16
/* Memory does not suffice for this many pairs unless it is reclaimed. */
#define PAIRS 1200
#define PAIRS_MANY 10000u
#define POINTS_RANDOM 6
/* A CAS is chosen of so many; each run begins with another one. */
#define EVERY 3u
#define STEPS_MAX 20000

enum { OP_REGISTER, OP_UPDATE, OP_UNREGISTER, OPS };

static const char *const op_names[] = { "register", "update", "unregister" };

/* In the registry's one bucket: the writer's key, and those around it. */
static int writers_key, keys[NEIGHBOURS];
static bool is_registered[NEIGHBOURS];

static struct kreg *open_small(int mode)
{
	KREG_OPTIONS(options, .max_bytes = 4 << 20, .slots = 64);

	return mode_open_as(mode, "stopped", &options);
}

/* Finds keys of one bucket, in the order of the list. */
static void find_keys(struct kreg *k)
{
	int all[NEIGHBOURS + 1], count = 0, key, i;
	order_t orders[NEIGHBOURS + 1];

	for (key = 0; count <= NEIGHBOURS; key++) {
		struct query q = table_query(&k->segment, &key, sizeof(key));

		if (q.hash & 511)
			continue;
		for (i = count++; i && order_is_before(q.order, orders[i - 1]); i--) {
			orders[i] = orders[i - 1];
			all[i] = all[i - 1];
		}
		orders[i] = q.order;
		all[i] = key;
	}
	writers_key = all[NEIGHBOURS / 2];
	for (i = 0; i < NEIGHBOURS; i++)
		keys[i] = all[i < NEIGHBOURS / 2 ? i : i + 1];
}

static int64_t operate(struct kreg *k, int op, int64_t number)
{
	switch (op) {
	case OP_REGISTER:
		return kreg_register(k, &writers_key, sizeof(int), &number, sizeof(number), NULL);
	case OP_UPDATE:
		return kreg_update(k, &writers_key, sizeof(int), &number, sizeof(number), NULL, 0);
	default:
		return kreg_unregister(k, &writers_key, sizeof(int));
	}
}

/* Obeys orders, each between two signals to itself. */
static int write_on_request(int link, void *data)
{
	struct kreg *k = open_small(*(int *)data);
	int64_t op, result, number;

	link_say(link, getpid());
	while ((op = link_hear(link)) >= 0) {
		number = link_hear(link);
		raise(SIGSTOP);
		result = operate(k, (int)op, number);
		raise(SIGSTOP);
		link_say(link, result);
	}
	kreg_close(k);
	return 0;
}

static void churn(struct kreg *k, int pairs)
{
	static int64_t value;
	int i, at, err;

	for (i = 0; i < 2 * pairs; i++, value++) {
		at = rand() % NEIGHBOURS;
		if (is_registered[at])
			err = kreg_unregister(k, &keys[at], sizeof(int)) - 1;
		else
			err = kreg_register(k, &keys[at], sizeof(int), &value, sizeof(value), NULL);
		if (err)
			ck_abort_msg("%d pairs, then: %s", i / 2, kreg_strerror(err));
		is_registered[at] = !is_registered[at];
	}
}

static void expect_whole(struct kreg *k, bool writers, int64_t number)
{
	int64_t found, count = writers;
	ssize_t size = kreg_lookup(k, &writers_key, sizeof(int), &found, sizeof(found), NULL);
	int i;

	ck_assert_int_eq(size, writers ? (int)sizeof(found) : -ENOENT);
	ck_assert(!writers || found == number);
	for (i = 0; i < NEIGHBOURS; i++) {
		count += is_registered[i];
		ck_assert_int_eq(kreg_lookup(k, &keys[i], sizeof(int), NULL, 0, NULL),
				 is_registered[i] ? (int)sizeof(int64_t) : -ENOENT);
	}
	ck_assert_int_eq(kreg_count(k), count);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
}

/* Whether the stopped thread is about to CAS, as far as its code shows. */
static bool is_at_cas(pid_t pid)
{
#ifdef __x86_64__
	struct user_regs_struct regs;
	long code;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	errno = 0;
	code = ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.rip, NULL);
	return !errno && (code & 0xff) == 0xf0;
#else
	(void)pid;
	return false;
#endif
}

/* Waits until the running writer has raised SIGSTOP. */
static void await_stop(pid_t pid)
{
	int status;

	for (;;) {
		ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
		ck_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			break;
		ck_assert_int_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	}
}

/*
 * Steps into the operation: to its @nth CAS, or by @steps. False: the operation ended
 * before.
 */
static bool step_into(pid_t pid, int nth, int steps)
{
	int status, i;

	for (i = 0; i < STEPS_MAX; i++) {
		if (nth ? is_at_cas(pid) && !--nth : i == steps)
			return true;
		unit_assert(!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		unit_assert(waitpid(pid, &status, __WALL) == pid);
		unit_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			return false;
	}
	return true;
}

static void set(struct kreg *k, int at, bool registered)
{
	int64_t value = at;

	if (is_registered[at] != registered)
		ck_assert_int_eq(registered ? kreg_register(k, &keys[at], sizeof(int), &value,
							    sizeof(value), NULL)
					    : kreg_unregister(k, &keys[at], sizeof(int)) - 1,
				 0);
	is_registered[at] = registered;
}

static void reuse(struct kreg *k)
{
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
}

/* Around the place of the writer's key: one key in front of it, two behind it. */
#define FRONT (NEIGHBOURS / 2 - 1)
#define NEXT (NEIGHBOURS / 2)
#define LAST (NEIGHBOURS / 2 + 1)

/* FRONT leads to LAST, and its block, once free, is the first to be allocated. */
static void set_trap(struct kreg *k)
{
	int i;

	for (i = 0; i < NEIGHBOURS; i++)
		set(k, i, false);
	reuse(k);
	set(k, FRONT, true);
	set(k, LAST, true);
}

/* NEXT leads to LAST as well: the writer must not be about to CAS its link. */
static void spring_trap(struct kreg *k)
{
	set(k, FRONT, false);
	reuse(k);
	set(k, NEXT, true);
}

/*
 * Stops @writer in @op at that point, while @k churns; 0: springs the trap. False: the
 * operation ended before.
 */
static bool stop_in(struct kreg *k, struct child *writer, int op, int nth, int steps, int pairs)
{
	static int64_t number;
	bool stopped;

	link_say(writer->link, op);
	link_say(writer->link, ++number);
	await_stop(writer->pid);
	stopped = step_into(writer->pid, nth, steps);
	if (stopped) {
		if (pairs)
			churn(k, pairs);
		else
			spring_trap(k);
		ck_assert_int_eq(ptrace(PTRACE_CONT, writer->pid, NULL, NULL), 0);
		await_stop(writer->pid);
	}
	ck_assert_int_eq(ptrace(PTRACE_CONT, writer->pid, NULL, NULL), 0);
	ck_assert_int_eq(link_hear(writer->link), op == OP_REGISTER ? 0 : op == OP_UPDATE ? 8 : 1);
	expect_whole(k, op != OP_UNREGISTER, number);
	return stopped;
}

/* Starts the writer before any process registers. */
static struct child start_writer(struct kreg *k, int *mode)
{
	struct child writer;
	int status;

	memset(is_registered, 0, sizeof(is_registered));
	find_keys(k);
	writer = child_start(write_on_request, mode);
	ck_assert_int_eq(link_hear(writer.link), writer.pid);
	ck_assert_int_eq(ptrace(PTRACE_ATTACH, writer.pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(writer.pid, &status, __WALL), writer.pid);
	ck_assert_int_eq(ptrace(PTRACE_CONT, writer.pid, NULL, NULL), 0);
	return writer;
}

static void end_writer(struct child *writer)
{
	int status;

	link_say(writer->link, -1);
	/* All signals that it raised have been handled. */
	ck_assert_int_eq(waitpid(writer->pid, &status, __WALL), writer->pid);
	ck_assert(WIFEXITED(status));
	close(writer->link);
}

START_TEST(a_writer_stopped_before_each_cas_harms_no_process_and_ends_correctly)
{
	int mode = _i, op, nth, points[OPS] = { 0 }, every = (int)unit_many("KREG_EVERY", EVERY);
	struct kreg *k = open_small(mode);
	struct child writer;

	srand(unit_seed());
	writer = start_writer(k, &mode);
	churn(k, 10);
	for (nth = 1 + rand() % every; nth < 64; nth += every) {
		bool any = false;

		for (op = 0; op < OPS; op++) {
			bool stopped = stop_in(k, &writer, op, nth, 0, PAIRS);

			points[op] += stopped;
			any |= stopped;
		}
		if (!any)
			break;
	}
	for (op = 0; op < OPS; op++)
		printf("# %s: stopped at %d points\n", op_names[op], points[op]);
	end_writer(&writer);
	kreg_close(k);
}
END_TEST

START_TEST(memory_that_a_stopped_writer_is_about_to_cas_is_not_reused)
{
	int mode = _i, nth = 0;
	struct kreg *k = open_small(mode);
	struct child writer;
	bool stopped;

	writer = start_writer(k, &mode);
	do {
		set_trap(k);
		stopped = stop_in(k, &writer, OP_REGISTER, ++nth, 0, 0);
		stop_in(k, &writer, OP_UNREGISTER, 0, 0, 0);
	} while (stopped);
	end_writer(&writer);
	kreg_close(k);
}
END_TEST

START_TEST(a_writer_stopped_anywhere_lets_many_pairs_pass_in_4_mib)
{
	int mode = _i, i, steps, many = (int)unit_many("KREG_PAIRS", PAIRS_MANY);
	struct kreg *k = open_small(mode);
	struct child writer;

	srand(unit_seed());
	writer = start_writer(k, &mode);
	churn(k, 10);
	for (i = 0; i < POINTS_RANDOM; i++) {
		steps = rand() % 1500;
		stop_in(k, &writer, i % OPS, 0, steps, i ? PAIRS : many);
	}
	end_writer(&writer);
	kreg_close(k);
}
END_TEST

static struct kreg *open_duplicate(int mode)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);

	return mode_open_as(mode, "walk", &options);
}

/* Waits in the line of "name", then reuses that memory for the key that it receives. */
static int stand_in_line(int link, void *data)
{
	struct kreg *k = open_duplicate(*(int *)data);
	int key;

	/* A second entry in the slab, so that the slab is not returned. */
	link_say(link, kreg_register(k, "name", KREG_STRING, "x", 1, NULL) ||
			       kreg_register(k, "else", KREG_STRING, "x", 1, NULL));
	key = (int)link_hear(link);
	kreg_unregister(k, "name", KREG_STRING);
	reuse(k);
	link_say(link, kreg_register(k, &key, sizeof(key), "x", 1, NULL));
	link_hear(link);
	return 0;
}

/* Finds a key behind that of @q in the list. */
static int key_behind(struct kreg *k, const struct query *q)
{
	struct query other;
	int key = -1;

	do {
		key++;
		other = table_query(&k->segment, &key, sizeof(key));
	} while (!order_is_before(q->order, other.order));
	return key;
}

/* The next entry in line behind this process's entry at @place. */
static const struct entry *entry_behind(struct kreg *k, const struct query *q, place_t place)
{
	struct found found = { 0 };
	struct table_walk walk;

	table_line(&k->segment, q, &walk);
	do {
		ck_assert_int_eq(table_line_next(&k->segment, &k->lives, q, &walk, &found), 0);
	} while (found.place != place);
	ck_assert_int_eq(table_line_next(&k->segment, &k->lives, q, &walk, &found), 0);
	ck_assert_uint_ne(found.owner, k->self.owner);
	return found.entry;
}

START_TEST(a_walk_restarts_after_an_expulsion_that_another_step_noticed)
{
	int mode = _i;
	struct kreg *k = open_duplicate(mode);
	struct query q = table_query(&k->segment, "name", 4);
	struct child neighbour;
	struct change change;
	struct own_line line;
	struct found first, last;
	const struct entry *behind;

	q.kinds = KINDS_OF_NAMES;
	/*
	 * New entries are linked in front: this process's, the neighbour's, this
	 * process's.
	 */
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "last", 4, NULL), 0);
	neighbour = child_start_ready(stand_in_line, &mode);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "first", 5, NULL), 0);
	/* So that no hazard with the neighbour's entry is left. */
	ck_assert_int_eq(kreg_register(k, "between", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_unregister(k, "between", KREG_STRING), 1);
	ck_assert_int_eq(change_enter(&change, k, &q), 0);
	change_own_line(&change, &line);
	ck_assert_int_eq(change_own_next(&change, &line, &first), 0);
	behind = entry_behind(k, &q, first.place);
	/*
	 * The walk leads to the neighbour's entry, whose memory is reused for another
	 * key.
	 */
	ck_assert_int_eq(child_ask(&neighbour, key_behind(k, &q)), 0);
	ck_assert_uint_eq(load_relaxed(&change.thread->writer.slot->writing), SLOT_EXPELLED);
	ck_assert_int_ne(memcmp(behind->bytes, "name", 4), 0);
	/* This step notices the expulsion. */
	ck_assert_int_eq(change_unlink(&change, &first), 0);
	ck_assert_uint_ne(load_relaxed(&change.thread->writer.slot->writing), SLOT_EXPELLED);
	ck_assert_int_eq(change_own_next(&change, &line, &last), 0);
	ck_assert_uint_ne(last.place, first.place);
	ck_assert_int_eq(change_unlink(&change, &last), 0);
	ck_assert_int_eq(change_own_next(&change, &line, &last), -ENOENT);
	change_leave(&change);
	ck_assert_int_eq(kreg_count(k), 2);
	child_kill(&neighbour);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_writer_stopped_before_each_cas_harms_no_process_and_ends_correctly,
		memory_that_a_stopped_writer_is_about_to_cas_is_not_reused,
		a_writer_stopped_anywhere_lets_many_pairs_pass_in_4_mib,
		a_walk_restarts_after_an_expulsion_that_another_step_noticed,
		NULL,
	};

	return modes_run(suite_create("stopped"), tcase_create("both"), both, NULL, NULL);
}
