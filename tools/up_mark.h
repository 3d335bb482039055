/* SPDX-License-Identifier: MIT */
/*
 * The value of a supervisor that is a `regtool up`: its options, its file, and what has become of the last change.
 *
 *   regtool up [--keep ][--no-cgroups ][#COUNT:STATE ]/PATH[: WHY]
 *
 * COUNT is raised, and told with the state "reads", before the file is read: so a state of a higher COUNT than somebody
 * has seen is of a file that was read after that look.
 *
 * Context   no more than the functions say.
 * Used by   cmd_up.c, up_again.c.
 */
#ifndef TOOLS_UP_MARK_H
#define TOOLS_UP_MARK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum up_state {
	UP_FIRST, /* nothing has changed since the first start */
	UP_READS, /* a change is being applied */
	UP_DONE,
	UP_FAILED,
};

#define UP_WHY_BYTES 512
#define UP_MARK_BYTES (PATH_MAX + UP_WHY_BYTES + 128)

struct up_mark {
	uint32_t flags; /* KREG_SUPERVISE_KEEP, KREG_SUPERVISE_NO_CGROUPS */
	uint32_t count;
	enum up_state state;
	const char *path;       /* absolute */
	char why[UP_WHY_BYTES]; /* with UP_FAILED */
};

void up_mark_write(const struct up_mark *mark, char text[UP_MARK_BYTES]);

/* False: @text is no such value, or is of another file than @path. */
bool up_mark_read(struct up_mark *out, const char *text, const char *path);

/* " --keep --no-cgroups", as far as they are set. */
const char *up_mark_options(uint32_t flags);

#endif
