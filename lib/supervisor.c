/* SPDX-License-Identifier: MIT */
#include "lib/kreg.h"
