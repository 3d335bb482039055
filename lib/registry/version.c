/* SPDX-License-Identifier: MIT */
#include "lib/kreg.h"

const char *kreg_version(void)
{
	return KREG_VERSION;
}
