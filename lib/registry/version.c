/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/kreg.h"

const char *kreg_version(void)
{
	return KREG_VERSION;
}

uint32_t kreg_version_number(void)
{
	return KREG_VERSION_NUMBER;
}

uint64_t kreg_features(void)
{
	uint64_t features = 0;

#ifdef HAVE_GUARD
	features |= KREG_FEATURE_GUARD;
#endif
#ifdef HAVE_SDT
	features |= KREG_FEATURE_PROBES;
#endif
	return features;
}
