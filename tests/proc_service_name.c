/* SPDX-License-Identifier: MIT */
/*
 * The calls for services that act as those for names do: each acts on the entry
 * NAMESPACE/ROLE, reaches the very process that holds it, and refuses what is no service.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

#define KEY "production/config"

static struct kreg *k;
static int mode;
static char address[64];

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "names");
}

enum order { REGISTER, QUEUE, TURN, LOOK, LOCK, UNLOCK };

static int listen_at_address(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(at.sun_path + 1, address + 1, strlen(address) - 1);
	return bind(fd, (struct sockaddr *)&at,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address))) ||
	       listen(fd, 5);
}

/* Obeys orders about production / config, and reports each result. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "names");
	struct kreg_owner owner;
	struct kreg_lock lock;
	int64_t order, result = 0;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		switch (order) {
		case REGISTER:
			result = listen_at_address();
			if (!result)
				result = kreg_service_register(own, "production", "config", address,
							       strlen(address), NULL);
			break;
		case QUEUE:
			result = kreg_service_register_with(own, "production", "config", "b", 1,
							    KREG_REGISTER_QUEUE, NULL);
			break;
		case TURN:
			result = kreg_service_await_turn(own, "production", "config", -1);
			break;
		case LOOK:
			result = kreg_service_whereis(own, "production", "config", &owner);
			result = result ? result : owner.pid;
			break;
		case LOCK:
			result = kreg_service_lock(own, "production", "config", 0, &lock);
			break;
		default:
			result = kreg_unlock(own, &lock);
		}
		link_say(link, result);
	}
	return 0;
}

static struct child start(void)
{
	snprintf(address, sizeof(address), "@kreg-test-service-%d", getpid());
	return child_start_ready(obey, NULL);
}

static void assert_value(const char *value)
{
	struct kreg_owner owner;
	char found[8];
	ssize_t size = kreg_lookup(k, KEY, KREG_STRING, found, sizeof(found), &owner);

	ck_assert_int_eq(size, strlen(value));
	ck_assert_mem_eq(found, value, strlen(value));
	ck_assert_int_eq(owner.pid, getpid());
}

static ssize_t append(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	(void)capacity;
	memcpy(value, old, old_size);
	memcpy((char *)value + old_size, data, 1);
	return (ssize_t)old_size + 1;
}

START_TEST(a_reserved_service_is_found_when_it_is_published)
{
	struct kreg_found holder = { 0 };

	open_mode(_i);
	ck_assert_int_eq(kreg_service_publish(k, "production", "config", "up", 2), -ENOENT);
	ck_assert_int_eq(kreg_service_register_with(k, "production", "config", NULL, 0,
						    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_service_register_with(k, "production", "config", NULL, 0, 0, &holder),
			 -EEXIST);
	ck_assert_int_eq(holder.owner.pid, getpid());
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_service_publish(k, "production", "config", "up", 2), 0);
	assert_value("up");
	kreg_close(k);
}
END_TEST

START_TEST(an_update_changes_the_value_of_the_service)
{
	char old[8];

	open_mode(_i);
	ck_assert_int_eq(kreg_service_update(k, "production", "config", "b", 1, NULL, 0), -ENOENT);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_update(k, "production", "config", "b", 1, old, sizeof(old)),
			 1);
	ck_assert_int_eq(*old, 'a');
	assert_value("b");
	ck_assert_int_eq(kreg_service_update_if(k, "production", "config", "c", 1, "a", 1),
			 -ECANCELED);
	assert_value("b");
	ck_assert_int_eq(kreg_service_update_if(k, "production", "config", "c", 1, "b", 1), 0);
	assert_value("c");
	ck_assert_int_eq(kreg_service_update_with(k, "production", "config", append,
						  (void *)(uintptr_t) "d"),
			 0);
	assert_value("cd");
	kreg_close(k);
}
END_TEST

START_TEST(a_service_whose_value_is_a_figure_counts)
{
	int64_t load = 5, found;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_counter_add(k, "production", "load", 1, NULL), -ENOENT);
	ck_assert_int_eq(kreg_service_register(k, "production", "load", &load, 8, NULL), 0);
	ck_assert_int_eq(kreg_service_counter_add(k, "production", "load", -2, &found), 0);
	ck_assert_int_eq(found, 3);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "load", &found, 8, NULL), 8);
	ck_assert_int_eq(found, 3);
	ck_assert_int_eq(kreg_service_counter_add_bounded(k, "production", "load", 2, 4, 1, &found),
			 0);
	ck_assert_int_eq(found, 1);
	ck_assert_int_eq(kreg_service_counter_reset(k, "production", "load", 7, &found), 0);
	ck_assert_int_eq(found, 1);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "load", &found, 8, NULL), 8);
	ck_assert_int_eq(found, 7);
	kreg_close(k);
}
END_TEST

START_TEST(a_value_is_read_where_it_lies)
{
	struct kreg_owner owner;
	const void *value;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "up", 2, NULL), 0);
	ck_assert_int_eq(kreg_service_read(k, "production", "config", &value, &owner), -EINVAL);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(kreg_service_read(k, "production", "config", &value, &owner), 2);
	ck_assert_mem_eq(value, "up", 2);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_int_eq(kreg_service_read(k, "testing", "config", &value, NULL), -ENOENT);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(several_services_are_registered_or_none)
{
	struct kreg_service_item items[] = {
		{ "production", "store", "1", 1 },
		{ "production", "config", "2", 1 },
	};
	struct child child;
	size_t failed = 9;
	char value;

	open_mode(_i);
	child = start();
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(kreg_service_register_many(k, items, 2, &failed), -EEXIST);
	ck_assert_uint_eq(failed, 1);
	ck_assert_int_eq(kreg_count(k), 1);
	child_kill(&child);
	items[0].role = "a b";
	ck_assert_int_eq(kreg_service_register_many(k, items, 2, &failed), -EINVAL);
	ck_assert_uint_eq(failed, 0);
	ck_assert_int_eq(kreg_count(k), 0);
	items[0].role = "store";
	ck_assert_int_eq(kreg_service_register_many(k, items, 2, NULL), 0);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "store", &value, 1, NULL), 1);
	ck_assert_int_eq(value, '1');
	assert_value("2");
	ck_assert_int_eq(kreg_service_register_many(k, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_service_register_many(k, NULL, 1, NULL), -EINVAL);
	kreg_close(k);
}
END_TEST

START_TEST(the_process_of_a_service_is_found_connected_to_signalled_and_monitored)
{
	struct pollfd at = { .events = POLLIN };
	struct kreg_owner owner;
	struct child child;
	int fd;

	open_mode(_i);
	child = start();
	ck_assert_int_eq(kreg_service_whereis(k, "production", "config", &owner), -ENOENT);
	ck_assert_int_eq(kreg_service_monitor(k, "production", "config", NULL), -ENOENT);
	ck_assert_int_eq(kreg_service_signal(k, "production", "config", 0), -ENOENT);
	ck_assert_int_eq(kreg_service_connect(k, "production", "config", SOCK_STREAM, NULL),
			 -ENOENT);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(kreg_service_whereis(k, "production", "config", &owner), 0);
	ck_assert_int_eq(owner.pid, child.pid);
	fd = kreg_service_connect(k, "production", "config", SOCK_STREAM, &owner);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(owner.pid, child.pid);
	close(fd);
	at.fd = kreg_service_monitor(k, "production", "config", &owner);
	ck_assert_int_ge(at.fd, 0);
	ck_assert_int_eq(owner.pid, child.pid);
	ck_assert_int_eq(poll(&at, 1, 0), 0);
	ck_assert_int_eq(kreg_service_signal(k, "production", "config", SIGKILL), 0);
	ck_assert_int_eq(poll(&at, 1, -1), 1);
	close(at.fd);
	child_end(&child);
	kreg_close(k);
}
END_TEST

START_TEST(a_standby_waits_for_its_turn_and_a_service_can_be_given)
{
	struct kreg_owner owner;
	struct child standby, heir;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_await_turn(k, "production", "config", 0), -ENOENT);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "a", 1, NULL), 0);
	standby = start();
	ck_assert_int_eq(child_ask(&standby, QUEUE), KREG_WAITING);
	link_say(standby.link, TURN);
	child_await_sleep(&standby);
	ck_assert_int_eq(kreg_service_unregister(k, "production", "config"), 1);
	ck_assert_int_eq(link_hear(standby.link), 0);
	ck_assert_int_eq(child_ask(&standby, LOOK), standby.pid);
	child_kill(&standby);

	heir = start();
	ck_assert_int_eq(kreg_service_register(k, "production", "heir", NULL, 0, NULL), 0);
	ck_assert_int_eq(child_ask(&heir, REGISTER), 0);
	ck_assert_int_eq(kreg_service_whereis(k, "production", "config", &owner), 0);
	ck_assert_int_eq(kreg_service_give(k, "production", "other", &owner), -ENOENT);
	ck_assert_int_eq(kreg_service_give(k, "production", "heir", &owner), 0);
	ck_assert_int_eq(kreg_service_whereis(k, "production", "heir", &owner), 0);
	ck_assert_int_eq(owner.pid, heir.pid);
	child_kill(&heir);
	kreg_close(k);
}
END_TEST

START_TEST(a_service_is_registered_for_a_process_that_allows_it)
{
	struct kreg_owner self, owner;
	char value[8];

	k = mode_open(_i, "service-name");
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	ck_assert_int_eq(kreg_service_register_for(k, &self, "production", "for", "1", 1, 0, NULL),
			 0);
	ck_assert_int_eq(kreg_service_update_for(k, &self, "production", "for", "22", 2), 0);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "for", value, sizeof(value), &owner),
			 2);
	ck_assert_mem_eq(value, "22", 2);
	ck_assert_uint_eq(owner.token, self.token);
	ck_assert_int_eq(kreg_service_unregister_for(k, &self, "test", "for"), 0);
	ck_assert_int_eq(kreg_service_unregister_for(k, &self, "production", "for"), 1);
	kreg_close(k);
}
END_TEST

START_TEST(a_lock_of_a_service_excludes_other_processes_and_no_name)
{
	struct kreg_lock lock, other;
	struct child child;

	open_mode(_i);
	child = start();
	ck_assert_int_eq(kreg_service_lock(k, "production", "config", 0, &lock), 0);
	ck_assert_int_eq(child_ask(&child, LOCK), -ETIMEDOUT);
	ck_assert_int_eq(kreg_service_lock(k, "testing", "config", 0, &other), 0);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert_int_eq(child_ask(&child, LOCK), 0);
	ck_assert_int_eq(kreg_service_lock(k, "production", "config", 0, &lock), -ETIMEDOUT);
	ck_assert_int_eq(child_ask(&child, UNLOCK), 0);
	ck_assert_int_eq(kreg_lock(k, KEY, KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(child_ask(&child, LOCK), -ETIMEDOUT);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(a_reference_and_a_pattern_lead_to_services)
{
	char key[KREG_KEY_MAX], prefix[KREG_KEY_MAX], value;
	KREG_PATTERN(pattern, .glob = "*");
	struct kreg_listener *listener;
	struct kreg_event event;
	struct kreg_ref ref;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_register(k, "prod", "config", "0", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_ref(&ref, "production", "config", key, sizeof(key)), 0);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_service_pattern(&pattern, "production", NULL, prefix, sizeof(prefix)),
			 0);
	ck_assert_str_eq(pattern.glob, "*");
	ck_assert_int_eq(kreg_listen(&listener, k, &pattern, KREG_LISTEN_KNOWN), 0);
	ck_assert_int_eq(kreg_service_register(k, "production", "config", "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "production", "store", "2", 1, NULL), 0);
	event = event_wait(listener);
	ck_assert_uint_eq(event.entry.key_size, strlen(KEY));
	ck_assert_mem_eq(event.entry.key, KEY, strlen(KEY));
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, &value, 1, NULL), 1);
	ck_assert_int_eq(value, '1');
	ck_assert_int_eq(kreg_count_select(k, &pattern), 2);
	kreg_listener_close(listener);
	ck_assert_int_eq(
		kreg_service_pattern(&pattern, "production", "config", prefix, sizeof(prefix)), 0);
	ck_assert_int_eq(kreg_count_select(k, &pattern), 1);
	kreg_close(k);
}
END_TEST

START_TEST(a_short_buffer_for_a_key_is_refused_and_left_alone)
{
	struct kreg_ref ref = KREG_REF("before", KREG_STRING);
	KREG_PATTERN(pattern, .glob = "*");
	struct kreg_pattern unset = { 0 };
	char key[sizeof(KEY) - 1] = "before";

	ck_assert_int_eq(kreg_service_ref(&ref, "production", "config", key, sizeof(key) - 1),
			 -ERANGE);
	ck_assert_int_eq(kreg_service_pattern(&pattern, "production", NULL, key, 10), -ERANGE);
	ck_assert_str_eq(key, "before");
	ck_assert_str_eq(ref.key, "before");
	ck_assert_ptr_null(pattern.prefix);
	ck_assert_int_eq(kreg_service_ref(&ref, "production", "config", NULL, 99), -EINVAL);
	ck_assert_int_eq(kreg_service_ref(&ref, "production", NULL, key, sizeof(key)), -EINVAL);
	ck_assert_int_eq(kreg_service_ref(NULL, "production", "config", key, sizeof(key)), -EINVAL);
	ck_assert_int_eq(kreg_service_pattern(&unset, "production", NULL, key, sizeof(key)),
			 -EINVAL);
	ck_assert_int_eq(kreg_service_pattern(&pattern, "a b", NULL, key, sizeof(key)), -EINVAL);
	ck_assert_int_eq(kreg_service_ref(&ref, "production", "config", key, sizeof(key)), 0);
	ck_assert_int_eq(kreg_service_pattern(&pattern, "production", NULL, key, 11), 0);
}
END_TEST

static void assert_refused(struct kreg *by, const char *space, const char *role)
{
	struct kreg_service_item item = { space, role, NULL, 0 };
	struct kreg_owner owner;
	struct kreg_lock lock;
	const void *value;

	ck_assert_int_eq(kreg_service_register_with(by, space, role, "", 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_register_many(by, &item, 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_publish(by, space, role, "", 0), -EINVAL);
	ck_assert_int_eq(kreg_self(k, &owner), 0);
	ck_assert_int_eq(kreg_service_give(by, space, role, &owner), -EINVAL);
	ck_assert_int_eq(kreg_service_register_for(by, &owner, space, role, "", 0, 0, NULL),
			 -EINVAL);
	ck_assert_int_eq(kreg_service_update_for(by, &owner, space, role, "", 0), -EINVAL);
	ck_assert_int_eq(kreg_service_unregister_for(by, &owner, space, role), -EINVAL);
	ck_assert_int_eq(kreg_service_update(by, space, role, "", 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(kreg_service_update_if(by, space, role, "", 0, "", 0), -EINVAL);
	ck_assert_int_eq(kreg_service_update_with(by, space, role, append, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_counter_add(by, space, role, 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_counter_add_bounded(by, space, role, 1, 2, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_counter_reset(by, space, role, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_read(by, space, role, &value, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_whereis(by, space, role, &owner), -EINVAL);
	ck_assert_int_eq(kreg_service_monitor(by, space, role, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_signal(by, space, role, 0), -EINVAL);
	ck_assert_int_eq(kreg_service_connect(by, space, role, SOCK_STREAM, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_await_turn(by, space, role, 0), -EINVAL);
	ck_assert_int_eq(kreg_service_lock(by, space, role, 0, &lock), -EINVAL);
}

START_TEST(what_is_no_service_is_refused_by_every_call)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	struct kreg *many;

	open_mode(_i);
	many = mode_open_as(_i, "many", &options);
	assert_refused(k, "a/b", "role");
	assert_refused(k, "space", "a b");
	assert_refused(k, NULL, "role");
	assert_refused(k, "space", NULL);
	assert_refused(NULL, "space", "role");
	ck_assert_int_eq(kreg_register(many, "space/role", KREG_STRING, "", 0, NULL), 0);
	assert_refused(many, "space", "role");
	kreg_close(many);
	kreg_close(k);
}
END_TEST

static void write_down(const struct kreg_telemetry *event, void *data)
{
	static const char *const types[] = { "",           "register", "refuse",
					     "unregister", "purge",    "await" };
	char *text = data;

	sprintf(text + strlen(text), "%s %s %d, ", types[event->type], event->role,
		event->owner.pid == getpid() ? event->result : 1);
}

START_TEST(telemetry_reports_when_a_service_is_held_refused_and_waited_for)
{
	struct kreg_service_item items[] = { { "production", "a", NULL, 0 },
					     { "production", "b", NULL, 0 } };
	char text[256] = "", wanted[256];

	open_mode(_i);
	ck_assert_int_eq(kreg_service_telemetry(k, write_down, text), 0);
	ck_assert_int_eq(kreg_service_register_with(k, "production", "config", NULL, 0,
						    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(kreg_service_publish(k, "production", "config", NULL, 0), 0);
	ck_assert_int_eq(kreg_service_await_turn(k, "production", "config", 0), 0);
	ck_assert_int_eq(kreg_service_register_many(k, items, 2, NULL), 0);
	ck_assert_int_eq(kreg_service_register_many(k, &items[1], 1, NULL), -EEXIST);
	snprintf(wanted, sizeof(wanted),
		 "register config 0, await config 0, register a 0, register b 0, refuse b %d, ",
		 -EEXIST);
	ck_assert_str_eq(text, wanted);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_reserved_service_is_found_when_it_is_published,
		an_update_changes_the_value_of_the_service,
		a_service_whose_value_is_a_figure_counts,
		a_value_is_read_where_it_lies,
		several_services_are_registered_or_none,
		the_process_of_a_service_is_found_connected_to_signalled_and_monitored,
		a_standby_waits_for_its_turn_and_a_service_can_be_given,
		a_service_is_registered_for_a_process_that_allows_it,
		a_lock_of_a_service_excludes_other_processes_and_no_name,
		a_reference_and_a_pattern_lead_to_services,
		a_short_buffer_for_a_key_is_refused_and_left_alone,
		what_is_no_service_is_refused_by_every_call,
		telemetry_reports_when_a_service_is_held_refused_and_waited_for,
		NULL,
	};

	return modes_run(suite_create("service_name"), tcase_create("both"), both, NULL, NULL);
}
