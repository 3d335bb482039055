/* SPDX-License-Identifier: MIT */
/*
 * What a registry has taken of what it may take, what delays reuse, and how fast it grows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

#define MANY 90 /* percent */

/* A registry that would be full in less than that at its rate is worth a look. */
#define SOON_MS (24 * 3600 * 1000ull)

/* Memory of dead owners that is worth a sweep. */
#define DEAD_MUCH (16ull << 20)

static bool is_many(uint64_t used, uint64_t most)
{
	return most && used / MANY >= most / 100;
}

static uint64_t taken(const struct kreg_stat *stat)
{
	return stat->bytes_used + stat->bytes_dead + stat->bytes_waiting;
}

static const char *comm_of(const struct doctor_look *look, pid_t pid)
{
	size_t i;

	for (i = 0; i < look->load_count; i++) {
		if (look->loads[i].owner.pid == pid)
			return look->loads[i].comm;
	}
	return NULL;
}

static void check_room(const struct doctor_patient *p, const struct kreg_stat *stat)
{
	char most[DOCTOR_TEXT], all[32], some[32], own[32];

	doctor_process(most, stat->owner_most, comm_of(p->now, stat->owner_most));
	doctor_size(own, stat->bytes_owner_most);
	if (is_many(taken(stat), stat->bytes_max))
		doctor_say_of(p, DOCTOR_FAILURE, "memory", stat->owner_most,
			      "%s of %s are taken, and what does not fit fails with ENOSPC; %s has "
			      "the most, %s: see whether it needs that, `regtool -r %s sweep`, or "
			      "create the registry with more --max-bytes",
			      doctor_size(some, taken(stat)), doctor_size(all, stat->bytes_max),
			      most, own, p->name);
	if (is_many(stat->bytes_owner_most, stat->bytes_owner_max))
		doctor_say_of(p, DOCTOR_FAILURE, "share", stat->owner_most,
			      "%s has %s of %s, its share, and what it registers beyond fails with "
			      "EDQUOT; see whether it needs that, or create the registry with more "
			      "--owner-bytes",
			      most, own, doctor_size(all, stat->bytes_owner_max));
	if (stat->bytes_dead > DEAD_MUCH && stat->bytes_dead > stat->bytes_used)
		doctor_say_of(p, DOCTOR_WARNING, "memory", 0,
			      "%s of %s belong to dead owners until others register; `regtool -r "
			      "%s sweep` reclaims them now",
			      doctor_size(some, stat->bytes_dead), doctor_size(all, taken(stat)),
			      p->name);
}

static void check_slots(const struct doctor_patient *p, const struct kreg_stat *stat)
{
	if (is_many(stat->slots_used, stat->slots))
		doctor_say_of(
			p, DOCTOR_FAILURE, "slots", 0,
			"%" PRIu64 " of %" PRIu64 " slots are taken by threads, and the next "
			"thread that writes, waits or reads in a section gets ENOBUFS; create "
			"the registry with more --slots",
			stat->slots_used, stat->slots);
	/* The guard's are for all registries, see guard.c. */
	if (stat->life == KREG_LIFE_FALLBACK && is_many(stat->owners, stat->seats))
		doctor_say_of(
			p, DOCTOR_FAILURE, "seats", 0,
			"%" PRIu64 " of %" PRIu64 " seats are taken, and opening for writing "
			"without one fails with EUSERS; end what is not needed, or create the "
			"registry with more --seats",
			stat->owners, stat->seats);
	if (stat->fences)
		doctor_say_of(p, DOCTOR_OK, "fences", 0,
			      "membarrier(2) was refused to a process in it, so each read section "
			      "takes some ten nanoseconds more; a seccomp filter may be why");
}

/* One that is in a section at both looks is in one that is long, or in many short ones. */
static void check_readers(const struct doctor_patient *p, const struct kreg_stat *stat)
{
	const char *comm = comm_of(p->now, stat->held_up_by);
	char who[DOCTOR_TEXT], size[32];

	if (!stat->held_up_by || !stat->bytes_waiting ||
	    (p->before && p->before->stat.held_up_by != stat->held_up_by))
		return;
	doctor_say_of(p, DOCTOR_WARNING, "reader", stat->held_up_by,
		      "%s is in a read section, and %s cannot be reused until it leaves or is "
		      "expelled; see what it does: `cat /proc/%d/wchan`, `gdb -p %d`",
		      doctor_process(who, stat->held_up_by, comm),
		      doctor_size(size, stat->bytes_waiting), stat->held_up_by, stat->held_up_by);
}

/* What the file system has left for @p, if that is less than what the registry may take. */
static uint64_t room_left(const struct doctor_patient *p)
{
	const struct kreg_stat *stat = &p->now->stat;
	uint64_t left = stat->bytes_max > taken(stat) ? stat->bytes_max - taken(stat) : 0, free;
	struct statfs fs;

	if (statfs(p->now->directory, &fs))
		return left;
	free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	return free < left ? free : left;
}

/* The owner whose memory has grown most; NULL: none has. */
static const struct doctor_load *fastest(const struct doctor_patient *p, uint64_t *grown)
{
	const struct doctor_load *found = NULL, *load, *was;
	size_t i;

	*grown = 0;
	for (i = 0; i < p->now->load_count; i++) {
		load = &p->now->loads[i];
		was = doctor_look_load(p->before, &load->owner);
		if (was && load->entries > was->entries && load->entries - was->entries > *grown) {
			*grown = load->entries - was->entries;
			found = load;
		}
	}
	return found;
}

static void check_growth(const struct doctor_patient *p)
{
	uint64_t was = taken(&p->before->stat), is = taken(&p->now->stat), entries;
	uint64_t ms = (uint64_t)(p->now->when_ms - p->before->when_ms), left;
	const struct doctor_load *load = fastest(p, &entries);
	char who[DOCTOR_TEXT], size[32], age[32], full[32];

	if (is <= was || !load || p->now->stat.entries <= p->before->stat.entries)
		return;
	left = room_left(p);
	/* In floating point, as the product may be beyond 64 bits. */
	if ((double)left / (double)(is - was) * (double)ms >= (double)SOON_MS)
		return;
	doctor_say_of(p, DOCTOR_WARNING, "growth", load->owner.pid,
		      "it has grown by %s and %" PRIu64 " entries within %s, and is full in %s at "
		      "this rate; %s has added %" PRIu64 " of these and has %" PRIu64
		      " now: see whether it unregisters what it no longer needs, `regtool -r %s ls "
		      "--pid %d`",
		      doctor_size(size, is - was), p->now->stat.entries - p->before->stat.entries,
		      doctor_age(age, ms),
		      doctor_age(full, (uint64_t)((double)left / (double)(is - was) * (double)ms)),
		      doctor_process(who, load->owner.pid, load->comm), entries, load->entries,
		      p->name, load->owner.pid);
}

void doctor_memory(const struct doctor_patient *p)
{
	check_room(p, &p->now->stat);
	check_slots(p, &p->now->stat);
	check_readers(p, &p->now->stat);
	if (p->before)
		check_growth(p);
}
