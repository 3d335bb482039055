/* SPDX-License-Identifier: MIT */
/*
 * Whether the guard of a life table still ends lives.
 *
 * When the guard's pins are removed, by rm or umount, the kernel unloads its programs;
 * the table stays mapped, and nothing ends a life in it any more. Without this check all
 * owners would then look alive for ever.
 *
 * Missing pins are no proof: a process may have another root, or another view of what is
 * mounted, while the guard goes on. So a process that misses the pins ends a process and
 * checks whether the guard has counted that end. The result is the same for all, whatever
 * they see.
 *
 *   pins              a process that ends is counted      the guard
 *   there             not asked                           goes on
 *   not visible       yes                                 goes on, out of sight
 *   not visible       not, in each of several tries       is gone
 *   not visible       no process can be made              goes on, as far as is known
 *   all but exit      not by on_exit, in several tries    is gone: it is not whole
 *
 * The kernel may skip on_exit while another task is preempted in it on the same CPU, and
 * again as long as that task is kept from the CPU. So a guard that is out of sight is
 * gone only if its second program, which the kernel cannot skip (guard.bpf.c), counts
 * nothing either.
 *
 * The table of a guard that is gone is replaced by zeros, in this process: all lives in
 * it are over, so every look finds no owner alive. A life word that was in use is never 0
 * otherwise, which distinguishes such a life from one that was ended.
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

/*
 * How often the end of a process may go uncounted before the guard is taken for gone.
 * Where the kernel cannot but skip both programs, one or two ends prove nothing.
 */
#define TRIES 5

/*
 * Whether the pin of the life words is at @path, and is that of this table: another
 * guard, started there since, has another inode.
 */
static bool is_in_sight(const struct life_table *table, const char *path)
{
	char pin[PATH_MAX];
	struct stat st;

	return snprintf(pin, sizeof(pin), "%s/" LIFE_PIN_LIVES, path) < (int)sizeof(pin) &&
	       !stat(pin, &st) && st.st_dev == table->device && st.st_ino == table->inode;
}

/*
 * Whether the link of on_exit is pinned. Without that pin the kernel has detached the
 * program, and no life ends at its process's exit.
 */
static bool is_whole(const char *path)
{
	char pin[PATH_MAX];
	struct stat st;

	snprintf(pin, sizeof(pin), "%s/" LIFE_PIN_EXIT, path);
	return !stat(pin, &st);
}

/*
 * How many ends the guard has counted: by on_exit, and where its pins are out of sight by
 * the second program as well. With the pins in sight the question is whether on_exit
 * itself works, so the second program's count must not hide that it does not.
 */
static uint64_t ends(const struct life_table *table, bool in_sight)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < LIFE_EXITS; i++) {
		const struct life_exits *at = &table->control->exits[i];

		/* relaxed: no order is needed; the end is waited for by a system call */
		sum += load_relaxed(&at->exits);
		if (!in_sight)
			sum += load_relaxed(&at->exits_again); /* relaxed: as above */
	}
	return sum;
}

/* The test process: it has nothing to do but end. */
static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

/*
 * Starts a process and waits for its end. It is a process of its own, so the guard counts
 * it, and shares everything with this one, so that it costs little. It sends no SIGCHLD,
 * and wait(2) without __WALL does not see it, so the program does not notice it.
 * CLONE_VFORK stops this thread until the process is gone, because its stack lies in this frame.
 * False: it could not be started.
 */
static bool end_process(void)
{
	char stack[8192] __attribute__((aligned(64)));
	sigset_t all, before;
	pid_t pid;

	/* Signal handlers are shared too, and would run on that small stack. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(end_at_once, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES | CLONE_SIGHAND, NULL);
	/*
	 * Another thread that waits with __WALL may reap it first; it has ended in that
	 * case as well.
	 */
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid > 0;
}

/*
 * The count is read before the process is started and after it has ended, so its own end
 * raises it. An unrelated process's end does so too, which proves the same.
 */
enum life_guard_state life_guard_look(const struct life_table *table, const char *path)
{
	bool in_sight = is_in_sight(table, path);
	uint64_t before;
	int i;

	if (in_sight && is_whole(path))
		return LIFE_GUARD_THERE;
	for (i = 0; i < TRIES; i++) {
		before = ends(table, in_sight);
		/*
		 * Only repeated silence counts as proof: to take a guard that works for
		 * gone ends the registry for all.
		 */
		if (!end_process() || ends(table, in_sight) != before)
			return LIFE_GUARD_UNSEEN;
	}
	return LIFE_GUARD_GONE;
}

/*
 * MAP_FIXED replaces the pages atomically for the threads of this process: a lookup in
 * another thread reads the old word or 0, never an unmapped address. The facts and the
 * control page stay.
 */
bool life_guard_forget(const struct life_table *table)
{
	void *words = (void *)(uintptr_t)table->words;

	return mmap(words, table->words_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == words;
}
