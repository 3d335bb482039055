/* SPDX-License-Identifier: MIT */
/*
 * regtool bench: how fast kreg is on this host, as ratios to the floor, in a registry of its own.
 *
 * The registry is removed at the end, also after SIGINT, SIGTERM, SIGHUP and SIGQUIT, which end the
 * process then. One that is killed leaves it, without an owner: `regtool destroy` removes it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/client.h"
#include "tools/kinds.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

#define SECONDS 10
#define SECONDS_MAX 3600
#define KEYS 100000
#define KEYS_MAX 10000000

enum {
	CELL_MEASURE,
	CELL_RATIO,
	CELL_RATIO_LOW,
	CELL_RATIO_HIGH,
	CELL_NS,
	CELL_NS_LOW,
	CELL_NS_HIGH,
	CELL_TURNS,
	CELL_LIFE,
	CELL_BESIDE,
	CELL_KEYS,
	CELLS,
};

static const struct output_column columns[CELLS] = {
	{ "measure", OUTPUT_TEXT, "what is measured", false },
	{ "ratio", OUTPUT_DECIMAL, "to the floor of the same turn: the median of the turns",
	  false },
	{ "ratio_low", OUTPUT_DECIMAL, "a quarter of the turns are below", false },
	{ "ratio_high", OUTPUT_DECIMAL, "a quarter of the turns are above", false },
	{ "ns", OUTPUT_DECIMAL, "nanoseconds, of this machine", false },
	{ "ns_low", OUTPUT_DECIMAL, "as ratio_low", false },
	{ "ns_high", OUTPUT_DECIMAL, "as ratio_high", false },
	{ "turns", OUTPUT_NUMBER, "how many there were", false },
	{ "life", OUTPUT_TEXT, "what ends lives: guard or fallback", false },
	{ "beside", OUTPUT_TEXT, "the measure of the floor to which the ratio is", true },
	{ "keys", OUTPUT_NUMBER, "names in the registry", true },
};

static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	signalled = signal;
}

/* What is ignored stays so. */
static void catch_signals(void (*from)(int), void (*to)(int))
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = to }, before;
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		if (!sigaction(ending[i], NULL, &before) && before.sa_handler == from)
			sigaction(ending[i], &action, NULL);
	}
}

static struct output_cell decimal(double value)
{
	return output_number((uint64_t)(value * 1000 + 0.5));
}

static int print(struct client *client, const struct bench *b, const char *life,
		 const struct bench_result results[BENCH_MEASURES], uint32_t turns)
{
	struct output *output;
	int status = client_list(client, &output), err = 0;
	size_t i;

	if (status)
		return status;
	for (i = 0; i < BENCH_MEASURES && !err; i++) {
		const struct bench_result *is = &results[i];
		const struct output_cell cells[CELLS] = {
			[CELL_MEASURE] = output_constant(is->name),
			[CELL_RATIO] = decimal(is->ratio.middle),
			[CELL_RATIO_LOW] = decimal(is->ratio.low),
			[CELL_RATIO_HIGH] = decimal(is->ratio.high),
			[CELL_NS] = decimal(is->ns.middle),
			[CELL_NS_LOW] = decimal(is->ns.low),
			[CELL_NS_HIGH] = decimal(is->ns.high),
			[CELL_TURNS] = output_number(turns),
			[CELL_LIFE] = output_constant(life),
			[CELL_BESIDE] = output_constant(bench_name(is->beside)),
			[CELL_KEYS] = output_number(b->count),
		};

		err = output_add(output, cells);
	}
	err = output_end(output, err);
	if (err)
		return client_fail(client, err, "list what was measured");
	if (!client->form.json && !client->form.no_header)
		printf("\nCompare ratios, which are to the floor: a hash, a line of tags, an "
		       "entry. "
		       "Nanoseconds\nare those of this machine, now. Lives are ended by the %s; "
		       "%" PRIu32 " names; medians and\nmiddle halves of %" PRIu32 " turns.\n",
		       life, b->count, turns);
	return REGTOOL_DONE;
}

static int measure(struct bench *b, const char **life, struct bench_result *results,
		   uint32_t *turns)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int64_t begin = bench_now_ns();
	int err;

	progress_wait("measuring", (uint64_t)b->ms);
	err = bench_fill(b);
	b->ms -= (bench_now_ns() - begin) / 1000000;
	if (!err)
		err = kreg_stat(b->k, &stat);
	*life = life_name(stat.life);
	return err ? err : bench_turns(b, results, turns);
}

/* In a registry that no other has opened: its name has the pid and the time. */
static int bench(struct client *client, struct bench *b)
{
	struct bench_result results[BENCH_MEASURES];
	struct timespec now = { 0 };
	const char *life = NULL;
	uint32_t turns = 0;
	int err, status = REGTOOL_DONE;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(client->name, sizeof(client->name), "regtool-bench-%d-%jx%09lx", getpid(),
		 (uintmax_t)now.tv_sec, (unsigned long)now.tv_nsec);
	client->options.flags = KREG_OPEN_EXCLUSIVE;
	err = kreg_open(&b->k, client->name, &client->options);
	if (!err) {
		b->registry = client->name;
		b->options = &client->options;
		err = measure(b, &life, results, &turns);
		kreg_close(b->k);
		client->options.flags = 0;
		kreg_destroy(client->name, &client->options, KREG_DESTROY_FORCE);
	}
	progress_end();
	if (err && err != -EINTR)
		status = client_fail(client, err,
				     "measure among %" PRIu32 " names, of which --keys makes fewer",
				     b->count);
	else if (!err)
		status = print(client, b, life, results, turns);
	bench_free(b);
	return status;
}

static int parse(struct client *client, struct bench *b, int argc, char **argv)
{
	uint64_t seconds = SECONDS, keys = KEYS;
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1) {
		if (option == 's')
			status =
				client_range(client, "--seconds", optarg, 1, SECONDS_MAX, &seconds);
		else
			status = client_range(client, "--keys", optarg, 1, KEYS_MAX, &keys);
	}
	b->ms = (int64_t)seconds * 1000;
	b->count = (uint32_t)keys;
	return status ? status : client_arguments(client, argc, argv);
}

static int run(struct client *client, int argc, char **argv)
{
	struct bench b = { .interrupted = &signalled };
	int status = parse(client, &b, argc, argv);

	if (status)
		return status;
	catch_signals(SIG_DFL, note_signal);
	status = bench(client, &b);
	catch_signals(note_signal, SIG_DFL);
	/* The parent learns what has ended the process. */
	if (signalled)
		raise(signalled);
	return status;
}

static const struct command_option options[] = {
	{ "seconds", 's', "N", "how long, as far as three turns allow it (10)", false },
	{ "keys", 'k', "N", "names in the registry (100000)", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool bench", "how fast kreg is here, in ten seconds" },
	{ "regtool bench --seconds 60 --keys 1M --json >after", "more closely, to compare" },
	{ 0 },
};

COMMAND(bench) = {
	.name = "bench",
	.group = COMMAND_CHANGES,
	.synopsis = "bench [--seconds N] [--keys N] " LIST_SYNOPSIS,
	.summary = "measure kreg on this host, beside the least that a table can do",
	.options = options,
	.examples = examples,
	.columns = columns,
	.column_count = CELLS,
	.list = "measures",
	.run = run,
};
