/* SPDX-License-Identifier: MIT */
/*
 * Lookups of keys and values of each class of sizes, in both modes: found with and without an owner
 * as a result, wherever the arguments lie; and nothing that a dead owner has left reaches the
 * caller's buffers.
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

/* On both sides of each bound: 8, 16, 32, 40, 64 and 255 bytes for keys, 8 for values. */
static const size_t key_sizes[] = { 1, 7, 8, 16, 17, 24, 25, 32, 33, 40, 41, 64, 65, 255 };
static const size_t value_sizes[] = { 0, 1, 7, 8, 9, 24, 300 };

#define KEY_SIZES (sizeof(key_sizes) / sizeof(key_sizes[0]))
#define VALUE_SIZES (sizeof(value_sizes) / sizeof(value_sizes[0]))
#define VALUE_MAX 512u
#define PAGE 4096u

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "lookup");
}

static void make_key(unsigned char *key, size_t key_size, size_t value_size)
{
	memset(key, 'k', key_size);
	key[0] = (unsigned char)(1 + value_size % 255);
}

static void register_all(struct kreg *by)
{
	unsigned char key[255], value[VALUE_MAX];
	size_t i, j;

	memset(value, 'v', sizeof(value));
	for (i = 0; i < KEY_SIZES; i++) {
		for (j = 0; j < VALUE_SIZES; j++) {
			make_key(key, key_sizes[i], value_sizes[j]);
			ck_assert_int_eq(
				kreg_register(by, key, key_sizes[i], value, value_sizes[j], NULL),
				0);
		}
	}
}

/* The caller's memory, all of it 0x55 before each lookup. */
struct buffers {
	unsigned char *key, *value;
	struct kreg_owner *owner;
};

/* @value_size of the key, which no name has if it is not among those of the values. */
static ssize_t look(const struct buffers *to, size_t key_size, size_t value_size, bool owned)
{
	make_key(to->key, key_size, value_size);
	memset(to->value, 0x55, VALUE_MAX);
	memset(to->owner, 0x55, sizeof(*to->owner));
	return kreg_lookup(k, to->key, key_size, to->value, VALUE_MAX, owned ? to->owner : NULL);
}

static bool is_untouched(const void *from, size_t size)
{
	const unsigned char *at = from;

	while (size && *at == 0x55)
		at++, size--;
	return !size;
}

static void assert_all_are_found(const struct buffers *to)
{
	unsigned char value[VALUE_MAX];
	size_t i, j, size;
	int owned;

	memset(value, 'v', sizeof(value));
	for (i = 0; i < KEY_SIZES; i++) {
		for (j = 0; j < 2 * VALUE_SIZES; j++) {
			size = value_sizes[j / 2];
			owned = j % 2;
			ck_assert_int_eq(look(to, key_sizes[i], size, owned), (ssize_t)size);
			ck_assert_mem_eq(to->value, value, size);
			ck_assert(is_untouched(to->value + size, VALUE_MAX - size));
			if (owned) {
				ck_assert_int_eq(to->owner->pid, getpid());
				ck_assert_int_eq(to->owner->reserved, 0);
			}
			ck_assert(owned || is_untouched(to->owner, sizeof(*to->owner)));
			ck_assert_int_eq(look(to, key_sizes[i], 200, owned), -ENOENT);
		}
	}
}

START_TEST(names_of_each_size_are_found_with_and_without_their_owner)
{
	unsigned char key[255], value[VALUE_MAX];
	struct kreg_owner owner;
	const struct buffers here = { key, value, &owner };

	open_mode(_i);
	register_all(k);
	assert_all_are_found(&here);
	kreg_close(k);
}
END_TEST

/* Pages at addresses that have no bit in common, below those that sanitizers use. */
static unsigned char *page_at(uintptr_t address)
{
	void *page = mmap((void *)address, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	ck_assert_ptr_eq(page, (void *)address);
	return page;
}

START_TEST(addresses_without_a_bit_in_common_are_as_good_as_others)
{
	const struct buffers apart = {
		page_at(1ul << 28),
		page_at(1ul << 29),
		(struct kreg_owner *)page_at(1ul << 30),
	};

	open_mode(_i);
	register_all(k);
	assert_all_are_found(&apart);
	ck_assert_int_eq(kreg_lookup(k, NULL, 20, apart.value, 8, apart.owner), -EINVAL);
	ck_assert_int_eq(kreg_lookup(k, apart.key, 20, NULL, 8, apart.owner), -EINVAL);
	ck_assert_int_eq(kreg_lookup(NULL, apart.key, 20, apart.value, 8, apart.owner), -EINVAL);
	kreg_close(k);
	munmap(apart.key, PAGE);
	munmap(apart.value, PAGE);
	munmap(apart.owner, PAGE);
}
END_TEST

static int hold_all(int link, void *data)
{
	struct kreg *own = mode_open(mode, "lookup");

	register_all(own);
	link_say(link, 0);
	link_hear(link);
	return data != NULL;
}

START_TEST(nothing_of_a_dead_owner_reaches_the_buffers)
{
	unsigned char key[255], value[VALUE_MAX];
	struct kreg_owner owner;
	const struct buffers here = { key, value, &owner };
	struct child holder;
	size_t i, j;

	open_mode(_i);
	holder = child_start_ready(hold_all, NULL);
	ck_assert_int_eq(look(&here, 24, 8, true), 8);
	ck_assert_int_eq(owner.pid, holder.pid);
	child_kill(&holder);
	for (i = 0; i < KEY_SIZES; i++) {
		for (j = 0; j < 2 * VALUE_SIZES; j++) {
			ck_assert_int_eq(look(&here, key_sizes[i], value_sizes[j / 2], j % 2),
					 -ENOENT);
			ck_assert(is_untouched(value, sizeof(value)));
			ck_assert(is_untouched(&owner, sizeof(owner)));
		}
	}
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		names_of_each_size_are_found_with_and_without_their_owner,
		addresses_without_a_bit_in_common_are_as_good_as_others,
		nothing_of_a_dead_owner_reaches_the_buffers,
		NULL,
	};

	return modes_run(suite_create("lookup"), tcase_create("both"), both, NULL, NULL);
}
