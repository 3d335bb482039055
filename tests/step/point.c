/* SPDX-License-Identifier: MIT */
/*
 * The victim is a fork of the process that checks, so that the same instruction has the
 * same address in all of them. It opens the registry for itself, does what precedes the
 * operation, and waits for an order; from then on it is traced. After exec it runs this
 * program again, with an argument that says so.
 */
#include "tests/step/point.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "tests/support/child.h"

#define IMAGE "--image-of-the-victim"
/* That the operation may take, beside those in use. */
#define SLABS_MORE (2 * SLAB_RUN)
#define SLABS_MAX (32 * SLAB_RUN)
#define BUCKETS 512u
#define SEATS 16u
#define SLOTS 32u
#define LOGS 4u
#define LOG_PART 4096u

const char *const befalls_names[BEFALLS] = { "kill", "stop", "exec" };

void point_image(int argc, char **argv)
{
	int link;

	if (argc != 3 || strcmp(argv[1], IMAGE))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	link = atoi(argv[2]);
	link_say(link, 1);
	link_hear(link);
	_exit(0);
}

static int victims_link;

static void call_exec(int signal)
{
	static char number[16];
	char *const argv[] = { (char *)"victim", (char *)IMAGE, number, NULL };

	(void)signal;
	snprintf(number, sizeof(number), "%d", victims_link);
	execv("/proc/self/exe", argv);
	_exit(99);
}

static int64_t open_usual(struct victim *v)
{
	int64_t err = registry_open(&v->at, v->at.name, &v->k);

	if (!err)
		err = kreg_register(v->k, "v-1", KREG_STRING, "v1", 2, NULL);
	if (!err)
		err = kreg_register(v->k, "v-line", KREG_STRING, "vl", 2, NULL);
	return err ? err : kreg_lock(v->k, "v-lock", KREG_STRING, COMPANY_WAIT_MS, &v->lock);
}

static int64_t victim_begins(struct victim *v, const struct operation *operation)
{
	int64_t err;

	if (operation->flags & OPERATION_OPENS)
		return operation->setup ? operation->setup(v) : 0;
	err = open_usual(v);
	return !err && operation->setup ? operation->setup(v) : err;
}

/*
 * Reports 0 and its identity when all is ready; then does the operation, and reports the
 * result.
 */
static void __attribute__((noreturn)) victim_run(const struct point *point, int link)
{
	const struct sigaction action = { .sa_handler = call_exec };
	struct victim v = { .at = point->stage->at,
			    .bystander = point->stage->company.bystander_owner };
	struct kreg_owner self = { 0 };
	int64_t err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	victims_link = link;
	fcntl(link, F_SETFD, 0);
	sigaction(SIGUSR1, &action, NULL);
	err = victim_begins(&v, point->operation);
	if (!err && v.k)
		err = kreg_self(v.k, &self);
	link_say(link, err);
	link_say(link, (int64_t)self.token);
	link_hear(link);
	err = tracer_begin();
	if (!err)
		err = point->operation->run(&v);
	tracer_end();
	link_say(link, err);
	link_hear(link);
	_exit(0);
}

struct run {
	struct point *point;
	struct check check;
	pid_t pid;
	int link;
	bool woken;
};

/*
 * The next number that it sends; INT64_MIN: none within COMPANY_WAIT_MS. @wakes: its
 * operation may be waiting for something.
 */
static int64_t hear(struct run *run, bool wakes)
{
	const struct operation *operation = run->point->operation;
	struct pollfd at = { .fd = run->link, .events = POLLIN };
	int64_t since = clock_ms(), passed;

	for (;;) {
		if (poll(&at, 1, 100) > 0)
			return link_hear(run->link);
		passed = clock_ms() - since;
		if (passed > 100 && wakes && operation->wake && !run->woken) {
			run->woken = true;
			operation->wake(run->point->stage);
		}
		if (passed > COMPANY_WAIT_MS)
			return INT64_MIN;
	}
}

static void wake(void *data)
{
	struct run *run = data;

	if (run->woken || !run->point->operation->wake)
		return;
	run->woken = true;
	run->point->operation->wake(run->point->stage);
}

static int victim_start(struct run *run)
{
	int links[2];
	int64_t err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links))
		return check_fail(&run->check, "socketpair: %s", strerror(errno));
	run->pid = fork();
	if (!run->pid) {
		close(links[0]);
		victim_run(run->point, links[1]);
	}
	close(links[1]);
	run->link = links[0];
	err = run->pid < 0 ? -errno : hear(run, false);
	if (err)
		return check_fail(&run->check, "the victim cannot begin: %lld", (long long)err);
	run->check.victim.token = (uint64_t)hear(run, false);
	run->check.victim.pid = run->pid;
	return 0;
}

static void victim_end(struct run *run)
{
	if (run->pid <= 0)
		return;
	kill(run->pid, SIGKILL);
	while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
		;
	run->pid = 0;
}

static int waits_begin(struct run *run)
{
	const struct operation *operation = run->point->operation;
	struct company *company = &run->point->stage->company;
	const struct kreg_owner *victim = &run->check.victim;
	int err;

	if (!run->point->stage->watched)
		return 0;
	err = company_wait(company, WAIT_NAME, operation->awaited ? operation->awaited : "o-1",
			   NULL);
	if (operation->flags & OPERATION_OPENS) {
		run->check.waited[WAIT_GONE] = run->check.waited[WAIT_TURN] = true;
		run->check.waited[WAIT_LOCK] = true;
	} else {
		if (!err)
			err = company_wait(company, WAIT_GONE,
					   operation->gone ? operation->gone : "v-1", victim);
		if (!err)
			err = company_wait(company, WAIT_TURN, "v-line", NULL);
		if (!err)
			err = company_wait(company, WAIT_LOCK, "v-lock", NULL);
	}
	return err ? check_fail(&run->check, "a wait does not begin: %d", err) : 0;
}

/* The parts of the segment that a small registry uses; they are compared at each instruction. */
static size_t watch(const struct stage *stage, struct watched *watched)
{
	static unsigned char copies[1 << 20];
	const struct segment *s = &stage->k->segment;
	uint64_t slabs = load_relaxed(&s->header->slabs) + SLABS_MORE; /* relaxed: a number only */
	const struct watched parts[] = {
		{ s->header, NULL, sizeof(*s->header) },
		{ s->rows, NULL, SEATS * sizeof(*s->rows) },
		{ s->slots, NULL, SLOTS * sizeof(*s->slots) },
		{ s->buckets, NULL, BUCKETS * sizeof(*s->buckets) },
		{ s->lines, NULL, BUCKETS * sizeof(*s->lines) },
		{ s->directory, NULL, SLABS_MAX * sizeof(*s->directory) },
		{ s->base + s->land_offset, NULL,
		  (slabs < SLABS_MAX ? slabs : SLABS_MAX) * SLAB_BYTES },
		{ s->logs, NULL, LOG_PART },
		{ s->logs + s->log_bytes, NULL, LOG_PART },
		{ s->logs + 2 * s->log_bytes, NULL, LOG_PART },
		{ s->logs + 3 * s->log_bytes, NULL, LOG_PART },
	};
	size_t i, used = 0;

	/* Reserved or not: it is a small one. */
	segment_open_part(s, 0, s->bytes);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		watched[i] = parts[i];
		watched[i].copy = copies + used;
		used += parts[i].bytes;
	}
	return i;
}

/* Stops it at the spot; or anywhere after the operation. */
static int victim_step(struct run *run)
{
	struct point *point = run->point;
	struct watched watched[16];
	enum tracer_result result;

	link_say(run->link, 0);
	result = tracer_wait_begin(run->pid);
	if (result != TRACER_THERE)
		return check_fail(&run->check, "the victim cannot be traced");
	if (point->what != NOTHING)
		result = tracer_run_to(run->pid, point->spot, wake, run);
	else if (point->record)
		result = tracer_record(run->pid, point->record, watched,
				       watch(point->stage, watched), wake, run);
	else
		return 0;
	point->missed = result == TRACER_ENDED;
	if (result == TRACER_THERE || result == TRACER_ENDED)
		return 0;
	return check_fail(&run->check, "the operation %s",
			  result == TRACER_HANGS ? "hangs" : "ends its process");
}

static bool is_apart(const struct run *run)
{
	return run->point->operation->flags & OPERATION_APART;
}

/* While the process is dead, or its life is over. */
static int check_dead(struct run *run, enum moment moment)
{
	struct check *check = &run->check;
	int err;

	if (is_apart(run))
		return check_other(check, false);
	err = check_absent(check);
	if (!err)
		err = check_states(check, false, moment);
	if (!err)
		err = check_waits(check, false, true, false);
	if (!err)
		err = check_free(check);
	return err ? err : check_mirror(check);
}

static int check_alive(struct run *run, enum moment moment, bool unlocked)
{
	struct check *check = &run->check;
	int err;

	if (is_apart(run))
		return moment == MOMENT_EITHER ? check_other(check, false) : 0;
	err = check_states(check, true, moment);
	if (!err)
		err = check_waits(check, true, unlocked, false);
	if (!err)
		err = check_others(check);
	return err ? err : check_mirror(check);
}

static int check_result(struct run *run)
{
	const struct operation *operation = run->point->operation;
	int64_t result = hear(run, true);
	int status;

	if (result == INT64_MIN && waitpid(run->pid, &status, WNOHANG) == run->pid) {
		run->pid = 0;
		return check_fail(&run->check, "the operation ends its process: status %#x",
				  (unsigned int)status);
	}
	if (result == INT64_MIN)
		return check_fail(&run->check, "the operation does not return within %d ms",
				  COMPANY_WAIT_MS);
	if (result == operation->result || (operation->flags & OPERATION_UNSURE))
		return 0;
	return check_fail(&run->check, "the operation returns %lld", (long long)result);
}

static int stopped(struct run *run)
{
	bool unlocks = run->point->operation->flags & OPERATION_UNLOCKS;
	int status = 0, err;

	tracer_release(run->pid, SIGSTOP);
	while (waitpid(run->pid, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	if (!WIFSTOPPED(status))
		return check_fail(&run->check, "it ends instead of stopping");
	err = check_alive(run, MOMENT_EITHER, false);
	kill(run->pid, SIGCONT);
	if (!err)
		err = check_result(run);
	if (!err)
		err = check_alive(run, MOMENT_AFTER, unlocks);
	victim_end(run);
	return err ? err : check_dead(run, MOMENT_AFTER);
}

static int execed(struct run *run)
{
	struct check *check = &run->check;
	int err = 0;

	tracer_release(run->pid, SIGUSR1);
	/* It may have sent the result of the operation before. */
	while (!err) {
		int64_t said = link_hear(run->link);

		if (said == INT64_MIN)
			err = check_fail(check, "it does not come through exec");
		if (said == 1)
			break;
	}
	if (!err && !run->point->stage->guarded)
		err = check_dead(run, MOMENT_EITHER);
	else if (!err) {
		err = check_alive(run, MOMENT_EITHER, true);
		if (!err && kreg_sweep(run->point->stage->k) < 0)
			err = check_fail(check, "a sweep fails");
		if (!err && !is_apart(run))
			err = check_counts(check);
	}
	victim_end(run);
	return err ? err : check_dead(run, MOMENT_EITHER);
}

static int killed(struct run *run)
{
	victim_end(run);
	return check_dead(run, MOMENT_EITHER);
}

static int nothing(struct run *run)
{
	int err;

	tracer_release(run->pid, 0);
	err = check_result(run);
	if (!err)
		err = check_alive(run, MOMENT_AFTER,
				  run->point->operation->flags & OPERATION_UNLOCKS);
	victim_end(run);
	return err ? err : check_dead(run, MOMENT_AFTER);
}

/* Removes all that is left of it, so that all is as before. */
static int clear_up(struct run *run)
{
	const struct operation *operation = run->point->operation;
	struct stage *stage = run->point->stage;
	struct check *check = &run->check;
	int err;

	if (is_apart(run))
		return check_other(check, true);
	/*
	 * No other process holds a name that a program has reserved, and none awaits it
	 * before another holds it.
	 */
	err = operation->flags & OPERATION_STARTS ? check_start(check) : 0;
	if (!err)
		err = check_waits(check, false, true, true);
	if (!err && stage->watched && !(operation->flags & OPERATION_OPENS))
		err = company_drop(&stage->company, WAIT_TURN) == 1
			      ? 0
			      : check_fail(check,
					   "the process whose turn it was does not hold the name");
	kreg_unregister(stage->k, "c-awaited", KREG_STRING);
	company_ask(&stage->company, BYSTANDER_UNREGISTER, "v-1");
	company_ask(&stage->company, BYSTANDER_UNREGISTER, "f-1");
	company_ask(&stage->company, BYSTANDER_UNLOCK, NULL);
	if (!err && (company_ask(&stage->company, BYSTANDER_RESET, NULL) ||
		     kreg_meta_put(stage->k, "m", KREG_STRING, "old", 3)))
		err = check_fail(check, "another process cannot register again");
	if (!err)
		err = check_mirror(check);
	if (!err)
		err = check_base(check, run->point->first);
	return err ? err : check_counts(check);
}

int point_run(struct point *point)
{
	struct run run = { .point = point, .link = -1 };
	const struct operation *operation = point->operation;
	int err;

	run.check.stage = point->stage;
	run.check.operation = operation;
	err = operation->prepare ? operation->prepare(point->stage) : 0;
	if (err)
		err = check_fail(&run.check, "the operation cannot be prepared: %d", err);
	if (!err)
		err = victim_start(&run);
	if (!err)
		err = waits_begin(&run);
	if (!err)
		err = victim_step(&run);
	if (!err && point->what == KILLED)
		err = killed(&run);
	else if (!err && point->what == STOPPED)
		err = stopped(&run);
	else if (!err && point->what == EXECED)
		err = execed(&run);
	else if (!err)
		err = nothing(&run);
	victim_end(&run);
	if (!err)
		err = clear_up(&run);
	if (run.link >= 0)
		close(run.link);
	point->worst_ms = run.check.worst_ms;
	memcpy(point->complaint, run.check.complaint, sizeof(point->complaint));
	return err;
}

int stage_begin(struct stage *stage, const struct place_of_registry *at, const char *other_life,
		bool watched)
{
	int err;

	memset(stage, 0, sizeof(*stage));
	stage->at = *at;
	stage->watched = watched;
	stage->other_life = other_life;
	stage->guarded = strcmp(at->guard, "none") != 0;
	err = registry_open(at, at->name, &stage->k);
	if (!err)
		err = kreg_meta_put(stage->k, "m", KREG_STRING, "old", 3);
	return err ? err : company_start(&stage->company, at, watched);
}

void stage_end(struct stage *stage)
{
	KREG_OPTIONS(options, .directory = stage->at.directory, .guard = stage->at.guard);

	company_end(&stage->company);
	kreg_close(stage->k);
	kreg_destroy(stage->at.name, &options, KREG_DESTROY_FORCE);
	kreg_destroy(OTHER, &options, KREG_DESTROY_FORCE);
	memset(stage, 0, sizeof(*stage));
}
