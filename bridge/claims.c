/* SPDX-License-Identifier: MIT */
/*
 * Names that are unique in the cluster: what processes of this host claim, and what they are
 * answered. lib/cluster/entries.h has the entries, unique.c what is asked of etcd.
 *
 *   etcd has the name              the first claim of this host       the others
 *   not, or it is not known        asks                               wait
 *   of this claim and this lease   has it: the name is registered     over, or stand by
 *                                    for the process, then the
 *                                    answer is shown
 *   of this claim, otherwise:      is put                             wait
 *     another lease, or value
 *   of this host, of another       deleted
 *     claim, or of none
 *   of another host                over, or stands by                 the same
 *
 * What takes an answer back, always before what is asked of etcd then: the claim ends, by the
 * process or its death; the time of the lease is over, or etcd does not know it; SIGTERM; etcd has
 * the name otherwise. The name is unregistered for the process right behind it.
 *
 *   this process dies    answers and time are absent in that instant; names and claims stay, and
 *                        the next bridge finds them
 *   is stopped           the time runs out for all who ask; names stay found
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/unique.h"

bool claims_may(const struct bridge *b, const struct name *name)
{
	return patterns_match(b->options->uniques, b->options->unique_count, name);
}

/* ---- answers */

static void answer_key(const struct unique *u, const struct wish *wish, struct entry_key *out)
{
	entry_key_of(out, ANSWER_PREFIX, wish->owner.token, u->item->name.key,
		     u->item->name.key_size);
}

/* What follows may let another host have the name, so this has to succeed, or end with the process. */
static void take_answer_back(struct unique *u, struct wish *wish)
{
	struct entry_key at;
	int got;

	if (!wish->is_shown)
		return;
	answer_key(u, wish, &at);
	got = kreg_unregister(u->b->k, at.bytes, at.size);
	if (got < 0) {
		say("an answer cannot be withdrawn: %s", kreg_strerror(got));
		_exit(EXIT_FAILURE);
	}
	wish->is_shown = false;
}

static int show_answer(struct unique *u, struct wish *wish, const struct answer *given)
{
	struct answer answer = *given;
	struct entry_key at;
	int err;

	answer.serial = wish->serial;
	answer.lease = u->b->lease;
	snprintf(answer.cluster, sizeof(answer.cluster), "%s", u->b->options->cluster);
	answer_key(u, wish, &at);
	err = kreg_register(u->b->k, at.bytes, at.size, &answer, sizeof(answer), NULL);
	wish->is_shown |= !err;
	if (err)
		say_often(&u->b->refused, "an answer cannot be shown: %s", kreg_strerror(err));
	return err;
}

static void unregister_name(struct unique *u, struct wish *wish)
{
	const struct name *name = &u->item->name;
	char text[SAY_BYTES];
	int got = kreg_unregister_for(u->b->k, &wish->owner, name->key, name->key_size);

	if (got < 0 && got != -ESRCH)
		say_often(&u->b->refused, "%s stays found here, and is not held: %s",
			  say_bytes(text, name->key, name->key_size), kreg_strerror(got));
}

/* The winner has it no longer; the claim is as it was. */
static void take_back(struct unique *u)
{
	struct wish *wish = u->winner;

	if (!wish)
		return;
	take_answer_back(u, wish);
	u->winner = NULL;
	unregister_name(u, wish);
}

void claims_changed(struct unique *u)
{
	if (!u->there.is_there || u->there.created != u->token)
		take_back(u);
}

void claims_withdraw_all(struct bridge *b)
{
	struct unique *u;

	/* All answers first, each of which costs the others time. */
	cds_list_for_each_entry (u, &b->uniques, all) {
		if (u->winner)
			take_answer_back(u, u->winner);
	}
	cds_list_for_each_entry (u, &b->uniques, all) {
		take_back(u);
		unique_due(u);
	}
}

/* ---- decisions */

static void wish_free(struct wish *wish)
{
	cds_list_del(&wish->of_unique);
	facts_free(&wish->facts);
	free(wish);
}

static struct answer answer_of(int64_t error, const char *host, uint64_t token,
			       const struct facts *facts)
{
	struct answer answer = { .error = error,
				 .token = token,
				 .start = facts->start,
				 .pid = facts->pid,
				 .uid = facts->uid };

	memcpy(answer.host, host, strlen(host) + 1);
	return answer;
}

/* The claim is over, and its answer says so until the process ends the claim. */
static void over(struct unique *u, struct wish *wish, const struct answer *answer)
{
	wish->is_over = true;
	unregister_name(u, wish);
	show_answer(u, wish, answer);
	unique_due(u);
}

/* The name is registered for the process. -EEXIST: another process of this host has it. */
static int register_name(struct unique *u, struct wish *wish, struct kreg_owner *holder)
{
	const struct name *name = &u->item->name;
	struct kreg_found found = { 0 };
	int err = kreg_register_for(u->b->k, &wish->owner, name->key, name->key_size,
				    wish->facts.value, wish->facts.value_size, 0, &found);

	*holder = found.owner;
	return err == -EEXIST && found.owner.token == wish->owner.token ? 0 : err;
}

/* etcd has it for this host, and a process without a claim has it here, or it cannot be registered. */
static void refuse_locally(struct unique *u, struct wish *wish, int err,
			   const struct kreg_owner *holder)
{
	struct facts facts = { .uid = KREG_ID_UNKNOWN };
	struct answer answer;
	char text[SAY_BYTES];

	if (err == -EEXIST) {
		facts.pid = (uint32_t)holder->pid;
		export_ask_owner(u->b, holder, &facts.uid, &facts.start);
	}
	answer = answer_of(err, u->b->options->host, 0, &facts);
	over(u, wish, &answer);
	say_often(&u->b->conflicts, "%s cannot be registered for the process that claims it: %s",
		  say_bytes(text, u->item->name.key, u->item->name.key_size), kreg_strerror(err));
}

/* etcd has the name for @wish, with this lease. */
static void win(struct unique *u, struct wish *wish)
{
	struct answer answer = answer_of(0, u->there.host, u->there.created, &wish->facts);
	struct kreg_owner holder;
	int err;

	if (u->winner == wish)
		return;
	err = register_name(u, wish, &holder);
	if (err) {
		refuse_locally(u, wish, err, &holder);
		return;
	}
	if (show_answer(u, wish, &answer)) {
		unregister_name(u, wish);
		return;
	}
	u->winner = wish;
	u->token = u->there.created;
}

/* Those that do not stand by have lost, except @winner. */
static void rest_is_over(struct unique *u, const struct wish *winner)
{
	struct answer answer = answer_of(-EEXIST, u->there.host, u->there.created, &u->there.facts);
	struct wish *wish;

	cds_list_for_each_entry (wish, &u->wishes, of_unique) {
		if (wish != winner && !wish->is_over && !wish->is_standby)
			over(u, wish, &answer);
		else if (wish != winner && !wish->is_over)
			unregister_name(u, wish);
	}
}

static bool is_of(const struct unique *u, const struct wish *wish)
{
	return u->there.is_there && !strcmp(u->there.host, u->b->options->host) &&
	       u->there.claim == wish->serial && u->there.facts.pid == wish->facts.pid;
}

/* The one that etcd has the name for, or the one that has waited longest. */
static struct wish *first_of(const struct unique *u)
{
	struct wish *wish, *first = NULL;

	cds_list_for_each_entry (wish, &u->wishes, of_unique) {
		if (!wish->is_over && is_of(u, wish))
			return wish;
		if (!wish->is_over && !first)
			first = wish;
	}
	return first;
}

/* The value that the process has given its name since. */
static void read_value(struct unique *u, struct wish *wish)
{
	static unsigned char value[KREG_VALUE_MAX];
	const struct name *name = &u->item->name;
	struct kreg_owner owner;
	unsigned char *copy;
	ssize_t size =
		kreg_lookup(u->b->k, name->key, name->key_size, value, sizeof(value), &owner);

	if (size < 0 || owner.token != wish->owner.token)
		return;
	copy = malloc((size_t)size + 1);
	if (!copy)
		return;
	memcpy(copy, value, (size_t)size);
	free(wish->facts.value);
	wish->facts.value = copy;
	wish->facts.value_size = (uint32_t)size;
}

static bool is_as_wished(const struct unique *u, const struct wish *wish)
{
	const struct facts *there = &u->there.facts;

	return u->there.lease == u->b->lease && there->value_size == wish->facts.value_size &&
	       !memcmp(there->value, wish->facts.value, there->value_size);
}

void claims_decide(struct unique *u)
{
	struct bridge *b = u->b;
	struct wish *wish = first_of(u);
	bool is_ours = u->there.is_there && !strcmp(u->there.host, b->options->host);

	if (wish)
		read_value(u, wish);
	if (!u->is_known || !u->there.is_there) {
		/* After a restore others may not have written theirs again. */
		if (wish && !b->forget_at)
			unique_ask(u, QUESTION_CLAIM, wish);
		else if (!wish && u->there.is_there && is_ours)
			unique_ask(u, QUESTION_DELETE, NULL);
	} else if (!is_ours) {
		take_back(u);
		rest_is_over(u, NULL);
	} else if (!wish || !is_of(u, wish)) {
		take_back(u);
		unique_ask(u, QUESTION_DELETE, NULL);
	} else {
		/* Another value does not end the right to the name, another lease does. */
		if (u->there.lease != b->lease)
			take_back(u);
		else
			win(u, wish);
		if (!wish->is_over && !is_as_wished(u, wish))
			unique_ask(u, QUESTION_PUT, wish);
		rest_is_over(u, wish);
	}
	unique_tidy(u);
}

/* ---- what processes do */

/* The name and the owner in the key of a claim. */
static bool parse_key(const struct kreg_event *event, struct name *name)
{
	const size_t head = strlen(CLAIM_PREFIX) + OWNER_DIGITS + 1;
	struct entry_key expected;

	if (event->entry.key_size <= head || event->entry.key_size - head > KREG_CLUSTER_KEY_MAX ||
	    memcmp(event->entry.key, CLAIM_PREFIX, strlen(CLAIM_PREFIX)) != 0)
		return false;
	name->key_size = (uint32_t)(event->entry.key_size - head);
	memcpy(name->key, (const char *)event->entry.key + head, name->key_size);
	/* What another process registers as a claim of somebody is none. */
	entry_key_of(&expected, CLAIM_PREFIX, event->entry.owner.token, name->key, name->key_size);
	return !memcmp(expected.bytes, event->entry.key, expected.size);
}

static struct wish *wish_of(const struct unique *u, uint64_t owner)
{
	struct wish *wish;

	cds_list_for_each_entry (wish, &u->wishes, of_unique) {
		if (wish->owner.token == owner)
			return wish;
	}
	return NULL;
}

/* In the order of claims, which those that a new bridge finds have only by their numbers. */
static void add_wish(struct unique *u, struct wish *wish)
{
	struct wish *other;

	cds_list_for_each_entry (other, &u->wishes, of_unique) {
		if (other->serial > wish->serial) {
			cds_list_add_tail(&wish->of_unique, &other->of_unique);
			return;
		}
	}
	cds_list_add_tail(&wish->of_unique, &u->wishes);
}

static void claim_ends(struct unique *u, struct wish *wish)
{
	if (u->winner == wish)
		take_back(u);
	take_answer_back(u, wish);
	unregister_name(u, wish);
	wish_free(wish);
	unique_due(u);
}

static void claim_begins(struct bridge *b, const struct kreg_event *event, const struct name *name)
{
	struct unique *u = unique_get(b, name);
	struct wish *wish = u ? wish_of(u, event->entry.owner.token) : NULL;
	struct claim claim;

	if (wish)
		claim_ends(u, wish);
	if (!u || event->entry.value_size < sizeof(claim))
		return;
	memcpy(&claim, event->entry.value, sizeof(claim));
	wish = calloc(1, sizeof(*wish));
	if (!wish)
		return;
	wish->owner = event->entry.owner;
	wish->serial = claim.serial & INT64_MAX;
	wish->is_standby = claim.flags & KREG_CLUSTER_STANDBY;
	wish->facts.pid = (uint32_t)event->entry.owner.pid;
	export_ask_owner(b, &event->entry.owner, &wish->facts.uid, &wish->facts.start);
	wish->facts.value_size = (uint32_t)(event->entry.value_size - sizeof(claim));
	wish->facts.value = malloc(wish->facts.value_size + 1);
	if (!wish->facts.value) {
		free(wish);
		return;
	}
	memcpy(wish->facts.value, (const char *)event->entry.value + sizeof(claim),
	       wish->facts.value_size);
	add_wish(u, wish);
	/* The answer is to say what etcd has now. */
	if (u->winner == NULL)
		u->is_known = false;
	unique_due(u);
}

static void claim_event(struct bridge *b, const struct kreg_event *event, const struct name *name)
{
	struct item *item;
	struct wish *wish;

	if (event->type == KREG_EVENT_REGISTER || event->type == KREG_EVENT_UPDATE) {
		claim_begins(b, event, name);
		return;
	}
	item = item_find(b, name);
	wish = item && item->unique ? wish_of(item->unique, event->entry.owner.token) : NULL;
	if (wish && (event->type == KREG_EVENT_UNREGISTER || event->type == KREG_EVENT_PURGE))
		claim_ends(item->unique, wish);
}

void claims_look(struct unique *u)
{
	const struct name *name = &u->item->name;
	struct wish *wish = u->winner;
	struct answer answer = answer_of(-ECANCELED, u->b->options->host, u->token, &wish->facts);
	struct kreg_owner owner;

	if (kreg_whereis(u->b->k, name->key, name->key_size, &owner) ||
	    owner.token != wish->owner.token) {
		take_back(u);
		over(u, wish, &answer);
	}
	unique_due(u);
}

/* A name that may be unique has changed in the registry. */
static void name_event(struct bridge *b, const struct kreg_event *event, const struct name *name)
{
	struct item *item = item_find(b, name);
	struct unique *u = item ? item->unique : NULL;
	char text[SAY_BYTES];

	if (event->type == KREG_EVENT_REGISTER && !event->known &&
	    event->entry.owner.token != shown_owner(b->names).token &&
	    !(u && wish_of(u, event->entry.owner.token)) &&
	    kreg_remote_host(b->k, name->key, name->key_size, NULL) <= 0)
		say_often(
			&b->plain,
			"%s is registered by process %d without a claim: it is found on this host "
			"alone",
			say_bytes(text, name->key, name->key_size), event->entry.owner.pid);
	if (u && u->winner && event->entry.owner.token == u->winner->owner.token)
		claims_look(u);
}

void claims_event(struct bridge *b, const struct kreg_event *event)
{
	struct name name = { .key_size = (uint32_t)event->entry.key_size };

	if (!b->options->unique_count || !name.key_size || name.key_size > KREG_KEY_MAX)
		return;
	if (parse_key(event, &name)) {
		if (claims_may(b, &name))
			claim_event(b, event, &name);
		return;
	}
	memcpy(name.key, event->entry.key, name.key_size = (uint32_t)event->entry.key_size);
	if (claims_may(b, &name))
		name_event(b, event, &name);
}

void claims_free(struct bridge *b)
{
	struct unique *u, *next;
	struct wish *wish, *other;

	cds_list_for_each_entry_safe (u, next, &b->uniques, all) {
		cds_list_for_each_entry_safe (wish, other, &u->wishes, of_unique)
			wish_free(wish);
		unique_free(u);
	}
}
