/* SPDX-License-Identifier: MIT */
/*
 * The scripts of bpftrace: files NAME.bt in one folder. The second line of each is a comment that
 * says what it shows.
 */
#ifndef TOOLS_TRACE_SCRIPTS_H
#define TOOLS_TRACE_SCRIPTS_H

#define SCRIPT_PATH 4096

/* $KREG_BPFTRACE_DIR, or where they were installed. */
const char *scripts_folder(void);

/* The path of the script @name. Return: 0; -EINVAL: no name of a file; -ENOENT and others of access(2). */
int script_find(char path[SCRIPT_PATH], const char *name);

/*
 * Calls @visit for each script, by name, with what it shows, which is empty if it does not say; until it
 * does not return 0. Return: 0, what @visit returned, or a negative error of the folder.
 */
int scripts_each(int (*visit)(const char *name, const char *shows, void *data), void *data);

#endif
