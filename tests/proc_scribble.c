/* SPDX-License-Identifier: MIT */
/*
 * A process with write access writes arbitrary data into a registry, at any moment, while
 * others use it. Their calls may fail or return wrong data; but each call returns, and no
 * process dies of it or writes anywhere else.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/any_call.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define NAME "scribbled"
#define ROUNDS 40
#define ROUND_MS 20
#define WORDS_EACH_ROUND 40
#define WAIT_MS 20
/* Only a hang reaches this. */
#define BOUND_MS 60000

static const enum kreg_keys kinds[] = { KREG_KEYS_UNIQUE, KREG_KEYS_DUPLICATE,
					KREG_KEYS_DUPLICATE_BY_KEY };
#define KINDS 3

enum { WRITER, OTHER_WRITER, READER, WAITER, LISTENER, ROLES };

/* Shared by all processes: the progress of each. */
struct board {
	bool over;
	uint64_t calls[ROLES];
};

struct part {
	struct board *board;
	int mode;
	enum kreg_keys keys;
	int role;
	unsigned int seed;
};

static uint32_t number_of(void *data)
{
	struct part *part = data;

	return (uint32_t)rand_r(&part->seed);
}

static int open_it(const struct part *part, uint32_t flags, struct kreg **k)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(part->mode),
		     .flags = flags, .keys = part->keys, .seats = 64, .slots = 64,
		     .max_bytes = 4 << 20, .partitions = part->keys == KREG_KEYS_DUPLICATE ? 4 : 0);

	return kreg_open(k, NAME, &options);
}

static void look(const struct kreg_entry *entry)
{
	static volatile unsigned char last;
	size_t i;

	if (entry->key_size > KREG_KEY_MAX || entry->value_size > KREG_VALUE_MAX)
		abort();
	for (i = 0; i < entry->value_size; i++)
		last = ((const unsigned char *)entry->value)[i];
	(void)last;
}

static void listen_once(struct kreg *k)
{
	struct timespec shortly = { 0, 1000000 };
	struct kreg_listener *listener;
	struct kreg_event event;
	int64_t until = clock_ms() + WAIT_MS;

	if (kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN))
		return;
	while (clock_ms() < until) {
		if (kreg_listener_next(listener, &event) == 1)
			look(&event.entry);
		else
			nanosleep(&shortly, NULL);
	}
	kreg_listener_close(listener);
}

/*
 * Opens, makes some calls, closes, until the end. The results of the calls do not matter.
 */
static int take_part(int link, void *data)
{
	struct timespec shortly = { 0, 1000000 };
	struct part *part = data;
	struct any any = { .number = number_of, .data = part, .directory = tmp_directory() };
	int i;

	link_say(link, 0);
	while (!__atomic_load_n(&part->board->over, __ATOMIC_RELAXED)) {
		if (open_it(part, 0, &any.k)) {
			nanosleep(&shortly, NULL);
			continue;
		}
		for (i = 0; i < 200 && !__atomic_load_n(&part->board->over, __ATOMIC_RELAXED);
		     i++) {
			if (part->role == WAITER)
				any_wait(&any, WAIT_MS);
			else if (part->role == LISTENER)
				listen_once(any.k);
			else if (part->role == READER)
				any_read(&any);
			else
				any_change(&any);
			__atomic_fetch_add(&part->board->calls[part->role], 1, __ATOMIC_RELAXED);
		}
		any_end(&any);
		kreg_close(any.k);
	}
	return 0;
}

/*
 * The value to write: another word of the file, a small number, a changed bit, a random
 * one.
 */
static uint64_t scribble(const uint64_t *words, size_t count, uint64_t old, unsigned int *seed)
{
	switch (rand_r(seed) % 4) {
	case 0:
		return words[(size_t)rand_r(seed) % count];
	case 1:
		return (uint64_t)rand_r(seed) % 256;
	case 2:
		return old ^ 1ull << rand_r(seed) % 64;
	default:
		return (uint64_t)rand_r(seed) << 32 | (uint64_t)rand_r(seed);
	}
}

/* Writes into used parts of the file that has the name now. Return: how many words. */
static int scribble_round(unsigned int *seed)
{
	char path[TMP_PATH];
	size_t count, at;
	uint64_t *words;
	struct stat st;
	int fd, i, done = 0;
	off_t data;

	tmp_registry(path, geteuid(), NAME);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) || st.st_size < 4096) {
		close(fd);
		return 0;
	}
	count = (size_t)st.st_size / 8;
	words = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(words != MAP_FAILED);
	for (i = 0; i < WORDS_EACH_ROUND * 10 && done < WORDS_EACH_ROUND; i++) {
		at = (size_t)rand_r(seed) % count;
		/*
		 * Half of them in the header, the rows, the slots; the others where there
		 * is data.
		 */
		data = rand_r(seed) % 2 ? (off_t)at % 40960 : lseek(fd, (off_t)at * 8, SEEK_DATA);
		if (data < 0)
			continue;
		at = (size_t)data / 8 + (size_t)rand_r(seed) % 512;
		/*
		 * Not into holes: no process uses them, and a full disk would make it
		 * SIGBUS.
		 */
		if (at >= count || lseek(fd, (off_t)at * 8, SEEK_DATA) != (off_t)at * 8 ||
		    !words[at])
			continue;
		words[at] = scribble(words + at / 512 * 512, 512, words[at], seed);
		done++;
	}
	munmap(words, (size_t)st.st_size);
	close(fd);
	return done;
}

static void await_calls(struct board *board, const uint64_t *before)
{
	int64_t since = clock_ms();
	int role;

	for (role = 0; role < ROLES; role++)
		while (__atomic_load_n(&board->calls[role], __ATOMIC_RELAXED) == before[role]) {
			ck_assert_msg(clock_ms() - since < BOUND_MS, "process %d is stuck", role);
			usleep(1000);
		}
}

START_TEST(every_call_returns_from_a_scribbled_registry)
{
	struct board *board = child_shared(sizeof(*board));
	struct part parts[ROLES];
	struct child children[ROLES];
	unsigned int seed = unit_seed();
	uint64_t before[ROLES];
	int words = 0, i, kind;

	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	for (kind = 0; kind < KINDS; kind++) {
		struct kreg *k;
		KREG_OPTIONS(where, .directory = tmp_directory(), .guard = mode_guard(_i));

		memset(board, 0, sizeof(*board));
		for (i = 0; i < ROLES; i++) {
			parts[i] =
				(struct part){ board, _i, kinds[kind], i, seed + (unsigned int)i };
			children[i] = child_start_ready(take_part, &parts[i]);
		}
		memset(before, 0, sizeof(before));
		await_calls(board, before);
		for (i = 0; i < ROUNDS; i++) {
			words += scribble_round(&seed);
			usleep(ROUND_MS * 1000 / 2);
		}
		memcpy(before, board->calls, sizeof(before));
		__atomic_store_n(&board->over, true, __ATOMIC_RELAXED);
		for (i = 0; i < ROLES; i++) {
			int status = child_end(&children[i]);

			ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
				      "process %d ends with status %#x", i, (unsigned int)status);
		}
		/* Others go on, in a registry of the same name. */
		kreg_destroy(NAME, &where, KREG_DESTROY_FORCE);
		ck_assert_int_eq(open_it(&parts[0], 0, &k), 0);
		ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "x", 1, NULL), 0);
		kreg_close(k);
		kreg_destroy(NAME, &where, KREG_DESTROY_FORCE);
		printf("# %s, keys %d: %d words; calls %llu %llu %llu %llu %llu\n",
		       _i == MODE_GUARD ? "guard" : "fallback", kinds[kind], words,
		       (unsigned long long)before[0], (unsigned long long)before[1],
		       (unsigned long long)before[2], (unsigned long long)before[3],
		       (unsigned long long)before[4]);
		fflush(stdout);
	}
	munmap(board, sizeof(*board));
}
END_TEST

int main(void)
{
	const TTest *const both[] = { every_call_returns_from_a_scribbled_registry, NULL };

	return modes_run(suite_create("scribble"), tcase_create("both"), both, NULL, NULL);
}
