/* SPDX-License-Identifier: MIT */
/*
 * The file that has the probes of a process: libkreg.so as it is mapped there, or its program, if that is linked
 * with the library statically.
 */
#ifndef TOOLS_TRACE_LIBRARY_H
#define TOOLS_TRACE_LIBRARY_H

#include <sys/types.h>

#define LIBRARY_PATH 4200

/*
 * @pid: 0 is this process. @path is one that this process can open, whatever the other's root is.
 * Return: 0; -ESRCH: there is no such process; -ESTALE: @path was removed and the process still runs it;
 *         -ENOENT: @path is no file with probes; or an error of reading /proc or the file.
 */
int library_find(char path[LIBRARY_PATH], pid_t pid);

#endif
