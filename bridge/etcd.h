/* SPDX-License-Identifier: MIT */
/*
 * A client of etcd's JSON gateway (v3): calls and streams of one thread, none of which blocks.
 *
 * All calls go to one member. When that one does not answer, or says that it has no leader, the
 * caller turns to the next one by etcd_next(). With a user a token is asked for first, and again
 * when etcd does not know it any more; the caller's call then fails once with -EAGAIN.
 *
 * Promises  no answer is larger than ETCD_ANSWER_MAX, or takes longer than the time-out, of a
 *           stream the time between two lines is not limited; an answer that is not JSON is an
 *           error. What is in an answer is not to be trusted any further.
 * Context   one thread.
 */
#ifndef BRIDGE_ETCD_H
#define BRIDGE_ETCD_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ETCD_ANSWER_MAX (48u << 20)

#define ETCD_REASON_MAX 256

struct etcd_options {
	char *const *
		endpoints; /* "http://10.0.0.1:2379"; perhaps with a password: see etcd_endpoint() */
	size_t count;
	const char *ca, *cert, *key; /* files; NULL: the system's, none, none */
	const char *user, *password; /* NULL: none */
	uint32_t timeout_ms;
};

struct etcd;
struct etcd_call;

/*
 * The end of a call, or a line of a stream. @err: 0, with the object @answer, which is freed
 * afterwards; or
 *   -EAGAIN        the token was renewed, or has to be: call again
 *   -ENOTCONN      no answer, or one of a member without a leader: etcd_next()
 *   -EACCES        not permitted, or the password is wrong
 *   -ENOENT        what it is about does not exist: a lease
 *   -ERANGE        the revision was compacted
 *   -ESTALE        etcd has not come to the revision: it is an earlier one
 *   -EPROTO        the answer is none
 *   -EREMOTEIO     etcd says another error
 * The call is over then, and so is a stream, which ends without one as well: -ENOTCONN.
 */
typedef void (*etcd_done_fn)(int err, const json_t *answer, void *data);

int etcd_new(struct etcd **out, const struct etcd_options *options);
void etcd_free(struct etcd *etcd);

/*
 * Begins a call of @path, "kv/range" say, with @body, which is freed. @done is called once, not
 * before etcd_run(). NULL: no memory.
 */
struct etcd_call *etcd_begin(struct etcd *etcd, const char *path, json_t *body, etcd_done_fn done,
			     void *data);

/* The same of an answer of many lines, with the "result" of each. */
struct etcd_call *etcd_stream(struct etcd *etcd, const char *path, json_t *body, etcd_done_fn done,
			      void *data);

/* Ends a call; @done is not called any more. NULL is allowed. */
void etcd_cancel(struct etcd_call *call);

/* The next calls go to the next member. */
void etcd_next(struct etcd *etcd);
/* The one to which calls go, without a user and a password. */
const char *etcd_endpoint(const struct etcd *etcd);
/* @url without them, which the caller frees; NULL: no memory. */
char *etcd_url_plain(const char *url);
char **etcd_urls_plain(char *const *urls, size_t count);
void etcd_urls_free(char **urls);

/* What is wrong with the last call that failed, for people. */
const char *etcd_reason(const struct etcd *etcd);

/* Waits until a call makes progress, one of @fds is ready or @timeout_ms is over, and goes on. */
int etcd_run(struct etcd *etcd, struct curl_waitfd *fds, unsigned int count, int timeout_ms);

/*
 * A number of the gateway, which writes 64 bits as a string; 0: it is none. Ids of clusters and
 * members have 64 bits, of which the first is set in every second one; all others have 63.
 */
uint64_t etcd_number(const json_t *object, const char *key);
uint64_t etcd_id(const json_t *object, const char *key);

/* Of a transfer that has ended with @code and libcurl's @error, which may be "". */
void etcd_failure(char out[ETCD_REASON_MAX], CURL *curl, CURLcode code, const char *error);

#endif
