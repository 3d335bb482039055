/* SPDX-License-Identifier: MIT */
/*
 * Samples. Owners come in the order of their seats each time, so those of two samples are compared
 * in one pass, as a rule.
 */
#include "tools/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct take {
	struct sample *sample;
	const struct sample *before;
	size_t at;    /* where the next owner is among those before, as a rule */
	size_t known; /* how many were there */
	uint64_t known_entries;
};

static uint64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const struct sample_owner *find_before(struct take *take, uint64_t token)
{
	const struct sample *before = take->before;
	size_t i, at;

	for (i = 0; before && i < before->count; i++) {
		at = (take->at + i) % before->count;
		if (before->owners[at].facts.owner.token != token)
			continue;
		take->at = at + 1;
		return &before->owners[at];
	}
	return NULL;
}

static int add(const struct kreg_owner_facts *facts, void *data)
{
	struct take *take = data;
	struct sample *sample = take->sample;
	size_t room = sample->room ? 2 * sample->room : 64;
	const struct sample_owner *was = find_before(take, facts->owner.token);
	struct sample_owner *owner;

	if (sample->count == sample->room) {
		owner = reallocarray(sample->owners, room, sizeof(*owner));
		if (!owner)
			return -ENOMEM;
		sample->owners = owner;
		sample->room = room;
	}
	owner = &sample->owners[sample->count++];
	*owner = (struct sample_owner){ .facts = *facts };
	if (!take->before)
		return 0;
	owner->entries = sample_change(facts->entries, was ? was->facts.entries : 0);
	owner->bytes = sample_change(facts->bytes, was ? was->facts.bytes : 0);
	owner->updates = was ? facts->updates - was->facts.updates : 0;
	take->known += was != NULL;
	take->known_entries += was ? was->facts.entries : 0;
	return 0;
}

static void count_ends(const struct take *take)
{
	const struct sample *before = take->before;
	uint64_t entries = 0;
	size_t i;

	for (i = 0; i < before->count; i++)
		entries += before->owners[i].facts.entries;
	take->sample->came = take->sample->count - take->known;
	take->sample->ended = before->count - take->known;
	take->sample->ended_entries = entries - take->known_entries;
}

int sample_take(struct kreg *k, const struct sample *before, struct sample *out)
{
	struct take take = { .sample = out, .before = before };
	int err;

	out->stat.size = sizeof(out->stat);
	out->at = now_ms();
	err = kreg_stat(k, &out->stat);
	if (!err)
		err = kreg_each_owner(k, add, &take);
	if (err || !before)
		return err;
	out->ms = out->at - before->at;
	count_ends(&take);
	return 0;
}

void sample_free(struct sample *sample)
{
	free(sample->owners);
	*sample = (struct sample){ 0 };
}

const struct sample_owner *sample_find(const struct sample *sample, pid_t pid)
{
	size_t i;

	for (i = 0; i < sample->count; i++) {
		if (sample->owners[i].facts.owner.pid == pid)
			return &sample->owners[i];
	}
	return NULL;
}

int64_t sample_rate(const struct sample *sample, int64_t change)
{
	double rate = sample->ms ? (double)change * 1000 / (double)sample->ms : 0;

	return (int64_t)(rate < 0 ? rate - 0.5 : rate + 0.5);
}

void sample_wait(const struct sample *sample, uint64_t interval_ms)
{
	uint64_t until = sample->at + interval_ms;
	struct timespec at = { .tv_sec = (time_t)(until / 1000),
			       .tv_nsec = (long)(until % 1000 * 1000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}
