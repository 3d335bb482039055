/* SPDX-License-Identifier: MIT */
/*
 * What a caller gets wrong most easily is an error that cannot be overlooked: a buffer that is
 * too small, a value that is no string, a flag that does not exist.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define KEYS 4

static struct kreg *k;

static struct kreg *open_as(const char *name, struct kreg_options options)
{
	struct kreg *out;

	options.size = sizeof(options);
	options.directory = tmp_directory();
	options.guard = "none";
	ck_assert_int_eq(kreg_open(&out, name, &options), 0);
	return out;
}

static int destroy(const char *name, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");

	return kreg_destroy(name, &options, flags);
}

static void set_up(void)
{
	k = open_as("misuse", (struct kreg_options){ 0 });
}

static void tear_down(void)
{
	kreg_close(k);
	ck_assert_int_eq(destroy("misuse", 0), 0);
}

/* One for each way that a lookup has for the size of a key. */
static const char *key_of(int i)
{
	static char keys[KEYS][KREG_KEY_MAX + 1];
	static const int sizes[KEYS] = { 7, 25, 40, 200 };

	memset(keys[i], 'a' + i, sizes[i]);
	return keys[i];
}

/* A lookup by one of the calls. */
typedef ssize_t (*look_fn)(struct kreg *by, const char *key, void *value, size_t capacity,
			   struct kreg_owner *owner);

static ssize_t look(struct kreg *by, const char *key, void *value, size_t capacity,
		    struct kreg_owner *owner)
{
	return kreg_lookup(by, key, strlen(key), value, capacity, owner);
}

static ssize_t look_by_ref(struct kreg *by, const char *key, void *value, size_t capacity,
			   struct kreg_owner *owner)
{
	struct kreg_ref ref = KREG_REF(key, KREG_STRING);

	return kreg_ref_lookup(by, &ref, value, capacity, owner);
}

static ssize_t look_by_used_ref(struct kreg *by, const char *key, void *value, size_t capacity,
				struct kreg_owner *owner)
{
	struct kreg_ref ref = KREG_REF(key, KREG_STRING);

	ck_assert_int_ge(kreg_ref_lookup(by, &ref, NULL, 0, NULL), 0);
	return kreg_ref_lookup(by, &ref, value, capacity, owner);
}

static ssize_t look_for_many(struct kreg *by, const char *key, void *value, size_t capacity,
			     struct kreg_owner *owner)
{
	struct kreg_key keys[] = { { "nobody", KREG_STRING }, { key, KREG_STRING } };
	struct kreg_found found[2] = { { .size = 0 }, { .value = value, .capacity = capacity } };

	ck_assert_int_eq(kreg_lookup_many(by, keys, 2, found), found[1].size >= 0);
	ck_assert_int_eq(found[0].size, -ENOENT);
	*owner = found[1].owner;
	return found[1].size;
}

static ssize_t look_by_waiting(struct kreg *by, const char *key, void *value, size_t capacity,
			       struct kreg_owner *owner)
{
	struct kreg_found found = { .value = value, .capacity = capacity };
	int err = kreg_await(by, key, KREG_STRING, 0, &found);

	/* A call that only waits for the value it cannot take has not succeeded. */
	ck_assert_int_eq(err, found.size < 0 ? found.size : 0);
	*owner = found.owner;
	return found.size;
}

static ssize_t look_by_registering(struct kreg *by, const char *key, void *value, size_t capacity,
				   struct kreg_owner *owner)
{
	struct kreg_found holder = { .value = value, .capacity = capacity };

	ck_assert_int_eq(kreg_register(by, key, KREG_STRING, "other", 5, &holder), -EEXIST);
	*owner = holder.owner;
	return holder.size;
}

static ssize_t look_by_registering_with(struct kreg *by, const char *key, void *value,
					size_t capacity, struct kreg_owner *owner)
{
	struct kreg_found holder = { .value = value, .capacity = capacity };

	ck_assert_int_eq(
		kreg_register_with(by, key, KREG_STRING, "other", 5, KREG_REGISTER_QUEUE, &holder),
		-EEXIST);
	*owner = holder.owner;
	return holder.size;
}

static ssize_t look_by_updating(struct kreg *by, const char *key, void *value, size_t capacity,
				struct kreg_owner *owner)
{
	static char now[KREG_VALUE_MAX], then[KREG_VALUE_MAX];
	ssize_t size = kreg_lookup(by, key, KREG_STRING, then, sizeof(then), owner), got;

	got = kreg_update(by, key, KREG_STRING, "new", 3, value, capacity);
	ck_assert_int_eq(kreg_lookup(by, key, KREG_STRING, now, sizeof(now), NULL),
			 got < 0 ? size : 3);
	/* Refused, it has changed nothing. */
	ck_assert_mem_eq(now, got < 0 ? then : "new", got < 0 ? size : 3);
	ck_assert_int_ge(kreg_update(by, key, KREG_STRING, then, size, NULL, 0), 0);
	return got;
}

static ssize_t look_for_meta(struct kreg *by, const char *key, void *value, size_t capacity,
			     struct kreg_owner *owner)
{
	kreg_self(by, owner);
	return kreg_meta_get(by, key, KREG_STRING, value, capacity);
}

/* @size: of the value. */
static void check_buffers(struct kreg *by, look_fn look_up, const char *key, ssize_t size)
{
	static unsigned char value[KREG_VALUE_MAX + 1], written[KREG_VALUE_MAX];
	struct kreg_owner owner = { 0 };

	memset(written, 'w', sizeof(written));
	ck_assert_int_eq(look_up(by, key, NULL, 0, &owner), size);
	ck_assert_int_eq(look_up(by, key, value, size, &owner), size);
	ck_assert_mem_eq(value, written, size);
	if (!size)
		return;
	memset(value, 0xee, sizeof(value));
	owner.pid = 0;
	ck_assert_int_eq(look_up(by, key, value, size - 1, &owner), -ERANGE);
	ck_assert_int_eq(owner.pid, getpid());
	owner.pid = 0;
	/* A buffer without room is not the question for the size. */
	ck_assert_int_eq(look_up(by, key, value, 0, &owner), -ERANGE);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_uint_eq(value[0], 0xee);
}

START_TEST(a_value_that_is_larger_than_the_buffer_is_an_error_of_each_call)
{
	static const look_fn looks[] = {
		look,          look_by_ref,      look_by_used_ref,
		look_for_many, look_by_waiting,  look_by_registering,
		look_for_meta, look_by_updating, look_by_registering_with,
	};
	static const ssize_t sizes[] = { 0, 1, 8, 13, 60, 700, KREG_VALUE_MAX };
	static char value[KREG_VALUE_MAX];
	size_t i, j;
	int key;

	memset(value, 'w', sizeof(value));
	for (key = 0; key < KEYS; key++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			ck_assert_int_eq(
				kreg_register(k, key_of(key), KREG_STRING, value, sizes[i], NULL),
				0);
			ck_assert_int_eq(
				kreg_meta_put(k, key_of(key), KREG_STRING, value, sizes[i]), 0);
			for (j = 0; j < sizeof(looks) / sizeof(looks[0]); j++)
				check_buffers(k, looks[j], key_of(key), sizes[i]);
			ck_assert_int_eq(kreg_unregister(k, key_of(key), KREG_STRING), 1);
		}
	}
}
END_TEST

START_TEST(it_is_one_with_duplicate_keys_partitions_and_a_read_only_handle_too)
{
	struct kreg *many = open_as(
		"many", (struct kreg_options){ .keys = KREG_KEYS_DUPLICATE, .partitions = 4 });
	struct kreg *reader = open_as("many", (struct kreg_options){ .flags = KREG_OPEN_READONLY });
	int key;

	for (key = 0; key < KEYS; key++) {
		ck_assert_int_eq(kreg_register(many, key_of(key), KREG_STRING, "wwwwwwww", 8, NULL),
				 0);
		check_buffers(many, look, key_of(key), 8);
		check_buffers(many, look_by_ref, key_of(key), 8);
		check_buffers(many, look_for_many, key_of(key), 8);
		check_buffers(reader, look, key_of(key), 8);
	}
	kreg_close(reader);
	kreg_close(many);
	ck_assert_int_eq(destroy("many", 0), 0);
}
END_TEST

START_TEST(a_reserved_name_has_no_value_however_large_the_buffer)
{
	char value[8];
	struct kreg_found holder = { .value = value, .capacity = sizeof(value) };

	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, "value", 5, KREG_REGISTER_RESERVED, NULL),
		0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, &holder), -EEXIST);
	ck_assert_int_eq(holder.size, -ENOENT);
	ck_assert_int_eq(holder.owner.pid, getpid());
}
END_TEST

/* The three calls that make a string. */
static ssize_t text(int call, char *out, size_t capacity, struct kreg_owner *owner)
{
	if (call == 0)
		return kreg_lookup_string(k, "space/role", KREG_STRING, out, capacity, owner);
	if (call == 1)
		return kreg_service_lookup_string(k, "space", "role", out, capacity, owner);
	kreg_self(k, owner);
	return kreg_meta_get_string(k, "space/role", KREG_STRING, out, capacity);
}

static void set_value(const char *value, size_t size)
{
	kreg_unregister(k, "space/role", KREG_STRING);
	ck_assert_int_eq(kreg_register(k, "space/role", KREG_STRING, value, size, NULL), 0);
	ck_assert_int_eq(kreg_meta_put(k, "space/role", KREG_STRING, value, size), 0);
}

START_TEST(a_string_is_terminated_or_refused)
{
	struct kreg_owner owner = { 0 };
	char out[8];

	memset(out, 'x', sizeof(out));
	set_value("value", 5);
	ck_assert_int_eq(text(_i, out, sizeof(out), &owner), 5);
	ck_assert_str_eq(out, "value");
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_int_eq(text(_i, NULL, 0, &owner), 5);

	/* The NUL has to fit. */
	memset(out, 'x', sizeof(out));
	ck_assert_int_eq(text(_i, out, 6, &owner), 5);
	ck_assert_str_eq(out, "value");
	ck_assert_int_eq(out[6], 'x');
	owner.pid = 0;
	ck_assert_int_eq(text(_i, out, 5, &owner), -ERANGE);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(owner.pid, getpid());
	out[0] = 'x';
	ck_assert_int_eq(text(_i, out, 0, &owner), -ERANGE);
	ck_assert_int_eq(out[0], 'x');
	ck_assert_int_eq(text(_i, NULL, 8, &owner), -EINVAL);

	set_value("", 0);
	ck_assert_int_eq(text(_i, out, 1, &owner), 0);
	ck_assert_str_eq(out, "");
	out[0] = 'x';
	ck_assert_int_eq(text(_i, out, 0, &owner), -ERANGE);
	ck_assert_int_eq(out[0], 'x');
}
END_TEST

START_TEST(a_value_with_a_nul_is_no_string)
{
	struct kreg_owner owner = { 0 };
	char out[16] = "before";

	set_value("va\0ue", 5);
	ck_assert_int_eq(text(_i, out, sizeof(out), &owner), -EILSEQ);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(owner.pid, getpid());
	set_value("value", 6);
	ck_assert_int_eq(text(_i, out, sizeof(out), &owner), -EILSEQ);
	ck_assert_str_eq(out, "");
	if (_i == 1)
		return;
	memset(out, 'x', sizeof(out));
	ck_assert_int_eq(kreg_lookup_string(k, "nobody", KREG_STRING, out, sizeof(out), NULL),
			 -ENOENT);
	ck_assert_str_eq(out, "");
}
END_TEST

/* The value of "key" is @text. */
static void assert_value(const char *text)
{
	char value[64];

	ck_assert_int_eq(kreg_lookup_string(k, "key", KREG_STRING, value, sizeof(value), NULL),
			 strlen(text));
	ck_assert_str_eq(value, text);
}

static ssize_t change_to_text(void *value, size_t capacity, const void *old, size_t old_size,
			      void *data)
{
	(void)old, (void)old_size, (void)data;
	return snprintf(value, capacity, "changed");
}

START_TEST(a_string_is_a_value_without_its_nul_in_each_call)
{
	struct kreg_item items[] = { { "key", KREG_STRING, "many", KREG_STRING } };
	char value[16];

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "one", KREG_STRING, NULL), 0);
	assert_value("one");
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, "two", KREG_STRING, NULL, 0), 3);
	assert_value("two");
	ck_assert_int_eq(
		kreg_update_if(k, "key", KREG_STRING, "three", KREG_STRING, "one", KREG_STRING),
		-ECANCELED);
	ck_assert_int_eq(
		kreg_update_if(k, "key", KREG_STRING, "three", KREG_STRING, "two", KREG_STRING), 0);
	assert_value("three");
	ck_assert_int_eq(kreg_update_with(k, "key", KREG_STRING, change_to_text, NULL), 0);
	assert_value("changed");
	KREG_PATTERN(pattern, .value = "changed", .value_size = KREG_STRING);
	ck_assert_int_eq(kreg_count_select(k, &pattern), 1);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "", KREG_STRING,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, "published", KREG_STRING), 0);
	assert_value("published");
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_int_eq(kreg_register_many(k, items, 1, NULL), 0);
	assert_value("many");
	ck_assert_int_eq(kreg_service_register(k, "space", "role", "served", KREG_STRING, NULL), 0);
	ck_assert_int_eq(kreg_service_lookup(k, "space", "role", value, sizeof(value), NULL), 6);
	ck_assert_int_eq(kreg_meta_put(k, "key", KREG_STRING, "meta", KREG_STRING), 0);
	ck_assert_int_eq(kreg_meta_get(k, "key", KREG_STRING, value, sizeof(value)), 4);
}
END_TEST

START_TEST(a_string_that_is_too_long_or_missing_is_no_value)
{
	char *longest = malloc(KREG_VALUE_MAX + 2);

	memset(longest, 'l', KREG_VALUE_MAX + 1);
	longest[KREG_VALUE_MAX + 1] = 0;
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, longest, KREG_STRING, NULL),
			 -EMSGSIZE);
	ck_assert_int_eq(kreg_meta_put(k, "key", KREG_STRING, longest, KREG_STRING), -EMSGSIZE);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, KREG_STRING, NULL), -EINVAL);
	ck_assert_int_eq(kreg_meta_put(k, "key", KREG_STRING, NULL, KREG_STRING), -EINVAL);
	longest[KREG_VALUE_MAX] = 0;
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, longest, KREG_STRING, NULL), 0);
	longest[KREG_VALUE_MAX] = 'l';
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, longest, KREG_STRING, NULL, 0),
			 -EMSGSIZE);
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, NULL, KREG_STRING, NULL, 0), -EINVAL);
	ck_assert_int_eq(kreg_update_if(k, "key", KREG_STRING, "x", 1, longest, KREG_STRING),
			 -ECANCELED);
	ck_assert_int_eq(kreg_update_if(k, "key", KREG_STRING, "x", 1, NULL, KREG_STRING), -EINVAL);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), KREG_VALUE_MAX);
	KREG_PATTERN(pattern, .value = longest, .value_size = KREG_STRING);
	ck_assert_int_eq(kreg_count_select(k, &pattern), 0);
	free(longest);
}
END_TEST

START_TEST(a_key_of_a_service_and_its_parts_have_to_fit)
{
	char key[16], space[8], role[8];

	ck_assert_int_eq(kreg_service_key("space", "role", NULL, 0), 10);
	ck_assert_int_eq(kreg_service_key("space", "role", NULL, 1), -EINVAL);
	ck_assert_int_eq(kreg_service_key("space", "role", key, 10), 10);
	memset(key, 'x', sizeof(key));
	ck_assert_int_eq(kreg_service_key("space", "role", key, 9), -ERANGE);
	ck_assert_int_eq(key[0], 'x');
	ck_assert_int_eq(kreg_service_parse("space/role", KREG_STRING, space, 6, role, 5), 0);
	ck_assert_str_eq(space, "space");
	ck_assert_str_eq(role, "role");
	space[0] = role[0] = 'x';
	ck_assert_int_eq(kreg_service_parse("space/role", KREG_STRING, space, 5, role, 5), -ERANGE);
	ck_assert_int_eq(kreg_service_parse("space/role", KREG_STRING, space, 6, role, 4), -ERANGE);
	ck_assert_int_eq(space[0], 'x');
	ck_assert_int_eq(role[0], 'x');
}
END_TEST

START_TEST(a_flag_that_does_not_exist_destroys_no_registry)
{
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(destroy("misuse", 2), -EINVAL);
	ck_assert_int_eq(destroy("misuse", KREG_DESTROY_FORCE | 2), -EINVAL);
	ck_assert_int_eq(destroy("misuse", 0), -EBUSY);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), 5);
}
END_TEST

START_TEST(a_positive_number_is_no_error)
{
	ck_assert_str_eq(kreg_strerror(0), "no error");
	ck_assert_str_ne(kreg_strerror(17), "no error");
	ck_assert_str_ne(kreg_strerror(17), kreg_strerror(-17));
	ck_assert_ptr_nonnull(strstr(kreg_strerror(17), "negative"));
	ck_assert_ptr_nonnull(strstr(kreg_strerror(INT_MIN), "negative"));
	ck_assert_str_ne(kreg_strerror(-ERANGE), strerror(ERANGE));
	ck_assert_str_ne(kreg_strerror(-EILSEQ), strerror(EILSEQ));
}
END_TEST

START_TEST(header_library_and_build_are_of_one_version)
{
	char numbers[32];

	ck_assert_str_eq(KREG_VERSION_STRING, KREG_VERSION);
	ck_assert_str_eq(kreg_version(), KREG_VERSION_STRING);
	snprintf(numbers, sizeof(numbers), "%d.%d.%d", KREG_VERSION_MAJOR, KREG_VERSION_MINOR,
		 KREG_VERSION_PATCH);
	ck_assert_str_eq(numbers, KREG_VERSION_STRING);
	ck_assert_uint_eq(kreg_version_number(), KREG_VERSION_NUMBER);
	ck_assert_uint_eq(KREG_VERSION_NUMBER / 10000, KREG_VERSION_MAJOR);
#ifdef HAVE_GUARD
	ck_assert(kreg_features() & KREG_FEATURE_GUARD);
#else
	ck_assert(!(kreg_features() & KREG_FEATURE_GUARD));
#endif
#ifdef HAVE_SDT
	ck_assert(kreg_features() & KREG_FEATURE_PROBES);
#else
	ck_assert(!(kreg_features() & KREG_FEATURE_PROBES));
#endif
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("misuse");
	TCase *one = tcase_create("one"), *strings = tcase_create("strings");

	tcase_add_checked_fixture(one, set_up, tear_down);
	tcase_add_test(one, a_value_that_is_larger_than_the_buffer_is_an_error_of_each_call);
	tcase_add_test(one, it_is_one_with_duplicate_keys_partitions_and_a_read_only_handle_too);
	tcase_add_test(one, a_reserved_name_has_no_value_however_large_the_buffer);
	tcase_add_test(one, a_string_is_a_value_without_its_nul_in_each_call);
	tcase_add_test(one, a_string_that_is_too_long_or_missing_is_no_value);
	tcase_add_test(one, a_key_of_a_service_and_its_parts_have_to_fit);
	tcase_add_test(one, a_flag_that_does_not_exist_destroys_no_registry);
	tcase_add_test(one, a_positive_number_is_no_error);
	tcase_add_test(one, header_library_and_build_are_of_one_version);
	suite_add_tcase(suite, one);
	tcase_add_checked_fixture(strings, set_up, tear_down);
	tcase_add_loop_test(strings, a_string_is_terminated_or_refused, 0, 3);
	tcase_add_loop_test(strings, a_value_with_a_nul_is_no_string, 0, 3);
	suite_add_tcase(suite, strings);
	return unit_run_suite(suite);
}
