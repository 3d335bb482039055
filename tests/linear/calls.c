/* SPDX-License-Identifier: MIT */
#include "tests/linear/calls.h"

#include <errno.h>
#include <string.h>

static struct kreg *kreg_of(const struct caller *c)
{
	return c->k[c->board->form];
}

/*
 * Contains the operation that wrote it and its history; some values fit beside their key,
 * some do not. That of a counter is its number.
 */
static uint32_t value_make(const struct worker_board *board, uint8_t value, unsigned char *out)
{
	uint32_t size = 8 + (value % 8 ? value % 40u : value * 40u);
	int64_t number = value - 1;

	if (board->form == FORM_COUNTERS) {
		memcpy(out, &number, sizeof(number));
		return sizeof(number);
	}
	memset(out, value, size);
	memcpy(out, &board->history, sizeof(board->history));
	out[4] = value;
	return size;
}

static uint8_t number_read(int64_t number)
{
	return number >= 0 && number <= COUNT_MAX ? (uint8_t)(number + 1) : VALUE_WRONG;
}

static uint8_t value_read(const struct worker_board *board, const unsigned char *bytes,
			  ssize_t size)
{
	unsigned char whole[VALUE_ROOM];
	int64_t number;

	if (board->form == FORM_COUNTERS && size == sizeof(number)) {
		memcpy(&number, bytes, sizeof(number));
		return number_read(number);
	}
	if (size < 8 || size > (ssize_t)VALUE_ROOM || !bytes[4] ||
	    bytes[4] >= value_of(WORKERS_MAX, 0) || value_make(board, bytes[4], whole) != size ||
	    memcmp(whole, bytes, (size_t)size))
		return VALUE_WRONG;
	return bytes[4];
}

static uint8_t holder_read(const struct worker_board *board, pid_t pid)
{
	uint8_t i;

	for (i = 0; i < board->workers; i++) {
		if (board->pids[i] == pid)
			return i;
	}
	return WORKER_WRONG;
}

const char *call_key(uint32_t key)
{
	static const char *const names[KEYS_MAX] = {
		"a", "another", "and one that is longer than what a lookup takes the shortcut for"
	};

	return names[key];
}

static uint32_t register_flags(uint8_t flags)
{
	return (flags & FLAG_REPLACE ? KREG_REGISTER_REPLACE : 0u) |
	       (flags & FLAG_DROP ? KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP : 0u);
}

/* The holder's value too, which must be from the same moment. */
static void tell_holder(struct caller *c, struct operation *op, const struct kreg_found *found)
{
	if (op->result != -EEXIST)
		return;
	op->holder = holder_read(c->board, found->owner.pid);
	op->found = value_read(c->board, c->bytes, found->size);
}

static void do_register(struct caller *c, struct operation *op, uint32_t size)
{
	struct kreg_found found = { .value = c->bytes, .capacity = VALUE_ROOM };
	const char *key = call_key(op->key);

	if (op->value % 2 && !op->flags)
		op->result = kreg_register(kreg_of(c), key, KREG_STRING, c->value, size, &found);
	else
		op->result = kreg_register_with(kreg_of(c), key, KREG_STRING, c->value, size,
						register_flags(op->flags), &found);
	tell_holder(c, op, &found);
}

static void do_register_for(struct caller *c, struct operation *op, uint32_t size)
{
	struct kreg_found found = { .value = c->bytes, .capacity = VALUE_ROOM };

	op->result =
		kreg_register_for(kreg_of(c), &c->board->owners[op->to], call_key(op->key),
				  KREG_STRING, c->value, size, register_flags(op->flags), &found);
	tell_holder(c, op, &found);
}

static void do_count(struct caller *c, struct operation *op)
{
	int64_t now = -1;

	op->result = kreg_counter_add_bounded(kreg_of(c), call_key(op->key), KREG_STRING, op->delta,
					      op->threshold, op->value - 1, &now);
	if (!op->result)
		op->found = number_read(now);
}

static void do_update(struct caller *c, struct operation *op, uint32_t size)
{
	ssize_t got = kreg_update(kreg_of(c), call_key(op->key), KREG_STRING, c->value, size,
				  c->bytes, VALUE_ROOM);

	op->result = got < 0 ? (int32_t)got : 0;
	if (got >= 0)
		op->found = value_read(c->board, c->bytes, got);
}

static void do_update_if(struct caller *c, struct operation *op, uint32_t size)
{
	unsigned char expected[VALUE_ROOM];
	uint32_t expected_size = value_make(c->board, op->expected, expected);

	op->result = kreg_update_if(kreg_of(c), call_key(op->key), KREG_STRING, c->value, size,
				    expected, expected_size);
}

static void do_lookup(struct caller *c, struct operation *op)
{
	struct kreg_owner owner;
	ssize_t got;

	do {
		got = kreg_lookup(kreg_of(c), call_key(op->key), KREG_STRING, c->bytes, VALUE_ROOM,
				  &owner);
	} while (got == -EAGAIN);
	op->result = got < 0 ? (int32_t)got : 0;
	if (got < 0)
		return;
	op->found = value_read(c->board, c->bytes, got);
	op->holder = holder_read(c->board, owner.pid);
}

void call_perform(struct caller *c, struct operation *op)
{
	uint32_t size = value_make(c->board, op->value, c->value);
	const struct kreg_owner *to = &c->board->owners[op->to];
	const char *key = call_key(op->key);
	struct kreg *k = kreg_of(c);

	if (op->kind == OP_REGISTER)
		do_register(c, op, size);
	else if (op->kind == OP_UNREGISTER)
		op->result = kreg_unregister(k, key, KREG_STRING);
	else if (op->kind == OP_UNREGISTER_ALL)
		op->result = (int32_t)kreg_unregister_all(k, KREG_UNREGISTER_PROCESS);
	else if (op->kind == OP_SET_FLAGS)
		op->result = kreg_set_flags(k, key, KREG_STRING, register_flags(op->flags));
	else if (op->kind == OP_UPDATE)
		do_update(c, op, size);
	else if (op->kind == OP_UPDATE_IF)
		do_update_if(c, op, size);
	else if (op->kind == OP_COUNT)
		do_count(c, op);
	else if (op->kind == OP_REGISTER_FOR)
		do_register_for(c, op, size);
	else if (op->kind == OP_UPDATE_FOR)
		op->result = kreg_update_for(k, to, key, KREG_STRING, c->value, size);
	else if (op->kind == OP_UNREGISTER_FOR)
		op->result = kreg_unregister_for(k, to, key, KREG_STRING);
	else
		do_lookup(c, op);
}
