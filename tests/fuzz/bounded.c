/* SPDX-License-Identifier: MIT */
/*
 * The bounded run of a fuzz target in `make check`: all kept inputs, and a number of
 * changed ones. libFuzzer changes inputs guided by coverage, this does it blindly; it
 * needs no special compiler.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tests/support/unit.h"

#define INPUT_MAX 4096u
#define KEPT_MAX 512u
#define CHANGES_MAX 6u

struct input {
	uint8_t bytes[INPUT_MAX];
	size_t size;
};

static struct input *kept;
static unsigned int kept_count;

static void read_kept(const char *folder, const char *file)
{
	struct input *input = &kept[kept_count];
	char path[512];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	stream = fopen(path, "r");
	ck_assert_msg(stream != NULL, "%s", path);
	input->size = fread(input->bytes, 1, INPUT_MAX, stream);
	fclose(stream);
	kept_count++;
}

static void set_up(void)
{
	struct dirent *file;
	char folder[256];
	DIR *stream;

	kept = calloc(KEPT_MAX, sizeof(*kept));
	ck_assert_ptr_nonnull(kept);
	snprintf(folder, sizeof(folder), "%s/%s", FUZZ_CORPUS, fuzz_name);
	stream = opendir(folder);
	ck_assert_msg(stream != NULL, "%s", folder);
	while (kept_count < KEPT_MAX && (file = readdir(stream)))
		if (file->d_name[0] != '.')
			read_kept(folder, file->d_name);
	closedir(stream);
}

static void tear_down(void)
{
	free(kept);
}

START_TEST(each_kept_input_does_no_harm)
{
	unsigned int i;

	ck_assert_uint_gt(kept_count, 0);
	for (i = 0; i < kept_count; i++)
		LLVMFuzzerTestOneInput(kept[i].bytes, kept[i].size);
}
END_TEST

static size_t below(unsigned int *state, size_t end)
{
	return (size_t)rand_r(state) % end;
}

/* One change: a byte, a number, a part removed, a part of another input inserted. */
static void change(struct input *input, unsigned int *state)
{
	const struct input *other = &kept[below(state, kept_count)];
	size_t at = below(state, input->size + 1), bytes, room;

	switch (below(state, 4)) {
	case 0:
		if (at < input->size)
			input->bytes[at] ^= (uint8_t)(1u << below(state, 8));
		break;
	case 1:
		if (at < input->size)
			input->bytes[at] = (uint8_t)below(state, 256);
		break;
	case 2:
		bytes = below(state, input->size - at + 1);
		memmove(input->bytes + at, input->bytes + at + bytes, input->size - at - bytes);
		input->size -= bytes;
		break;
	default:
		room = INPUT_MAX - input->size;
		bytes = below(state, other->size + 1);
		if (bytes > room)
			bytes = room;
		memmove(input->bytes + at + bytes, input->bytes + at, input->size - at);
		memcpy(input->bytes + at, other->bytes + other->size - bytes, bytes);
		input->size += bytes;
	}
}

START_TEST(changed_inputs_do_no_harm)
{
	unsigned int state = unit_seed(), changes, i;
	struct input input;

	printf("# KREG_SEED=%u\n", state);
	fflush(stdout);
	for (i = 0; i < fuzz_runs; i++) {
		input = kept[below(&state, kept_count)];
		for (changes = 1 + (unsigned int)below(&state, CHANGES_MAX); changes; changes--)
			change(&input, &state);
		LLVMFuzzerTestOneInput(input.bytes, input.size);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_kept_input_does_no_harm,
		changed_inputs_do_no_harm,
		NULL,
	};

	return unit_run(fuzz_name, set_up, tear_down, tests);
}
