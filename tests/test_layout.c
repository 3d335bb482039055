/* SPDX-License-Identifier: MIT */
/*
 * What programs were compiled with, and the library of a later release has to understand: where each field of the public
 * structs is, how large they are, and the numbers that the headers give names to. Once there is a release only what is new
 * may be added here: a field at the end of a struct that begins with its size, a constant with a number of its own.
 * build-aux/check-abi compares the calls and their arguments.
 */
#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <kreg-services.h>
#include <kreg.h>

#include "tests/support/unit.h"

struct field {
	const char *name;
	size_t offset, size, wanted_offset, wanted_size;
};

#define FIELD(type, field, offset, size)                                                           \
	{                                                                                          \
#type "." #field, offsetof(struct type, field), sizeof(((struct type *)0)->field), \
			offset, size                                                               \
	}

/* clang-format off: a table */
static const struct field fields[] = {
	FIELD(kreg_owner, token, 0, 8),
	FIELD(kreg_owner, pid, 8, 4),
	FIELD(kreg_owner, reserved, 12, 4),
	FIELD(kreg_found, owner, 0, 16),
	FIELD(kreg_found, value, 16, 8),
	FIELD(kreg_found, capacity, 24, 8),
	FIELD(kreg_found, size, 32, 8),
	FIELD(kreg_options, size, 0, 8),
	FIELD(kreg_options, flags, 8, 4),
	FIELD(kreg_options, life, 12, 4),
	FIELD(kreg_options, keys, 16, 4),
	FIELD(kreg_options, mode, 20, 4),
	FIELD(kreg_options, set_group, 24, 4),
	FIELD(kreg_options, group, 28, 4),
	FIELD(kreg_options, slots, 32, 4),
	FIELD(kreg_options, seats, 36, 4),
	FIELD(kreg_options, max_bytes, 40, 8),
	FIELD(kreg_options, patience_ms, 48, 4),
	FIELD(kreg_options, partitions, 52, 4),
	FIELD(kreg_options, directory, 56, 8),
	FIELD(kreg_options, guard, 64, 8),
	FIELD(kreg_options, log, 72, 8),
	FIELD(kreg_options, log_data, 80, 8),
	FIELD(kreg_options, owner_bytes, 88, 8),
	FIELD(kreg_entry, key, 0, 8),
	FIELD(kreg_entry, key_size, 8, 8),
	FIELD(kreg_entry, value, 16, 8),
	FIELD(kreg_entry, value_size, 24, 8),
	FIELD(kreg_entry, owner, 32, 16),
	FIELD(kreg_entry, position, 48, 4),
	FIELD(kreg_entry, flags, 52, 4),
	FIELD(kreg_entry, reserved, 56, 8),
	FIELD(kreg_event, type, 0, 4),
	FIELD(kreg_event, known, 4, 4),
	FIELD(kreg_event, entry, 8, 64),
	FIELD(kreg_event, lost, 72, 8),
	FIELD(kreg_event, end, 80, 8),
	FIELD(kreg_event, from, 88, 16),
	FIELD(kreg_key, key, 0, 8),
	FIELD(kreg_key, key_size, 8, 8),
	FIELD(kreg_item, key, 0, 8),
	FIELD(kreg_item, key_size, 8, 8),
	FIELD(kreg_item, value, 16, 8),
	FIELD(kreg_item, value_size, 24, 8),
	FIELD(kreg_counter_item, key, 0, 8),
	FIELD(kreg_counter_item, key_size, 8, 8),
	FIELD(kreg_counter_item, delta, 16, 8),
	FIELD(kreg_counter_item, now, 24, 8),
	FIELD(kreg_counter_item, error, 32, 4),
	FIELD(kreg_end, code, 0, 4),
	FIELD(kreg_end, status, 4, 4),
	FIELD(kreg_owner_facts, owner, 0, 16),
	FIELD(kreg_owner_facts, entries, 16, 8),
	FIELD(kreg_owner_facts, start, 24, 8),
	FIELD(kreg_owner_facts, uid, 32, 4),
	FIELD(kreg_owner_facts, gid, 36, 4),
	FIELD(kreg_owner_facts, comm, 40, 16),
	FIELD(kreg_owner_facts, attach_uid, 56, 4),
	FIELD(kreg_owner_facts, attach_gid, 60, 4),
	FIELD(kreg_owner_facts, certain, 64, 4),
	FIELD(kreg_owner_facts, reserved, 68, 4),
	FIELD(kreg_owner_facts, bytes, 72, 8),
	FIELD(kreg_owner_facts, log_bytes, 80, 8),
	FIELD(kreg_owner_facts, slots, 88, 4),
	FIELD(kreg_owner_facts, readers, 92, 4),
	FIELD(kreg_owner_facts, held_up_ms, 96, 8),
	FIELD(kreg_owner_facts, expelled, 104, 4),
	FIELD(kreg_owner_facts, reserved1, 108, 4),
	FIELD(kreg_owner_facts, expelled_ms, 112, 8),
	FIELD(kreg_owner_facts, updates, 120, 8),
	FIELD(kreg_stat, size, 0, 8),
	FIELD(kreg_stat, life, 8, 4),
	FIELD(kreg_stat, keys, 12, 4),
	FIELD(kreg_stat, entries, 16, 8),
	FIELD(kreg_stat, owners, 24, 8),
	FIELD(kreg_stat, seats, 32, 8),
	FIELD(kreg_stat, slots, 40, 8),
	FIELD(kreg_stat, slots_used, 48, 8),
	FIELD(kreg_stat, buckets, 56, 8),
	FIELD(kreg_stat, epoch, 64, 8),
	FIELD(kreg_stat, bytes_reserved, 72, 8),
	FIELD(kreg_stat, bytes_used, 80, 8),
	FIELD(kreg_stat, bytes_dead, 88, 8),
	FIELD(kreg_stat, bytes_waiting, 96, 8),
	FIELD(kreg_stat, bytes_max, 104, 8),
	FIELD(kreg_stat, held_up_by, 112, 4),
	FIELD(kreg_stat, partitions, 116, 4),
	FIELD(kreg_stat, fences, 120, 4),
	FIELD(kreg_stat, reserved, 124, 4),
	FIELD(kreg_stat, bytes_owner_max, 128, 8),
	FIELD(kreg_stat, bytes_owner_most, 136, 8),
	FIELD(kreg_stat, owner_most, 144, 4),
	FIELD(kreg_stat, expelled_last, 148, 4),
	FIELD(kreg_stat, expelled, 152, 8),
	FIELD(kreg_stat, expelled_ms, 160, 8),
	FIELD(kreg_stat, held_up_ms, 168, 8),
	FIELD(kreg_stat, readers, 176, 8),
	FIELD(kreg_stat, bytes_swept, 184, 8),
	FIELD(kreg_stat, bytes_log, 192, 8),
	FIELD(kreg_stat, bytes_table, 200, 8),
	FIELD(kreg_pool, key, 0, 8),
	FIELD(kreg_pool, key_size, 8, 4),
	FIELD(kreg_pool, flags, 12, 4),
	FIELD(kreg_pool, remembered, 16, 16),
	FIELD(kreg_pool, found_size, 32, 4),
	FIELD(kreg_pool, found, 36, 256),
	FIELD(kreg_program_state, size, 0, 8),
	FIELD(kreg_program_state, says, 8, 4),
	FIELD(kreg_program_state, main_pid, 12, 4),
	FIELD(kreg_program_state, published, 16, 4),
	FIELD(kreg_program_state, watchdog_ms, 20, 4),
	FIELD(kreg_program_state, status, 24, 256),
	FIELD(kreg_pattern, size, 0, 8),
	FIELD(kreg_pattern, key, 8, 8),
	FIELD(kreg_pattern, key_size, 16, 8),
	FIELD(kreg_pattern, prefix, 24, 8),
	FIELD(kreg_pattern, prefix_size, 32, 8),
	FIELD(kreg_pattern, glob, 40, 8),
	FIELD(kreg_pattern, owner, 48, 8),
	FIELD(kreg_pattern, value, 56, 8),
	FIELD(kreg_pattern, value_size, 64, 8),
	FIELD(kreg_pattern, match, 72, 8),
	FIELD(kreg_pattern, data, 80, 8),
	FIELD(kreg_ref, key, 0, 8),
	FIELD(kreg_ref, key_size, 8, 4),
	FIELD(kreg_ref, reserved, 12, 4),
	FIELD(kreg_ref, remembered, 16, 48),
	FIELD(kreg_registry, name, 0, 8),
	FIELD(kreg_registry, directory, 8, 8),
	FIELD(kreg_registry, state, 16, 4),
	FIELD(kreg_registry, uid, 20, 4),
	FIELD(kreg_registry, gid, 24, 4),
	FIELD(kreg_registry, mode, 28, 4),
	FIELD(kreg_registry, bytes, 32, 8),
	FIELD(kreg_registry, life, 40, 4),
	FIELD(kreg_registry, layout, 44, 4),
	FIELD(kreg_registry, keys, 48, 4),
	FIELD(kreg_registry, reserved, 52, 4),
	FIELD(kreg_registry, owners, 56, 8),
	FIELD(kreg_registry, entries, 64, 8),
	FIELD(kreg_remote, size, 0, 8),
	FIELD(kreg_remote, token, 8, 8),
	FIELD(kreg_remote, start, 16, 8),
	FIELD(kreg_remote, pid, 24, 4),
	FIELD(kreg_remote, uid, 28, 4),
	FIELD(kreg_remote, flags, 32, 4),
	FIELD(kreg_remote, reserved, 36, 4),
	FIELD(kreg_remote, host, 40, 72),
	FIELD(kreg_service, space, 0, 8),
	FIELD(kreg_service, role, 8, 8),
	FIELD(kreg_service, value, 16, 8),
	FIELD(kreg_service, value_size, 24, 8),
	FIELD(kreg_service, owner, 32, 16),
	FIELD(kreg_service, flags, 48, 4),
	FIELD(kreg_service, reserved, 52, 4),
	FIELD(kreg_service_health, size, 0, 8),
	FIELD(kreg_service_health, owner, 8, 16),
	FIELD(kreg_service_health, ready, 24, 4),
	FIELD(kreg_service_health, process, 28, 4),
	FIELD(kreg_service_health, beat_ms, 32, 8),
	FIELD(kreg_service_health, says, 40, 4),
	FIELD(kreg_service_health, main_pid, 44, 4),
	FIELD(kreg_service_health, status, 48, 256),
	FIELD(kreg_service_state, size, 0, 8),
	FIELD(kreg_service_state, state, 8, 4),
	FIELD(kreg_service_state, restarts, 12, 4),
	FIELD(kreg_service_state, in_row, 16, 4),
	FIELD(kreg_service_state, error, 20, 4),
	FIELD(kreg_service_state, end, 24, 8),
	FIELD(kreg_service_state, since_ms, 32, 8),
	FIELD(kreg_service_state, next_ms, 40, 8),
	FIELD(kreg_service_state, owner, 48, 16),
	FIELD(kreg_service_state, supervisor, 64, 16),
	FIELD(kreg_telemetry, type, 0, 4),
	FIELD(kreg_telemetry, result, 4, 4),
	FIELD(kreg_telemetry, space, 8, 8),
	FIELD(kreg_telemetry, role, 16, 8),
	FIELD(kreg_telemetry, owner, 24, 16),
	FIELD(kreg_service_item, space, 0, 8),
	FIELD(kreg_service_item, role, 8, 8),
	FIELD(kreg_service_item, value, 16, 8),
	FIELD(kreg_service_item, value_size, 24, 8),
	FIELD(kreg_start, size, 0, 8),
	FIELD(kreg_start, argv, 8, 8),
	FIELD(kreg_start, environment, 16, 8),
	FIELD(kreg_start, directory, 24, 8),
	FIELD(kreg_start, output, 32, 8),
	FIELD(kreg_start, value, 40, 8),
	FIELD(kreg_start, value_size, 48, 8),
	FIELD(kreg_start, flags, 56, 4),
	FIELD(kreg_start, ready, 60, 4),
	FIELD(kreg_start, ready_fd, 64, 4),
	FIELD(kreg_start, watchdog_ms, 68, 4),
	FIELD(kreg_start, timeout_ms, 72, 8),
	FIELD(kreg_started, size, 0, 8),
	FIELD(kreg_started, owner, 8, 16),
	FIELD(kreg_started, child, 24, 4),
	FIELD(kreg_started, status, 28, 4),
	FIELD(kreg_started, exec_error, 32, 4),
	FIELD(kreg_started, ready, 36, 4),
	FIELD(kreg_started, exec_step, 40, 4),
	FIELD(kreg_started, reserved, 44, 4),
	FIELD(kreg_started, program, 48, 8),
	FIELD(kreg_supervised, size, 0, 8),
	FIELD(kreg_supervised, role, 8, 8),
	FIELD(kreg_supervised, start, 16, 8),
	FIELD(kreg_supervised, after, 24, 8),
	FIELD(kreg_supervised, restart, 32, 4),
	FIELD(kreg_supervised, stop_ms, 36, 4),
	FIELD(kreg_supervised, flags, 40, 4),
	FIELD(kreg_supervised, restart_ms, 44, 4),
	FIELD(kreg_supervised, restart_max_ms, 48, 4),
	FIELD(kreg_supervised, reserved, 52, 4),
	FIELD(kreg_supervised, where, 56, 8),
	FIELD(kreg_supervision, size, 0, 8),
	FIELD(kreg_supervision, services, 8, 8),
	FIELD(kreg_supervision, count, 16, 8),
	FIELD(kreg_supervision, strategy, 24, 4),
	FIELD(kreg_supervision, intensity, 28, 4),
	FIELD(kreg_supervision, period_ms, 32, 4),
	FIELD(kreg_supervision, flags, 36, 4),
	FIELD(kreg_supervision, log, 40, 8),
	FIELD(kreg_supervision, log_data, 48, 8),
	FIELD(kreg_supervision, value, 56, 8),
	FIELD(kreg_supervision, orders, 64, 4),
	FIELD(kreg_supervision, reserved, 68, 4),
	FIELD(kreg_lock, place, 0, 8),
};

struct size {
	const char *name;
	size_t size, wanted;
	/* It begins with its size, and later releases may append fields. */
	int grows;
};

#define SIZE(type, size)                                                                           \
	{                                                                                          \
#type, sizeof(struct type), size, 0                                                \
	}
#define GROWS(type, size)                                                                          \
	{                                                                                          \
#type, sizeof(struct type), size, 1                                                \
	}

static const struct size sizes[] = {
	SIZE(kreg_owner, 16),
	SIZE(kreg_found, 40),
	GROWS(kreg_options, 96),
	SIZE(kreg_entry, 64),
	SIZE(kreg_event, 104),
	SIZE(kreg_key, 16),
	SIZE(kreg_item, 32),
	SIZE(kreg_counter_item, 40),
	SIZE(kreg_end, 8),
	SIZE(kreg_owner_facts, 128),
	GROWS(kreg_stat, 208),
	SIZE(kreg_pool, 296),
	GROWS(kreg_program_state, 280),
	GROWS(kreg_pattern, 88),
	SIZE(kreg_ref, 64),
	SIZE(kreg_registry, 72),
	GROWS(kreg_remote, 112),
	SIZE(kreg_service, 56),
	GROWS(kreg_service_health, 304),
	GROWS(kreg_service_state, 80),
	SIZE(kreg_telemetry, 40),
	SIZE(kreg_service_item, 32),
	GROWS(kreg_start, 80),
	GROWS(kreg_started, 56),
	GROWS(kreg_supervised, 64),
	GROWS(kreg_supervision, 72),
	SIZE(kreg_lock, 8),
};

struct constant {
	const char *name;
	int64_t value, wanted;
};

#define CONSTANT(name, value)                                                                      \
	{                                                                                          \
#name, (int64_t)(name), value                                                      \
	}

static const struct constant constants[] = {
	CONSTANT(KREG_OPEN_READONLY, 1),
	CONSTANT(KREG_OPEN_EXISTING, 2),
	CONSTANT(KREG_OPEN_EXCLUSIVE, 4),
	CONSTANT(KREG_LIFE_AUTO, 0),
	CONSTANT(KREG_LIFE_GUARD, 1),
	CONSTANT(KREG_LIFE_FALLBACK, 2),
	CONSTANT(KREG_KEYS_UNIQUE, 0),
	CONSTANT(KREG_KEYS_DUPLICATE, 1),
	CONSTANT(KREG_KEYS_DUPLICATE_BY_KEY, 2),
	CONSTANT(KREG_DESTROY_FORCE, 1),
	CONSTANT(KREG_KEY_MAX, 255),
	CONSTANT(KREG_VALUE_MAX, 65536),
	CONSTANT(KREG_NAME_MAX, 64),
	CONSTANT(KREG_STRING, -1),
	CONSTANT(KREG_EVENT_REGISTER, 1),
	CONSTANT(KREG_EVENT_UNREGISTER, 2),
	CONSTANT(KREG_EVENT_UPDATE, 3),
	CONSTANT(KREG_EVENT_PURGE, 4),
	CONSTANT(KREG_EVENT_OVERRUN, 5),
	CONSTANT(KREG_EVENT_DUMP, 6),
	CONSTANT(KREG_EVENT_GIVEN, 7),
	CONSTANT(KREG_EVENT_TAKEN, 8),
	CONSTANT(KREG_LISTEN_KNOWN, 1),
	CONSTANT(KREG_LISTEN_DUMPS, 2),
	CONSTANT(KREG_META_MAX, 1048576),
	CONSTANT(KREG_REGISTER_RESERVED, 1),
	CONSTANT(KREG_REGISTER_REPLACEABLE, 2),
	CONSTANT(KREG_REGISTER_REPLACE, 4),
	CONSTANT(KREG_REGISTER_QUEUE, 8),
	CONSTANT(KREG_REGISTER_DROP, 16),
	CONSTANT(KREG_UNREGISTER_PROCESS, 1),
	CONSTANT(KREG_HOST_MAX, 64),
	CONSTANT(KREG_CLUSTER_KEY_MAX, 224),
	CONSTANT(KREG_CLUSTER_STANDBY, 1),
	CONSTANT(KREG_REMOTE_STALE, 1),
	CONSTANT(KREG_WAITING, 1),
	CONSTANT(KREG_END_UNKNOWN, 0),
	CONSTANT(KREG_END_EXITED, 1),
	CONSTANT(KREG_END_KILLED, 2),
	CONSTANT(KREG_END_DUMPED, 3),
	CONSTANT(KREG_ID_UNKNOWN, UINT32_MAX),
	CONSTANT(KREG_REGISTRY_CURRENT, 1),
	CONSTANT(KREG_REGISTRY_LEFTOVER, 2),
	CONSTANT(KREG_REGISTRY_OTHER_LAYOUT, 3),
	CONSTANT(KREG_REGISTRY_DAMAGED, 4),
	CONSTANT(KREG_REGISTRY_ANOTHERS, 5),
	CONSTANT(KREG_REGISTRY_HIDDEN, 6),
	CONSTANT(KREG_REGISTRIES_OWN, 1),
	CONSTANT(KREG_PROGRAM_SILENT, 0),
	CONSTANT(KREG_PROGRAM_STARTING, 1),
	CONSTANT(KREG_PROGRAM_READY, 2),
	CONSTANT(KREG_PROGRAM_RELOADING, 3),
	CONSTANT(KREG_PROGRAM_STOPPING, 4),
	CONSTANT(KREG_PROGRAM_MISSED, 5),
	CONSTANT(KREG_PROCESS_UNKNOWN, 0),
	CONSTANT(KREG_PROCESS_RUNNING, 1),
	CONSTANT(KREG_PROCESS_STOPPED, 2),
	CONSTANT(KREG_PROCESS_ZOMBIE, 3),
	CONSTANT(KREG_PROCESS_DUMPING, 4),
	CONSTANT(KREG_STATE_WAITING, 1),
	CONSTANT(KREG_STATE_STARTING, 2),
	CONSTANT(KREG_STATE_RUNNING, 3),
	CONSTANT(KREG_STATE_ENDED, 4),
	CONSTANT(KREG_STATE_RESTARTING, 5),
	CONSTANT(KREG_STATE_STOPPING, 6),
	CONSTANT(KREG_STATE_STOPPED, 7),
	CONSTANT(KREG_STATE_DONE, 8),
	CONSTANT(KREG_STATE_FAILED, 9),
	CONSTANT(KREG_TELEMETRY_REGISTER, 1),
	CONSTANT(KREG_TELEMETRY_REFUSE, 2),
	CONSTANT(KREG_TELEMETRY_UNREGISTER, 3),
	CONSTANT(KREG_TELEMETRY_PURGE, 4),
	CONSTANT(KREG_TELEMETRY_AWAIT, 5),
	CONSTANT(KREG_NAMESPACE_MAX, 100),
	CONSTANT(KREG_ROLE_MAX, 150),
	CONSTANT(KREG_STATUS_MAX, 255),
	CONSTANT(KREG_READY_EXEC, 0),
	CONSTANT(KREG_READY_NOTIFY, 1),
	CONSTANT(KREG_READY_FD, 2),
	CONSTANT(KREG_START_DIES_WITH_STARTER, 1),
	CONSTANT(KREG_START_ATTEND, 2),
	CONSTANT(KREG_START_PASS_ON, 4),
	CONSTANT(KREG_START_FOREGROUND, 8),
	CONSTANT(KREG_EXEC_PROGRAM, 0),
	CONSTANT(KREG_EXEC_DIRECTORY, 1),
	CONSTANT(KREG_EXEC_OUTPUT, 2),
	CONSTANT(KREG_RESTART_PERMANENT, 0),
	CONSTANT(KREG_RESTART_TRANSIENT, 1),
	CONSTANT(KREG_RESTART_TEMPORARY, 2),
	CONSTANT(KREG_SERVICE_ONESHOT, 1),
	CONSTANT(KREG_ONE_FOR_ONE, 0),
	CONSTANT(KREG_REST_FOR_ONE, 1),
	CONSTANT(KREG_ONE_FOR_ALL, 2),
	CONSTANT(KREG_SUPERVISE_KEEP, 1),
	CONSTANT(KREG_SUPERVISE_REAP, 2),
	CONSTANT(KREG_SUPERVISE_NO_CGROUPS, 4),
	CONSTANT(KREG_INTENSITY_NONE, UINT32_MAX),
	CONSTANT(KREG_FEATURE_GUARD, 1),
	CONSTANT(KREG_FEATURE_PROBES, 2),
};
/* clang-format on */

START_TEST(each_field_is_where_programs_were_compiled_to_find_it)
{
	const struct field *f;

	for (f = fields; f < fields + sizeof(fields) / sizeof(*fields); f++)
		ck_assert_msg(f->offset == f->wanted_offset && f->size == f->wanted_size,
			      "%s is %zu bytes at %zu, and was %zu at %zu", f->name, f->size,
			      f->offset, f->wanted_size, f->wanted_offset);
}
END_TEST

START_TEST(a_struct_has_its_size_and_grows_only_if_it_begins_with_it)
{
	const struct size *s;

	for (s = sizes; s < sizes + sizeof(sizes) / sizeof(*sizes); s++)
		ck_assert_msg(s->size == s->wanted || (s->grows && s->size > s->wanted),
			      "%s has %zu bytes, and had %zu", s->name, s->size, s->wanted);
}
END_TEST

START_TEST(a_name_of_a_header_means_the_number_that_it_meant)
{
	const struct constant *c;

	for (c = constants; c < constants + sizeof(constants) / sizeof(*constants); c++)
		ck_assert_msg(c->value == c->wanted, "%s is %jd, and was %jd", c->name,
			      (intmax_t)c->value, (intmax_t)c->wanted);
	ck_assert_str_eq(KREG_ROLE_SUPERVISOR, "supervisor");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_field_is_where_programs_were_compiled_to_find_it,
		a_struct_has_its_size_and_grows_only_if_it_begins_with_it,
		a_name_of_a_header_means_the_number_that_it_meant,
		NULL,
	};

	return unit_run("layout", NULL, NULL, tests);
}
