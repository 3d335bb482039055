/* SPDX-License-Identifier: MIT */
/*
 * Kills what dead services have left in their cgroups. A service whose name is held is
 * running and keeps all that it has started; the main process of any other service is
 * dead.
 */
#include "lib/services/supervise/service_left.h"

#include <unistd.h>

#include "lib/services/supervise/service_group.h"

struct clearing {
	struct kreg *k;
	const char *space;
	const struct cgroups *cgroups;
	const struct kreg_supervision *what;
	size_t found; /* services that had left something */
};

static int clear(const char *role, void *data)
{
	struct clearing *c = data;
	struct service_group group = { .space = c->space, .role = role };
	struct kreg_owner owner;
	size_t count;

	if (kreg_service_lookup(c->k, c->space, role, NULL, 0, &owner) >= 0)
		return 0;
	group.cgroup = cgroups_enter(c->cgroups, role);
	if (group.cgroup < 0)
		return 0;
	count = group_count(&group);
	c->found += count > 0;
	if (count) {
		supervision_say(
			c->what,
			"%s/%s: %zu process%s left by an earlier supervisor: sending SIGKILL",
			c->space, role, count, count == 1 ? " is" : "es are");
		group_kill(&group);
	}
	cgroups_remove(group.cgroup, role);
	close(group.cgroup);
	return 0;
}

size_t service_left_clear(struct kreg *k, const char *space, const struct cgroups *cgroups,
			  const struct kreg_supervision *what)
{
	struct clearing clearing = { k, space, cgroups, what, 0 };

	cgroups_each(cgroups, clear, &clearing);
	return clearing.found;
}

void service_left_clear_role(struct kreg *k, const char *space, const struct cgroups *cgroups,
			     const char *role)
{
	const struct kreg_supervision quiet = { .log = NULL };
	struct clearing clearing = { k, space, cgroups, &quiet, 0 };

	clear(role, &clearing);
}
