/* SPDX-License-Identifier: MIT */
/*
 * Detection of core dumps. The kernel does not notify anyone when a dump begins, so /proc
 * is read. That costs tens of microseconds, and most processes sleep most of the time:
 * one that has used no CPU time since /proc was read last has not begun to dump. The
 * kernel may not charge a very short run to any process, so /proc is read again after a
 * while in any case.
 *
 * Owners are checked in turn, so that many of them do not cost more than a few.
 */
#include "lib/process/dumps.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/process/opened.h"
#include "base/clock.h"
#include "base/fd.h"

/* After this time /proc is read again, even if the CPU time is unchanged. */
#define RECHECK_NS 10000000000ull

struct dump {
	struct cds_list_head node;
	owner_t owner;
	uint64_t cpu;     /* of its process, before /proc was read */
	uint64_t read_at; /* as clock_now(); 0: never */
	uint32_t is_on;
};

void dumps_init(struct dumps *dumps, struct kreg *k)
{
	*dumps = (struct dumps){ .k = k };
	CDS_INIT_LIST_HEAD(&dumps->watched);
}

void dumps_free(struct dumps *dumps)
{
	struct dump *dump, *next;

	cds_list_for_each_entry_safe (dump, next, &dumps->watched, node)
		free(dump);
	dumps_init(dumps, dumps->k);
}

struct dump *dumps_watch(struct dumps *dumps, owner_t owner)
{
	struct dump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return NULL;
	dump->owner = owner;
	/* It is checked next. */
	cds_list_add(&dump->node, &dumps->watched);
	dumps->count++;
	return dump;
}

void dumps_forget(struct dumps *dumps, struct dump *dump)
{
	cds_list_del(&dump->node);
	dumps->count--;
	free(dump);
}

bool dump_is_on(const struct dump *dump)
{
	return load_relaxed(&dump->is_on); /* relaxed: no other data; never 0 again */
}

bool process_is_dumping(pid_t pid)
{
	FILE *status = fd_stream_of(pid, "status");
	char line[256];
	int dumping = 0;

	if (!status)
		return false;
	while (!dumping && fgets(line, sizeof(line), status))
		sscanf(line, "CoreDumping: %d", &dumping);
	fclose(status);
	return dumping;
}

/* The CPU time of a process, in ns; if not available, a different number each time. */
static uint64_t cpu_time(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return clock_now();
	return (uint64_t)used.tv_sec * 1000000000ull + (uint64_t)used.tv_nsec;
}

/* Whether @dump has begun. Counts a read of /proc in *reads. */
static bool has_begun(struct kreg *k, struct dump *dump, uint64_t now, uint32_t *reads)
{
	struct kreg_owner who;
	uint64_t life, cpu;

	if (dump_is_on(dump) || !life_look(&k->lives, dump->owner, &life) ||
	    !handle_owner(k, dump->owner, life, &who) || !handle_pid_is_ours(k, dump->owner))
		return false;
	cpu = cpu_time(who.pid);
	if (cpu == dump->cpu && dump->read_at && now - dump->read_at < RECHECK_NS)
		return false;
	dump->cpu = cpu;
	dump->read_at = now;
	++*reads;
	/*
	 * The state is that owner's if it was alive, and so had the pid, until after the
	 * read.
	 */
	return process_is_dumping(who.pid) && opened_by(k, dump->owner, who.pid) != -EUCLEAN &&
	       life_is_alive(&k->lives, dump->owner);
}

bool dumps_look(struct dumps *dumps)
{
	uint64_t now = clock_now();
	uint32_t looks = dumps->count < DUMPS_LOOKS ? dumps->count : DUMPS_LOOKS, reads = 0;
	struct dump *dump;
	bool found = false;

	if (!looks || now < dumps->next)
		return false;
	dumps->next = now + DUMPS_MS * 1000000ull;
	for (; looks && reads < DUMPS_READS; looks--) {
		dump = cds_list_first_entry(&dumps->watched, struct dump, node);
		cds_list_del(&dump->node);
		cds_list_add_tail(&dump->node, &dumps->watched);
		if (!has_begun(dumps->k, dump, now, &reads))
			continue;
		store_relaxed(&dump->is_on, 1); /* relaxed: as in dump_is_on() */
		found = true;
	}
	return found;
}
