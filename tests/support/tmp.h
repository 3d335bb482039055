/* SPDX-License-Identifier: MIT */
/*
 * A folder on a tmpfs that belongs to this test program alone, and is gone when it ends.
 */
#ifndef KREG_TESTS_SUPPORT_TMP_H
#define KREG_TESTS_SUPPORT_TMP_H

/* Made at the first call, by the process that removes it at its exit; children may use it. */
const char *tmp_directory(void);

#endif
