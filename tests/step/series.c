/* SPDX-License-Identifier: MIT */
/*
 * A runner, which is a child, goes through the points; a runner that hangs is killed,
 * with all its children, and another one goes on after the point. The results are in
 * memory that both share.
 */
#include "tests/step/series.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOTS_MAX 20000u
/* The sum of all waits of one point. */
#define POINT_MS 120000

struct board_of_series {
	uint32_t count;    /* of spots; 0: they are not chosen yet */
	uint32_t what, at; /* the point that is next, or being done */
	uint32_t beat;     /* a number that goes up with each point */
	bool broken;       /* the operation does not even run through */
	struct figures figures[BEFALLS];
	struct spot spots[SPOTS_MAX];
};

volatile int series_stops;

static pid_t first_child(void)
{
	char path[64];
	FILE *children;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	children = fopen(path, "r");
	if (!children)
		return 0;
	while (fscanf(children, "%d", &pid) != 1 && ferror(children) && errno == EINTR)
		clearerr(children);
	fclose(children);
	return pid;
}

/* Processes started by a victim and left over are children of the runner. */
static void end_children(void)
{
	pid_t pid;

	while ((pid = first_child()) > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static uint64_t random_next(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ull;
	uint64_t z = *state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void spot_add(struct board_of_series *board, const struct recording *recording,
		     uint32_t index)
{
	if (board->count < SPOTS_MAX)
		board->spots[board->count++] = recording_spot(recording, index);
}

/* Before each instruction that matters, its predecessor, and its next two. */
static void choose(const struct series *series, const struct recording *recording,
		   struct board_of_series *board)
{
	unsigned char *wanted = calloc(recording->count, 1);
	uint64_t state = series->seed;
	uint32_t i, near, important = 0;

	if (!wanted)
		return;
	for (i = 0; i < recording->count; i++) {
		if (recording->mark[i] == STEP_PLAIN)
			continue;
		for (near = i ? i - 1 : i; near <= i + 2 && near < recording->count; near++) {
			important += !wanted[near];
			wanted[near] = 1;
		}
	}
	for (i = 0; i < recording->count; i++) {
		uint32_t of = wanted[i] ? important : recording->count - important;
		uint32_t most = wanted[i] ? series->points_max : series->others;

		/* Each of them with the same chance, so that @most are left. */
		if (wanted[i] && !most)
			most = of;
		if (random_next(&state) % (of ? of : 1) >= most)
			continue;
		spot_add(board, recording, i);
	}
	free(wanted);
}

static int begin(const struct series *series, struct stage *stage, struct board_of_series *board)
{
	struct recording recording = { 0 };
	struct point point = {
		.stage = stage, .operation = series->operation, .what = NOTHING, .first = true
	};
	int err = stage_begin(stage, &series->at, series->other_life, series->watched);

	if (err) {
		if (!board->count)
			snprintf(board->figures[0].complaint, COMPLAINT_MAX, "it cannot begin: %d",
				 err);
		return err;
	}
	err = point_run(&point);
	board->beat++;
	if (!err && !board->count) {
		point.first = false;
		point.record = &recording;
		err = point_run(&point);
		if (!err && series->only.address)
			board->spots[board->count++] = series->only;
		else if (!err)
			choose(series, &recording, board);
		recording_free(&recording);
	}
	if (err && !board->count)
		snprintf(board->figures[0].complaint, COMPLAINT_MAX,
			 "with nothing that befalls it: %.200s", point.complaint);
	return err;
}

static bool runner_next(const struct series *series, struct board_of_series *board)
{
	struct figures *figures;

	if (board->at >= board->count) {
		board->at = 0;
		board->what++;
	}
	while (board->what < BEFALLS) {
		figures = &board->figures[board->what];
		if (series->what[board->what] && figures->failures < series->failures_max)
			return true;
		if (series->what[board->what])
			figures->left_out = board->count - board->at;
		board->at = 0;
		board->what++;
	}
	return false;
}

static void keep(struct board_of_series *board, const struct point *point, int err)
{
	struct figures *figures = &board->figures[board->what];

	figures->points++;
	figures->missed += point->missed;
	if (point->worst_ms > figures->worst_ms)
		figures->worst_ms = point->worst_ms;
	if (err && !figures->failures++) {
		figures->first = point->spot;
		memcpy(figures->complaint, point->complaint, sizeof(figures->complaint));
	}
}

static void __attribute__((noreturn))
runner(const struct series *series, struct board_of_series *board)
{
	struct stage stage;
	bool begun = false;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	tracer_timer();
	while (!board->count || runner_next(series, board)) {
		struct point point = { .stage = &stage, .operation = series->operation };
		int err;

		if (!begun && begin(series, &stage, board)) {
			/*
			 * It ran through before, so an earlier point has damaged more
			 * than its registry.
			 */
			board->broken = !board->count;
			if (board->count)
				board->figures[board->what].failures++;
			end_children();
			_exit(1);
		}
		begun = true;
		if (!runner_next(series, board))
			break;
		point.what = (enum befalls)board->what;
		point.spot = board->spots[board->at];
		err = point_run(&point);
		keep(board, &point, err);
		board->at++;
		board->beat++;
		if (err) {
			stage_end(&stage);
			end_children();
			begun = false;
		}
	}
	if (begun)
		stage_end(&stage);
	end_children();
	_exit(0);
}

/* False: it made no progress, and was killed. */
static bool runner_wait(pid_t pid, const struct board_of_series *board)
{
	uint32_t beat = board->beat;
	int64_t since = clock_ms();
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, 0);

		if (got == pid)
			return true;
		if (beat != board->beat) {
			beat = board->beat;
			since = clock_ms();
		}
		if (clock_ms() - since > POINT_MS || series_stops) {
			kill(pid, SIGKILL);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			return false;
		}
	}
}

int series_run(const struct series *series, struct figures figures[BEFALLS])
{
	struct board_of_series *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool whole = false;
	int err = 0;

	if (board == MAP_FAILED)
		return -1;
	/* The children of a killed runner become this process's. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (!whole && !board->broken && !series_stops) {
		struct point hung = { .complaint = "all of it hangs" };
		pid_t pid = fork();

		if (!pid)
			runner(series, board);
		whole = pid < 0 || runner_wait(pid, board);
		if (!whole)
			end_children();
		if (whole || board->broken)
			break;
		board->broken = !board->count && !series_stops;
		if (!series_stops && board->at < board->count && board->what < BEFALLS) {
			hung.spot = board->spots[board->at];
			keep(board, &hung, -1);
			board->at++;
		}
	}
	memcpy(figures, board->figures, sizeof(board->figures));
	err = board->broken ? -1 : 0;
	munmap(board, sizeof(*board));
	return err;
}
