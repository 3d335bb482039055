/* SPDX-License-Identifier: MIT */
/*
 * The value under which `regtool up` registers its supervisor: its options, its file, and the
 * outcome of the last change.
 *
 *   regtool up [--keep ][--no-cgroups ][#COUNT:STATE ]/PATH[: WHY]
 *
 * COUNT is incremented, and published with the state "reads", before the file is read. So a state
 * with a higher COUNT than a reader has seen belongs to a file that was read after that reader's
 * lookup.
 *
 * Context   any thread.
 * Used by   cmd_up.c, up_again.c.
 */
#ifndef TOOLS_UP_MARK_H
#define TOOLS_UP_MARK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum up_state {
	UP_FIRST, /* no change since the first start */
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

/* Return: false if @text is not such a value or is of another file than @path. */
bool up_mark_read(struct up_mark *out, const char *text, const char *path);

/* " --keep --no-cgroups", those that are set. */
const char *up_mark_options(uint32_t flags);

#endif
