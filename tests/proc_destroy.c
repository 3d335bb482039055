/* SPDX-License-Identifier: MIT */
/*
 * The end of a registry while other processes use it: a refusal that stays unnoticed, and
 * a process that destroys, takes over or creates a registry and is killed or stopped
 * before its system calls.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/traced.h"
#include "tests/support/unit.h"

#define NAME "destroyed"
/*
 * Under the guard one system call in so many is killed or stopped at, because what it
 * does to files is as in the fallback. KREG_EVERY says another number, for both modes.
 */
#define EVERY 3
/* Only a hang reaches it. */
#define BOUND_MS (30000 * unit_slowness())

static int open_as(struct kreg **k, int mode, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode),
		     .flags = flags, .seats = 64);

	return kreg_open(k, NAME, &options);
}

static int destroy(int mode, int force)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode));

	return kreg_destroy(NAME, &options, force ? KREG_DESTROY_FORCE : 0);
}

static ino_t file_inode(void)
{
	char path[TMP_PATH];
	struct stat st;

	tmp_registry(path, geteuid(), NAME);
	return stat(path, &st) ? 0 : st.st_ino;
}

/*
 * Counts the files whose name is the registry's with a suffix; makes them old enough to
 * be removed.
 */
static int leftovers(bool make_old)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	DIR *folder = opendir(tmp_directory());
	const struct dirent *at;
	int count = 0;

	ck_assert_ptr_nonnull(folder);
	while ((at = readdir(folder))) {
		if (!strstr(at->d_name, NAME "+"))
			continue;
		count++;
		if (make_old)
			utimensat(dirfd(folder), at->d_name, old, AT_SYMLINK_NOFOLLOW);
	}
	closedir(folder);
	return count;
}

static int hold(int link, void *data)
{
	struct kreg *k;
	int err = open_as(&k, *(int *)data, 0);

	if (!err)
		err = kreg_register(k, "holder", KREG_STRING, "x", 1, NULL);
	link_say(link, err);
	while (link_hear(link) != INT64_MIN)
		link_say(link, kreg_register(k, "more", KREG_STRING, "x", 1, NULL)
				       ? -1
				       : kreg_unregister(k, "more", KREG_STRING) - 1);
	return 0;
}

/* --- refused --- */

#define REFUSALS 1000

struct board {
	uint64_t stop;
	uint64_t calls;
	uint64_t failed;
	uint64_t ids[8];
};

static struct board *board;
static int mode;

static bool is_stopped(void)
{
	return load_acquire(&board->stop);
}

static void tell(bool failed)
{
	fetch_add_relaxed(&board->calls, 1);
	if (failed)
		fetch_add_relaxed(&board->failed, 1);
}

static int keep_registering(int link, void *data)
{
	struct kreg *k;
	char key[16];

	(void)data;
	snprintf(key, sizeof(key), "%d", getpid());
	link_say(link, open_as(&k, mode, 0));
	while (!is_stopped())
		tell(kreg_register(k, key, KREG_STRING, "x", 1, NULL) ||
		     kreg_unregister(k, key, KREG_STRING) != 1);
	return 0;
}

static int keep_opening(int link, void *data)
{
	struct kreg *k;

	(void)data;
	link_say(link, 0);
	while (!is_stopped()) {
		int err = open_as(&k, mode, KREG_OPEN_EXISTING);

		tell(err || kreg_lookup(k, "holder", KREG_STRING, NULL, 0, NULL) != 1);
		if (!err)
			kreg_close(k);
	}
	return 0;
}

static int keep_waiting(int link, void *data)
{
	struct kreg *k;

	(void)data;
	link_say(link, open_as(&k, mode, 0));
	/* What it waits for comes at the end, and no other event wakes it. */
	return kreg_await(k, "at the end", KREG_STRING, -1, NULL) < 0;
}

static int keep_listening(int link, void *data)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct kreg *k;

	(void)data;
	link_say(link, open_as(&k, mode, 0) || kreg_listen(&listener, k, NULL, 0));
	while (!is_stopped())
		tell(kreg_listener_next(listener, &event) < 0);
	return 0;
}

START_TEST(a_refused_destroy_goes_unnoticed)
{
	int (*const bodies[])(int, void *) = { keep_registering, keep_registering, keep_opening,
					       keep_waiting, keep_listening };
	struct child children[5];
	struct kreg *k;
	ino_t inode;
	int i;

	mode = _i;
	board = child_shared(sizeof(*board));
	ck_assert_int_eq(open_as(&k, mode, 0), 0);
	ck_assert_int_eq(kreg_register(k, "holder", KREG_STRING, "x", 1, NULL), 0);
	inode = file_inode();
	for (i = 0; i < 5; i++)
		children[i] = child_start_ready(bodies[i], NULL);
	for (i = 0; i < REFUSALS; i++) {
		ck_assert_int_eq(destroy(mode, 0), -EBUSY);
		ck_assert_uint_eq(file_inode(), inode);
	}
	store_release(&board->stop, 1);
	ck_assert_int_eq(kreg_register(k, "at the end", KREG_STRING, "x", 1, NULL), 0);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(child_end(&children[i]), 0);
	ck_assert_uint_gt(board->calls, 0);
	ck_assert_uint_eq(board->failed, 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(mode, 0), 0);
	ck_assert_int_eq(leftovers(false), 0);
}
END_TEST

/* An abandoned proposal: its maker is gone. */
START_TEST(an_abandoned_proposal_blocks_no_process)
{
	const uint64_t left = 0x1234560 | SEGMENT_PROPOSED;
	struct kreg *k, *other;

	ck_assert_int_eq(open_as(&k, _i, 0), 0);
	store_release(&k->segment.header->successor, left);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_await(k, "key", KREG_STRING, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(open_as(&other, _i, 0), 0);
	kreg_close(other);
	ck_assert_uint_eq(k->segment.header->successor, left);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_uint_eq(k->segment.header->successor, 0);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	store_release(&k->segment.header->successor, left);
	ck_assert_int_eq(destroy(_i, 0), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), -ESHUTDOWN);
	kreg_close(k);
}
END_TEST

/* --- killed and stopped --- */

static int plain_destroy(void *data)
{
	(void)data;
	return destroy(mode, 0);
}

static int forced_destroy(void *data)
{
	(void)data;
	return destroy(mode, 1);
}

static int open_and_leave(void *data)
{
	struct kreg *k;

	(void)data;
	return open_as(&k, mode, 0);
}

enum scene { UNUSED, IN_USE, DESTROYED, OF_OTHERS, NONE };

struct act {
	const char *name;
	int (*body)(void *data);
	enum scene scene;
};

static const struct act acts[] = {
	{ "destroy", plain_destroy, UNUSED },
	{ "destroy, refused", plain_destroy, IN_USE },
	{ "destroy by force", forced_destroy, IN_USE },
	{ "create", open_and_leave, NONE },
	{ "create in the place of a destroyed one", open_and_leave, DESTROYED },
	{ "take over", open_and_leave, OF_OTHERS },
};

/* Leaves the registry destroyed and its file in place, as a killed destroyer does. */
static void leave_destroyed(int in)
{
	struct kreg *k;

	ck_assert_int_eq(open_as(&k, in, 0), 0);
	store_release(&k->segment.header->successor, SEGMENT_DESTROYED);
	kreg_close(k);
}

static void set_scene(enum scene scene, struct child *holder)
{
	int other = mode == MODE_GUARD ? MODE_FALLBACK : MODE_GUARD;
	struct kreg *k;

	if (scene == UNUSED || scene == OF_OTHERS) {
		ck_assert_int_eq(open_as(&k, scene == UNUSED ? mode : other, 0), 0);
		kreg_close(k);
	} else if (scene == IN_USE) {
		*holder = child_start_ready(hold, &mode);
	} else if (scene == DESTROYED) {
		leave_destroyed(mode);
	}
}

/*
 * Other processes open the registry at once, and all get the same one. Return: the handle
 * that has a name in it.
 */
static struct kreg *others_come(void)
{
	uint64_t before = clock_now();
	struct kreg *reader, *first, *second;
	int err = open_as(&reader, mode, KREG_OPEN_READONLY);

	ck_assert_msg(!err || err == -ENOENT, "a reader: %d", err);
	if (!err)
		kreg_close(reader);
	ck_assert_int_eq(open_as(&first, mode, 0), 0);
	ck_assert_int_eq(kreg_register(first, "first", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(open_as(&second, mode, 0), 0);
	ck_assert_int_eq(kreg_lookup(second, "first", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_uint_eq(first->segment.header->id, second->segment.header->id);
	kreg_close(second);
	ck_assert_uint_lt((clock_now() - before) / 1000000, BOUND_MS);
	return first;
}

/* Return: false if the body makes fewer calls. */
static bool halt_at_call(const struct act *act, int n, bool stop)
{
	struct child holder = { .pid = 0 };
	struct kreg *first, *k;
	bool is_left;
	ino_t inode;
	pid_t pid;

	set_scene(act->scene, &holder);
	if (!traced_start(act->body, NULL, n, &pid)) {
		if (holder.pid)
			child_kill(&holder);
		destroy(mode, 1);
		return false;
	}
	if (!stop)
		traced_kill(pid);
	first = others_come();
	inode = file_inode();
	if (stop)
		traced_finish(pid);
	/* Only a forced destroy may end the registry after that. */
	if (act->body == forced_destroy && stop && kreg_unregister(first, "first", 5) != 1) {
		kreg_close(first);
		first = others_come();
		inode = file_inode();
	}
	is_left = act->scene == IN_USE && act->body == plain_destroy;
	ck_assert_uint_eq(file_inode(), inode);
	if (is_left)
		ck_assert_int_eq(child_ask(&holder, 1), 0);
	ck_assert_int_eq(open_as(&k, mode, KREG_OPEN_READONLY), 0);
	if (is_left)
		ck_assert_int_eq(kreg_lookup(k, "holder", KREG_STRING, NULL, 0, NULL), 1);
	kreg_close(k);
	kreg_close(first);
	if (holder.pid)
		child_kill(&holder);
	ck_assert_int_eq(destroy(mode, 0), 0);
	ck_assert_uint_eq(file_inode(), 0);
	return true;
}

/*
 * Odd, so that every second call is stopped at in this mode, and the others in the other
 * mode.
 */
static int every(void)
{
	const char *wanted = getenv("KREG_EVERY");
	int calls = (mode == MODE_GUARD ? EVERY : 1) * (int)unit_slowness();

	if (wanted)
		calls = atoi(wanted);
	return (calls > 0 ? calls : 1) | 1;
}

static void halt_everywhere(const struct act *act)
{
	int n, part = every();
	struct kreg *k;

	/* The first is one of the first @part: in as many runs each has its turn. */
	for (n = rand() % part; halt_at_call(act, n, n % 2 == mode); n += part)
		;
	ck_assert_int_gt(n, 5);
	leftovers(true);
	ck_assert_int_eq(open_as(&k, mode, 0), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(mode, 0), 0);
	ck_assert_msg(!leftovers(false), "%s has left something for ever", act->name);
	printf("# %s: killed or stopped before one in %d of %d system calls\n", act->name, part, n);
}

START_TEST(a_process_killed_or_stopped_while_destroying_or_replacing_a_registry_blocks_no_other)
{
	size_t i;

	mode = _i;
	for (i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		if (acts[i].scene != OF_OTHERS)
			halt_everywhere(&acts[i]);
	}
}
END_TEST

START_TEST(a_process_killed_or_stopped_while_taking_a_registry_over_blocks_no_other)
{
	for (mode = 0; mode < MODES; mode++)
		halt_everywhere(&acts[5]);
}
END_TEST

/* --- together --- */

static int destroy_on_request(int link, void *data)
{
	link_say(link, 0);
	link_hear(link);
	link_say(link, destroy(mode, *(int *)data));
	return 0;
}

START_TEST(a_refused_destroy_does_not_undo_a_forced_one)
{
	int force[] = { 0, 1 }, round, i;
	struct child children[2];
	struct kreg *k;

	mode = _i;
	for (round = 0; round < 1 + 20 / (int)unit_slowness(); round++) {
		ck_assert_int_eq(open_as(&k, mode, 0), 0);
		ck_assert_int_eq(kreg_register(k, "holder", KREG_STRING, "x", 1, NULL), 0);
		for (i = 0; i < 2; i++)
			children[i] = child_start_ready(destroy_on_request, &force[i]);
		for (i = 0; i < 2; i++)
			link_say(children[i].link, 1);
		for (i = 0; i < 2; i++) {
			int64_t err = link_hear(children[i].link);

			ck_assert(!err || (!force[i] && (err == -EBUSY || err == -ENOENT)));
		}
		for (i = 0; i < 2; i++)
			child_end(&children[i]);
		ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), -ESHUTDOWN);
		ck_assert_uint_eq(file_inode(), 0);
		kreg_close(k);
	}
}
END_TEST

#define CROWD 8
/* How long; how a registry ends does not depend on the mode. */
#define CROWD_MS (mode == MODE_GUARD ? 500 : 2000)

/* While it has a name, every process with a name is in the same registry. */
static int come_and_destroy(int link, void *data)
{
	uint32_t me = *(uint32_t *)data, i;
	unsigned int seed = me + 1;
	char key[16];

	snprintf(key, sizeof(key), "%u", me);
	link_say(link, 0);
	while (!is_stopped()) {
		struct kreg *k;
		int err = open_as(&k, mode, 0);

		if (!err)
			err = kreg_register(k, key, KREG_STRING, "x", 1, NULL);
		if (!err) {
			uint64_t id = k->segment.header->id;

			store_release(&board->ids[me], id);
			__sync_synchronize();
			for (i = 0; i < CROWD; i++) {
				uint64_t other = load_acquire(&board->ids[i]);

				tell(other && other != id);
			}
			sched_yield();
			store_release(&board->ids[me], 0);
			tell(kreg_unregister(k, key, KREG_STRING) != 1);
		} else if (err != -ESHUTDOWN && err != -EAGAIN) {
			tell(true);
		}
		if (k && err != -EAGAIN)
			kreg_close(k);
		if (rand_r(&seed) % 2)
			destroy(mode, 0);
	}
	return 0;
}

START_TEST(all_users_of_a_name_at_one_time_are_in_one_registry)
{
	uint32_t numbers[CROWD], i;
	struct child children[CROWD];
	uint64_t until;
	unsigned int seed = 1;
	struct kreg *k;

	mode = _i;
	board = child_shared(sizeof(*board));
	for (i = 0; i < CROWD; i++) {
		numbers[i] = i;
		children[i] = child_start_ready(come_and_destroy, &numbers[i]);
	}
	/* Meanwhile some are stopped for a while. */
	until = clock_now() + CROWD_MS * 1000000ull;
	while (clock_now() < until) {
		struct timespec pause = { .tv_nsec = 1 + rand_r(&seed) % 3000000 };
		pid_t pid = children[(unsigned int)rand_r(&seed) % CROWD].pid;

		kill(pid, SIGSTOP);
		nanosleep(&pause, NULL);
		kill(pid, SIGCONT);
	}
	store_release(&board->stop, 1);
	for (i = 0; i < CROWD; i++)
		ck_assert_int_eq(child_end(&children[i]), 0);
	printf("# %llu looks and calls\n", (unsigned long long)board->calls);
	ck_assert_uint_gt(board->calls, 0);
	ck_assert_uint_eq(board->failed, 0);
	leftovers(true);
	ck_assert_int_eq(open_as(&k, mode, 0), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(mode, 0), 0);
	ck_assert_int_eq(leftovers(false), 0);
}
END_TEST

/* --- files and locks of other processes in the folder --- */

START_TEST(a_reader_that_locks_the_file_blocks_no_process)
{
	char path[TMP_PATH];
	struct kreg *k;
	int fd;

	ck_assert_int_eq(open_as(&k, _i, 0), 0);
	kreg_close(k);
	tmp_registry(path, geteuid(), NAME);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	ck_assert_int_eq(destroy(_i, 0), 0);
	leave_destroyed(_i);
	ck_assert_int_eq(open_as(&k, _i, 0), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(_i, 1), 0);
	close(fd);
}
END_TEST

START_TEST(files_of_others_beside_the_name_are_not_waited_for)
{
	char fifo[TMP_PATH], linked[TMP_PATH], path[TMP_PATH];
	struct kreg *k;
	struct stat st;

	tmp_registry(path, geteuid(), NAME);
	tmp_registry(fifo, geteuid(), NAME "+00000000000000a0");
	tmp_registry(linked, geteuid(), NAME "+00000000000000b0");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(open_as(&k, _i, 0), 0);
	ck_assert_int_eq(link(path, linked), 0);
	kreg_close(k);
	leave_destroyed(_i);
	ck_assert_int_eq(open_as(&k, _i, 0), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(stat(fifo, &st), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(_i, 0), 0);
	ck_assert_int_eq(unlink(fifo), 0);
	unlink(linked);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_refused_destroy_goes_unnoticed,
		an_abandoned_proposal_blocks_no_process,
		a_process_killed_or_stopped_while_destroying_or_replacing_a_registry_blocks_no_other,
		a_refused_destroy_does_not_undo_a_forced_one,
		all_users_of_a_name_at_one_time_are_in_one_registry,
		a_reader_that_locks_the_file_blocks_no_process,
		files_of_others_beside_the_name_are_not_waited_for,
		NULL,
	};
	const TTest *const guard[] = {
		a_process_killed_or_stopped_while_taking_a_registry_over_blocks_no_other,
		NULL,
	};
	unsigned int seed = unit_seed();

	srand(seed);
	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	return modes_run(suite_create("destroy"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
