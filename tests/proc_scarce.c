/* SPDX-License-Identifier: MIT */
/*
 * Every call where something has run out: fds, address space, memory that may be locked, threads, room in the file
 * system. Each call works, or answers an error that its header gives; a call that fails has changed nothing, by what
 * another process sees; and when there is enough again, everything works.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "tests/contexts/scene.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define CALLS 2500
#define FILLER "filler"

struct scarce {
	const char *name;
	/* An error that some calls answer then, above 0. */
	int shows;
	/* In the child, which has opened the registry: 0, or an error. */
	int (*begin)(struct scarce *scarce);
	/* There is enough again. */
	void (*end)(struct scarce *scarce);
	struct scene *scene;
	struct kreg *k;
	int link;
	/* Shared: the call that has returned, and how often that error was the answer. */
	struct shown {
		const char *call;
		uint32_t times;
	} * shown;
	struct rlimit before;
};

/* ---- the limits */

static int lower(struct scarce *scarce, int what, rlim_t to)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)what, &scarce->before))
		return -errno;
	limit = (struct rlimit){ to, scarce->before.rlim_max };
	return setrlimit((__rlimit_resource_t)what, &limit) ? -errno : 0;
}

static int use_up_fds(struct scarce *scarce)
{
	int fd = dup(0);

	close(fd);
	return lower(scarce, RLIMIT_NOFILE, (rlim_t)fd);
}

static int allow_no_fd(struct scarce *scarce)
{
	return lower(scarce, RLIMIT_NOFILE, 0);
}

static void allow_fds(struct scarce *scarce)
{
	setrlimit(RLIMIT_NOFILE, &scarce->before);
}

/* Also what the allocator has left. */
static struct chunk {
	struct chunk *next;
} * chunks;

static void use_up_heap(void)
{
	size_t size = 1 << 20;
	struct chunk *chunk;

	while (size >= 16) {
		chunk = malloc(size);
		if (!chunk) {
			size /= 2;
			continue;
		}
		chunk->next = chunks;
		chunks = chunk;
	}
}

static void free_heap(void)
{
	struct chunk *chunk;

	while ((chunk = chunks)) {
		chunks = chunk->next;
		free(chunk);
	}
}

static int use_up_space(struct scarce *scarce)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	int err;

	if (!file || fscanf(file, "%lu", &pages) != 1)
		return -EIO;
	fclose(file);
	err = lower(scarce, RLIMIT_AS, (rlim_t)pages * 4096);
	if (!err)
		use_up_heap();
	return err;
}

static void allow_space(struct scarce *scarce)
{
	setrlimit(RLIMIT_AS, &scarce->before);
	free_heap();
}

static int drop(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &header, caps))
		return -errno;
	caps[0].effective &= ~(1u << capability);
	return syscall(SYS_capset, &header, caps) ? -errno : 0;
}

/* Nothing more may be locked, and all that is mapped from now on would have to be. */
static int use_up_locked(struct scarce *scarce)
{
	int err = drop(CAP_IPC_LOCK);

	if (!err)
		err = lower(scarce, RLIMIT_MEMLOCK, 4096);
	if (!err)
		err = mlockall(MCL_FUTURE) ? -errno : 0;
	if (!err)
		use_up_heap();
	return err;
}

static void allow_locked(struct scarce *scarce)
{
	munlockall();
	setrlimit(RLIMIT_MEMLOCK, &scarce->before);
	free_heap();
}

/* Of a user without privileges; the handle is open already. */
static int use_up_threads(struct scarce *scarce)
{
	if (setgroups(0, NULL) || setgid(65530) || setuid(65530))
		return -errno;
	return lower(scarce, RLIMIT_NPROC, 0);
}

static void allow_threads(struct scarce *scarce)
{
	setrlimit(RLIMIT_NPROC, &scarce->before);
}

static void filler_path(const struct scarce *scarce, char path[TMP_PATH])
{
	snprintf(path, TMP_PATH, "%s/" FILLER, scarce->scene->directory);
}

static int fill_up(struct scarce *scarce)
{
	static char page[4096];
	char path[TMP_PATH];
	int fd;

	filler_path(scarce, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (write(fd, page, sizeof(page)) == sizeof(page))
		;
	close(fd);
	return 0;
}

/* Also what the registry has of it, with names of the other process, smaller and smaller ones. */
static int fill_registry(struct scarce *scarce)
{
	static const char value[15000];
	size_t size = sizeof(value);
	int number = 0, err = fill_up(scarce);

	while (!err && size) {
		if (kreg_register_for(scarce->k, &scarce->scene->other_owner, &number,
				      sizeof(number), value, size, 0, NULL))
			size /= 3;
		number++;
	}
	return err;
}

static void empty(struct scarce *scarce)
{
	char path[TMP_PATH];

	filler_path(scarce, path);
	unlink(path);
}

/* ---- the process that has too little, and the one that looks */

enum { CALL_WORKED, CALL_FAILED, IS_OVER };

/* The other process has looked when this returns. */
static void note(void *data, const char *call, int64_t result)
{
	struct scarce *scarce = data;

	answers_note(scarce->scene->answers, call, result);
	scarce->shown->call = call;
	scarce->shown->times += result == -scarce->shows;
	link_say(scarce->link, result < 0 ? CALL_FAILED : CALL_WORKED);
	link_hear(scarce->link);
}

static int works_again(struct kreg *k)
{
	struct kreg_listener *listener;
	struct kreg_pending *pending;
	struct kreg_owner owner;
	int fd;

	if (kreg_register(k, "afterwards", KREG_STRING, "x", 1, NULL) ||
	    kreg_update(k, "afterwards", KREG_STRING, "y", 1, NULL, 0) != 1 ||
	    kreg_lookup(k, "afterwards", KREG_STRING, NULL, 0, &owner) != 1)
		return 11;
	fd = kreg_owner_pidfd(k, &owner);
	if (fd < 0 || close(fd))
		return 12;
	if (kreg_await_begin(&pending, k, "afterwards", KREG_STRING) ||
	    kreg_pending_result(pending, NULL))
		return 13;
	kreg_pending_close(pending);
	if (kreg_listen(&listener, k, NULL, 0))
		return 14;
	kreg_listener_close(listener);
	return kreg_unregister(k, "afterwards", KREG_STRING) == 1 ? 0 : 15;
}

/* A handle that is opened where there is too little. */
static void open_another(struct scarce *scarce)
{
	KREG_OPTIONS(options, .directory = scarce->scene->directory,
		     .guard = mode_guard(scarce->scene->mode));
	struct kreg *other;
	int err = kreg_open(&other, scarce->scene->name, &options);

	note(scarce, "kreg_open", err);
	if (!err)
		kreg_close(other);
	note(scarce, "kreg_destroy", kreg_destroy("another", &options, 0));
}

static int use_little(int link, void *data)
{
	struct scarce scarce = *(struct scarce *)data;
	struct kreg *k = scene_open(scarce.scene);
	unsigned int seed = 31;
	struct any any = scene_any(scarce.scene, k, &seed);
	int i, err;

	if (!k)
		return 1;
	scarce.k = k;
	scarce.link = link;
	any.said = note;
	any.said_data = &scarce;
	for (i = 0; i < 100; i++)
		any_change(&any);
	any_end(&any);
	if (scarce.begin(&scarce))
		return 2;
	/* What that has registered is there before the first call. */
	link_say(link, CALL_WORKED);
	link_hear(link);
	for (i = 0; i < CALLS; i++) {
		any_change(&any);
		any_read(&any);
		if (i % 500 == 0)
			open_another(&scarce);
	}
	any_end(&any);
	scarce.end(&scarce);
	err = works_again(k);
	kreg_close(k);
	link_say(link, IS_OVER);
	return err;
}

/* What a failed call has not changed; a supervisor's state is given up rather than left wrong. */
static bool is_same(struct image *a, const struct image *b)
{
	a->states = b->states;
	a->sum_of_states = b->sum_of_states;
	return image_is_same(a, b);
}

static void look_on(struct scarce *scarce, struct child *child)
{
	struct image last, now;
	int64_t what;

	ck_assert_int_eq(image_take(scarce->scene->k, &last), 0);
	while ((what = link_hear(child->link)) == CALL_WORKED || what == CALL_FAILED) {
		ck_assert_int_eq(image_take(scarce->scene->k, &now), 0);
		if (what == CALL_FAILED && !is_same(&last, &now) &&
		    strcmp(scarce->shown->call, "kreg_unregister_all"))
			answers_fault(scarce->scene->answers, scarce->shown->call,
				      "fails, and something has changed");
		last = now;
		link_say(child->link, 0);
	}
}

static void run_scarce(struct scarce scarce, int mode, const char *directory)
{
	const struct context context = { .name = scarce.name };
	struct scene scene = { .mode = mode, .name = "scarce", .directory = directory };
	struct child child;
	int status;

	scarce.scene = &scene;
	scarce.shown = child_shared(sizeof(*scarce.shown));
	scene_begin(&scene);
	scene_enter(&scene, &context);
	child = child_start(use_little, &scarce);
	look_on(&scarce, &child);
	status = child_end(&child);
	ck_assert_msg(!status, "%s: status %#x; %s", scarce.name, (unsigned int)status,
		      scene.answers->faults);
	printf("# %s: %u calls answer -%s\n", scarce.name, scarce.shown->times,
	       strerrorname_np(scarce.shows));
	ck_assert_uint_gt(scarce.shown->times, 0);
	ck_assert_int_eq(kreg_check(scene.k, NULL, NULL), 0);
	scene_end(&scene);
}

START_TEST(without_a_free_fd_each_call_works_or_says_so)
{
	run_scarce(
		(struct scarce){ "without a free fd", EMFILE, use_up_fds, allow_fds, .link = -1 },
		_i, NULL);
}
END_TEST

START_TEST(where_no_fd_is_allowed_each_call_works_or_says_so)
{
	run_scarce(
		(struct scarce){ "with no fd allowed", EMFILE, allow_no_fd, allow_fds, .link = -1 },
		_i, NULL);
}
END_TEST

START_TEST(without_address_space_each_call_works_or_says_so)
{
	/* ASan's shadow does not fit into a limit. */
	if (!UNIT_IS_SANITIZED)
		run_scarce((struct scarce){ "without address space", ENOMEM, use_up_space,
					    allow_space, .link = -1 },
			   _i, NULL);
}
END_TEST

START_TEST(without_memory_that_may_be_locked_each_call_works_or_says_so)
{
	/* ASan's mlockall() does nothing. */
	if (!UNIT_IS_SANITIZED)
		run_scarce((struct scarce){ "without lockable memory", ENOMEM, use_up_locked,
					    allow_locked, .link = -1 },
			   _i, NULL);
}
END_TEST

START_TEST(without_threads_each_call_works_or_says_so)
{
	run_scarce((struct scarce){ "without threads", EAGAIN, use_up_threads, allow_threads,
				    .link = -1 },
		   _i, NULL);
}
END_TEST

/* ---- a full file system */

static bool mount_small(char folder[TMP_PATH])
{
	snprintf(folder, TMP_PATH, "%s/small", tmp_directory());
	return tmp_mount(folder, "4m");
}

START_TEST(on_a_full_file_system_each_call_works_or_says_so)
{
	char folder[TMP_PATH];

	if (!mount_small(folder))
		return;
	run_scarce((struct scarce){ "on a full file system", ENOSPC, fill_registry, empty,
				    .link = -1 },
		   _i, folder);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

static const struct context without_slot = {
	.name = "in a thread whose slot has no memory",
	.refusal = ENOSPC,
	.exceptions = slot_exceptions,
};

static void *use_without_slot(void *data)
{
	struct scene *scene = data;

	scene_compare(scene, scene->k);
	scene_change(scene, scene->k, 2 * CALLS, false);
	return NULL;
}

/* As many slots as there are in a page. */
#define SLOTS (4096 / 64)

START_TEST(a_thread_whose_slot_has_no_memory_is_refused_what_needs_one_and_changes_nothing)
{
	char folder[TMP_PATH];
	struct scene scene = { .mode = _i, .name = "slots", .directory = folder };
	struct scarce scarce = { .scene = &scene };
	pthread_t thread;

	if (!mount_small(folder))
		return;
	scene_begin(&scene);
	scene_open_things(&scene);
	scene_refer(&scene, scene.k);
	scene_enter(&scene, &without_slot);
	ck_assert_int_eq(fill_up(&scarce), 0);
	ck_assert_int_gt(scene_take_slots(&scene, SLOTS), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_without_slot, &scene), 0);
	pthread_join(thread, NULL);
	scene_let_go();
	scene_is_unchanged(&scene);
	empty(&scarce);
	scene_close_things(&scene);
	scene_end(&scene);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		without_a_free_fd_each_call_works_or_says_so,
		where_no_fd_is_allowed_each_call_works_or_says_so,
		without_address_space_each_call_works_or_says_so,
		without_memory_that_may_be_locked_each_call_works_or_says_so,
		without_threads_each_call_works_or_says_so,
		on_a_full_file_system_each_call_works_or_says_so,
		a_thread_whose_slot_has_no_memory_is_refused_what_needs_one_and_changes_nothing,
		NULL,
	};

	return modes_run(suite_create("scarce"), tcase_create("both"), both, NULL, NULL);
}
