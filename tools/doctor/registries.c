/* SPDX-License-Identifier: MIT */
/*
 * The registries: each file's state, and those that are current twice, with the other groups of
 * checks between the two looks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"
#include "tools/out/progress.h"

static bool is_asked_for(const struct doctor *doctor, const struct kreg_registry *registry)
{
	return !doctor->only || !strcmp(doctor->only, registry->name);
}

static int open_registry(const struct doctor *doctor, const struct kreg_registry *registry,
			 struct kreg **out)
{
	struct kreg_options options = doctor->client->options;

	options.flags = KREG_OPEN_READONLY;
	options.directory = registry->directory;
	options.guard = doctor->guard ? doctor->guard : "none";
	return kreg_open(out, registry->name, &options);
}

/* What cannot be opened now is reported at the second look. */
static int look_first(const struct kreg_registry *registry, void *data)
{
	struct doctor *doctor = data;
	struct doctor_look *look;
	struct kreg *k;

	progress_step(1);
	if (!is_asked_for(doctor, registry))
		return 0;
	look = doctor_look_new(registry);
	if (!look)
		return -ENOMEM;
	doctor->registries++;
	look->next = doctor->looks;
	doctor->looks = look;
	if (registry->state != KREG_REGISTRY_CURRENT || open_registry(doctor, registry, &k))
		return 0;
	doctor_look_fill(look, k);
	kreg_close(k);
	return 0;
}

static const struct doctor_look *look_of(const struct doctor *doctor,
					 const struct kreg_registry *registry)
{
	const struct doctor_look *look = doctor->looks;

	while (look &&
	       (strcmp(look->name, registry->name) || strcmp(look->directory, registry->directory)))
		look = look->next;
	return look && look->is_filled ? look : NULL;
}

/* The file: kreg.UID.NAME. */
static void file_of(const struct kreg_registry *registry, char *to, size_t size)
{
	const char *colon = strchr(registry->name, ':');

	if (colon)
		snprintf(to, size, "%s/kreg.%.*s.%s", registry->directory,
			 (int)(colon - registry->name), registry->name, colon + 1);
	else
		snprintf(to, size, "%s/kreg.%u.%s", registry->directory, geteuid(), registry->name);
}

#define say(doctor, registry, is, word, ...)                                                       \
	doctor_say(doctor,                                                                         \
		   &(struct doctor_finding){                                                       \
			   .verdict = (is), .check = (word), .object = (registry)->name },         \
		   __VA_ARGS__)

static void say_leftover(struct doctor *doctor, const struct kreg_registry *registry)
{
	const char *why = registry->life == KREG_LIFE_GUARD && !doctor->guard_runs
				  ? "it was made under a guard that no longer runs"
				  : "it was made under another guard or boot, or was replaced";
	char file[512], size[32];

	file_of(registry, file, sizeof(file));
	if (registry->owners)
		say(doctor, registry, DOCTOR_FAILURE, "leftover",
		    "%s: %s, and %" PRIu64 " processes that may be alive have it open, so opening "
		    "it for writing fails with EBUSY; end them or restart them, `regtool -r %s run "
		    "x -- true` names one",
		    file, why, registry->owners, registry->name);
	else
		say(doctor, registry, DOCTOR_WARNING, "leftover",
		    "%s: %s, and it takes %s; `regtool destroy --leftovers`, as its user or root",
		    file, why, doctor_size(size, registry->bytes));
}

static void say_layout(struct doctor *doctor, const struct kreg_registry *registry)
{
	if (registry->owners)
		say(doctor, registry, DOCTOR_FAILURE, "layout",
		    "its layout is %u, of another version of the library, and %" PRIu64
		    " processes have it open, so opening it with this version fails with EPROTO; "
		    "restart them with one version",
		    registry->layout, registry->owners);
	else
		say(doctor, registry, DOCTOR_WARNING, "layout",
		    "its layout is %u, of another version of the library, and no process is in it; "
		    "the next open for writing by its user replaces it",
		    registry->layout);
}

static void say_damaged(struct doctor *doctor, const struct kreg_registry *registry)
{
	char file[512];

	file_of(registry, file, sizeof(file));
	say(doctor, registry, DOCTOR_FAILURE, "damage",
	    "%s is damaged or no registry, so opening it fails with EPROTO; see who may write it, "
	    "then `regtool destroy %s --force` and restart its processes",
	    file, registry->name);
}

static void say_anothers(struct doctor *doctor, const struct kreg_registry *registry)
{
	char file[512];

	file_of(registry, file, sizeof(file));
	say(doctor, registry, DOCTOR_FAILURE, "user",
	    "%s belongs to user %u and not to the user in its name, to whom "
	    "opening it fails with EPERM; remove it as "
	    "root; `systemctl enable --now run-kreg.mount` prevents it",
	    file, registry->uid);
}

/* Whether the library has found its memory damaged, or could not say. */
static bool has_faults(const struct doctor_patient *patient, int64_t faults, const char *first)
{
	if (faults > 0)
		doctor_say_of(patient, DOCTOR_FAILURE, "damage", 0,
			      "%" PRId64 " fault%s in its memory: %s; `regtool -r %s check` lists "
			      "all",
			      faults, faults == 1 ? "" : "s", first, patient->name);
	else if (faults == -EUCLEAN)
		doctor_say_of(
			patient, DOCTOR_FAILURE, "damage", 0,
			"a process that may write it has damaged its memory; `regtool destroy "
			"%s --force`, restart its processes, and see who may write it",
			patient->name);
	else if (faults < 0)
		doctor_say_of(patient, DOCTOR_UNKNOWN, "damage", 0,
			      "its memory could not be checked: %s", kreg_strerror((int)faults));
	return faults;
}

static void keep_first(const char *sentence, void *data)
{
	char *first = data;

	if (!*first)
		snprintf(first, 512, "%s", sentence);
}

static void check_open(struct doctor_patient *patient)
{
	char first[512] = "", size[32];
	const struct kreg_stat *stat = &patient->now->stat;

	if (!has_faults(patient, kreg_check(patient->k, keep_first, first), first))
		doctor_say_of(patient, DOCTOR_OK, "registry", 0,
			      "%" PRIu64 " entries of %" PRIu64 " owners take %s, and no fault was "
			      "found",
			      stat->entries, stat->owners, doctor_size(size, stat->bytes_reserved));
	if (stat->life == KREG_LIFE_FALLBACK && patient->doctor->guard_runs)
		doctor_say_of(patient, DOCTOR_FAILURE, "life", 0,
			      "it was made in the fallback and a guard runs now, so opening it for "
			      "writing fails with EBUSY as long as one of its %" PRIu64
			      " owners is alive; end all of these, then start them",
			      stat->owners);
	doctor_memory(patient);
	doctor_owners(patient);
	doctor_services(patient);
	doctor_supervised(patient);
	doctor_cluster(patient);
}

static int check_current(struct doctor *doctor, const struct kreg_registry *registry)
{
	struct doctor_look *now = doctor_look_new(registry);
	struct doctor_patient patient = {
		.doctor = doctor,
		.name = registry->name,
		.before = doctor->interval_ms ? look_of(doctor, registry) : NULL,
		.now = now,
	};
	int err = now ? open_registry(doctor, registry, &patient.k) : -ENOMEM;

	if (err == -ENOMEM && !now)
		return err;
	if (!err) {
		patient.who = who_new(patient.k, 0);
		err = patient.who ? doctor_look_fill(now, patient.k) : -ENOMEM;
		if (!err)
			check_open(&patient);
		else
			has_faults(&patient, err, "");
		who_free(patient.who);
		kreg_close(patient.k);
	} else if (err != -ENOENT) {
		/* It has changed meanwhile, or is beyond a limit of this process. */
		say(doctor, registry, err == -EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAILURE, "open",
		    "it cannot be opened: %s",
		    *doctor->client->sentence ? doctor->client->sentence : kreg_strerror(err));
	}
	doctor->client->sentence[0] = '\0';
	doctor_look_free(now);
	return 0;
}

static int look_again(const struct kreg_registry *registry, void *data)
{
	struct doctor *doctor = data;

	if (!is_asked_for(doctor, registry))
		return 0;
	progress_step(1);
	switch (registry->state) {
	case KREG_REGISTRY_CURRENT:
		return check_current(doctor, registry);
	case KREG_REGISTRY_LEFTOVER:
		say_leftover(doctor, registry);
		break;
	case KREG_REGISTRY_OTHER_LAYOUT:
		say_layout(doctor, registry);
		break;
	case KREG_REGISTRY_DAMAGED:
		say_damaged(doctor, registry);
		break;
	case KREG_REGISTRY_ANOTHERS:
		say_anothers(doctor, registry);
		break;
	default:
		say(doctor, registry, DOCTOR_UNKNOWN, "registry",
		    "this user may not read it; run doctor as user %u or root", registry->uid);
	}
	return 0;
}

static int each(struct doctor *doctor,
		int (*visit)(const struct kreg_registry *registry, void *data))
{
	struct kreg_options options = doctor->client->options;

	options.guard = doctor->guard ? doctor->guard : "none";
	return kreg_registries_each(&options, 0, visit, doctor);
}

static void wait_until(int64_t when)
{
	int64_t left;

	while ((left = when - doctor_now_ms()) > 0)
		nanosleep(&(struct timespec){ left / 1000, left % 1000 * 1000000 }, NULL);
}

static bool is_of_folder(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -EOPNOTSUPP;
}

/* $KREG_DIR: elsewhere a folder that is not there is no error. */
static void say_folder(struct doctor *doctor, int err)
{
	const char *sentence = doctor->client->sentence;

	doctor_say(doctor,
		   &(struct doctor_finding){ .verdict = DOCTOR_FAILURE,
					     .check = "folder",
					     .object = getenv("KREG_DIR") },
		   "%s; KREG_DIR must name a folder in a tmpfs",
		   *sentence ? sentence : strerror(-err));
}

static int look_twice(struct doctor *doctor)
{
	int64_t begin = doctor_now_ms();
	int err;

	progress_begin("looking at the registries", 0);
	err = each(doctor, look_first);
	if (is_of_folder(err) && !doctor->only) {
		say_folder(doctor, err);
		doctor_host(doctor);
		doctor_guard(doctor);
		return 0;
	}
	if (!err && doctor->only && !doctor->registries)
		err = -ENOENT;
	if (err)
		return err;
	doctor_host(doctor);
	doctor_guard(doctor);
	doctor_space(doctor);
	if (doctor->registries) {
		progress_wait("waiting for the second look", (uint64_t)doctor->interval_ms);
		wait_until(begin + doctor->interval_ms);
	}
	progress_begin("looking again", doctor->registries);
	return each(doctor, look_again);
}

int doctor_registries(struct doctor *doctor)
{
	struct doctor_look *look;
	int err = look_twice(doctor);

	progress_end();
	while ((look = doctor->looks)) {
		doctor->looks = look->next;
		doctor_look_free(look);
	}
	return err;
}
