/* SPDX-License-Identifier: MIT */
/*
 * A bridge whose state cannot be read has kreg_cluster_up, which is 0, and nothing else.
 */
#include "tools/metrics/cluster_metrics.h"

#include <inttypes.h>
#include <string.h>

#include "tools/metrics/registry_metrics.h"

struct sample {
	struct exposition *exposition;
	const struct picture_registry *registry;
	const struct bridge *bridge;
	uint64_t now;
};

struct figure {
	struct metric_family family;
	size_t offset;
};

#define FIGURE(field) offsetof(struct bridge, field)

static const struct figure figures[] = {
	{ { "kreg_cluster_members", METRIC_GAUGE, NULL,
	    "Hosts that have a bridge to the cluster." },
	  FIGURE(members) },
	{ { "kreg_cluster_exported", METRIC_GAUGE, NULL, "Names of this host that others find." },
	  FIGURE(exported) },
	{ { "kreg_cluster_imported", METRIC_GAUGE, NULL,
	    "Names of other hosts that are found here." },
	  FIGURE(imported) },
	{ { "kreg_cluster_known", METRIC_GAUGE, NULL,
	    "Names of other hosts that are known: several hosts may have one." },
	  FIGURE(known) },
	{ { "kreg_cluster_conflicts", METRIC_GAUGE, NULL,
	    "Names of this host that another host has, too." },
	  FIGURE(conflicts) },
	{ { "kreg_cluster_waiting", METRIC_GAUGE, NULL,
	    "Changes of this host that etcd does not have yet." },
	  FIGURE(waiting) },
	{ { "kreg_cluster_writes", METRIC_COUNTER, NULL, "Names of this host written to etcd." },
	  FIGURE(writes) },
	{ { "kreg_cluster_events", METRIC_COUNTER, NULL, "Changes that etcd has told of." },
	  FIGURE(events) },
	{ { "kreg_cluster_failures", METRIC_COUNTER, NULL,
	    "Calls of etcd that failed, after each of which the session begins again." },
	  FIGURE(failures) },
	{ { "kreg_cluster_restores", METRIC_COUNTER, NULL,
	    "How often etcd was found to be an earlier one, or another one." },
	  FIGURE(restores) },
	{ { "kreg_cluster_refused", METRIC_COUNTER, NULL,
	    "Registrations of names of other hosts that failed." },
	  FIGURE(refused) },
	{ { "kreg_cluster_wrong_keys", METRIC_COUNTER, NULL,
	    "Keys of etcd that were ignored, because they are none of a bridge." },
	  FIGURE(wrong_keys) },
	{ { "kreg_cluster_left_out", METRIC_COUNTER, NULL,
	    "Names of other hosts that were not taken, because there are too many." },
	  FIGURE(left_out) },
};

static void begin(const struct sample *s)
{
	registry_metrics_begin(s->exposition, s->registry);
	exposition_string(s->exposition, "cluster", s->bridge->cluster);
}

static void print_facts(const struct sample *s)
{
	begin(s);
	exposition_string(s->exposition, "host", s->bridge->host);
	exposition_string(s->exposition, "version", s->bridge->version);
	exposition_value(s->exposition, 1);
}

static void print_lease(const struct sample *s)
{
	begin(s);
	exposition_seconds(s->exposition,
			   s->bridge->lease ? bridge_left(s->bridge->lease_until, s->now) : 0);
}

static void print_lease_time(const struct sample *s)
{
	begin(s);
	exposition_value(s->exposition, s->bridge->ttl);
}

/* Before etcd has answered for the first time, since the bridge was started. */
static void print_lag(const struct sample *s)
{
	begin(s);
	exposition_seconds(
		s->exposition,
		bridge_ago(s->bridge->touch ? s->bridge->touch : s->bridge->began, s->now));
}

static void print_write_lag(const struct sample *s)
{
	begin(s);
	exposition_seconds(s->exposition, bridge_ago(s->bridge->waiting_since, s->now));
}

static void print_stale(const struct sample *s)
{
	begin(s);
	exposition_value(s->exposition, strcmp(s->bridge->others, "current") != 0);
}

static const struct {
	struct metric_family family;
	void (*print)(const struct sample *s);
} others[] = {
	{ { "kreg_cluster_bridge", METRIC_INFO, NULL,
	    "What a bridge is: its host, and its version." },
	  print_facts },
	{ { "kreg_cluster_lease_left_seconds", METRIC_GAUGE, "seconds",
	    "Until the lease of this host ends, if it is not kept alive." },
	  print_lease },
	{ { "kreg_cluster_lease_time_seconds", METRIC_GAUGE, "seconds",
	    "For how long the lease of this host is kept alive each time." },
	  print_lease_time },
	{ { "kreg_cluster_lag_seconds", METRIC_GAUGE, "seconds", "Since the last answer of etcd." },
	  print_lag },
	{ { "kreg_cluster_write_lag_seconds", METRIC_GAUGE, "seconds",
	    "Since the oldest change of this host that etcd does not have yet." },
	  print_write_lag },
	{ { "kreg_cluster_stale", METRIC_GAUGE, NULL,
	    "Whether names of other hosts are stale or absent here, as etcd is out of touch." },
	  print_stale },
};

static const struct metric_family up = {
	"kreg_cluster_up", METRIC_GAUGE, NULL,
	"Whether the bridge is in touch with etcd; 0 also if its state cannot be read."
};

static void print_up(const struct sample *s)
{
	begin(s);
	exposition_value(s->exposition,
			 !*s->bridge->wrong && bridge_touch(s->bridge, s->now) == BRIDGE_IN_TOUCH);
}

static void print_figure(const struct sample *s, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)s->bridge + offset, sizeof(value));
	begin(s);
	exposition_value(s->exposition, value);
}

/* A sample of the last family for each bridge: by @print, or the figure at @offset. */
static void print_each(struct exposition *exposition, const struct picture *picture,
		       void (*print)(const struct sample *s), size_t offset)
{
	size_t i, j;

	for (i = 0; i < picture->count; i++) {
		const struct bridges *bridges = &picture->registries[i].bridges;

		for (j = 0; j < bridges->count; j++) {
			const struct sample s = { .exposition = exposition,
						  .registry = &picture->registries[i],
						  .bridge = &bridges->list[j],
						  .now = bridges->now };

			if (*s.bridge->wrong && print != print_up)
				continue;
			if (print)
				print(&s);
			else
				print_figure(&s, offset);
		}
	}
}

void cluster_metrics(struct exposition *exposition, const struct picture *picture)
{
	size_t i;

	exposition_family(exposition, &up);
	print_each(exposition, picture, print_up, 0);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		exposition_family(exposition, &others[i].family);
		print_each(exposition, picture, others[i].print, 0);
	}
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		exposition_family(exposition, &figures[i].family);
		print_each(exposition, picture, NULL, figures[i].offset);
	}
}
