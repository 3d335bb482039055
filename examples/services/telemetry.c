/* SPDX-License-Identifier: MIT */
/*
 * telemetry: counts for its clients, and knows which services of its namespace came and
 * died.
 *
 *     add NAME N    the figure's sum, which begins with 0
 *     read NAME     the same, without adding to it
 *     arrivals      the services that came while it listens: lines of role and pid, the last ones
 *     deaths        those that died
 *
 * The figures count from the start of this process. It listens to the registry in its own
 * poll(2), and so is notified of deaths.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

#define FIGURES_MAX 256
#define NAME_MAX_SIZE 64
#define CHANGES_MAX 128

struct figure {
	char name[NAME_MAX_SIZE];
	int64_t sum;
};

struct change {
	bool is_death;
	pid_t pid;
	char role[KREG_ROLE_MAX + 1];
};

struct telemetry {
	struct kreg_listener *listener;
	struct figure figures[FIGURES_MAX];
	size_t figure_count;
	struct change changes[CHANGES_MAX]; /* the last ones, in a ring */
	size_t change_count;                /* since the start */
};

/* Return: the figure of that name, which may be new; NULL: there are too many. */
static struct figure *find_figure(struct telemetry *telemetry, const char *name)
{
	size_t i;

	for (i = 0; i < telemetry->figure_count; i++) {
		if (!strcmp(telemetry->figures[i].name, name))
			return &telemetry->figures[i];
	}
	if (i == FIGURES_MAX)
		return NULL;
	snprintf(telemetry->figures[i].name, NAME_MAX_SIZE, "%s", name);
	telemetry->figure_count++;
	return &telemetry->figures[i];
}

static bool add(struct telemetry *telemetry, const char *request, char *text)
{
	char name[NAME_MAX_SIZE], rest;
	struct figure *figure;
	int64_t number;

	if (sscanf(request, "%63s %" SCNd64 " %c", name, &number, &rest) != 2) {
		snprintf(text, TEXT_MAX, "to add takes a name and a number");
		return false;
	}
	figure = find_figure(telemetry, name);
	if (!figure) {
		snprintf(text, TEXT_MAX, "there are %d figures, which is all that fit",
			 FIGURES_MAX);
		return false;
	}
	if (__builtin_add_overflow(figure->sum, number, &figure->sum))
		figure->sum = number < 0 ? INT64_MIN : INT64_MAX;
	snprintf(text, TEXT_MAX, "%" PRId64, figure->sum);
	return true;
}

static bool read_figure(const struct telemetry *telemetry, const char *name, char *text)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < telemetry->figure_count; i++) {
		if (!strcmp(telemetry->figures[i].name, name))
			sum = telemetry->figures[i].sum;
	}
	snprintf(text, TEXT_MAX, "%" PRId64, sum);
	return true;
}

/* Lists as many of the last ones as fit. */
static bool list_changes(const struct telemetry *telemetry, bool deaths, char *text)
{
	size_t at, used = 0;
	size_t first =
		telemetry->change_count > CHANGES_MAX ? telemetry->change_count - CHANGES_MAX : 0;

	*text = 0;
	for (at = telemetry->change_count; at-- > first;) {
		const struct change *change = &telemetry->changes[at % CHANGES_MAX];
		char line[KREG_ROLE_MAX + 32];
		size_t size;

		if (change->is_death != deaths)
			continue;
		size = (size_t)snprintf(line, sizeof(line), "%s %d\n", change->role, change->pid);
		if (used + size >= TEXT_MAX)
			break;
		memmove(text + size, text, used + 1);
		memcpy(text, line, size);
		used += size;
	}
	/* The answer has no newline at its end. */
	if (used)
		text[used - 1] = 0;
	return true;
}

static bool answer(void *data, char *request, char *text)
{
	struct telemetry *telemetry = data;

	if (!strncmp(request, "add ", 4))
		return add(telemetry, request + 4, text);
	if (!strncmp(request, "read ", 5))
		return read_figure(telemetry, request + 5, text);
	if (!strcmp(request, "arrivals") || !strcmp(request, "deaths"))
		return list_changes(telemetry, *request == 'd', text);
	snprintf(text, TEXT_MAX, "the requests are: add NAME N, read NAME, arrivals, deaths");
	return false;
}

static void write_down(struct telemetry *telemetry, const struct kreg_event *event)
{
	struct change *change = &telemetry->changes[telemetry->change_count % CHANGES_MAX];
	char space[KREG_NAMESPACE_MAX + 1];

	if (event->type != KREG_EVENT_REGISTER && event->type != KREG_EVENT_PURGE)
		return;
	if (kreg_service_parse(event->entry.key, event->entry.key_size, space, sizeof(space),
			       change->role, sizeof(change->role)))
		return;
	change->is_death = event->type == KREG_EVENT_PURGE;
	change->pid = event->entry.owner.pid;
	telemetry->change_count++;
}

/* Takes all events: the fd stays readable until none is left. */
static bool take_events(void *data)
{
	struct telemetry *telemetry = data;
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(telemetry->listener, &event)) == 1)
		write_down(telemetry, &event);
	/* After another error the fd stays readable, and this is called again. */
	if (got != -ESHUTDOWN && got != -EUCLEAN)
		return true;
	fail("listen any longer", kreg_strerror(got));
	return false;
}

int main(void)
{
	static struct telemetry telemetry;
	struct server_work work = { .answer = answer, .take = take_events, .data = &telemetry };
	KREG_PATTERN(pattern);
	struct server server;
	int err;

	if (server_open(&server, "telemetry"))
		return 1;
	/* The key up to its role, with which all keys of the namespace begin. */
	pattern.prefix = server.key;
	pattern.prefix_size = strlen(server.space) + 1;
	err = kreg_listen(&telemetry.listener, server.k, &pattern, 0);
	if (err) {
		fail("listen", kreg_strerror(err));
	} else {
		work.fd = kreg_listener_fd(telemetry.listener);
		server_run(&server, &work);
		kreg_listener_close(telemetry.listener);
	}
	server_close(&server);
	return 1;
}
