/* SPDX-License-Identifier: MIT */
/*
 * The text, in memory: it is written or sent only when it is whole.
 */
#include "tools/metrics/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/metrics/cluster_metrics.h"
#include "tools/metrics/exposition.h"
#include "tools/metrics/guard_metrics.h"
#include "tools/metrics/picture.h"
#include "tools/metrics/registry_metrics.h"

static const struct metric_family build = { "kreg_build", METRIC_INFO, NULL,
					    "The version of the library that regtool uses." };

/* As kreg_registries_each() says it: a registry of the caller has no UID. */
static const char *plain_name(const char *registry)
{
	char own[32];
	size_t size;

	if (!registry)
		return NULL;
	snprintf(own, sizeof(own), "%u:", geteuid());
	size = strlen(own);
	return strncmp(registry, own, size) ? registry : registry + size;
}

static void print(struct exposition *exposition, const struct picture *picture)
{
	exposition_family(exposition, &build);
	exposition_begin(exposition);
	exposition_string(exposition, "version", kreg_version());
	exposition_value(exposition, 1);
	guard_metrics(exposition);
	registry_metrics(exposition, picture);
	cluster_metrics(exposition, picture);
	exposition_end(exposition);
}

int metrics_print(struct metrics_text *text, const struct kreg_options *options,
		  const char *registry, bool openmetrics)
{
	struct picture picture = { .options = options, .only = plain_name(registry) };
	struct exposition exposition = { .openmetrics = openmetrics };
	int err = picture_take(&picture);

	*text = (struct metrics_text){ .registries = picture.found };
	if (!err) {
		exposition.to = open_memstream(&text->bytes, &text->size);
		if (!exposition.to)
			err = -ENOMEM;
	}
	if (!err) {
		print(&exposition, &picture);
		if (ferror(exposition.to))
			err = -ENOMEM;
		if (fclose(exposition.to))
			err = -ENOMEM;
	}
	picture_free(&picture);
	if (err) {
		free(text->bytes);
		text->bytes = NULL;
	}
	return err;
}
