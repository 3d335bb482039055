/* SPDX-License-Identifier: MIT */
#include "tools/cluster/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FIGURE_TTL is in milliseconds here, as all times of cells. */
const struct output_column cluster_figures[FIGURES] = {
	[FIGURE_CLUSTER] = { "cluster", OUTPUT_TEXT },
	[FIGURE_HOST] = { "host", OUTPUT_TEXT },
	[FIGURE_PID] = { "pid", OUTPUT_NUMBER },
	[FIGURE_VERSION] = { "bridge", OUTPUT_TEXT },
	[FIGURE_TOUCH] = { "touch", OUTPUT_TEXT },
	[FIGURE_SESSION] = { "session", OUTPUT_TEXT },
	[FIGURE_SINCE] = { "session_for", OUTPUT_SECONDS },
	[FIGURE_ENDPOINT] = { "endpoint", OUTPUT_TEXT },
	[FIGURE_ENDPOINTS] = { "endpoints", OUTPUT_NUMBER },
	[FIGURE_LEASE] = { "lease", OUTPUT_TEXT },
	[FIGURE_TTL] = { "lease_time", OUTPUT_SECONDS },
	[FIGURE_GRACE] = { "grace", OUTPUT_SECONDS },
	[FIGURE_LEASE_LEFT] = { "lease_left", OUTPUT_SECONDS },
	[FIGURE_LAG] = { "lag", OUTPUT_SECONDS },
	[FIGURE_REVISION] = { "revision", OUTPUT_NUMBER },
	[FIGURE_MEMBERS] = { "members", OUTPUT_NUMBER },
	[FIGURE_EXPORT] = { "export", OUTPUT_TEXT },
	[FIGURE_EXPORTED] = { "exported", OUTPUT_NUMBER },
	[FIGURE_WAITING] = { "waiting", OUTPUT_NUMBER },
	[FIGURE_WAITING_FOR] = { "waiting_for", OUTPUT_SECONDS },
	[FIGURE_IMPORT] = { "import", OUTPUT_TEXT },
	[FIGURE_IMPORTED] = { "imported", OUTPUT_NUMBER },
	[FIGURE_KNOWN] = { "known", OUTPUT_NUMBER },
	[FIGURE_OTHERS] = { "others", OUTPUT_TEXT },
	[FIGURE_CONFLICTS] = { "conflicts", OUTPUT_NUMBER },
	[FIGURE_WRITES] = { "writes", OUTPUT_NUMBER },
	[FIGURE_EVENTS] = { "events", OUTPUT_NUMBER },
	[FIGURE_FAILURES] = { "failures", OUTPUT_NUMBER },
	[FIGURE_REFUSED] = { "refused", OUTPUT_NUMBER },
	[FIGURE_WRONG] = { "wrong", OUTPUT_NUMBER },
	[FIGURE_LEFT_OUT] = { "left_out", OUTPUT_NUMBER },
	[FIGURE_RESTORES] = { "restores", OUTPUT_NUMBER },
	[FIGURE_ERROR] = { "error", OUTPUT_TEXT },
	[FIGURE_ERROR_AGO] = { "error_ago", OUTPUT_SECONDS },
};

/* "production, test*", with three dots where there is no room. */
static struct output_cell patterns_cell(const struct bridge_list *patterns, char *to, size_t room)
{
	const struct bridge_pattern *list = patterns->items;
	size_t at = 0, i;

	if (patterns->is_cut || !patterns->count)
		return output_none();
	for (i = 0; i < patterns->count && at < room; i++)
		at += (size_t)snprintf(to + at, room - at, "%s%s", i ? ", " : "", list[i].text);
	if (at >= room)
		memcpy(to + room - 4, "...", 4);
	return output_string(to);
}

static struct output_cell touch_cell(enum bridge_touch touch)
{
	struct output_cell cell = output_constant(bridge_touch_name(touch));

	if (touch == BRIDGE_CUT_OFF)
		cell.mood = OUTPUT_BAD;
	else
		cell.mood = touch == BRIDGE_IN_TOUCH ? OUTPUT_GOOD : OUTPUT_WARNING;
	return cell;
}

static struct output_cell ago_cell(uint64_t at, uint64_t now)
{
	return at ? output_number(bridge_ago(at, now)) : output_none();
}

static struct output_cell seconds_cell(uint64_t seconds)
{
	return output_number(seconds < UINT64_MAX / 1000 ? seconds * 1000 : UINT64_MAX);
}

static struct output_cell some_cell(uint64_t number, enum output_mood mood)
{
	struct output_cell cell = output_number(number);

	cell.mood = number ? mood : OUTPUT_PLAIN;
	return cell;
}

struct output_cell cluster_lease(uint64_t lease, char to[32])
{
	if (!lease)
		return output_none();
	snprintf(to, 32, "%" PRIx64, lease);
	return output_string(to);
}

void cluster_fill(const struct bridge *b, uint64_t now, struct figure_room *room,
		  struct output_cell cells[FIGURES])
{
	cells[FIGURE_CLUSTER] = output_constant(b->cluster);
	cells[FIGURE_HOST] = output_constant(b->host);
	cells[FIGURE_PID] = output_number(b->pid);
	cells[FIGURE_VERSION] = output_constant(b->version);
	cells[FIGURE_TOUCH] = touch_cell(bridge_touch(b, now));
	cells[FIGURE_SESSION] = output_constant(b->session);
	cells[FIGURE_SINCE] = ago_cell(b->session_since, now);
	cells[FIGURE_ENDPOINT] = output_constant(b->endpoint);
	cells[FIGURE_ENDPOINTS] = output_number(b->endpoints);
	cells[FIGURE_LEASE] = cluster_lease(b->lease, room->lease);
	cells[FIGURE_TTL] = seconds_cell(b->ttl);
	cells[FIGURE_GRACE] = seconds_cell(b->grace);
	cells[FIGURE_LEASE_LEFT] =
		b->lease ? output_number(bridge_left(b->lease_until, now)) : output_none();
	cells[FIGURE_LAG] = ago_cell(b->touch, now);
	cells[FIGURE_REVISION] = output_number(b->revision);
	cells[FIGURE_MEMBERS] = output_number(b->members);
	cells[FIGURE_EXPORT] = patterns_cell(&b->exports, room->exports, sizeof(room->exports));
	cells[FIGURE_EXPORTED] = output_number(b->exported);
	cells[FIGURE_WAITING] = output_number(b->waiting);
	cells[FIGURE_WAITING_FOR] = ago_cell(b->waiting_since, now);
	cells[FIGURE_IMPORT] = patterns_cell(&b->imports, room->imports, sizeof(room->imports));
	cells[FIGURE_IMPORTED] = output_number(b->imported);
	cells[FIGURE_KNOWN] = output_number(b->known);
	cells[FIGURE_OTHERS] = output_constant(b->others);
	cells[FIGURE_CONFLICTS] = some_cell(b->conflicts, OUTPUT_WARNING);
	cells[FIGURE_WRITES] = output_number(b->writes);
	cells[FIGURE_EVENTS] = output_number(b->events);
	cells[FIGURE_FAILURES] = output_number(b->failures);
	cells[FIGURE_REFUSED] = some_cell(b->refused, OUTPUT_WARNING);
	cells[FIGURE_WRONG] = some_cell(b->wrong_keys, OUTPUT_WARNING);
	cells[FIGURE_LEFT_OUT] = some_cell(b->left_out, OUTPUT_WARNING);
	cells[FIGURE_RESTORES] = output_number(b->restores);
	cells[FIGURE_ERROR] = output_constant(*b->error ? b->error : NULL);
	cells[FIGURE_ERROR_AGO] = ago_cell(b->error_at, now);
}
