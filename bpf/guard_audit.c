/* SPDX-License-Identifier: MIT */
/*
 * The audit: lives are compared with processes, and a life whose process is gone is ended.
 *
 * Two programs end lives, and some kernels may skip both (guard.bpf.c). The names of that process can be found
 * until an audit. A process is gone if /proc and kill(2) show no process with its pid, or a dead one that nobody
 * has reaped, or one that was started at another time. By then the exit hook has run, or was skipped; so
 * a life word that is still the same is a missed one, and the program command ends that very word by
 * compare-and-swap. Times are compared in clock ticks, as /proc has them: a process that got the pid within the
 * same tick is taken for the first one, and the life ends with it, or with its audit.
 *
 *   step                                 killed here
 *   a word is read, its process judged   nothing has changed
 *   the life is ended                    it is over; what it left is swept as after any death
 *   the process leaves the owners        an element is in use until the next audit
 *
 * A process that is gone attaches no more, and no other one has its key; so its entry among the owners can be
 * removed at any time.
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

/* The kernel's numbers of the namespaces that it begins with. */
#define PID_NAMESPACE_INITIAL 0xeffffffcull
#define TIME_NAMESPACE_INITIAL 0xeffffffaull

/* Whether pids and times in /proc are those that the kernel's programs see. */
static bool is_initial(void)
{
	struct stat pid, time;

	if (stat("/proc/self/ns/pid", &pid) || pid.st_ino != PID_NAMESPACE_INITIAL)
		return false;
	/* Before 5.6 there is no other. */
	return stat("/proc/self/ns/time", &time) ? errno == ENOENT
						 : time.st_ino == TIME_NAMESPACE_INITIAL;
}

/* Whether it is certain that process @pid, started @start nanoseconds after boot, is gone. */
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
		return errno == ENOENT && kill(pid, 0) && errno == ESRCH;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return kill(pid, 0) && errno == ESRCH;
	text[got] = 0;
	/* The name may hold anything, brackets too; what follows the last one is numbers. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld "
			  "%*d %llu",
			  &state, &threads, &ticks) != 3)
		return false;
	/* A leader that has exited before its threads looks like a zombie too. */
	return ((state == 'Z' || state == 'X') && threads <= 1) || ticks != start / tick;
}

/* 1 if the life at @seat was of a process that is gone, and has been ended. */
static int audit_seat(const struct guard_at *at, const __u64 *words, const struct life_seat *facts,
		      uint32_t seat)
{
	__u64 word = __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE);
	__u64 start = __atomic_load_n(&facts[seat].start, __ATOMIC_ACQUIRE);
	struct life_command run = {
		.command = LIFE_COMMAND_END_ONE,
		.seat = seat,
		.life = word,
	};
	int err;

	/* The facts are this life's if the word is still the same behind them. */
	if (!guard_word_is_alive(word) || __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE) != word ||
	    !is_gone((pid_t)(word & LIFE_PID_MASK), start))
		return 0;
	err = guard_command(at, &run); /* happens here */
	return err ? err : run.living == 1;
}

static int audit_lives(const struct guard_at *at, uint32_t seats)
{
	struct guard_map words = { 0 }, facts = { 0 };
	int err, ended = 0;
	uint32_t seat;

	err = guard_pin_map(at->folder, LIFE_PIN_LIVES, seats * sizeof(__u64), &words);
	if (!err)
		err = guard_pin_map(at->folder, LIFE_PIN_SEATS, seats * sizeof(struct life_seat),
				    &facts);
	for (seat = 0; seat < seats && !err; seat++) {
		int got = audit_seat(at, words.at, facts.at, seat);

		if (got < 0)
			err = got;
		else
			ended += got;
	}
	guard_unmap(&words);
	guard_unmap(&facts);
	return err ? err : ended;
}

static int audit_owners(const struct guard_at *at, uint32_t seats, uint32_t *removed)
{
	struct life_process key, next;
	bool has_next;
	uint32_t steps;
	int fd = guard_pin_open(at->folder, PIN_OWNERS);

	if (fd < 0)
		return fd;
	has_next = !bpf_map_get_next_key(fd, NULL, &next);
	/* One that is removed meanwhile by its exit sends us back to the first; so there is a bound. */
	for (steps = 0; has_next && steps < 8 * seats; steps++) {
		key = next;
		has_next = !bpf_map_get_next_key(fd, &key, &next);
		if (is_gone((pid_t)key.pid, key.start) && !bpf_map_delete_elem(fd, &key) && removed)
			(*removed)++;
	}
	close(fd);
	return 0;
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
	ended = audit_lives(at, control.seats);
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
