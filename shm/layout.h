/* SPDX-License-Identifier: MIT */
/*
 * The segment's layout: every struct that processes share, but for the life table.
 *
 * Promises  sizes and offsets are the same for every build of one SEGMENT_LAYOUT.
 * Needs     an agreement before anything here changes: SEGMENT_LAYOUT goes up, and NEWS says so.
 * Used by   all of shm/.
 *
 * A segment is one sparse tmpfs file:
 *
 *   part        size                        reserved, see segment_reserve.c
 *   header      one page                    at creation
 *   rows        128 bytes a seat            at creation
 *   slots       64 bytes a slot             at creation
 *   lives       8 bytes a seat              at creation; the fallback only
 *   buckets     8 bytes for each 64 of land as the table grows, by doubling
 *   directory   16 bytes a slab             with the slabs
 *   logs        128 KiB a seat              as its holder writes them, if somebody listens
 *   land        16 KiB a slab               as owners take slabs
 *
 * Each part has room for all it can ever be, so nothing ever moves. What is not reserved is a
 * hole that nobody touches: touching it on a full file system would be SIGBUS.
 */
#ifndef KREG_SHM_LAYOUT_H
#define KREG_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x6b72656773686d31ull
#define SEGMENT_LAYOUT 5u
#define SEGMENT_PAGE 4096u

#define SLAB_BYTES 16384u
#define LINE_BYTES 64u

/*
 * successor, see succession.c. The segment is over if the word is not 0 and SEGMENT_PROPOSED not in it:
 *
 *   word                      means                                  becomes, by
 *   0                         in use                                 a proposal; SEGMENT_DESTROYED
 *   {id, SEGMENT_PROPOSED}    in use; somebody would like to end it  0, by who registers; what it proposes, by
 *                                                                    the proposer alone
 *   {id, 0}                   replaced by the segment of that id     another id, if that one's file is lost
 *   {id, SEGMENT_REMOVED}     destroyed; the name is taken away      {id, 0} of one that has the name next
 *                             through the folder of that id          another {id, SEGMENT_REMOVED}
 *   SEGMENT_DESTROYED         destroyed; nobody takes it away        the same
 */
#define SEGMENT_PROPOSED 1ull
#define SEGMENT_REMOVED 2ull
#define SEGMENT_ID_MASK (~3ull)
#define SEGMENT_DESTROYED SEGMENT_REMOVED

#define SEGMENT_BELLS 256u
#define SEGMENT_PARTITIONS_MAX 64u

/*
 * The preamble: the beginning of every segment, whatever its layout, from layout 5 on. Another layout may use what is
 * reserved here and all that follows; what stands here never changes, nor what it means, so that each library can
 * tell of a segment of any layout whether somebody may live in it, and can end it:
 *
 *   magic, marker   these constants. A segment without the marker is older, and nothing else is known of it
 *   layout          of what is not the preamble
 *   id, replaces    as in layout 5
 *   identity        of the guard's life table that its owners have their lives in; 0: of none
 *   boot            the kernel's boot id; 0: not known
 *   inode           of its file, so that a copy is known
 *   rows ...        a row for each seat, at rows_offset + seat * row_bytes; who_offset bytes into the row is
 *                   struct segment_who. Reserved memory, at creation
 *   successor       as above. Who would like to end a segment reads the rows, proposes, and reads them again; who
 *                   registers something has filled its struct segment_who before, and looks at the word afterwards
 */
#define SEGMENT_MARKER 0x656c626d61657270ull

struct segment_preamble {
	uint64_t magic;
	uint32_t layout;
	uint32_t seats;
	uint64_t id;
	uint64_t identity;
	uint64_t boot[2];
	uint64_t inode;
	uint32_t rows_offset;
	uint32_t row_bytes;
	uint64_t marker;
	uint64_t replaces;
	uint32_t who_offset;
	uint32_t reserved;
	uint64_t of_layout[13];
	uint64_t successor;
};

/* Who has opened the registry last in that seat. It may be dead since; see judge.h. */
struct segment_who {
	uint32_t pid;            /* 0: nobody has */
	uint32_t time_namespace; /* which start is of; 0: not known */
	uint64_t start;          /* of the process, nanoseconds since boot; 0: not known */
	uint64_t pid_namespace;  /* which the pid is of; 0: not known */
};

#define SEGMENT_FILE_MAX 96u

struct segment_header {
	/* written once, before anyone else can see the segment; up to the marker the preamble */
	uint64_t magic;
	uint32_t layout;
	uint32_t seats;
	uint64_t id;       /* random, never 0; within SEGMENT_ID_MASK */
	uint64_t identity; /* of the guard's life table; 0: the lives are in here */
	uint64_t boot[2];
	uint64_t inode;
	uint32_t rows_offset;
	uint32_t row_bytes;
	uint64_t marker;
	uint64_t replaces; /* the id of the segment that it was made to replace, or 0 */
	uint32_t who_offset;
	uint32_t keys; /* enum kreg_keys; 0: unique */
	uint64_t seed; /* of the hash */
	uint64_t max_bytes;
	uint32_t slots;
	uint32_t patience_ms;
	uint32_t partitions;  /* of the entries of one key, by owner */
	uint32_t owner_slabs; /* that one owner may take, see quota.c; 0: all */

	/* read by every lookup, written rarely, by whoever is alive */
	uint64_t epoch __attribute__((aligned(64))); /* grace_advance(), CAS + 1 */
	uint64_t buckets;                            /* table_grow(), CAS * 2 */
	uint64_t slabs;                              /* land_extend(), CAS up */
	uint64_t
		fence_since; /* since when all sections fence for themselves, CLOCK_MONOTONIC; or 0 */
	uint64_t
		buckets_ready; /* bytes of buckets that are reserved, or fewer; table_grow(), CAS up */
	uint64_t reserved1[3];

	/* read and written by writers */
	uint64_t successor;  /* succession.c, CAS; of the preamble */
	uint64_t meta;       /* meta.c, CAS */
	uint64_t seats_high; /* one more than the highest seat that ever attached; CAS up */
	uint64_t slots_high; /* the same of slots */
	uint64_t prepare;    /* the next bucket to link ahead of need; fetch_add */
	uint64_t gifts;      /* whether there may be any; gift.c, fetch_add and CAS */
	uint64_t tickets;    /* of gifts; gift.c, fetch_add */
	uint64_t reserved2;

	/* read by writers, written by those who wait and those who wake them; bell.c */
	uint32_t bells[SEGMENT_BELLS];

	/* read by writers, written by those who listen; log.c */
	uint64_t listening __attribute__((aligned(64))); /* odd: somebody does; CAS up */
	uint32_t news;                                   /* a bell */
	uint32_t reserved3;
	uint64_t reserved4[6];
	uint64_t stamp; /* of the next record; fetch_add */
	uint64_t reserved5[7];

	char file[SEGMENT_FILE_MAX]; /* the name that it was made for; written once */
	uint64_t reserved6[4];
};

/*
 * A row for each seat: what its holder has in this registry.
 *
 *   63                 32 31                    0
 *  +---------------------+-----------------------+
 *  | incarnation         | entries               |   entries: counts for that life alone
 *  +---------------------+-----------------------+
 *
 * Written by the holder of the seat alone, by CAS, because it has threads. A row whose
 * incarnation is not that of the life word is nobody's, and its count is void: that is how a
 * million entries leave the count at once.
 */
struct row {
	uint64_t entries; /* names that can be found */
	uint64_t held;    /* the same word for reserved names, which nobody finds */
	uint64_t
		locks; /* what one program holds, see row.c: locks, places in lines for them, claims */
	uint64_t
		doubt; /* how far @entries is wrong after exec in the middle of a call, see interrupted.c */
	uint32_t image; /* folded, of the program that has opened the row last; guard only */
	uint32_t
		foster; /* the process whose life it is, if that stands for the one of @who; or 0 */
	uint32_t uid;
	uint32_t gid;
	uint32_t listeners; /* how many a program of its holder has, see log_listeners.c */
	uint32_t ended;     /* the last life here that is known to be over, see ended.c */
	uint64_t
		beat; /* when its holder last said that it was well, CLOCK_MONOTONIC nanoseconds; or 0 */
	struct segment_who who;
	uint64_t moves; /* how often an entry was put in the place of another one; goes on */
	char comm[16];
	uint64_t log_published; /* see log.c; both go on from life to life */
	uint64_t log_claimed;
};

#define ROW_WHO offsetof(struct row, who)

/*
 * A slot for each thread that writes or reads in sections.
 *
 *   owner     {incarnation, image, seat}, see life.h; 0: free. Over: free as well, by CAS.
 *   reading   0, or {epoch, 1}: inside a read section; SLOT_EXPELLED: and expelled from it
 *   writing   0, or {epoch, 1}: inside a call that may unlink or CAS; SLOT_EXPELLED: and expelled from its
 *             section, which it enters anew as soon as it looks. Never 0 inside the call, so not 0 in a
 *             slot of an earlier program of a living process: exec has interrupted a call (interrupted.c)
 *   hazards   while writing is not 0: places whose memory is not used again, see grace.c
 *
 * reading, writing and hazards are the slot owner's, but for SLOT_EXPELLED, which grace_advance() CASes.
 */
#define SLOT_HAZARDS 4u

struct slot {
	uint64_t owner;
	uint64_t reading;
	uint64_t writing;
	uint64_t tardy;       /* which word has been seen to hold up an advance ... */
	uint64_t tardy_since; /* ... and since when, CLOCK_MONOTONIC nanoseconds; hints both */
	uint32_t tid;
	uint16_t fenced;     /* the owner's kernel refused membarrier: it fences for itself */
	uint16_t expulsions; /* from the section of the call that it is in */
	uint32_t hazards[SLOT_HAZARDS];
};

#define SLOT_EXPELLED 2ull

/*
 * A directory entry for each slab. owner:
 *
 *   word                means                    becomes, by
 *   0                   anybody's                an owner, land_take()
 *   an owner, alive     its                      0, land_return(); {1, epoch}, land_retire_from()
 *   an owner, over      the dead's               {1, epoch}, sweep: land_retire_from()
 *   {1, epoch}          unlinked, readers may    an owner, land_take() once the epoch is past
 *                       still stand in it
 *   below 2^32          nobody's: what is in it  {1, epoch}, land_retire_from(), by whoever finds it over;
 *                       says whether it is over  0, land_take_back(), by its maker if it was never linked
 *
 * The words of nobody's slabs do not come back, so a CAS from one is about that very use of the slab:
 *
 *    31  30  29  28            0
 *   +---+---+---+---------------+   M: of a meta blob; the change by which it was to be linked, from bit 30 on
 *   | M | G | L | number        |   G: of a gift; its ticket, and L: it is known to have been linked
 *   +---+---+---+---------------+
 *
 * about is the owner's: what the slab is cut into, see heap.c. Written after the slab was taken
 * and before anything in it is linked. In a slab of nobody's: LAND_MAKER and who made it, with the image,
 * because who has called exec links no more.
 */
struct directory_entry {
	uint64_t owner;
	uint64_t about;
};

#define LAND_RETIRED (1ull << 63)
#define LAND_META (1ull << 31)
#define LAND_GIFT (1ull << 30)
#define LAND_GIFT_LINKED (1ull << 29)
/* Of meta that was carried over from another segment. */
#define SEGMENT_NOBODY 1ull
/* In about. */
#define LAND_MAKER (1ull << 63)

/*
 * A record of a seat's log, at a multiple of 16 in a ring of LOG_BYTES; key and value follow it.
 */
struct log_record {
	uint32_t bytes; /* with key and value, rounded up to 16 */
	uint8_t type;   /* enum log_type */
	uint8_t key_size;
	uint16_t flags; /* LOG_* */
	uint64_t number;
	uint64_t stamp;
	uint64_t owner;
	uint64_t to;     /* whose it is to be, if it is given */
	uint64_t image;  /* of the program that has written it */
	uint32_t place;  /* of the entry */
	uint32_t before; /* of the one that it replaces */
	uint32_t value_size;
	uint32_t pid;
};

#define LOG_BYTES 131072u
#define LOG_UNIT 16u

/* In front of the registry's own keys and values; see meta.c. */
struct meta_head {
	uint64_t owner; /* who made it, for people */
	uint32_t bytes; /* that follow */
	uint32_t reserved;
};

#define SEGMENT_META_MAX (1u << 20)

/*
 * An entry, the head of a block in a slab of entries. With the key it lies in one cache line
 * where 40 bytes are enough for key and value. From its linking on all of it is constant but next, and
 * the kind, which may go from reserved to name once; what is to change else is another entry that
 * replaces it.
 *
 *   next    the chain, see place.h; its mark says that the entry is unregistered or replaced
 *   owner   {incarnation, seat}, of locks and claims {incarnation, image, seat}, see life.h
 *   info    see below
 *
 *   63    60 59    56 55              25 24        8 7        0
 *  +--------+--------+------------------+-----------+----------+
 *  | flags  | kind   | place of value   | size of   | size of  |   place 0: right behind the key,
 *  |        |        | in lines, or 0   | value     | key      |   at the next multiple of 8
 *  +--------+--------+------------------+-----------+----------+
 *
 * A counter is the exception: an entry whose value is 8 bytes, which its owner adds to in place.
 */
struct entry {
	uint64_t next;
	uint64_t owner;
	uint64_t info;
	unsigned char bytes[40];
};

#define ENTRY_HEAD 24u
#define ENTRY_KIND_SHIFT 56
#define ENTRY_VALUE_PLACE_SHIFT 25
#define ENTRY_VALUE_SIZE_SHIFT 8
#define ENTRY_VALUE_SIZE_MAX 0x1ffffull /* that the word has room for */
#define ENTRY_VALUE_MAX 65536u          /* that there may be */

/* Kinds; 0: a block that holds no entry. */
#define ENTRY_NAME 1u     /* a registration */
#define ENTRY_RESERVED 2u /* a name that is taken and not yet to be found */
#define ENTRY_LOCK 3u     /* a place in the line for a lock; its keys are apart from names */
#define ENTRY_CLAIM 4u    /* somebody is about to start a program under a name; apart as well */
#define ENTRY_STATUS 5u   /* what a program says of itself, for others to see; apart as well */
/* Flags, above the kind. */
#define ENTRY_REPLACEABLE 0x10u /* another owner may put a name in front of it */
#define ENTRY_GIFT 0x20u        /* it was made by another owner, in a slab of its own */

#define SAME_PLACE(field)                                                                          \
	_Static_assert(offsetof(struct segment_header, field) ==                                   \
			       offsetof(struct segment_preamble, field),                           \
		       "of the preamble")
SAME_PLACE(magic);
SAME_PLACE(layout);
SAME_PLACE(seats);
SAME_PLACE(id);
SAME_PLACE(identity);
SAME_PLACE(boot);
SAME_PLACE(inode);
SAME_PLACE(rows_offset);
SAME_PLACE(row_bytes);
SAME_PLACE(marker);
SAME_PLACE(replaces);
SAME_PLACE(who_offset);
SAME_PLACE(successor);
#undef SAME_PLACE
_Static_assert(sizeof(struct segment_preamble) == 200, "it never changes");
_Static_assert(sizeof(struct segment_who) == 24, "it never changes");
_Static_assert(offsetof(struct segment_who, time_namespace) == 4, "it never changes");
_Static_assert(offsetof(struct segment_who, start) == 8, "it never changes");
_Static_assert(offsetof(struct segment_who, pid_namespace) == 16, "it never changes");
_Static_assert(sizeof(struct segment_header) == 512 + 4 * SEGMENT_BELLS, "other processes see it");
_Static_assert(sizeof(struct log_record) == 64, "other processes see it");
_Static_assert(offsetof(struct segment_header, epoch) == 128, "a cache line of its own");
_Static_assert(offsetof(struct segment_header, successor) == 192, "a cache line of its own");
_Static_assert(sizeof(struct row) == 128, "other processes see it");
_Static_assert(ROW_WHO == 64, "a count reads one cache line");
_Static_assert(sizeof(struct slot) == 64, "other processes see it");
_Static_assert(sizeof(struct directory_entry) == 16, "other processes see it");
_Static_assert(sizeof(struct entry) == LINE_BYTES, "one cache line");
_Static_assert(offsetof(struct entry, bytes) == ENTRY_HEAD, "the key begins here");

#endif
