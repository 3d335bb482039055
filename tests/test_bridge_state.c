/* SPDX-License-Identifier: MIT */
/*
 * The state of a bridge as a value: whatever others have written into etcd, and however it was started, it fits and is
 * JSON; lists are cut, and the whole number is beside them. tests/proc_etcd_state.c has what it says of a real cluster.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/base64.h"
#include "bridge/session.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define BOOT 1000000000000ull

static struct bridge_options options;
static struct bridge b;

static void begin(char **exports, size_t count, const char *endpoint)
{
	static char url[2048], *endpoints[] = { url };
	KREG_OPTIONS(own, .directory = tmp_directory(), .guard = "none");

	snprintf(url, sizeof(url), "%s", endpoint);
	options = (struct bridge_options){ .registry = "default",
					   .cluster = "test",
					   .host = "h0",
					   .exports = exports,
					   .export_count = count,
					   .ttl = 10,
					   .most = 100,
					   .etcd = { .endpoints = endpoints, .count = 1 } };
	b = (struct bridge){ .options = &options };
	cluster_begin(&b);
	ck_assert_int_eq(kreg_open(&b.k, "default", &own), 0);
	ck_assert_int_eq(shown_open(&b.names, b.k, -1), 0);
	ck_assert_int_eq(etcd_new(&b.etcd, &options.etcd), 0);
}

static void finish(void)
{
	etcd_free(b.etcd);
	shown_close(b.names);
	items_free(&b);
	members_free(&b.members);
	kreg_close(b.k);
}

/* The value as a reader has it, which has to be JSON that fits. */
static json_t *state(void)
{
	uint64_t now = clock_now();
	char *text = state_text(&b, BOOT, now);
	json_t *read;

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_le(strlen(text), KREG_VALUE_MAX);
	read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert(json_is_object(read));
	free(text);
	return read;
}

static json_int_t number(const json_t *state, const char *name)
{
	const json_t *value = json_object_get(state, name);

	ck_assert_msg(json_is_integer(value), "%s is no number", name);
	return json_integer_value(value);
}

/* What etcd has of a host, each text of it of @bytes. */
static void member(const char *host, const char *bytes)
{
	json_t *record = json_pack("{s:s, s:s, s:s, s:I}", "version", bytes, "boot", bytes,
				   "registry", bytes, "pid", (json_int_t)INT32_MAX);
	char *text = json_dumps(record, JSON_COMPACT), rest[128];
	char *coded = base64_encode(text, strlen(text));
	json_t *kv = json_pack("{s:s, s:s}", "value", coded, "lease", "9223372036854775807");
	int size = snprintf(rest, sizeof(rest), ".members/%s", host);

	members_take(&b, rest, (size_t)size, kv, true);
	json_decref(kv);
	json_decref(record);
	free(coded);
	free(text);
}

static void fill_members(unsigned int count, const char *bytes)
{
	char host[KREG_HOST_MAX + 1];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(host, sizeof(host), "%064u", i);
		member(host, bytes);
	}
}

/* A name of this host that another host has: of @size bytes that each take most in JSON. */
static void hidden(unsigned int number, size_t size)
{
	static const char other[] =
		"0123456789012345678901234567890123456789012345678901234567890123";
	struct facts facts = { .value = calloc(1, 1) };
	struct name name = { .key_size = (uint32_t)size };

	memset(name.key, '\\', size);
	memcpy(name.key, "n/", 2);
	memcpy(name.key + size - sizeof(number), &number, sizeof(number));
	ck_assert_int_eq(kreg_register(b.k, name.key, size, "", 0, NULL), 0);
	import_put(&b, &name, other, &facts, 1, 1);
}

START_TEST(it_fits_however_much_others_have_written)
{
	static char any[] = "*", *imports[] = { any };
	char *exports[64], endpoint[2000], pattern[64], bytes[120], *text;
	struct kreg_owner self;
	json_t *is;
	size_t i;

	memset(bytes, '"', sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	memset(pattern, '"', sizeof(pattern) - 1);
	pattern[14] = '\0';
	for (i = 0; i < 64; i++)
		exports[i] = pattern;
	memset(endpoint, '\\', sizeof(endpoint) - 1);
	endpoint[sizeof(endpoint) - 1] = '\0';
	begin(exports, 64, endpoint);
	options.imports = imports;
	options.import_count = 1;
	/* Names of this process count as the bridge's own; here they are another's. */
	ck_assert_int_eq(kreg_self(b.k, &self), 0);
	say_often(&b.failed, "%s", endpoint);
	fill_members(1000, bytes);
	for (i = 0; i < 20; i++)
		hidden((unsigned int)i, KREG_KEY_MAX);
	is = state();
	text = json_dumps(is, JSON_COMPACT);
	printf("# the largest value: %zu bytes of %d\n", strlen(text), KREG_VALUE_MAX);
	free(text);
	ck_assert_int_eq(number(is, "members"), 1000);
	ck_assert_uint_eq(json_array_size(json_object_get(is, "member_list")), STATE_MEMBERS);
	ck_assert_uint_eq(json_array_size(json_object_get(is, "export")), 64);
	ck_assert_int_eq(number(is, "failures"), 1);
	ck_assert_int_eq(number(is, "conflicts"), 20);
	ck_assert_uint_eq(json_array_size(json_object_get(is, "conflict_list")), STATE_HIDDEN);
	json_decref(is);
	finish();
}
END_TEST

START_TEST(text_of_others_is_printable_and_cut)
{
	json_t *is, *one;

	begin(NULL, 0, "http://h:1");
	member("a", "\x1b[2J\xc3\xa9\x7f and a text that is longer than any version, boot or "
		    "registry is: it is cut, and does not come into what is behind it");
	is = state();
	one = json_array_get(json_object_get(is, "member_list"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "version")),
			 "?[2J??? and a text that");
	ck_assert_uint_eq(json_string_length(json_object_get(one, "boot")), MEMBER_BOOT_MAX - 1);
	ck_assert_int_eq(number(one, "lease"), INT64_MAX);
	json_decref(is);
	finish();
}
END_TEST

START_TEST(a_member_is_one_however_often_it_is_seen_and_gone_when_a_snapshot_lacks_it)
{
	json_t *nothing = json_object();

	begin(NULL, 0, "http://h:1");
	b.snapshot = 1;
	member("a", "1");
	member("b", "1");
	member("a", "2");
	ck_assert_uint_eq(b.members.count, 2);
	b.snapshot = 2;
	member("b", "1");
	members_compare(&b);
	ck_assert_uint_eq(b.members.count, 1);
	members_take(&b, ".members/b", 10, nothing, false);
	members_take(&b, ".members/c", 10, nothing, false);
	ck_assert_uint_eq(b.members.count, 0);
	/* None of these is one. */
	members_take(&b, ".members/d", 10, nothing, true);
	members_take(&b, ".members/", 9, nothing, true);
	members_take(&b, ".members/a\0b", 12, nothing, true);
	members_take(&b, ".later/d", 8, nothing, true);
	ck_assert_uint_eq(b.members.count, 0);
	ck_assert_uint_eq(b.wrong.count, 3);
	json_decref(nothing);
	finish();
}
END_TEST

START_TEST(there_is_a_bound_for_members_and_those_beyond_it_are_said)
{
	begin(NULL, 0, "http://h:1");
	fill_members(MEMBERS_MAX + 5, "1");
	ck_assert_uint_eq(b.members.count, MEMBERS_MAX);
	ck_assert_uint_eq(b.full.count, 5);
	finish();
}
END_TEST

static const char *text_of(json_t *state, const char *name)
{
	return json_string_value(json_object_get(state, name));
}

START_TEST(a_password_of_an_endpoint_is_not_in_it)
{
	json_t *is;

	begin(NULL, 0, "https://name:secret@host:2379");
	say_often(&b.failed, "%s: range: no answer, see mailto:x@y", etcd_endpoint(b.etcd));
	is = state();
	ck_assert_str_eq(text_of(is, "endpoint"), "https://host:2379");
	ck_assert_str_eq(text_of(json_object_get(is, "error"), "says"),
			 "https://host:2379: range: no answer, see mailto:x@y");
	json_decref(is);
	finish();
}
END_TEST

START_TEST(patterns_that_do_not_fit_are_not_known)
{
	static char long_one[STATE_PATTERNS_BYTES + 1], odd[] = "a\x01", right[] = "prod*";
	static char *cases[][2] = { { right, long_one }, { right, odd }, { right, right } };
	json_t *is;
	size_t i;

	memset(long_one, 'a', sizeof(long_one) - 1);
	for (i = 0; i < 3; i++) {
		begin(cases[i], 2, "http://h:1");
		is = state();
		ck_assert_int_eq(json_is_null(json_object_get(is, "export")), i < 2);
		json_decref(is);
		finish();
	}
}
END_TEST

static struct item *local(const char *key)
{
	struct name name = { .key_size = (uint32_t)strlen(key) };
	struct item *item;

	memcpy(name.key, key, name.key_size);
	item = item_get(&b, &name);
	item->has_local = true;
	export_dirty(&b, item);
	return item;
}

/* The lag of writes is that of the oldest change, also when a write has failed. */
START_TEST(changes_that_wait_are_counted_with_the_time_of_the_oldest)
{
	uint64_t before = clock_now();
	struct item *first, *second;
	json_t *is;

	begin(NULL, 0, "http://127.0.0.1:9");
	is = state();
	ck_assert_int_eq(number(is, "waiting") + number(is, "waiting_since"), 0);
	json_decref(is);
	first = local("n/1");
	second = local("n/2");
	ck_assert_uint_ge(first->since, before);
	ck_assert_uint_le(first->since, second->since);
	writes_begin(&b);
	export_dirty(&b, first);
	local("n/3");
	is = state();
	/* The first one is being written, and is to be written again: it is one. */
	ck_assert_int_eq(number(is, "waiting"), 3);
	ck_assert_int_gt(number(is, "waiting_since"), 0);
	json_decref(is);
	writes_again(&b);
	ck_assert_uint_eq(b.waiting, 3);
	ck_assert_ptr_eq(cds_list_first_entry(&b.dirty, struct item, dirty), first);
	ck_assert_ptr_eq(cds_list_entry(first->dirty.next, struct item, dirty), second);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bridge_state");
	TCase *tcase = tcase_create("value");

	tcase_add_test(tcase, it_fits_however_much_others_have_written);
	tcase_add_test(tcase, text_of_others_is_printable_and_cut);
	tcase_add_test(tcase,
		       a_member_is_one_however_often_it_is_seen_and_gone_when_a_snapshot_lacks_it);
	tcase_add_test(tcase, there_is_a_bound_for_members_and_those_beyond_it_are_said);
	tcase_add_test(tcase, a_password_of_an_endpoint_is_not_in_it);
	tcase_add_test(tcase, patterns_that_do_not_fit_are_not_known);
	tcase_add_test(tcase, changes_that_wait_are_counted_with_the_time_of_the_oldest);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
