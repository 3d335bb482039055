/* SPDX-License-Identifier: MIT */
/*
 * What is linked with regtool's objects to make a regtool of which the calls that can take long do
 * so: each waits first until the file $SLOW_UNTIL is there. cli_progress.sh uses it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/kreg-services.h"

#define LOOK_MS 10

static void wait_for_file(void)
{
	const char *file = getenv("SLOW_UNTIL");

	while (file && access(file, F_OK))
		poll(NULL, 0, LOOK_MS);
}

/* By the linker's --wrap. */
#define SLOW(type, name, parameters, arguments)                                                    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		wait_for_file();                                                                   \
		return __real_##name arguments;                                                    \
	}

SLOW(int64_t, kreg_check, (struct kreg * k, kreg_log_fn fault, void *data), (k, fault, data))
SLOW(int64_t, kreg_sweep, (struct kreg * k), (k))
SLOW(int, kreg_select,
     (struct kreg * k, const struct kreg_pattern *pattern, kreg_visit_fn visit, void *data),
     (k, pattern, visit, data))
SLOW(int64_t, kreg_count_select, (struct kreg * k, const struct kreg_pattern *pattern),
     (k, pattern))
SLOW(int, kreg_registries_each,
     (const struct kreg_options *options, uint32_t flags,
      int (*visit)(const struct kreg_registry *registry, void *data), void *data),
     (options, flags, visit, data))
SLOW(int, kreg_service_each_reserved,
     (struct kreg * k, const char *space,
      int (*visit)(const struct kreg_service *service, void *data), void *data),
     (k, space, visit, data))
SLOW(int64_t, kreg_namespace_stop, (struct kreg * k, const char *space, uint32_t stop_ms),
     (k, space, stop_ms))
