/* SPDX-License-Identifier: MIT */
/*
 * A registry with names, meta and states in it, another process that has some of them, and a handle through which
 * things were opened that a later context meets: a listener, pending waits, a lock, a read section.
 *
 * Promises  the same seed makes the same registry. Calls that make it have answered as their headers say.
 * Needs     scene_end() by the process that has begun it.
 */
#ifndef KREG_TESTS_CONTEXTS_SCENE_H
#define KREG_TESTS_CONTEXTS_SCENE_H

#include "tests/contexts/answers.h"
#include "tests/contexts/image.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"

#define SCENE_PENDINGS 4

struct scene {
	int mode;
	enum kreg_keys keys;
	const char *name;
	/* NULL: tmp_directory(). */
	const char *directory;
	uint32_t file_mode;
	/* 0: enough. */
	uint32_t slots;
	struct kreg *k;
	struct child other;
	struct kreg_owner other_owner;
	/* Of this process, by scene_open_things(). */
	struct kreg_listener *listener;
	struct kreg_pending *pendings[SCENE_PENDINGS];
	struct kreg_lock lock;
	/* Shared with children. */
	struct answers *answers;
	struct reference *reference;
	struct image before;
};

extern const enum kreg_keys scene_kinds[];
#define SCENE_KINDS 3

/* With mode, keys, name and file_mode set. */
void scene_begin(struct scene *scene);
void scene_open_things(struct scene *scene);
/* They are as they were: waits go on and end, the lock is held, the section is entered. Closes them. */
void scene_close_things(struct scene *scene);
void scene_end(struct scene *scene);

/* Another handle, for writing, of the calling process; NULL: there was an error. */
struct kreg *scene_open(const struct scene *scene);

/* From now on answers are those of @context. */
void scene_enter(struct scene *scene, const struct context *context);

/* Calls through @k, whose arguments are those of @seed. */
struct any scene_any(struct scene *scene, struct kreg *k, unsigned int *seed);

/*
 * Starts @count threads that take a slot each, as far as there are some, and keep it until scene_let_go(). Returns how many
 * have none.
 */
int scene_take_slots(struct scene *scene, int count);
void scene_let_go(void);

/* So many calls that read, with the things that @k has; to be compared with later. */
void scene_refer(struct scene *scene, struct kreg *k);
void scene_compare(struct scene *scene, struct kreg *k);

/* So many calls that change, with the lock of the scene, and with the other things if @inherited, which are closed. */
void scene_change(struct scene *scene, struct kreg *k, int count, bool inherited);

/* Nothing was changed since scene_begin(). */
void scene_is_unchanged(struct scene *scene);

#endif
