/* SPDX-License-Identifier: MIT */
/*
 * The temporary folder of a test program, and the removal of what killed test programs left.
 *
 * Promises  what a test makes outside its folder or inside it bears the name of its run: kreg-test-PID-START-NAMESPACE,
 *           with the PID, its start in clock ticks since boot, and the PID namespace of both. A name is never used
 *           twice, so a name shows whether its run is still alive.
 * Death     a program that ends removes its folder. What a killed one leaves, the next one removes at its start; of
 *           runs in other PID namespaces, where the PID says nothing, nothing is removed. A file system that a case
 *           mounts ends with the case's processes, however these end.
 * Used by   C tests directly, shell tests by support/leftovers.c.
 */
#ifndef KREG_TESTS_SUPPORT_TMP_H
#define KREG_TESTS_SUPPORT_TMP_H

#include <stdbool.h>
#include <sys/types.h>

/* A folder on a tmpfs. Made at the first call, by the process that removes it at its exit; children may use it. */
const char *tmp_directory(void);

#define TMP_PATH 256

/* The path of @user's registry @name there. */
void tmp_registry(char path[TMP_PATH], uid_t user, const char *name);

/*
 * Mounts a tmpfs of @size, as "4m", at @folder, which it makes there if it is missing. The calling process moves into a mount
 * namespace of its own, and only its later children see what is mounted. False if only root may do that: the case
 * is skipped, as by unit_skip(), and returns.
 */
bool tmp_mount(const char *folder, const char *size);

#define TMP_NAME 64

/* The name of the run of process @pid. */
void tmp_name_of(pid_t pid, char name[TMP_NAME]);

/* Kills all other processes with @name, that of a run, in their environment; some seconds at most. */
void tmp_end_started_for(const char *name);

/* Removes folders of dead runs in @folder, and kills processes that were started for one of them. */
void tmp_remove_dead_in(const char *folder);

/* The same wherever tests make them: on the tmpfs, and among the pins of the guard. */
void tmp_remove_dead(void);

#endif
