/* SPDX-License-Identifier: MIT */
/*
 * The terminal, and the pager: a child that reads what standard output gets, as git's.
 */
#include "tools/out/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH_UNKNOWN 80
#define HEIGHT_UNKNOWN 24

static pid_t pager;
static int outside = -1; /* what standard output was */

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

void terminal_look(struct terminal *terminal)
{
	const char *term = getenv("TERM");
	struct winsize size = { 0 };

	*terminal = (struct terminal){ .width = SIZE_MAX, .height = SIZE_MAX };
	terminal->is_one = isatty(STDOUT_FILENO);
	if (!terminal->is_one)
		return;
	terminal->has_colour = !is_set("NO_COLOR") && term && strcmp(term, "dumb") != 0;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	terminal->width = size.ws_col ? size.ws_col : WIDTH_UNKNOWN;
	terminal->height = size.ws_row ? size.ws_row : HEIGHT_UNKNOWN;
}

static void exec_pager(void)
{
	const char *command = getenv("PAGER");

	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	signal(SIGPIPE, SIG_DFL);
	if (command)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	execlp("less", "less", (char *)NULL);
	execlp("more", "more", (char *)NULL);
	execlp("cat", "cat", (char *)NULL);
	_exit(127);
}

void pager_begin(void)
{
	const char *command = getenv("PAGER");
	int ends[2];

	if (command && (!*command || !strcmp(command, "cat")))
		return;
	fflush(stdout);
	outside = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (outside < 0 || pipe2(ends, O_CLOEXEC))
		return;
	pager = fork();
	if (!pager) {
		dup2(ends[0], STDIN_FILENO);
		exec_pager();
	}
	/* The user may leave it at any time. Its interrupts are for it alone. */
	if (pager > 0) {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		dup2(ends[1], STDOUT_FILENO);
	}
	close(ends[0]);
	close(ends[1]);
}

void pager_end(void)
{
	if (pager <= 0)
		return;
	fflush(stdout);
	/* What the user did not want to see is no error. */
	clearerr(stdout);
	dup2(outside, STDOUT_FILENO);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}
