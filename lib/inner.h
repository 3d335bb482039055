/* SPDX-License-Identifier: MIT */
/*
 * What libkreg-services uses of libkreg beyond <kreg.h>: the registry's part in starting a program under a name.
 *
 * Promises  nothing to others: it is not installed, and both libraries are of one build. The version of these symbols
 *           is raised with each change in here, so a mixture does not load.
 * Needs     no header of the registry's own: neither side knows the other's structs.
 * Context   inside of a call that is UNCANCELLABLE. Any thread.
 * Used by   lib/services/; defined in lib/program/ but for what is said.
 */
#ifndef KREG_LIB_INNER_H
#define KREG_LIB_INNER_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <urcu/compiler.h>

#include "lib/kreg.h"

/* ---- arguments */

/* KREG_STRING is resolved here. -EINVAL, -ENAMETOOLONG. */
static inline int key_check(const void *key, size_t *key_size)
{
	if (!key)
		return -EINVAL;
	if (caa_likely(*key_size - 1 < KREG_KEY_MAX))
		return 0;
	if (*key_size == KREG_STRING)
		*key_size = strlen(key);
	if (!*key_size)
		return -EINVAL;
	return *key_size > KREG_KEY_MAX ? -ENAMETOOLONG : 0;
}

/* ---- the handle */

/* How a program that we start can open the same registry: what kreg_open() was told, or has found out. */
struct origin {
	char *base; /* for its KREG_DIR */
	char *directory;
	char file[KREG_NAME_MAX + 32];
	char *guard; /* "none": in the fallback */
	char name[KREG_NAME_MAX + 32];
};
const struct origin *kreg_inner_origin(const struct kreg *k);

/* The registry's file, by which it is told from all others of the host. */
void kreg_inner_file(const struct kreg *k, uint64_t *device, uint64_t *inode);

/*
 * Whether a program can be started now under a key of @key_size bytes, with a value of @value_size. -EINVAL: keys are
 * not unique; -EMSGSIZE; -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS.
 */
int kreg_inner_check(struct kreg *k, size_t key_size, size_t value_size);

/* In a child of fork(), whose handle is the parent's. */
bool kreg_inner_is_parents(const struct kreg *k);

/* Lives are the kernel's robust futexes, which end at exec. */
bool kreg_inner_is_fallback(const struct kreg *k);

/*
 * The calling thread's calls of functions of the program's are made by @outside's from here on, NULL: by itself; for
 * each library has a copy of base/outside.c.
 */
struct outside;
void kreg_inner_outside(struct outside *outside);

/* ---- owners */

/* What a pidfd is for; see lib/process/owner.h. */
enum kreg_inner_use { KREG_INNER_CALLER, KREG_INNER_END, KREG_INNER_SIGNALS };
int kreg_inner_pidfd(struct kreg *k, const struct kreg_owner *owner, enum kreg_inner_use use);

/* Whether its pid means the same to us. */
bool kreg_inner_pid_is_ours(const struct kreg *k, uint64_t owner);

/* As kreg_select() without an owner or a key, and entries that are reserved, too. In lib/find/. */
int kreg_inner_select_all(struct kreg *k, const struct kreg_pattern *pattern, kreg_visit_fn visit,
			  void *data);

/* Until @owner has no entry under @key any more, be it reserved or in line. As kreg_await_gone(). In lib/wait/. */
int kreg_inner_await_end(struct kreg *k, const void *key, size_t key_size, uint64_t owner,
			 int64_t timeout_ms);

/* ---- a name for a program */

/* Who holds a name, or has reserved it. */
struct claim_holder {
	struct kreg_owner owner;
	bool ready;
	bool was_started; /* and not yet ready */
};

/* What others see of a program; @text is as long as it says. */
struct program_status {
	uint64_t program; /* the owner of the name */
	uint32_t says;    /* enum kreg_program_says */
	int32_t main_pid;
	char text[KREG_STATUS_MAX + 1];
};

/* The name of one program; states are in lib/program/reserve.c. */
struct reservation;

/* @key has to stay. Free ends the claim, if it is ours, and takes the status away. -ENOMEM. */
int kreg_inner_reservation(struct reservation **out, struct kreg *k, const void *key,
			   size_t key_size);
void kreg_inner_reservation_free(struct reservation *r);

/* As claim_take(), claim_leave() and claim_look() of lib/program/claim.h. */
int kreg_inner_claim(struct reservation *r, uint64_t deadline, struct claim_holder *holder);
void kreg_inner_unclaim(struct reservation *r);
int kreg_inner_look(struct reservation *r, struct claim_holder *holder);

/* The name is @owner's, and nobody finds it yet. Behind it stands @watcher, if that is not 0. As kreg_give(). */
int kreg_inner_reserve(struct reservation *r, uint64_t owner, uint64_t watcher);

/* It is found from here on. -ENOENT: it is not @owner's any more; errors as kreg_give(). */
int kreg_inner_publish(struct reservation *r, uint64_t owner, const void *value, size_t value_size);

/* Shows @status in the place of the one of before. Errors as kreg_register(). */
int kreg_inner_show(struct reservation *r, const struct program_status *status);

/* A start by a namespace and a role is over, with @err. In lib/namespace/. */
void kreg_inner_started(struct kreg *k, const char *space, const char *role,
			const struct kreg_owner *owner, int err);

/* ---- a seat for a program, in a child of fork(): one for a process. Async-signal-safe */

/* A life of its own. -EUSERS, -ENOMEM, and what the guard answers. */
int kreg_inner_seat(struct kreg *k, uint64_t *owner);

/* Says in the registry whose life it is: the caller's, or that of its child @program, if that is not 0. */
void kreg_inner_sit(struct kreg *k, pid_t program);

/* In the fallback: the life is over. */
void kreg_inner_leave(void);

#endif
