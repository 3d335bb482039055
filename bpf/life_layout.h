/* SPDX-License-Identifier: MIT */
/*
 * The layout of the life table: what the guard's programs write and processes read.
 *
 * Promises  the same layout on both sides; every field that another binary could see has
 *           a fixed size and place.
 * Needs     __u32, __u64 and friends from the including file: <linux/types.h> in user
 *           space, core.bpf.h in BPF. It includes nothing itself.
 * Used by   bpf/guard.bpf.c, bpf/guard*.c, shm/life*.c.
 *
 * The life word: one for each seat, written by the kernel alone.
 *
 *   63  62                 32 31 30 29                   0
 *  +---+---------------------+--+--+----------------------+
 *  | 0 | incarnation         |W |O | pid or TID           |
 *  +---+---------------------+--+--+----------------------+
 *
 *   word             means              written by
 *   0                seat never used    the creator of the table
 *   {n, O, pid}      over, being taken  guard: attach, which begins the next life in it
 *   {n, pid}         alive              guard: attach. Fallback: the keeper thread, its TID
 *   {n, O}           over, n is spent   guard: exit or stop. Fallback: the kernel's robust list
 *   {n, O, TID}      over, and claimed  fallback: a keeper that takes the seat, or returns it
 *
 * O is the kernel's FUTEX_OWNER_DIED and W its FUTEX_WAITERS, so that one test serves
 * both writers. The incarnation is incremented each time the seat is taken and is never 0
 * in use, so a word that was once seen alive never comes back. The top bit stays 0: the
 * guard's claims have it (claim.bpf.h).
 */
#ifndef KREG_LIFE_LAYOUT_H
#define KREG_LIFE_LAYOUT_H

/*
 * To be raised with each change that programs or a library of another version would not
 * understand. 4: the programs count the elements of owners by pids, and those of layout 3
 * would insert one uncounted, whose life would have no end.
 */
#define LIFE_LAYOUT 4u
#define LIFE_MAGIC 0x6b7265676c696665ull /* "kregLife", read as one word */

#define LIFE_OVER_BIT 30
#define LIFE_OVER 0x40000000u
#define LIFE_PID_MASK 0x3fffffffu
#define LIFE_INCARNATION_SHIFT 32
#define LIFE_INCARNATION_MASK 0x7fffffffu

/* A seat's number fits 16 bits: owner words and reader slots rely on it. */
#define LIFE_SEATS_MAX 65536u
/* The size of the guard's map from processes to seats; an upgrade keeps the map. */
#define LIFE_OWNERS_PER_SEAT 2u

/* How many ends of a seat are kept. */
#define LIFE_ENDS 2u

/*
 * The facts of a seat's holder, as the kernel knows them. Written by the guard's programs
 * alone.
 */
struct life_seat {
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 image; /* bumped by exec: reader slots of an older image are over */
	__u64 start; /* nanoseconds since boot, as the kernel has it for the thread group leader */
	char comm[16];
	__u64 execs; /* the kernel's count of them, as @image goes by it, or LIFE_EXECS_COUNTING */
	/*
	 * How the last lives in this seat ended, by the low bit of their incarnation:
	 *
	 *   63          32 31 30       16 15        0
	 *  +--------------+--+-----------+-----------+
	 *  | incarnation  |K | 0         | exit code |
	 *  +--------------+--+-----------+-----------+
	 *
	 * K is LIFE_END_KNOWN, the code that of wait(2). Written before the life word is
	 * over, so a reader that finds it over finds this too, unless it has the incarnation
	 * of another life: then the code was not known, or two more lives have ended since.
	 */
	__u64 ends[LIFE_ENDS];
};

#define LIFE_END_KNOWN 0x80000000u
#define LIFE_END_CODE 0xffffu

#define LIFE_EXECS_COUNTING (1ull << 63) /* in execs: @image is being counted up for it */

/*
 * Identifies a process for ever: no other has both its pid and its start. The key of
 * owners.
 */
struct life_process {
	__u64 start;
	__u32 pid;
	__u32 reserved; /* 0 */
};

/* Counts of processes with the same low bits of their pids; guard's programs only. */
#define LIFE_PIDS 16u

struct life_pids {
	__u32 slots[LIFE_PIDS];
};

/*
 * The registries that the holder of a seat has opened for writing, by their files, as the
 * kernel sees them. Nothing else is evidence of who takes part in a registry, least of
 * all its own memory.
 */
#define LIFE_JOINED 7u
#define LIFE_JOINED_HERE (1ull << 63)  /* in device */
#define LIFE_JOINED_TAKEN (1ull << 62) /* in device: being written */

struct life_registry {
	__u64 inode;
	/*
	 * The kernel's number, of 32 bits, and LIFE_JOINED_HERE; 0: the record is free.
	 * Written last, so a reader that sees it sees the inode, too.
	 */
	__u64 device;
};

struct life_joined {
	struct life_registry at[LIFE_JOINED];
	__u64 more; /* non-zero: it has, or had, others, for which there was no room */
	__u64 reserved;
};

/* The argument and the answer of the program join. */
struct life_join {
	__u64 address; /* in the mapping of the file that the process joins */
	__u64 inode;   /* what it leaves, as in the record */
	__u64 device;
	__u32 leave; /* non-zero: leave */
	/*
	 * 0; -EAGAIN, -EBUSY: run it again; -ESRCH: no life; others: there is no such
	 * mapping.
	 */
	__s32 error;
};

/*
 * Counters of exits, for a few CPUs: processes that on_exit has seen end, and those of
 * in_exit or exit_again. The guard is at work if one's end raises them: guard_start() and
 * processes that doubt the guard watch the sums.
 */
#define LIFE_EXITS 32u

struct life_exits {
	__u64 exits;
	__u64 exits_again;
	__u64 reserved[6]; /* a line of the cache */
};

/*
 * The control block, one for each guard: its settings, and counters of what it has seen.
 */
struct life_control {
	__u64 magic;
	__u32 layout;
	__u32 seats;
	__u64 identity; /* random, never 0: tells one guard's life table from another's */
	__u64 stopping; /* non-zero: seats are not given */
	__u64 attaches;
	__u64 deaths;
	__u64 execs;
	__u64 refused;     /* attaches that found no free seat */
	__u64 missed;      /* deaths that the ring had no room for */
	__u64 late;        /* lives that the audit has ended, because no exit program did */
	__u64 stale;       /* ends after which the process stayed among the owners for a while */
	__u64 free_from;   /* a hint: where the search for a free seat begins */
	__u64 upgrades;    /* how often the programs were replaced */
	__u64 over_share;  /* attaches of users who had their share */
	__u32 share;       /* seats that one user may hold; root may hold all */
	__u32 reserve;     /* the last so many seats are root's */
	__u64 reserved[9]; /* up to the next line of the cache */
	struct life_exits exits[LIFE_EXITS];
};

/* What read(2) of the attach file yields. */
struct life_reply {
	/*
	 * 0; -EUSERS: no seat is free; -EDQUOT: the user holds its share; -ESHUTDOWN: the
	 * guard is stopping; -ENOMEM; -EAGAIN: read again
	 */
	__s32 error;
	__u32 seat;
	__u64 life;
	__u32 pid; /* of the thread group, in the initial PID namespace */
	__u32 image;
	__u64 identity;
};

/* One record of the death ring. */
struct life_death {
	__u64 when; /* CLOCK_BOOTTIME, nanoseconds */
	__u64 life; /* the word that has just ended */
	__u32 seat;
	__u32 pid;
	__u32 uid;
	__s32 exit_code; /* as wait(2) has it; -1: unknown */
	char comm[16];
};

/* The argument and the answer of the program command. */
struct life_command {
	__u32 command;
	/* how many lives there are; END_ONE, FORGET: how many were ended, were removed */
	__u32 living;
	__u32 seat; /* END_ONE: the seat and its life word */
	__u32 reserved;
	__u64 life;
	__u32 share;                 /* SET: 0 leaves the share as it is */
	__u32 reserve;               /* SET: LIFE_KEEP leaves the reserve as it is */
	struct life_process process; /* FORGET: what is removed from the owners */
};

#define LIFE_COMMAND_STOP 1u
#define LIFE_COMMAND_RESUME 2u
#define LIFE_COMMAND_COUNT 3u
#define LIFE_COMMAND_END 4u
#define LIFE_COMMAND_END_ONE 5u
#define LIFE_COMMAND_SET 6u
#define LIFE_COMMAND_UPGRADED 7u
#define LIFE_COMMAND_FORGET 8u

#define LIFE_KEEP 0xffffffffu

/* For tests: which steps of the guard's programs fail. */
#define LIFE_FAULT_INSERT 1u      /* every other entry among the owners is refused */
#define LIFE_FAULT_DELETE 2u      /* no entry among the owners is removed */
#define LIFE_FAULT_EXIT 4u        /* on_exit ends no life */
#define LIFE_FAULT_EXEC 8u        /* on_exec does not run */
#define LIFE_FAULT_AGAIN 16u      /* neither in_exit nor exit_again ends one */
#define LIFE_FAULT_EXEC_AGAIN 32u /* neither in_exec nor exec_again runs */
#define LIFE_FAULT_FUNCTIONS 64u  /* the kernel lets no program into its functions */
#define LIFE_FAULT_SKIP 128u      /* on_exit does not run at all */
#define LIFE_FAULT_LINGER 256u    /* attach is slow while it holds what others may need */
#define LIFE_FAULT_MEMORY 512u    /* each entry among the owners finds no memory */

/* Names of the pins below the guard's folder. */
#define LIFE_GUARD_DEFAULT "/sys/fs/bpf/kreg"
#define LIFE_PIN_ATTACH "attach"
#define LIFE_PIN_LIVES "lives"
#define LIFE_PIN_SEATS "seats"
#define LIFE_PIN_CONTROL "control"
#define LIFE_PIN_EXIT "exit"
#define LIFE_PIN_JOINED "joined"
#define LIFE_PIN_JOIN "join"

#endif
