/* SPDX-License-Identifier: MIT */
/*
 * A client: asks a service by its name, whichever process has it at the moment.
 *
 * A request that got no answer because the service died is sent again to the next one. So
 * it may be carried out twice, and a service for which that matters has to recognise it:
 * event_store does, by its id.
 */
#ifndef EXAMPLES_CLIENT_H
#define EXAMPLES_CLIENT_H

#include <kreg.h>

#include "protocol.h"

struct client {
	struct kreg *k;
	const char *space;
	const char *role;
	int64_t timeout_ms; /* for a request and its answer, including the service's absence */
	struct kreg_owner service;
	int fd;          /* negative: not connected */
	uint64_t resent; /* requests whose service died before it answered */
};

/* Connects at the first request. What the pointers lead to has to stay valid. */
void client_init(struct client *client, struct kreg *k, const char *space, const char *role,
		 int64_t timeout_ms);

void client_deinit(struct client *client);

/*
 * @text: room for TEXT_MAX bytes; the service's answer. Context: blocks. One thread at a
 * time. Return: 0; 1: the service refused, and @text says why; -ETIMEDOUT: no answer in
 * time;
 *         -EMSGSIZE: the request is longer than REQUEST_MAX; -EPROTO: the answer is malformed;
 *         errors of kreg_service_await() and kreg_connect().
 */
int client_ask(struct client *client, const char *request, char *text);

#endif
