/* SPDX-License-Identifier: MIT */
/*
 * services ask ROLE REQUEST...    asks a service of the namespace, and prints its answer
 * services ask ROLE               the same with each line of the input
 *
 * Exit status: 0; 1: the service refused, or there was none within ten seconds; 2: usage.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "environment.h"

#define TIMEOUT_MS 10000

static int ask(struct client *client, const char *request)
{
	char text[TEXT_MAX], what[KREG_ROLE_MAX + 64];
	int err = client_ask(client, request, text);

	if (err == 1) {
		fprintf(stderr, "services: %s says: %s\n", client->role, text);
		return -1;
	}
	if (err) {
		snprintf(what, sizeof(what), "get an answer from \"%s\" in \"%s\"", client->role,
			 client->space);
		return fail(what,
			    err == -EMSGSIZE ? "the request is too long" : kreg_strerror(err));
	}
	puts(text);
	return fflush(stdout) ? fail("print the answer", strerror(errno)) : 0;
}

/* Joins the words with spaces. */
static int join(char *const *words, char *request, size_t capacity)
{
	size_t used = 0;

	for (*request = 0; *words; words++) {
		used += (size_t)snprintf(request + used, capacity - used, "%s%s", used ? " " : "",
					 *words);
		if (used >= capacity)
			return fail("ask", "the request is too long");
	}
	return 0;
}

static int ask_all(struct client *client)
{
	char request[REQUEST_MAX + 2];
	int status = 0;

	while (fgets(request, sizeof(request), stdin)) {
		request[strcspn(request, "\n")] = 0;
		if (ask(client, request))
			status = -1;
	}
	return status;
}

int main(int argc, char **argv)
{
	char request[REQUEST_MAX + 1];
	struct client client;
	struct kreg *k;
	int status;

	if (argc < 3 || strcmp(argv[1], "ask") != 0) {
		fputs("usage: services ask ROLE [REQUEST...]\n", stderr);
		return 2;
	}
	k = environment_registry();
	if (!k)
		return 1;
	client_init(&client, k, environment_space(), argv[2], TIMEOUT_MS);
	if (argc == 3)
		status = ask_all(&client);
	else
		status = join(argv + 3, request, sizeof(request)) || ask(&client, request);
	client_deinit(&client);
	kreg_close(k);
	return status ? 1 : 0;
}
