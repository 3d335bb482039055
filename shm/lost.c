/* SPDX-License-Identifier: MIT */
/*
 * The name leads to the segment, or FILE+ID does as long as the successor's rename is to come. If neither does, the
 * process may have changed its root or its folder since, or have other mounts: then the kernel is asked what it calls
 * the file that is mapped. It calls it by the name that it has now, with " (deleted)" behind it when it has none.
 *
 *   name        mapped file             is
 *   is it       not asked for           there
 *   is not it   of that name, not       there, and out of sight
 *               deleted
 *   is not it   deleted, or of          lost
 *               another name
 *   is not it   not told, without /proc cannot be seen
 *
 * In this order: a rename that comes between the looks at the two names is seen by the kernel's.
 */
#include "shm/lost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "shm/name.h"

#define DELETED " (deleted)"

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && !strcmp(text + size - end_size, end);
}

/* FILE, or FILE+ID of any id. */
static bool is_name(const char *at, const struct segment_path *path)
{
	size_t length = strlen(path->file);
	const char *name = strrchr(at, '/');

	return name && !strncmp(name + 1, path->file, length) &&
	       (!name[1 + length] || name[1 + length] == '+');
}

/* What the kernel calls the file, from its line of /proc/self/maps. */
static enum lost look_at_line(char *line, const struct segment_path *path)
{
	char *at = strchr(line, '/');

	if (!at)
		return LOST_UNSEEN;
	at[strcspn(at, "\n")] = 0;
	return ends_with(at, DELETED) || !is_name(at, path) ? LOST : LOST_UNSEEN;
}

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
