/* SPDX-License-Identifier: MIT */
/*
 * Names that move between victims: by REPLACE, in line, as gifts. The victim does not
 * know which of them it has, because others take them over and give it some. Each value
 * that it reads still carries a checksum, and it never finds a name of a dead process
 * there. Also destroys that are refused, because the engine always has a name.
 */
#include <stdio.h>
#include <string.h>

#include "tests/torture/victim.h"

#define LINES 6u

static uint32_t line_key(struct victim *v, char *out)
{
	return (uint32_t)sprintf(out, "line-%u", random_below(v, LINES));
}

void victim_look(struct victim *v, const char *key, uint32_t key_size, uint64_t gone)
{
	struct kreg_owner owner;
	const char *fault;
	ssize_t size;

	begin(v, CALL_LOOKUP);
	size = kreg_lookup(v->k, key, key_size, v->value, sizeof(v->value), &owner);
	end(v, CALL_LOOKUP);
	if (size == -EAGAIN || size == -ENOENT)
		return;
	if (size < 0)
		complain(v, "looking up %s: %s", key, kreg_strerror((int)size));
	fault = torture_entry_fault(key, key_size, v->value, (size_t)size, owner.pid);
	if (fault)
		complain(v, "%s was found with %d, and %s", key, owner.pid, fault);
	if (victim_was_reaped(v, owner.token) || owner.token == gone)
		complain(v, "%s was found with %d, which had been reaped", key, owner.pid);
}

/* Takes a place in a line, or gives it up. */
void victim_line(struct victim *v)
{
	static const uint32_t ways[] = { 0, KREG_REGISTER_QUEUE, KREG_REGISTER_REPLACE,
					 KREG_REGISTER_QUEUE | KREG_REGISTER_REPLACE };
	uint32_t flags =
		ways[random_below(v, 4)] | (random_below(v, 2) ? KREG_REGISTER_REPLACEABLE : 0);
	struct kreg_found holder = { 0 };
	unsigned char *value;
	char key[16];
	uint32_t key_size = line_key(v, key), size;
	int err;

	victim_look(v, key, key_size, 0);
	begin(v, CALL_LINE);
	if (random_below(v, 3)) {
		victim_value(v, key, key_size, &value, &size);
		err = kreg_register_with(v->k, key, key_size, value, size, flags, &holder);
		end(v, CALL_LINE);
		if (err == -EEXIST && victim_was_reaped(v, holder.owner.token))
			complain(v, "%s was refused for %d, which had been reaped", key,
				 holder.owner.pid);
		if (err && err != -EEXIST && err != KREG_WAITING && !is_full(v, err))
			complain(v, "registering %s by %#x: %s", key, flags, kreg_strerror(err));
	} else {
		err = kreg_unregister(v->k, key, key_size);
		end(v, CALL_LINE);
		/* A gift may have arrived where it had a place of its own. */
		if (err < 0)
			complain(v, "unregistering %s: %s", key, kreg_strerror(err));
	}
}

void victim_give(struct victim *v)
{
	uint32_t which = random_below(v, v->plan->workers);
	struct kreg_owner to = { .token = load_acquire(&v->board->victims[which].token) };
	char key[16];
	uint32_t key_size = line_key(v, key);
	int err;

	if (!to.token || to.token == v->self.token)
		return;
	begin(v, CALL_GIVE);
	err = kreg_give(v->k, key, key_size, &to);
	end(v, CALL_GIVE);
	if (err && err != -ENOENT && err != -EPERM && err != -ESRCH && err != -EMSGSIZE &&
	    !is_full(v, err))
		complain(v, "giving %s: %s", key, kreg_strerror(err));
}

void victim_destroy(struct victim *v)
{
	struct kreg_options options;
	char name[32];
	int err;

	torture_options(v->plan, &options);
	victim_registry(v, name);
	begin(v, CALL_DESTROY);
	err = kreg_destroy(name, &options, 0);
	end(v, CALL_DESTROY);
	if (err != -EBUSY && (geteuid() == v->board->user || !err))
		complain(v, "destroying what is in use: %d", err);
}
