/* SPDX-License-Identifier: MIT */
/*
 * config_server FILE: answers from the file, which has lines KEY=VALUE, and comments that
 * begin with #.
 *
 *     get KEY    the value
 *
 * The file is read for each request, so editing it needs no restart.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* Return: whether @line is for @key; then @value is its part. */
static bool line_has(char *line, const char *key, char **value)
{
	size_t size = strlen(key);

	if (*line == '#' || strncmp(line, key, size) != 0 || line[size] != '=')
		return false;
	line[strcspn(line, "\n")] = 0;
	*value = line + size + 1;
	return true;
}

static bool get(const char *file, const char *key, char *text)
{
	FILE *lines = fopen(file, "re");
	char *line = NULL, *value = NULL;
	size_t capacity = 0;

	if (!lines) {
		snprintf(text, TEXT_MAX, "cannot read %s: %s", file, strerror(errno));
		return false;
	}
	while (!value && getline(&line, &capacity, lines) > 0)
		line_has(line, key, &value);
	snprintf(text, TEXT_MAX, "%s", value ? value : "no such key");
	free(line);
	fclose(lines);
	return value != NULL;
}

static bool answer(void *data, char *request, char *text)
{
	if (!strncmp(request, "get ", 4))
		return get(data, request + 4, text);
	snprintf(text, TEXT_MAX, "the requests are: get KEY");
	return false;
}

int main(int argc, char **argv)
{
	struct server_work work = { .answer = answer };
	struct server server;

	if (argc != 2) {
		fputs("usage: config_server FILE\n", stderr);
		return 2;
	}
	work.data = argv[1];
	if (server_open(&server, "config_server"))
		return 1;
	server_run(&server, &work);
	server_close(&server);
	return 1;
}
