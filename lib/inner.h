/* SPDX-License-Identifier: MIT */
/*
 * The internal interface between libkreg and libkreg-services, beyond <kreg.h>: the
 * registry's part in starting a program under a name.
 *
 * Promises  nothing to other users: it is not installed, and both libraries are of one
 *           build. The version of these symbols is raised with each change of this
 *           header, so that a mixture does not load.
 * Needs     no other header of the registry: neither side knows the other's structs.
 * Context   inside of a call that is UNCANCELLABLE. Any thread.
 * Used by   lib/services/; defined in lib/program/, unless noted.
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

/* The same of a value. -EINVAL, -EMSGSIZE. */
static inline int value_check(const void *value, size_t *value_size)
{
	if (caa_likely(*value_size <= KREG_VALUE_MAX))
		return value || !*value_size ? 0 : -EINVAL;
	if (!value)
		return -EINVAL;
	if (*value_size == KREG_STRING)
		*value_size = strnlen(value, KREG_VALUE_MAX + 1);
	return *value_size > KREG_VALUE_MAX ? -EMSGSIZE : 0;
}

/* ---- the handle */

/*
 * How a started program can open the same registry: the arguments of kreg_open(), or the
 * defaults that it has found.
 */
struct origin {
	char *base; /* for the program's KREG_DIR */
	char *directory;
	char file[KREG_NAME_MAX + 32];
	char *guard; /* "none" in the fallback */
	char name[KREG_NAME_MAX + 32];
};
const struct origin *kreg_inner_origin(const struct kreg *k);

/* Device and inode of the registry's file, which identify it on the host. */
void kreg_inner_file(const struct kreg *k, uint64_t *device, uint64_t *inode);

/*
 * Whether a program can be started now under a key of @key_size bytes, with a value of
 * @value_size. -EINVAL: keys are not unique; -EMSGSIZE; -EROFS, -EOWNERDEAD, -ESHUTDOWN,
 * -ENOBUFS.
 */
int kreg_inner_check(struct kreg *k, size_t key_size, size_t value_size);

/* In a child of fork() the handle is a copy of the parent's. */
bool kreg_inner_is_parents(const struct kreg *k);

/* In the fallback lives are the kernel's robust futexes, which end at exec. */
bool kreg_inner_is_fallback(const struct kreg *k);

/*
 * From here on the program's callbacks that the calling thread would call are called by
 * @outside's thread; NULL: by the calling thread again. Needed because each library has a
 * copy of base/outside.c.
 */
struct outside;
void kreg_inner_outside(struct outside *outside);

/* ---- owners */

/* What a pidfd is used for; see lib/process/owner.h. */
enum kreg_inner_use { KREG_INNER_CALLER, KREG_INNER_END, KREG_INNER_SIGNALS };
int kreg_inner_pidfd(struct kreg *k, const struct kreg_owner *owner, enum kreg_inner_use use);

/* Whether the pid of @owner names the same process in the caller's PID namespace. */
bool kreg_inner_pid_is_ours(const struct kreg *k, uint64_t owner);

/* As kreg_select() without an owner or a key, reserved entries included. In lib/find/. */
int kreg_inner_select_all(struct kreg *k, const struct kreg_pattern *pattern, kreg_visit_fn visit,
			  void *data);

/*
 * Blocks until @owner has no entry under @key any longer, be it a name, reserved, or in
 * line. As kreg_await_gone(). In lib/wait/.
 */
int kreg_inner_await_end(struct kreg *k, const void *key, size_t key_size, uint64_t owner,
			 int64_t timeout_ms);

/* ---- a name for a program */

/* The process that holds a name, or has reserved it. */
struct claim_holder {
	struct kreg_owner owner;
	bool ready;
	bool was_started; /* reserved for a program that was started and is not ready yet */
};

/* The status of a program; @text is stored up to its length. */
struct program_status {
	uint64_t program; /* the owner of the name */
	uint32_t says;    /* enum kreg_program_says */
	int32_t main_pid;
	char text[KREG_STATUS_MAX + 1];
};

/* The name of one program to be started; lib/program/reserve.c has the states. */
struct reservation;

/* @key has to stay valid. Free ends our claim, if any, and removes the status. -ENOMEM. */
int kreg_inner_reservation(struct reservation **out, struct kreg *k, const void *key,
			   size_t key_size);
void kreg_inner_reservation_free(struct reservation *r);

/* As claim_take(), claim_leave() and claim_look() of lib/program/claim.h. */
int kreg_inner_claim(struct reservation *r, uint64_t deadline, struct claim_holder *holder);
void kreg_inner_unclaim(struct reservation *r);
int kreg_inner_look(struct reservation *r, struct claim_holder *holder);

/*
 * Reserves the name for @owner, not found by lookups yet, and behind it for @watcher, if
 * that is not 0. Errors as kreg_give().
 */
int kreg_inner_reserve(struct reservation *r, uint64_t owner, uint64_t watcher);

/* Publishes the name. -ENOENT: it is no longer @owner's; errors as kreg_give(). */
int kreg_inner_publish(struct reservation *r, uint64_t owner, const void *value, size_t value_size);

/* Replaces the previous status by @status. Errors as kreg_register(). */
int kreg_inner_show(struct reservation *r, const struct program_status *status);

/* Reports a start by namespace and role that has ended with @err. In lib/namespace/. */
void kreg_inner_started(struct kreg *k, const char *space, const char *role,
			const struct kreg_owner *owner, int err);

/* ---- a seat for a program, in a child of fork(): one for a process. Async-signal-safe */

/* Takes a life for the program. -EUSERS, -ENOMEM, and the guard's errors. */
int kreg_inner_seat(struct kreg *k, uint64_t *owner);

/*
 * Writes into the registry whose life it is: the caller's, or its child @program's, if
 * that is not 0.
 */
void kreg_inner_sit(struct kreg *k, pid_t program);

/* Ends the life, in the fallback. */
void kreg_inner_leave(void);

#endif
