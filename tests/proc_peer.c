/* SPDX-License-Identifier: MIT */
/*
 * The process behind a name: it is found, monitored and signalled, and never mistaken for
 * another process; and many names in one call.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "peer");
}

/* Holds "service". */
static int serve(int link, void *data)
{
	(void)data;
	if (kreg_register(mode_open(mode, "peer"), "service", KREG_STRING, "none", 4, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static struct child start_service(void)
{
	return child_start_ready(serve, NULL);
}

START_TEST(whereis_and_monitor_lead_to_the_owner_and_report_its_death)
{
	struct child child;
	struct kreg_owner owner;
	struct pollfd at = { .events = POLLIN };

	open_mode(_i);
	ck_assert_int_eq(kreg_whereis(k, "service", KREG_STRING, &owner), -ENOENT);
	ck_assert_int_eq(kreg_monitor(k, "service", KREG_STRING, NULL), -ENOENT);
	child = start_service();
	ck_assert_int_eq(kreg_whereis(k, "service", KREG_STRING, &owner), 0);
	ck_assert_int_eq(owner.pid, child.pid);
	at.fd = kreg_monitor(k, "service", KREG_STRING, &owner);
	ck_assert_int_ge(at.fd, 0);
	ck_assert_int_eq(owner.pid, child.pid);
	ck_assert_int_eq(poll(&at, 1, 0), 0);
	kill(child.pid, SIGKILL);
	ck_assert_int_eq(poll(&at, 1, -1), 1);
	child_end(&child);
	ck_assert_int_eq(kreg_whereis(k, "service", KREG_STRING, &owner), -ENOENT);
	close(at.fd);
	kreg_close(k);
}
END_TEST

START_TEST(a_signal_reaches_the_owner_and_no_process_once_it_is_dead)
{
	struct child child;
	int status;

	open_mode(_i);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, SIGUSR1), -ENOENT);
	child = start_service();
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, 0), 0);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, 1000), -EINVAL);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, SIGUSR1), 0);
	ck_assert_int_eq(waitpid(child.pid, &status, 0), child.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	close(child.link);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, SIGUSR1), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(the_facts_about_an_owner_come_from_the_kernel)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	open_mode(_i);
	child = start_service();
	ck_assert_int_eq(kreg_whereis(k, "service", KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	ck_assert_int_eq(facts.owner.pid, child.pid);
	ck_assert_uint_eq(facts.uid, geteuid());
	ck_assert_uint_eq(facts.gid, getegid());
	ck_assert_uint_eq(facts.entries, 1);
	ck_assert_uint_gt(facts.start, 0);
	ck_assert_str_eq(facts.comm, "proc_peer");
	child_kill(&child);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), -ESRCH);
	kreg_close(k);
}
END_TEST

START_TEST(looking_up_many_names_gives_the_same_as_one_by_one)
{
	struct kreg_key keys[100];
	struct kreg_found found[100];
	char names[100][16];
	int64_t values[100];
	int i;

	open_mode(_i);
	for (i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "many-%d", i);
		keys[i] = (struct kreg_key){ names[i], KREG_STRING };
		found[i] =
			(struct kreg_found){ .value = &values[i], .capacity = sizeof(values[i]) };
		if (i % 3)
			ck_assert_int_eq(kreg_register(k, names[i], KREG_STRING, &(int64_t){ i },
						       sizeof(int64_t), NULL),
					 0);
	}
	keys[1].key_size = 0;
	ck_assert_int_eq(kreg_lookup_many(k, keys, 100, found), 65);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(found[i].size, i == 1 ? -EINVAL : i % 3 ? 8 : -ENOENT);
		if (found[i].size < 0)
			continue;
		ck_assert_int_eq(values[i], i);
		ck_assert_int_eq(found[i].owner.pid, getpid());
	}
	ck_assert_int_eq(kreg_lookup_many(k, NULL, 0, NULL), 0);
	kreg_close(k);
}
END_TEST

START_TEST(many_names_are_registered_or_none)
{
	struct kreg_item items[] = {
		{ "one", KREG_STRING, "1", 1 },
		{ "two", KREG_STRING, "2", 1 },
		{ "service", KREG_STRING, "3", 1 },
	};
	struct child child;
	size_t failed = 99;
	char value;

	open_mode(_i);
	child = start_service();
	ck_assert_int_eq(kreg_register_many(k, items, 3, &failed), -EEXIST);
	ck_assert_uint_eq(failed, 2);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_lookup(k, "one", 3, NULL, 0, NULL), -ENOENT);
	child_kill(&child);
	items[2].key = "one";
	ck_assert_int_eq(kreg_register_many(k, items, 3, &failed), -EEXIST);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kreg_register_many(k, items, 2, &failed), 0);
	ck_assert_int_eq(kreg_count(k), 2);
	ck_assert_int_eq(kreg_lookup(k, "two", 3, &value, 1, NULL), 1);
	ck_assert_int_eq(value, '2');
	ck_assert_int_eq(kreg_register_many(k, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_register_many(k, items, 1, NULL), -EEXIST);
	ck_assert_int_eq(kreg_count(k), 2);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		whereis_and_monitor_lead_to_the_owner_and_report_its_death,
		a_signal_reaches_the_owner_and_no_process_once_it_is_dead,
		the_facts_about_an_owner_come_from_the_kernel,
		looking_up_many_names_gives_the_same_as_one_by_one,
		many_names_are_registered_or_none,
		NULL,
	};

	return modes_run(suite_create("peer"), tcase_create("both"), both, NULL, NULL);
}
