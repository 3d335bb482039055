/* SPDX-License-Identifier: MIT */
/*
 * Names that move between victims: by REPLACE, in line, as gifts, on behalf of others. The
 * victim does not know which of them it has, because others take them over, drop them, give it
 * some, and register, update and unregister some for it. Each value
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

/* The flags that an entry keeps. */
static uint32_t line_flags(struct victim *v)
{
	static const uint32_t kept[] = { 0, KREG_REGISTER_REPLACEABLE,
					 KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP };

	return kept[random_below(v, 3)];
}

/* Takes a place in a line, or gives it up. */
void victim_line(struct victim *v)
{
	static const uint32_t ways[] = { 0, KREG_REGISTER_QUEUE, KREG_REGISTER_REPLACE,
					 KREG_REGISTER_QUEUE | KREG_REGISTER_REPLACE };
	uint32_t flags = ways[random_below(v, 4)] | line_flags(v);
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
		if (err == -EMSGSIZE && flags & KREG_REGISTER_DROP)
			return;
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

/* What somebody else may be changing at the same time. */
static bool is_refusal(int err)
{
	return err == -ENOENT || err == -EPERM || err == -ESRCH || err == -EMSGSIZE;
}

void victim_flags(struct victim *v)
{
	uint32_t flags = line_flags(v), now = 0, key_size;
	char key[16];
	int err, ahead;

	key_size = line_key(v, key);
	begin(v, CALL_FLAGS);
	err = kreg_set_flags(v->k, key, key_size, flags);
	ahead = kreg_get_flags(v->k, key, key_size, &now);
	end(v, CALL_FLAGS);
	if (err && err != KREG_WAITING && !is_refusal(err) && !is_full(v, err))
		complain(v, "setting the flags of %s to %#x: %s", key, flags, kreg_strerror(err));
	if (ahead < 0 && !is_refusal(ahead))
		complain(v, "the flags of %s: %s", key, kreg_strerror(ahead));
	if (ahead >= 0 && now != 0 && now != KREG_REGISTER_REPLACEABLE &&
	    now != (KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP))
		complain(v, "the flags of %s are %#x", key, now);
}

static struct kreg_owner another(struct victim *v)
{
	uint32_t which = random_below(v, v->plan->workers);

	return (struct kreg_owner){ .token = load_acquire(&v->board->victims[which].token) };
}

/* What is registered for others, also for itself. */
void victim_for(struct victim *v)
{
	struct kreg_owner to = another(v);
	uint32_t flags = line_flags(v), way = random_below(v, 3), key_size, size;
	unsigned char *value;
	char key[16];
	int err;

	if (!to.token)
		return;
	key_size = line_key(v, key);
	victim_value(v, key, key_size, &value, &size);
	begin(v, CALL_FOR);
	if (way == 0)
		err = kreg_register_for(v->k, &to, key, key_size, value, size, flags, NULL);
	else if (way == 1)
		err = kreg_update_for(v->k, &to, key, key_size, value, size);
	else
		err = kreg_unregister_for(v->k, &to, key, key_size);
	end(v, CALL_FOR);
	if (err < 0 && err != -EEXIST && !is_refusal(err) && !is_full(v, err))
		complain(v, "changing %s for another one, way %u: %s", key, way,
			 kreg_strerror(err));
}

void victim_give(struct victim *v)
{
	struct kreg_owner to = another(v);
	char key[16];
	uint32_t key_size = line_key(v, key);
	int err;

	if (!to.token || to.token == v->self.token)
		return;
	begin(v, CALL_GIVE);
	err = kreg_give(v->k, key, key_size, &to);
	end(v, CALL_GIVE);
	if (err && !is_refusal(err) && !is_full(v, err))
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
