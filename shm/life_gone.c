/* SPDX-License-Identifier: MIT */
/*
 * Whether the guard of a life table still ends lives. When its pins are removed, by rm or umount, the kernel unloads
 * its programs; the table stays mapped, and nobody ends a life in it any more.
 *
 * That the pins are not to be seen is no proof: a process may have another root, or another view of what is mounted, and
 * the guard goes on. So who misses the pins ends a process, and looks whether the guard has counted that.
 * It is the same for all, whatever they see.
 *
 *   pins              a process that ends is counted      the guard
 *   there             not asked                           goes on
 *   not to be seen    yes                                 goes on, out of sight
 *   not to be seen    not, again and again                is gone
 *   not to be seen    no process can be made              goes on, as far as anybody knows
 *   all but exit      not by on_exit, again and again     is gone: it is not whole
 *
 * The kernel may skip on_exit, where a task is preempted in it, and again as long as that is kept from the CPU; so a guard
 * that is out of sight is gone only if its second program, which the kernel cannot skip (guard.bpf.c), counts nothing either.
 *
 * The table of a guard that is gone is replaced by zeros, in this process: all lives are over in it, so whoever looks
 * finds nobody alive. A life word that was in use is never 0 otherwise, which is how it is told from a life
 * that was ended.
 *
 *   killed here                what is left
 *   anywhere                   nothing: what changes is this process's own mapping
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shm/life.h"

/* How often the kernel may keep an exit from both programs, where it cannot but skip them. */
#define TRIES 5

static bool is_in_sight(const struct life_table *table, const char *path)
{
	char pin[PATH_MAX];
	struct stat st;

	return snprintf(pin, sizeof(pin), "%s/" LIFE_PIN_LIVES, path) < (int)sizeof(pin) &&
	       !stat(pin, &st) && st.st_dev == table->device && st.st_ino == table->inode;
}

static bool is_whole(const char *path)
{
	char pin[PATH_MAX];
	struct stat st;

	snprintf(pin, sizeof(pin), "%s/" LIFE_PIN_EXIT, path);
	return !stat(pin, &st);
}

/* How many ends the guard has counted: by on_exit, and where its pins are out of sight by the second program as well. */
static uint64_t ends(const struct life_table *table, bool in_sight)
{
	/* relaxed: no order is needed; the end is waited for by a system call */
	uint64_t first = load_relaxed(&table->control->exits);

	if (in_sight)
		return first;
	return first + load_relaxed(&table->control->exits_again); /* relaxed: as above */
}

static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

/*
 * A process of its own, so that its end is the guard's matter, which shares all with us, so that it costs little. It
 * sends no SIGCHLD, and wait(2) without __WALL does not see it. False: it is not to be had.
 */
static bool end_process(void)
{
	char stack[8192] __attribute__((aligned(64)));
	sigset_t all, before;
	pid_t pid;

	/* Handlers are shared as well, and have no room there. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(end_at_once, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES | CLONE_SIGHAND, NULL);
	/* Another thread may reap it: then it has ended too. */
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid > 0;
}

enum life_guard_state life_guard_look(const struct life_table *table, const char *path)
{
	bool in_sight = is_in_sight(table, path);
	uint64_t before;
	int i;

	if (in_sight && is_whole(path))
		return LIFE_GUARD_THERE;
	for (i = 0; i < TRIES; i++) {
		before = ends(table, in_sight);
		if (!end_process() || ends(table, in_sight) != before)
			return LIFE_GUARD_UNSEEN;
	}
	return LIFE_GUARD_GONE;
}

bool life_guard_forget(const struct life_table *table)
{
	void *words = (void *)(uintptr_t)table->words;

	return mmap(words, table->words_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == words;
}
