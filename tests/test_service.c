/* SPDX-License-Identifier: MIT */
/*
 * Services within one process: conversion of their keys in both directions, and which
 * entries are listed as services.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/kreg.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static struct kreg *k;

static struct kreg *open_as(const char *name, uint32_t keys)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .keys = keys);
	struct kreg *out;

	ck_assert_int_eq(kreg_open(&out, name, &options), 0);
	return out;
}

static void set_up(void)
{
	k = open_as("services", KREG_KEYS_UNIQUE);
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("services", &options, 0), 0);
}

static void assert_there_and_back(const char *space, const char *role)
{
	char key[KREG_KEY_MAX], to_space[KREG_NAMESPACE_MAX + 1], to_role[KREG_ROLE_MAX + 1];
	ssize_t size = kreg_service_key(space, role, key, sizeof(key));

	ck_assert_int_eq(size, strlen(space) + 1 + strlen(role));
	ck_assert_int_eq(kreg_service_parse(key, (size_t)size, to_space, sizeof(to_space), to_role,
					    sizeof(to_role)),
			 0);
	ck_assert_str_eq(to_space, space);
	ck_assert_str_eq(to_role, role);
}

static void assert_no_service(const char *space, const char *role)
{
	char key[KREG_KEY_MAX];

	ck_assert_int_eq(kreg_service_key(space, role, key, sizeof(key)), -EINVAL);
	ck_assert_int_eq(kreg_service_register(k, space, role, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_lookup(k, space, role, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_unregister(k, space, role), -EINVAL);
	ck_assert_int_eq(kreg_service_await(k, space, role, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_await_gone(k, space, role, NULL, 0), -EINVAL);
}

START_TEST(a_key_leads_back_to_its_namespace_and_role)
{
	char space[KREG_NAMESPACE_MAX + 1] = "", role[KREG_ROLE_MAX + 1] = "";

	memset(space, 's', KREG_NAMESPACE_MAX);
	memset(role, 'r', KREG_ROLE_MAX);
	assert_there_and_back("production", "config_server");
	assert_there_and_back("test.4711-a", "worker/1");
	assert_there_and_back("a", "/");
	assert_there_and_back("a", "!\"*[~");
	assert_there_and_back(space, role);
}
END_TEST

START_TEST(an_invalid_namespace_or_role_is_refused_by_every_call)
{
	char space[KREG_NAMESPACE_MAX + 2] = "", role[KREG_ROLE_MAX + 2] = "";

	memset(space, 's', KREG_NAMESPACE_MAX + 1);
	memset(role, 'r', KREG_ROLE_MAX + 1);
	assert_no_service("", "role");
	assert_no_service("space", "");
	assert_no_service("a/b", "role");
	assert_no_service("a b", "role");
	assert_no_service("space", "a b");
	assert_no_service("space", "a\n");
	assert_no_service("sp\303\244ce", "role");
	assert_no_service(space, "role");
	assert_no_service("space", role);
	assert_no_service(NULL, "role");
	assert_no_service("space", NULL);
	ck_assert_int_eq(kreg_count(k), 0);
}
END_TEST

START_TEST(a_key_that_is_not_a_services_is_not_taken_for_one)
{
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];

	ck_assert_int_eq(
		kreg_service_parse("cache", KREG_STRING, space, sizeof(space), role, sizeof(role)),
		-EINVAL);
	ck_assert_int_eq(
		kreg_service_parse("/role", KREG_STRING, space, sizeof(space), role, sizeof(role)),
		-EINVAL);
	ck_assert_int_eq(
		kreg_service_parse("space/", KREG_STRING, space, sizeof(space), role, sizeof(role)),
		-EINVAL);
	ck_assert_int_eq(kreg_service_parse("a b/role", KREG_STRING, space, sizeof(space), role,
					    sizeof(role)),
			 -EINVAL);
	ck_assert_int_eq(
		kreg_service_parse("space/a\0b", 9, space, sizeof(space), role, sizeof(role)),
		-EINVAL);
	ck_assert_int_eq(kreg_service_parse("", 0, space, sizeof(space), role, sizeof(role)),
			 -EINVAL);
	ck_assert_int_eq(kreg_service_parse(NULL, 0, space, sizeof(space), role, sizeof(role)),
			 -EINVAL);
}
END_TEST

static int join_services(const struct kreg_service *service, void *data)
{
	char *text = data;

	sprintf(text + strlen(text), "%s:%s=%.*s ", service->space, service->role,
		(int)service->value_size, (const char *)service->value);
	return 0;
}

static int join_reserved(const struct kreg_service *service, void *data)
{
	if (service->flags & KREG_REGISTER_RESERVED)
		return join_services(service, data);
	return service->flags;
}

static int join_namespaces(const char *space, uint64_t services, void *data)
{
	char *text = data;

	sprintf(text + strlen(text), "%s:%d ", space, (int)services);
	return 0;
}

static int stop(const char *space, uint64_t services, void *data)
{
	(void)space;
	(void)services;
	return ++*(int *)data;
}

START_TEST(namespaces_list_their_services_and_nothing_else)
{
	char text[256] = "";
	int calls = 0;

	ck_assert_int_eq(kreg_namespace_each(k, join_namespaces, text), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(kreg_service_register(k, "production", "store", "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "prod", "store", "2", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "prod", "cache", "3", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "prod", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "no service/x", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_register_with(k, "prod/reserved", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_service_each(k, "production", join_services, text), 0);
	ck_assert_str_eq(text, "production:store=1 ");
	*text = 0;
	ck_assert_int_eq(kreg_service_each(k, "pro", join_services, text), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(kreg_namespace_each(k, join_namespaces, text), 0);
	ck_assert_str_eq(text, "prod:2 production:1 ");
	*text = 0;
	ck_assert_int_eq(kreg_service_each_reserved(k, "prod", join_reserved, text), 0);
	ck_assert_str_eq(text, "prod:reserved= ");
	ck_assert_int_eq(kreg_namespace_each(k, stop, &calls), 1);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(kreg_service_unregister(k, "prod", "store"), 1);
	ck_assert_int_eq(kreg_service_unregister(k, "prod", "store"), 0);
	*text = 0;
	ck_assert_int_eq(kreg_service_each(k, "prod", join_services, text), 0);
	ck_assert_str_eq(text, "prod:cache=3 ");
	ck_assert_int_eq(kreg_service_each(k, "a/b", join_services, text), -EINVAL);
	ck_assert_int_eq(kreg_service_each(k, NULL, NULL, text), -EINVAL);
}
END_TEST

START_TEST(a_registry_of_duplicate_keys_has_no_services)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg *many = open_as("many", KREG_KEYS_DUPLICATE);

	ck_assert_int_eq(kreg_service_register(many, "space", "role", NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_service_health(many, "space", "role", &health), -EINVAL);
	ck_assert_int_eq(kreg_service_each(many, NULL, join_services, NULL), -EINVAL);
	kreg_close(many);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_key_leads_back_to_its_namespace_and_role,
		an_invalid_namespace_or_role_is_refused_by_every_call,
		a_key_that_is_not_a_services_is_not_taken_for_one,
		namespaces_list_their_services_and_nothing_else,
		a_registry_of_duplicate_keys_has_no_services,
		NULL,
	};

	return unit_run("service", set_up, tear_down, tests);
}
