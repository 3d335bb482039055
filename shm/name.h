/* SPDX-License-Identifier: MIT */
/*
 * The name of a registry in its folder, and the files beside it while the name passes
 * from one segment to the next.
 *
 * A process may be stopped in front of a system call for any length of time, and no
 * lock may make others wait for it. So each step here has to be harmless when it comes
 * late.
 *
 * Promises  each step is one system call that has an effect only while the file or
 *           folder FILE+ID exists, so a step that comes late has none; nothing of
 *           another user is opened, waited for or followed.
 * Needs     an id that was never used before for each FILE+ID.
 * Context   the file system; not in signal handlers.
 * Used by   succession, lost, lib/registry/open.c.
 */
#ifndef KREG_SHM_NAME_H
#define KREG_SHM_NAME_H

#include "shm/segment.h"

/* A new id, random and therefore never used before; 0: the kernel gave no random bytes. */
uint64_t name_new_id(void);

/* Room for the name FILE+ID without its folder; name_token() cuts what is longer. */
#define NAME_TOKEN_MAX 256
void name_token(char *out, const struct segment_path *path, uint64_t id);

/* Whether FILE leads to @s at this moment; a symbolic link of that name does not. */
bool name_leads_to(const struct segment *s, const struct segment_path *path);

/* 0 if the caller may remove FILE, as its owner or root; else -EPERM. */
int name_is_mine(const struct segment_path *path);

/*
 * Links @next, which is to replace the segment of id @replaces, as FILE+ID. Nothing
 * leads to it yet; a kill leaves a stray that name_tidy() recognizes by @replaces.
 * -EEXIST and others.
 */
int name_propose(struct segment *next, const struct segment_path *path, uint64_t replaces);

/* Removes FILE+ID. Not after a word was committed to @id: FILE+ID is the only way in then. */
void name_withdraw(const struct segment_path *path, uint64_t id);

/*
 * Renames FILE+ID to FILE. If that fails, another process was first, or another process
 * may do it and the caller may not; neither is an error.
 */
void name_replace(const struct segment_path *path, uint64_t id);

/*
 * Makes the folder FILE+ID: a right to remove FILE, once. A descriptor of it, or
 * -EEXIST and other errors. After an error nothing is left.
 */
int name_right_make(const struct segment_path *path, uint64_t id);

/* Removes FILE by that right. -ENOENT: the right was withdrawn, or there is no FILE. */
int name_right_use(const struct segment_path *path, int right);

/*
 * Withdraws the right, or cleans up after its use. Afterwards nobody can remove FILE by
 * it any more. -EPERM and others: it could not be withdrawn, and may still be used.
 */
int name_right_end(const struct segment_path *path, uint64_t id);

/*
 * Removes strays beside FILE, which leads to @s: segments that were to replace another
 * one, and rights that were used or abandoned. Best effort: what fails is left to the
 * next call.
 */
void name_tidy(const struct segment *s, const struct segment_path *path);

/* The same after the name of @s was removed by a right: its proposed successors are strays. */
void name_tidy_after(const struct segment *s, const struct segment_path *path);

#endif
