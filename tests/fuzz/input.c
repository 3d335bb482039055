/* SPDX-License-Identifier: MIT */
/*
 * What the targets share. Numbers come out of an input little end first, so that small changes of it are small changes of
 * what it means.
 */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t number = 0;
	unsigned int i;

	for (i = 0; i < bytes && input->left; i++, input->at++, input->left--)
		number |= (uint64_t)*input->at << (8 * i);
	return number;
}
