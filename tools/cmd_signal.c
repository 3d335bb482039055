/* SPDX-License-Identifier: MIT */
/*
 * regtool signal: sends a signal to the process that holds a name, and to no other.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/signal_name.h"
#include "tools/client.h"
#include "tools/regtool.h"

/*
 * Reads TERM, SIGTERM, term or 15. Signal 0 only checks that a signal could be sent.
 * Return: < 0 if @text is not a signal.
 */
static int read_signal(const char *text)
{
	uint64_t number;
	int signal;

	if (!client_number(text, NSIG - 1, &number))
		return (int)number;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (signal = 1; signal < NSIG; signal++) {
		const char *name = signal_name(signal);

		if (name && !strcasecmp(name, text))
			return signal;
	}
	return -EINVAL;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int status, signal, err;

	while (client_option(client, argc, argv) != -1)
		;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	signal = read_signal(argv[optind + 1]);
	if (signal < 0)
		return client_misuse(client,
				     "SIGNAL: \"%s\" is neither a number nor the name of a signal",
				     argv[optind + 1]);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	err = kreg_signal(k, argv[optind], KREG_STRING, signal);
	if (err == -ENOENT)
		status = client_not_registered(client, "", argv[optind]);
	else if (err)
		status = client_fail(client, err, "signal the owner of \"%s\"", argv[optind]);
	kreg_close(k);
	return status;
}

COMMAND(signal) = {
	.name = "signal",
	.group = COMMAND_CHANGES,
	.synopsis = "signal KEY SIGNAL",
	.summary = "send a signal to the owner of a name",
	.arguments = "KEY SIGNAL",
	.least = 2,
	.most = 2,
	.run = run,
};
