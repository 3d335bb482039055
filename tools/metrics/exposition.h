/* SPDX-License-Identifier: MIT */
/*
 * Text that Prometheus reads, in both of its forms: OpenMetrics 1.0, and the older one (0.0.4) that
 * node_exporter and promtool take. Samples come family by family.
 *
 * Used by   the files of tools/metrics/.
 */
#ifndef TOOLS_METRICS_EXPOSITION_H
#define TOOLS_METRICS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER, /* its samples end with _total */
	METRIC_INFO,    /* its samples end with _info, and are 1 */
};

struct metric_family {
	const char *name; /* without _total and _info; ends with its unit */
	enum metric_type type;
	const char *unit; /* NULL: none */
	const char *help; /* one line, without a backslash */
};

struct exposition {
	FILE *to;
	bool openmetrics;
	const struct metric_family *family;
	bool has_labels; /* of the sample that has begun */
};

void exposition_family(struct exposition *exposition, const struct metric_family *family);

/*
 * A sample of the last family: its labels between these two. A value of a label may be any bytes:
 * one that is no printable UTF-8 becomes \xNN.
 */
void exposition_begin(struct exposition *exposition);
void exposition_label(struct exposition *exposition, const char *name, const void *value,
		      size_t size);
void exposition_string(struct exposition *exposition, const char *name, const char *value);
void exposition_value(struct exposition *exposition, uint64_t value);
/* The same in seconds, with three decimals. */
void exposition_seconds(struct exposition *exposition, uint64_t ms);

/* A family with one sample without labels. */
void exposition_single(struct exposition *exposition, const struct metric_family *family,
		       uint64_t value);

/* After the last family. */
void exposition_end(struct exposition *exposition);

#endif
