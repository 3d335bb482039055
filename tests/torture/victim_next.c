/* SPDX-License-Identifier: MIT */
/*
 * exec and setuid: the same victim goes on as another program, or as another user.
 *
 * SIGUSR1 comes at any moment, also inside calls, and its handler calls exec. What the
 * victim knows of its names is in the board, together with what the interrupted call may
 * have changed. Under the guard the next program finds all of these names and no others;
 * in the fallback it finds none. Locks are free in both.
 */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/torture/victim.h"

#define NEXT_WORD "torture-victim"
#define NOBODY 65534
/* Only a lock that is never released takes this long. */
#define HANG_MS 60000
#define COUNT_TRIES 100

extern char **environ;

static struct victim *self;
static char next_name[] = "torture", next_word[] = NEXT_WORD, next_fd[16], next_which[16];

static void become_next(int signal)
{
	char *argv[] = { next_name, next_word, next_fd, next_which, NULL };
	uint64_t token;
	uint32_t i;

	(void)signal;
	store_relaxed(&self->line->execs_begun, self->line->execs_begun + 1);
	if (load_relaxed(&self->line->call) != CALL_NONE)
		store_relaxed(&self->line->execs_inside, self->line->execs_inside + 1);
	/* It holds the locks until exec, and no other process is inside before. */
	for (i = 0; i < TORTURE_LOCKS; i++) {
		token = self->self.token;
		if (token)
			__atomic_compare_exchange_n(&self->board->inside[i], &token, 0, false,
						    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	self->memory->random = self->random;
	store_release(&self->line->call, (uint32_t)CALL_EXEC);
	execve("/proc/self/exe", argv, environ);
	complain(self, "exec: errno %d", errno);
}

/* From now on SIGUSR1 is unblocked. */
void victim_arm(struct victim *v)
{
	struct sigaction action = { .sa_handler = become_next };
	sigset_t set;

	self = v;
	snprintf(next_fd, sizeof(next_fd), "%d", v->board->fd);
	snprintf(next_which, sizeof(next_which), "%u", (uint32_t)(v->line - v->board->victims));
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Settles one name, by what is known of it. */
static void settle(struct victim *v, uint32_t number)
{
	const struct torture_memory *m = v->memory;
	bool doubt = m->doubt == number + 1;
	struct kreg_owner owner;
	struct value_head head;
	char key[KREG_KEY_MAX + 1];
	uint32_t key_size = torture_key(number, key);
	const char *fault;
	ssize_t size;
	int count;

	while ((size = kreg_lookup(v->k, key, key_size, v->value, sizeof(v->value), &owner)) ==
	       -EAGAIN)
		store_relaxed(&v->line->again, v->line->again + 1);
	if (size < 0 && size != -ENOENT)
		complain(v, "looking up after exec: %s", kreg_strerror((int)size));
	if (size >= 0 && owner.token == v->self.token) {
		fault = torture_entry_fault(key, key_size, v->value, (size_t)size, owner.pid);
		if (fault)
			complain(v, "after exec %d found its name %u, and %s", owner.pid, number,
				 fault);
		memcpy(&head, v->value, sizeof(head));
		if (!(v->holds[number] && head.check == v->checks[number]) &&
		    !(doubt && head.check == m->doubt_check))
			complain(v, "after exec %d found name %u, which it %s", owner.pid, number,
				 v->holds[number] ? "had with another value" : "did not hold");
		v->holds[number] = true;
		v->checks[number] = head.check;
		v->held++;
		return;
	}
	if (v->holds[number] && !m->closing && !(doubt && m->doubt_gone))
		complain(v, "%d held name %u, and after exec it did not find it", v->self.pid,
			 number);
	count = kreg_unregister(v->k, key, key_size);
	if (count < 0 || count > (doubt && m->doubt_reserved))
		complain(v, "after exec %d did not find name %u, and unregistered %d of it",
			 v->self.pid, number, count);
	v->holds[number] = false;
}

static int check_gone(const struct kreg_entry *entry, void *data)
{
	const struct kreg_owner *old = data;

	return entry->owner.token == old->token;
}

/* The previous life ended with its program, or was closed. */
static void forget(struct victim *v, struct kreg_owner *old)
{
	int err;

	if (kreg_owner_is_alive(v->k, old))
		complain(v, "after exec the life that %d had before counts as alive", v->self.pid);
	while ((err = kreg_each(v->k, NULL, 0, check_gone, old)) == -EAGAIN)
		store_relaxed(&v->line->again, v->line->again + 1);
	if (err == 1)
		complain(v, "after exec an entry of the life that %d had before is listed",
			 v->self.pid);
	if (err)
		complain(v, "listing after exec: %s", kreg_strerror(err));
	memset(v->holds, 0, sizeof(v->memory->holds));
}

/* Its count equals what a walk finds, unless a gift arrives or is taken in between. */
static void check_count(struct victim *v)
{
	KREG_PATTERN(own, .owner = &v->self);
	struct kreg_owner_facts facts = { 0 };
	int64_t walked = 0;
	uint32_t tries;
	int err;

	for (tries = 0; tries < COUNT_TRIES; tries++) {
		err = kreg_owner_facts(v->k, &v->self, &facts);
		walked = err ? err : kreg_count_select(v->k, &own);
		if (walked >= 0 && (uint64_t)walked == facts.entries)
			return;
		if (walked < 0 && walked != -EAGAIN)
			complain(v, "counting after exec: %s", kreg_strerror((int)walked));
	}
	complain(v, "after exec %d counts as having %llu entries, and a walk finds %lld",
		 v->self.pid, (unsigned long long)facts.entries, (long long)walked);
}

/* In the new program. A signal for another exec waits until the end of this function. */
void victim_go_on(struct victim *v)
{
	struct kreg_owner old = { .token = load_relaxed(&v->line->token) };
	uint32_t i, lock = v->memory->lock;

	v->random = v->memory->random;
	victim_open(v);
	begin(v, CALL_EXEC);
	if (old.token && v->plan->guard && old.token != v->self.token && !v->memory->closing)
		complain(v, "%d lost its life by exec", v->self.pid);
	if (old.token && !v->plan->guard && old.token == v->self.token)
		complain(v, "%d kept its life over exec, without a guard", v->self.pid);
	if (old.token && old.token != v->self.token)
		forget(v, &old);
	for (i = 0; i < v->board->keys && old.token == v->self.token; i++) {
		if (v->holds[i] || v->memory->doubt == i + 1)
			settle(v, i);
	}
	doubt_end(v);
	store_release(&v->memory->closing, false);
	check_count(v);
	if (lock && victim_lock(v, lock - 1, HANG_MS) == -ETIMEDOUT)
		complain(v, "after exec %d waited for lock %u in vain", v->self.pid, lock - 1);
	end(v, CALL_EXEC);
	victim_arm(v);
}

/*
 * Once in a victim's life; afterwards the kernel no longer signals its parent's death
 * unless it asks for that again.
 */
void victim_setuid(struct victim *v)
{
	if (geteuid())
		return;
	begin(v, CALL_SETUID);
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		complain(v, "setuid: errno %d", errno);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	end(v, CALL_SETUID);
}

void torture_next(int argc, char **argv)
{
	struct torture_board *board;
	struct torture_plan plan = { 0 };

	torture_program(argc, argv);
	if (argc != 4 || strcmp(argv[1], NEXT_WORD))
		return;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	if (board == MAP_FAILED)
		_exit(1);
	plan.directory = board->directory;
	plan.guard = board->guard[0] ? board->guard : NULL;
	plan.workers = board->workers;
	torture_victim_run(&plan, board, (uint32_t)atoi(argv[3]), 1);
}
