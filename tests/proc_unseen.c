/* SPDX-License-Identifier: MIT */
/*
 * A process that cannot see whether the owners of a registry are alive does not judge
 * them: it is refused, with the reason, and they keep their names. A process that can see
 * them takes a leftover over.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "base/process.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static char said[2048];

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int open_under(struct kreg **k, const char *guard)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = guard, .log = keep);

	said[0] = 0;
	return kreg_open(k, "unseen", &options);
}

static int destroy_under(const char *guard, int force)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = guard, .log = keep);

	said[0] = 0;
	return kreg_destroy("unseen", &options, force ? KREG_DESTROY_FORCE : 0);
}

/* From where a process judges. */
enum place {
	CONTAINER,           /* a PID namespace with a /proc of its own */
	CONTAINER_HOST_PROC, /* with the /proc of the host, which shows other pids there */
	CONTAINER_NO_PROC,
	CONTAINER_OWN_BOOT, /* with a boot id of its own, mounted over the kernel's */
	NO_PROC,            /* the host's PID namespace, without /proc */
	OTHER_CLOCK,        /* a time namespace with other start times */
	PLACES,
};

static void private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(77);
}

static void leave_proc(void)
{
	if (mount("none", "/proc", "tmpfs", 0, "size=64k"))
		_exit(77);
}

static void shift_clock(void)
{
	const char offset[] = "boottime 1000 0\n";
	int fd;

	if (unshare(CLONE_NEWTIME))
		_exit(77);
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	if (fd < 0 || write(fd, offset, sizeof(offset) - 1) != sizeof(offset) - 1)
		_exit(77);
	close(fd);
}

/* Goes there in a child, whose own children are inside. */
static void go_to(enum place place)
{
	private_mounts();
	if (place == OTHER_CLOCK)
		shift_clock();
	else if (place != NO_PROC && unshare(CLONE_NEWPID))
		_exit(77);
}

static void hide_boot_id(void)
{
	const char id[] = "01234567-89ab-cdef-0123-456789abcdef\n";
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/boot", tmp_directory());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, id, sizeof(id) - 1) != sizeof(id) - 1 || close(fd) ||
	    mount(path, "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL))
		_exit(77);
}

static void arrive_at(enum place place)
{
	if ((place == CONTAINER || place == CONTAINER_OWN_BOOT) &&
	    mount("proc", "/proc", "proc", 0, NULL))
		_exit(77);
	if (place == CONTAINER_NO_PROC || place == NO_PROC)
		leave_proc();
	if (place == CONTAINER_OWN_BOOT)
		hide_boot_id();
}

struct visit {
	enum place place;
	const char *guard;
	int (*body)(int link, const char *guard);
};

/* The pid inside is 2, as in many other namespaces. */
static int visit(int link, void *data)
{
	const struct visit *v = data;
	int status;
	pid_t pid;

	go_to(v->place);
	pid = fork();
	if (pid)
		return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									    : 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	arrive_at(v->place);
	pid = fork();
	if (!pid)
		_exit(v->body(link, v->guard));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* On each order, tries to take the registry over and to destroy it. */
static int judge(int link, const char *guard)
{
	struct kreg *k;

	while (link_hear(link) != INT64_MIN) {
		link_say(link, open_under(&k, guard));
		link_say(link, strstr(said, "counts as alive") != NULL);
		link_say(link, destroy_under(guard, 0));
	}
	return 0;
}

static int hold_under(int link, const char *guard)
{
	struct kreg *k;
	int err = open_under(&k, guard);

	if (!err)
		err = kreg_register(k, "name", KREG_STRING, "x", 1, NULL);
	link_say(link, err);
	link_hear(link);
	return 0;
}

static int hold(int link, void *data)
{
	return hold_under(link, data);
}

static bool can_visit(struct child *child)
{
	int status;

	/* It sent nothing: it ended before. */
	if (link_hear(child->link) != INT64_MIN)
		return true;
	status = child_end(child);
	ck_assert_int_eq(WEXITSTATUS(status), 77);
	printf("# no such place can be made here\n");
	return false;
}

static int say_and_judge(int link, const char *guard)
{
	link_say(link, 0);
	return judge(link, guard);
}

START_TEST(a_process_that_cannot_see_the_owners_is_refused_and_they_keep_their_names)
{
	struct visit from = { .place = (enum place)_i, .guard = "none", .body = say_and_judge };
	const char *guard = mode_guard(MODE_GUARD);
	struct child owner = child_start_ready(hold, (void *)(uintptr_t)guard);
	struct child inside = child_start(visit, &from);
	struct kreg *k;

	if (can_visit(&inside)) {
		link_say(inside.link, 1);
		ck_assert_int_eq(link_hear(inside.link), -EBUSY);
		/*
		 * With a /proc of the same PID namespace the process can be seen to be
		 * there.
		 */
		ck_assert_int_eq(link_hear(inside.link), from.place != OTHER_CLOCK);
		ck_assert_int_eq(link_hear(inside.link), -EBUSY);
		child_end(&inside);
	}
	ck_assert_int_eq(open_under(&k, guard), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
	kreg_close(k);
	child_kill(&owner);
	ck_assert_int_eq(destroy_under(guard, 0), 0);
}
END_TEST

static void take_over_from(enum place place)
{
	struct visit to = { .place = place, .guard = mode_guard(MODE_GUARD), .body = hold_under };
	struct child inside = child_start(visit, &to);
	struct kreg *k;

	if (!can_visit(&inside))
		return;
	ck_assert_int_eq(open_under(&k, "none"), -EBUSY);
	/* Another process has that pid here. */
	ck_assert_msg(strstr(said, "process 2 of PID namespace ") && strstr(said, "is alive"),
		      "it does not say who is alive: %s", said);
	/*
	 * When the first process of the namespace ends, the kernel ends all others in it.
	 */
	link_say(inside.link, 1);
	child_end(&inside);
	ck_assert_int_eq(open_under(&k, "none"), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy_under("none", 0), 0);
}

START_TEST(a_process_that_sees_all_takes_over_from_a_dead_container)
{
	take_over_from(CONTAINER);
	take_over_from(CONTAINER_OWN_BOOT);
}
END_TEST

/*
 * Forks a child whose pid is @pid in the caller's PID namespace and in that of its
 * children.
 */
static pid_t fork_as(pid_t pid)
{
	pid_t both[2] = { pid, pid };
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)both,
		.set_tid_size = 2,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int look_with_same_pid(int link, void *unused)
{
	pid_t init, child;
	int status;

	(void)unused;
	if (unshare(CLONE_NEWPID))
		return 77;
	init = fork();
	if (!init) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	do
		child = fork_as(300 + rand() % 30000);
	while (child < 0 && errno == EEXIST);
	if (!child)
		_exit(process_proc_is_ours());
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	link_say(link, WEXITSTATUS(status));
	kill(init, SIGKILL);
	return 0;
}

START_TEST(the_proc_of_another_namespace_is_recognised_by_more_than_the_pid)
{
	struct child child = child_start(look_with_same_pid, NULL);

	ck_assert(process_proc_is_ours());
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

/* With so many and so long numbers NSpid is some pages into the file. */
#define GROUPS 1500

static int look_with_many_groups(int link, void *unused)
{
	gid_t groups[GROUPS];
	int i;

	(void)unused;
	for (i = 0; i < GROUPS; i++)
		groups[i] = 4000000000u + (gid_t)i;
	if (setgroups(GROUPS, groups))
		return 1;
	link_say(link, process_proc_is_ours());
	return 0;
}

START_TEST(the_proc_of_a_process_with_many_groups_is_recognised)
{
	struct child child = child_start(look_with_many_groups, NULL);

	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

int main(void)
{
	const TTest *const none[] = { NULL };
	const TTest *const guard[] = {
		a_process_that_sees_all_takes_over_from_a_dead_container,
		NULL,
	};
	TCase *all = tcase_create("guard"), *both = tcase_create("both");

	if (getuid()) {
		printf("1..1\nok 1 - unseen # SKIP only root can make the namespaces\n");
		return 0;
	}
	tcase_add_loop_test(
		all, a_process_that_cannot_see_the_owners_is_refused_and_they_keep_their_names, 0,
		PLACES);
	tcase_add_test(all, the_proc_of_another_namespace_is_recognised_by_more_than_the_pid);
	tcase_add_test(all, the_proc_of_a_process_with_many_groups_is_recognised);
	return modes_run(suite_create("unseen"), both, none, all, guard);
}
