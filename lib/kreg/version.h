/* SPDX-License-Identifier: MIT */
/*
 * kreg: the version of the header and of the library, and how the library was built.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_VERSION_H
#define KREG_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header, with which a program is compiled. */
#define KREG_VERSION_MAJOR 1
#define KREG_VERSION_MINOR 0
#define KREG_VERSION_PATCH 0
#define KREG_VERSION_STRING "1.0.0"

/* To be compared in #if: 1.2.3 is 10203. */
#define KREG_VERSION_NUMBER                                                                        \
	(KREG_VERSION_MAJOR * 10000 + KREG_VERSION_MINOR * 100 + KREG_VERSION_PATCH)

/* The version of the library that runs, as KREG_VERSION_STRING. Since: 1.0 */
const char *kreg_version(void);

/* The same as KREG_VERSION_NUMBER. Since: 1.0 */
uint32_t kreg_version_number(void);

enum kreg_features {
	/*
	 * With the guard's programs: `regtool guard` of the same build can start one. Without
	 * them (--disable-bpf) the library can use a guard that another build has started.
	 */
	KREG_FEATURE_GUARD = 1 << 0,
	/* It has USDT probes, see kreg_service_telemetry(). */
	KREG_FEATURE_PROBES = 1 << 1,
};

/*
 * What the library that runs was built with: KREG_FEATURE_*, and bits of later versions.
 * Whether a guard runs is another question, which kreg_open() answers.
 * Since: 1.0
 */
uint64_t kreg_features(void);

#ifdef __cplusplus
}
#endif
#endif
