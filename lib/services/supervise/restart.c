/* SPDX-License-Identifier: MIT */
/*
 * Restart policy, strategy and limit.
 *
 * A restart covers a run of places in the order of start. The run is stopped from its end
 * and started from its beginning:
 *
 *   strategy       the run
 *   one_for_one    the service
 *   rest_for_one   from the service on
 *   one_for_all    all
 *
 *   policy         restarted after its own end   in a run because of another service
 *   permanent      always                        stopped if it runs, started
 *   transient      unless the end was clean      the same, even if it has ended cleanly before
 *   temporary      never; it is forgotten        stopped if it runs, forgotten
 *
 * The limit is exceeded if there were @intensity restarts in the period before this one.
 * So the times of the last @intensity restarts are enough: the oldest of them decides.
 */
#include "lib/services/supervise/restart.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define INTENSITY 1u
#define PERIOD_MS 5000u

struct ending ending_of(int status)
{
	if (WIFEXITED(status))
		return (struct ending){ CLD_EXITED, WEXITSTATUS(status) };
	return (struct ending){ CLD_KILLED, WTERMSIG(status) };
}

bool ending_is_clean(const struct ending *ending)
{
	if (ending->code == CLD_EXITED)
		return ending->status == 0;
	if (ending->code != CLD_KILLED && ending->code != CLD_DUMPED)
		return false;
	switch (ending->status) {
	case SIGHUP:
	case SIGINT:
	case SIGPIPE:
	case SIGTERM:
		return true;
	default:
		return false;
	}
}

bool restart_is_needed(uint32_t policy, const struct ending *ending)
{
	if (policy == KREG_RESTART_TRANSIENT)
		return !ending_is_clean(ending);
	return policy == KREG_RESTART_PERMANENT;
}

void restart_reach(uint32_t strategy, size_t count, size_t place, size_t *first, size_t *end)
{
	*first = strategy == KREG_ONE_FOR_ALL ? 0 : place;
	*end = strategy == KREG_ONE_FOR_ONE ? place + 1 : count;
}

size_t restart_plan(const struct restart_place *places, size_t count, uint32_t strategy,
		    size_t place, struct restart_step *steps)
{
	size_t first, end, at, n = 0;

	restart_reach(strategy, count, place, &first, &end);
	for (at = end; at-- > first;) {
		if (places[at].runs)
			steps[n++] = (struct restart_step){ RESTART_STOP, at };
		if (places[at].policy == KREG_RESTART_TEMPORARY && !places[at].is_forgotten)
			steps[n++] = (struct restart_step){ RESTART_FORGET, at };
	}
	for (at = first; at < end; at++) {
		if (places[at].policy != KREG_RESTART_TEMPORARY)
			steps[n++] = (struct restart_step){ RESTART_START, at };
	}
	return n;
}

uint32_t restart_delay(uint32_t first_ms, uint32_t max_ms, uint32_t in_row)
{
	uint64_t ms = first_ms;

	for (; in_row > 1 && ms < max_ms; in_row--)
		ms *= 2;
	return ms > max_ms && max_ms > first_ms ? max_ms : (uint32_t)ms;
}

int restart_history_init(struct restart_history *history, uint32_t intensity, uint32_t period_ms)
{
	if (!intensity)
		intensity = INTENSITY;
	if (intensity == KREG_INTENSITY_NONE)
		intensity = 0;
	*history = (struct restart_history){ .intensity = intensity };
	history->period_ms = period_ms ? period_ms : PERIOD_MS;
	if (!intensity)
		return 0;
	history->times = calloc(intensity, sizeof(*history->times));
	return history->times ? 0 : -ENOMEM;
}

void restart_history_deinit(struct restart_history *history)
{
	free(history->times);
	history->times = NULL;
}

bool restart_is_allowed(struct restart_history *history, uint64_t now_ms)
{
	if (!history->intensity)
		return false;
	if (history->kept == history->intensity &&
	    now_ms - history->times[history->next] <= history->period_ms)
		return false;
	history->times[history->next] = now_ms;
	history->next = (history->next + 1) % history->intensity;
	if (history->kept < history->intensity)
		history->kept++;
	return true;
}
