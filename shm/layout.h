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
 * The header is below, the beginning of it that never changes in layout_preamble.h. Rows and slots
 * are in layout_row.h, lines and groups in layout_index.h, the directory in layout_land.h, what
 * lies on the land in layout_entry.h, logs in layout_log.h.
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

#include "shm/layout_entry.h"
#include "shm/layout_index.h"
#include "shm/layout_land.h"
#include "shm/layout_log.h"
#include "shm/layout_preamble.h"
#include "shm/layout_row.h"

#define SEGMENT_LAYOUT 12u
#define SEGMENT_PAGE 4096u

#define SEGMENT_BELLS 256u
#define SEGMENT_PARTITIONS_MAX 64u

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
_Static_assert(sizeof(struct expulsion) == 32, "other processes see it");
_Static_assert(offsetof(struct segment_header, expelled) == 512 + 4 * SEGMENT_BELLS,
	       "other processes see it");
_Static_assert(sizeof(struct segment_header) == 576 + 4 * SEGMENT_BELLS + 32 * EXPULSIONS_KEPT,
	       "other processes see it");
_Static_assert(sizeof(struct segment_header) <= SEGMENT_PAGE, "one page");
_Static_assert(offsetof(struct segment_header, epoch) == 128, "a cache line of its own");
_Static_assert(offsetof(struct segment_header, successor) == 192, "a cache line of its own");

#endif
