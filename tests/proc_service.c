/* SPDX-License-Identifier: MIT */
/*
 * Services of other processes: which process provides which service, waiting for one, and
 * its health.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "service");
}

enum order { RESERVE, PUBLISH, REGISTER, AWAIT, LEAVE_LEADER };

static void *wait_for_ever(void *data)
{
	int link = *(int *)data;

	link_say(link, 0);
	for (;;)
		pause();
	return NULL;
}

/* Obeys orders as production / config, and reports each result. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "service");
	struct kreg_found holder = { 0 };
	pthread_t thread;
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		switch (order) {
		case RESERVE:
			link_say(link, kreg_register_with(own, "production/config", KREG_STRING,
							  NULL, 0, KREG_REGISTER_RESERVED, NULL));
			break;
		case PUBLISH:
			link_say(link,
				 kreg_publish(own, "production/config", KREG_STRING, "up", 2));
			break;
		case REGISTER:
			order = kreg_service_register(own, "production", "config", "up", 2,
						      &holder);
			link_say(link, order == -EEXIST ? holder.owner.pid : order);
			break;
		case AWAIT:
			order = kreg_service_await(own, "production", "config", -1, &holder);
			link_say(link, order ? order : holder.owner.pid);
			break;
		default:
			if (pthread_create(&thread, NULL, wait_for_ever, &link))
				return 1;
			syscall(SYS_exit, 0);
		}
	}
	return 0;
}

static struct child start(void)
{
	return child_start_ready(obey, NULL);
}

static struct kreg_service_health health_now(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), 0);
	return health;
}

START_TEST(a_service_is_found_by_namespace_and_role_while_it_lives)
{
	struct child first, second;
	struct kreg_owner owner;
	char value[8];

	open_mode(_i);
	first = start();
	second = start();
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &owner), -ENOENT);
	ck_assert_int_eq(child_ask(&first, REGISTER), 0);
	ck_assert_int_eq(child_ask(&second, REGISTER), first.pid);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", value, 8, &owner), 2);
	ck_assert_mem_eq(value, "up", 2);
	ck_assert_int_eq(owner.pid, first.pid);
	ck_assert_int_eq(kreg_service_lookup(k, "testing", "config", NULL, 0, &owner), -ENOENT);
	child_kill(&first);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &owner), -ENOENT);
	ck_assert_int_eq(child_ask(&second, REGISTER), 0);
	child_kill(&second);
	kreg_close(k);
}
END_TEST

START_TEST(a_waiter_for_a_service_or_its_end_is_woken)
{
	struct child service, client;

	open_mode(_i);
	service = start();
	client = start();
	link_say(client.link, AWAIT);
	ck_assert_int_eq(child_ask(&service, REGISTER), 0);
	ck_assert_int_eq(link_hear(client.link), service.pid);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", NULL, 0), -ETIMEDOUT);
	child_kill(&service);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", NULL, -1), 0);
	child_kill(&client);
	kreg_close(k);
}
END_TEST

START_TEST(health_is_absent_reserved_ready_stopped_or_without_its_first_thread)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct child child;
	int status;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), -ENOENT);
	child = start();
	ck_assert_int_eq(child_ask(&child, RESERVE), 0);
	health = health_now();
	ck_assert_uint_eq(health.ready, 0);
	ck_assert_int_eq(health.owner.pid, child.pid);
	ck_assert_uint_eq(health.process, KREG_PROCESS_RUNNING);
	ck_assert_int_eq(health.beat_ms, -1);
	ck_assert_int_eq(child_ask(&child, PUBLISH), 0);
	ck_assert_uint_eq(health_now().ready, 1);

	kill(child.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(child.pid, &status, WUNTRACED), child.pid);
	ck_assert_uint_eq(health_now().process, KREG_PROCESS_STOPPED);
	kill(child.pid, SIGCONT);
	ck_assert_int_eq(waitpid(child.pid, &status, WCONTINUED), child.pid);
	ck_assert_uint_eq(health_now().process, KREG_PROCESS_RUNNING);

	/* The name belongs to the process, not to its first thread. */
	ck_assert_int_eq(child_ask(&child, LEAVE_LEADER), 0);
	while (health_now().process != KREG_PROCESS_ZOMBIE)
		sched_yield();
	child_kill(&child);
	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(health_needs_a_struct_with_its_size_and_only_read_access)
{
	KREG_OPTIONS(reader, .flags = KREG_OPEN_READONLY);
	struct kreg_service_health health = { 0 };
	struct kreg *look;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), -EINVAL);
	look = mode_open_as(mode, "service", &reader);
	health.size = sizeof(health);
	ck_assert_int_eq(kreg_service_health(look, "production", "config", &health), 0);
	ck_assert_int_eq(health.owner.pid, getpid());
	ck_assert_int_eq(kreg_service_beat(look), -EROFS);
	kreg_close(look);
	kreg_close(k);
}
END_TEST

struct events {
	char text[512];
};

static void write_down(const struct kreg_telemetry *event, void *data)
{
	static const char *const types[] = { "",           "register", "refuse",
					     "unregister", "purge",    "await" };
	struct events *events = data;
	size_t used = strlen(events->text);

	snprintf(events->text + used, sizeof(events->text) - used, "%s %s/%s %d %d, ",
		 types[event->type], event->space, event->role, event->owner.pid, event->result);
}

START_TEST(telemetry_reports_only_what_happens_through_its_handle)
{
	struct kreg_listener *listener;
	struct events events = { "" };
	struct child child;
	char wanted[512];

	open_mode(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(kreg_service_telemetry(k, write_down, &events), 0);
	child = start();
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "me", 2, NULL), -EEXIST);
	ck_assert_int_eq(kreg_service_await(k, "production", "config", 0, NULL), 0);
	ck_assert_int_eq(kreg_service_await(k, "production", "other", 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(kreg_service_unregister(k, "production", "config"), 0);
	child_kill(&child);
	while (event_wait(listener).type != KREG_EVENT_PURGE)
		;
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "me", 2, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "no service", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_service_unregister(k, "production", "config"), 1);
	snprintf(wanted, sizeof(wanted),
		 "refuse production/config %d %d, await production/config %d 0, "
		 "await production/other 0 %d, purge production/config %d 0, "
		 "register production/config %d 0, unregister production/config %d 0, ",
		 child.pid, -EEXIST, child.pid, -ETIMEDOUT, child.pid, getpid(), getpid());
	ck_assert_str_eq(events.text, wanted);
	ck_assert_int_eq(kreg_service_telemetry(k, NULL, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "me", 2, NULL), 0);
	ck_assert_str_eq(events.text, wanted);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_service_is_found_by_namespace_and_role_while_it_lives,
		a_waiter_for_a_service_or_its_end_is_woken,
		health_is_absent_reserved_ready_stopped_or_without_its_first_thread,
		health_needs_a_struct_with_its_size_and_only_read_access,
		telemetry_reports_only_what_happens_through_its_handle,
		NULL,
	};

	return modes_run(suite_create("service"), tcase_create("both"), both, NULL, NULL);
}
