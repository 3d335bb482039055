/* SPDX-License-Identifier: MIT */
/*
 * The audit: compares lives with processes, and ends each life whose process is gone.
 *
 * Two programs end lives, and some kernels may skip both (guard.bpf.c). The names of such
 * a process can be found until an audit. A process is gone if /proc and kill(2) show no
 * process with its pid, or a dead one that nobody has reaped, or one that was started at
 * another time. By then the exit hook has run or was skipped, so if the life word is
 * still the same, its end was missed. The program command ends that very word by
 * compare-and-swap. Times are compared in clock ticks, as /proc has them: a process that
 * got the same pid within the same tick is taken for the first one, and the life ends
 * with it, or at its audit.
 *
 *   step                                 killed here
 *   a word is read, its process judged   nothing has changed
 *   the life is ended                    it is over; what it left is swept as after any death
 *   the process leaves the owners        an element is in use until the next audit
 *
 * A process that is gone cannot attach, and no other process has its key. So its entry
 * among the owners can be removed at any time, whatever its value is: a life that is
 * over, or what a refused process has left (claim.bpf.h).
 */
#include "bpf/guard_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_pin.h"

/*
 * The inode numbers of the initial namespaces, which are fixed in the kernel's interface.
 */
#define PID_NAMESPACE_INITIAL 0xeffffffcull
#define TIME_NAMESPACE_INITIAL 0xeffffffaull

/*
 * Whether pids and times in /proc are those that the programs record. In another
 * namespace every owner would look gone, and an audit would end the lives of running
 * processes.
 */
static bool is_initial(void)
{
	struct stat pid, time;

	if (stat("/proc/self/ns/pid", &pid) || pid.st_ino != PID_NAMESPACE_INITIAL)
		return false;
	/* Before 5.6 there is no other. */
	return stat("/proc/self/ns/time", &time) ? errno == ENOENT
						 : time.st_ino == TIME_NAMESPACE_INITIAL;
}

/*
 * Whether it is certain that process @pid, started @start nanoseconds after boot, is
 * gone. All doubts count as no: a life that goes on too long is found by the next audit,
 * but one that was ended too early takes a running process's names away.
 */
static bool is_gone(pid_t pid, __u64 start)
{
	unsigned long long ticks, tick = 1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK);
	char path[64], text[1024];
	const char *at;
	char state;
	long threads;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		/*
		 * With hidepid /proc hides processes of others, so kill(2) has to agree.
		 */
		return errno == ENOENT && kill(pid, 0) && errno == ESRCH;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return kill(pid, 0) && errno == ESRCH;
	text[got] = 0;
	/*
	 * The name may contain anything, also brackets; behind the last one there are
	 * only fields.
	 */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld "
			  "%*d %llu",
			  &state, &threads, &ticks) != 3)
		return false;
	/*
	 * A leader that has exited before its threads is a zombie as well, and its
	 * process runs.
	 */
	return ((state == 'Z' || state == 'X') && threads <= 1) || ticks != start / tick;
}

/* The life word at @seat if its process is gone; otherwise 0. */
static __u64 gone_at(const __u64 *words, const struct life_seat *facts, uint32_t seat)
{
	__u64 word = __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE);
	__u64 start = __atomic_load_n(&facts[seat].start, __ATOMIC_ACQUIRE);

	/*
	 * The start belongs to this life if the word is the same before and after it was
	 * read. With the start of the seat's previous holder a running process would be
	 * judged gone.
	 */
	if (!guard_word_is_alive(word) || __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE) != word ||
	    !is_gone((pid_t)(word & LIFE_PID_MASK), start))
		return 0;
	return word;
}

/*
 * Judges the life at @seat. 1: its process was gone, and the life has been ended; 0:
 * nothing was done; -errno.
 */
static int audit_seat(const struct guard_at *at, const __u64 *words, const struct life_seat *facts,
		      uint32_t seat)
{
	struct life_command run = {
		.command = LIFE_COMMAND_END_ONE,
		.seat = seat,
		.life = gone_at(words, facts, seat),
	};
	int err;

	if (!run.life)
		return 0;
	err = guard_command(at, &run); /* happens here */
	return err ? err : run.living == 1;
}

/*
 * Whether the life has gone on without its process. One that ended between the look at its
 * word and that at its process is over by now: that order is the kernel's.
 */
static int look_at_seat(const struct guard_at *at, const __u64 *words,
			const struct life_seat *facts, uint32_t seat)
{
	__u64 word = gone_at(words, facts, seat);

	(void)at;
	return word && __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE) == word;
}

/* Judges all seats by @judge. The sum of what it returned, or -errno. */
static int judge_lives(const struct guard_at *at, uint32_t seats,
		       int (*judge)(const struct guard_at *at, const __u64 *words,
				    const struct life_seat *facts, uint32_t seat))
{
	struct guard_map words = { 0 }, facts = { 0 };
	int err, sum = 0;
	uint32_t seat;

	err = guard_pin_map(at->folder, LIFE_PIN_LIVES, seats * sizeof(__u64), &words);
	if (!err)
		err = guard_pin_map(at->folder, LIFE_PIN_SEATS, seats * sizeof(struct life_seat),
				    &facts);
	for (seat = 0; seat < seats && !err; seat++) {
		int got = judge(at, words.at, facts.at, seat);

		if (got < 0)
			err = got;
		else
			sum += got;
	}
	guard_unmap(&words);
	guard_unmap(&facts);
	return err ? err : sum;
}

/*
 * Removes the processes that are gone from the owners; adds to *removed, if not NULL.
 * They are not found by the first pass, because a process can be there without a life.
 */
static int audit_owners(const struct guard_at *at, uint32_t seats, uint32_t *removed)
{
	struct life_command run = { .command = LIFE_COMMAND_FORGET };
	struct life_process key, next;
	bool has_next;
	uint32_t steps;
	int fd = guard_pin_open(at->folder, PIN_OWNERS), err = 0;

	if (fd < 0)
		return fd;
	has_next = !bpf_map_get_next_key(fd, NULL, &next);
	/*
	 * If the exit of a process removes the key that the iteration is at, the kernel
	 * restarts it at the first one. Where processes keep dying it might never end;
	 * hence the bound.
	 */
	for (steps = 0; has_next && steps < 8 * seats; steps++) {
		/*
		 * The next key first: after the deletion the iteration could not go on
		 * from this one.
		 */
		key = next;
		has_next = !bpf_map_get_next_key(fd, &key, &next);
		if (!is_gone((pid_t)key.pid, key.start))
			continue;
		run.process = key;
		err = guard_command(at, &run);
		if (err)
			break;
		if (removed)
			*removed += run.living;
	}
	close(fd);
	return err;
}

int guard_audit_at(const struct guard_at *at, uint32_t *removed)
{
	struct life_control control;
	int err = guard_control(at, &control), ended;

	if (removed)
		*removed = 0;
	if (err)
		return err;
	if (geteuid() || !is_initial())
		return -EPERM;
	ended = judge_lives(at, control.seats, audit_seat);
	if (ended >= 0)
		err = audit_owners(at, control.seats, removed);
	return err ? err : ended;
}

int guard_audit(const struct guard_options *options, uint32_t *removed)
{
	struct guard_at at;
	int err = guard_find(&at, options);

	if (err)
		return err;
	err = guard_audit_at(&at, removed);
	guard_at_close(&at);
	return err;
}

static int gone_in(const struct guard_at *at)
{
	struct life_control control;
	int err = guard_control(at, &control);

	if (err)
		return err;
	return is_initial() ? judge_lives(at, control.seats, look_at_seat) : -EPERM;
}

int guard_gone(const struct guard_options *options)
{
	struct guard_at at;
	int err = guard_find(&at, options);

	if (err)
		return err;
	err = gone_in(&at);
	guard_at_close(&at);
	return err;
}
