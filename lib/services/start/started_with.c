/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc/PID/environ. A program that has overwritten its environment, as some do to
 * show their state in ps(1), has left nothing in it that is looked for here.
 *
 * Inside exec() a process has new memory without an environment for a moment, and one that
 * was opened before is read as empty afterwards. So an empty one is believed if the process
 * has its program by then, and still has none, or is ending; otherwise it is read again, for
 * LOOKS milliseconds at most, because a process may stay inside exec().
 */
#include "lib/services/start/started_with.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/process.h"

/* The part that is read. */
#define ENVIRONMENT_BYTES 262144
#define LOOKS 100

/* False: there is nothing to be read. */
static bool read_text(struct started_with *out, pid_t pid)
{
	FILE *in = fd_stream_of(pid, "environ");

	if (!in)
		return false;
	out->size = fread(out->text, 1, ENVIRONMENT_BYTES - 1, in);
	out->text[out->size] = 0;
	fclose(in);
	return true;
}

/* Whether an empty environment may be another one soon. */
static bool is_in_exec(pid_t pid)
{
	struct process process;

	return process_read(pid, &process) && !process_is_over(&process) &&
	       (!process.has_program || process.env_bytes);
}

void started_with_read(struct started_with *out, pid_t pid)
{
	int i;

	*out = (struct started_with){ .text = malloc(ENVIRONMENT_BYTES) };
	if (!out->text)
		return;
	for (i = 0; i < LOOKS && read_text(out, pid) && !out->size && is_in_exec(pid); i++)
		poll(NULL, 0, 1);
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
