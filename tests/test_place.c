/* SPDX-License-Identifier: MIT */
/*
 * Orders, references and claims: the meaning of a word of the table.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/index_ahead.h"
#include "shm/place.h"
#include "tests/support/unit.h"

#define MANY 100000

static uint32_t reversed(uint32_t bits)
{
	uint32_t result = 0;
	int i;

	for (i = 0; i < 31; i++)
		result |= (bits >> i & 1) << (30 - i);
	return result;
}

static uint32_t random_bits(unsigned int *seed)
{
	return (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);
}

START_TEST(orders_compare_as_their_reversed_bits_do)
{
	unsigned int seed = unit_seed();
	int i;

	printf("# KREG_SEED=%u\n", seed);
	for (i = 0; i < MANY; i++) {
		order_t a = random_bits(&seed) & ORDER_LAST;
		/* Mostly close to each other, so that every bit decides some comparison. */
		order_t b = i % 4 ? a ^ 1u << i % 31 : random_bits(&seed) & ORDER_LAST;

		ck_assert_int_eq(order_is_before(a, b), reversed(a) < reversed(b));
		ck_assert(!order_is_before(a, a));
		ck_assert(a == ORDER_LAST || order_is_before(a, ORDER_LAST));
	}
}
END_TEST

START_TEST(a_bucket_stands_before_all_that_it_holds_and_behind_its_parent)
{
	uint32_t bucket, hash;

	for (bucket = 1; bucket < 256; bucket++) {
		uint32_t parent = bucket & ~(1u << (31 - __builtin_clz(bucket)));

		ck_assert(order_is_before(order_of_bucket(parent), order_of_bucket(bucket)));
		for (hash = bucket; hash < 4096; hash += 256)
			ck_assert(order_is_before(order_of_bucket(bucket), order_of_entry(hash)));
	}
}
END_TEST

START_TEST(buckets_with_the_same_number_of_bits_do_not_interleave)
{
	uint32_t bucket, other, hash;

	for (bucket = 0; bucket < 16; bucket++) {
		for (other = 0; other < 16; other++) {
			for (hash = bucket; hash < 1024; hash += 16) {
				if (order_is_before(order_of_bucket(bucket),
						    order_of_bucket(other)))
					ck_assert(order_is_before(order_of_entry(hash),
								  order_of_bucket(other)));
			}
		}
	}
}
END_TEST

START_TEST(a_reference_has_a_place_and_an_order)
{
	ref_t ref = ref_make(PLACE_MAX, order_of_entry(0x2aaaaaaa));

	ck_assert_uint_eq(ref_place(ref), PLACE_MAX);
	ck_assert_uint_eq(ref_order(ref), order_of_entry(0x2aaaaaaa));
	ck_assert_uint_eq(order_hash(ref_order(ref)), 0x2aaaaaaa);
	ck_assert(order_is_entry(ref_order(ref)));
	ck_assert(!(ref & (REF_MARK | REF_CLAIM)));
	ck_assert(ref_is_end(REF_END) && ref_is_end(REF_END | REF_MARK));
	ck_assert(!ref_is_end(ref_make(1, ORDER_LAST)));
}
END_TEST

START_TEST(a_claim_records_the_claimant_and_its_position)
{
	ref_t entry = ref_make(12345, order_of_entry(7)), bucket = ref_make(54321, 9), claim;

	claim = ref_claim(entry, 0xffff, 0x7fffffff);
	ck_assert(claim & REF_CLAIM);
	ck_assert(!(claim & REF_MARK));
	ck_assert(ref_claim_is_entry(claim));
	ck_assert_uint_eq(ref_place(claim), 12345);
	ck_assert_uint_eq(ref_claim_seat(claim), 0xffff);
	ck_assert_uint_eq(ref_claim_incarnation(claim), 0x3fff);
	claim = ref_claim(bucket, 1, 2);
	ck_assert(!ref_claim_is_entry(claim));
	ck_assert_uint_eq(ref_place(claim), 54321);
	ck_assert_uint_eq(ref_claim_seat(claim), 1);
	ck_assert_uint_eq(ref_claim_incarnation(claim), 2);
}
END_TEST

START_TEST(buckets_have_their_turns_in_the_order_of_the_list)
{
	uint64_t buckets;
	uint32_t turn;

	for (buckets = 1; buckets <= 65536; buckets *= 2) {
		for (turn = 0; turn < buckets; turn++) {
			uint32_t bucket = ahead_turn(turn, buckets);

			ck_assert_uint_lt(bucket, buckets);
			ck_assert_uint_eq(ahead_turn(bucket, buckets), turn);
			if (turn)
				ck_assert(order_is_before(
					order_of_bucket(ahead_turn(turn - 1, buckets)),
					order_of_bucket(bucket)));
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		orders_compare_as_their_reversed_bits_do,
		a_bucket_stands_before_all_that_it_holds_and_behind_its_parent,
		buckets_with_the_same_number_of_bits_do_not_interleave,
		a_reference_has_a_place_and_an_order,
		a_claim_records_the_claimant_and_its_position,
		buckets_have_their_turns_in_the_order_of_the_list,
		NULL,
	};

	return unit_run("place", NULL, NULL, tests);
}
