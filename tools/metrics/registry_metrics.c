/* SPDX-License-Identifier: MIT */
/*
 * The families of registries. Most are one field of a struct, so they are a table.
 */
#include "tools/kinds.h"
#include "tools/metrics/registry_metrics.h"

#include <inttypes.h>
#include <string.h>

/* From where a figure is, and how wide. */
enum source {
	FILE_WIDE, /* of struct picture_registry, known of each registry that is current */
	STAT_WIDE, /* of struct kreg_stat, known of those that were read */
	STAT_NARROW,
	STAT_FLAG, /* the same: whether it is set */
};

struct figure {
	struct metric_family family;
	enum source source;
	size_t offset;
};

#define FILE_FIGURE(field) FILE_WIDE, offsetof(struct picture_registry, field)
#define FIGURE(field) STAT_WIDE, offsetof(struct kreg_stat, field)
#define NARROW_FIGURE(field) STAT_NARROW, offsetof(struct kreg_stat, field)
#define FLAG_FIGURE(field) STAT_FLAG, offsetof(struct kreg_stat, field)

static const struct figure figures[] = {
	{ { "kreg_registry_entries", METRIC_GAUGE, NULL, "Names of living owners." },
	  FILE_FIGURE(entries) },
	{ { "kreg_registry_seats", METRIC_GAUGE, NULL, "Owners that there can be at once." },
	  FIGURE(seats) },
	{ { "kreg_registry_slots", METRIC_GAUGE, NULL,
	    "Threads that can write, wait or read in sections at once." },
	  FIGURE(slots) },
	{ { "kreg_registry_slots_used", METRIC_GAUGE, NULL, "Of these slots, those in use." },
	  FIGURE(slots_used) },
	{ { "kreg_registry_buckets", METRIC_GAUGE, NULL, "Buckets of the table of names." },
	  FIGURE(buckets) },
	{ { "kreg_registry_grace_periods", METRIC_COUNTER, NULL,
	    "Grace periods, after which memory may be reused." },
	  FIGURE(epoch) },
	{ { "kreg_registry_reserved_bytes", METRIC_GAUGE, "bytes",
	    "Memory that was taken from the file system." },
	  FIGURE(bytes_reserved) },
	{ { "kreg_registry_limit_bytes", METRIC_GAUGE, "bytes",
	    "The most memory for entries and values." },
	  FIGURE(bytes_max) },
	{ { "kreg_registry_owner_limit_bytes", METRIC_GAUGE, "bytes",
	    "The most memory of one owner; 0: as much as there is." },
	  FIGURE(bytes_owner_max) },
	{ { "kreg_registry_owner_most_bytes", METRIC_GAUGE, "bytes",
	    "Memory of the owner who has most." },
	  FIGURE(bytes_owner_most) },
	{ { "kreg_registry_held_up", METRIC_GAUGE, NULL,
	    "Whether a read section keeps memory from being reused." },
	  FLAG_FIGURE(held_up_by) },
	{ { "kreg_registry_readers", METRIC_GAUGE, NULL, "Threads that are in a read section." },
	  FIGURE(readers) },
	{ { "kreg_registry_expelled", METRIC_COUNTER, NULL,
	    "Read sections that took longer than the registry's patience." },
	  FIGURE(expelled) },
	{ { "kreg_registry_swept_bytes", METRIC_COUNTER, "bytes",
	    "Memory of dead owners that was reclaimed." },
	  FIGURE(bytes_swept) },
	{ { "kreg_registry_log_bytes", METRIC_GAUGE, "bytes", "Records for listeners." },
	  FIGURE(bytes_log) },
	{ { "kreg_registry_table_bytes", METRIC_GAUGE, "bytes",
	    "Buckets of names, with their lines." },
	  FIGURE(bytes_table) },
	{ { "kreg_registry_fences", METRIC_GAUGE, NULL,
	    "Whether threads execute fences of their own, because membarrier was refused." },
	  NARROW_FIGURE(fences) },
};

static const struct metric_family facts = {
	"kreg_registry", METRIC_INFO, NULL,
	"What a registry is: its kind of keys, and what ends lives in it."
};

static const struct metric_family state = { "kreg_registry_state", METRIC_GAUGE, NULL,
					    "1 for the state of the registry's file, else 0." };

static const struct metric_family file_bytes = {
	"kreg_registry_file_bytes", METRIC_GAUGE, "bytes",
	"Memory that the registry's file takes from its file system."
};

static const struct metric_family is_read = {
	"kreg_registry_up", METRIC_GAUGE, NULL,
	"Whether the registry is current and could be read; where it is 0 its figures are missing."
};

static const struct metric_family memory = {
	"kreg_registry_memory_bytes", METRIC_GAUGE, "bytes",
	"Memory of living owners and of meta (used), of dead owners that wait for a sweep (dead), "
	"and that waits for a grace period (waiting)."
};

static const struct metric_family owners = { "kreg_registry_owners", METRIC_GAUGE, NULL,
					     "Processes that take part, by their state." };

static const struct metric_family services = {
	"kreg_services", METRIC_GAUGE, NULL,
	"Services, by namespace and state; those of further namespaces are under *. Supervisors "
	"report those that are restarting or have failed."
};

static const struct metric_family namespaces = { "kreg_namespaces", METRIC_GAUGE, NULL,
						 "Namespaces that have services." };

static const char *const states[] = {
	[KREG_REGISTRY_CURRENT] = "current",           [KREG_REGISTRY_LEFTOVER] = "leftover",
	[KREG_REGISTRY_OTHER_LAYOUT] = "other-layout", [KREG_REGISTRY_DAMAGED] = "damaged",
	[KREG_REGISTRY_ANOTHERS] = "anothers",         [KREG_REGISTRY_HIDDEN] = "hidden",
};
#define STATES (sizeof(states) / sizeof(states[0]))

void registry_metrics_begin(struct exposition *exposition, const struct picture_registry *registry)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%" PRIu32, registry->uid);
	exposition_begin(exposition);
	exposition_string(exposition, "registry", registry->name);
	exposition_string(exposition, "uid", uid);
	exposition_string(exposition, "directory", registry->directory);
}

static void print_one(struct exposition *exposition, const struct picture_registry *registry,
		      uint64_t value)
{
	registry_metrics_begin(exposition, registry);
	exposition_value(exposition, value);
}

static void print_by(struct exposition *exposition, const struct picture_registry *registry,
		     const char *label, const char *name, uint64_t value)
{
	registry_metrics_begin(exposition, registry);
	exposition_string(exposition, label, name);
	exposition_value(exposition, value);
}

static void print_facts(struct exposition *exposition, const struct picture_registry *registry)
{
	char text[16];

	if (registry->state != KREG_REGISTRY_CURRENT)
		return;
	registry_metrics_begin(exposition, registry);
	exposition_string(exposition, "keys", keys_name(registry->keys));
	exposition_string(exposition, "life", life_name(registry->life));
	snprintf(text, sizeof(text), "%04o", registry->mode & 07777);
	exposition_string(exposition, "mode", text);
	snprintf(text, sizeof(text), "%" PRIu32, registry->layout);
	exposition_string(exposition, "layout", text);
	exposition_value(exposition, 1);
}

static void print_state(struct exposition *exposition, const struct picture_registry *registry)
{
	size_t i;

	for (i = 0; i < STATES; i++) {
		if (states[i])
			print_by(exposition, registry, "state", states[i], registry->state == i);
	}
}

static void print_file_bytes(struct exposition *exposition, const struct picture_registry *registry)
{
	print_one(exposition, registry, registry->bytes);
}

static void print_is_read(struct exposition *exposition, const struct picture_registry *registry)
{
	print_one(exposition, registry, registry->is_read);
}

static void print_memory(struct exposition *exposition, const struct picture_registry *registry)
{
	if (!registry->is_read)
		return;
	print_by(exposition, registry, "kind", "used", registry->stat.bytes_used);
	print_by(exposition, registry, "kind", "dead", registry->stat.bytes_dead);
	print_by(exposition, registry, "kind", "waiting", registry->stat.bytes_waiting);
}

static void print_owners(struct exposition *exposition, const struct picture_registry *registry)
{
	int i;

	for (i = 0; registry->is_read && i < WHO_STATES; i++) {
		print_by(exposition, registry, "state", who_state_name((enum who_state)i),
			 registry->owners_by_state[i]);
	}
}

static void print_space(struct exposition *exposition, const struct picture_registry *registry,
			const struct space *space)
{
	int i;

	for (i = 0; i < SPACES_STATES; i++) {
		registry_metrics_begin(exposition, registry);
		exposition_string(exposition, "namespace", space->name);
		exposition_string(exposition, "state", spaces_state_name(i));
		exposition_value(exposition, space->services[i]);
	}
}

static void print_services(struct exposition *exposition, const struct picture_registry *registry)
{
	const struct spaces *spaces = &registry->spaces;
	size_t i;

	for (i = 0; registry->is_read && i < spaces->count && i < SPACES_SHOWN; i++)
		print_space(exposition, registry, spaces->list[i]);
	if (registry->is_read && spaces->has_others)
		print_space(exposition, registry, &spaces->others);
}

static void print_namespaces(struct exposition *exposition, const struct picture_registry *registry)
{
	if (registry->is_read && registry->keys == KREG_KEYS_UNIQUE)
		print_one(exposition, registry, registry->spaces.count);
}

static uint64_t value_of(const struct figure *figure, const struct picture_registry *registry)
{
	const char *at = figure->source == FILE_WIDE ? (const char *)registry
						     : (const char *)&registry->stat;
	uint64_t wide;
	uint32_t narrow;

	at += figure->offset;
	if (figure->source == FILE_WIDE || figure->source == STAT_WIDE) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return figure->source == STAT_FLAG ? narrow != 0 : narrow;
}

static bool has(const struct figure *figure, const struct picture_registry *registry)
{
	return figure->source == FILE_WIDE ? registry->state == KREG_REGISTRY_CURRENT
					   : registry->is_read;
}

static void print_figure(struct exposition *exposition, const struct picture *picture,
			 const struct figure *figure)
{
	size_t i;

	exposition_family(exposition, &figure->family);
	for (i = 0; i < picture->count; i++) {
		if (has(figure, &picture->registries[i]))
			print_one(exposition, &picture->registries[i],
				  value_of(figure, &picture->registries[i]));
	}
}

static const struct {
	const struct metric_family *family;
	void (*print)(struct exposition *exposition, const struct picture_registry *registry);
} others[] = {
	{ &facts, print_facts },       { &state, print_state },
	{ &is_read, print_is_read },   { &file_bytes, print_file_bytes },
	{ &owners, print_owners },     { &memory, print_memory },
	{ &services, print_services }, { &namespaces, print_namespaces },
};

void registry_metrics(struct exposition *exposition, const struct picture *picture)
{
	size_t i, j;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		exposition_family(exposition, others[i].family);
		for (j = 0; j < picture->count; j++)
			others[i].print(exposition, &picture->registries[j]);
	}
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		print_figure(exposition, picture, &figures[i]);
}
