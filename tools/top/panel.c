/* SPDX-License-Identifier: MIT */
/*
 * Lines of owners, and of figures. Columns have fixed widths, so that nothing jumps from one look
 * to the next.
 */
#include "tools/kinds.h"
#include "tools/top/panel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/out/quantity.h"
#include "tools/out/text.h"
#include "tools/top/spaces.h"

#define COMM_WIDTH 10
#define COMM_WIDTH_MAX 15

static const char *const orders[PANEL_ORDERS] = {
	[PANEL_BY_ENTRIES] = "entries",       [PANEL_BY_ENTRIES_RATE] = "entries_rate",
	[PANEL_BY_UPDATES] = "updates_rate",  [PANEL_BY_BYTES] = "bytes",
	[PANEL_BY_BYTES_RATE] = "bytes_rate", [PANEL_BY_HELD_UP] = "held_up",
	[PANEL_BY_EXPELLED] = "expelled",     [PANEL_BY_PID] = "pid",
};

const char *panel_order_name(enum panel_order order)
{
	return orders[order];
}

int panel_order_of(const char *name)
{
	int order;

	for (order = 0; order < PANEL_ORDERS; order++) {
		if (!strcmp(orders[order], name))
			return order;
	}
	return -1;
}

/* A number in six columns at most. */
struct figure {
	char text[QUANTITY_MAX + 1];
};

static struct figure size_of(uint64_t bytes)
{
	struct figure figure;

	figure.text[quantity_size(figure.text, bytes)] = '\0';
	return figure;
}

static struct figure age_of(int64_t ms)
{
	struct figure figure = { .text = "-" };

	if (ms >= 0)
		figure.text[quantity_age(figure.text, (uint64_t)ms)] = '\0';
	return figure;
}

static struct figure number_of(uint64_t number)
{
	struct figure figure;

	if (number < 1000000)
		snprintf(figure.text, sizeof(figure.text), "%" PRIu64, number);
	else
		snprintf(figure.text, sizeof(figure.text), "%" PRIu64 "%c",
			 number / (number < 1000000000 ? 1000 : 1000000),
			 number < 1000000000 ? 'k' : 'M');
	return figure;
}

static struct figure rate_of(const struct sample *sample, int64_t change,
			     struct figure (*of)(uint64_t amount))
{
	int64_t rate = sample_rate(sample, change);
	struct figure figure, amount = of((uint64_t)(rate < 0 ? -rate : rate));

	if (!sample->ms)
		return (struct figure){ .text = "-" };
	snprintf(figure.text, sizeof(figure.text), "%s%.20s",
		 rate < 0 ? "-"
		 : rate   ? "+"
			  : "",
		 amount.text);
	return figure;
}

static struct figure change_of(const struct sample *sample, int64_t change)
{
	return rate_of(sample, change, number_of);
}

static struct figure bytes_change_of(const struct sample *sample, int64_t change)
{
	return rate_of(sample, change, size_of);
}

static void escape(char *to, size_t room, const void *bytes, size_t size)
{
	size_t width;

	size = size < room / TEXT_GROWTH ? size : room / TEXT_GROWTH;
	to[text_escape(to, bytes, size, room - 1, &width)] = '\0';
}

static int64_t key_of(const struct panel *panel, const struct sample *sample,
		      const struct sample_owner *owner)
{
	const struct kreg_owner_facts *facts = &owner->facts;

	switch (panel->order) {
	case PANEL_BY_ENTRIES_RATE:
		return sample_rate(sample, owner->entries);
	case PANEL_BY_UPDATES:
		return (int64_t)owner->updates;
	case PANEL_BY_BYTES:
		return (int64_t)facts->bytes;
	case PANEL_BY_BYTES_RATE:
		return sample_rate(sample, owner->bytes);
	case PANEL_BY_HELD_UP:
		return facts->held_up_ms;
	case PANEL_BY_EXPELLED:
		return facts->expelled;
	case PANEL_BY_PID:
		return -(int64_t)facts->owner.pid;
	default:
		return (int64_t)facts->entries;
	}
}

static int add(struct panel *panel, const struct panel_row *row)
{
	size_t room = panel->room ? 2 * panel->room : 64;
	struct panel_row *rows;

	if (*panel->filter && !strstr(row->line, panel->filter))
		return 0;
	if (panel->count == panel->room) {
		rows = reallocarray(panel->rows, room, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		panel->rows = rows;
		panel->room = room;
	}
	panel->rows[panel->count++] = *row;
	return 0;
}

static int comm_width(size_t columns)
{
	size_t width = columns > PANEL_COLUMNS ? COMM_WIDTH + columns - PANEL_COLUMNS : COMM_WIDTH;

	return width < COMM_WIDTH_MAX ? (int)width : COMM_WIDTH_MAX;
}

static int add_owner(struct panel *panel, const struct sample *sample,
		     const struct sample_owner *owner, const struct who *who, size_t columns)
{
	const struct kreg_owner_facts *facts = &owner->facts;
	const char *comm = who->comm ? who->comm : facts->comm;
	uint32_t uid = who->uid != KREG_ID_UNKNOWN ? who->uid : facts->uid;
	struct panel_row row = { .owner = facts->owner };

	escape(row.name, sizeof(row.name), comm, strnlen(comm, sizeof(facts->comm)));
	row.is_bad = who->state == WHO_STOPPED || facts->held_up_ms >= 0;
	row.key = key_of(panel, sample, owner);
	snprintf(row.line, sizeof(row.line), "%7d %-*.*s %5s %-8s %7s %6s %6s %6s %6s %6s %3s",
		 facts->owner.pid, comm_width(columns), comm_width(columns),
		 *row.name ? row.name : "-", uid == KREG_ID_UNKNOWN ? "-" : number_of(uid).text,
		 who_state_name(who->state), number_of(facts->entries).text,
		 change_of(sample, owner->entries).text,
		 number_of((uint64_t)sample_rate(sample, (int64_t)owner->updates)).text,
		 size_of(facts->bytes).text, bytes_change_of(sample, owner->bytes).text,
		 age_of(facts->held_up_ms).text, number_of(facts->expelled).text);
	return add(panel, &row);
}

static int add_owners(struct panel *panel, struct who_cache *who, const struct sample *sample,
		      size_t columns)
{
	const struct who *is;
	int err = 0;
	size_t i;

	snprintf(panel->heading, PANEL_WIDTH, "%7s %-*s %5s %-8s %7s %6s %6s %6s %6s %6s %3s",
		 "PID", comm_width(columns), "COMM", "UID", "STATE", "ENTRIES", "+/S", "UPD/S",
		 "BYTES", "B+/S", "HELDUP", "EXP");
	for (i = 0; i < sample->count && !err; i++) {
		is = who_is(who, &sample->owners[i].facts.owner);
		err = is ? add_owner(panel, sample, &sample->owners[i], is, columns) : -ENOMEM;
	}
	return err;
}

/* Within PANEL_COLUMNS. */
#define SPACE_LINE "%-32.32s %8s %8s %8s %10s %8s"

static int add_space(const struct space *space, void *data)
{
	struct panel *panel = data;
	struct panel_row row = { .key = (int64_t)space->names,
				 .is_bad = space->stopped || space->failed };

	escape(row.name, sizeof(row.name), space->name, strlen(space->name));
	snprintf(row.line, sizeof(row.line), SPACE_LINE, row.name, number_of(space->names).text,
		 number_of(space->running).text, number_of(space->stopped).text,
		 number_of(space->restarting).text, number_of(space->failed).text);
	return add(panel, &row);
}

static int compare(const void *x, const void *y, void *data)
{
	const struct panel_row *a = x, *b = y;
	const struct panel *panel = data;
	int order = (a->key < b->key) - (a->key > b->key);

	if (!order && a->owner.token)
		order = (a->owner.pid > b->owner.pid) - (a->owner.pid < b->owner.pid);
	else if (!order)
		order = strcmp(a->name, b->name);
	return panel->reverse ? -order : order;
}

/* "pid 123 (cache, stopped)" */
static void name_owner(char *to, size_t size, const struct sample *sample, struct who_cache *who,
		       pid_t pid)
{
	const struct sample_owner *owner = sample_find(sample, pid);
	const struct who *is = owner ? who_is(who, &owner->facts.owner) : NULL;
	char comm[64] = "";

	if (is && is->comm)
		escape(comm, sizeof(comm), is->comm, strlen(is->comm));
	if (is)
		snprintf(to, size, "pid %d (%s%s%s)", pid, comm, *comm ? ", " : "",
			 who_state_name(is->state));
	else
		snprintf(to, size, "pid %d", pid);
}

static void say_sections(char *line, const struct sample *sample, struct who_cache *who)
{
	const struct kreg_stat *stat = &sample->stat;
	char holder[128] = "nobody", last[64] = "";

	if (stat->held_up_by)
		name_owner(holder, sizeof(holder), sample, who, stat->held_up_by);
	if (stat->held_up_ms >= 0)
		snprintf(last, sizeof(last), " for %s", age_of(stat->held_up_ms).text);
	snprintf(line, PANEL_WIDTH, "reuse delayed by %s%s; readers %s, expelled %s", holder, last,
		 number_of(stat->readers).text, number_of(stat->expelled).text);
	if (!stat->expelled_last)
		return;
	snprintf(last, sizeof(last), ", last pid %d %s ago", stat->expelled_last,
		 age_of(stat->expelled_ms).text);
	strncat(line, last, PANEL_WIDTH - strlen(line) - 1);
}

static void summarize(struct panel *panel, const char *registry, const struct sample *sample,
		      struct who_cache *who)
{
	const struct kreg_stat *stat = &sample->stat;
	int64_t entries = 0, bytes = 0;
	uint64_t updates = 0;
	size_t i;

	for (i = 0; i < sample->count; i++) {
		entries += sample->owners[i].entries;
		bytes += sample->owners[i].bytes;
		updates += sample->owners[i].updates;
	}
	entries -= (int64_t)sample->ended_entries;
	snprintf(panel->summary[0], PANEL_WIDTH, "registry %.80s, %s", registry,
		 life_name(stat->life));
	snprintf(panel->summary[1], PANEL_WIDTH,
		 "entries %s, %s/s, updates %s/s; purged %s with %s owners that ended",
		 number_of(stat->entries).text, change_of(sample, entries).text,
		 number_of((uint64_t)sample_rate(sample, (int64_t)updates)).text,
		 number_of(sample->ended_entries).text, number_of(sample->ended).text);
	snprintf(panel->summary[2], PANEL_WIDTH,
		 "owners %s of %s, slots %s of %s, buckets %s; lookups are not counted",
		 number_of(stat->owners).text, number_of(stat->seats).text,
		 number_of(stat->slots_used).text, number_of(stat->slots).text,
		 number_of(stat->buckets).text);
	snprintf(panel->summary[3], PANEL_WIDTH,
		 "memory %s of %s: used %s, %s/s, waiting %s, dead %s, swept %s",
		 size_of(stat->bytes_reserved).text, size_of(stat->bytes_max).text,
		 size_of(stat->bytes_used).text, bytes_change_of(sample, bytes).text,
		 size_of(stat->bytes_waiting).text, size_of(stat->bytes_dead).text,
		 size_of(stat->bytes_swept).text);
	say_sections(panel->summary[4], sample, who);
}

int panel_make(struct panel *panel, struct kreg *k, const char *registry,
	       const struct sample *sample, size_t columns)
{
	struct who_cache *who = who_new(k, 0);
	int err;

	panel->count = 0;
	if (!who)
		return -ENOMEM;
	summarize(panel, registry, sample, who);
	if (panel->namespaces) {
		snprintf(panel->heading, PANEL_WIDTH, SPACE_LINE, "NAMESPACE", "NAMES", "RUNNING",
			 "STOPPED", "RESTARTING", "FAILED");
		err = spaces_each(k, who, add_space, panel);
	} else {
		err = add_owners(panel, who, sample, columns);
	}
	who_free(who);
	if (!err && panel->count)
		qsort_r(panel->rows, panel->count, sizeof(*panel->rows), compare, panel);
	return err;
}

void panel_free(struct panel *panel)
{
	free(panel->rows);
	panel->rows = NULL;
	panel->count = panel->room = 0;
}
