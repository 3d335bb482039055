/* SPDX-License-Identifier: MIT */
/*
 * FILE leads to the segment, or FILE+ID does while the successor's rename is still due.
 * If neither does, the process may have changed its root or its folder since, or have
 * other mounts: then the kernel is asked for the name of the mapped file. It gives the
 * present name, with " (deleted)" appended if the file has none.
 *
 *   name leads to it   the mapped file's name       result
 *   yes                not asked for                there
 *   no                 FILE or FILE+ID, not         there, but cannot be seen
 *                      deleted
 *   no                 deleted, or another name     lost
 *   no                 unknown, without /proc       cannot be seen
 *
 * In this order: a rename from FILE+ID to FILE between the looks at the two names makes
 * both fail, and only the kernel's answer, which comes last, knows the new name.
 *
 * Nothing is written, so a death, stop or exec anywhere leaves nothing.
 */
#include "shm/lost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "shm/name.h"

#define DELETED " (deleted)"

/* Whether @text ends with @end. Only the end counts: a folder may be called so too. */
static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && !strcmp(text + size - end_size, end);
}

/*
 * Whether @at is FILE, or FILE+ID of any id, in whatever folder: the folder's path is
 * another one if the process has changed its root. A file moved out of reach keeps its
 * name and is taken for unseen; that is the safe error, because a registry in use is
 * not ended by it.
 */
static bool is_name(const char *at, const struct segment_path *path)
{
	size_t length = strlen(path->file);
	const char *name = strrchr(at, '/');

	return name && !strncmp(name + 1, path->file, length) &&
	       (!name[1 + length] || name[1 + length] == '+');
}

/* The verdict of the file's line of /proc/self/maps. It is cut at the newline. */
static enum lost look_at_line(char *line, const struct segment_path *path)
{
	char *at = strchr(line, '/');

	if (!at)
		return LOST_UNSEEN;
	at[strcspn(at, "\n")] = 0;
	return ends_with(at, DELETED) || !is_name(at, path) ? LOST : LOST_UNSEEN;
}

/*
 * Looks for the mapping in /proc/self/maps by the address at which it begins, which
 * identifies it whatever the file is called by now. Every failure, be it of memory, of
 * /proc, or a line that is not found, means unseen.
 */
static enum lost look_at_mapping(const struct segment *s, const struct segment_path *path)
{
	FILE *maps = fd_stream("/proc/self/maps");
	enum lost found = LOST_UNSEEN;
	char *line = NULL;
	size_t room = 0;

	if (!maps)
		return found;
	while (getline(&line, &room, maps) > 0) {
		if (strtoull(line, NULL, 16) != (uintptr_t)s->base)
			continue;
		found = look_at_line(line, path);
		break;
	}
	free(line);
	fclose(maps);
	return found;
}

enum lost lost_look(const struct segment *s, const struct segment_path *path)
{
	char token[NAME_TOKEN_MAX];
	struct segment_path next = *path;

	if (name_leads_to(s, path))
		return LOST_NOT;
	name_token(token, path, s->header->id);
	next.file = token;
	if (name_leads_to(s, &next))
		return LOST_NOT;
	return look_at_mapping(s, path);
}
