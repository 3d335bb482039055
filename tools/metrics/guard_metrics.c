/* SPDX-License-Identifier: MIT */
/*
 * The families of the guard, from its status. Users are no labels, because there may be many: the
 * one with the most seats stands for them.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tools/metrics/guard_metrics.h"

#ifdef HAVE_GUARD

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/guard.h"

static const struct metric_family up = {
	"kreg_guard_up", METRIC_GAUGE, NULL,
	"Whether the guard runs, in the version of this regtool."
};

struct figure {
	struct metric_family family;
	size_t offset;
	bool is_wide; /* uint64_t, else uint32_t */
};

#define WIDE(field) offsetof(struct guard_status, field), true
#define NARROW(field) offsetof(struct guard_status, field), false

static const struct figure figures[] = {
	{ { "kreg_guard_seats", METRIC_GAUGE, NULL, "Processes that can take part at once." },
	  NARROW(seats) },
	{ { "kreg_guard_seats_used", METRIC_GAUGE, NULL, "Processes that take part." },
	  NARROW(seats_used) },
	{ { "kreg_guard_seats_share", METRIC_GAUGE, NULL,
	    "Seats that each user but root may have." },
	  NARROW(share) },
	{ { "kreg_guard_seats_reserve", METRIC_GAUGE, NULL, "Seats that are for root only." },
	  NARROW(reserve) },
	{ { "kreg_guard_attaches", METRIC_COUNTER, NULL, "Seats that were taken." },
	  WIDE(attaches) },
	{ { "kreg_guard_refused", METRIC_COUNTER, NULL, "Processes that found no free seat." },
	  WIDE(refused) },
	{ { "kreg_guard_over_share", METRIC_COUNTER, NULL,
	    "Processes whose user had its share of the seats." },
	  WIDE(over_share) },
	{ { "kreg_guard_execs", METRIC_COUNTER, NULL, "Executions by processes with a seat." },
	  WIDE(execs) },
	{ { "kreg_guard_deaths", METRIC_COUNTER, NULL, "Lives that the guard has ended." },
	  WIDE(deaths) },
	{ { "kreg_guard_missed", METRIC_COUNTER, NULL,
	    "Deaths that the ring had no room for: those who wait look at the names instead." },
	  WIDE(missed) },
	{ { "kreg_guard_late", METRIC_COUNTER, NULL,
	    "Lives that were ended by an audit, because the kernel had skipped the programs." },
	  WIDE(late) },
	{ { "kreg_guard_stale", METRIC_COUNTER, NULL,
	    "Ends after which the kernel did not remove the process from the owners at once." },
	  WIDE(stale) },
	{ { "kreg_guard_upgrades", METRIC_COUNTER, NULL,
	    "How often the guard's programs were replaced." },
	  WIDE(upgrades) },
};

static const struct metric_family recursion = {
	"kreg_guard_recursion_misses", METRIC_COUNTER, NULL,
	"Events for which the kernel skipped a program, because it ran on that CPU already."
};

static const struct metric_family most = { "kreg_guard_seats_user_most", METRIC_GAUGE, NULL,
					   "Seats of the user with most of them, root apart." };

static uint64_t value_of(const struct figure *figure, const struct guard_status *status)
{
	const char *at = (const char *)status + figure->offset;
	uint64_t wide;
	uint32_t narrow;

	if (figure->is_wide) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static void print_most(struct exposition *exposition, const struct guard_options *options)
{
	struct guard_user *users = NULL;
	size_t count = 0, i;
	uint32_t seats = 0;

	if (guard_users(options, &users, &count) < 0)
		return;
	for (i = 0; i < count; i++) {
		if (users[i].uid && users[i].seats > seats)
			seats = users[i].seats;
	}
	free(users);
	exposition_single(exposition, &most, seats);
}

void guard_metrics(struct exposition *exposition)
{
	struct guard_options options = { .path = getenv("KREG_GUARD") };
	struct guard_status status = { 0 };
	int err = -ENOENT;
	size_t i;

	if (options.path && !*options.path)
		options.path = NULL;
	if (!options.path || strcmp(options.path, "none") != 0)
		err = guard_status(&options, &status);
	exposition_single(exposition, &up, err >= 0);
	if (err < 0)
		return;
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		exposition_single(exposition, &figures[i].family, value_of(&figures[i], &status));
	if (status.recursion_known)
		exposition_single(exposition, &recursion, status.recursion_misses);
	print_most(exposition, &options);
}

#else

void guard_metrics(struct exposition *exposition)
{
	(void)exposition;
}

#endif
