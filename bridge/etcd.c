/* SPDX-License-Identifier: MIT */
#include "bridge/etcd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/list.h>

#define TOKEN_MAX 4096

struct etcd {
	const struct etcd_options *options;
	CURLM *multi;
	size_t at;    /* of the endpoints */
	char **plain; /* the same without passwords */
	struct cds_list_head calls;
	struct etcd_call *auth; /* the call that asks for a token */
	char token[TOKEN_MAX];
	char reason[ETCD_REASON_MAX];
	char refused[ETCD_REASON_MAX]; /* why there is no token, or "" */
};

struct etcd_call {
	struct cds_list_head all;
	struct etcd *etcd;
	CURL *curl;
	struct curl_slist *headers;
	char *body;
	char *answer;
	size_t size, room;
	size_t read; /* of a stream: up to where there is no end of a line */
	bool is_stream;
	bool is_over; /* cancelled, or its caller has the end */
	int err;      /* why a stream's line has ended it */
	char error[CURL_ERROR_SIZE];
	etcd_done_fn done;
	void *data;
};

const char *etcd_endpoint(const struct etcd *etcd)
{
	return etcd->plain[etcd->at];
}

const char *etcd_reason(const struct etcd *etcd)
{
	return etcd->reason;
}

/* In ASCII without control characters: it is for a log, and of any bytes. */
static void reason(struct etcd *etcd, const char *text)
{
	size_t i;

	snprintf(etcd->reason, sizeof(etcd->reason), "%s", text);
	for (i = 0; etcd->reason[i]; i++) {
		if (etcd->reason[i] < ' ' || etcd->reason[i] > '~')
			etcd->reason[i] = '?';
	}
}

void etcd_next(struct etcd *etcd)
{
	etcd->at = (etcd->at + 1) % etcd->options->count;
}

int etcd_new(struct etcd **out, const struct etcd_options *options)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	if (!etcd)
		return -ENOMEM;
	CDS_INIT_LIST_HEAD(&etcd->calls);
	etcd->options = options;
	etcd->multi = curl_multi_init();
	etcd->plain = etcd_urls_plain(options->endpoints, options->count);
	if (!etcd->multi || !etcd->plain) {
		etcd_free(etcd);
		return -ENOMEM;
	}
	*out = etcd;
	return 0;
}

static void call_free(struct etcd_call *call)
{
	if (call->etcd->auth == call)
		call->etcd->auth = NULL;
	if (call->curl) {
		curl_multi_remove_handle(call->etcd->multi, call->curl);
		curl_easy_cleanup(call->curl);
	}
	curl_slist_free_all(call->headers);
	cds_list_del(&call->all);
	free(call->body);
	free(call->answer);
	free(call);
}

void etcd_free(struct etcd *etcd)
{
	struct etcd_call *call, *next;

	if (!etcd)
		return;
	cds_list_for_each_entry_safe (call, next, &etcd->calls, all)
		call_free(call);
	curl_multi_cleanup(etcd->multi);
	etcd_urls_free(etcd->plain);
	free(etcd);
}

/* Not freed here: libcurl may be about to call back for it. */
void etcd_cancel(struct etcd_call *call)
{
	if (call)
		call->is_over = true;
}

/* The codes of gRPC, which the gateway passes on. */
static int error_of_code(struct etcd *etcd, uint64_t code)
{
	switch (code) {
	case 5:
		return -ENOENT;
	case 7:
		return -EACCES;
	case 11:
		return -ERANGE;
	case 16:
		etcd->token[0] = 0;
		return -EAGAIN;
	case 1: /* cancelled: the member stops */
	case 4:
	case 14:
		return -ENOTCONN;
	default:
		return -EREMOTEIO;
	}
}

/* The error that @answer is, or 0. A stream's is an object of its own. */
static int error_of(struct etcd *etcd, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const json_t *from = json_is_object(error) ? error : answer;
	const char *text = json_string_value(json_object_get(from, "message"));
	uint64_t code =
		etcd_number(from, json_object_get(from, "grpc_code") ? "grpc_code" : "code");

	if (!error)
		return 0;
	if (!text)
		text = json_is_string(error) ? json_string_value(error) : "an error without a text";
	reason(etcd, text);
	if (strstr(text, "invalid auth token")) {
		etcd->token[0] = 0;
		return -EAGAIN;
	}
	if (strstr(text, "authentication failed"))
		return -EACCES;
	if (strstr(text, "future revision"))
		return -ESTALE;
	if (strstr(text, "no leader") || strstr(text, "timed out"))
		return -ENOTCONN;
	return error_of_code(etcd, code);
}

static json_t *json_of(const char *text, size_t size)
{
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static void finish(struct etcd_call *call, int err, const json_t *answer)
{
	if (call->is_over)
		return;
	call->is_over = true;
	call->done(err, answer, call->data);
}

/* Passes the whole lines on. What is behind them is not looked at again when more comes. */
static int read_lines(struct etcd_call *call)
{
	size_t line = 0;
	int err = 0;
	char *end;

	while (!call->is_over && !err &&
	       (end = memchr(call->answer + call->read, '\n', call->size - call->read))) {
		json_t *json = json_of(call->answer + line, (size_t)(end - call->answer) - line);

		call->read = line = (size_t)(end - call->answer) + 1;
		err = json ? error_of(call->etcd, json) : -EPROTO;
		if (!err)
			call->done(0, json_object_get(json, "result"), call->data);
		json_decref(json);
	}
	memmove(call->answer, call->answer + line, call->size - line);
	call->size -= line;
	call->read = call->size;
	return err;
}

static size_t take(char *bytes, size_t one, size_t count, void *data)
{
	struct etcd_call *call = data;
	size_t room = call->room ? call->room : 4096;
	char *grown;

	count *= one;
	if (call->is_over || count > ETCD_ANSWER_MAX - call->size) {
		call->err = -EPROTO;
		return 0;
	}
	while (room < call->size + count + 1)
		room *= 2;
	if (room != call->room) {
		grown = realloc(call->answer, room);
		if (!grown)
			return 0;
		call->answer = grown;
		call->room = room;
	}
	memcpy(call->answer + call->size, bytes, count);
	call->size += count;
	call->answer[call->size] = 0;
	if (call->is_stream)
		call->err = read_lines(call);
	return call->err ? 0 : count;
}

static void set_tls(CURL *curl, const struct etcd_options *options)
{
	if (options->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca);
	if (options->cert)
		curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert);
	if (options->key)
		curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_time(CURL *curl, const struct etcd_options *options, bool is_stream)
{
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms);
	if (!is_stream)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 5L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 2L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

static bool set_headers(struct etcd_call *call)
{
	const char *const headers[] = { "Content-Type: application/json", "Expect:",
					/* A member that has no leader ends the stream. */
					"Grpc-Metadata-hasleader: true" };
	char token[TOKEN_MAX + 32];
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct curl_slist *more = curl_slist_append(call->headers, headers[i]);

		if (!more)
			return false;
		call->headers = more;
	}
	if (call->etcd->token[0]) {
		struct curl_slist *more;

		snprintf(token, sizeof(token), "Authorization: %s", call->etcd->token);
		more = curl_slist_append(call->headers, token);
		if (!more)
			return false;
		call->headers = more;
	}
	curl_easy_setopt(call->curl, CURLOPT_HTTPHEADER, call->headers);
	return true;
}

static bool call_start(struct etcd_call *call, const char *path)
{
	struct etcd *etcd = call->etcd;
	char url[1024];

	call->curl = curl_easy_init();
	if (!call->curl || !set_headers(call))
		return false;
	snprintf(url, sizeof(url), "%s/v3/%s", etcd->options->endpoints[etcd->at], path);
	curl_easy_setopt(call->curl, CURLOPT_URL, url);
	curl_easy_setopt(call->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(call->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
	curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, call->body);
	curl_easy_setopt(call->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(call->curl, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->curl, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->curl, CURLOPT_PRIVATE, call);
	set_tls(call->curl, etcd->options);
	set_time(call->curl, etcd->options, call->is_stream);
	return curl_multi_add_handle(etcd->multi, call->curl) == CURLM_OK;
}

static struct etcd_call *begin(struct etcd *etcd, const char *path, json_t *body, bool is_stream,
			       etcd_done_fn done, void *data)
{
	struct etcd_call *call = calloc(1, sizeof(*call));

	if (!call) {
		json_decref(body);
		return NULL;
	}
	call->etcd = etcd;
	call->is_stream = is_stream;
	call->done = done;
	call->data = data;
	cds_list_add_tail(&call->all, &etcd->calls);
	call->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (call->body && call_start(call, path))
		return call;
	call_free(call);
	return NULL;
}

static void on_token(int err, const json_t *answer, void *data)
{
	const char *token = json_string_value(json_object_get(answer, "token"));
	struct etcd *etcd = data;

	etcd->auth = NULL;
	if (err == -EACCES)
		snprintf(etcd->refused, sizeof(etcd->refused), "%s", etcd->reason);
	else
		etcd->refused[0] = 0;
	if (!err && token && strlen(token) < TOKEN_MAX && !strpbrk(token, "\r\n"))
		snprintf(etcd->token, sizeof(etcd->token), "%s", token);
}

/* Where there is a user, and no token for it yet, the call goes without one, and fails. */
static void ask_for_token(struct etcd *etcd)
{
	const struct etcd_options *o = etcd->options;

	if (!o->user || etcd->token[0] || etcd->auth)
		return;
	etcd->auth = begin(etcd, "auth/authenticate",
			   json_pack("{s:s, s:s}", "name", o->user, "password",
				     o->password ? o->password : ""),
			   false, on_token, etcd);
}

struct etcd_call *etcd_begin(struct etcd *etcd, const char *path, json_t *body, etcd_done_fn done,
			     void *data)
{
	ask_for_token(etcd);
	return begin(etcd, path, body, false, done, data);
}

struct etcd_call *etcd_stream(struct etcd *etcd, const char *path, json_t *body, etcd_done_fn done,
			      void *data)
{
	ask_for_token(etcd);
	return begin(etcd, path, body, true, done, data);
}

/* What a call that was not a stream has ended with. */
static int whole_answer(struct etcd_call *call, long status, json_t **answer)
{
	struct etcd *etcd = call->etcd;
	char text[160];
	int err;

	*answer = json_of(call->answer ? call->answer : "", call->size);
	if (!*answer) {
		snprintf(text, sizeof(text), "status %ld, and the answer is no JSON: %.80s", status,
			 call->answer ? call->answer : "");
		reason(etcd, text);
		return status == 200 ? -EPROTO : -ENOTCONN;
	}
	err = error_of(etcd, *answer);
	if (!err && status != 200) {
		reason(etcd, "an answer without a reason");
		err = -ENOTCONN;
	}
	if (err == -EREMOTEIO && status >= 500 && status != 500)
		err = -ENOTCONN;
	return err;
}

static void call_ended(struct etcd_call *call, CURLcode code)
{
	char why[ETCD_REASON_MAX];
	json_t *answer = NULL;
	long status = 0;
	int err = call->err;

	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK && !err && !call->is_over) {
		etcd_failure(why, call->curl, code, call->error);
		reason(call->etcd, why);
		err = -ENOTCONN;
	} else if (!err && !call->is_over) {
		err = call->is_stream && status == 200 ? -ENOTCONN
						       : whole_answer(call, status, &answer);
	}
	/* With a user: of a call that was made before there was a token. */
	if (err && err != -ENOTCONN && call->etcd->options->user && call != call->etcd->auth &&
	    strstr(call->etcd->reason, "user name is empty")) {
		err = call->etcd->refused[0] ? -EACCES : -EAGAIN;
		if (err == -EACCES)
			reason(call->etcd, call->etcd->refused);
	}
	finish(call, err, err ? NULL : answer);
	json_decref(answer);
	call_free(call);
}

static void free_cancelled(struct etcd *etcd)
{
	struct etcd_call *call, *next;

	cds_list_for_each_entry_safe (call, next, &etcd->calls, all) {
		if (call->is_over)
			call_free(call);
	}
}

int etcd_run(struct etcd *etcd, struct curl_waitfd *fds, unsigned int count, int timeout_ms)
{
	int running, left;
	CURLMsg *message;

	free_cancelled(etcd);
	if (curl_multi_poll(etcd->multi, fds, count, timeout_ms, NULL) != CURLM_OK ||
	    curl_multi_perform(etcd->multi, &running) != CURLM_OK)
		return -EIO;
	while ((message = curl_multi_info_read(etcd->multi, &left))) {
		struct etcd_call *call;

		if (message->msg != CURLMSG_DONE)
			continue;
		if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call) ==
		    CURLE_OK)
			call_ended(call, message->data.result);
	}
	return 0;
}
