/* SPDX-License-Identifier: MIT */
/*
 * The owners of a registry: those that are alive and do not run, and those that leak.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

/* One of these many entries, and of so many times what half of the owners have, leaks if it grows. */
#define LEAK_ENTRIES 1000
#define LEAK_TIMES 10

#define NAMES_MOST 3

/* What was longer ago is history. */
#define RECENT_MS 3600000

struct names {
	char text[(DOCTOR_TEXT + 4) * NAMES_MOST];
	unsigned int count;
};

static int add_name(const struct kreg_entry *entry, void *data)
{
	struct names *names = data;
	size_t used = strlen(names->text);
	char key[DOCTOR_TEXT];

	if (entry->position)
		return 0;
	if (names->count++ < NAMES_MOST)
		snprintf(names->text + used, sizeof(names->text) - used, "%s\"%s\"",
			 used ? ", " : "", doctor_text(key, entry->key, entry->key_size));
	return 0;
}

/* "and holds "cache", "db" and 7 other names, which answer nobody". */
static void names_of(const struct doctor_patient *p, const struct kreg_owner *owner, char *to,
		     size_t size)
{
	struct names names = { 0 };

	kreg_each_of_owner(p->k, owner, add_name, &names);
	if (!names.count)
		snprintf(to, size, "and holds no name");
	else if (names.count > NAMES_MOST)
		snprintf(to, size, "and holds %s and %u more, which are found and answer nobody",
			 names.text, names.count - NAMES_MOST);
	else
		snprintf(to, size, "and holds %s, which %s found and answer%s nobody", names.text,
			 names.count > 1 ? "are" : "is", names.count > 1 ? "" : "s");
}

/* What a stopped owner has of a read section. */
static const char *section_of(const struct doctor_load *load)
{
	if (load->expelled)
		return " in a read section, was expelled from it";
	return load->readers ? " in a read section, which delays reuse until it is expelled," : "";
}

static void say_state(const struct doctor_patient *p, const struct doctor_load *load,
		      const struct who *who)
{
	char process[DOCTOR_TEXT], names[3 * DOCTOR_TEXT + 100];
	pid_t pid = who->pid;

	doctor_process(process, pid, who->comm ? who->comm : *load->comm ? load->comm : NULL);
	names_of(p, &load->owner, names, sizeof(names));
	switch (who->state) {
	case WHO_STOPPED:
		doctor_say_of(
			p, load->entries ? DOCTOR_FAILURE : DOCTOR_WARNING, "stopped", pid,
			"%s is stopped by a signal or a debugger%s %s; `kill -CONT %d`, or `kill "
			"-KILL %d`, which frees what it has",
			process, section_of(load), names, pid, pid);
		break;
	case WHO_DUMPING:
		doctor_say_of(p, DOCTOR_FAILURE, "dumping", pid,
			      "%s has crashed %s, until its core is written; wait, or `kill -KILL "
			      "%d`, which ends the writing",
			      process, names, pid);
		break;
	case WHO_ZOMBIE:
		doctor_say_of(
			p, DOCTOR_WARNING, "zombie", pid,
			"the first thread of %s has ended and others go on, %s; see whether it "
			"still works, or `kill -KILL %d`",
			process, names, pid);
		break;
	default:
		doctor_say_of(
			p, DOCTOR_FAILURE, "forged", pid,
			"%s is an owner, and has never opened the registry: a process that may "
			"write it has forged that; `regtool -r %s check`, and see who may write "
			"it",
			process, p->name);
	}
}

/* Return: whether there is something to say of it. */
static bool is_odd(const struct who *who)
{
	return who->state != WHO_RUNNING && who->state != WHO_UNKNOWN;
}

/* "T" and the name of a process, by /proc/PID/stat. Return: whether it is stopped. */
static bool is_stopped(pid_t pid, char *comm, size_t size)
{
	char path[64], text[512], *begin, *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!doctor_read_line(path, text, sizeof(text)))
		return false;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end || end < begin || strlen(end) < 3)
		return false;
	snprintf(comm, size, "%.*s", (int)(end - begin - 1), begin + 1);
	return end[2] == 'T' || end[2] == 't';
}

/* In the fallback a name of `regtool run` is its parent's, which runs while the service is stopped. */
static unsigned int check_children(const struct doctor_patient *p, const struct doctor_load *load)
{
	char path[64], text[512], comm[64], names[3 * DOCTOR_TEXT + 100];
	char child[DOCTOR_TEXT], parent[DOCTOR_TEXT];
	pid_t owner = load->owner.pid, pid;
	unsigned int stopped = 0;
	char *at = text, *end;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", owner, owner);
	if (!load->entries || !doctor_read_line(path, text, sizeof(text)))
		return 0;
	for (; (pid = (pid_t)strtol(at, &end, 10)) > 0 && end > at; at = end) {
		if (!is_stopped(pid, comm, sizeof(comm)))
			continue;
		names_of(p, &load->owner, names, sizeof(names));
		doctor_say_of(
			p, DOCTOR_FAILURE, "stopped", pid,
			"%s is stopped by a signal or a debugger; its parent %s runs %s; `kill "
			"-CONT %d`, or `kill -KILL %d`",
			doctor_process(child, pid, comm), doctor_process(parent, owner, load->comm),
			names, pid, pid);
		stopped++;
	}
	return stopped;
}

/*
 * In the fallback a started program is two owners, its foster parent's and its watcher's: only that
 * with names has something to say.
 */
static bool is_said_by_other(const struct doctor_patient *p, size_t which)
{
	const struct doctor_load *load = &p->now->loads[which], *other;
	size_t i;

	if (load->entries || load->readers)
		return false;
	for (i = 0; i < p->now->load_count; i++) {
		other = &p->now->loads[i];
		if (other->entries && other->owner.pid == load->owner.pid)
			return true;
	}
	return false;
}

static void check_states(const struct doctor_patient *p)
{
	unsigned int odd = 0, unknown = 0;
	const struct who *who;
	size_t i;

	for (i = 0; i < p->now->load_count; i++) {
		who = who_is(p->who, &p->now->loads[i].owner);
		if (!who)
			return;
		/* It may have died meanwhile. */
		unknown += who->state == WHO_UNKNOWN &&
			   kreg_owner_is_alive(p->k, &p->now->loads[i].owner);
		if (is_odd(who) && is_said_by_other(p, i))
			continue;
		if (is_odd(who) && odd++ < DOCTOR_MOST)
			say_state(p, &p->now->loads[i], who);
		else if (who->state == WHO_RUNNING && p->now->stat.life == KREG_LIFE_FALLBACK &&
			 odd < DOCTOR_MOST)
			odd += check_children(p, &p->now->loads[i]);
	}
	if (odd > DOCTOR_MOST)
		doctor_say_of(p, DOCTOR_FAILURE, "stopped", 0,
			      "%u more owners do not run; `regtool -r %s owners --sort state`",
			      odd - DOCTOR_MOST, p->name);
	if (unknown)
		doctor_say_of(
			p, DOCTOR_UNKNOWN, "owners", 0,
			"%u owners cannot be looked at: they are of another PID namespace, or "
			"/proc hides them; run doctor as root, on the host",
			unknown);
	if (!odd && !unknown)
		doctor_say_of(p, DOCTOR_OK, "owners", 0, "all run");
}

/* Others may have reused what it was reading. */
static void check_expelled(const struct doctor_patient *p)
{
	const struct doctor_load *load;
	char who[DOCTOR_TEXT], age[32];
	size_t i;

	for (i = 0; i < p->now->load_count; i++) {
		load = &p->now->loads[i];
		if (!load->expelled || load->expelled_ms < 0 || load->expelled_ms >= RECENT_MS)
			continue;
		doctor_say_of(
			p, DOCTOR_WARNING, "expelled", load->owner.pid,
			"%s was expelled from %u read section%s, last %s ago, because it was in "
			"one for longer than the registry's patience; see what it does there, or "
			"whether it was stopped",
			doctor_process(who, load->owner.pid, load->comm), load->expelled,
			load->expelled == 1 ? "" : "s",
			doctor_age(age, (uint64_t)load->expelled_ms));
	}
}

static int by_number(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/* How many entries half of the owners have at most. */
static uint64_t median(const struct doctor_look *look)
{
	uint64_t *counts = calloc(look->load_count, sizeof(*counts)), found = UINT64_MAX;
	size_t i;

	if (!counts)
		return found;
	for (i = 0; i < look->load_count; i++)
		counts[i] = look->loads[i].entries;
	qsort(counts, look->load_count, sizeof(*counts), by_number);
	found = counts[(look->load_count - 1) / 2];
	free(counts);
	return found;
}

static void check_leaks(const struct doctor_patient *p)
{
	uint64_t half, ms = (uint64_t)(p->now->when_ms - p->before->when_ms);
	const struct doctor_load *load, *was;
	char who[DOCTOR_TEXT], age[32];
	size_t i;

	if (p->now->load_count < 2)
		return;
	half = median(p->now);
	for (i = 0; i < p->now->load_count; i++) {
		load = &p->now->loads[i];
		was = doctor_look_load(p->before, &load->owner);
		if (!was || load->entries <= was->entries || load->entries < LEAK_ENTRIES ||
		    load->entries / LEAK_TIMES < half)
			continue;
		doctor_say_of(p, DOCTOR_WARNING, "leak", load->owner.pid,
			      "%s has %" PRIu64 " of %" PRIu64 " entries, %" PRIu64
			      " more than %s ago, and half of the owners have %" PRIu64
			      " at most; see whether it unregisters what it no longer needs, "
			      "`regtool -r %s ls --pid %d`",
			      doctor_process(who, load->owner.pid, load->comm), load->entries,
			      p->now->stat.entries, load->entries - was->entries,
			      doctor_age(age, ms), half, p->name, load->owner.pid);
	}
}

void doctor_owners(const struct doctor_patient *p)
{
	if (!p->now->load_count)
		return;
	check_states(p);
	check_expelled(p);
	if (p->before)
		check_leaks(p);
}
