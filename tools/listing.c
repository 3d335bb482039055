/* SPDX-License-Identifier: MIT */
/*
 * Lists of entries.
 */
#include "tools/listing.h"

#include <errno.h>

#include "tools/entries.h"
#include "tools/out/progress.h"

/* What a visitor returns when it has seen enough. */
#define ENOUGH 1

struct visit {
	struct kreg *k;
	struct listing *listing;
	struct output *output; /* NULL: quiet */
	struct who_cache *who;
	bool host; /* it is looked up for each entry */
	bool more; /* cells besides the main ones are needed */
	struct output_cell cells[ENTRY_CELLS];
};

void listing_init(struct listing *listing)
{
	*listing = (struct listing){ 0 };
	selection_init(&listing->selection);
}

static int add(const struct kreg_entry *entry, void *data)
{
	struct visit *visit = data;
	struct kreg_remote remote;
	const struct who *who;

	progress_step(1);
	if (entry->position && !visit->listing->waiting)
		return 0;
	if (selection_hides(&visit->listing->selection, entry))
		return 0;
	visit->listing->count++;
	if (!visit->output)
		return ENOUGH;
	who = who_is(visit->who, &entry->owner);
	if (!who)
		return -ENOMEM;
	if (visit->more)
		entry_cells(visit->host ? visit->k : NULL, entry, &remote, visit->cells);
	else
		entry_main_cells(entry, visit->cells);
	return output_add_shared(visit->output, visit->cells, who->shared);
}

static unsigned int needed_of_owners(const struct visit *visit)
{
	unsigned int flags = visit->output ? who_needs(visit->output, ENTRY_OWNER) : 0;

	return visit->listing->selection.state < 0 ? flags : flags & ~(unsigned int)WHO_PID_ONLY;
}

static bool needs_more(const struct output *output)
{
	size_t i;

	for (i = ENTRY_VALUE + 1; i < ENTRY_CELLS; i++) {
		if (output_needs(output, i))
			return true;
	}
	return false;
}

/* How many entries there are is known, how many match is not. */
static void show_progress(struct kreg *k, struct listing *listing)
{
	int64_t count = 0;

	if (!progress_is_possible())
		return;
	if (selection_is_all(&listing->selection))
		count = kreg_count(k);
	progress_begin("reading", count > 0 ? (uint64_t)count : 0);
}

int listing_print(struct client *client, struct kreg *k, struct listing *listing)
{
	struct visit visit = { .k = k, .listing = listing };
	int status = listing->quiet ? 0 : client_list(client, &visit.output);
	int err = -ENOMEM;

	if (status)
		return status;
	if (visit.output) {
		output_order(visit.output, ENTRY_KEY);
		output_share(visit.output, ENTRY_OWNER, WHO_CELLS);
	}
	visit.who = who_new(k, needed_of_owners(&visit));
	visit.host = visit.output && output_needs(visit.output, ENTRY_HOST);
	visit.more = visit.output && needs_more(visit.output);
	listing->selection.who = visit.who;
	show_progress(k, listing);
	if (visit.who)
		err = kreg_select(k, &listing->selection.pattern, add, &visit);
	err = output_end(visit.output, err == ENOUGH ? 0 : err);
	progress_end();
	who_free(visit.who);
	if (err)
		return client_fail(client, err, "list registry \"%s\"", client->name);
	return listing->quiet && !listing->count ? REGTOOL_NOT_FOUND : REGTOOL_DONE;
}
