/* SPDX-License-Identifier: MIT */
/*
 * What may be said of a URL: it may have a user and a password, which belong into no log and into no
 * entry that others read. And why a transfer has failed.
 *
 * With TLS 1.3 a server looks at the client's certificate when the client's handshake is over already,
 * so its refusal comes where an answer is expected. libcurl reads the alert, or fails before that:
 * what it sends is answered by a reset, and then it only says that. So the moment is said in both cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/etcd.h"

/* All up to the last @ goes, so that nothing of a password stays that has an @ or a slash itself. */
char *etcd_url_plain(const char *url)
{
	const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');
	size_t head = scheme && scheme < at ? (size_t)(scheme - url) + strlen("://") : 0;
	size_t size = strlen(url) + 1;
	char *out = malloc(size);

	if (out)
		snprintf(out, size, "%.*s%s", (int)head, url, at ? at + 1 : url);
	return out;
}

char **etcd_urls_plain(char *const *urls, size_t count)
{
	char **out = calloc(count + 1, sizeof(*out));
	size_t i;

	for (i = 0; out && i < count; i++) {
		out[i] = etcd_url_plain(urls[i]);
		if (!out[i]) {
			etcd_urls_free(out);
			return NULL;
		}
	}
	return out;
}

void etcd_urls_free(char **urls)
{
	size_t i;

	for (i = 0; urls && urls[i]; i++)
		free(urls[i]);
	free(urls);
}

/* A new connection of TLS, its handshake is over, and no answer has come. */
static bool is_behind_handshake(CURL *curl, CURLcode code)
{
	long connections = 0, status = 0;
	curl_off_t handshake = 0;

	return code != CURLE_OPERATION_TIMEDOUT &&
	       curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	       curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connections) == CURLE_OK &&
	       curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &handshake) == CURLE_OK &&
	       !status && connections && handshake;
}

void etcd_failure(char out[ETCD_REASON_MAX], CURL *curl, CURLcode code, const char *error)
{
	snprintf(out, ETCD_REASON_MAX, "%.*s%s", ETCD_REASON_MAX / 2,
		 error[0] ? error : curl_easy_strerror(code),
		 is_behind_handshake(curl, code)
			 ? "; etcd ended the connection behind the handshake: it may refuse the "
			   "certificate of this host, or want one"
			 : "");
}
