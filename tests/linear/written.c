/* SPDX-License-Identifier: MIT */
#include "tests/linear/written.h"

#include <check.h>

struct history history;
struct checker *checker;
uint8_t key;

void written_begin(void)
{
	history.count = 0;
	history.form = FORM_NAMES;
	key = 0;
	checker = checker_new();
	ck_assert_ptr_nonnull(checker);
}

void written_end(void)
{
	checker_free(checker);
}

struct operation *add(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t kind, int32_t result)
{
	struct operation *op = &history.operations[history.count++];

	*op = (struct operation){ .begun = begun, .ended = ended, .worker = worker };
	op->kind = kind;
	op->result = result;
	op->key = key;
	op->holder = WORKER_NONE;
	return op;
}
