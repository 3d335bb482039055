/* SPDX-License-Identifier: MIT */
/*
 * Where the examples were built: $EXAMPLES, or in the folder that the test runs in.
 */
#include "tests/support/services.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/tmp.h"

#define READY_MS 30000

static const char *const roles[SERVICES] = { "config_server", "event_store", "telemetry" };
static const char *const after_config_server[] = { "config_server", NULL };

static void write_configuration(const char *folder)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/services.conf", folder);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fprintf(out, "# for event_store\nevents=events.log\ngreeting=hello\n");
	ck_assert_int_eq(fclose(out), 0);
}

void services_describe(struct services *out, const char *name)
{
	const char *examples = getenv("EXAMPLES");
	char top[256];
	int i;

	*out = (struct services){ 0 };
	snprintf(out->folder, sizeof(out->folder), "%s/%s", tmp_directory(), name);
	ck_assert_int_eq(mkdir(out->folder, 0700), 0);
	write_configuration(out->folder);
	if (examples)
		snprintf(top, sizeof(top), "%s", examples);
	else
		ck_assert_ptr_nonnull(realpath("examples", top));
	for (i = 0; i < SERVICES; i++) {
		snprintf(out->paths[i], sizeof(out->paths[i]), "%s/services/%s", top, roles[i]);
		out->argv[i][0] = out->paths[i];
		out->starts[i] = (struct kreg_start){ .size = sizeof(out->starts[i]),
						      .argv = out->argv[i],
						      .directory = out->folder,
						      .ready = KREG_READY_NOTIFY,
						      .timeout_ms = READY_MS };
		out->tree[i] = (struct kreg_supervised){ .size = sizeof(out->tree[i]),
							 .role = roles[i],
							 .start = &out->starts[i] };
	}
	out->argv[CONFIG_SERVER][1] = "services.conf";
	out->tree[EVENT_STORE].after = after_config_server;
}
