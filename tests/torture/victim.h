/* SPDX-License-Identifier: MIT */
/*
 * Declarations shared by the files of the victim.
 *
 * Promises  nothing but that a victim that complains ends at once.
 * Used by   victim.c: names that one process holds at a time and knows all about; victim_line.c:
 *           names that move between victims; victim_next.c: exec and setuid; victim_start.c:
 *           programs.
 */
#ifndef KREG_TESTS_TORTURE_VICTIM_H
#define KREG_TESTS_TORTURE_VICTIM_H

#include <errno.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "tests/torture/engine.h"

#define VALUE_HEAD 8u
#define POOL_BYTES (2 * KREG_VALUE_MAX)

/* Precedes each value. */
struct value_head {
	uint32_t check;
	uint32_t pid;
};

struct victim {
	const struct torture_plan *plan;
	struct torture_board *board;
	struct torture_victim *line;
	struct kreg *k;
	struct kreg_owner self;
	uint64_t random;
	uint64_t reaped; /* how many victims had been reaped when the call began */
	uint32_t held;   /* how many keys */
	struct torture_memory *memory;
	uint32_t *checks; /* in the memory, as @holds */
	bool *holds;
	unsigned char pool[POOL_BYTES];
	unsigned char value[KREG_VALUE_MAX];
};

static inline uint32_t random_below(struct victim *v, uint32_t bound)
{
	return (uint32_t)((torture_random(&v->random) >> 32) * bound >> 32);
}

#define complain(v, ...)                                                                           \
	do {                                                                                       \
		torture_complain((v)->board, __VA_ARGS__);                                         \
		_exit(1);                                                                          \
	} while (0)

static inline void begin(struct victim *v, enum torture_call call)
{
	v->reaped = load_acquire(&v->board->reaped_count);
	store_relaxed(&v->line->call, (uint32_t)call);
}

static inline void end(struct victim *v, enum torture_call call)
{
	store_relaxed(&v->line->call, (uint32_t)CALL_NONE);
	store_relaxed(&v->line->calls[call], v->line->calls[call] + 1);
	store_relaxed(&v->line->ops, v->line->ops + 1);
}

/* Memory may be short while a victim that delays its reclaiming is stopped. */
static inline bool is_full(struct victim *v, int64_t err)
{
	if (err != -ENOSPC || !load_relaxed(&v->board->stopping))
		return false;
	store_relaxed(&v->line->full, v->line->full + 1);
	return true;
}

/*
 * From here until doubt_end() a program that follows an exec cannot know the name's
 * state.
 */
static inline void doubt_begin(struct victim *v, uint32_t number)
{
	v->memory->doubt_check = 0;
	v->memory->doubt_gone = false;
	v->memory->doubt_reserved = false;
	store_release(&v->memory->doubt, number + 1);
}

static inline void doubt_end(struct victim *v)
{
	store_release(&v->memory->doubt, 0u);
}

/* In victim_next.c. */
void victim_arm(struct victim *v);
void victim_go_on(struct victim *v);
void victim_setuid(struct victim *v);

void victim_open(struct victim *v);

/* 0, or the reason why it did not get the lock: no memory, or a timeout. */
int victim_lock(struct victim *v, uint32_t number, int timeout_ms);

/* The name that the victim has to use, which may have become another user. */
void victim_registry(const struct victim *v, char name[32]);

/* In victim_line.c. */
void victim_line(struct victim *v);
void victim_flags(struct victim *v);
void victim_for(struct victim *v);
void victim_give(struct victim *v);
void victim_destroy(struct victim *v);

/* Looks up another victim's key; @gone, if not 0, must not hold it. */
void victim_look(struct victim *v, const char *key, uint32_t key_size, uint64_t gone);

/* In victim_start.c. */
void victim_start(struct victim *v);
void torture_program(int argc, char **argv);

/* A process that was reaped before this call began must not be in its result. */
bool victim_was_reaped(const struct victim *v, uint64_t token);

/* A new value for the key. Return: its check. */
uint32_t victim_value(struct victim *v, const char *key, uint32_t key_size, unsigned char **value,
		      uint32_t *size);

#endif
