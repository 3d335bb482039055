/* SPDX-License-Identifier: MIT */
/*
 * What the files of the guard's user space share.
 *
 * Promises  a guard's folder is found once, by file descriptors that follow no symbolic link, and everything
 *           else goes through them; no pin is opened or removed before its folder is known to be root's or the
 *           caller's.
 * Needs     as guard.h says of the call that it serves; /proc.
 * Used by   guard.c, guard_audit.c, guard_folder.c, guard_load.c, guard_status.c, guard_upgrade.c.
 */
#ifndef KREG_GUARD_OWN_H
#define KREG_GUARD_OWN_H

#include "bpf/guard.h"

#include <limits.h>

#include <linux/types.h>

#include "bpf/life_layout.h"

/* Root's pins, beside those of life_layout.h. */
#define PIN_COMMAND "command"
#define PIN_OWNERS "owners"
#define PIN_USERS "users"
#define PIN_AGAIN "again"
#define PIN_EXEC "exec"
#define PIN_EXEC_AGAIN "exec_again"
#define PIN_DEATHS "deaths"

/* Behind the name of each, until it takes the place of the one that has the name. */
#define PIN_NEW "-new"

struct guard_bpf;

/* Where a guard is, or is to be. */
struct guard_at {
	const struct guard_options *o;
	int parent; /* O_PATH */
	int folder; /* O_PATH; -1: there is none, or it was not asked for */
	char base[NAME_MAX + 1];
};

/* A map of the guard's, mapped for reading. */
struct guard_map {
	const void *at;
	size_t bytes;
};

const char *guard_path(const struct guard_options *o);
void guard_say(const struct guard_options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* guard_folder.c. Each error but -ENOENT has its sentence. */
int guard_parent_open(struct guard_at *at, const struct guard_options *o);
int guard_folder_open(struct guard_at *at);
int guard_find(struct guard_at *at, const struct guard_options *o);
void guard_at_close(struct guard_at *at);

/* An empty folder beside the guard's, to pin into; @name has room for NAME_MAX + 1. An fd. */
int guard_folder_make(const struct guard_at *at, char *name);
/* A name for one, of the caller: PATH, @kind and what nobody else has taken. */
int guard_folder_name(const struct guard_at *at, const char *kind, char *name);

/* -ENOTEMPTY, and nothing is removed, if there is something in it that is not a guard's. */
int guard_folder_check(const struct guard_at *at, const char *name);
int guard_folder_remove(const struct guard_at *at, const char *name);
bool guard_folder_is_empty(const struct guard_at *at);
void guard_remove_leftovers(const struct guard_at *at);

/* Below @folder. An fd, or -errno; 0, or -errno. */
int guard_pin_open(int folder, const char *name);
int guard_pin_make(int folder, const char *name, int fd, mode_t mode);
int guard_pin_map(int folder, const char *name, size_t bytes, struct guard_map *out);
void guard_unmap(struct guard_map *map);

/* guard_load.c: the programs, loaded and attached, with new maps or with those of the guard at @at. */
int guard_load(struct guard_bpf **out, const struct guard_at *at);
int guard_load_for(struct guard_bpf **out, const struct guard_at *at);
void guard_free(struct guard_bpf *guard);
const char *guard_load_reason(void);
bool guard_is_pin(const char *name);

/* @is_groups: for a group alone. What is pinned as @name in a guard is pinned as @as. */
int guard_pin_all(const struct guard_bpf *guard, int folder, bool is_groups);
int guard_pin_as(const struct guard_bpf *guard, int folder, const char *name, const char *as,
		 bool is_groups);
int guard_give_group(const struct guard_at *at, gid_t group);

/* guard_upgrade.c: other programs for the guard at @at. */
int guard_upgrade_at(struct guard_at *at);
void guard_step(const struct guard_options *o, uint32_t step);

static inline bool guard_word_is_alive(__u64 word)
{
	return (__u32)word && !(word & LIFE_OVER);
}

/* Runs the program command; @run is what it answers. */
int guard_command(const struct guard_at *at, struct life_command *run);

/* -ENOENT: no guard; -EPROTO: one of another layout. */
int guard_control(const struct guard_at *at, struct life_control *out);

/* As guard_audit(). */
int guard_audit_at(const struct guard_at *at, uint32_t *removed);

#endif
