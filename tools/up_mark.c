/* SPDX-License-Identifier: MIT */
/*
 * The words before the path have no slash and the path begins with one, so the first slash
 * separates them.
 */
#include "tools/up_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/kreg-services.h"

#define MARK "regtool up"

static const char *const words[] = {
	[UP_FIRST] = "first", [UP_READS] = "reads", [UP_DONE] = "done", [UP_FAILED] = "failed"
};
#define WORDS (sizeof(words) / sizeof(words[0]))

const char *up_mark_options(uint32_t flags)
{
	if (flags & KREG_SUPERVISE_KEEP)
		return flags & KREG_SUPERVISE_NO_CGROUPS ? " --keep --no-cgroups" : " --keep";
	return flags & KREG_SUPERVISE_NO_CGROUPS ? " --no-cgroups" : "";
}

void up_mark_write(const struct up_mark *mark, char text[UP_MARK_BYTES])
{
	char state[32] = "";

	if (mark->count)
		snprintf(state, sizeof(state), " #%" PRIu32 ":%s", mark->count, words[mark->state]);
	snprintf(text, UP_MARK_BYTES, MARK "%s%s %s%s%s", up_mark_options(mark->flags), state,
		 mark->path, mark->state == UP_FAILED ? ": " : "",
		 mark->state == UP_FAILED ? mark->why : "");
}

static bool read_state(struct up_mark *out, const char *text)
{
	char word[16];
	size_t i;

	if (sscanf(text, " #%" SCNu32 ":%15[a-z]", &out->count, word) != 2)
		return false;
	for (i = 0; i < WORDS; i++) {
		if (!strcmp(words[i], word))
			out->state = (enum up_state)i;
	}
	return true;
}

bool up_mark_read(struct up_mark *out, const char *text, const char *path)
{
	const char *file = strchr(text, '/'), *state = strchr(text, '#'), *rest;
	size_t size = strlen(path);

	*out = (struct up_mark){ .path = path };
	if (strncmp(text, MARK " ", sizeof(MARK)) || !file || strncmp(file, path, size))
		return false;
	rest = file + size;
	if (state && state < file && !read_state(out, state))
		return false;
	if (out->state == UP_FAILED && !strncmp(rest, ": ", 2))
		snprintf(out->why, sizeof(out->why), "%s", rest + 2);
	else if (*rest)
		return false;
	rest = strstr(text, " --keep ");
	if (rest && rest < file)
		out->flags |= KREG_SUPERVISE_KEEP;
	rest = strstr(text, " --no-cgroups ");
	if (rest && rest < file)
		out->flags |= KREG_SUPERVISE_NO_CGROUPS;
	return true;
}
