/* SPDX-License-Identifier: MIT */
/*
 * Tracer: runs one thread of a child to a chosen instruction.
 *
 * Promises  tracer_record() steps through an operation and reports which instructions wrote
 *           watched memory or made a system call; tracer_run_to() stops before an instruction
 *           at full speed, by a hardware breakpoint, which no other thread of the child hits.
 * Needs     a child of the calling thread that has called tracer_begin() and is stopped there;
 *           x86-64.
 * Used by   point.c, series.c.
 *
 * An operation is what the child does between tracer_begin() and tracer_end(). An
 * instruction is identified by its address and by how many times the thread has come
 * there: that stays the same if other code takes a few instructions more or less.
 */
#ifndef KREG_TESTS_STEP_TRACER_H
#define KREG_TESTS_STEP_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACER_HANG_MS 10000

struct spot {
	uint64_t address;
	uint32_t times; /* from 1 on */
};

/*
 * Whether this process can trace a child here: not on every machine, nor in every
 * container.
 */
bool tracer_works(void);

/* In the child. */
int tracer_begin(void);
void tracer_end(void);

/* Memory whose changes count, and a copy of it. */
struct watched {
	const void *at;
	void *copy;
	size_t bytes;
};

enum step_mark { STEP_PLAIN, STEP_WRITE, STEP_CALL };

/*
 * Each boundary between two instructions: the next instruction, and what it turned out to
 * do.
 */
struct recording {
	uint64_t *address;
	unsigned char *mark; /* enum step_mark */
	uint32_t count, size;
};

/* Called once if the child sleeps inside of the operation. */
typedef void (*tracer_sleeps_fn)(void *data);

enum tracer_result {
	TRACER_THERE, /* stopped at the instruction */
	TRACER_ENDED, /* stopped in tracer_end() */
	TRACER_GONE,  /* it has exited */
	TRACER_HANGS, /* it has slept for TRACER_HANG_MS */
};

/* Waits for the child to stop in tracer_begin(). */
enum tracer_result tracer_wait_begin(pid_t pid);

enum tracer_result tracer_record(pid_t pid, struct recording *out, struct watched *watched,
				 size_t count, tracer_sleeps_fn sleeps, void *data);
void recording_free(struct recording *recording);
struct spot recording_spot(const struct recording *recording, uint32_t index);

enum tracer_result tracer_run_to(pid_t pid, struct spot spot, tracer_sleeps_fn sleeps, void *data);

/* Lets the stopped child run untraced; delivers @signal first, unless that is 0. */
void tracer_release(pid_t pid, int signal);

/* A timer that interrupts the waits of this file; call it once. */
void tracer_timer(void);

#endif
