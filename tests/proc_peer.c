/* SPDX-License-Identifier: MIT */
/*
 * The process behind a name: it is found, monitored, signalled and connected to, and
 * never mistaken for another process; and many names in one call.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
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

/* Holds "service" with the address @data, where it listens unless that begins with '-'. */
static int serve(int link, void *data)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct kreg *own = mode_open(mode, "peer");
	const char *name = data;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (*name == '-') {
		name++;
	} else {
		memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
		if (bind(fd, (struct sockaddr *)&address,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) ||
		    listen(fd, 5))
			return 1;
	}
	if (kreg_register(own, "service", KREG_STRING, name, strlen(name), NULL))
		return 2;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static struct child start_service(const char *address)
{
	return child_start_ready(serve, (void *)(uintptr_t)address);
}

START_TEST(whereis_and_monitor_lead_to_the_owner_and_report_its_death)
{
	struct child child;
	struct kreg_owner owner;
	struct pollfd at = { .events = POLLIN };

	open_mode(_i);
	ck_assert_int_eq(kreg_whereis(k, "service", KREG_STRING, &owner), -ENOENT);
	ck_assert_int_eq(kreg_monitor(k, "service", KREG_STRING, NULL), -ENOENT);
	child = start_service("-none");
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
	child = start_service("-none");
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

START_TEST(a_connection_reaches_only_the_owner)
{
	char address[32];
	struct child child, impostor;
	struct kreg_owner owner;
	int fd;

	open_mode(_i);
	snprintf(address, sizeof(address), "@kreg-test-peer-%d", getpid());
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ENOENT);
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_DGRAM, NULL), -EINVAL);
	child = start_service(address);
	fd = kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, &owner);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(owner.pid, child.pid);
	close(fd);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, SIGKILL), 0);
	child_end(&child);

	/* The holder of the name claims to listen where another process does. */
	child = start_service(address);
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, address, strlen(address), NULL), 0);
	ck_assert_int_eq(kreg_connect(k, "other", KREG_STRING, SOCK_STREAM, NULL), -EPERM);
	child_kill(&child);
	impostor = start_service("-@kreg-test-nobody");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ECONNREFUSED);
	child_kill(&impostor);
	impostor = start_service("-/nonexistent/socket");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ECONNREFUSED);
	child_kill(&impostor);
	impostor = start_service("-");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -EDESTADDRREQ);
	child_kill(&impostor);
	kreg_close(k);
}
END_TEST

START_TEST(the_facts_about_an_owner_come_from_the_kernel)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	open_mode(_i);
	child = start_service("-none");
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
	ck_assert_int_eq(kreg_lookup_many(k, keys, found, 100), 65);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(found[i].size, i == 1 ? -EINVAL : i % 3 ? 8 : -ENOENT);
		if (found[i].size < 0)
			continue;
		ck_assert_int_eq(values[i], i);
		ck_assert_int_eq(found[i].owner.pid, getpid());
	}
	ck_assert_int_eq(kreg_lookup_many(k, NULL, NULL, 0), 0);
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
	child = start_service("-none");
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
		a_connection_reaches_only_the_owner,
		the_facts_about_an_owner_come_from_the_kernel,
		looking_up_many_names_gives_the_same_as_one_by_one,
		many_names_are_registered_or_none,
		NULL,
	};

	return modes_run(suite_create("peer"), tcase_create("both"), both, NULL, NULL);
}
