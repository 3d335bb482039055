/* SPDX-License-Identifier: MIT */
/*
 * The programs of a guard are replaced while processes live, die and attach: no death is
 * missed, no process loses anything, and an upgrade that is killed halfway leaves a guard
 * that works.
 *
 * KREG_UPGRADES=100 is the long run; make check does fewer.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "bpf/guard.h"
#include "bpf/life_layout.h"
#include "shm/life.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define SEATS 64
#define WORKERS 2
#define UPGRADES 8
/* One in this many victims has a name in a registry; the others only a seat. */
#define NAMED 16
#define STEPS 17
#define PINS 15

static struct guard_options guard_options(void)
{
	return (struct guard_options){ .path = second_guard(), .seats = SEATS };
}

static int start_guard(void)
{
	struct guard_options options = guard_options();

	return guard_start(&options);
}

static void stop_guard(void)
{
	struct guard_options options = guard_options();

	ck_assert_int_eq(guard_stop(&options, true), 0);
}

static struct guard_status status(void)
{
	struct guard_options options = guard_options();
	struct guard_status found;

	ck_assert_int_eq(guard_status(&options, &found), 0);
	return found;
}

static int try_open(struct kreg **k)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard());

	return kreg_open(k, "upgrade", &options);
}

static struct kreg *open_registry(void)
{
	struct kreg *k;

	ck_assert_int_eq(try_open(&k), 0);
	return k;
}

/*
 * Registers "name"; at each number that it receives, reports whether the name is still
 * its own and can be changed.
 */
static int hold(int link, void *data)
{
	struct kreg *k;
	int err = try_open(&k);

	(void)data;
	if (!err)
		err = kreg_register(k, "name", KREG_STRING, "x", 1, NULL);
	link_say(link, err);
	while (link_hear(link) != INT64_MIN)
		link_say(link, kreg_update(k, "name", KREG_STRING, "y", 1, NULL, 0));
	return 0;
}

/*
 * Takes a seat on request; at each number that it receives after that, reports whether
 * its life goes on.
 */
static int seat(int link, void *data)
{
	struct life_table table;
	struct life_self self;
	int err = life_guard_open(&table, second_guard());

	(void)data;
	link_say(link, err);
	link_hear(link);
	if (!err)
		err = life_guard_attach(&self, &table, second_guard());
	link_say(link, err);
	while (link_hear(link) != INT64_MIN)
		link_say(link, life_is_alive(&table, self.owner));
	return 0;
}

static struct child start_holder(void)
{
	return child_start_ready(hold, NULL);
}

static int pins(void)
{
	DIR *at = opendir(second_guard());
	struct dirent *entry;
	int count = 0;

	ck_assert_ptr_nonnull(at);
	while ((entry = readdir(at)))
		count += *entry->d_name != '.';
	closedir(at);
	return count;
}

static void pin_of(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", second_guard(), name);
}

static void remove_pin(const char *name)
{
	char path[128];

	pin_of(name, path, sizeof(path));
	ck_assert_int_eq(unlink(path), 0);
}

static ino_t inode_of(const char *name)
{
	char path[128];
	struct stat st;

	pin_of(name, path, sizeof(path));
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_ino;
}

/* The counts of the workers and their victims. */
struct tally {
	bool stop;
	uint64_t kills;
	uint64_t stale;
	uint64_t lost;
};

struct victim {
	owner_t owner;
	bool failed;
};

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void take_seat_and_die(const struct life_table *table, bool named, struct victim *v)
{
	struct life_self self;
	struct kreg *k;

	v->failed = life_guard_attach(&self, table, second_guard()) ||
		    !life_is_alive(table, self.owner);
	v->owner = self.owner;
	if (named && !v->failed)
		v->failed = try_open(&k) ||
			    kreg_register(k, &self.owner, sizeof(self.owner), "x", 1, NULL) ||
			    kreg_lookup(k, &self.owner, sizeof(self.owner), NULL, 0, NULL) != 1;
	raise(SIGKILL);
}

static void kill_one(const struct life_table *table, struct kreg *k, bool named, struct victim *v,
		     struct tally *tally)
{
	pid_t pid;

	v->failed = true;
	pid = fork();
	if (!pid)
		take_seat_and_die(table, named, v);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || v->failed) {
		count(&tally->lost);
		return;
	}
	/* From here on no process may take it for alive. */
	if (life_is_alive(table, v->owner) ||
	    (named && kreg_lookup(k, &v->owner, sizeof(v->owner), NULL, 0, NULL) != -ENOENT))
		count(&tally->stale);
	count(&tally->kills);
}

static int kill_on(int link, void *data)
{
	struct tally *tally = data;
	struct victim *victim = child_shared(sizeof(*victim));
	struct life_table table;
	struct kreg *k;
	uint64_t i;

	if (life_guard_open(&table, second_guard()) || try_open(&k))
		return 1;
	link_say(link, 0);
	for (i = 0; !__atomic_load_n(&tally->stop, __ATOMIC_RELAXED); i++)
		kill_one(&table, k, i % NAMED == 0, victim, tally);
	return 0;
}

START_TEST(no_death_is_missed_while_a_guard_is_upgraded_again_and_again)
{
	struct tally *tally = child_shared(sizeof(*tally));
	struct child holder, workers[WORKERS];
	int upgrades = (int)unit_many("KREG_UPGRADES", UPGRADES), i;
	uint64_t took;
	int64_t began;
	struct kreg *k;

	ck_assert_int_eq(start_guard(), 0);
	k = open_registry();
	holder = start_holder();
	for (i = 0; i < WORKERS; i++)
		workers[i] = child_start_ready(kill_on, tally);
	began = clock_ms();
	for (i = 0; i < upgrades; i++)
		ck_assert_int_eq(start_guard(), 1);
	took = (uint64_t)(clock_ms() - began);
	__atomic_store_n(&tally->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_eq(child_end(&workers[i]), 0);
	printf("# %d upgrades in %lu ms, %lu kills, %lu a second: %lu stale, %lu lost\n", upgrades,
	       took, tally->kills, tally->kills * 1000 / (took + 1), tally->stale, tally->lost);
	fflush(stdout);
	ck_assert_uint_eq(tally->stale, 0);
	ck_assert_uint_eq(tally->lost, 0);
	ck_assert_uint_gt(tally->kills, (uint64_t)upgrades);
	ck_assert_int_eq(child_ask(&holder, 1), 1);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_uint_eq(status().seats_used, 2);
	ck_assert_uint_eq(status().late, 0);
	ck_assert_uint_eq(status().upgrades, (uint64_t)upgrades);
	child_kill(&holder);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
	stop_guard();
}
END_TEST

/* Is killed after the step. */
static int upgrade_and_die(int link, void *data)
{
	struct guard_options options = guard_options();

	options.die_at = *(uint32_t *)data;
	link_say(link, guard_start(&options));
	return 0;
}

START_TEST(a_killed_upgrade_leaves_a_guard_and_the_next_start_completes_it)
{
	struct child holder, victim, upgrader;
	uint32_t step;
	struct kreg *k;
	ino_t before;

	ck_assert_int_eq(start_guard(), 0);
	k = open_registry();
	for (step = 1; step <= STEPS; step++) {
		holder = start_holder();
		upgrader = child_start(upgrade_and_die, &step);
		ck_assert_int_eq(link_hear(upgrader.link), INT64_MIN);
		ck_assert(WIFSIGNALED(child_end(&upgrader)));
		ck_assert_int_eq(child_ask(&holder, 1), 1);
		child_kill(&holder);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
		victim = start_holder();
		before = inode_of("exit");
		ck_assert_int_eq(start_guard(), 1);
		ck_assert_uint_ne(inode_of("exit"), before);
		ck_assert_int_eq(pins(), PINS);
		ck_assert_int_eq(child_ask(&victim, 1), 1);
		child_kill(&victim);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
	ck_assert_uint_eq(status().late, 0);
	kreg_close(k);
	stop_guard();
}
END_TEST

START_TEST(the_next_start_ends_lives_missed_while_detached_and_keeps_the_living)
{
	struct life_table table;
	struct child died, came;
	struct kreg *k;

	ck_assert_int_eq(start_guard(), 0);
	k = open_registry();
	died = start_holder();
	came = child_start_ready(seat, NULL);
	ck_assert_int_eq(life_guard_open(&table, second_guard()), 0);
	remove_pin("exit");
	remove_pin("again");
	remove_pin("exec");
	remove_pin("exec_again");
	/*
	 * The kernel needs a moment to release the guard. Both programs of the exit are asked
	 * for where the pins are out of sight.
	 */
	while (life_guard_look(&table, "/nowhere") != LIFE_GUARD_GONE)
		sched_yield();
	life_guard_close(&table);
	child_kill(&died);
	/* No process can know better. */
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_int_eq(child_ask(&came, 1), 0);
	ck_assert_int_eq(start_guard(), 1);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_uint_eq(status().late, 1);
	ck_assert_int_eq(child_ask(&came, 1), 1);
	ck_assert_uint_eq(status().seats_used, 2);
	child_kill(&came);
	ck_assert_uint_eq(status().seats_used, 1);
	ck_assert_int_eq(pins(), PINS);
	kreg_close(k);
	stop_guard();
}
END_TEST

static void end_one_unseen_by(uint32_t faults)
{
	struct guard_options options = guard_options();
	struct child child;
	struct kreg *k;

	options.faults = faults;
	ck_assert_int_eq(guard_start(&options), 1);
	k = open_registry();
	child = start_holder();
	child_kill(&child);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
}

START_TEST(an_upgrade_adds_or_replaces_the_second_programs)
{
	struct guard_options options = guard_options();
	bool is_sure;

	ck_assert_int_eq(start_guard(), 0);
	is_sure = status().is_sure;
	stop_guard();
	options.faults = LIFE_FAULT_FUNCTIONS;
	ck_assert_int_eq(guard_start(&options), 0);
	ck_assert(!status().is_sure);
	end_one_unseen_by(LIFE_FAULT_EXIT);
	ck_assert_int_eq(status().is_sure, is_sure);
	/* Like a guard from before these programs existed. */
	remove_pin("again");
	remove_pin("exec_again");
	ck_assert(!status().is_sure);
	end_one_unseen_by(LIFE_FAULT_EXIT);
	ck_assert_int_eq(status().is_sure, is_sure);
	ck_assert_int_eq(pins(), PINS);
	/* And back to a kernel that no longer allows it. */
	end_one_unseen_by(LIFE_FAULT_EXIT | LIFE_FAULT_FUNCTIONS);
	ck_assert(!status().is_sure);
	ck_assert_uint_eq(status().late, 0);
	stop_guard();
}
END_TEST

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

START_TEST(a_guard_with_maps_of_another_version_is_left_alone)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_HASH,
		.key_size = 4,
		.value_size = 16,
		.max_entries = 2 * SEATS,
	};
	union bpf_attr pin = { 0 };
	struct child holder;
	char path[128];
	ino_t before;
	int fd;

	ck_assert_int_eq(start_guard(), 0);
	holder = start_holder();
	remove_pin("users");
	fd = bpf(BPF_MAP_CREATE, &map);
	ck_assert_int_ge(fd, 0);
	pin_of("users", path, sizeof(path));
	pin.pathname = (uintptr_t)path;
	pin.bpf_fd = (uint32_t)fd;
	ck_assert_int_eq(bpf(BPF_OBJ_PIN, &pin), 0);
	close(fd);
	before = inode_of("exit");
	ck_assert_int_eq(start_guard(), -EPROTO);
	ck_assert_uint_eq(inode_of("exit"), before);
	ck_assert_int_eq(pins(), PINS);
	ck_assert_int_eq(child_ask(&holder, 1), 1);
	child_kill(&holder);
	ck_assert_uint_eq(status().seats_used, 0);
	stop_guard();
}
END_TEST

int main(void)
{
	const TTest *const guard[] = {
		no_death_is_missed_while_a_guard_is_upgraded_again_and_again,
		a_killed_upgrade_leaves_a_guard_and_the_next_start_completes_it,
		the_next_start_ends_lives_missed_while_detached_and_keeps_the_living,
		an_upgrade_adds_or_replaces_the_second_programs,
		a_guard_with_maps_of_another_version_is_left_alone,
		NULL,
	};

	return modes_run(suite_create("upgrade"), NULL, NULL, tcase_create("guard"), guard);
}
