/* SPDX-License-Identifier: MIT */
/*
 * What lies in etcd and what it answers, by itself: base64, numbers, keys and records. Other bytes than these are
 * tried by fuzz/etcd.c.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base64.h"
#include "bridge/etcd.h"
#include "bridge/record.h"
#include "tests/support/unit.h"

START_TEST(base64_is_as_in_rfc_4648_and_nothing_else_is_taken)
{
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" },
						{ "\xff\xfe\xfb", "//77" } };
	static const char *const wrong[] = { "Z",    "Zg",       "Zg=",  "Zh==",
					     "Zm9=", "Zg==Zg==", "====", "Zm9v\n\n\n\n",
					     "Zm 9", "Zm-_",     "=Zg=" };
	char out[16];
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t size = strlen(pairs[i][0]);
		char *text = base64_encode(pairs[i][0], size);

		ck_assert_str_eq(text, pairs[i][1]);
		ck_assert_int_eq(base64_decode(text, strlen(text), out, size), size);
		ck_assert_mem_eq(out, pairs[i][0], size);
		if (size)
			ck_assert_int_eq(base64_decode(text, strlen(text), out, size - 1),
					 -EMSGSIZE);
		free(text);
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(base64_decode(wrong[i], strlen(wrong[i]), out, sizeof(out)),
				 -EILSEQ);
}
END_TEST

START_TEST(numbers_have_63_bits_and_ids_64)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:f}", "id",
				 "14841639068965178418", "most", "9223372036854775807", "over",
				 "18446744073709551616", "minus", "-1", "text", "7x", "none", "",
				 "plain", 7, "below", -7, "real", 1.5);

	ck_assert_uint_eq(etcd_id(json, "id"), 14841639068965178418ull);
	ck_assert_uint_eq(etcd_number(json, "id"), 0);
	ck_assert_uint_eq(etcd_number(json, "most"), INT64_MAX);
	ck_assert_uint_eq(etcd_id(json, "over"), 0);
	ck_assert_uint_eq(etcd_id(json, "minus"), 0);
	ck_assert_uint_eq(etcd_number(json, "text"), 0);
	ck_assert_uint_eq(etcd_number(json, "none"), 0);
	ck_assert_uint_eq(etcd_number(json, "plain"), 7);
	ck_assert_uint_eq(etcd_id(json, "below"), 0);
	ck_assert_uint_eq(etcd_id(json, "real"), 0);
	ck_assert_uint_eq(etcd_number(json, "absent"), 0);
	json_decref(json);
}
END_TEST

START_TEST(what_is_said_of_a_url_has_no_password)
{
	static const char *const urls[][2] = {
		{ "http://10.0.0.1:2379", "http://10.0.0.1:2379" },
		{ "https://me:secret@etcd1:2379/x", "https://etcd1:2379/x" },
		{ "https://me@etcd1", "https://etcd1" },
		{ "http://me:se@cret@etcd1", "http://etcd1" },
		{ "http://me:se/cret@etcd1", "http://etcd1" },
		{ "http://me:http://secret@etcd1", "http://etcd1" },
		{ "me:secret@etcd1:2379", "etcd1:2379" },
		{ "me:http://secret@", "me:http://" },
		{ "@", "" },
		{ "", "" },
	};
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char *plain = etcd_url_plain(urls[i][0]);

		ck_assert_str_eq(plain, urls[i][1]);
		free(plain);
	}
}
END_TEST

static void assert_key(const char *bytes, size_t size, const char *key)
{
	char out[RECORD_KEY_MAX], prefix[RECORD_KEY_MAX], host[KREG_HOST_MAX + 1];
	struct name name = { .key_size = (uint32_t)size }, back;
	int begin = record_prefix(prefix, "c");

	memcpy(name.key, bytes, size);
	ck_assert_int_eq(record_key(out, prefix, &name, "h"), strlen(key));
	ck_assert_str_eq(out, key);
	ck_assert_int_eq(record_parse(out + begin, strlen(out + begin), &back, host), 0);
	ck_assert_str_eq(host, "h");
	ck_assert_uint_eq(back.key_size, size);
	ck_assert_mem_eq(back.key, bytes, size);
}

START_TEST(a_key_is_of_one_name_and_a_name_of_one_key)
{
	static const char *const wrong[] = { "",       "a",      "a/b",      "a/b/",    "a//h",
					     "/b/h",   "a/b/h/", "a/b/.h",   "a/%62/h", "a/%2f/h",
					     "a/%2/h", "a/b%/h", "%2Ea/b/h", ".a/b/h",  "a/b c/h" };
	char host[KREG_HOST_MAX + 1];
	struct name name;
	size_t i;

	assert_key("a/b", 3, "/kreg/c/a/b/h");
	assert_key("a.-_Z/b/c%", 10, "/kreg/c/a.-_Z/b%2Fc%25/h");
	assert_key("a/..", 4, "/kreg/c/a/%2E./h");
	assert_key("a\0\xff/\0", 5, "/kreg/c/a%00%FF/%00/h");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(record_parse(wrong[i], strlen(wrong[i]), &name, host), -EINVAL);
}
END_TEST

START_TEST(a_record_is_read_as_it_was_written)
{
	struct facts facts = { .value = (unsigned char *)"v\0w",
			       .value_size = 3,
			       .uid = UINT32_MAX,
			       .pid = INT32_MAX,
			       .start = INT64_MAX },
		     back;
	char *text = record_value(&facts);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(record_facts(text, strlen(text), &back), 0);
	ck_assert_mem_eq(back.value, "v\0w", 3);
	ck_assert_uint_eq(back.value_size, 3);
	ck_assert_uint_eq(back.uid, UINT32_MAX);
	ck_assert_uint_eq(back.pid, INT32_MAX);
	ck_assert_uint_eq(back.start, INT64_MAX);
	facts_free(&back);
	ck_assert_int_eq(record_facts(text, strlen(text) - 1, &back), -EINVAL);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		base64_is_as_in_rfc_4648_and_nothing_else_is_taken,
		numbers_have_63_bits_and_ids_64,
		what_is_said_of_a_url_has_no_password,
		a_key_is_of_one_name_and_a_name_of_one_key,
		a_record_is_read_as_it_was_written,
		NULL,
	};

	return unit_run("bridge", NULL, NULL, tests);
}
