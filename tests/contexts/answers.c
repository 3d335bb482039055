/* SPDX-License-Identifier: MIT */
/*
 * The table of documented errors is made of the headers when the test is built.
 */
#include "tests/contexts/answers.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct exception slot_exceptions[] = {
	{ "kreg_cluster_register", -ENOTCONN, "without a bridge that is the answer, slot or not" },
	{ "kreg_cluster_unregister", 0, "a key that is too long for a claim has none" },
	{ NULL, 0, NULL },
};

static const struct documented {
	const char *call;
	int error; /* 0: others of the kernel; -1: it has none */
} documented[] = {
#include "tests/contexts/documented.h"
};
#define DOCUMENTED (sizeof(documented) / sizeof(*documented))

bool answers_are_documented(const char *call, int error)
{
	size_t i;

	for (i = 0; i < DOCUMENTED; i++)
		if (documented[i].error == error && !strcmp(documented[i].call, call))
			return true;
	return false;
}

/* The number of a call, by its first line in the table; CALLS_MAX: it is not there. */
static uint32_t number_of(const char *call)
{
	uint32_t number = 0;
	size_t i;

	for (i = 0; i < DOCUMENTED; i++) {
		if (i && !strcmp(documented[i].call, documented[i - 1].call))
			continue;
		if (!strcmp(documented[i].call, call))
			return number;
		number++;
	}
	return CALLS_MAX;
}

/* Without memory of the heap, which there is none of in some contexts. */
void answers_fault(struct answers *answers, const char *call, const char *what)
{
	size_t used = strlen(answers->faults);
	char line[200];

	snprintf(line, sizeof(line), "%s: %s() %s\n", answers->context->name, call, what);
	if (!strstr(answers->faults, line) && used + strlen(line) < sizeof(answers->faults))
		strcpy(answers->faults + used, line);
}

static const char *name_of(int64_t result, char text[32])
{
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	if (name)
		snprintf(text, 32, "-%s", name);
	else
		snprintf(text, 32, "%lld", (long long)result);
	return text;
}

static void is_wrong(struct answers *answers, const char *call, int64_t result, const char *why)
{
	char text[32], what[128];

	snprintf(what, sizeof(what), "answers %s, %s", name_of(result, text), why);
	answers_fault(answers, call, what);
}

static bool is_of_arguments(int64_t result)
{
	return result == -EINVAL || result == -ENAMETOOLONG || result == -EMSGSIZE ||
	       result == -E2BIG;
}

/* @result: NULL: any. */
static bool is_excepted(const struct context *context, const char *call, const int64_t *result)
{
	const struct exception *at;

	for (at = context->exceptions; at && at->call; at++)
		if (!strcmp(at->call, call) &&
		    (!result || at->answer == WORKS || at->answer == *result))
			return true;
	return false;
}

static bool is_one_of(const char *call, const char *const *list)
{
	while (*list && strcmp(call, *list))
		list++;
	return *list != NULL;
}

/* Which fd it is, and with which worker a new pool begins, is not the same twice. */
static int64_t what_counts(const char *call, int64_t result)
{
	static const char *const fds[] = { "kreg_monitor",         "kreg_connect",
					   "kreg_owner_pidfd",     "kreg_service_monitor",
					   "kreg_service_connect", NULL };
	static const char *const workers[] = { "kreg_pool_next", "kreg_pool_least", NULL };

	if ((result > 0 && is_one_of(call, fds)) ||
	    ((result > 0 || result == -ERANGE) && is_one_of(call, workers)))
		return 0;
	return result;
}

static void compare(struct answers *answers, const char *call, int64_t result)
{
	const struct reference *with = answers->compare;
	const struct answer *before = &with->at[answers->compared++];
	char text[32], why[64];

	if (answers->compared > with->count)
		answers_fault(answers, call, "is made behind the end of the reference");
	else if (strcmp(before->call, call))
		answers_fault(answers, call, "is made where another call was made before");
	else if (before->result != what_counts(call, result)) {
		snprintf(why, sizeof(why), "and %s before", name_of(before->result, text));
		is_wrong(answers, call, result, why);
	}
}

void answers_note(void *data, const char *call, int64_t result)
{
	struct answers *answers = data;
	int refusal = answers->context->refusal;
	bool refuses = refusal && answers_are_documented(call, refusal);
	uint32_t number = number_of(call);

	if (number == CALLS_MAX) {
		answers_fault(answers, call, "is in no header");
		return;
	}
	answers->calls[number].made++;
	answers->calls[number].failed += result < 0;
	answers->calls[number].refused += refuses && result == -refusal;
	if (answers->fill && answers->fill->count < ANSWERS_KEPT)
		answers->fill->at[answers->fill->count++] =
			(struct answer){ call, what_counts(call, result) };
	if (result < 0 && !answers_are_documented(call, (int)-result) &&
	    !answers_are_documented(call, 0))
		is_wrong(answers, call, result, "which its header does not give");
	if (is_excepted(answers->context, call, &result)) {
		answers->compared += answers->compare != NULL;
		return;
	}
	if (refuses && result != -refusal && !is_of_arguments(result))
		is_wrong(answers, call, result, "and its header gives the refusal");
	if (answers->compare && !refuses)
		compare(answers, call, result);
	else
		answers->compared += answers->compare != NULL;
}

/* So often, some time with arguments that are allowed. */
#define OFTEN 30

static void of_call(struct answers *answers, const char *call, const struct answered *at)
{
	int refusal = answers->context->refusal;

	if (refusal && !answers->has_duplicates && at->made >= OFTEN && !at->refused &&
	    answers_are_documented(call, refusal) && !is_excepted(answers->context, call, NULL))
		answers_fault(answers, call, "is never refused");
}

void answers_of_context(struct answers *answers)
{
	uint32_t made = 0, refused = 0, calls = 0, number = 0;
	size_t i;

	for (i = 0; i < DOCUMENTED; i++) {
		const struct answered *at = &answers->calls[number];

		if (i + 1 < DOCUMENTED && !strcmp(documented[i].call, documented[i + 1].call))
			continue;
		number++;
		of_call(answers, documented[i].call, at);
		made += at->made;
		calls += at->made > 0;
		refused += at->refused > 0;
	}
	printf("# %s: %u calls, made %u times; %u of them are refused\n", answers->context->name,
	       calls, made, refused);
	fflush(stdout);
	if (!calls || (answers->context->refusal && !refused))
		answers_fault(answers, "kreg_...", "is not tried");
	memset(answers->calls, 0, sizeof(answers->calls));
}

void answers_check(const struct answers *answers)
{
	ck_assert_msg(!answers->faults[0], "%s", answers->faults);
}
