/* SPDX-License-Identifier: MIT */
/*
 * Progress. A thread draws the line, because much of what takes long is one call of the library.
 *
 * Nothing has to be called before something else is written: from the first beginning on stdout
 * and stderr are streams that erase the line before they write to their descriptors. Both are
 * known to be at the beginning of a line or not, and in the middle of one nothing is drawn.
 *
 * All of @line belongs to the holder of @lock, but for @steps, which only the thread counts that
 * does the work, and @is_drawn, which a signal handler reads.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie() */
#endif

#include "tools/out/progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/out/quantity.h"

#define APPEARS_MS 1000
#define AGAIN_MS 200
#define WIDTH_MAX 100u
#define WIDTH_UNKNOWN 80u
#define BAR_MAX 40u
#define BAR_LEAST 5u
#define ERASE "\r\033[K"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool is_forbidden, runs, ends;
	bool in_line; /* what was written last has not ended its line */
	volatile sig_atomic_t is_drawn;
	const char *what;
	uint64_t total, steps;
	bool is_time;              /* @total is in milliseconds */
	int64_t begin_ms, part_ms; /* all of the work, and the part that is under way */
	int64_t drawn_ms;          /* 0: not yet */
} line = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define ENDING (sizeof(ending) / sizeof(ending[0]))

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Return: false with errno, if not all could be written. */
static bool write_all(int fd, const char *bytes, size_t size)
{
	ssize_t written;

	for (; size; bytes += written, size -= (size_t)written) {
		do
			written = write(fd, bytes, size);
		while (written < 0 && errno == EINTR);
		if (written < 0)
			return false;
	}
	return true;
}

static void erase(void)
{
	if (line.is_drawn)
		write_all(STDERR_FILENO, ERASE, strlen(ERASE));
	line.is_drawn = false;
}

/* The handler goes with the signal, which is not blocked meanwhile: raise() ends the process. */
static void erase_and_end(int signal)
{
	if (line.is_drawn)
		write_all(STDERR_FILENO, ERASE, strlen(ERASE));
	raise(signal);
}

/* Those that would end the process; others are handled by somebody or ignored. */
static void replace_handlers(void (*from)(int), void (*to)(int))
{
	struct sigaction action = { .sa_handler = to,
				    .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_RESTART) };
	struct sigaction before;
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < ENDING; i++) {
		if (!sigaction(ending[i], NULL, &before) && before.sa_handler == from)
			sigaction(ending[i], &action, NULL);
	}
}

static ssize_t write_behind(void *cookie, const char *bytes, size_t size)
{
	int fd = *(const int *)cookie;
	bool done;

	pthread_mutex_lock(&line.lock);
	erase();
	done = write_all(fd, bytes, size);
	if (size)
		line.in_line = bytes[size - 1] != '\n';
	pthread_mutex_unlock(&line.lock);
	return done ? (ssize_t)size : 0;
}

static bool replace(FILE **stream, const int *fd, int buffering)
{
	cookie_io_functions_t functions = { .write = write_behind };
	FILE *other = fopencookie((void *)(uintptr_t)fd, "w", functions);

	if (!other)
		return false;
	setvbuf(other, NULL, buffering, 0);
	fflush(*stream);
	*stream = other;
	return true;
}

/* Return: false, if there was no memory the first time. */
static bool replace_streams(void)
{
	static const int out = STDOUT_FILENO, err = STDERR_FILENO;
	static bool is_tried, is_done;

	if (is_tried)
		return is_done;
	is_tried = true;
	/* What is no terminal meets no line. */
	is_done = replace(&stderr, &err, _IONBF) &&
		  (!isatty(out) || replace(&stdout, &out, _IOLBF)) && !atexit(progress_end);
	return is_done;
}

static size_t width_of_terminal(void)
{
	struct winsize size = { 0 };
	size_t width = WIDTH_UNKNOWN;

	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	/* Without the last column, in which some terminals break the line. */
	return width - 1 < WIDTH_MAX ? width - 1 : WIDTH_MAX;
}

/* Return: the size of the bar and the part that is done; 0: there is no room. */
static size_t make_bar(char *to, size_t room, uint64_t done, uint64_t total)
{
	size_t cells = room < BAR_MAX ? room : BAR_MAX;
	size_t full = (size_t)((double)done / (double)total * (double)cells);

	if (cells < BAR_LEAST)
		return 0;
	to[0] = '[';
	memset(to + 1, '#', full);
	memset(to + 1 + full, '-', cells - full);
	to[1 + cells] = ']';
	return cells + 2;
}

static size_t append(char *to, size_t used, const char *bytes, size_t size)
{
	memcpy(to + used, bytes, size);
	return used + size;
}

/* @to has WIDTH_MAX bytes more than @width. Return: the size, at most @width. */
static size_t make(char *to, size_t width, int64_t now)
{
	size_t used = strlen(line.what), age;
	uint64_t done = line.is_time ? (uint64_t)(now - line.part_ms)
				     : __atomic_load_n(&line.steps, __ATOMIC_RELAXED);
	char time[QUANTITY_MAX], text[QUANTITY_MAX + 2] = "";

	if (used > width)
		used = width;
	memcpy(to, line.what, used);
	used = append(to, used, "  ", 2);
	age = quantity_age(time, (uint64_t)(now - line.begin_ms));
	if (line.total) {
		if (done > line.total)
			done = line.total;
		snprintf(text, sizeof(text), "%4u%%  ",
			 (unsigned int)((double)done / (double)line.total * 100));
		if (used + strlen(text) + age + 2 < width)
			used += make_bar(to + used, width - used - strlen(text) - age - 2, done,
					 line.total);
	} else if (done) {
		text[quantity_number(text, done)] = '\0';
		strcat(text, "  ");
	}
	used = append(to, used, text, strlen(text));
	used = append(to, used, time, age);
	return used < width ? used : width;
}

static void draw(int64_t now)
{
	char text[3 * WIDTH_MAX] = "\r", *end = text + 1;
	pid_t front = tcgetpgrp(STDERR_FILENO);

	line.drawn_ms = now;
	/* What is in the background leaves the terminal to others; -1: nothing is in front. */
	if (front >= 0 && front != getpgrp())
		line.is_drawn = false;
	else if (!line.in_line) {
		end += make(end, width_of_terminal(), now);
		end = mempcpy(end, ERASE + 1, strlen(ERASE + 1));
		line.is_drawn = true;
		write_all(STDERR_FILENO, text, (size_t)(end - text));
	}
}

/* Until the end, in a thread of its own. */
static void *draw_often(void *unused)
{
	struct timespec until;
	int64_t when;

	(void)unused;
	pthread_mutex_lock(&line.lock);
	while (!line.ends) {
		when = line.drawn_ms ? line.drawn_ms + AGAIN_MS : line.begin_ms + APPEARS_MS;
		until = (struct timespec){ when / 1000, when % 1000 * 1000000 };
		pthread_cond_timedwait(&line.changed, &line.lock, &until);
		if (!line.ends && now_ms() >= when)
			draw(now_ms());
	}
	erase();
	pthread_mutex_unlock(&line.lock);
	return NULL;
}

static void start(void)
{
	pthread_condattr_t monotonic;
	sigset_t all, before;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&line.changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	line.ends = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	line.runs = !pthread_create(&line.thread, NULL, draw_often, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (line.runs)
		replace_handlers(SIG_DFL, erase_and_end);
	else
		pthread_cond_destroy(&line.changed);
}

bool progress_is_possible(void)
{
	const char *term = getenv("TERM");

	return !line.is_forbidden && term && *term && strcmp(term, "dumb") != 0 &&
	       isatty(STDERR_FILENO);
}

static void begin(const char *what, uint64_t total, bool is_time)
{
	if (!progress_is_possible() || !replace_streams())
		return;
	pthread_mutex_lock(&line.lock);
	line.what = what;
	line.total = total;
	line.is_time = is_time;
	__atomic_store_n(&line.steps, 0, __ATOMIC_RELAXED);
	line.part_ms = now_ms();
	if (!line.runs)
		line.drawn_ms = 0;
	/* A part that begins before the line has appeared has a second of its own. */
	if (!line.drawn_ms)
		line.begin_ms = line.part_ms;
	if (line.runs)
		pthread_cond_signal(&line.changed);
	else
		start();
	pthread_mutex_unlock(&line.lock);
}

void progress_forbid(void)
{
	line.is_forbidden = true;
}

void progress_begin(const char *what, uint64_t total)
{
	begin(what, total, false);
}

void progress_wait(const char *what, uint64_t ms)
{
	begin(what, ms, true);
}

void progress_step(uint64_t steps)
{
	__atomic_store_n(&line.steps, line.steps + steps, __ATOMIC_RELAXED);
}

void progress_end(void)
{
	if (!line.runs)
		return;
	pthread_mutex_lock(&line.lock);
	line.ends = true;
	pthread_cond_signal(&line.changed);
	pthread_mutex_unlock(&line.lock);
	pthread_join(line.thread, NULL);
	pthread_cond_destroy(&line.changed);
	replace_handlers(erase_and_end, SIG_DFL);
	line.runs = false;
}
