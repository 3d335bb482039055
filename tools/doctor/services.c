/* SPDX-License-Identifier: MIT */
/*
 * The services of a registry: those that restart, are not ready, or have missed their watchdog.
 *
 * A service that restarts is seen in one of three ways: its process is another one at the second
 * look; or it has died, and no other has its name yet; or its process is young, and those of its
 * namespace are old.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

/* A start that takes longer than that is worth a look. */
#define START_MS 60000

/* A process is young, if most others of its namespace are so many times as old, and this old. */
#define YOUNG_TIMES 10
#define YOUNG_MS 60000
#define OLD_MS 60000

struct services {
	const struct doctor_patient *p;
	unsigned int count; /* findings */
};

/* "exited with status 1", as far as that is known. */
static const char *end_of(struct kreg *k, const struct kreg_owner *owner, char to[DOCTOR_TEXT])
{
	struct kreg_end end = { 0 };

	return kreg_owner_end(k, owner, &end) ? "unregistered it" : doctor_end(to, &end);
}

static bool is_more(struct services *s)
{
	return s->count++ >= DOCTOR_MOST;
}

static void check_restarted(struct services *s)
{
	const struct doctor_look *before = s->p->before, *now = s->p->now;
	char key[DOCTOR_TEXT], end[DOCTOR_TEXT], age[32];
	const struct doctor_seen *was, *is;
	size_t i;

	doctor_age(age, (uint64_t)(now->when_ms - before->when_ms));
	for (i = 0; i < before->seen_count; i++) {
		was = &before->seen[i];
		is = doctor_look_seen(now, was->key);
		if ((is && is->owner.token == was->owner.token) ||
		    kreg_owner_is_alive(s->p->k, &was->owner) || is_more(s))
			continue;
		doctor_text(key, was->key, strlen(was->key));
		if (is)
			doctor_say_of(
				s->p, DOCTOR_WARNING, "restarts", is->owner.pid,
				"%s has been restarted within %s: pid %d %s, and pid %d has its "
				"name; see its output, or the log of its supervisor",
				key, age, was->owner.pid, end_of(s->p->k, &was->owner, end),
				is->owner.pid);
		else
			doctor_say_of(
				s->p, DOCTOR_WARNING, "restarts", 0,
				"%s has no process: pid %d %s within %s; see its output, or the "
				"log of its supervisor",
				key, was->owner.pid, end_of(s->p->k, &was->owner, end), age);
	}
}

static void say_health(struct services *s, const struct kreg_service *service,
		       const struct kreg_service_health *health, const struct who *who)
{
	char key[DOCTOR_TEXT], age[32];
	int size = snprintf(key, sizeof(key), "%s/%s", service->space, service->role);

	(void)size;
	if (health->says == KREG_PROGRAM_MISSED && !is_more(s))
		doctor_say_of(s->p, DOCTOR_FAILURE, "watchdog", who->pid,
			      "%s has missed its watchdog, so pid %d is being killed; see what it "
			      "waits for",
			      key, who->pid);
	else if (!health->ready && who->age_ms >= START_MS && !is_more(s))
		doctor_say_of(s->p, DOCTOR_WARNING, "start", who->pid,
			      "%s is not ready %s after pid %d was started, so lookups do not find "
			      "it; see its output",
			      key, doctor_age(age, (uint64_t)who->age_ms), who->pid);
}

static int look_at_health(const struct kreg_service *service, void *data)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct services *s = data;
	const struct who *who;

	if (kreg_service_health(s->p->k, service->space, service->role, &health) ||
	    health.owner.token != service->owner.token)
		return 0;
	who = who_is(s->p->who, &service->owner);
	if (who && who->state == WHO_RUNNING)
		say_health(s, service, &health, who);
	return 0;
}

static size_t space_size(const char *key)
{
	return strcspn(key, "/");
}

static int by_age(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return one < other ? -1 : one > other;
}

/* Of services @from up to @to, which are one namespace. */
static void check_ages(struct services *s, size_t from, size_t to, int64_t *ages)
{
	const struct doctor_seen *seen = s->p->now->seen;
	char young[32], old[32], key[DOCTOR_TEXT];
	const struct who *who;
	int64_t half;
	size_t i;

	for (i = from; i < to; i++) {
		who = who_is(s->p->who, &seen[i].owner);
		ages[i - from] = who ? who->age_ms : -1;
	}
	qsort(ages, to - from, sizeof(*ages), by_age);
	half = ages[(to - from) / 2];
	for (i = from; i < to; i++) {
		who = who_is(s->p->who, &seen[i].owner);
		if (!who || who->age_ms < 0 || who->age_ms >= YOUNG_MS || half < OLD_MS ||
		    who->age_ms >= half / YOUNG_TIMES || is_more(s))
			continue;
		doctor_say_of(s->p, DOCTOR_WARNING, "restarts", who->pid,
			      "%s was started %s ago, and half of its namespace runs since %s; see "
			      "whether it restarts, and its output",
			      doctor_text(key, seen[i].key, strlen(seen[i].key)),
			      doctor_age(young, (uint64_t)who->age_ms),
			      doctor_age(old, (uint64_t)half));
	}
}

static void check_young(struct services *s)
{
	const struct doctor_look *now = s->p->now;
	int64_t *ages = calloc(now->seen_count ? now->seen_count : 1, sizeof(*ages));
	size_t from, to, size;

	for (from = 0; ages && from < now->seen_count; from = to) {
		size = space_size(now->seen[from].key);
		for (to = from + 1; to < now->seen_count; to++) {
			if (space_size(now->seen[to].key) != size ||
			    strncmp(now->seen[from].key, now->seen[to].key, size))
				break;
		}
		if (to - from > 2)
			check_ages(s, from, to, ages);
	}
	free(ages);
}

void doctor_services(const struct doctor_patient *p)
{
	struct services s = { .p = p };

	if (p->now->stat.keys != KREG_KEYS_UNIQUE)
		return;
	if (p->before)
		check_restarted(&s);
	kreg_service_each_reserved(p->k, NULL, look_at_health, &s);
	check_young(&s);
	if (s.count > DOCTOR_MOST)
		doctor_say_of(p, DOCTOR_WARNING, "restarts", 0,
			      "%u more services ask for attention; `regtool -r %s ps --sort age`",
			      s.count - DOCTOR_MOST, p->name);
	else if (p->now->seen_count && !s.count)
		doctor_say_of(p, DOCTOR_OK, "services", 0, "%zu run", p->now->seen_count);
}
