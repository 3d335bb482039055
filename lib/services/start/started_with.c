/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc/PID/environ. A program that has overwritten its environment, as some do to
 * show their state in ps(1), has left nothing in it that is looked for here.
 */
#include "lib/services/start/started_with.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

/* The part that is read. */
#define ENVIRONMENT_BYTES 262144

void started_with_read(struct started_with *out, pid_t pid)
{
	FILE *in = fd_stream_of(pid, "environ");

	*out = (struct started_with){ 0 };
	if (!in)
		return;
	out->text = malloc(ENVIRONMENT_BYTES);
	if (out->text) {
		out->size = fread(out->text, 1, ENVIRONMENT_BYTES - 1, in);
		out->text[out->size] = 0;
	}
	fclose(in);
}

void started_with_free(struct started_with *environment)
{
	free(environment->text);
	environment->text = NULL;
}

const char *started_with(const struct started_with *environment, const char *name)
{
	const char *at = environment->text;
	size_t length = strlen(name);

	for (; at && at < environment->text + environment->size; at += strlen(at) + 1) {
		if (!strncmp(at, name, length) && at[length] == '=')
			return at + length + 1;
	}
	return NULL;
}

static bool has(const struct started_with *environment, const char *name, const char *value)
{
	const char *there = started_with(environment, name);

	return there && !strcmp(there, value);
}

bool started_with_names(const struct started_with *environment, const char *space, const char *role)
{
	return has(environment, "KREG_ROLE", role) && has(environment, "KREG_NAMESPACE", space);
}
