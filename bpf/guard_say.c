/* SPDX-License-Identifier: MIT */
/*
 * Messages go to the caller, because a library must not write to a terminal that may be
 * somebody else's.
 */
#include "bpf/guard_say.h"

#include <stdarg.h>
#include <stdio.h>

#include <linux/types.h>

#include "bpf/life_layout.h"

const char *guard_path(const struct guard_options *o)
{
	return o->path ? o->path : LIFE_GUARD_DEFAULT;
}

void guard_say(const struct guard_options *o, const char *format, ...)
{
	/* Holds two paths of usual length and libbpf's last message. */
	char sentence[768];
	va_list list;

	if (!o->log)
		return;
	va_start(list, format);
	vsnprintf(sentence, sizeof(sentence), format, list);
	va_end(list);
	o->log(sentence, o->log_data);
}
