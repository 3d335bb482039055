/* SPDX-License-Identifier: MIT */
/*
 * An event as a line, of text or of JSON.
 *
 * Used by   cmd_watch.c.
 */
#ifndef TOOLS_EVENT_H
#define TOOLS_EVENT_H

#include "lib/kreg.h"
#include "tools/out/output.h"
#include "tools/who.h"

/* The types of events, from 1; enum kreg_event_type. */
#define EVENT_TYPES (KREG_EVENT_TAKEN + 1)

/* "register" and so on. */
const char *event_name(uint32_t type);

/* @who: its owner; NULL in an overrun event of nobody. Return: 0, -ENOMEM, -EIO. */
int event_print_json(const struct output_form *form, const struct kreg_event *event,
		     const struct who *who);

void event_print_line(const struct kreg_event *event);

#endif
