/* SPDX-License-Identifier: MIT */
/*
 * Every call in each context in which it does not work as usual: it answers what its header says for that, and nothing is
 * changed by it. What calls do not refuse there they answer as before. The calls are those of any_call.h, and the answers
 * by the rule of contexts/answers.h; here are the contexts, and the exceptions.
 *
 * Not tried, because the header forbids it: a closed handle and its listener; kreg between vfork() and exec.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contexts/scene.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define USER 65533
#define CHANGES 6000

/* Each test is run for each kind of keys and each mode. */
#define FOR_KINDS(scene, its_name)                                                                 \
	for (scene = (struct scene){ .mode = _i, .name = its_name }; scene.keys < SCENE_KINDS;     \
	     scene = (struct scene){ .mode = _i, .name = its_name, .keys = scene.keys + 1 })

/* ---- a child of fork(2) */

static const struct context forked = {
	.name = "in a child of fork()",
	.refusal = EOWNERDEAD,
};

static int use_inherited(int link, void *data)
{
	struct scene *scene = data;

	(void)link;
	scene_compare(scene, scene->k);
	scene_change(scene, scene->k, CHANGES, true);
	kreg_close(scene->k);
	return 0;
}

START_TEST(a_child_of_fork_is_refused_what_needs_an_owner_and_changes_nothing)
{
	struct child child;
	struct scene scene;

	FOR_KINDS(scene, "forked")
	{
		scene_begin(&scene);
		scene_open_things(&scene);
		scene_refer(&scene, scene.k);
		scene_enter(&scene, &forked);
		child = child_start(use_inherited, &scene);
		ck_assert_int_eq(child_end(&child), 0);
		scene_is_unchanged(&scene);
		scene_close_things(&scene);
		scene_end(&scene);
	}
}
END_TEST

/* ---- a read-only handle */

static const struct context readonly = {
	.name = "through a read-only handle",
	.refusal = EROFS,
};

static struct kreg *open_readonly(const struct scene *scene, const char *name, int *err)
{
	KREG_OPTIONS(options, .directory = scene->directory, .guard = mode_guard(scene->mode),
		     .flags = KREG_OPEN_READONLY);
	struct kreg *k = NULL;

	*err = kreg_open(&k, name, &options);
	return k;
}

START_TEST(a_readonly_handle_is_refused_what_writes_and_changes_nothing)
{
	struct scene scene;
	struct kreg *reader;
	int err;

	FOR_KINDS(scene, "readonly")
	{
		scene_begin(&scene);
		scene_refer(&scene, scene.k);
		reader = open_readonly(&scene, scene.name, &err);
		ck_assert_int_eq(err, 0);
		scene_open_things(&scene);
		scene_enter(&scene, &readonly);
		scene_compare(&scene, reader);
		scene_change(&scene, reader, CHANGES, false);
		kreg_close(reader);
		scene_is_unchanged(&scene);
		scene_close_things(&scene);
		scene_end(&scene);
	}
}
END_TEST

static const struct context other_user = {
	.name = "as another user",
	.refusal = EROFS,
};

/* Exits with 0, or with what is wrong. */
static int use_as_other_user(int link, void *data)
{
	struct scene *scene = data;
	KREG_OPTIONS(writer, .directory = scene->directory, .guard = mode_guard(scene->mode));
	struct kreg *k;
	char name[64];
	int err, i;

	(void)link;
	if (setgroups(0, NULL) || setgid(USER) || setuid(USER))
		return 1;
	snprintf(name, sizeof(name), "0:%s", scene->name);
	if (kreg_open(&k, name, &writer) != -EACCES)
		return 2;
	for (i = 0; i < 2; i++) {
		err = kreg_destroy(name, &writer, i ? KREG_DESTROY_FORCE : 0);
		if (err != -EPERM && err != -EACCES)
			return 3;
	}
	k = open_readonly(scene, name, &err);
	if (scene->file_mode == 0600)
		return err == -EACCES ? 0 : 4;
	if (err)
		return 5;
	for (i = 0; i < CHANGES / 4; i++) {
		unsigned int seed = (unsigned int)i;
		struct any any = scene_any(scene, k, &seed);

		any_read(&any);
		any_end(&any);
	}
	scene_change(scene, k, CHANGES, false);
	kreg_close(k);
	return 0;
}

START_TEST(another_user_reads_if_the_mode_admits_it_and_changes_nothing)
{
	static const uint32_t modes[] = { 0644, 0600 };
	struct scene scene;
	struct child child;
	unsigned int i;

	ck_assert_int_eq(chmod(tmp_directory(), 01777), 0);
	for (i = 0; i < 2; i++) {
		scene = (struct scene){ .mode = _i, .name = "others", .file_mode = modes[i] };
		scene_begin(&scene);
		scene_open_things(&scene);
		if (modes[i] == 0644)
			scene_enter(&scene, &other_user);
		child = child_start(use_as_other_user, &scene);
		ck_assert_int_eq(child_end(&child), 0);
		scene_is_unchanged(&scene);
		scene_close_things(&scene);
		scene_end(&scene);
	}
}
END_TEST

/* ---- a registry that is over */

static const struct exception over_exceptions[] = {
	{ "kreg_read_enter", WORKS, "a section only reads; the end of the guard alone refuses it" },
	{ "kreg_read", WORKS, "as kreg_read_enter()" },
	{ "kreg_read_leave", WORKS, "as kreg_read_enter()" },
	{ "kreg_service_read", WORKS, "as kreg_read_enter()" },
	{ "kreg_cluster_register", -ENOTCONN, "without a bridge that is the answer, over or not" },
	{ "kreg_cluster_unregister", 0, "a key that is too long for a claim has none" },
	{ NULL, 0, NULL },
};

static const struct context destroyed = {
	.name = "in a destroyed registry",
	.refusal = ESHUTDOWN,
	.exceptions = over_exceptions,
};

static const struct context removed = {
	.name = "in a removed registry",
	.refusal = ESHUTDOWN,
	.exceptions = over_exceptions,
};

static int destroy(int link, void *data)
{
	const struct scene *scene = data;
	KREG_OPTIONS(where, .directory = scene->directory, .guard = mode_guard(scene->mode));

	(void)link;
	return kreg_destroy(scene->name, &where, KREG_DESTROY_FORCE) != 0;
}

static int remove_file(int link, void *data)
{
	const struct scene *scene = data;
	char path[TMP_PATH];

	(void)link;
	tmp_registry(path, geteuid(), scene->name);
	return unlink(path) != 0;
}

static void end_and_use(struct scene *scene, int (*end)(int link, void *data),
			const struct context *context)
{
	struct child child;
	int err;

	scene_begin(scene);
	scene_open_things(scene);
	scene_refer(scene, scene->k);
	scene_enter(scene, context);
	child = child_start(end, scene);
	ck_assert_int_eq(child_end(&child), 0);
	/* A removed file is noticed within 0.1 s, by a call that changes. */
	do
		err = kreg_unregister(scene->k, "nobody", KREG_STRING);
	while (!err);
	ck_assert_int_eq(err, -ESHUTDOWN);
	scene_compare(scene, scene->k);
	scene_change(scene, scene->k, CHANGES, true);
	scene_is_unchanged(scene);
	scene_end(scene);
}

START_TEST(a_destroyed_registry_is_read_as_before_and_not_changed)
{
	struct scene scene;

	FOR_KINDS(scene, "destroyed")
	end_and_use(&scene, destroy, &destroyed);
}
END_TEST

START_TEST(a_registry_whose_file_was_removed_is_read_as_before_and_not_changed)
{
	struct scene scene;

	FOR_KINDS(scene, "removed")
	end_and_use(&scene, remove_file, &removed);
}
END_TEST

/* ---- a thread that has no slot */

static const struct context without_slot = {
	.name = "in a thread that gets no slot",
	.refusal = ENOBUFS,
	.exceptions = slot_exceptions,
};

static void *use_without_slot(void *data)
{
	struct scene *scene = data;

	scene_compare(scene, scene->k);
	scene_change(scene, scene->k, CHANGES, false);
	return NULL;
}

START_TEST(a_thread_without_a_slot_is_refused_what_needs_one_and_changes_nothing)
{
	struct scene scene = { .mode = _i, .name = "slots", .slots = 32 };
	pthread_t thread;

	scene_begin(&scene);
	scene_open_things(&scene);
	scene_refer(&scene, scene.k);
	scene_enter(&scene, &without_slot);
	ck_assert_int_gt(scene_take_slots(&scene, 40), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_without_slot, &scene), 0);
	pthread_join(thread, NULL);
	scene_let_go();
	scene_is_unchanged(&scene);
	scene_close_things(&scene);
	scene_end(&scene);
}
END_TEST

/* ---- things of a closed handle */

static const struct context reopened = { .name = "with things of a closed handle" };

START_TEST(what_a_closed_handle_leaves_is_refused_or_works_with_another_handle)
{
	struct kreg_found found = { 0 };
	struct kreg_lock lock = { 0 };
	struct scene scene;
	struct any any;
	unsigned int seed = 5;
	int i;

	FOR_KINDS(scene, "closed")
	{
		scene_begin(&scene);
		scene_open_things(&scene);
		ck_assert_int_eq(kreg_read_leave(scene.k), 0);
		any = scene_any(&scene, scene.k, &seed);
		for (i = 0; i < 300; i++)
			any_read(&any);
		kreg_listener_close(scene.listener);
		kreg_close(scene.k);
		for (i = 0; i < SCENE_PENDINGS; i++) {
			ck_assert_int_eq(
				i == 2 ? kreg_pending_lock(scene.pendings[i], &lock)
				       : kreg_pending_result(scene.pendings[i], i ? NULL : &found),
				-ECANCELED);
			kreg_pending_close(scene.pendings[i]);
		}
		scene.k = mode_open(_i, scene.name);
		ck_assert_int_eq(kreg_unlock(scene.k, &scene.lock), -EINVAL);
		scene_enter(&scene, &reopened);
		/* Its owner, pool and reference are those of before. */
		any.k = scene.k;
		for (i = 0; i < CHANGES / 2; i++) {
			any_read(&any);
			any_change(&any);
		}
		any_end(&any);
		ck_assert_int_eq(kreg_check(scene.k, NULL, NULL), 0);
		scene_end(&scene);
	}
}
END_TEST

/* ---- a registry whose header is damaged */

#define HEADER_WORDS 64

static const struct context damaged = { .name = "in a damaged registry" };

struct damage {
	struct scene *scene;
	size_t word;
	uint64_t to;
};

/* In a child, whose own registry this is: opens, damages, makes calls, and closes. */
static int use_damaged(int link, void *data)
{
	const struct damage *damage = data;
	struct scene *scene = damage->scene;
	KREG_OPTIONS(options, .directory = scene->directory, .guard = mode_guard(scene->mode),
		     .keys = scene->keys, .slots = 64, .seats = 64, .max_bytes = 4 << 20);
	unsigned int seed = (unsigned int)damage->word;
	char path[TMP_PATH];
	struct kreg *second;
	uint64_t *words;
	struct any any;
	int fd, i, err;

	(void)link;
	any = scene_any(scene, NULL, &seed);
	if (kreg_open(&any.k, "damaged", &options))
		return 1;
	for (i = 0; i < 20; i++)
		any_change(&any);
	tmp_registry(path, geteuid(), "damaged");
	fd = open(path, O_RDWR | O_CLOEXEC);
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || words == MAP_FAILED)
		return 2;
	close(fd);
	words[damage->word] = damage->to;
	for (i = 0; i < 60; i++) {
		any_change(&any);
		any_read(&any);
	}
	any_end(&any);
	err = kreg_open(&second, "damaged", &options);
	answers_note(scene->answers, "kreg_open", err);
	if (!err)
		kreg_close(second);
	kreg_close(any.k);
	answers_note(scene->answers, "kreg_destroy",
		     kreg_destroy("damaged", &options, KREG_DESTROY_FORCE));
	return 0;
}

START_TEST(each_call_answers_in_a_registry_whose_header_is_damaged)
{
	static const uint64_t to[] = { 0, 1, UINT64_MAX, 1ull << 63 };
	struct damage damage;
	struct scene scene = { .mode = _i, .name = "sound" };
	struct child child;
	unsigned int i;
	int status;

	scene_begin(&scene);
	scene_enter(&scene, &damaged);
	damage.scene = &scene;
	for (damage.word = 0; damage.word < HEADER_WORDS; damage.word++) {
		for (i = 0; i < sizeof(to) / sizeof(*to); i++) {
			damage.to = to[i];
			child = child_start(use_damaged, &damage);
			status = child_end(&child);
			ck_assert_msg(!status && !scene.answers->faults[0],
				      "word %zu is %#llx: status %#x; %s", damage.word,
				      (unsigned long long)damage.to, (unsigned int)status,
				      scene.answers->faults);
		}
	}
	scene_is_unchanged(&scene);
	scene_end(&scene);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_child_of_fork_is_refused_what_needs_an_owner_and_changes_nothing,
		a_readonly_handle_is_refused_what_writes_and_changes_nothing,
		another_user_reads_if_the_mode_admits_it_and_changes_nothing,
		a_destroyed_registry_is_read_as_before_and_not_changed,
		a_registry_whose_file_was_removed_is_read_as_before_and_not_changed,
		a_thread_without_a_slot_is_refused_what_needs_one_and_changes_nothing,
		what_a_closed_handle_leaves_is_refused_or_works_with_another_handle,
		each_call_answers_in_a_registry_whose_header_is_damaged,
		NULL,
	};

	return modes_run(suite_create("contexts"), tcase_create("both"), both, NULL, NULL);
}
