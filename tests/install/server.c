/* SPDX-License-Identifier: MIT */
/* A user of libkreg-services: starts a program under a name. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include <kreg-services.h>

int main(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	KREG_START(start, .argv = argv);
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg *k;
	int err = kreg_open(&k, "install", NULL);

	if (!err)
		err = kreg_service_start(k, "install", "server", &start, &started);
	if (err) {
		fprintf(stderr, "kreg_service_start: %s\n", kreg_strerror(err));
		return 1;
	}
	kill(started.child, SIGKILL);
	waitpid(started.child, NULL, 0);
	kreg_close(k);
	return 0;
}
