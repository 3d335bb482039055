/* SPDX-License-Identifier: MIT */
/*
 * libcurl without a network: transfers that the test answers, and that end as it says.
 *
 * As libcurl it takes no call of a transfer while it passes bytes on; the test aborts at one.
 *
 * Context   one thread.
 * Used by   etcd.c.
 */
#ifndef KREG_TESTS_FUZZ_FAKE_CURL_H
#define KREG_TESTS_FUZZ_FAKE_CURL_H

#include <stdbool.h>
#include <stddef.h>

struct fake_answer {
	const char *bytes;
	size_t size, piece; /* how many bytes come at once */
	long status;
	bool is_all;    /* the transfer ends then, */
	bool is_broken; /* as one whose connection is lost */
};

/* What the test does with each request: the end of its URL, and the body. */
extern void (*fake_hears)(const char *url, const char *body);

/*
 * The next curl_multi_perform() answers the oldest transfer whose URL ends with @path, or, if there
 * is none, the oldest of all. @answer and its bytes have to stay until then.
 */
void fake_answers(const char *path, const struct fake_answer *answer);

/* How many transfers there are. */
unsigned int fake_count(void);

#endif
