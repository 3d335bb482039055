/* SPDX-License-Identifier: MIT */
/*
 * What is said about an argument that a call refuses: one sentence, "CALL: ARGUMENT is ...",
 * to the handle's log, or else to the process's.
 *
 * It is made without printf(3), allocation and lock, because lookups in signal handlers may
 * come here.
 */
#include "lib/handle/refuse.h"

#include <errno.h>

#include "base/outside.h"
#include "lib/handle/handle.h"

#define SENTENCE_BYTES 512

/* A call that a log makes is not reported to the log. */
static __thread bool is_telling __attribute__((tls_model("initial-exec")));

struct telling {
	struct log_to log;
	char sentence[SENTENCE_BYTES];
};

static size_t put(char *out, size_t at, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text && at + 5 < SENTENCE_BYTES; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= ' ' && byte <= '~') {
			out[at++] = *text;
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = digits[byte >> 4];
		out[at++] = digits[byte & 15];
	}
	return at;
}

static void tell(void *data)
{
	OUTSIDE_OF_CALL;
	const struct telling *telling = data;

	telling->log.log(telling->sentence, telling->log.data);
}

int kreg_inner_refuse_to(kreg_log_fn log, void *data, const char *call, const char *const *sentence)
{
	struct telling telling = { .log = { log, data } };
	size_t at;

	if (!log)
		log_of_process(&telling.log);
	if (!telling.log.log || is_telling)
		return -EINVAL;
	at = put(telling.sentence, 0, call);
	at = put(telling.sentence, at, ": ");
	for (; *sentence; sentence++)
		at = put(telling.sentence, at, *sentence);
	telling.sentence[at] = 0;
	is_telling = true;
	outside_call(tell, &telling);
	is_telling = false;
	return -EINVAL;
}

int kreg_inner_refuse(const struct kreg *k, const char *call, const char *const *sentence)
{
	return kreg_inner_refuse_to(k ? k->log.log : NULL, k ? k->log.data : NULL, call, sentence);
}

int kreg_inner_refuse_key(const struct kreg *k, const char *call, const void *key)
{
	const char *sentence[] = { K_IS_NULL, NULL };

	if (k && !key)
		sentence[0] = "key is NULL";
	else if (k)
		sentence[0] = "key is empty: a key has 1 to 255 bytes";
	return kreg_inner_refuse(k, call, sentence);
}
