/* SPDX-License-Identifier: MIT */
/*
 * Shared by the targets. Numbers are read from an input in little-endian order, so that
 * small changes of the input are small changes of the numbers.
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
