/* SPDX-License-Identifier: MIT */
#include "bridge/shown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct shown {
	struct kreg *k;
	struct kreg_owner self;
};

int shown_open(struct shown **out, struct kreg *k)
{
	struct shown *shown = calloc(1, sizeof(*shown));
	int err = shown ? kreg_self(k, &shown->self) : -ENOMEM;

	if (err) {
		free(shown);
		return err;
	}
	shown->k = k;
	*out = shown;
	return 0;
}

void shown_close(struct shown *shown)
{
	free(shown);
}

struct kreg_owner shown_owner(const struct shown *shown)
{
	return shown->self;
}

int shown_put(struct shown *shown, const struct name *name, const struct facts *facts,
	      const char *host, uint64_t revision, bool is_stale)
{
	KREG_REMOTE(remote, .token = revision, .start = facts->start, .pid = facts->pid,
		    .uid = facts->uid, .flags = is_stale ? KREG_REMOTE_STALE : 0);

	snprintf(remote.host, sizeof(remote.host), "%s", host);
	return kreg_register_remote(shown->k, name->key, name->key_size, facts->value,
				    facts->value_size, &remote, KREG_REGISTER_REPLACEABLE, NULL);
}

int shown_drop(struct shown *shown, const struct name *name)
{
	int got = kreg_unregister(shown->k, name->key, name->key_size);

	return got < 0 ? got : 0;
}
