/* SPDX-License-Identifier: MIT */
/*
 * Looking again and again. Standard output is flushed after each look, for those who read it in a
 * pipe; that they have gone ends it.
 */
#include "tools/interval.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

/* A day. */
#define INTERVAL_MAX 86400
/* Less would measure the looks themselves. */
#define INTERVAL_LEAST_MS 10

int interval_option(const struct client *client, struct interval *interval, int option,
		    const char *argument)
{
	int64_t ms;

	if (option == 'c')
		return client_range(client, "--count", argument, 1, UINT32_MAX, &interval->count);
	if (client_seconds(client, "--interval", argument, INTERVAL_MAX, &ms))
		return REGTOOL_USAGE;
	if (ms < INTERVAL_LEAST_MS)
		return client_misuse(client, "--interval: 0.01 seconds is the least");
	interval->ms = (uint64_t)ms;
	return REGTOOL_DONE;
}

int interval_parse(struct client *client, struct interval *interval, int argc, char **argv)
{
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = interval_option(client, interval, option, optarg);
	if (!status && interval->count && !interval->ms)
		status = client_misuse(client, "--count needs --interval");
	return status ? status : client_arguments(client, argc, argv);
}

int interval_run(struct kreg *k, const struct interval *interval,
		 int (*show)(const struct sample *sample, void *data), void *data)
{
	struct sample before = { 0 }, now = { 0 };
	uint64_t shown = 0;
	int err = sample_take(k, NULL, &before);

	if (!err && !interval->ms)
		err = show(&before, data);
	while (!err && interval->ms && (!interval->count || shown < interval->count)) {
		sample_wait(&before, interval->ms);
		err = sample_take(k, &before, &now);
		if (!err)
			err = show(&now, data);
		/* client_end() says why. */
		if (!err && (fflush(stdout) || ferror(stdout)))
			break;
		sample_free(&before);
		before = now;
		now = (struct sample){ 0 };
		shown++;
	}
	sample_free(&now);
	sample_free(&before);
	return err;
}
