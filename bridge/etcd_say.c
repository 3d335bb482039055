/* SPDX-License-Identifier: MIT */
/*
 * Why a transfer has failed, for the log.
 *
 * With TLS 1.3 a server looks at the client's certificate when the client's handshake is over already,
 * so its refusal comes where an answer is expected. libcurl reads the alert, or fails before that:
 * what it sends is answered by a reset, and then it only says that. So the moment is said in both cases.
 */
#include <stdio.h>

#include "bridge/etcd.h"

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
