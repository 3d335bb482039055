/* SPDX-License-Identifier: MIT */
/*
 * Torture: processes that use one registry and are killed at any instruction.
 *
 * Promises  torture_run() returns 0 only if no process read a wrong value, no dead process held a
 *           name, no process was blocked, and each registry was as empty at its end as at its
 *           start.
 * Needs     a directory on a tmpfs that the caller owns, open to other users if the caller is
 *           root; a running guard, if one is named; torture_next() first in main().
 * Used by   torture.c, for as long as wanted; proc_torture.c, briefly.
 *
 * Files: engine.c spawns, kills, stops, makes victims call exec, and checks from outside;
 * ear.c listens all the time; victim.c, victim_line.c, victim_next.c and victim_start.c
 * are the victims.
 */
#ifndef KREG_TESTS_TORTURE_ENGINE_H
#define KREG_TESTS_TORTURE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/kreg.h"

#define TORTURE_WORKERS_MAX 64u
#define TORTURE_KEYS_MAX 4000u
#define TORTURE_COMPLAINT 512u
#define TORTURE_REAPED 256u
#define TORTURE_LOCKS 4u
#define TORTURE_PATH 256u

struct torture_plan {
	const char *directory;
	const char *guard; /* its folder; NULL: the fallback */
	uint64_t seed;
	uint64_t kills; /* ends the run after this many; 0: no bound */
	double seconds; /* ends the run after this long; 0: no bound */
	uint32_t workers;
	bool stop; /* also sends SIGSTOP and SIGCONT */
};

/* The call that a victim is inside of. */
enum torture_call {
	CALL_NONE,
	CALL_OPEN,
	CALL_REGISTER,
	CALL_LOOKUP,
	CALL_READ,
	CALL_UNREGISTER,
	CALL_UPDATE,
	CALL_RESERVE,
	CALL_PUBLISH,
	CALL_LOCK,
	CALL_INSIDE,
	CALL_UNLOCK,
	CALL_EACH,
	CALL_COUNT,
	CALL_SWEEP,
	CALL_LINE,
	CALL_FLAGS,
	CALL_FOR,
	CALL_GIVE,
	CALL_DESTROY,
	CALL_CLOSE,
	CALL_EXEC,
	CALL_SETUID,
	CALL_START,
	TORTURE_CALLS
};
extern const char *const torture_call_names[TORTURE_CALLS];

struct torture_figures {
	uint64_t kills;
	uint64_t stops;
	uint64_t execs;        /* execs whose next program went on */
	uint64_t execs_begun;  /* ... or had not yet when it was killed */
	uint64_t execs_inside; /* of those, in the middle of a call */
	uint64_t started;      /* programs */
	uint64_t orphans;      /* programs that outlived the victim that had started them */
	uint64_t rounds;
	uint64_t checks; /* entries that the engine checked after a death */
	uint64_t again;  /* reads that were overtaken too often, and repeated */
	uint64_t full;   /* registrations that found no memory while a victim was stopped */
	uint64_t expelled;
	uint64_t events; /* events that the engine received ... */
	uint64_t odd;    /* ... and how many of them contradicted earlier ones */
	uint64_t calls[TORTURE_CALLS];
	uint64_t killed_in[TORTURE_CALLS];
	double seconds;
};

/* 0, or -1 and the first fault in @complaint, of TORTURE_COMPLAINT bytes. */
int torture_run(const struct torture_plan *plan, struct torture_figures *figures, char *complaint);

/*
 * Call this first in main(): goes on as a victim that has called exec, or as a started
 * program; returns if @argv belongs to neither.
 */
void torture_next(int argc, char **argv);

/* The rest is shared by engine.c and victim.c. */

struct torture_victim {
	uint64_t calls[TORTURE_CALLS]; /* calls that have returned */
	uint64_t ops;                  /* their sum */
	uint64_t token;                /* its owner's token, once known */
	uint64_t again;
	uint64_t full;
	uint64_t expelled;
	uint64_t execs_begun;
	uint64_t execs_inside;
	uint64_t started;
	uint32_t call;
	uint32_t reserved;
} __attribute__((aligned(64)));

/*
 * What a victim knows of its names; its next program goes on with that. Only the victim
 * writes to it.
 */
struct torture_memory {
	uint64_t random;
	uint32_t doubt; /* 1 + the number of the name that the current call may change; 0: none */
	uint32_t doubt_check; /* the check of the value that it registers; 0: it registers none */
	bool doubt_gone;      /* it unregisters the name ... */
	bool doubt_reserved;  /* ... or reserves it */
	bool closing;         /* all names are in doubt */
	uint32_t lock;        /* 1 + the number of the lock that it is about to take, or holds */
	uint32_t checks[TORTURE_KEYS_MAX];
	bool holds[TORTURE_KEYS_MAX];
};

/*
 * Shared by all, and mapped again by the next program from @fd; each victim writes its
 * own line and, once, the complaint.
 */
struct torture_board {
	uint32_t complained; /* 1: a process is writing the complaint; 2: it is complete */
	uint32_t keys;
	uint32_t stopping; /* some victim is, or was, stopped in this round */
	int32_t fd;
	uint32_t user; /* the registry's user */
	uint32_t workers;
	char directory[TORTURE_PATH];
	char guard[TORTURE_PATH]; /* "": the fallback */
	char complaint[TORTURE_COMPLAINT];
	uint64_t reaped_count;
	uint64_t reaped[TORTURE_REAPED]; /* a ring of the tokens that waitpid() has reported */
	uint64_t inside[TORTURE_LOCKS]; /* each lock: token of its holder, which stays if it dies */
	struct torture_victim victims[TORTURE_WORKERS_MAX];
	struct torture_memory memories[TORTURE_WORKERS_MAX];
};

extern const char torture_registry[];

uint64_t torture_random(uint64_t *state);
void torture_options(const struct torture_plan *plan, struct kreg_options *out);
uint32_t torture_key(uint32_t number, char *out);

bool torture_is_started(const void *key, size_t key_size);

/* NULL, or what is wrong with an entry. */
const char *torture_entry_fault(const void *key, size_t key_size, const void *value, size_t size,
				pid_t pid);

__attribute__((format(printf, 2, 3))) void torture_complain(struct torture_board *board,
							    const char *format, ...);

/*
 * The listener of a round: its events, and the table that follows from them.
 * torture_ear_end(), with all victims dead, complains about entries that should be gone.
 */
struct torture_ear;
struct torture_ear *torture_ear_new(struct kreg *k, struct torture_board *board);
void torture_ear_hear(struct torture_ear *ear);
void torture_ear_end(struct torture_ear *ear, struct torture_figures *figures);

/* NULL, or what is wrong with the list of an empty registry. */
const char *torture_list_fault(struct kreg *k);

_Noreturn void torture_victim_run(const struct torture_plan *plan, struct torture_board *board,
				  uint32_t which, uint64_t seed);

#endif
