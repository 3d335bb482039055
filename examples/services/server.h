/* SPDX-License-Identifier: MIT */
/*
 * What all servers have in common: to hold the name alone, to become ready, and to
 * answer.
 *
 * A server works as a plain program, which registers itself, and as one that was started
 * under its name by kreg_service_start() or `regtool up`.
 */
#ifndef EXAMPLES_SERVER_H
#define EXAMPLES_SERVER_H

#include <stdbool.h>

#include "environment.h"
#include "protocol.h"

struct server {
	struct kreg *k;
	const char *space;
	const char *role;
	char key[KREG_KEY_MAX];
	size_t key_size;
	bool was_started; /* its starter has reserved the name for it */
};

/* What one server does differently from another. */
struct server_work {
	/* Writes up to TEXT_MAX bytes to @text. Return: whether the request was carried out. */
	bool (*answer)(void *data, char *request, char *text);
	/*
	 * @fd is readable; NULL: there is no other fd. Return: false if nothing more will
	 * come.
	 */
	bool (*take)(void *data);
	int fd;
	void *data;
};

/*
 * Takes the role of this process, or @role, without being found yet. From here on no
 * other process has the role, so files that are read and repaired from now on are private
 * to this process. Return: 0; -1 after printing what is wrong.
 */
int server_open(struct server *server, const char *role);

/*
 * Listens, is found, and answers until it is killed. There is nothing to clean up: the
 * name goes with the process. Return: -1 on failure.
 */
int server_run(struct server *server, const struct server_work *work);

void server_close(struct server *server);

#endif
