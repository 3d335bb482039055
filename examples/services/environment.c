/* SPDX-License-Identifier: MIT */
/* Reads what the environment tells a program. An empty variable counts as unset. */
#define _GNU_SOURCE 1

#include "environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: cannot %s: %s\n", program_invocation_short_name, what, why);
	return -1;
}

static const char *variable(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static void say(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, sentence);
}

struct kreg *environment_registry(void)
{
	KREG_OPTIONS(options, .log = say);
	struct kreg *k;
	int err = kreg_open(&k, variable("KREG_REGISTRY", "default"), &options);

	if (!err)
		return k;
	fail("open the registry", kreg_strerror(err));
	return NULL;
}

const char *environment_space(void)
{
	return variable("KREG_NAMESPACE", "production");
}

const char *environment_role(const char *otherwise)
{
	return variable("KREG_ROLE", otherwise);
}
