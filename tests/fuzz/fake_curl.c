/* SPDX-License-Identifier: MIT */
/* Functions stand here, where curl.h has macros that check their arguments. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/list.h>

#include "tests/fuzz/fake_curl.h"
#include "tests/fuzz/target.h"

struct easy {
	struct cds_list_head all;
	char *url;
	const char *body;
	char *error;
	void *private;
	curl_write_callback take;
	void *taker;
	long status;
	CURLcode result;
	bool is_running, is_over, is_told;
	CURLMsg message;
};

static CDS_LIST_HEAD(running);
static const char *next_path;
static const struct fake_answer *next_answer;
static bool is_passing_on;

void (*fake_hears)(const char *url, const char *body);

void fake_answers(const char *path, const struct fake_answer *answer)
{
	next_path = path;
	next_answer = answer;
}

unsigned int fake_count(void)
{
	struct easy *easy;
	unsigned int count = 0;

	cds_list_for_each_entry (easy, &running, all)
		count += !easy->is_over;
	return count;
}

CURL *curl_easy_init(void)
{
	return calloc(1, sizeof(struct easy));
}

void curl_easy_cleanup(CURL *curl)
{
	struct easy *easy = curl;

	fuzz_must(!easy->is_running && !is_passing_on, "a transfer is freed while it runs");
	free(easy->url);
	free(easy);
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	struct easy *easy = curl;
	va_list list;

	va_start(list, option);
	switch (option) {
	case CURLOPT_URL:
		free(easy->url);
		easy->url = strdup(va_arg(list, const char *));
		break;
	case CURLOPT_POSTFIELDS:
		easy->body = va_arg(list, const char *);
		break;
	case CURLOPT_WRITEFUNCTION:
		easy->take = va_arg(list, curl_write_callback);
		break;
	case CURLOPT_WRITEDATA:
		easy->taker = va_arg(list, void *);
		break;
	case CURLOPT_ERRORBUFFER:
		easy->error = va_arg(list, char *);
		break;
	case CURLOPT_PRIVATE:
		easy->private = va_arg(list, void *);
		break;
	default:
		break;
	}
	va_end(list);
	return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	struct easy *easy = curl;
	va_list list;

	va_start(list, info);
	if (info == CURLINFO_RESPONSE_CODE)
		*va_arg(list, long *) = easy->status;
	else if (info == CURLINFO_PRIVATE)
		*va_arg(list, void **) = easy->private;
	else if (info == CURLINFO_NUM_CONNECTS)
		*va_arg(list, long *) = 1;
	else if (info == CURLINFO_APPCONNECT_TIME_T)
		*va_arg(list, curl_off_t *) = 1;
	else
		fuzz_must(0, "what is asked of a transfer");
	va_end(list);
	return CURLE_OK;
}

const char *curl_easy_strerror(CURLcode code)
{
	return code == CURLE_OK ? "no error" : "an error";
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
	struct curl_slist *last = list, *more = calloc(1, sizeof(*more));

	if (!more)
		return NULL;
	more->data = strdup(text);
	while (last && last->next)
		last = last->next;
	if (last)
		last->next = more;
	return list ? list : more;
}

void curl_slist_free_all(struct curl_slist *list)
{
	struct curl_slist *next;

	for (; list; list = next) {
		next = list->next;
		free(list->data);
		free(list);
	}
}

CURLM *curl_multi_init(void)
{
	return malloc(1);
}

CURLMcode curl_multi_cleanup(CURLM *multi)
{
	fuzz_must(cds_list_empty(&running), "transfers are left");
	free(multi);
	return CURLM_OK;
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *curl)
{
	struct easy *easy = curl;

	(void)multi;
	fuzz_must(!is_passing_on, "a transfer begins while bytes are passed on");
	easy->is_running = true;
	cds_list_add_tail(&easy->all, &running);
	if (fake_hears)
		fake_hears(easy->url, easy->body);
	return CURLM_OK;
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *curl)
{
	struct easy *easy = curl;

	(void)multi;
	fuzz_must(!is_passing_on, "a transfer ends while bytes are passed on");
	if (easy->is_running)
		cds_list_del(&easy->all);
	easy->is_running = false;
	return CURLM_OK;
}

CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned int count, int timeout_ms,
			  int *ready)
{
	(void)multi;
	(void)fds;
	(void)count;
	(void)timeout_ms;
	(void)ready;
	return CURLM_OK;
}

static struct easy *to_answer(void)
{
	struct easy *easy, *oldest = NULL;

	cds_list_for_each_entry (easy, &running, all) {
		size_t url = strlen(easy->url), path = strlen(next_path);

		if (easy->is_over)
			continue;
		if (url >= path && !strcmp(easy->url + url - path, next_path))
			return easy;
		if (!oldest)
			oldest = easy;
	}
	return oldest;
}

/* Each piece in memory of its own, at whose end a sanitizer sees what reads on. */
static bool pass_on(struct easy *easy, const char *bytes, size_t size)
{
	char *own = malloc(size);
	size_t taken;

	fuzz_must(own != NULL, "memory for a piece");
	memcpy(own, bytes, size);
	is_passing_on = true;
	taken = easy->take(own, 1, size, easy->taker);
	is_passing_on = false;
	free(own);
	return taken == size;
}

static void answer(struct easy *easy, const struct fake_answer *a)
{
	size_t at = 0, size;

	easy->status = a->status;
	for (; at < a->size && !easy->is_over; at += size) {
		size = a->size - at < a->piece ? a->size - at : a->piece;
		if (!pass_on(easy, a->bytes + at, size)) {
			easy->is_over = true;
			easy->result = CURLE_WRITE_ERROR;
		}
	}
	if (easy->is_over || !a->is_all)
		return;
	easy->is_over = true;
	if (!a->is_broken)
		return;
	easy->result = CURLE_RECV_ERROR;
	strcpy(easy->error, "the connection is lost");
}

CURLMcode curl_multi_perform(CURLM *multi, int *count)
{
	struct easy *easy = next_answer ? to_answer() : NULL;

	(void)multi;
	if (easy)
		answer(easy, next_answer);
	next_answer = NULL;
	*count = (int)fake_count();
	return CURLM_OK;
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
	struct easy *easy;

	(void)multi;
	*left = 0;
	cds_list_for_each_entry (easy, &running, all) {
		if (!easy->is_over || easy->is_told)
			continue;
		easy->is_told = true;
		easy->message.msg = CURLMSG_DONE;
		easy->message.easy_handle = easy;
		easy->message.data.result = easy->result;
		return &easy->message;
	}
	return NULL;
}
