/* SPDX-License-Identifier: MIT */
#include "tools/trace/scripts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".bt"

const char *scripts_folder(void)
{
	const char *folder = getenv("KREG_BPFTRACE_DIR");

	return folder && *folder ? folder : KREG_BPFTRACE_DIR;
}

/* Whether @size bytes of @file, which is NAME.bt, are NAME. */
static size_t name_size(const char *file)
{
	size_t size = strlen(file), suffix = strlen(SUFFIX);

	if (*file == '.' || size <= suffix || strcmp(file + size - suffix, SUFFIX))
		return 0;
	return size - suffix;
}

int script_find(char path[SCRIPT_PATH], const char *name)
{
	if (!*name || *name == '.' || strchr(name, '/'))
		return -EINVAL;
	if (snprintf(path, SCRIPT_PATH, "%s/%s" SUFFIX, scripts_folder(), name) >= SCRIPT_PATH)
		return -ENAMETOOLONG;
	return access(path, R_OK) ? -errno : 0;
}

/* The second line of @file without the slashes in front. */
static void read_shows(const char *file, char *shows, size_t size)
{
	char path[SCRIPT_PATH], *at;
	FILE *script;

	*shows = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", scripts_folder(), file) >= (int)sizeof(path))
		return;
	script = fopen(path, "re");
	if (!script)
		return;
	if (!fgets(shows, (int)size, script) || !fgets(shows, (int)size, script) ||
	    strncmp(shows, "//", 2))
		*shows = '\0';
	fclose(script);
	shows[strcspn(shows, "\n")] = '\0';
	at = shows + strspn(shows, "/ ");
	memmove(shows, at, strlen(at) + 1);
}

static int is_script(const struct dirent *file)
{
	return name_size(file->d_name) != 0;
}

int scripts_each(int (*visit)(const char *name, const char *shows, void *data), void *data)
{
	struct dirent **files;
	int i, err = 0, count = scandir(scripts_folder(), &files, is_script, alphasort);

	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		char *name = files[i]->d_name, shows[256];

		if (!err) {
			read_shows(name, shows, sizeof(shows));
			name[name_size(name)] = '\0';
			err = visit(name, shows, data);
		}
		free(files[i]);
	}
	free(files);
	return err;
}
