/* SPDX-License-Identifier: MIT */
/*
 * A client: asks a service by its name, whichever process that is at the moment.
 *
 * A request that got no answer because the service died is sent again to the next one. So it may be carried out
 * twice, and a service for which that matters has to know it again: event_store does, by its id.
 */
#ifndef EXAMPLES_CLIENT_H
#define EXAMPLES_CLIENT_H

#include <kreg.h>

#include "protocol.h"

struct client {
	struct kreg *k;
	const char *space;
	const char *role;
	int64_t timeout_ms; /* for a request and its answer, the service's absence included */
	struct kreg_owner service;
	int fd;          /* negative: not connected */
	uint64_t resent; /* requests that a service took into death */
};

/* Connects at the first request. What the pointers lead to has to stay. */
void client_init(struct client *client, struct kreg *k, const char *space, const char *role,
		 int64_t timeout_ms);

void client_deinit(struct client *client);

/*
 * @text: room for TEXT_MAX bytes; what the service has answered.
 * Context: blocks. One thread at a time.
 * Return: 0; 1 the service has refused it, and @text says why; -ETIMEDOUT there was no answer in time;
 *         -EMSGSIZE the request is longer than REQUEST_MAX; -EPROTO the answer is none; what kreg_service_await() and kreg_connect() may fail with.
 */
int client_ask(struct client *client, const char *request, char *text);

#endif
