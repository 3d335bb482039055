/* SPDX-License-Identifier: MIT */
/*
 * Histories: sorted, counted and printed.
 */
#include "tests/linear/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_begin(const void *a, const void *b)
{
	uint32_t first = ((const struct operation *)a)->begun;
	uint32_t second = ((const struct operation *)b)->begun;

	return (first > second) - (first < second);
}

void history_sort(struct history *h)
{
	qsort(h->operations, h->count, sizeof(h->operations[0]), by_begin);
}

static bool has_changed(const struct operation *op)
{
	if (op->kind == OP_UNREGISTER || op->kind == OP_UNREGISTER_ALL ||
	    op->kind == OP_UNREGISTER_FOR)
		return op->result > 0;
	return op->kind < OP_LOOKUP && !op->result && !is_pending(op);
}

static bool overlap(const struct operation *a, const struct operation *b)
{
	return (is_pending(a) || b->begun < a->ended) && (is_pending(b) || a->begun < b->ended);
}

uint32_t history_overlaps(const struct history *h)
{
	uint32_t i, j, count = 0;

	for (i = 0; i < h->count; i++) {
		const struct operation *a = &h->operations[i];

		for (j = 0; j < h->count; j++) {
			const struct operation *b = &h->operations[j];

			if (a->kind != OP_DIE && b->kind != OP_DIE && a->worker != b->worker &&
			    a->key == b->key && (has_changed(a) || has_changed(b)) && overlap(a, b))
				break;
		}
		count += j < h->count;
	}
	return count;
}

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[OP_REGISTER] = "register",
		[OP_UNREGISTER] = "unregister",
		[OP_UNREGISTER_ALL] = "unregister_all",
		[OP_UPDATE] = "update",
		[OP_UPDATE_IF] = "update_if",
		[OP_SET_FLAGS] = "set_flags",
		[OP_COUNT] = "count",
		[OP_REGISTER_FOR] = "register_for",
		[OP_UPDATE_FOR] = "update_for",
		[OP_UNREGISTER_FOR] = "unregister_for",
		[OP_LOOKUP] = "lookup",
		[OP_LOST] = "has lost",
		[OP_DIE] = "dies",
	};

	return names[kind];
}

static void print_value(FILE *out, enum form form, const char *before, uint8_t value)
{
	if (value == VALUE_WRONG)
		fprintf(out, "%sa value of nobody here", before);
	else if (value != VALUE_NONE && form == FORM_COUNTERS)
		fprintf(out, "%s%d", before, value - 1);
	else if (value != VALUE_NONE)
		fprintf(out, "%sv%u (by %u)", before, value, value_writer(value));
}

static void print_result(FILE *out, enum form form, const struct operation *op)
{
	if (is_pending(op)) {
		fprintf(out, " -> killed inside");
		return;
	}
	if (op->result < 0)
		fprintf(out, " -> %s", strerrorname_np(-op->result));
	else
		fprintf(out, " -> %d", op->result);
	print_value(out, form, ", found ", op->found);
	if (op->holder == WORKER_WRONG)
		fprintf(out, ", holder nobody here");
	else if (op->holder != WORKER_NONE)
		fprintf(out, ", holder %u", op->holder);
}

void history_print(FILE *out, const struct history *h, uint64_t placed)
{
	uint32_t i;

	for (i = 0; i < h->count; i++) {
		const struct operation *op = &h->operations[i];

		fprintf(out, "\n# %c [%4u,", placed >> i & 1 ? ' ' : '*', op->begun);
		fprintf(out, is_pending(op) ? "   - ]" : "%4u ]", op->ended);
		fprintf(out, " worker %u %s", op->worker, kind_name(op->kind));
		if (op->kind == OP_DIE)
			continue;
		fprintf(out, " key %u%s%s", op->key, op->flags & FLAG_REPLACE ? " REPLACE" : "",
			op->flags & FLAG_DROP ? " DROP" : "");
		if (is_for_another(op))
			fprintf(out, " for worker %u", op->to);
		if (op->kind == OP_COUNT)
			fprintf(out, " by %d up to %u, then", op->delta, op->threshold);
		print_value(out, h->form, " if ", op->expected);
		print_value(out, h->form, " = ", op->value);
		print_result(out, h->form, op);
	}
	fprintf(out, "\n");
}
