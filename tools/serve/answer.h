/* SPDX-License-Identifier: MIT */
/*
 * What a request gets. After each answer the connection is closed, so that none is kept for the
 * next one.
 *
 *   GET, HEAD /metrics    200, the text, in the form that the client prefers; 503 and a sentence,
 *                         if it could not be made
 *   GET, HEAD /           200, where the text is
 *   others of these       405, with Allow
 *   other paths           404
 *   a Host of elsewhere   421, at a port: what a browser sends for a page of another host, whose
 *                         name has come to lead here
 *
 * A text is made for a request, and serves all requests that are answered in the same turn of the
 * loop and whose connections came before it was begun. So many clients at once cost one text, and a
 * client that has changed a registry before it connects sees the change.
 *
 * Context   the server's thread.
 * Used by   server.c.
 */
#ifndef TOOLS_SERVE_ANSWER_H
#define TOOLS_SERVE_ANSWER_H

#include "tools/serve/connections.h"
#include "tools/serve/library.h"
#include "tools/serve/server.h"

enum serve_form {
	SERVE_OLDER,
	SERVE_OPENMETRICS,
	SERVE_FORMS,
};

struct serve_text {
	struct MHD_Response *response; /* NULL: there is none of this turn */
	unsigned int status;
	uint64_t number; /* of connections.count: later ones do not get it */
};

struct serve_answers {
	const struct serve *serve;
	struct connections connections;
	struct serve_text texts[SERVE_FORMS];
	bool has_failed; /* the last text could not be made, which was said */
};

/* As libmicrohttpd calls it; @data: the answers. */
enum MHD_Result serve_answer(void *data, struct MHD_Connection *connection, const char *path,
			     const char *method, const char *version, const char *upload,
			     size_t *upload_size, void **request);

/* At the end of a turn. */
void serve_forget_texts(struct serve_answers *answers);

#endif
