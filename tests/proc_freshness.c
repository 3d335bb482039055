/* SPDX-License-Identifier: MIT */
/*
 * Promise 1: once a death can be known, no lookup finds the dead. 1000 processes register
 * a name and are killed; right after waitid() or pidfd readiness has reported the death,
 * another process looks up, counts and lists.
 *
 * That process asks for the death again and again instead of sleeping: to wake it takes
 * the kernel longer than most of the moments in which a life that ends too late could
 * still be found.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#define DEATHS 1000
/*
 * Some milliseconds. After that many questions it sleeps, because the process that dies
 * may be waiting for the CPU.
 */
#define QUESTIONS 20000

static int register_and_wait(int link, void *data)
{
	int mode = *(int *)data;
	struct kreg *k = mode_open(mode, "fresh");
	int err = kreg_register(k, "name", KREG_STRING, "value", 5, NULL);

	link_say(link, err ? err : getpid());
	link_hear(link);
	return 0;
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

static int stale(struct kreg *k)
{
	int listed = 0;

	ck_assert_int_eq(kreg_each(k, "na", 2, count_entry, &listed), 0);
	return (kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL) != -ENOENT) + listed +
	       (kreg_count(k) != 0);
}

/* Whether waitid() or, if @pidfd is one, its readiness reports the death. */
static bool is_known(pid_t pid, int pidfd, bool sleeps)
{
	struct pollfd at = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { .si_pid = 0 };

	if (pidfd >= 0)
		return poll(&at, 1, sleeps ? -1 : 0) == 1;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | (sleeps ? 0 : WNOHANG));
	return info.si_pid == pid;
}

/* Returns as soon as the death is known; the caller reaps it. */
static void kill_and_watch(pid_t pid, bool by_pidfd)
{
	int pidfd = by_pidfd ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	int asked = 0;

	ck_assert(!by_pidfd || pidfd >= 0);
	kill(pid, SIGKILL);
	while (!is_known(pid, pidfd, asked >= QUESTIONS))
		asked++;
	if (by_pidfd)
		close(pidfd);
}

START_TEST(a_known_death_is_seen_by_all_lookups)
{
	struct kreg *k = mode_open(_i, "fresh");
	int i, found = 0, by_pidfd = 0;

	for (i = 0; i < DEATHS; i++) {
		struct child child = child_start(register_and_wait, &_i);
		struct kreg_owner owner;
		bool pidfd;

		ck_assert_int_eq(link_hear(child.link), child.pid);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 5);
		ck_assert_int_eq(owner.pid, child.pid);
		/* The fallback promises it for waitpid() alone. */
		pidfd = _i == MODE_GUARD && i % 2;
		kill_and_watch(child.pid, pidfd);
		found += stale(k);
		by_pidfd += pidfd;
		child_end(&child);
		found += stale(k);
	}
	printf("# %s: %d killed, %d of them known by pidfd: %d stale\n",
	       _i == MODE_GUARD ? "guard" : "fallback", DEATHS, by_pidfd, found);
	fflush(stdout);
	ck_assert_int_eq(found, 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_known_death_is_seen_by_all_lookups, NULL };

	return modes_run(suite_create("freshness"), tcase_create("both"), both, NULL, NULL);
}
