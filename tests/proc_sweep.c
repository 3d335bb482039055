/* SPDX-License-Identifier: MIT */
/*
 * kreg_sweep(): a sweeper reclaims the memory of the dead and never owns it.
 */
#include <check.h>

#include "lib/handle/handle.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/trace.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "sweep");
}

/* Orders to a child, which answers with the result of the call. */
enum order { REGISTER = 1, SWEEP };

/* Reports its owner's token first. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "sweep");
	struct kreg_owner self;
	int64_t order;

	(void)data;
	ck_assert_int_eq(kreg_self(own, &self), 0);
	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, order == SWEEP
				       ? kreg_sweep(own)
				       : kreg_register(own, "name", KREG_STRING, "v", 1, NULL));
	return 0;
}

static uint32_t dead_slab;

static bool is_the_sweepers(void *data)
{
	return land_owner(&k->segment, dead_slab) == *(owner_t *)data;
}

/*
 * At no instruction does the sweeper own it, because the sweeper might stop there, or
 * call exec, and live on.
 */
START_TEST(a_sweeper_never_owns_a_slab_of_the_dead)
{
	struct child dead, sweeper;
	owner_t owner;

	open_mode(_i);
	dead = child_start(obey, NULL);
	owner = (owner_t)link_hear(dead.link);
	ck_assert_int_eq(child_ask(&dead, REGISTER), 0);
	for (dead_slab = 0;; dead_slab++) {
		ck_assert_uint_lt(dead_slab, land_slabs(&k->segment));
		if (land_owner(&k->segment, dead_slab) == owner)
			break;
	}
	sweeper = child_start(obey, NULL);
	owner = (owner_t)link_hear(sweeper.link);
	child_kill(&dead);
	ck_assert(!trace_until(&sweeper, SWEEP, is_the_sweepers, &owner));
	ck_assert_int_eq(link_hear(sweeper.link), SLAB_BYTES);
	ck_assert(!land_owner(&k->segment, dead_slab) ||
		  land_is_retired(land_owner(&k->segment, dead_slab)));
	child_kill(&sweeper);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_sweeper_never_owns_a_slab_of_the_dead, NULL };

	return modes_run(suite_create("sweep"), tcase_create("both"), both, NULL, NULL);
}
