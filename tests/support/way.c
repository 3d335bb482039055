/* SPDX-License-Identifier: MIT */
#include "tests/support/way.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "lib/services/start/cgroups.h"

uint32_t way_begin(int way)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return KREG_SUPERVISE_REAP | (way ? KREG_SUPERVISE_NO_CGROUPS : 0);
}

bool way_has_folder(const struct kreg *k, const char *role)
{
	struct cgroups cgroups;
	char path[512];
	bool is;

	cgroups_open(&cgroups, kreg_inner_origin(k), "production");
	snprintf(path, sizeof(path), "@%s", role);
	is = cgroups.all >= 0 && !faccessat(cgroups.all, path, F_OK, 0);
	cgroups_close(&cgroups);
	return is;
}
