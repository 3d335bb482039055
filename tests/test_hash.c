/* SPDX-License-Identifier: MIT */
/*
 * The hash of keys: that it spreads them, whatever their pattern, and that nobody can choose
 * keys that collide without knowing the seed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/hash.h"
#include "shm/place.h"
#include "tests/support/unit.h"

/* Both sides of each limit between two ways, and sizes whose words overlap. */
static const size_t sizes[] = { 2,  3,  4,  7,  8,  9,  12, 16, 17, 20, 24, 25,
				31, 32, 33, 40, 47, 48, 49, 56, 63, 64, 65, 200 };
#define SIZES (int)(sizeof(sizes) / sizeof(sizes[0]))

#define SIZE_MAX_HERE 256
#define BITS 30

static uint64_t state;

static void seed_state(void)
{
	state = unit_seed();
	printf("# KREG_SEED=%llu\n", (unsigned long long)state);
	fflush(stdout);
}

static void random_seed(struct hash_seed *seed)
{
	hash_seed_make(seed, hash_seed_next(&state));
}

static void random_key(unsigned char *key, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		key[i] = (unsigned char)hash_seed_next(&state);
}

static uint32_t hash_of(const struct hash_seed *seed, const void *key, size_t size)
{
	return order_hash(hash_key(seed, key, size));
}

/* A bit of the key that did not reach some bits of the hash would be seen as a bias of 0.5. */
#define KEYS 2000

START_TEST(each_bit_of_a_key_changes_each_bit_of_the_hash_in_half_of_the_cases)
{
	const size_t size = sizes[_i];
	unsigned char key[SIZE_MAX_HERE];
	struct hash_seed seed;
	uint32_t i, bit, to;

	seed_state();
	random_seed(&seed);
	for (bit = 0; bit < 8 * size; bit++) {
		uint32_t changed[BITS] = { 0 };

		for (i = 0; i < KEYS; i++) {
			uint32_t differ;

			random_key(key, size);
			differ = hash_of(&seed, key, size);
			key[bit / 8] ^= (unsigned char)(1 << bit % 8);
			differ ^= hash_of(&seed, key, size);
			for (to = 0; to < BITS; to++)
				changed[to] += differ >> to & 1;
		}
		for (to = 0; to < BITS; to++) {
			int off = (int)changed[to] - KEYS / 2;

			/* 8 standard deviations, which chance does not reach. */
			if (off * off > 8 * 8 * KEYS / 4)
				ck_abort_msg("size %zu, bit %u changed bit %u in %u of %u", size,
					     bit, to, changed[to], KEYS);
		}
	}
}
END_TEST

#define BUCKETS 4096
#define NAMES 16384
#define SEEDS 40

/* The key of that pattern with that number; returns its size. */
static size_t patterned(int pattern, uint32_t number, unsigned char *key)
{
	memset(key, 0, SIZE_MAX_HERE);
	switch (pattern) {
	case 0:
		memcpy(key, &number, 4);
		return 4;
	case 1:
		memcpy(key, &number, 4);
		return 8;
	case 2:
		return (size_t)sprintf((char *)key, "worker/%u", number);
	case 3:
		return (size_t)sprintf((char *)key, "service/instance/%08u/main", number);
	case 4:
		/* One or two bits of 256 that are different in each. */
		key[number % 128 / 8] ^= (unsigned char)(1 << number % 8);
		key[16 + number / 128 / 8] ^= (unsigned char)(1 << number / 128 % 8);
		return 32;
	case 5:
		memcpy(key + 16, &number, 4);
		return 40;
	case 6:
		return (size_t)sprintf((char *)key, "service/instance/%08u", number);
	case 7:
		memcpy(key, &number, 4);
		return 32;
	case 8:
		/* In the highest bits only. */
		number <<= 18;
		memcpy(key + 28, &number, 4);
		return 32;
	case 9:
		number <<= 18;
		memcpy(key + 52, &number, 4);
		return 56;
	default:
		memcpy(key + 100, &number, 4);
		return 104;
	}
}

START_TEST(keys_of_a_pattern_are_spread_over_the_buckets_as_random_ones)
{
	unsigned char key[SIZE_MAX_HERE];
	double sum = 0, worst = 0;
	int round;

	seed_state();
	for (round = 0; round < SEEDS; round++) {
		uint32_t used[BUCKETS] = { 0 }, i;
		double chi = 0, mean = (double)NAMES / BUCKETS;
		struct hash_seed seed;

		random_seed(&seed);
		for (i = 0; i < NAMES; i++) {
			size_t size = patterned(_i, i, key);

			used[hash_of(&seed, key, size) % BUCKETS]++;
		}
		for (i = 0; i < BUCKETS; i++)
			chi += (used[i] - mean) * (used[i] - mean) / mean;
		chi /= BUCKETS - 1;
		sum += chi;
		if (chi > worst)
			worst = chi;
	}
	/* Of random keys: 1, with a standard deviation of 0.022 for one seed. */
	ck_assert_msg(sum / SEEDS < 1.05 && worst < 1.3,
		      "pattern %d: %.3f in the mean, %.3f at most", _i, sum / SEEDS, worst);
}
END_TEST

#define WAYS 10

/* Two keys that somebody has chosen who knows all but the seed. False: they are the same. */
static bool chosen(int way, int fill, size_t size, unsigned char *a, unsigned char *b)
{
	size_t i;

	random_key(a, size);
	if (fill < 2)
		memset(a, fill ? 0xff : 0, size);
	memcpy(b, a, size);
	for (i = 0; i < size; i++) {
		bool word = !(i % 8), last = i % 8 == 7;

		b[i] ^= way == 0   ? !i
			: way == 1 ? (i == size - 1) << 7
			: way == 2 ? 0xff
			: way == 3 ? word << 7
			: way == 4 ? last << 7
			: way == 5 ? (unsigned char)(a[i] ^ a[(i + 8) % size])
			: way == 6 ? (i < size / 2) * 0xff
			: way == 7 ? (i == size - 1) << 7 | !i
			: way == 8 ? (i == size / 2) << 4
				   : word;
	}
	return memcmp(a, b, size);
}

#define GUESSES 32768

START_TEST(no_difference_of_two_keys_makes_them_collide_more_often_than_chance)
{
	static struct hash_seed seeds[GUESSES];
	unsigned char a[SIZE_MAX_HERE], b[SIZE_MAX_HERE];
	size_t size = sizes[_i];
	int way, fill, i;

	seed_state();
	for (i = 0; i < GUESSES; i++)
		random_seed(&seeds[i]);
	for (way = 0; way < WAYS; way++) {
		for (fill = 0; fill < 3; fill++) {
			int equal = 0;

			if (!chosen(way, fill, size, a, b))
				continue;
			for (i = 0; i < GUESSES; i++)
				equal += !((hash_of(&seeds[i], a, size) ^
					    hash_of(&seeds[i], b, size)) &
					   0xff);
			/* In 8 bits: 128, with a standard deviation of 11. */
			ck_assert_msg(equal < 128 + 8 * 12, "size %zu, way %d, fill %d: %d", size,
				      way, fill, equal);
		}
	}
}
END_TEST

/* Words that are read twice are equal in keys of other sizes. */
START_TEST(keys_of_equal_bytes_and_of_other_sizes_do_not_collide)
{
	unsigned char key[SIZE_MAX_HERE];
	struct hash_seed seed;
	size_t a, b;
	int value;

	seed_state();
	random_seed(&seed);
	for (value = 0; value < 256; value += 85) {
		memset(key, value, sizeof(key));
		for (a = 1; a < 200; a++) {
			for (b = 1; b < a; b++) {
				if (hash_key(&seed, key, a) == hash_key(&seed, key, b))
					ck_abort_msg("%zu and %zu bytes of %d", a, b, value);
			}
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tc = tcase_create("hash");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, each_bit_of_a_key_changes_each_bit_of_the_hash_in_half_of_the_cases,
			    0, SIZES);
	tcase_add_loop_test(tc, keys_of_a_pattern_are_spread_over_the_buckets_as_random_ones, 0,
			    11);
	tcase_add_loop_test(tc, no_difference_of_two_keys_makes_them_collide_more_often_than_chance,
			    0, SIZES);
	tcase_add_test(tc, keys_of_equal_bytes_and_of_other_sizes_do_not_collide);
	suite_add_tcase(suite, tc);
	return unit_run_suite(suite);
}
