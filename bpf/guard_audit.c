/* SPDX-License-Identifier: MIT */
/*
 * The audit: lives are compared with processes, and a life whose process is gone is ended.
 *
 * on_exit ends lives, and the kernel may skip it (recursion_misses). The names of that process can be found
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
#include "bpf/guard_own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* The kernel's numbers of the namespaces that it begins with. */
#define PID_NAMESPACE_INITIAL 0xeffffffcull
#define TIME_NAMESPACE_INITIAL 0xeffffffaull

/* A map of the guard's, mapped for reading. */
struct mapped {
	const void *at;
	size_t bytes;
};

static int map_pin(const struct guard_options *o, const char *name, size_t bytes,
		   struct mapped *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = guard_pin_open(o, name), err = 0;
	void *at;

	if (fd < 0)
		return fd;
	out->bytes = (bytes + page - 1) / page * page;
	at = mmap(NULL, out->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err = -errno;
	else
		out->at = at;
	close(fd);
	return err;
}

static void unmap(struct mapped *map)
{
	if (map->at)
		munmap((void *)(uintptr_t)map->at, map->bytes);
}

static bool word_is_alive(__u64 word)
{
	return (__u32)word && !(word & LIFE_OVER);
}

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
static int audit_seat(const struct guard_options *o, const __u64 *words,
		      const struct life_seat *facts, uint32_t seat)
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
	if (!word_is_alive(word) || __atomic_load_n(&words[seat], __ATOMIC_ACQUIRE) != word ||
	    !is_gone((pid_t)(word & LIFE_PID_MASK), start))
		return 0;
	err = guard_command(o, &run); /* happens here */
	return err ? err : run.living == 1;
}

static int audit_lives(const struct guard_options *o, uint32_t seats)
{
	struct mapped words = { 0 }, facts = { 0 };
	int err, ended = 0;
	uint32_t seat;

	err = map_pin(o, LIFE_PIN_LIVES, seats * sizeof(__u64), &words);
	if (!err)
		err = map_pin(o, LIFE_PIN_SEATS, seats * sizeof(struct life_seat), &facts);
	for (seat = 0; seat < seats && !err; seat++) {
		int got = audit_seat(o, words.at, facts.at, seat);

		if (got < 0)
			err = got;
		else
			ended += got;
	}
	unmap(&words);
	unmap(&facts);
	return err ? err : ended;
}

static int audit_owners(const struct guard_options *o, uint32_t seats, uint32_t *removed)
{
	struct life_process at, next;
	bool has_next;
	uint32_t steps;
	int fd = guard_pin_open(o, PIN_OWNERS);

	if (fd < 0)
		return fd;
	has_next = !bpf_map_get_next_key(fd, NULL, &next);
	/* One that is removed meanwhile by its exit sends us back to the first; so there is a bound. */
	for (steps = 0; has_next && steps < 8 * seats; steps++) {
		at = next;
		has_next = !bpf_map_get_next_key(fd, &at, &next);
		if (is_gone((pid_t)at.pid, at.start) && !bpf_map_delete_elem(fd, &at) && removed)
			(*removed)++;
	}
	close(fd);
	return 0;
}

int guard_audit(const struct guard_options *options, uint32_t *removed)
{
	struct life_control control;
	int err = guard_control(options, &control), ended;

	if (removed)
		*removed = 0;
	if (err)
		return err;
	if (geteuid() || !is_initial())
		return -EPERM;
	ended = audit_lives(options, control.seats);
	if (ended >= 0)
		err = audit_owners(options, control.seats, removed);
	return err ? err : ended;
}

static int count_used(const struct guard_options *o, struct guard_status *out)
{
	struct mapped lives = { 0 };
	int err = map_pin(o, LIFE_PIN_LIVES, out->seats * sizeof(__u64), &lives);
	const __u64 *words = lives.at;
	uint32_t seat;

	for (seat = 0; seat < out->seats && !err; seat++)
		out->seats_used += word_is_alive(__atomic_load_n(&words[seat], __ATOMIC_RELAXED));
	unmap(&lives);
	return err;
}

static bool add_misses(const struct guard_options *o, const char *link_name, uint64_t *misses)
{
	struct bpf_link_info link = { 0 };
	struct bpf_prog_info prog = { 0 };
	__u32 size = sizeof(link);
	int fd = guard_pin_open(o, link_name);
	bool known = false;

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &link, &size)) {
		int prog_fd = bpf_prog_get_fd_by_id(link.prog_id);

		size = sizeof(prog);
		known = prog_fd >= 0 && !bpf_obj_get_info_by_fd(prog_fd, &prog, &size);
		if (prog_fd >= 0)
			close(prog_fd);
	}
	close(fd);
	*misses += prog.recursion_misses;
	return known;
}

int guard_status(const struct guard_options *options, struct guard_status *out)
{
	struct life_control control;
	int err;

	/* Who may not, or cannot, is told what earlier ones have found. */
	guard_audit(options, NULL);
	err = guard_control(options, &control);

	if (err) {
		guard_say(options,
			  err == -ENOENT ? "no guard runs at %s"
					 : "the guard at %s cannot be asked: %s",
			  guard_path(options), strerror(-err));
		return err;
	}
	memset(out, 0, sizeof(*out));
	out->layout = control.layout;
	out->seats = control.seats;
	out->identity = control.identity;
	out->attaches = control.attaches;
	out->deaths = control.deaths;
	out->execs = control.execs;
	out->refused = control.refused;
	out->missed = control.missed;
	out->late = control.late;
	out->stale = control.stale;
	out->recursion_known = add_misses(options, "exit", &out->recursion_misses) &&
			       add_misses(options, "exec", &out->recursion_misses);
	return count_used(options, out);
}
