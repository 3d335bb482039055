/* SPDX-License-Identifier: MIT */
/*
 * regtool sweep: reclaims the memory of dead processes now. Run by root, it first has the guard
 * end the lives of processes that are gone, in case the kernel skipped the guard's program at
 * their exit.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_GUARD
#include "bpf/guard.h"
#endif
#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

static const struct output_column columns[] = { { "bytes_swept", OUTPUT_SIZE } };

static void audit(void)
{
#ifdef HAVE_GUARD
	struct guard_options options = { .path = getenv("KREG_GUARD") };

	if (options.path && !*options.path)
		options.path = NULL;
	/* Fails without a guard or without root, and then there is nothing to do. */
	if (!options.path || strcmp(options.path, "none") != 0)
		guard_audit(&options, NULL);
#endif
}

static int sweep(struct client *client, struct kreg *k, char **arguments)
{
	struct output_cell cell;
	int64_t swept;
	int err;

	(void)arguments;
	progress_begin("sweeping", 0);
	audit();
	swept = kreg_sweep(k);
	progress_end();
	cell = output_number((uint64_t)swept);
	err = swept < 0 ? (int)swept : output_record(&client->form, columns, 1, &cell);
	if (err)
		return client_fail(client, err, "sweep registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

COMMAND(sweep) = {
	.name = "sweep",
	.group = COMMAND_CHANGES,
	.synopsis = "sweep [--json]",
	.summary = "reclaim the memory of dead processes now",
	.use = sweep,
	.open = KREG_OPEN_EXISTING,
};
