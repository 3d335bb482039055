/* SPDX-License-Identifier: MIT */
#include "config.h"

#ifdef HAVE_MICROHTTPD

#include "tools/serve/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/serve/negotiate.h"

static const char *const content_types[SERVE_FORMS] = {
	[SERVE_OLDER] = "text/plain; version=0.0.4; charset=utf-8",
	[SERVE_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* A response of @bytes, which are copied, or freed with it. */
static struct MHD_Response *make_response(char *bytes, size_t size, const char *type, bool is_ours)
{
	struct MHD_Response *response = serve_library.MHD_create_response_from_buffer(
		size, bytes, is_ours ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);

	if (!response && is_ours)
		free(bytes);
	if (response) {
		serve_library.MHD_add_response_header(response, "Content-Type", type);
		serve_library.MHD_add_response_header(response, "Cache-Control", "no-store");
		serve_library.MHD_add_response_header(response, "Connection", "close");
	}
	return response;
}

/* Return: MHD_NO: the connection is closed without an answer, for want of memory. */
static enum MHD_Result say(struct MHD_Connection *connection, unsigned int status,
			   const char *sentence, const char *allowed)
{
	struct MHD_Response *response = make_response((char *)sentence, strlen(sentence),
						      "text/plain; charset=utf-8", false);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (allowed)
		serve_library.MHD_add_response_header(response, "Allow", allowed);
	result = serve_library.MHD_queue_response(connection, status, response);
	serve_library.MHD_destroy_response(response);
	return result;
}

/* Once for each time that it begins to fail: nobody may be asking whom the answer reaches. */
static void complain(struct serve_answers *answers, const char *why)
{
	if (!answers->has_failed)
		fprintf(stderr, "regtool: %s\n", why);
	answers->has_failed = true;
}

static void make_text(struct serve_answers *answers, enum serve_form form)
{
	struct serve_text *text = &answers->texts[form];
	char *bytes = NULL, why[1024];
	size_t size = 0;
	int err;

	text->number = ++answers->connections.count;
	err = answers->serve->print(&bytes, &size, form == SERVE_OPENMETRICS, why, sizeof(why),
				    answers->serve->data);
	text->status = err ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
	if (err) {
		complain(answers, why);
		strncat(why, "\n", sizeof(why) - strlen(why) - 1);
		text->response =
			make_response(why, strlen(why), "text/plain; charset=utf-8", false);
	} else {
		answers->has_failed = false;
		text->response = make_response(bytes, size, content_types[form], true);
	}
	if (text->response)
		serve_library.MHD_add_response_header(text->response, "Vary", "Accept");
}

void serve_forget_texts(struct serve_answers *answers)
{
	struct serve_text *text;
	int form;

	for (form = 0; form < SERVE_FORMS; form++) {
		text = &answers->texts[form];
		/* A connection that is still sending it has a reference of its own. */
		if (text->response)
			serve_library.MHD_destroy_response(text->response);
		text->response = NULL;
	}
}

static const char *field(struct MHD_Connection *connection, const char *name)
{
	return serve_library.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static uint64_t number_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = serve_library.MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct connection *found = info ? info->socket_context : NULL;

	return found ? found->number : UINT64_MAX;
}

static enum MHD_Result send_text(struct serve_answers *answers, struct MHD_Connection *connection)
{
	enum serve_form form = serve_wants_openmetrics(field(connection, "Accept"))
				       ? SERVE_OPENMETRICS
				       : SERVE_OLDER;
	struct serve_text *text = &answers->texts[form];

	if (text->response && text->number < number_of(connection)) {
		serve_library.MHD_destroy_response(text->response);
		text->response = NULL;
	}
	if (!text->response)
		make_text(answers, form);
	if (!text->response)
		return MHD_NO;
	return serve_library.MHD_queue_response(connection, text->status, text->response);
}

enum MHD_Result serve_answer(void *data, struct MHD_Connection *connection, const char *path,
			     const char *method, const char *version, const char *upload,
			     size_t *upload_size, void **request)
{
	struct serve_answers *answers = data;
	const char *host = field(connection, "Host");
	bool is_metrics = !strcmp(path, "/metrics");

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	/* The answer is given when the fields are there: what follows them is not read. */
	if (!serve_address_is_path(&answers->serve->address) && host && !serve_is_own_host(host))
		return say(connection, MHD_HTTP_MISDIRECTED_REQUEST,
			   "metrics are served under the names of this host alone: localhost, and "
			   "addresses of the loopback interface\n",
			   NULL);
	if (!is_metrics && strcmp(path, "/") != 0)
		return say(connection, MHD_HTTP_NOT_FOUND, "the metrics are at /metrics\n", NULL);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n",
			   "GET, HEAD");
	if (!is_metrics)
		return say(connection, MHD_HTTP_OK, "the metrics of kreg are at /metrics\n", NULL);
	return send_text(answers, connection);
}

#endif
