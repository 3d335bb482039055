/* SPDX-License-Identifier: MIT */
#include "tests/support/heard.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/tmp.h"

struct heard heard_process, heard_handles;
struct kreg *heard_k, *heard_d;
struct kreg_owner heard_self;

void hear(const char *sentence, void *data)
{
	struct heard *heard = data;

	heard->count++;
	snprintf(heard->sentence, sizeof(heard->sentence), "%s", sentence);
}

struct kreg *heard_open(const char *name, uint32_t keys, uint32_t partitions, struct heard *heard)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .keys = keys,
		     .partitions = partitions, .log = heard ? hear : NULL, .log_data = heard);
	struct kreg *opened;

	ck_assert_int_eq(kreg_open(&opened, name, &options), 0);
	return opened;
}

void heard_clear(void)
{
	heard_process.count = heard_handles.count = 0;
	*heard_process.sentence = *heard_handles.sentence = 0;
}

void heard_expect(const char *call, const char *says, int64_t got)
{
	const struct heard *heard = heard_handles.count ? &heard_handles : &heard_process;
	size_t size = strlen(call);

	ck_assert_msg(got == -EINVAL, "%s, %s: returned %lld", call, says, (long long)got);
	ck_assert_msg(heard_process.count + heard_handles.count == 1,
		      "%s, %s: %d sentences, the last: %s", call, says,
		      heard_process.count + heard_handles.count, heard->sentence);
	ck_assert_msg(!strncmp(heard->sentence, call, size) && heard->sentence[size] == ':' &&
			      strstr(heard->sentence + size, says),
		      "%s, %s: says \"%s\"", call, says, heard->sentence);
}

void heard_begin(int i)
{
	ck_assert_int_eq(kreg_set_log(hear, &heard_process), 0);
	heard_k = heard_open("arguments", KREG_KEYS_UNIQUE, 0, i ? &heard_handles : NULL);
	heard_d = heard_open("duplicates", KREG_KEYS_DUPLICATE, 2, i ? &heard_handles : NULL);
	ck_assert_int_eq(kreg_self(heard_k, &heard_self), 0);
	ck_assert_int_eq(kreg_register(heard_k, "a", 1, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_register(heard_d, "a", 1, "value", 5, NULL), 0);
}

void heard_end(void)
{
	kreg_close(heard_k);
	kreg_close(heard_d);
	ck_assert_int_eq(kreg_set_log(NULL, NULL), 0);
}
