/* SPDX-License-Identifier: MIT */
/*
 * The processes that services have started, when their supervisor is killed or becomes another
 * program: they do not outlive both service and supervisor, in whichever order these die, with
 * cgroups and without.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/cgroups.h"
#include "lib/services/start/start_minder.h"
#include "shm/atomic.h"
#include "base/clock.h"
#include "base/process.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/journal.h"
#include "tests/support/way.h"

static struct kreg *k;
static struct journal journal;
static int mode;
static uint32_t flags;

/*
 * Each test runs in both modes, and with both ways of tracking what a service has
 * started.
 */
static void open_way(int way)
{
	flags = way_begin(way);
	if (k)
		kreg_close(k);
	k = mode_open(mode, "supervise_left");
	journal_init(&journal, k);
}

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);

static struct kreg_supervisor *supervise_well(struct kreg_supervision *what, const char *events)
{
	what->flags |= flags;
	return journal_supervise(&journal, what, events);
}

static void nothing_is_left(void)
{
	journal_nothing_is_left(&journal);
	ck_assert(!way_has_folder(k, "a"));
}

/* Properties of a supervisor whose process is a child of the test. */
struct role {
	const char *const *argv; /* of its only service */
	uint32_t flags;
	bool is_elsewhere; /* in a cgroup below the test's */
};

/* The name of that cgroup, which no other run has. One with kreg- in front is swept when empty. */
static const char *elsewhere(void)
{
	static char name[64 + TMP_NAME];

	snprintf(name, sizeof(name), "left-%s", strrchr(tmp_directory(), '/') + 1);
	return name;
}

static void go_elsewhere(void)
{
	struct cgroups cgroups;
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", elsewhere());
	cgroups_open(&cgroups, kreg_inner_origin(k), "elsewhere");
	if (cgroups.own >= 0) {
		mkdirat(cgroups.own, elsewhere(), 0755);
		fd = openat(cgroups.own, path, O_WRONLY | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(write(fd, "0", 1), 1);
		close(fd);
	}
	cgroups_close(&cgroups);
}

/* Removes the namespace's empty folder, which stays until its next supervisor. */
static void remove_elsewhere(void)
{
	struct cgroups cgroups;
	char path[512];
	int tries;

	cgroups_open(&cgroups, kreg_inner_origin(k), "production");
	snprintf(path, sizeof(path), "%s/%s", elsewhere(), cgroups.name);
	for (tries = 0; cgroups.own >= 0 && unlinkat(cgroups.own, elsewhere(), AT_REMOVEDIR);
	     tries++) {
		ck_assert_msg(tries < 30000, "a service's folder is left in %s", path);
		unlinkat(cgroups.own, path, AT_REMOVEDIR);
		usleep(2000);
	}
	cgroups_close(&cgroups);
}

/* At SIGUSR1 its process calls exec. */
static int be_supervisor(int link, void *data)
{
	const struct role *role = data;
	const KREG_START(leaving, .argv = role->argv, .ready = KREG_READY_FD, .ready_fd = 9);
	const struct kreg_supervised services[] = { SERVICE("a", leaving) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .flags = role->flags);
	struct kreg *own = mode_open(mode, "supervise_left");
	struct kreg_supervisor *supervisor;
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (role->is_elsewhere)
		go_elsewhere();
	link_say(link, kreg_supervise(&supervisor, own, "production", &what, NULL, 0));
	sigwait(&set, &signal);
	execl("/bin/sleep", "sleep", "100000", NULL);
	return 1;
}

/* Workers that do not end by SIGTERM, and their pids in a file. */
#define POOL 4

static const char *pool_script(void)
{
	static char script[1024];

	snprintf(script, sizeof(script),
		 "for i in 1 2 3 4; do sh -c 'trap \"\" TERM; echo $$ >>%1$s/pids; "
		 "exec sleep 100000' & done; "
		 "until [ \"$(cat %1$s/pids 2>/dev/null | wc -l)\" = 4 ]; do sleep 0.01; done; "
		 "echo >&9; wait",
		 tmp_directory());
	return script;
}

static void read_pool(pid_t *pids)
{
	char path[256];
	FILE *in;
	int i;

	snprintf(path, sizeof(path), "%s/pids", tmp_directory());
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	for (i = 0; i < POOL; i++)
		ck_assert_int_eq(fscanf(in, "%d", &pids[i]), 1);
	fclose(in);
	unlink(path);
}

static int count_left(const pid_t *pids)
{
	struct process process;
	int i, left = 0;

	for (i = 0; i < POOL; i++)
		left += process_read(pids[i], &process) && !process_is_over(&process);
	return left;
}

static bool is_minder(pid_t pid)
{
	char path[64], comm[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	in = fopen(path, "r");
	if (in && !fgets(comm, sizeof(comm), in))
		*comm = 0;
	if (in)
		fclose(in);
	return !strcmp(comm, MINDER_COMM "\n");
}

/*
 * A minder that does not get to run before the test lets it: while that is 1 it waits where it
 * begins. The parent that it is forked by has its name already.
 */
static uint32_t *minders_wait;

pid_t __real__Fork(void);
pid_t __wrap__Fork(void);

pid_t __wrap__Fork(void)
{
	pid_t pid = __real__Fork();
	char name[16] = "";

	if (pid || prctl(PR_GET_NAME, name) || strcmp(name, MINDER_COMM) != 0)
		return pid;
	while (minders_wait &&
	       load_relaxed(minders_wait)) /* relaxed: a word that stands for itself */
		usleep(1000);
	return pid;
}

/* The minder in the session; 0: none. */
static pid_t minder_of(pid_t session)
{
	DIR *proc = opendir("/proc");
	const struct dirent *at;
	pid_t pid = 0;

	ck_assert_ptr_nonnull(proc);
	while ((at = readdir(proc))) {
		pid = atoi(at->d_name);
		if (pid > 0 && getsid(pid) == session && is_minder(pid))
			break;
		pid = 0;
	}
	closedir(proc);
	return pid;
}

/* Returns when all workers, the minder and the folder are gone. */
static void await_all_gone(const char *what, int way, const pid_t *pids, pid_t minder)
{
	uint64_t since = clock_now();

	while (count_left(pids) || journal_services(k) || !kill(minder, 0) ||
	       way_has_folder(k, "a")) {
		ck_assert_msg(clock_now() - since < 60000000000u, "%s: %d workers are left", what,
			      count_left(pids));
		usleep(500);
		/* The minder is an orphan, and so a child of this process. */
		waitpid(minder, NULL, WNOHANG);
	}
	printf("# mode %d, %s, %s: nothing is left after %.1f ms\n", mode,
	       way ? "session" : "cgroup", what, (double)(clock_now() - since) / 1e6);
}

/* A supervisor in a child, whose service has started its workers; and the minder beside that. */
static struct child start_pool(int way, struct role *role, uint32_t more, pid_t *pids,
			       pid_t *minder)
{
	struct child child;

	open_way(way);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	role->flags = (flags & KREG_SUPERVISE_NO_CGROUPS) | more;
	child = child_start_ready(be_supervisor, role);
	read_pool(pids);
	*minder = minder_of(getsid(pids[0]));
	ck_assert_int_gt(*minder, 0);
	return child;
}

START_TEST(the_workers_of_a_killed_supervisors_services_are_killed_at_once)
{
	const char *const argv[] = { "/bin/sh", "-c", pool_script(), NULL };
	struct role role = { .argv = argv };
	pid_t pids[POOL], minder;
	struct child child;
	int way;

	mode = _i;
	for (way = 0; way < 2 * WAYS; way++) {
		child = start_pool(way % WAYS, &role, 0, pids, &minder);
		if (way < WAYS)
			child_kill(&child);
		else
			kill(child.pid, SIGUSR1);
		await_all_gone(way < WAYS ? "kill" : "exec", way % WAYS, pids, minder);
		if (way >= WAYS)
			child_kill(&child);
	}
	kreg_close(k);
}
END_TEST

START_TEST(workers_of_a_kept_service_that_dies_unsupervised_are_killed)
{
	const char *const argv[] = { "/bin/sh", "-c", pool_script(), NULL };
	struct role role = { .argv = argv };
	pid_t pids[POOL], minder;
	struct child child;
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		child = start_pool(way, &role, KREG_SUPERVISE_KEEP, pids, &minder);
		child_kill(&child);
		usleep(200000);
		ck_assert_int_eq(count_left(pids), POOL);
		ck_assert_int_eq(journal_services(k), 1);
		journal_signal(&journal, "a", SIGKILL);
		await_all_gone("kept", way, pids, minder);
	}
	kreg_close(k);
}
END_TEST

static void take_over_and_end(bool slow)
{
	const char *const argv[] = { "/bin/sh", "-c", pool_script(), NULL };
	struct role role = { .argv = argv };
	struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 5);
	struct kreg_supervisor *supervisor;
	pid_t pids[POOL], minder;
	struct child child;
	int way;

	services[0].stop_ms = 300;
	minders_wait = child_shared(sizeof(*minders_wait));
	for (way = 0; way < WAYS; way++) {
		store_relaxed(minders_wait, slow); /* relaxed: as above */
		child = start_pool(way, &role, KREG_SUPERVISE_KEEP, pids, &minder);
		child_kill(&child);
		what.flags = KREG_SUPERVISE_KEEP;
		supervisor = supervise_well(&what, "+a1 ");
		store_relaxed(minders_wait, 0u); /* relaxed: as above */
		journal_signal(&journal, "a", SIGKILL);
		journal_await(&journal, "!a0 +a1 ");
		ck_assert_msg(journal_has(&journal, "4 leftover processes still run after SIGTERM"),
			      "%s", journal.sentences);
		ck_assert_int_eq(count_left(pids), 0);
		kreg_supervisor_stop(supervisor);
		nothing_is_left();
		ck_assert(kill(minder, 0));
	}
	kreg_close(k);
}

START_TEST(workers_of_a_service_taken_over_are_ended_by_its_supervisor)
{
	mode = _i;
	take_over_and_end(false);
}
END_TEST

/* It has no copy of the killed supervisor's sign, which the next one could not bind then. */
START_TEST(and_by_no_minder_that_begins_after_the_takeover)
{
	mode = _i;
	take_over_and_end(true);
}
END_TEST

/*
 * The namespace is empty when the call returns, including what the minder would end some
 * milliseconds later.
 */
START_TEST(workers_under_a_supervisor_in_another_cgroup_end_before_the_stop_returns)
{
	const char *const argv[] = { "/bin/sh", "-c", pool_script(), NULL };
	struct role role = { .argv = argv, .flags = KREG_SUPERVISE_KEEP, .is_elsewhere = true };
	struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .flags = KREG_SUPERVISE_KEEP);
	struct kreg_supervisor *supervisor = NULL;
	struct child child;
	pid_t pids[POOL];
	int way;

	mode = _i;
	services[0].stop_ms = 300;
	for (way = 0; way < 2; way++) {
		open_way(0);
		child = child_start_ready(be_supervisor, &role);
		read_pool(pids);
		child_kill(&child);
		if (way == 0) {
			supervisor = journal_supervise(&journal, &what, "+a1 ");
			kreg_supervisor_stop(supervisor);
		} else {
			ck_assert_int_eq(kreg_namespace_stop(k, "production", 300), 1);
		}
		ck_assert_int_eq(count_left(pids), 0);
		remove_elsewhere();
	}
	kreg_close(k);
}
END_TEST

static void leave_without_minder(int way)
{
	const char *const argv[] = { "/bin/sh", "-c", pool_script(), NULL };
	struct role role = { .argv = argv };
	KREG_SUPERVISION(what, .count = 0);
	struct kreg_supervisor *supervisor;
	struct child child;
	pid_t pids[POOL], minder;
	int i;

	open_way(0);
	child = child_start_ready(be_supervisor, &role);
	read_pool(pids);
	minder = minder_of(getsid(pids[0]));
	ck_assert_int_eq(kill(minder, SIGKILL), 0);
	if (way_has_folder(k, "a")) {
		/* Orphans become children of this process, and stay until it reaps them. */
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		child_kill(&child);
		ck_assert_int_eq(kreg_service_await_gone(k, "production", "a", NULL, 60000), 0);
		ck_assert_int_eq(count_left(pids), POOL);
		if (way == 0) {
			supervisor = supervise_well(&what, "");
			ck_assert(journal_has(&journal, " left by an earlier supervisor"));
			kreg_supervisor_stop(supervisor);
		} else {
			ck_assert_int_eq(kreg_namespace_stop(k, "production", 0), 1);
			while (waitpid(-1, NULL, 0) > 0)
				;
		}
		ck_assert_int_eq(count_left(pids), 0);
		nothing_is_left();
	} else {
		child_kill(&child);
		for (i = 0; i < POOL; i++)
			kill(pids[i], SIGKILL);
	}
}

START_TEST(the_next_supervisor_ends_what_a_killed_supervisor_and_minder_left)
{
	mode = _i;
	leave_without_minder(0);
	kreg_close(k);
}
END_TEST

START_TEST(stopping_the_namespace_ends_and_counts_what_they_left)
{
	mode = _i;
	leave_without_minder(1);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		the_workers_of_a_killed_supervisors_services_are_killed_at_once,
		workers_of_a_kept_service_that_dies_unsupervised_are_killed,
		workers_of_a_service_taken_over_are_ended_by_its_supervisor,
		and_by_no_minder_that_begins_after_the_takeover,
		workers_under_a_supervisor_in_another_cgroup_end_before_the_stop_returns,
		the_next_supervisor_ends_what_a_killed_supervisor_and_minder_left,
		stopping_the_namespace_ends_and_counts_what_they_left,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("supervise_left"), tcase_create("both"), both, NULL, NULL);
}
