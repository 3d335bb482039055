/* SPDX-License-Identifier: MIT */
/*
 * The guard: whether it can run and runs, its seats and pins, and deaths that it has missed.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tools/doctor/doctor.h"

#ifdef HAVE_GUARD

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "bpf/guard.h"

/* Of the seats, in percent. */
#define SEATS_MANY 90

struct guard {
	struct doctor *doctor;
	struct guard_options options;
	char sentence[1024]; /* the last one that was logged */
};

static void keep(const char *sentence, void *data)
{
	struct guard *guard = data;

	snprintf(guard->sentence, sizeof(guard->sentence), "%s", sentence);
}

/* doctor_say() of the guard. */
#define say(guard, is, word, ...)                                                                  \
	doctor_say((guard)->doctor,                                                                \
		   &(struct doctor_finding){                                                       \
			   .verdict = (is), .check = (word), .object = (guard)->options.path },    \
		   __VA_ARGS__)

/* The folder in which the guard's is; false: the path is too long. */
static bool parent_of(const char *path, char *to, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == path)
		slash++;
	return snprintf(to, size, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".") <
	       (int)size;
}

/* Return: whether a guard can be there. */
static bool check_bpffs(struct guard *guard)
{
	struct statfs fs;
	char parent[512];

	if (!parent_of(guard->options.path, parent, sizeof(parent)))
		return true;
	if (statfs(parent, &fs)) {
		say(guard, DOCTOR_WARNING, "bpffs", "%s: %s; `mount -t bpf bpf /sys/fs/bpf`",
		    parent, strerror(errno));
		return false;
	}
	if (fs.f_type != BPF_FS_MAGIC) {
		say(guard, DOCTOR_WARNING, "bpffs",
		    "%s is not in a bpffs, so no guard can be there; `mount -t bpf bpf "
		    "/sys/fs/bpf`, or `regtool guard start`, which does that",
		    parent);
		return false;
	}
	say(guard, DOCTOR_OK, "bpffs", "%s is in a bpffs", parent);
	return true;
}

static void say_none(struct guard *guard, int err)
{
	if (err == -ENOENT)
		say(guard, DOCTOR_WARNING, "guard",
		    "no guard runs, so registries are in the fallback, in which exec ends names "
		    "and "
		    "each process that may write a registry is trusted; `regtool guard start`, "
		    "before the "
		    "services");
	else if (err == -EPROTO)
		say(guard, DOCTOR_FAILURE, "guard",
		    "the guard is of another version, so processes with this library cannot take "
		    "part under it; stop the services, `regtool guard stop` by the regtool of that "
		    "version, then `regtool guard start`");
	else if (err == -EACCES || err == -EPERM)
		say(guard, DOCTOR_UNKNOWN, "guard", "this user cannot look at it: %s",
		    *guard->sentence ? guard->sentence : strerror(-err));
	else
		say(guard, DOCTOR_FAILURE, "guard", "%s",
		    *guard->sentence ? guard->sentence : strerror(-err));
}

static void check_seats(struct guard *guard, const struct guard_status *status)
{
	uint64_t used = status->seats_used;

	if (used * 100 >= (uint64_t)status->seats * SEATS_MANY)
		say(guard, DOCTOR_FAILURE, "seats",
		    "%u of %u seats are taken, and without one opening for writing fails with "
		    "EUSERS; see which user has them, end what is not needed, or start the guard "
		    "with more --seats when no process takes part",
		    status->seats_used, status->seats);
	else
		say(guard, DOCTOR_OK, "seats", "%u of %u are taken", status->seats_used,
		    status->seats);
}

static void check_users(struct guard *guard, const struct guard_status *status)
{
	struct guard_user *users = NULL;
	size_t count = 0, i;

	if (guard_users(&guard->options, &users, &count))
		return;
	for (i = 0; i < count; i++) {
		if (!users[i].uid || users[i].seats < status->share)
			continue;
		say(guard, DOCTOR_FAILURE, "share",
		    "user %u has %u seats, its share, so further processes of it get EDQUOT; end "
		    "some of `ps -u %u`, or `regtool guard upgrade --share` with more",
		    users[i].uid, users[i].seats, users[i].uid);
	}
	free(users);
}

/* What has happened since the start needs no action by itself. */
static void check_refused(struct guard *guard, const struct guard_status *status)
{
	if (status->refused)
		say(guard, DOCTOR_WARNING, "refused",
		    "since the start of the guard, %llu attaches have found no seat free; if that "
		    "goes on, start it with more than %u --seats",
		    (unsigned long long)status->refused, status->seats);
	if (status->over_share)
		say(guard, DOCTOR_WARNING, "refused",
		    "since the start of the guard, %llu attaches were refused to users who had "
		    "their share of %u seats; if that goes on, `regtool guard upgrade --share` "
		    "with "
		    "more",
		    (unsigned long long)status->over_share, status->share);
}

static void check_missed(struct guard *guard, const struct guard_status *status)
{
	if (status->sure_misses)
		say(guard, DOCTOR_FAILURE, "missed",
		    "the kernel has skipped %llu events in both programs; `regtool sweep` as root "
		    "ends what was missed; report this, with the kernel's version",
		    (unsigned long long)status->sure_misses);
	if (status->missed)
		say(guard, DOCTOR_WARNING, "missed",
		    "the log had no room for %llu deaths, so a program that follows it has "
		    "not seen these; names are not concerned",
		    (unsigned long long)status->missed);
	if (status->late)
		say(guard, DOCTOR_WARNING, "late",
		    "%llu lives have gone on after their processes, because the kernel had skipped "
		    "the guard's programs, until an audit ended them; run `regtool sweep` as root "
		    "by a timer",
		    (unsigned long long)status->late);
	if (!status->sure_misses && !status->missed && !status->late)
		say(guard, DOCTOR_OK, "missed", "no death was missed");
}

static void check_lives(struct guard *guard)
{
	int gone = guard_gone(&guard->options);

	if (gone == -EPERM)
		say(guard, DOCTOR_UNKNOWN, "lives",
		    "which process is gone cannot be decided in this PID namespace; run doctor on "
		    "the host");
	else if (gone < 0)
		say(guard, DOCTOR_UNKNOWN, "lives", "they cannot be looked at: %s",
		    strerror(-gone));
	else if (gone)
		say(guard, DOCTOR_FAILURE, "lives",
		    "%d lives go on although their processes are gone, so their names are still "
		    "found; `regtool sweep` as root ends them",
		    gone);
	else
		say(guard, DOCTOR_OK, "lives", "each is of a process that is there");
}

static void fault(const char *sentence, void *data)
{
	struct guard *guard = data;

	say(guard, DOCTOR_FAILURE, "pins", "%s", sentence);
}

static void check_pins(struct guard *guard)
{
	int count = guard_inspect(&guard->options, fault, guard);

	if (!count)
		say(guard, DOCTOR_OK, "pins", "all are there, with their owner and modes");
	else if (count < 0 && count != -ENOENT)
		say(guard, DOCTOR_UNKNOWN, "pins", "they cannot be looked at: %s",
		    *guard->sentence ? guard->sentence : strerror(-count));
}

static void check_running(struct guard *guard)
{
	struct guard_status status = { 0 };
	int err = guard_status(&guard->options, &status);

	if (err) {
		say_none(guard, err);
		if (err != -ENOENT)
			check_pins(guard);
		return;
	}
	guard->doctor->guard_runs = true;
	say(guard, DOCTOR_OK, "guard", "a guard of layout %u runs", status.layout);
	check_seats(guard, &status);
	check_users(guard, &status);
	check_refused(guard, &status);
	check_missed(guard, &status);
	check_lives(guard);
	check_pins(guard);
}

void doctor_guard(struct doctor *doctor)
{
	struct guard guard = {
		.doctor = doctor,
		.options = {
			.path = doctor->guard,
			.log = keep,
			.log_data = &guard,
			.only_look = true,
		},
	};

	if (!doctor->guard) {
		doctor_say_host(doctor, DOCTOR_OK, "guard",
				"KREG_GUARD is \"none\": registries are in the fallback");
		return;
	}
	if (check_bpffs(&guard))
		check_running(&guard);
}

#else

void doctor_guard(struct doctor *doctor)
{
	doctor_say_host(doctor, DOCTOR_UNKNOWN, "guard",
			"it is not in this build; configure it without --disable-bpf");
}

#endif
