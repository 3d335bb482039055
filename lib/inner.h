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

#include "base/call.h"
#include "base/sized.h"
#include "lib/kreg.h"

/* ---- arguments */

/*
 * Says that the call that the program has made refuses an argument, and returns -EINVAL. The
 * strings after @k, "visit is NULL" for instance, are one sentence: which argument, and why or
 * what to do. Bytes of the program's may be among them, because all that is not printable is
 * escaped. @k may be NULL. Outside of sections and locks. Nothing else in the libraries returns
 * -EINVAL for an argument (build-aux/check-refusals). In lib/handle/.
 */
#define refuse(k, ...) refuse_in(__func__, k, __VA_ARGS__)
/* In a function that does a part of the call @function, a string. */
#define refuse_in(function, k, ...)                                                                \
	kreg_inner_refuse(k, call_of(function), (const char *const[]){ __VA_ARGS__, NULL })
int kreg_inner_refuse(const struct kreg *k, const char *call, const char *const *sentence)
	__attribute__((cold, noinline));

/* The same to @log, which may be NULL. */
#define refuse_to(log, data, ...)                                                                  \
	kreg_inner_refuse_to(log, data, call_of(__func__),                                         \
			     (const char *const[]){ __VA_ARGS__, NULL })
int kreg_inner_refuse_to(kreg_log_fn log, void *data, const char *call, const char *const *sentence)
	__attribute__((cold, noinline));

#define K_IS_NULL "k is NULL: it is what kreg_open() has made"

/* The same of the handle and the key @key, one of which is wrong. */
int kreg_inner_refuse_key(const struct kreg *k, const char *call, const void *key)
	__attribute__((cold, noinline));

/* KREG_STRING is resolved here. -EINVAL, of which nothing is said; -ENAMETOOLONG. */
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

/*
 * The handle and the key of a call, and what is wrong is said. -EINVAL, -ENAMETOOLONG.
 */
#define key_of_call(k, key, key_size) key_of_call_in(k, key, key_size, __func__)
static inline int key_of_call_in(const struct kreg *k, const void *key, size_t *key_size,
				 const char *function)
{
	int err = caa_likely(k) ? key_check(key, key_size) : -EINVAL;

	return caa_likely(err != -EINVAL) ? err : kreg_inner_refuse_key(k, call_of(function), key);
}

/* The same of a value. -EINVAL, of which nothing is said; -EMSGSIZE. */
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

/* The same, and what is wrong is said; @name is the argument's. -EINVAL, -EMSGSIZE. */
#define value_of_call(k, value, value_size, name)                                                  \
	value_of_call_in(k, value, value_size, name, __func__)
static inline int value_of_call_in(const struct kreg *k, const void *value, size_t *value_size,
				   const char *name, const char *function)
{
	int err = value_check(value, value_size);

	if (caa_likely(err != -EINVAL))
		return err;
	return refuse_in(function, k, name, " is NULL, but ", name, "_size is not 0");
}

/* A buffer @out of @capacity for a value, by its name. -EINVAL. */
#define buffer_of_call(k, out, capacity, name)                                                     \
	(caa_likely((out) || !(capacity))                                                          \
		 ? 0                                                                               \
		 : refuse(k, name " is NULL, but its capacity is not 0: pass a buffer, or 0 to "   \
				  "ask for the size"))

#define SIZE_IS_NOT_SET "->size is not set: it has to be the size of the struct"

/* As sized_read(), of the struct that is the argument @name. -EINVAL, -E2BIG. */
#define struct_of_call(k, out, given, name)                                                        \
	struct_of_call_in(k, out, sizeof(*(out)), given, name, __func__)
static inline int struct_of_call_in(const struct kreg *k, void *out, size_t known,
				    const void *given, const char *name, const char *function)
{
	int err = sized_read(out, known, given);

	if (caa_likely(err != -EINVAL))
		return err;
	return refuse_in(function, k, name, SIZE_IS_NOT_SET);
}

/* A struct to be filled, whose size the caller has set. -EINVAL. */
#define size_of_call(k, out, name)                                                                 \
	(!(out)                              ? refuse(k, name " is NULL")                          \
	 : (out)->size < sizeof((out)->size) ? refuse(k, name SIZE_IS_NOT_SET)                     \
					     : 0)

/*
 * As kreg_service_key(), but nothing is said: the caller knows better what the namespace and the
 * role are. In lib/namespace/.
 */
ssize_t kreg_inner_service_key(const char *space, const char *role, char *key, size_t capacity);

/* Says which of them is wrong. @role: NULL counts, unless @has_role is false. -EINVAL. */
int kreg_inner_refuse_service(const struct kreg *k, const char *call, const char *space,
			      const char *role, bool has_role) __attribute__((cold, noinline));

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
 * @value_size. -EINVAL, which is said for @call: keys are not unique, or @k is NULL; -EMSGSIZE; -EROFS, -EOWNERDEAD, -ESHUTDOWN,
 * -ENOBUFS.
 */
#define program_of_call(k, key_size, value_size)                                                   \
	kreg_inner_check(k, call_of(__func__), key_size, value_size)
int kreg_inner_check(struct kreg *k, const char *call, size_t key_size, size_t value_size);

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

/*
 * What a supervisor reports of a service; times are of clock_now(). The fields that are not
 * explained are as in struct kreg_service_state.
 */
struct reported_state {
	uint64_t supervisor; /* a number, not 0, that no other one of the process has had there */
	uint64_t since;
	uint64_t due;     /* of the restart; 0: none */
	uint64_t program; /* the token of its process; 0: it does not run, or is not ready */
	int32_t pid;
	uint32_t state;
	int32_t error;
	uint32_t restarts;
	uint32_t in_row;
	struct kreg_end end;
};

/*
 * Replaces what @state->supervisor has reported of the service; after an error nothing is reported, rather
 * than what is no longer so. kreg_inner_unreport() removes it. In lib/namespace/. Errors as
 * kreg_register().
 */
int kreg_inner_report(struct kreg *k, const char *space, const char *role,
		      const struct reported_state *state);
void kreg_inner_unreport(struct kreg *k, const char *space, const char *role, uint64_t supervisor);

/* Reports a start by namespace and role that has ended with @err. In lib/namespace/. */
void kreg_inner_started(struct kreg *k, const char *space, const char *role,
			const struct kreg_owner *owner, int err);

/* ---- a seat for a program, in a child of fork(): one for a process. Async-signal-safe */

/* Takes a life for the program. -EUSERS, -ENOMEM, and the guard's errors. */
int kreg_inner_seat(struct kreg *k, uint64_t *owner);

/*
 * Writes into the registry that the life is the caller's. @foster: the caller's parent, which
 * has taken it and holds it; 0: it is the caller's own.
 */
void kreg_inner_sit(struct kreg *k, pid_t foster);

/*
 * Writes into the registry that the caller holds its life on behalf of @program, of which
 * the life @first says the rest.
 */
void kreg_inner_sit_behind(struct kreg *k, uint64_t first, pid_t program);

/*
 * The program of the caller as an owner in the registry, with the seat that it has taken or as
 * the handle's; and, in any process, whether it runs: until it ends, or calls exec.
 */
uint64_t kreg_inner_program(const struct kreg *k);
bool kreg_inner_program_runs(const struct kreg *k, uint64_t program);

/* Ends the life, in the fallback. */
void kreg_inner_leave(void);

#endif
