/* SPDX-License-Identifier: MIT */
/*
 * The name of a registry in its folder, and what lies beside it while the name goes from one segment to the
 * next.
 *
 * Promises  each step is one system call that has an effect only while the file or folder FILE+ID is there, so
 *           a step that comes late, after a stop of any length, has none; nothing of another user is
 *           opened, waited for or followed.
 * Needs     an id that was never used before for each FILE+ID.
 * Context   the file system; not in signal handlers.
 * Used by   succession, lib/.
 */
#ifndef KREG_SHM_NAME_H
#define KREG_SHM_NAME_H

#include "shm/segment.h"

/* An id that nobody has; 0: the kernel gave no random bytes. */
uint64_t name_new_id(void);

/* Room for the name FILE+ID without its folder. */
#define NAME_TOKEN_MAX 256
void name_token(char *out, const struct segment_path *path, uint64_t id);

/* Whether FILE leads to @s. */
bool name_leads_to(const struct segment *s, const struct segment_path *path);

/* Whether the caller may take FILE away. -EPERM. */
int name_is_mine(const struct segment_path *path);

/* Links @next, which replaces the segment of id @replaces, as FILE+ID. */
int name_propose(struct segment *next, const struct segment_path *path, uint64_t replaces);

/* FILE+ID goes, before anything leads to it. */
void name_withdraw(const struct segment_path *path, uint64_t id);

/* FILE+ID becomes FILE. Where that fails another process was first, or may and we may not. */
void name_replace(const struct segment_path *path, uint64_t id);

/* Makes the folder FILE+ID, a right to take FILE away once. A descriptor of it. */
int name_right_make(const struct segment_path *path, uint64_t id);

/* Takes FILE away by that right. -ENOENT: the right was withdrawn, or there is no FILE. */
int name_right_use(const struct segment_path *path, int right);

/* Afterwards the right is used or void. -EPERM and others: it could not be withdrawn. */
int name_right_end(const struct segment_path *path, uint64_t id);

/*
 * Removes what others have left behind beside FILE, which leads to @s: segments that were to replace another
 * one, rights that were used or forgotten.
 */
void name_tidy(const struct segment *s, const struct segment_path *path);

/* The same after the name of @s was taken away by a right. */
void name_tidy_after(const struct segment *s, const struct segment_path *path);

#endif
