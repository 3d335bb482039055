/* SPDX-License-Identifier: MIT */
/*
 * A folder on a tmpfs that belongs to this test program alone, and is gone when it ends.
 */
#ifndef KREG_TESTS_SUPPORT_TMP_H
#define KREG_TESTS_SUPPORT_TMP_H

#include <sys/types.h>

/* Made at the first call, by the process that removes it at its exit; children may use it. */
const char *tmp_directory(void);

#define TMP_PATH 256

/* The path of @user's registry @name there. */
void tmp_registry(char path[TMP_PATH], uid_t user, const char *name);

#endif
