/* SPDX-License-Identifier: MIT */
/*
 * The segment's layout: every struct that processes share, except the life table.
 *
 * Each shared word is described here with its writers and with what it becomes, because any
 * of these processes may be killed between two stores: the tables below say what the others
 * make of the word then.
 *
 * Promises  sizes and offsets are the same for every build of one SEGMENT_LAYOUT.
 * Needs     an agreement before anything here changes: SEGMENT_LAYOUT goes up, and NEWS
 *           says so. Two builds that disagree about one offset damage each other's registry.
 * Used by   all of shm/.
 *
 * A segment is one sparse tmpfs file:
 *
 *   part        size                        reserved, see segment_reserve.c
 *   header      one page                    at creation
 *   lives       8 bytes a seat              at creation; the fallback only
 *   rows        128 bytes a seat            up to the highest seat that was used
 *   slots       64 bytes a slot             up to the highest slot that was used
 *   buckets     8 bytes each                as the table grows, by doubling
 *   lines       64 bytes a bucket           with the buckets; unique keys only
 *   groups      256 bytes a block           as names with a slash take cells there; unique
 *                                           keys only
 *   directory   16 bytes a slab             with the slabs
 *   logs        128 KiB a seat              as its holder writes them, if somebody listens
 *   land        1 KiB a slab                as owners take slabs
 *
 * The order of the first parts is that in which they are used: the kernel maps up to 16 pages at the first
 * touch of one, so a process that has read the header needs no fault for lives and the first rows.
 *
 * Each part has room for all it can ever be, so nothing ever moves: a part that moved would
 * have to be moved in all processes at once. What is not reserved is a hole that no process
 * touches: touching it on a full file system would be SIGBUS.
 */
#ifndef KREG_SHM_LAYOUT_H
#define KREG_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x6b72656773686d31ull
#define SEGMENT_LAYOUT 11u
#define SEGMENT_PAGE 4096u

/*
 * The unit in which memory is owned. As small as that because many owners have few entries:
 * thousands of them with a page each are more pages than a CPU has translations of. An owner
 * that has more takes SLAB_RUN of them at once, side by side and aligned.
 */
#define SLAB_BYTES 1024u
#define SLAB_RUN 16u
/* That a gift may take: one for its entry, and up to a run for its value. */
#define SLAB_GIFT_MAX (SLAB_RUN + 1)
#define LINE_BYTES 64u

/*
 * The successor word, see succession.c. The segment is over if the word is not 0 and does
 * not have SEGMENT_PROPOSED:
 *
 *   word                     means                              becomes, by
 *   0                        in use                             a proposal; SEGMENT_DESTROYED
 *   {id, SEGMENT_PROPOSED}   in use; a process would like to    0, by a process that registers;
 *                            end it                             what it proposes, by the
 *                                                               proposer only
 *   {id, 0}                  replaced by the segment of that    another id, if the file of that
 *                            id                                 one is lost
 *   {id, SEGMENT_REMOVED}    destroyed; the name is taken away  {id, 0} of one that has the name
 *                            through the folder of that id      next; another {id,
 *                                                               SEGMENT_REMOVED}
 *   SEGMENT_DESTROYED        destroyed; no process is taking    the same
 *                            the name away
 *
 * A word that says over never becomes one that says in use: processes act upon the end at
 * once, and could not take that back.
 */
#define SEGMENT_PROPOSED 1ull
#define SEGMENT_REMOVED 2ull
#define SEGMENT_ID_MASK (~3ull)
#define SEGMENT_DESTROYED SEGMENT_REMOVED

#define SEGMENT_BELLS 256u
#define SEGMENT_PARTITIONS_MAX 64u

/*
 * The preamble: the beginning of every segment, whatever its layout, from layout 7 on.
 * Another layout may use what is reserved here and all that follows. What stands here never
 * changes, nor does its meaning, so that each library can tell of a segment of any layout
 * whether a process may live in it, and can end it. Otherwise two versions of the library
 * on one host would refuse each other's registries for ever:
 *
 *   magic, marker   these constants. Layouts 5 and 6 have SEGMENT_MARKER_WHOLE, and all
 *                   their rows are reserved. A segment with neither is older, and nothing
 *                   else is known of it
 *   layout          of what is not the preamble
 *   id, replaces    as in layout 7
 *   identity        of the guard's life table that has its owners' lives; 0: of none
 *   boot            the kernel's boot id; 0: not known
 *   inode           of its file, so that a copy is recognized: nobody ends lives in a copy
 *   rows ...        a row for each seat, at rows_offset + seat * row_bytes; who_offset bytes
 *                   into the row is struct segment_who
 *   seats_high      the rows of the seats below it are reserved memory, the others were
 *                   never used, and nobody touches them. It only grows
 *   successor       as above. A process that would like to end a segment reads the rows,
 *                   proposes, and reads them again, up to what seats_high is then; a process
 *                   that registers something has raised seats_high and filled its struct
 *                   segment_who before, and looks at the word afterwards. So one of the two
 *                   sees the other
 */
#define SEGMENT_MARKER 0x326c626d61657270ull
#define SEGMENT_MARKER_WHOLE 0x656c626d61657270ull

/*
 * Written by the creator before the file has a name; after that only @successor and
 * @seats_high change.
 */
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
	uint64_t seats_high;
};

/*
 * The process that has opened the registry last in that seat. Written by that process, in
 * row_open(). It may be dead since, and its pid another process's: judge.h compares all
 * four.
 */
struct segment_who {
	/* 0: no process has */
	uint32_t pid;
	/* that @start is of; 0: not known */
	uint32_t time_namespace;
	/* of the process, nanoseconds since boot; 0: not known */
	uint64_t start;
	/* that the pid is of; 0: not known */
	uint64_t pid_namespace;
};

#define SEGMENT_FILE_MAX 96u

/* Of whom, see expelled.c; written by any process that has expelled a section, by plain stores. */
#define EXPULSIONS_KEPT 16u

struct expulsion {
	/* 0: nothing is noted */
	uint64_t owner;
	/* when it was expelled last, CLOCK_MONOTONIC nanoseconds */
	uint64_t at;
	/* of the owner, as its row said; it may be another process's by now */
	uint32_t pid;
	/* of the thread that was expelled last */
	uint32_t tid;
	/* how often it was expelled since it was noted here */
	uint32_t count;
	uint32_t reserved;
};

/*
 * The header, in groups by writer, each in cache lines of its own: a lookup reads the epoch
 * and the buckets, and must not wait for a line that each registration writes.
 */
struct segment_header {
	/*
	 * Written once, before the file has a name, so no process sees half of it. Up to the
	 * marker the preamble. Sizes and numbers are read at opening only, checked and kept
	 * (segment_geometry()): one that changed later would lead outside of the mapping.
	 */
	uint64_t magic;
	uint32_t layout;
	uint32_t seats;
	/* random, never 0; within SEGMENT_ID_MASK */
	uint64_t id;
	/* of the guard's life table; 0: the lives are in this segment */
	uint64_t identity;
	uint64_t boot[2];
	uint64_t inode;
	uint32_t rows_offset;
	uint32_t row_bytes;
	uint64_t marker;
	/* the id of the segment that it was made to replace, or 0 */
	uint64_t replaces;
	uint32_t who_offset;
	/* enum kreg_keys; 0: unique */
	uint32_t keys;
	/* of the hash */
	uint64_t seed;
	uint64_t max_bytes;
	uint32_t slots;
	uint32_t patience_ms;
	/* of the entries of one key, by owner */
	uint32_t partitions;
	/* that one owner may take, see quota.c; 0: all */
	uint32_t owner_slabs;
	/* when the kernel made the file, nanoseconds; 0: not known. See segment_open.c */
	uint64_t born;

	/*
	 * Read by every lookup, written rarely, by any living process, by CAS. All of them
	 * only grow, so a CAS that comes late, after its process was stopped, fails.
	 */

	/* grace_advance(), CAS + 1 */
	uint64_t epoch __attribute__((aligned(64)));
	/*
	 * table_grow(), CAS * 2, after the memory of all of them and of their lines was
	 * reserved; BUCKETS_UNINDEXED is added by a registrant that cannot reach its line
	 */
	uint64_t buckets;
	/* land_extend(), CAS up, after the memory of the slabs was reserved */
	uint64_t slabs;
	/* since when all sections fence for themselves, CLOCK_MONOTONIC; or 0 */
	uint64_t fence_since;
	/* bytes of buckets that are reserved, or fewer; table_grow(), CAS up */
	uint64_t buckets_ready;
	/* since when a line of the last buckets may be built; index_level.c, CAS up */
	uint64_t level;
	/*
	 * blocks of groups, after their memory was reserved; group.c, CAS up. GROUPS_LOST is
	 * added by a registrant that cannot get a cell
	 */
	uint64_t groups;
	uint64_t reserved1;

	/* Read and written by writers. */

	/* succession.c, CAS; of the preamble */
	uint64_t successor;
	/*
	 * One more than the highest seat whose holder ever attached; row.c, CAS up, after the
	 * memory of its row and of all before it was reserved; of the preamble
	 */
	uint64_t seats_high;
	/* the same of slots; grace_slot.c, before one of them is taken */
	uint64_t slots_high;
	/* the place of the current blob, and the number of the change; meta.c, CAS */
	uint64_t meta;
	/* the next bucket to link ahead of need; fetch_add. A hint: a late one costs a look */
	uint64_t prepare;
	/* whether there may be any; gift.c, fetch_add and CAS */
	uint64_t gifts;
	/* of gifts; gift.c, fetch_add, so that no two gifts get the same slab word */
	uint64_t tickets;
	/* the next block of groups to lead a line to; CAS up */
	uint64_t group_next;

	/* Read by writers, written by waiters and by those who wake them; bell.c. */
	uint32_t bells[SEGMENT_BELLS];

	/* Read by writers, written by listeners (log.c) and by those who count. */

	/* odd: some process listens, or did when it died; CAS up */
	uint64_t listening __attribute__((aligned(64)));
	/* a bell */
	uint32_t news;
	uint32_t reserved3;
	/* odd: a process may keep a sum of counts; counted.c, CAS up */
	uint64_t counted;
	uint64_t reserved4[5];
	/* of the next record; fetch_add, by each writer while some process listens */
	uint64_t stamp;
	uint64_t reserved5[7];

	/* the name that it was made for; written once */
	char file[SEGMENT_FILE_MAX];
	uint64_t reserved6[4];

	/* Figures for people, written where a section was expelled or a slab reclaimed. */

	/* read sections that were expelled; expelled.c, fetch_add */
	uint64_t expelled __attribute__((aligned(64)));
	/* slabs of the dead that were reclaimed; sweep.c, fetch_add */
	uint64_t swept;
	uint64_t reserved7[6];
	struct expulsion expulsions[EXPULSIONS_KEPT];
};

/*
 * A row for each seat: what its holder has in this registry.
 *
 *   63                 32 31                    0
 *  +---------------------+-----------------------+
 *  | incarnation         | entries               |   entries: counts for that life only
 *  +---------------------+-----------------------+
 *
 * Written by the holder of the seat, by CAS where it has several threads that count; three
 * words are written by others as well: @doubt by a process that recovers an interrupted
 * call, @ended by one that has seen the life to be over, @moves, by fetch_add, by one that
 * replaces an entry for it. A row whose incarnation is not
 * that of the life word has no owner, and its count is void: that is how a million entries
 * leave the count at once. The death of the holder therefore leaves nothing to be cleared.
 */
struct row {
	/* names that can be found */
	uint64_t entries;
	/* the same word for reserved names, which no search finds */
	uint64_t held;
	/* what one program holds, see row.c: locks, places in lines for them, claims */
	uint64_t locks;
	/* how far @entries is wrong after exec in the middle of a call, see interrupted.c */
	uint64_t doubt;
	/*
	 * 0: its holder has closed the registry (row_close()). Otherwise folded, of the program
	 * that has opened the row last; guard only, ROW_OPEN before that and in the fallback
	 */
	uint32_t image;
	/* the process whose life it is, if that stands for the one of @who; or 0 */
	uint32_t foster;
	/* at the opening of the row; for people */
	uint32_t uid;
	uint32_t gid;
	/*
	 * how many a program of its holder has, see log_listeners.c, and whether others may change
	 * names for it, see consent.h
	 */
	uint32_t listeners;
	/* the last life here that is known to be over, see ended.c; only grows */
	uint32_t ended;
	/* when its holder last said that it was well, CLOCK_MONOTONIC nanoseconds; or 0 */
	uint64_t beat;
	struct segment_who who;
	/* how often an entry replaced another one; goes on from life to life */
	uint64_t moves;
	char comm[16];
	/* see log.c; both go on from life to life */
	uint64_t log_published;
	uint64_t log_claimed;
};

#define ROW_WHO offsetof(struct row, who)
#define ROW_OPEN 0x10000u /* no image, folded, is that large */
/* Of row->listeners. */
#define ROW_LISTENERS 0x7fffu
#define ROW_CONSENT 0x8000u

/*
 * A slot for each thread that writes or reads in sections.
 *
 *   owner     {incarnation, image, seat}, see life.h; 0: free. Over: free as well, by CAS.
 *   reading   0, or {epoch, 1}: inside a read section; SLOT_EXPELLED: and expelled from it
 *   writing   0, or {epoch, 1}: inside a call that may unlink or CAS; SLOT_EXPELLED: and
 *             expelled from its section, which it enters again as soon as it looks. Never 0
 *             inside the call, so not 0 in a slot of an earlier program of a living process:
 *             exec has interrupted a call (interrupted.c)
 *   hazards   while writing is not 0: places whose memory is not used again, see grace.c
 *
 * reading, writing and hazards are written by the thread that has the slot, by plain
 * stores; grace_advance() CASes SLOT_EXPELLED into the first two. A thread that dies leaves
 * them as they are: the owner word says that they no longer count.
 */
#define SLOT_HAZARDS 4u

struct slot {
	uint64_t owner;
	uint64_t reading;
	uint64_t writing;
	/* hints, by any process that advances: which word was seen to delay it ... */
	uint64_t tardy;
	/* ... and since when, CLOCK_MONOTONIC nanoseconds */
	uint64_t tardy_since;
	/* of the thread; for people */
	uint32_t tid;
	/* the owner's kernel refused membarrier: it fences for itself */
	uint16_t fenced;
	/* from the section of the call that it is in */
	uint16_t expulsions;
	uint32_t hazards[SLOT_HAZARDS];
};

#define SLOT_EXPELLED 2ull

/*
 * A directory entry for each slab. owner:
 *
 *   word                means                    becomes, by
 *   0                   free                     an owner, land_take()
 *   an owner, alive     that owner's             0, land_return(); {1, epoch}, land_retire_from()
 *   an owner, over      the dead owner's         {1, epoch}, sweep: land_retire_from()
 *   {1, epoch}          unlinked, readers may    an owner, land_take() once the epoch is past
 *                       still stand in it
 *   below 2^32          no owner's: what is in   {1, epoch}, land_retire_from(), by any process
 *                       it says whether it is    that finds it over; 0, land_take_back(), by its
 *                       over                     maker if it was never linked
 *
 * The words of slabs without an owner do not come back, so a CAS from one is about that very
 * use of the slab, however late it comes:
 *
 *    31  30  29  28  27        0
 *   +---+---+---+---+-----------+   M: of a meta blob; the change by which it was to be
 *   | M | G | L | V | number    |   linked, from bit 30 on. G: of a gift; its ticket, and
 *   +---+---+---+---+-----------+   L: it is known to have been linked. V: of its value,
 *                                   which is too large for the slab of its entry
 *
 * about is the owner's: what the slab is cut into, see heap.c. Written after the slab was
 * taken and before anything in it is linked, so that a process that finds an entry there
 * finds its cut. In a slab without an owner: LAND_MAKER and the maker's word, with the
 * image, because a process that has called exec links nothing from before any more.
 */
struct directory_entry {
	uint64_t owner;
	uint64_t about;
};

#define LAND_RETIRED (1ull << 63)
#define LAND_META (1ull << 31)
#define LAND_GIFT (1ull << 30)
#define LAND_GIFT_LINKED (1ull << 29)
#define LAND_GIFT_VALUE (1ull << 28)
/*
 * Nobody who ever lived: the owner of meta that was carried over from another segment, and of
 * entries that were swept.
 */
#define SEGMENT_NOBODY 1ull
/*
 * Nobody in the seat of @owner: the owner of gifts that came too late. Such a gift may be in the
 * list, so its word has to lead to the same partition as @owner's (query.h). There is no
 * incarnation, which says that nobody lived; the image makes another word than 0 of seat 0.
 */
#define SEGMENT_NOBODY_AT(owner) (((owner)&0xffffull) | 1ull << 16)
/*
 * In @about: it names the maker; without that, whether a heap gave the slab away before its owner's
 * death (heap_vacate.c), which is a hint.
 */
#define LAND_MAKER (1ull << 63)
#define LAND_VACATED (1ull << 33)

/*
 * A line of the index: where the entries of one bucket are. For lookups only; the list says
 * what is registered. index.h has the protocol.
 *
 *   control   63             32  31 30                1   0
 *            +-----------------+----+------------------+----+
 *            | version         | 0  | overflow         | C  |
 *            +-----------------+----+------------------+----+
 *
 *   C         complete: each live name of this bucket that is in the list has a cell here.
 *             Set by the process that has built the line, by CAS; taken away by a
 *             registrant that finds no free cell, by CAS
 *   overflow  the epoch in which that happened last, with 1 in its lowest bit; 0: never
 *   version   counts cells that were cleared, and overflows
 *
 *   cell                    means                       becomes, by
 *   0                       free                        {entry, LOOK}, by its registrant before
 *                                                       it links the entry, or by a builder
 *   {place, order, LOOK}    the entry is registered,    {place, order}, once it is known to be
 *                           or will be, or was; only    the first of its key and not
 *                           the list knows              replaceable; 0, once it no longer counts
 *   {place, order}          while the entry has no      0, once it no longer counts
 *                           mark and its owner lives,
 *                           it holds its name
 *
 * The low half of a cell is that of a reference to the entry (place.h), which has bit 31, as
 * no control word has; so one comparison of all eight low halves finds a cell. What a dead
 * process leaves: cells of entries that do not count, which a sweep clears.
 */
#define INDEX_CELLS 7u
#define INDEX_COMPLETE 1ull
#define INDEX_OVERFLOW_SHIFT 1
#define INDEX_OVERFLOW_MASK 0x3fffffffull
#define INDEX_VERSION (1ull << 32)
#define BUCKETS_UNINDEXED (1ull << 63)

/*
 * header->level: the epoch at which the level was first seen, the level, and whether all
 * registrants know of it.
 *
 *   63                       8 7          1   0
 *  +--------------------------+------------+---+
 *  | epoch                    | level      | S |
 *  +--------------------------+------------+---+
 */
#define LEVEL_SETTLED 1ull
#define LEVEL_SHIFT 1
#define LEVEL_MASK 0x7full
#define LEVEL_EPOCH_SHIFT 8

struct index_line {
	uint64_t control;
	uint64_t cells[INDEX_CELLS];
};

/*
 * A line of groups: places of names, by their first bytes up to a slash. group.h has the
 * protocol.
 *
 *   control   63             32 31              0
 *            +-----------------+-----------------+
 *            | version         | block below     |   0: none; else for ever, and a greater number
 *            +-----------------+-----------------+   than that of the block of this line
 *
 *   cell           means                               becomes, by
 *   0              free                                {place, group}, by a registrant before it
 *                                                      links its entry
 *   {place, group} the name at that place may be of    0, once the entry does not count any more
 *                  that group
 *
 * version counts cells that were cleared. A cell is made like a reference, with the hash of
 * the group as its order. What a dead process leaves: cells of entries that do not count,
 * which cost listings a look, and which a sweep clears.
 */
#define GROUP_CELLS 7u
#define GROUP_VERSION (1ull << 32)
#define GROUPS_LOST (1ull << 63)

struct group_line {
	uint64_t control;
	uint64_t cells[GROUP_CELLS];
};

/* The lines below one line. */
#define GROUP_LINES 4u

struct group_block {
	struct group_line lines[GROUP_LINES];
};

/*
 * A record of a seat's log, at a multiple of 16 in a ring; behind it come the
 * owner that an entry is given to, only in a record of that, then key and value. Written by
 * the holder of the seat, between raising log_claimed and raising log_published: a reader
 * copies it and checks log_claimed afterwards.
 */
struct log_record {
	/* with what follows, rounded up to 16 */
	uint32_t bytes;
	/* enum log_type */
	uint8_t type;
	uint8_t key_size;
	/* LOG_* */
	uint16_t flags;
	uint32_t number;
	uint32_t value_size;
	uint64_t stamp;
	uint64_t owner;
	/* of the program that has written it */
	uint32_t image;
	uint32_t pid;
	/* of the entry */
	uint32_t place;
	/* of the entry that it replaces */
	uint32_t before;
};

/* The first LOG_UNIT of each ring. */
struct log_head {
	/* bytes of the ring that are; a figure */
	uint64_t reserved;
	uint64_t unused;
};

/*
 * Of the ring, a power of 2: as much as fits for all seats into half of max_bytes, within
 * these bounds.
 */
#define LOG_BYTES_MOST 1048576u
#define LOG_BYTES_LEAST 131072u
#define LOG_UNIT 16u
#define LOG_RECORD_MAX (ENTRY_VALUE_MAX + 1024u)

/*
 * In front of the registry's own keys and values; see meta.c. Written before the blob is
 * linked, and constant from then on.
 */
struct meta_head {
	/* the process that has made it; for people */
	uint64_t owner;
	/* that follow */
	uint32_t bytes;
	uint32_t reserved;
};

#define SEGMENT_META_MAX (1u << 20)

/*
 * An entry, the head of a block in a slab of entries. With the key it lies in one cache line
 * where 40 bytes are enough for key and value. From its linking on all of it is constant
 * except next, the kind, which may go from reserved to name once, ENTRY_LISTED, and the owner, which a sweep
 * may make SEGMENT_NOBODY, or of a gift the owner itself SEGMENT_NOBODY_AT(): readers copy an entry
 * without a lock, so any other change is another entry that replaces it.
 *
 *   next    the chain, see place.h; its mark says that the entry is unregistered or replaced
 *   owner   {incarnation, seat}, of locks and claims {incarnation, image, seat}, see life.h;
 *           SEGMENT_NOBODY: of the dead, and out of the list for good, see sweep.c;
 *           SEGMENT_NOBODY_AT() the owner until then: a gift whose owner has closed, see gift.c
 *   info    see below
 *
 *   63              33 32       16 15    11 10     8 7        0
 *  +------------------+-----------+--------+--------+----------+
 *  | place of value   | size of   | flags  | kind   | size of  |   place 0: right behind the key,
 *  | in lines, or 0   | value     |        |        | key      |   at the next multiple of 8
 *  +------------------+-----------+--------+--------+----------+
 *
 * So its low 16 bits say whether it is a plain name of a size of key, and the rest is the size
 * of the value, or larger than any value's: lookups compare the one and bound the other.
 *
 * A counter is the exception: an entry whose value is 8 bytes, which its owner adds to in
 * place, atomically.
 */
struct entry {
	uint64_t next;
	uint64_t owner;
	uint64_t info;
	unsigned char bytes[40];
};

#define ENTRY_HEAD 24u
#define ENTRY_KIND_SHIFT 8
#define ENTRY_VALUE_SIZE_SHIFT 16
#define ENTRY_VALUE_PLACE_SHIFT 33
/* The largest size that the word has room for; it may say so if it is damaged. */
#define ENTRY_VALUE_SIZE_MAX 0x1ffffull
/* The largest value that a registration may have. */
#define ENTRY_VALUE_MAX 65536u

/* Kinds; 0: a block that holds no entry. */

/* a registration */
#define ENTRY_KIND_MASK 0x7u
#define ENTRY_NAME 1u
/* a name that is taken and that no search finds yet */
#define ENTRY_RESERVED 2u
/* a place in the line for a lock; its keys are apart from names */
#define ENTRY_LOCK 3u
/* a process is about to start a program under a name; apart as well */
#define ENTRY_CLAIM 4u
/* what a program says of itself, for others to see; apart as well */
#define ENTRY_STATUS 5u
/* what a supervisor says of a service, which may not run; apart as well */
#define ENTRY_STATE 6u

/* Flags, above the kind. */

/*
 * it was linked, as a name that others may be put in front of: its cell keeps LOOK, and with this
 * lookups may go by it nevertheless (index_alone()). Set once, after the CAS that links it
 */
#define ENTRY_LISTED 0x8u
/* another owner may put a name in front of it */
#define ENTRY_REPLACEABLE 0x10u
/* it lies in a slab of its own that no owner has; usually made by another owner */
#define ENTRY_GIFT 0x20u
/* an owner that takes the name over ends it; only with the two above */
#define ENTRY_DROP 0x40u
/*
 * its owner tells of a process of another host: behind the value, or behind the key if the value
 * has a place of its own, is struct entry_remote, at the next multiple of 8. Only of a name
 */
#define ENTRY_REMOTE 0x80u

/* What its owner says of the process of another host; it is constant as the entry is. */
struct entry_remote {
	/* as its owner has given it; etcd's revision, say */
	uint64_t token;
	/* of the process, nanoseconds since the boot of that host; 0: not known */
	uint64_t start;
	uint32_t pid;
	uint32_t uid;
	/* enum kreg_remote_flags */
	uint32_t flags;
	/* of host, 1 to ENTRY_HOST_MAX */
	uint32_t host_size;
	unsigned char host[];
};

#define ENTRY_HOST_MAX 64u

/*
 * The preamble is written out twice, as a struct of its own and as the beginning of the
 * header. Where the two disagree, a library of another layout would read the wrong word.
 */
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
SAME_PLACE(seats_high);
#undef SAME_PLACE
_Static_assert(sizeof(struct segment_preamble) == 208, "it never changes");
_Static_assert(sizeof(struct segment_who) == 24, "it never changes");
_Static_assert(offsetof(struct segment_who, time_namespace) == 4, "it never changes");
_Static_assert(offsetof(struct segment_who, start) == 8, "it never changes");
_Static_assert(offsetof(struct segment_who, pid_namespace) == 16, "it never changes");
_Static_assert(sizeof(struct expulsion) == 32, "other processes see it");
_Static_assert(offsetof(struct segment_header, expelled) == 512 + 4 * SEGMENT_BELLS,
	       "other processes see it");
_Static_assert(sizeof(struct segment_header) == 576 + 4 * SEGMENT_BELLS + 32 * EXPULSIONS_KEPT,
	       "other processes see it");
_Static_assert(sizeof(struct segment_header) <= SEGMENT_PAGE, "one page");
_Static_assert(sizeof(struct log_head) == LOG_UNIT, "records begin behind it");
_Static_assert(sizeof(struct log_record) == 48, "other processes see it");
_Static_assert(offsetof(struct segment_header, epoch) == 128, "a cache line of its own");
_Static_assert(offsetof(struct segment_header, successor) == 192, "a cache line of its own");
_Static_assert(sizeof(struct row) == 128, "other processes see it");
_Static_assert(ROW_WHO == 64, "a count reads one cache line");
_Static_assert(sizeof(struct slot) == 64, "other processes see it");
_Static_assert(sizeof(struct index_line) == LINE_BYTES, "one cache line");
_Static_assert(sizeof(struct group_block) == GROUP_LINES * LINE_BYTES, "other processes see it");
_Static_assert(sizeof(struct directory_entry) == 16, "other processes see it");
_Static_assert(sizeof(struct entry) == LINE_BYTES, "one cache line");
_Static_assert(offsetof(struct entry, bytes) == ENTRY_HEAD, "the key begins here");
_Static_assert(sizeof(struct entry_remote) == 32, "other processes see it");

#endif
