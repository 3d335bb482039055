/* SPDX-License-Identifier: MIT */
#include "tests/support/small_guard.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

void start_guard(uint32_t faults)
{
	struct guard_options options = {
		.path = second_guard(),
		.seats = SEATS,
		.faults = faults,
	};

	ck_assert_int_eq(guard_start(&options), 0);
}

int stop_guard(bool force)
{
	struct guard_options options = { .path = second_guard() };

	return guard_stop(&options, force);
}

int audit(uint32_t *removed)
{
	struct guard_options options = { .path = second_guard() };

	return guard_audit(&options, removed);
}

struct guard_status status(void)
{
	struct guard_options options = { .path = second_guard() };
	struct guard_status found;

	ck_assert_int_eq(guard_status(&options, &found), 0);
	return found;
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

uint32_t counted(void)
{
	union bpf_attr attr;
	uint32_t line, i, sum = 0;
	struct life_pids counts;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/pids", second_guard());
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	fd = bpf(BPF_OBJ_GET, &attr);
	ck_assert_int_ge(fd, 0);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&line;
	attr.value = (uintptr_t)&counts;
	for (line = 0; !bpf(BPF_MAP_LOOKUP_ELEM, &attr); line++) {
		for (i = 0; i < LIFE_PIDS; i++)
			sum += counts.slots[i];
	}
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_ge(line * LIFE_PIDS, 2 * SEATS);
	close(fd);
	return sum;
}

int open_in(struct kreg **k, const char *guard, const char *directory)
{
	KREG_OPTIONS(options, .directory = directory, .guard = guard);

	return kreg_open(k, "guard", &options);
}

int try_open(struct kreg **k)
{
	return open_in(k, second_guard(), tmp_directory());
}

struct kreg *open_registry(void)
{
	struct kreg *k;

	ck_assert_int_eq(try_open(&k), 0);
	return k;
}

int hold(int link, void *data)
{
	struct kreg *k;
	int err = try_open(&k);

	(void)data;
	do {
		if (!err)
			link_say(link, kreg_register(k, "name", KREG_STRING, "x", 1, NULL));
		else
			link_say(link, err);
	} while (link_hear(link) != INT64_MIN);
	return 0;
}

void hold_and_die(struct kreg *k, int times)
{
	int i;

	for (i = 0; i < times; i++) {
		struct child child = child_start(hold, NULL);

		ck_assert_int_eq(link_hear(child.link), 0);
		child_kill(&child);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
}
