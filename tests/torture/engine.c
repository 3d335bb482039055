/* SPDX-License-Identifier: MIT */
/*
 * The engine: spawns victims, kills and stops them at random moments, and checks after
 * each death.
 *
 * It works in rounds. A round has a registry of its own, so that the first buckets, their
 * doubling and the return of the last byte are tortured again and again, with few names
 * or many.
 *
 *   a victim's fate     it is killed
 *   from the start      some time after fork(), which may be inside kreg_open()
 *   from its first op   some time after its first operation
 *   from its exec       some time after its next program went on
 *   by work             after a number of calls, which a blocked victim never reaches
 */
#include "tests/torture/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "shm/row.h"
#include "base/process.h"

#define MICROSECOND 1000ull
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND (1000 * MILLISECOND)
/*
 * A victim that does nothing for this long is blocked, unless it is only waiting for a
 * CPU ...
 */
#define WALL_PATIENCE (20 * SECOND)
/* ... or has used one for this long. */
#define CPU_PATIENCE (10 * SECOND)
/* One victim in this many calls exec. */
#define EXEC_RARITY 4
/*
 * The engine's own nice value, where it may have that. If it has to wait behind the
 * victims for a CPU, they live ten times as long as they should.
 */
#define ENGINE_NICE (-10)

enum fate { FATE_FROM_START, FATE_FROM_FIRST_OP, FATE_BY_WORK, FATE_FROM_EXEC };

struct hunted {
	pid_t pid;
	enum fate fate;
	uint64_t due;   /* when it is killed; UINT64_MAX: not known yet */
	uint64_t delay; /* ns, or a number of calls */
	uint64_t stop;  /* when it is stopped, then when it goes on; UINT64_MAX: never */
	uint64_t exec;  /* when it is made to call exec; UINT64_MAX: never */
	uint64_t next;  /* FATE_FROM_EXEC: the number of its execs at which the delay starts */
	bool stopped;
	bool killed;  /* and not reaped yet */
	uint64_t ops; /* when it last made progress, and its operations by then */
	uint64_t since;
	uint64_t cpu;
};

struct engine {
	const struct torture_plan *plan;
	struct torture_figures *figures;
	struct torture_board *board;
	int fd; /* the board's, for the next programs */
	struct kreg *k;
	struct torture_ear *ear;
	uint64_t random;
	uint64_t spawned;
	struct hunted hunted[TORTURE_WORKERS_MAX];
	/* the victim that was reaped last */
	pid_t dead_pid;
	uint64_t dead_token;
	/* a victim's: as before the run, but without SIGUSR1 in the mask */
	sigset_t mask;
	int nice;
};

static uint64_t clock_read(clockid_t clock)
{
	struct timespec at;

	if (clock_gettime(clock, &at))
		return 0;
	return (uint64_t)at.tv_sec * SECOND + (uint64_t)at.tv_nsec;
}

static uint64_t now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Between @low and @high, with the same chance for each doubling. */
static uint64_t random_magnitude(struct engine *e, uint64_t low, uint64_t high)
{
	uint32_t doublings = 63 - (uint32_t)__builtin_clzll(high / low);
	uint64_t from = low << torture_random(&e->random) % (doublings + 1);
	uint64_t to = 2 * from < high ? 2 * from : high;

	return from + (torture_random(&e->random) >> 16) % (to - from + 1);
}

static bool is_complained(const struct engine *e)
{
	return load_acquire(&e->board->complained);
}

static void spawn(struct engine *e, uint32_t which)
{
	struct hunted *h = &e->hunted[which];
	uint64_t seed = e->plan->seed ^ ++e->spawned * 0x9e3779b97f4a7c15ull;
	uint64_t dice = torture_random(&e->random) % 16;
	pid_t pid;

	memset(&e->board->victims[which], 0, sizeof(e->board->victims[which]));
	memset(&e->board->memories[which], 0, sizeof(e->board->memories[which]));
	memset(h, 0, sizeof(*h));
	h->since = now();
	h->fate = dice < 4 ? FATE_FROM_START : dice < 15 ? FATE_FROM_FIRST_OP : FATE_BY_WORK;
	if (h->fate == FATE_BY_WORK)
		h->delay = random_magnitude(e, 100, 10000);
	else
		h->delay = random_magnitude(e, 5 * MICROSECOND, 5 * MILLISECOND);
	h->due = h->fate == FATE_FROM_START ? h->since + h->delay : UINT64_MAX;
	h->stop = UINT64_MAX;
	if (e->plan->stop && torture_random(&e->random) % 4 == 0)
		h->stop = h->since + random_magnitude(e, 100 * MICROSECOND, 5 * MILLISECOND);
	h->exec = UINT64_MAX;
	if (torture_random(&e->random) % EXEC_RARITY == 0)
		h->exec = h->since + random_magnitude(e, 50 * MICROSECOND, 5 * MILLISECOND);
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &e->mask, NULL);
		setpriority(PRIO_PROCESS, 0, e->nice);
		if (dice % 2)
			kreg_close(e->k);
		torture_victim_run(e->plan, e->board, which, seed);
	}
	if (pid < 0)
		torture_complain(e->board, "fork: %s", strerror(errno));
	h->pid = pid > 0 ? pid : 0;
}

static bool is_a_victim(const struct engine *e, pid_t pid)
{
	uint32_t i;

	for (i = 0; i < e->plan->workers; i++) {
		if (e->hunted[i].pid == pid)
			return true;
	}
	return false;
}

static int check_entry(const struct kreg_entry *entry, void *data)
{
	struct engine *e = data;
	const char *fault;

	if (entry->owner.pid == getpid())
		return 0;
	e->figures->checks++;
	fault = torture_entry_fault(entry->key, entry->key_size, entry->value, entry->value_size,
				    entry->owner.pid);
	if (fault)
		torture_complain(e->board, "an entry of %d is listed, and %s", entry->owner.pid,
				 fault);
	else if (entry->owner.pid == e->dead_pid || entry->owner.token == e->dead_token)
		torture_complain(e->board, "%d is reaped, and its entry is listed",
				 entry->owner.pid);
	else if (!is_a_victim(e, entry->owner.pid) &&
		 !torture_is_started(entry->key, entry->key_size))
		torture_complain(e->board, "an entry of %d is listed, which is not a victim",
				 entry->owner.pid);
	return 0;
}

static int check_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct engine *e = data;

	/*
	 * In the fallback the watcher of a program has its pid, and may end a moment
	 * later.
	 */
	if (e->dead_token &&
	    (facts->owner.pid == e->dead_pid || facts->owner.token == e->dead_token))
		torture_complain(e->board, "%d is reaped, and counts as an owner",
				 facts->owner.pid);
	return 0;
}

/* Right after waitpid(): no trace of the victim may be visible. */
static void check_dead(struct engine *e)
{
	struct kreg_owner owner = { .token = e->dead_token };
	int err;

	if (kreg_owner_is_alive(e->k, &owner))
		torture_complain(e->board, "%d is reaped, and counts as alive", e->dead_pid);
	while ((err = kreg_each(e->k, NULL, 0, check_entry, e)) == -EAGAIN)
		e->figures->again++;
	if (!err)
		err = kreg_each_owner(e->k, check_owner, e);
	if (err)
		torture_complain(e->board, "listing from outside: %s", kreg_strerror(err));
}

static void publish_dead(struct engine *e)
{
	uint64_t count = e->board->reaped_count;

	if (!e->dead_token)
		return;
	store_relaxed(&e->board->reaped[count % TORTURE_REAPED], e->dead_token);
	store_release(&e->board->reaped_count, count + 1);
}

static void take_figures(struct engine *e, const struct torture_victim *line)
{
	struct torture_figures *f = e->figures;
	uint32_t i;

	f->kills++;
	f->killed_in[line->call < TORTURE_CALLS ? line->call : CALL_NONE]++;
	for (i = 0; i < TORTURE_CALLS; i++)
		f->calls[i] += line->calls[i];
	f->again += line->again;
	f->full += line->full;
	f->expelled += line->expelled;
	f->execs += line->calls[CALL_EXEC];
	f->execs_begun += line->execs_begun;
	f->execs_inside += line->execs_inside;
	f->started += line->started;
}

/* Return: whether it is reaped; with WNOHANG, it may not be dead yet. */
static bool reap(struct engine *e, uint32_t which, int flags)
{
	struct torture_victim *line = &e->board->victims[which];
	struct hunted *h = &e->hunted[which];
	int status = 0;

	if (!h->pid || waitpid(h->pid, &status, flags) != h->pid)
		return false;
	e->dead_pid = h->pid;
	e->dead_token = line->token;
	h->pid = 0;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		torture_complain(e->board, "%d ended by itself in %s, wait status %#x", e->dead_pid,
				 torture_call_names[line->call % TORTURE_CALLS], status);
	publish_dead(e);
	check_dead(e);
	take_figures(e, line);
	return true;
}

/*
 * Programs of a dead victim become children of the engine, and end some time. Return: 1
 * if all have ended; -1 if some live.
 */
static int reap_orphans(struct engine *e)
{
	siginfo_t info = { 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)) {
		if (!info.si_pid)
			return -1;
		if (is_a_victim(e, info.si_pid))
			return 0;
		waitpid(info.si_pid, NULL, 0);
		e->dead_pid = info.si_pid;
		e->dead_token = 0;
		check_dead(e);
		e->figures->orphans++;
		info.si_pid = 0;
	}
	return 1;
}

/* The letter of the process's state, as in proc(5). */
static char state_of(pid_t pid)
{
	struct process process;

	return process_read(pid, &process) ? process.state : '?';
}

static void watch(struct engine *e, uint32_t which, uint64_t at)
{
	struct torture_victim *line = &e->board->victims[which];
	struct hunted *h = &e->hunted[which];
	uint64_t ops = load_relaxed(&line->ops), cpu;
	clockid_t clock;
	char state;

	if (ops != h->ops || h->stopped) {
		h->ops = ops;
		h->since = at;
		h->cpu = 0;
		return;
	}
	/* A victim spawned in this turn began after @at. */
	if (at < h->since + SECOND || clock_getcpuclockid(h->pid, &clock))
		return;
	cpu = clock_read(clock);
	if (!h->cpu)
		h->cpu = cpu;
	state = state_of(h->pid);
	if (cpu - h->cpu < CPU_PATIENCE && (at - h->since < WALL_PATIENCE || state == 'R'))
		return;
	torture_complain(e->board, "%d is blocked in %s after %llu calls: state %c, %.1f s of CPU",
			 h->pid, torture_call_names[line->call % TORTURE_CALLS],
			 (unsigned long long)ops, state, (double)(cpu - h->cpu) / (double)SECOND);
}

static void stop_or_go_on(struct engine *e, struct hunted *h, uint64_t at)
{
	h->stopped = !h->stopped;
	kill(h->pid, h->stopped ? SIGSTOP : SIGCONT);
	h->stop = UINT64_MAX;
	if (h->stopped) {
		h->stop = at + random_magnitude(e, 100 * MICROSECOND, 50 * MILLISECOND);
		store_relaxed(&e->board->stopping, 1);
		e->figures->stops++;
	}
}

/*
 * Most are spared until their next program goes on, because an exec takes longer than
 * most victims live.
 */
static void make_exec(struct engine *e, uint32_t which)
{
	struct hunted *h = &e->hunted[which];

	kill(h->pid, SIGUSR1);
	h->exec = UINT64_MAX;
	if (h->fate == FATE_BY_WORK || torture_random(&e->random) % 4 == 0)
		return;
	h->fate = FATE_FROM_EXEC;
	h->due = UINT64_MAX;
	h->next = load_relaxed(&e->board->victims[which].calls[CALL_EXEC]) + 1;
	h->delay = random_magnitude(e, 5 * MICROSECOND, 5 * MILLISECOND);
}

/* The time of its kill may depend on its progress. */
static void decide(struct engine *e, uint32_t which, uint64_t at)
{
	const struct torture_victim *line = &e->board->victims[which];
	struct hunted *h = &e->hunted[which];
	uint64_t ops = load_relaxed(&line->ops);

	if (h->fate == FATE_FROM_FIRST_OP && h->due == UINT64_MAX && ops)
		h->due = at + h->delay;
	if (h->fate == FATE_BY_WORK && ops >= h->delay)
		h->due = at;
	if (h->fate != FATE_FROM_EXEC || h->due != UINT64_MAX ||
	    load_relaxed(&line->calls[CALL_EXEC]) < h->next)
		return;
	h->due = at + h->delay;
	if (torture_random(&e->random) % 2)
		h->exec = at + random_magnitude(e, 5 * MICROSECOND, 2 * MILLISECOND);
}

/* Handles one victim; returns when it has to be handled again. */
static uint64_t tend(struct engine *e, uint32_t which, uint64_t at)
{
	struct hunted *h = &e->hunted[which];
	uint64_t next;

	decide(e, which, at);
	if (h->killed) {
		if (reap(e, which, WNOHANG) && !is_complained(e))
			spawn(e, which);
		else
			watch(e, which, at);
		return UINT64_MAX;
	}
	if (at >= h->due) {
		kill(h->pid, SIGKILL);
		h->killed = true;
		h->stopped = false;
		h->since = at;
	} else if (at >= h->exec) {
		make_exec(e, which);
	} else if (at >= h->stop) {
		stop_or_go_on(e, h, at);
	} else {
		watch(e, which, at);
	}
	next = h->due < h->stop ? h->due : h->stop;
	return next < h->exec ? next : h->exec;
}

/* Until a victim dies, or the time has come. */
static void wait_until(uint64_t until, uint64_t at)
{
	struct timespec time = { .tv_nsec = until > at ? (long)(until - at) : 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &time);
}

/*
 * Its state, and its kind: a sleeping program, a watcher, or a victim's child that is
 * neither yet.
 */
static void describe(pid_t pid, char out[64])
{
	char path[64], comm[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = 0;
	if (file)
		fclose(file);
	snprintf(out, 64, "%s, state %c", comm, state_of(pid));
}

/* Call with all victims dead. */
static void await_orphans(struct engine *e)
{
	uint64_t start = now(), at = start;
	char path[64], children[256] = "", about[64], *at_pid;
	FILE *file;
	pid_t pid;

	while (reap_orphans(e) < 0 && at < start + WALL_PATIENCE) {
		wait_until(at + 10 * MILLISECOND, at);
		at = now();
	}
	if (at < start + WALL_PATIENCE)
		return;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	if (file && !fgets(children, sizeof(children), file))
		children[0] = 0;
	if (file)
		fclose(file);
	for (at_pid = children; (pid = (pid_t)strtol(at_pid, &at_pid, 10)) > 0;) {
		describe(pid, about);
		torture_complain(e->board, "%d lives on, whose starter is dead: %s", pid, about);
		kill(pid, SIGKILL);
	}
}

static void hunt(struct engine *e, uint64_t kills, uint64_t end)
{
	uint64_t at = now(), next, until, heard = 0;
	uint32_t i;

	for (i = 0; i < e->plan->workers; i++)
		spawn(e, i);
	while (e->figures->kills < kills && at < end && !is_complained(e)) {
		/* Progress shows only when the engine looks, so it looks often. */
		next = at + 200 * MICROSECOND;
		for (i = 0; i < e->plan->workers && !is_complained(e); i++) {
			until = tend(e, i, at);
			if (until < next)
				next = until;
		}
		/* Rarely, so that the listener misses some events too. */
		if (e->figures->kills != heard)
			torture_ear_hear(e->ear);
		heard = e->figures->kills;
		reap_orphans(e);
		wait_until(next, now());
		at = now();
	}
	for (i = 0; i < e->plan->workers; i++) {
		if (e->hunted[i].pid)
			kill(e->hunted[i].pid, SIGKILL);
	}
	for (i = 0; i < e->plan->workers; i++)
		reap(e, i, 0);
	await_orphans(e);
}

/* With all victims gone, and swept: nothing is left. */
static void check_empty(struct engine *e)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	const char *fault;
	int64_t swept;
	int err = kreg_unregister(e->k, "engine", KREG_STRING) == 1 ? 0 : -ENOENT;

	swept = kreg_sweep(e->k);
	if (!err)
		err = kreg_stat(e->k, &stat);

	if (swept < 0 || err)
		torture_complain(e->board, "the last sweep: %s",
				 kreg_strerror(err ? err : (int)swept));
	else if (stat.bytes_used || stat.bytes_dead || stat.bytes_waiting)
		torture_complain(
			e->board, "bytes leaked: %llu used, %llu dead, %llu waiting, delayed by %d",
			(unsigned long long)stat.bytes_used, (unsigned long long)stat.bytes_dead,
			(unsigned long long)stat.bytes_waiting, stat.held_up_by);
	else if (stat.entries || stat.owners != 1 || stat.slots_used != 1)
		torture_complain(e->board, "left over: %llu entries, %llu owners, %llu slots",
				 (unsigned long long)stat.entries, (unsigned long long)stat.owners,
				 (unsigned long long)stat.slots_used);
	else if ((fault = torture_list_fault(e->k)))
		torture_complain(e->board, "at the end %s", fault);
}

static int round_begin(struct engine *e)
{
	static const uint32_t key_spaces[] = { 300, 24, 300, TORTURE_KEYS_MAX };
	struct kreg_options options;
	int err;

	memset(e->board, 0, sizeof(*e->board));
	e->board->keys = key_spaces[e->figures->rounds % 4];
	e->board->fd = e->fd;
	e->board->user = geteuid();
	e->board->workers = e->plan->workers;
	snprintf(e->board->directory, TORTURE_PATH, "%s", e->plan->directory);
	snprintf(e->board->guard, TORTURE_PATH, "%s", e->plan->guard ? e->plan->guard : "");
	torture_options(e->plan, &options);
	options.flags = KREG_OPEN_EXCLUSIVE;
	err = kreg_open(&e->k, torture_registry, &options);
	/* So that no victim can destroy the registry. */
	if (!err)
		err = kreg_register(e->k, "engine", KREG_STRING, NULL, 0, NULL);
	if (err)
		torture_complain(e->board, "opening from outside: %s", kreg_strerror(err));
	else if (e->figures->rounds % 2 == 0)
		e->ear = torture_ear_new(e->k, e->board);
	return err;
}

static void round_end(struct engine *e)
{
	struct kreg_options options;
	int err;

	torture_options(e->plan, &options);
	kreg_close(e->k);
	err = kreg_destroy(torture_registry, &options, is_complained(e) ? KREG_DESTROY_FORCE : 0);
	if (err)
		torture_complain(e->board, "destroying: %s", kreg_strerror(err));
	e->figures->rounds++;
}

static int board_make(struct engine *e)
{
	e->fd = memfd_create("torture", 0);
	if (e->fd < 0 || ftruncate(e->fd, sizeof(*e->board)))
		return -1;
	e->board = mmap(NULL, sizeof(*e->board), PROT_READ | PROT_WRITE, MAP_SHARED, e->fd, 0);
	return e->board == MAP_FAILED ? -1 : 0;
}

int torture_run(const struct torture_plan *plan, struct torture_figures *figures, char *complaint)
{
	struct engine e = { .plan = plan, .figures = figures, .random = plan->seed };
	uint64_t start = now(), end = UINT64_MAX, most = plan->kills ? plan->kills : UINT64_MAX;
	sigset_t signals, mask;
	int faulty;

	memset(figures, 0, sizeof(*figures));
	if (board_make(&e)) {
		snprintf(complaint, TORTURE_COMPLAINT, "the board: %s", strerror(errno));
		return -1;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	/* A victim unblocks it when it is ready to call exec. */
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	e.mask = mask;
	sigaddset(&e.mask, SIGUSR1);
	/* So that a kill is on time. */
	prctl(PR_SET_TIMERSLACK, 1);
	e.nice = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, ENGINE_NICE);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (plan->seconds > 0)
		end = start + (uint64_t)(plan->seconds * (double)SECOND);
	do {
		uint64_t kills = figures->kills + random_magnitude(&e, 100, 3000);

		if (!round_begin(&e)) {
			hunt(&e, kills < most ? kills : most, end);
			torture_ear_end(e.ear, figures);
			e.ear = NULL;
			if (!is_complained(&e))
				check_empty(&e);
			round_end(&e);
		}
	} while (!is_complained(&e) && figures->kills < most && now() < end);
	figures->seconds = (double)(now() - start) / (double)SECOND;
	faulty = is_complained(&e) ? -1 : 0;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	setpriority(PRIO_PROCESS, 0, e.nice);
	memcpy(complaint, e.board->complaint, TORTURE_COMPLAINT);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	munmap(e.board, sizeof(*e.board));
	close(e.fd);
	return faulty;
}
