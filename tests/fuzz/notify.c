/* SPDX-License-Identifier: MIT */
/*
 * A datagram that a service sends to its notify socket: any datagram is read without
 * going beyond its end, the parsed parts point only into it, and what is passed on is no
 * larger.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/services/start/notify_text.h"
#include "tests/fuzz/target.h"

const char fuzz_name[] = "notify";
const unsigned int fuzz_runs = 3000;

static int is_within(const char *at, size_t bytes, const char *text, size_t size)
{
	return !at || (at >= text && bytes <= size && (size_t)(at - text) <= size - bytes);
}

/*
 * The text and its copy end where their memory ends, so that a sanitizer detects any
 * access beyond.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1), *out = malloc(size ? size : 1);
	struct notify_words words;

	fuzz_must(text && out, "no memory");
	memcpy(text, data, size);
	if (size <= NOTIFY_BYTES && notify_text_read(text, size, &words)) {
		fuzz_must(is_within(words.status, words.status_size, text, size),
			  "the status is not in the text");
		fuzz_must(is_within(words.value, words.value_size, text, size),
			  "the value is not in the text");
		fuzz_must(words.main_pid >= 0, "a main process below 0");
		fuzz_must(notify_text_pass_on(text, size, out) <= size,
			  "more is passed on than came");
	}
	fuzz_must(!memcmp(text, data, size), "the text was changed");
	free(text);
	free(out);
	return 0;
}
