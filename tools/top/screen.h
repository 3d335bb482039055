/* SPDX-License-Identifier: MIT */
/*
 * The full screen of regtool top, by ncurses.
 */
#ifndef TOOLS_TOP_SCREEN_H
#define TOOLS_TOP_SCREEN_H

#include "tools/interval.h"
#include "tools/top/panel.h"

/*
 * Until the user leaves it, or interval->count looks. A signal that ends the process ends it with
 * the terminal as it was; only SIGKILL leaves that to reset(1).
 *
 * Return: 0, or an error of a sample or panel. -ENOTTY: the terminal cannot do it, or regtool was
 * built without ncurses.
 */
int screen_run(struct kreg *k, const char *registry, const struct interval *interval,
	       struct panel *panel);

#endif
