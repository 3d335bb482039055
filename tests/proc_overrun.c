/* SPDX-License-Identifier: MIT */
/*
 * What one process changes of another's names is in the log of the one that changes it. If those
 * records were overwritten before a listener has read them, the listener still learns what has
 * become of the names, also when their maker is dead by then.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

static struct kreg *k;
static int mode;

static int have_nothing(struct kreg *own)
{
	(void)own;
	return 0;
}

static int have_a_name(struct kreg *own)
{
	return kreg_register(own, "name", KREG_STRING, "v", 1, NULL);
}

static int have_a_name_to_be_dropped(struct kreg *own)
{
	return kreg_register_with(own, "name", KREG_STRING, "v", 1,
				  KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL);
}

/* The test's own process, by what it has registered. */
static struct kreg_owner tester(struct kreg *own)
{
	struct kreg_owner owner = { 0 };

	return kreg_whereis(own, "tester", KREG_STRING, &owner) ? (struct kreg_owner){ 0 } : owner;
}

static int give(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_give(own, "name", KREG_STRING, &to);
}

static int take_and_unregister(struct kreg *own)
{
	int err = kreg_register_with(own, "name", KREG_STRING, "t", 1, KREG_REGISTER_REPLACE, NULL);

	return err ? err : kreg_unregister(own, "name", KREG_STRING) - 1;
}

static int register_for(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_register_for(own, &to, "name", KREG_STRING, "f", 1, 0, NULL);
}

static int unregister_for(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_unregister_for(own, &to, "name", KREG_STRING) - 1;
}

/* Changes that one process makes of another's names: what both have before, and what happens. */
static const struct scene {
	const char *name;
	int (*tester_has)(struct kreg *own);
	int (*maker_has)(struct kreg *own);
	int (*change)(struct kreg *own);
	bool is_held; /* by the test's process, in the end */
} scenes[] = {
	{ "give", have_nothing, have_a_name, give, true },
	{ "take over, and drop", have_a_name_to_be_dropped, have_nothing, take_and_unregister,
	  false },
	{ "register for", have_nothing, have_nothing, register_for, true },
	{ "unregister for", have_a_name_to_be_dropped, have_nothing, unregister_for, false },
};
#define SCENES (sizeof(scenes) / sizeof(*scenes))

/* More events than a log has room for. */
static int overwrite_log(struct kreg *own)
{
	static char bulk[60000];
	int i, err = 0;

	for (i = 0; i < 40 && !err; i++) {
		err = kreg_register(own, "bulk", KREG_STRING, bulk, sizeof(bulk), NULL);
		if (!err)
			err = kreg_unregister(own, "bulk", KREG_STRING) - 1;
	}
	return err;
}

static int change_and_overwrite(int link, void *data)
{
	const struct scene *scene = data;
	struct kreg *own = mode_open(mode, "overrun");
	int err;

	link_say(link, scene->maker_has(own));
	link_hear(link);
	err = scene->change(own);
	link_say(link, err ? err : overwrite_log(own));
	link_hear(link);
	return 0;
}

/* The owner of the name, by all events up to now. */
static pid_t holder;
static bool overrun;

static void fetch_events(struct kreg_listener *listener)
{
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(listener, &event)) == 1) {
		overrun |= event.type == KREG_EVENT_OVERRUN;
		if (event.type == KREG_EVENT_OVERRUN || event.entry.key_size != 4 ||
		    memcmp(event.entry.key, "name", 4))
			continue;
		if (event.type == KREG_EVENT_UNREGISTER || event.type == KREG_EVENT_PURGE)
			holder = 0;
		else
			holder = event.entry.owner.pid;
	}
	ck_assert_int_eq(got, 0);
}

static void play(const struct scene *scene, bool dies)
{
	struct kreg_listener *listener;
	struct child maker;

	holder = 0;
	overrun = false;
	k = mode_open(mode, "overrun");
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	ck_assert_int_eq(kreg_register(k, "tester", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(scene->tester_has(k), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN), 0);
	maker = child_start_ready(change_and_overwrite, (void *)(uintptr_t)scene);
	fetch_events(listener);
	ck_assert(!overrun);
	ck_assert_int_eq(holder != 0,
			 scene->tester_has != have_nothing || scene->maker_has != have_nothing);
	ck_assert_int_eq(child_ask(&maker, 0), 0);
	if (dies)
		child_kill(&maker);
	fetch_events(listener);
	ck_assert_msg(overrun, "%s: nothing was missed", scene->name);
	ck_assert_msg(holder == (scene->is_held ? getpid() : 0),
		      "%s: by the events %d has the name%s", scene->name, holder,
		      dies ? ", after its maker's death" : "");
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL),
			 scene->is_held ? 1 : -ENOENT);
	if (!dies)
		child_kill(&maker);
	kreg_listener_close(listener);
	kreg_close(k);
}

START_TEST(a_name_that_another_process_has_changed_is_right_after_an_overrun)
{
	size_t i;

	mode = _i;
	for (i = 0; i < SCENES; i++)
		play(&scenes[i], false);
}
END_TEST

START_TEST(a_name_that_another_process_has_changed_is_right_after_that_process_has_died)
{
	size_t i;

	mode = _i;
	for (i = 0; i < SCENES; i++)
		play(&scenes[i], true);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_name_that_another_process_has_changed_is_right_after_an_overrun,
		a_name_that_another_process_has_changed_is_right_after_that_process_has_died,
		NULL,
	};

	return modes_run(suite_create("overrun"), tcase_create("both"), both, NULL, NULL);
}
