/* mutations: NO_BUMP:- BUMP_EARLY:- CLAIM_LATE:- RETIRE_EARLY:- OLD_WIDTH:WIDE SETTLE_EARLY:TAKEN SETTLE_REPLACEABLE:OFFERED SETTLE_UNCLEARED:PROMOTED CLEAR_WITHOUT_HAZARD:CLEANED PLAIN_BUILD:CLEARED NO_RECHECK:CLEARED CLEAR_EARLY:CLEARED NO_RECLAIM:GROWN NO_SETTLED:GROWN FULL_ANYWAY:CROWDED NO_WAIT:REBUILT NO_LATE:REBUILT OVERFLOW_LOWERED:REBUILT REFER_LOOKED:REFERRED REFER_UNTIL_NOW:REFERRED_AGAIN REFER_BEYOND:REFERRED_AGAIN LISTED_EARLY:ALONE_OFFERED UNLISTED:ALONE_OFFERED ANY_OF_TWO:ALONE UNVERSIONED:ALONE INCOMPLETE:ALONE_CROWDED ALONE_OLD_WIDTH:ALONE_WIDE */
/* variants: DIED WIDE NARROWED GROWN CLEARED BESIDE CROWDED REBUILT STALE_CELL TAKEN OFFERED PROMOTED CLEANED REFERRED REFERRED_AGAIN ALONE ALONE_OFFERED ALONE_WIDE ALONE_CROWDED */
/* pan: -E */
/* SPDX-License-Identifier: MIT */
/*
 * The index: the line of one name, beside its changes, growth, builders and deaths.
 *
 * Stands for  shm/index.h, shm/index.c, shm/index_level.c, and their callers in shm/table_write.c;
 *             lib/find/ref.c.
 * States      each load and each CAS of a cell, of a control word and of the level is a step. The
 *             list is not: bucket.pml shows that a change of it is one step. Neither are epochs and
 *             hazards: grace.pml shows that a block that is named is not used again. The level and
 *             the slots are read in one step.
 *
 *   cell, complete, over, changed   the lines of level 1 and 2; a version counts as changed for
 *                                   each process that compares it
 *   level, level_seen, is_settled   the number of buckets, and header->level
 *   list, state, mark               the list of the name, and the blocks of its entries
 *
 * Changes     A cell is claimed and settled by the owner of its entry, and cleared by anybody once
 *             the entry has ended; a builder's word is cleared by anybody. A line is complete by a
 *             builder's CAS of the control word that it began with, until a registrant overflows.
 *             A mark is the owner's, or anybody's after its death.
 * A death     ends a process between any two steps, and leaves its cells as they are: the sweeper
 *             clears them. A builder leaves a word that no lookup goes by.
 *
 * Property  a lookup finds nothing only if the name was free at some moment of the lookup; an entry
 *           that it finds held the name at some moment of it; so does one that a reference leads to. And at each step:
 *   I1  in a complete line each living entry of the list has a cell
 *   I2  a living entry whose cell is without LOOK holds the name, and is not replaceable
 *   I3  an entry that was given up has no cell in a line that a lookup may use
 *
 *   (none)      the holder leaves or dies, another one stands in line, a sweeper, a lookup
 *   DIED        the same with an update, and the one in line settles; no lookup
 *   WIDE        update, leave and one in line, while the table grows; a lookup
 *   NARROWED    cells in the older line are cleared after that; a lookup
 *   GROWN       registrants that were expelled or are stopped, beside a builder
 *   CLEARED     the holder updates and leaves beside growth, a builder and reuse
 *   BESIDE      the same at a settled level, with a lookup
 *   CROWDED     the line of the new level has no room for a while
 *   REBUILT     two overflow in turn, and the line is built again
 *   STALE_CELL  two builders, of which one dies
 *   TAKEN       a replaceable entry is taken over beside its update; a lookup
 *   OFFERED     the same beside its registration
 *   PROMOTED    one in line settles beside a death and one that takes over
 *   CLEANED     a registrant clears a full line beside the owner, which uses the block again
 *   REFERRED    a replaceable entry is taken over between the looks of a reference
 *   ALONE       the holder in front of a replaceable entry updates and leaves; a lookup that goes by
 *               the cell that is alone
 *   ALONE_OFFERED  that entry registers beside one that takes over
 *   ALONE_WIDE  the one in front updates while the table grows, and the older line is narrowed
 *   ALONE_CROWDED  it is taken over where the line has no second cell
 *   REFERRED_AGAIN  the holder leaves and uses its block again, beside three looks
 *
 * Each mutation, with the variant that catches it, is in the first line.
 *
 *   NO_BUMP               the version is not raised
 *   BUMP_EARLY            it is raised before the mark
 *   CLAIM_LATE            the cell is taken after the entry was linked
 *   RETIRE_EARLY          the block is given up before its cell is cleared
 *   OLD_WIDTH             a lookup does not load the number of buckets again
 *   SETTLE_EARLY          an update settles although the old entry was not
 *   SETTLE_REPLACEABLE    an entry that others may be put in front of is settled
 *   SETTLE_UNCLEARED      one in line settles with an entry of the dead in front of it
 *   CLEAR_WITHOUT_HAZARD  a cell of another one is cleared, and the entry is not named
 *   PLAIN_BUILD           a builder adds cells at once, and not a word of its own first
 *   NO_RECHECK            it does not look again whether the entry is alive
 *   CLEAR_EARLY           the number of buckets is loaded before the mark
 *   NO_RECLAIM            after an expulsion the cell stays in the line of the older level
 *   NO_SETTLED            a builder does not wait for the level
 *   FULL_ANYWAY           it goes on although the line is full
 *   NO_WAIT               it does not wait after an overflow
 *   NO_LATE               it waits, and does not look for processes that may link late
 *   OVERFLOW_LOWERED      the epoch of an overflow is loaded before the control word
 *   REFER_LOOKED          a reference remembers an entry whose cell has LOOK
 *   REFER_UNTIL_NOW       it remembers the epoch in which the look ended
 *   REFER_BEYOND          it goes by an entry of three epochs ago
 *
 *   LISTED_EARLY          an entry says that it is in the list before it is
 *   UNLISTED              a lookup does not ask whether it says so
 *   ANY_OF_TWO            it goes by a cell beside which there is another one
 *   UNVERSIONED           it does not compare the version
 *   INCOMPLETE            nor whether the line is complete
 *   ALONE_OLD_WIDTH       nor the number of buckets
 *
 * Not shown: that a hazard is checked once it is stored (grace.pml), more than two levels, a lookup
 * beside growth and reuse in one scene.
 */
#define NOTHING 0
#define REGISTER 1 /* if it is free */
#define STAND 2    /* in line */
#define TAKE 3     /* in front of a replaceable one */
#define UPDATE 4   /* the own entry is replaced */
#define LEAVE 5
#define SETTLE 6   /* if the own entry has become the first */

#define NONE 15
#define EXPELLED 255

#if defined(WIDE)
#define GROW
#define READ
#define SCENE run owner(0, 0, UPDATE, LEAVE); run owner(1, NONE, STAND, NOTHING)
#elif defined(NARROWED)
#define GROW
#define READ
#define SCENE run owner(0, 0, UPDATE, NOTHING)
#elif defined(GROWN)
#define GROW
#define BUILD
#define LAST_EPOCH 2
#define SCENE run owner(0, 0, UPDATE, NOTHING); run owner(1, NONE, STAND, NOTHING); run builder(2)
#elif defined(CLEARED)
#define GROW
#define BUILD
#define REUSE
#define LAST_EPOCH 4
#define SCENE run owner(0, 0, UPDATE, LEAVE); run builder(2)
#elif defined(BESIDE)
#define GROW
#define BUILD
#define READ
#define REUSE
#define BLOCKS 2
#define LAST_EPOCH 2
#define SCENE level = 2; level_seen = 2; run owner(0, 0, LEAVE, REGISTER); run builder(2)
#elif defined(CROWDED)
#define CELLS 1
#define GROW
#define BUILD
#define LAST_EPOCH 2
#define SCENE state[0] = FREE; length = 0; cell[0] = 0; cell[1] = OTHER; \
	run owner(0, NONE, REGISTER, NOTHING); run builder(2); run other(1)
#elif defined(REBUILT)
#define CELLS 1
#define BUILD
#define TOP 1
#define STAYS
#define LAST_EPOCH 2
#define SCENE state[0] = FREE; length = 0; cell[0] = OTHER; \
	run owner(0, NONE, REGISTER, NOTHING); run owner(1, NONE, STAND, NOTHING); run builder(2); run other(0)
#elif defined(TAKEN)
#define READ
#define SCENE replaceable[0] = true; cell[0] = LOOKED(0); \
	run owner(0, 0, UPDATE, NOTHING); run owner(1, NONE, TAKE, NOTHING)
#elif defined(OFFERED)
#define READ
#define OFFERS(p) (p == 0)
#define SCENE state[0] = FREE; length = 0; cell[0] = 0; \
	run owner(0, NONE, REGISTER, UPDATE); run owner(1, NONE, TAKE, NOTHING)
#elif defined(PROMOTED)
#define SCENE replaceable[0] = true; cell[0] = LOOKED(0); \
	run owner(0, 0, LEAVE, NOTHING); run owner(1, NONE, STAND, SETTLE); run owner(2, NONE, TAKE, NOTHING); run death(0)
#elif defined(CLEANED)
#define REUSE
#define LAST_EPOCH 2
#define BLOCKS 2
#define WRITERS 3
#define SCENE cell[1] = OTHER; run owner(0, 0, LEAVE, REGISTER); run owner(1, NONE, STAND, NOTHING)
#elif defined(REFERRED)
#define READ
#define REFER
#define SCENE replaceable[0] = true; cell[0] = LOOKED(0); \
	run owner(0, 0, UPDATE, LEAVE); run owner(1, NONE, TAKE, NOTHING)
#elif defined(REFERRED_AGAIN)
#define READ
#define REFER
#define REUSE
#define BLOCKS 2
#define LAST_EPOCH 4
#define SCENE run owner(0, 0, LEAVE, REGISTER)
#elif defined(ALONE)
#define READ
#define CELLS 3
#define OFFERS(p) (p == 0)
#define SCENE replaceable[0] = true; listed[0] = true; cell[0] = LOOKED(0); \
	state[1] = USED; owner_of[1] = 1; list[0] = 1; list[1] = 0; length = 2; cell[1] = PLAIN(1); \
	run owner(1, 1, UPDATE, LEAVE)
#define GOES_ALONE
#elif defined(ALONE_OFFERED)
#define READ
#define OFFERS(p) (p == 0)
#define SCENE state[0] = FREE; length = 0; cell[0] = 0; \
	run owner(0, NONE, REGISTER, LEAVE); run owner(1, NONE, TAKE, NOTHING)
#define GOES_ALONE
#elif defined(ALONE_WIDE)
#define GROW
#define NARROWED
#define READ
#define SCENE replaceable[0] = true; listed[0] = true; cell[1] = LOOKED(0); \
	state[1] = USED; owner_of[1] = 1; list[0] = 1; list[1] = 0; length = 2; cell[0] = PLAIN(1); \
	run owner(1, 1, UPDATE, NOTHING)
#define GOES_ALONE
#elif defined(ALONE_CROWDED)
#define CELLS 1
#define READ
#define SCENE replaceable[0] = true; listed[0] = true; cell[0] = LOOKED(0); run owner(1, NONE, TAKE, UPDATE)
#define GOES_ALONE
#elif defined(STALE_CELL)
#define GROW
#define BUILD
#define BLOCKS 2
#define WRITERS 4
#define SCENE level = 2; level_seen = 2; \
	run owner(0, 0, LEAVE, REGISTER); run builder(2); run builder(3); run death(2)
#elif defined(DIED)
#define SCENE run owner(0, 0, UPDATE, NOTHING); run owner(1, NONE, STAND, SETTLE); \
	run death(0); run sweeper(2, 0)
#else
#define READ
#define BLOCKS 2
#define SCENE run owner(0, 0, LEAVE, NOTHING); run owner(1, NONE, STAND, NOTHING); run death(0); run sweeper(2, 0)
#endif
#ifndef OFFERS
#define OFFERS(p) false /* its entries are replaceable */
#endif
#ifndef CELLS
#define CELLS 2
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef LAST_EPOCH
#define LAST_EPOCH 0
#endif

/* The line of the name at level 1, and at level 2. */
#ifdef STAYS
#define LINE(l) 0
#else
#define LINE(l) ((l) - 1)
#endif
/* The level of which a line is built. */
#ifndef TOP
#define TOP 2
#endif

/* A cell is 0, or of another name, or of a block: plain, with LOOK, or a builder's word. */
#define OTHER 255
#define PLAIN(b) (1 + 2 * (b))
#define LOOKED(b) (2 + 2 * (b))
#define BUILT(b, by) (16 + 4 * (b) + (by))
#define IS_CELL(v) ((v) && (v) < 16)
#define IS_BUILT(v) ((v) >= 16 && (v) != OTHER)
#define OF(v) ((v) < 16 -> ((v) - 1) / 2 : ((v) - 16) / 4)
#define IS(v, b) ((v) == PLAIN(b) || (v) == LOOKED(b))
#define IS_OF(v, b) (IS(v, b) || (IS_BUILT(v) && ((v) - 16) / 4 == (b)))

#define FREE 0
#define USED 1
#define RETIRED 2

byte level = 1;
byte cell[2 * CELLS];
bool complete[2];
byte over[2];          /* the epoch in which it last overflowed, plus 1; 0: never */
byte changed[2];       /* a bit for each process that compares the control word: it is another now */
#define READER 16
#define BIT(me) (1 << (me))
#define ALL 31
byte level_seen = 1, level_epoch;
bool is_settled = true;

byte list[BLOCKS], length;
byte state[BLOCKS], owner_of[BLOCKS], stamp[BLOCKS];
bool use[BLOCKS], mark[BLOCKS], replaceable[BLOCKS], listed[BLOCKS];

byte epoch;
byte slot[WRITERS], own[WRITERS], new[WRITERS], next[WRITERS];
bool dead[WRITERS];

bool reading, done, was_free;
byte held;

#define DEAD(b) dead[owner_of[b]]
#define LIVE(b) (!mark[b] && !DEAD(b))
#define NAMES(p, b) (slot[p] && !dead[p] && (own[p] == b + 1 || new[p] == b + 1 || next[p] == b + 1))
#define PASSES(p) (!slot[p] || slot[p] == EXPELLED || slot[p] == epoch + 1 || dead[p])
#define MAY_LINK_LATE(p) (slot[p] == EXPELLED && new[p] && !dead[p])
#if WRITERS > 3
#define NOBODY_LATE (!MAY_LINK_LATE(0) && !MAY_LINK_LATE(1) && !MAY_LINK_LATE(2) && !MAY_LINK_LATE(3))
#define ALL_PASS (PASSES(0) && PASSES(1) && PASSES(2) && PASSES(3))
#define NAMED(b) (NAMES(0, b) || NAMES(1, b) || NAMES(2, b) || NAMES(3, b))
#else
#define NOBODY_LATE (!MAY_LINK_LATE(0) && !MAY_LINK_LATE(1) && !MAY_LINK_LATE(2))
#define ALL_PASS (PASSES(0) && PASSES(1) && PASSES(2))
#define NAMED(b) (NAMES(0, b) || NAMES(1, b) || NAMES(2, b))
#endif
#ifdef REUSE
#define USABLE(b) (state[b] == FREE || (state[b] == RETIRED && epoch >= stamp[b] + 2 && !NAMED(b)))
#else
#define USABLE(b) (state[b] == FREE)
#endif
#if BLOCKS > 2
#define SOME_USABLE (USABLE(0) || USABLE(1) || USABLE(2))
#else
#define SOME_USABLE (USABLE(0) || USABLE(1))
#endif

/* What held at some moment of the lookup; after each step that changes it. */
inline look()
{
#ifdef READ
	if
	:: reading ->
		h = 0;
		do
		:: h < length && !LIVE(list[h]) -> h++
		:: else -> break
		od;
		if
		:: h == length -> was_free = true
		:: else -> held = held | (1 << (2 * list[h] + use[list[h]]))
		fi
	:: else
	fi;
	h = 0
#else
	skip
#endif
}

/* Takes what has ended out of the list. */
inline purge()
{
	h = 0; k = 0;
	do
	:: h < length ->
		if
		:: LIVE(list[h]) -> list[k] = list[h]; k++
		:: else -> mark[list[h]] = true
		fi;
		h++
	:: else -> break
	od;
	h = k;
	do
	:: h < length -> list[h] = 0; h++
	:: else -> break
	od;
	length = k; h = 0; k = 0
}

/* Links @b at position @at. */
inline insert(b, at)
{
	h = length;
	do
	:: h > at -> list[h] = list[h - 1]; h--
	:: else -> break
	od;
	list[h] = b; length++; h = 0
}

/* Nothing happens once the lookup is done; the dead take no step. */
#define STEP !done; if :: dead[me] -> goto out :: else fi

/* The first check after an expulsion. */
#define RENEW if :: slot[me] == EXPELLED -> slot[me] = epoch + 1 :: else fi

#if defined(NO_BUMP) || defined(BUMP_EARLY)
#define BUMP(ln)
#else
#define BUMP(ln) changed[ln] = ALL
#endif

/* Builders' words in line @ln may be cleared by anybody. */
inline narrow(ln)
{
	h = 0;
	do
	:: h < CELLS ->
		if
		:: IS_BUILT(cell[(ln) * CELLS + h]) -> cell[(ln) * CELLS + h] = 0
		:: else
		fi;
		h++
	:: else -> break
	od;
	h = 0
}

/* From the line of level @l on, up to one that is complete. */
inline clear(b)
{
	i = 0;
	do
	:: atomic { i < CELLS && !done -> STEP;
		v = cell[LINE(l) * CELLS + i];
		if
		:: IS_OF(v, b) -> BUMP(LINE(l))
		:: else -> v = 0; i++
		fi };
		if
		:: atomic { v && !done -> STEP;
			if
			:: cell[LINE(l) * CELLS + i] == v -> cell[LINE(l) * CELLS + i] = 0; i++
			:: else
			fi;
			v = 0 }
		:: v == 0
		fi
	:: atomic { i == CELLS && !done -> STEP;
		if
		:: complete[LINE(l)] || LINE(l) == 0 -> i = NONE; break
		:: else -> l--; i = 0
		fi }
	od
}

#ifdef RETIRE_EARLY
#define RETIRE_FIRST(b) retire(b)
#define RETIRE_LAST(b) skip
#else
#define RETIRE_FIRST(b) skip
#define RETIRE_LAST(b) retire(b)
#endif

inline retire(b)
{
	state[b] = RETIRED; stamp[b] = epoch
}

#ifdef SETTLE_REPLACEABLE
#define MAY_SETTLE(b) true
#else
#define MAY_SETTLE(b) !replaceable[b]
#endif

/* Once it is linked. */
#ifdef GOES_ALONE
#define LIST(b) if :: replaceable[b] -> listed[b] = true :: else fi
#else
#define LIST(b) skip
#endif

/* @x: its entry; @op: the first call; @then: the second one. */
proctype owner(byte me; byte x; byte op; byte then)
{
	byte h, k, y = NONE, l, i = NONE, seen = NONE, v;
	bool first;

begin:	if
	:: atomic { (op == NOTHING) && !done -> goto out }
	:: atomic { (op >= UPDATE && x == NONE) && !done -> STEP; op = then; then = NOTHING; goto begin }
	:: atomic { (op == LEAVE || op == SETTLE) && x != NONE && !done -> STEP;
		slot[me] = epoch + 1; own[me] = x + 1;
#ifdef CLEAR_EARLY
		l = level;
#endif
		if
		:: op == LEAVE -> goto change
		:: op == SETTLE -> goto promote
		fi }
	:: atomic { (op == REGISTER || op == STAND || op == TAKE || (op == UPDATE && x != NONE)) && !done -> STEP }
	fi;
end_take:
	/* A block of its own, filled in; then the section begins. */
	atomic { !done && SOME_USABLE -> STEP;
		if
		:: USABLE(0) -> y = 0
		:: else ->
			if
			:: USABLE(1) -> y = 1
			:: else -> y = 2
			fi
		fi;
		state[y] = USED; stamp[y] = 0; owner_of[y] = me; mark[y] = false; replaceable[y] = OFFERS(me); listed[y] = false;
#ifdef REUSE
		use[y] = !use[y];
#endif
		slot[me] = epoch + 1; new[me] = y + 1; own[me] = (x == NONE -> 0 : x + 1) };
	if
	:: atomic { op == UPDATE && !done -> STEP; l = level;
#ifdef SETTLE_EARLY
		first = true;
#else
		first = false; h = 0;
		do
		:: h < CELLS -> first = first || cell[LINE(l) * CELLS + h] == PLAIN(x); h++
		:: else -> break
		od;
		h = 0;
#endif
		goto claim }
	:: atomic { op != UPDATE && !done -> skip }
	fi;
seek:	atomic { STEP; RENEW; purge();
		if
		:: op == REGISTER && length -> goto given_up
		:: op == TAKE && length && !replaceable[list[0]] -> goto given_up
		:: else
		fi;
		if
		:: length == 0 -> seen = NONE
		:: length && op == TAKE -> seen = list[0]
		:: length && op == STAND -> seen = list[length - 1]
		fi;
		first = (op != STAND || seen == NONE) };
claim:	atomic { STEP;
#ifdef NO_RECLAIM
		if
		:: i != NONE -> goto check
		:: else
		fi;
		if
		:: l == 0 || op == UPDATE -> l = level
		:: else
		fi;
#else
		l = level;
#endif
		if
		:: i != NONE && i / CELLS == LINE(l) -> goto check
		:: else
		fi };
#ifdef CLAIM_LATE
	goto check;
#endif
	if
	:: atomic { i != NONE && !done -> STEP;
		if
		:: cell[i] == LOOKED(y) -> cell[i] = 0
		:: else
		fi;
		i = NONE }
	:: i == NONE
	fi;
take:	atomic { STEP;
		k = 0;
		do
		:: k < CELLS && cell[LINE(l) * CELLS + k] -> k++
		:: else -> break
		od;
		if
		:: k < CELLS -> i = LINE(l) * CELLS + k; cell[i] = LOOKED(y); k = 0; goto check
		:: else -> k = 0
		fi };
	/* The line is full: what builders have left there, then the cells of what has ended. */
	atomic { STEP; narrow(LINE(l)) };
	do
	:: atomic { k < CELLS && !done -> STEP;
		v = cell[LINE(l) * CELLS + k];
		if
		:: v == 0 -> k = 0; goto take
		:: v && v != OTHER ->
#ifndef CLEAR_WITHOUT_HAZARD
			next[me] = OF(v) + 1
#endif
		:: v == OTHER -> v = 0; k++
		fi };
		if
		:: atomic { v && !done -> STEP;
			if
			:: slot[me] == EXPELLED -> slot[me] = epoch + 1; v = 0; k = 0;
				if
				:: op == UPDATE -> goto claim
				:: else -> goto seek
				fi
			:: slot[me] != EXPELLED && cell[LINE(l) * CELLS + k] != v -> v = 0; k++
			:: else
			fi }
		:: v == 0
		fi;
		if
		:: atomic { v && !done -> STEP;
			if
			:: LIVE(OF(v)) -> v = 0; k++
			:: else -> BUMP(LINE(l))
			fi }
		:: v == 0
		fi;
		if
		:: atomic { v && !done -> STEP;
			if
			:: cell[LINE(l) * CELLS + k] == v -> cell[LINE(l) * CELLS + k] = 0; v = 0; k = 0; goto take
			:: else -> v = 0; k++
			fi }
		:: v == 0
		fi
	:: atomic { k == CELLS && !done -> k = 0; break }
	od;
	/* It overflows: the control word, then the epoch; the CAS. */
#ifdef OVERFLOW_LOWERED
	atomic { STEP; k = epoch + 1 };
overflow:
	atomic { STEP; changed[LINE(l)] = changed[LINE(l)] & ~BIT(me) };
#else
overflow:
	atomic { STEP; changed[LINE(l)] = changed[LINE(l)] & ~BIT(me); k = epoch + 1 };
#endif
	atomic { STEP;
		if
		:: changed[LINE(l)] & BIT(me) -> goto overflow
		:: else -> complete[LINE(l)] = false; over[LINE(l)] = k; changed[LINE(l)] = ALL; k = 0
		fi };
check:
#ifdef LISTED_EARLY
	atomic { STEP; LIST(y) };
#endif
	if
	:: atomic { op == UPDATE && !done -> goto change }
	:: atomic { op != UPDATE && !done -> STEP;
		/* Both ends of the link are named. */
		if
		:: slot[me] == EXPELLED -> slot[me] = epoch + 1; goto seek
		:: else
		fi }
	fi;
change:
#ifdef BUMP_EARLY
	atomic { STEP;
		if
		:: op == LEAVE || op == UPDATE -> changed[LINE(level)] = ALL
		:: else
		fi };
#endif
	atomic { STEP;
		if
		:: op == LEAVE -> mark[x] = true
		:: op == UPDATE ->
			k = 0;
			do
			:: list[k] != x -> k++
			:: else -> break
			od;
			mark[x] = true; k++; insert(y, k); k = 0
		/* The link in front is as it was. */
		:: op == TAKE && seen != NONE && length && list[0] == seen -> insert(y, 0)
		:: op == STAND && seen != NONE && length && list[length - 1] == seen && !mark[seen] -> insert(y, length)
		:: (op == REGISTER || op == STAND || op == TAKE) && seen == NONE && length == 0 -> insert(y, 0)
		:: else -> goto seek
		fi;
		seen = NONE;
		look() };
#ifdef CLAIM_LATE
	atomic { STEP;
		if
		:: op != LEAVE && i == NONE ->
			k = 0;
			do
			:: k < CELLS && cell[LINE(l) * CELLS + k] -> k++
			:: else -> break
			od;
			if
			:: k < CELLS -> i = LINE(l) * CELLS + k; cell[i] = LOOKED(y)
			:: else
			fi;
			k = 0
		:: else
		fi };
#endif
	if
	:: atomic { (op == LEAVE || op == UPDATE) && !done -> STEP; RENEW; purge(); RETIRE_FIRST(x);
		/* The index of its cell stays in @seen. */
		seen = i;
#ifndef CLEAR_EARLY
		l = level
#else
		l = (op == UPDATE -> level : l)
#endif
		};
		clear(x);
		atomic { STEP; i = seen; seen = NONE;
			if
			:: op == UPDATE && i != NONE && first && cell[i] == LOOKED(y) && MAY_SETTLE(y) -> cell[i] = PLAIN(y)
			:: else
			fi;
			if
			:: op == UPDATE -> LIST(y)
			:: else
			fi };
		atomic { STEP; RETIRE_LAST(x); x = y }
	:: atomic { op != LEAVE && op != UPDATE && !done -> STEP; x = y;
		if
		:: i != NONE && first && cell[i] == LOOKED(y) && MAY_SETTLE(y) -> cell[i] = PLAIN(y)
		:: else
		fi;
		LIST(y) }
	fi;
	goto leave;
promote:
	atomic { STEP; RENEW;
#ifdef SETTLE_UNCLEARED
		h = 0;
		do
		:: h < length && !LIVE(list[h]) -> h++
		:: else -> break
		od;
		first = h < length && list[h] == x; h = 0;
#else
		purge(); first = length && list[0] == x;
#endif
		l = level };
	atomic { STEP;
		h = 0;
		do
		:: first && h < CELLS ->
			if
			:: cell[LINE(l) * CELLS + h] == LOOKED(x) && MAY_SETTLE(x) -> cell[LINE(l) * CELLS + h] = PLAIN(x)
			:: else
			fi;
			h++
		:: else -> break
		od;
		h = 0; goto leave };
given_up:
	atomic { STEP;
		if
		:: i != NONE && cell[i] == LOOKED(y) -> cell[i] = 0
		:: else
		fi;
		i = NONE };
	/* It was in no list: it may be used again at once. */
	atomic { STEP; state[y] = FREE };
leave:	atomic { STEP; slot[me] = 0; own[me] = 0; new[me] = 0; next[me] = 0; y = NONE; l = 0; i = NONE;
		seen = NONE; first = false; op = then; then = NOTHING; goto begin };
out:	atomic { h = 0; k = 0; x = NONE; y = NONE; l = 0; i = NONE; seen = NONE; v = 0; first = false; op = 0; then = 0 }
}

proctype sweeper(byte me; byte whose)
{
	byte h, k, b, l, i = NONE, v;

end:	atomic { dead[whose] && !done -> slot[me] = epoch + 1 };
	do
	:: atomic { b < BLOCKS && !done -> STEP; RENEW;
			do
			:: b < BLOCKS && !(state[b] == USED && owner_of[b] == whose) -> b++
			:: else -> break
			od;
			if
			:: b == BLOCKS -> goto out
			:: else -> own[me] = b + 1
			fi };
		atomic { STEP; purge(); RETIRE_FIRST(b); l = level };
		clear(b);
		atomic { STEP;
			if
			:: state[b] == USED && owner_of[b] == whose -> RETIRE_LAST(b)
			:: else
			fi;
			b++ }
	:: b == BLOCKS -> break
	od;
out:	atomic { slot[me] = 0; own[me] = 0; b = 0; l = 0; i = NONE; v = 0 }
}

proctype death(byte who)
{
	byte h;

	atomic { !done -> dead[who] = true; look() }
}

/* The entry of another name that has cell @c ends. */
proctype other(byte c)
{
	atomic { !done -> changed[c / CELLS] = ALL };
	atomic { !done -> cell[c] = 0 }
}

#ifdef GROW
proctype grower()
{
	atomic { !done && level == 1 -> level = 2 };
#ifdef NARROWED
	/* The older line is narrowed: cells of what is in the new one now. */
	atomic { !done ->
		if
		:: cell[0] != OTHER -> cell[0] = 0
		:: else
		fi };
#if CELLS > 1
	atomic { !done ->
		if
		:: cell[1] != OTHER -> cell[1] = 0
		:: else
		fi }
#endif
#endif
}
#endif

#if defined(BUILD) && TOP > 1
proctype settler()
{
	byte at;

end:	atomic { level == 2 && level_seen == 1 && !done -> at = epoch };
	atomic { !done -> level_seen = 2; level_epoch = at; is_settled = false };
end_wait:
	atomic { !done && epoch >= level_epoch + 2 && NOBODY_LATE -> is_settled = true };
	at = 0
}
#endif

#ifdef BUILD
#ifdef NO_WAIT
#define OVERFLOW_IS_PAST true
#elif defined(NO_LATE)
#define OVERFLOW_IS_PAST (!over[LINE(TOP)] || epoch > over[LINE(TOP)])
#else
#define OVERFLOW_IS_PAST (!over[LINE(TOP)] || (epoch > over[LINE(TOP)] && NOBODY_LATE))
#endif
#ifdef NO_SETTLED
#define SETTLED true
#else
#define SETTLED (is_settled && level_seen == TOP)
#endif
proctype builder(byte me)
{
	byte h, z, i = NONE;
	bool first;

	/* The control word; then whether the line may be built. */
end:	atomic { !done && level == TOP && !complete[LINE(TOP)] && SETTLED -> STEP;
		slot[me] = epoch + 1; changed[LINE(TOP)] = changed[LINE(TOP)] & ~BIT(me) };
	atomic { STEP; narrow(LINE(TOP));
		if
		:: OVERFLOW_IS_PAST
		:: else -> goto out
		fi };
	do
	:: atomic { z < BLOCKS && !done -> STEP;
		/* What it comes by on its way along the list. */
			if
			:: slot[me] == EXPELLED -> goto out
			:: else
			fi;
			h = 0;
			do
			:: h < length && list[h] != z -> h++
			:: else -> break
			od;
			first = length && list[0] == z;
			if
			:: h < length && LIVE(z) && !IS(cell[LINE(TOP) * CELLS], z) &&
			   !IS(cell[LINE(TOP) * CELLS + CELLS - 1], z) ->
				next[me] = z + 1; h = 0
			:: else -> goto next_entry
			fi };
		atomic { STEP;
			h = 0;
			do
			:: h < CELLS && cell[LINE(TOP) * CELLS + h] -> h++
			:: else -> break
			od;
			if
			:: h == CELLS ->
#ifdef FULL_ANYWAY
				goto next_entry
#else
				goto out
#endif
			:: else -> i = LINE(TOP) * CELLS + h; h = 0;
#ifdef PLAIN_BUILD
				cell[i] = LOOKED(z)
#else
				cell[i] = BUILT(z, me)
#endif
			fi };
#ifdef PLAIN_BUILD
#define ADDED LOOKED(z)
#else
#define ADDED BUILT(z, me)
#endif
#ifndef NO_RECHECK
		if
		:: atomic { !LIVE(z) && !done -> STEP };
			atomic { STEP;
				if
				:: cell[i] == ADDED -> cell[i] = 0
				:: else
				fi;
				goto next_entry }
		:: atomic { LIVE(z) && !done -> STEP }
		fi;
#endif
		atomic { STEP;
			if
			:: cell[i] != ADDED -> goto out
			:: else -> cell[i] = (first && MAY_SETTLE(z) -> PLAIN(z) : LOOKED(z))
			fi };
next_entry:	atomic { STEP; z++; i = NONE; first = false; h = 0 }
	:: atomic { z == BLOCKS && !done -> break }
	od;
	atomic { STEP;
		if
		:: slot[me] == EXPELLED -> goto out
		:: else
		fi };
	atomic { STEP;
		if
		:: !(changed[LINE(TOP)] & BIT(me)) -> complete[LINE(TOP)] = true; changed[LINE(TOP)] = ALL
		:: else
		fi };
out:	atomic { !done -> changed[LINE(TOP)] = changed[LINE(TOP)] | BIT(me);
		slot[me] = 0; next[me] = 0; h = 0; z = 0; i = NONE; first = false }
}
#endif

#if LAST_EPOCH
proctype advancer()
{
end:	do
	:: atomic { !done && epoch < LAST_EPOCH && ALL_PASS -> epoch++ }
	:: atomic { !done && !PASSES(0) -> slot[0] = EXPELLED }
	:: atomic { !done && !PASSES(1) -> slot[1] = EXPELLED }
	:: atomic { !done && !PASSES(2) -> slot[2] = EXPELLED }
#if WRITERS > 3
	:: atomic { !done && !PASSES(3) -> slot[3] = EXPELLED }
#endif
	od
}
#endif

#if BLOCKS > 2
#define LISTED(b) (length > 0 && list[0] == b || length > 1 && list[1] == b || length > 2 && list[2] == b)
#define FIRST(b) (length > 0 && (list[0] == b || length > 1 && !LIVE(list[0]) && (list[1] == b || length > 2 && !LIVE(list[1]) && list[2] == b)))
#else
#define LISTED(b) (length > 0 && list[0] == b || length > 1 && list[1] == b)
#define FIRST(b) (length > 0 && (list[0] == b || length > 1 && !LIVE(list[0]) && list[1] == b))
#endif

#ifdef READ
/* What the list answers is not looked at. */
#define ASK goto asked
proctype reader()
{
	byte h, l, i, v, b, began, left = CELLS;
	bool whole, seen;
#ifdef GOES_ALONE
	bool up;
#endif
#ifdef REFER
	byte now, looks;
	bool is;
#endif

	atomic { reading = true; began = epoch; look() };
	l = level;
	atomic { whole = complete[LINE(l)]; changed[LINE(l)] = changed[LINE(l)] & ~READER;
		if
		:: i = 0
		:: CELLS > 1 -> i = CELLS - 1
		fi };
#ifdef GOES_ALONE
	b = NONE; up = (i == 0);
	do
	:: atomic { left > 0 ->
		v = cell[LINE(l) * CELLS + i]; left--; i = (up -> i + 1 : (i == 0 -> 0 : i - 1));
		if
#ifdef ANY_OF_TWO
		:: IS_CELL(v) -> b = OF(v); break
#else
		:: IS_CELL(v) && b == NONE -> b = OF(v)
		:: IS_CELL(v) && b != NONE -> ASK
#endif
		:: else
		fi }
	:: left == 0 -> break
	od;
	atomic { i = 0; left = 0;
		if
		:: b == NONE -> goto miss
		:: else
		fi };
	atomic {
		if
		:: !replaceable[b] -> ASK
#ifndef UNLISTED
		:: !listed[b] -> ASK
#endif
		:: else -> seen = use[b]
		fi };
#ifndef UNVERSIONED
	atomic {
		if
		:: changed[LINE(l)] & READER -> ASK
		:: else
		fi };
#endif
#ifndef INCOMPLETE
	atomic {
		if
		:: !whole -> ASK
		:: else
		fi };
#endif
#ifndef ALONE_OLD_WIDTH
	atomic {
		if
		:: level != l -> ASK
		:: else
		fi };
#endif
	goto entry;
#endif
	do
	:: atomic { left > 0 ->
		v = cell[LINE(l) * CELLS + i]; left--;
		if
		:: IS_CELL(v) -> break
		:: else -> i = (i == 0 -> CELLS - 1 : 0); v = 0
		fi }
	:: atomic { left == 0 -> goto miss }
	od;
	/* The cell again; the entry's link; its owner; the epoch. */
	atomic { v = cell[LINE(l) * CELLS + i];
		if
		:: IS_CELL(v) && (v & 1) -> b = OF(v)
#ifdef REFER_LOOKED
		/* The list has answered. */
		:: IS_CELL(v) && !(v & 1) && LIVE(OF(v)) && FIRST(OF(v)) -> b = OF(v); seen = use[b]; goto again
#endif
		:: else -> ASK
		fi };
entry:	atomic {
		if
		:: mark[b] -> ASK
		:: else -> seen = use[b]
		fi };
	atomic {
		if
		:: DEAD(b) -> ASK
		:: else
		fi };
	atomic {
		if
		:: epoch - began >= 2 -> ASK
		:: else -> assert(held & (1 << (2 * b + seen)));
#ifndef REFER
			ASK
#elif defined(REFER_UNTIL_NOW)
			began = epoch
#endif
		fi };
#ifdef REFER
#ifdef REFER_BEYOND
#define BEYOND 3
#else
#define BEYOND 2
#endif
	/* The epoch, the entry's link, its owner, the epoch; @began is what the last look has left. */
again:	atomic { held = 0; now = epoch; look();
		if
		:: epoch - began >= BEYOND -> ASK
		:: else
		fi };
	atomic {
		if
		:: mark[b] -> ASK
		:: else -> is = use[b]
		fi };
	atomic {
		if
		:: DEAD(b) -> ASK
		:: else
		fi };
	atomic {
		if
		:: epoch - began >= BEYOND -> ASK
		:: else -> assert(is == seen); assert(held & (1 << (2 * b + seen)));
#ifdef REFER_UNTIL_NOW
			began = epoch;
#else
			began = now;
#endif
			looks++;
			if
			:: looks == 2 -> ASK
			:: else -> goto again
			fi
		fi };
#endif
miss:	atomic {
		if
		:: !whole || (changed[LINE(l)] & READER) -> ASK
		:: else
		fi };
#ifndef OLD_WIDTH
	atomic {
		if
		:: level != l -> ASK
		:: else
		fi };
#endif
	atomic { assert(was_free || epoch - began >= 2) };
asked:	done = true
}
#endif

#define HAS(ln, b) (IS(cell[(ln) * CELLS], b) || IS(cell[(ln) * CELLS + CELLS / 2], b) || IS(cell[(ln) * CELLS + CELLS - 1], b))
#define HAS_PLAIN(ln, b) (cell[(ln) * CELLS] == PLAIN(b) || cell[(ln) * CELLS + CELLS / 2] == PLAIN(b) || cell[(ln) * CELLS + CELLS - 1] == PLAIN(b))
/* Of the lines that a lookup may use: that of now, and the older one until the level is settled. */
#define OLD_IS_USED (level == 2 && !(is_settled && level_seen == 2))
#define I1(b) (!complete[LINE(level)] || !LISTED(b) || !LIVE(b) || HAS(LINE(level), b))
#define I2_IN(ln, b) (!HAS_PLAIN(ln, b) || !LIVE(b) || (FIRST(b) && !replaceable[b]))
#define I2(b) (I2_IN(LINE(level), b) && (!OLD_IS_USED || I2_IN(0, b)))
#define I3(b) (state[b] == USED || (!HAS(LINE(level), b) && (!OLD_IS_USED || !HAS(0, b))))
#if BLOCKS > 2
#define EACH(I) (I(0) && I(1) && I(2))
#else
#define EACH(I) (I(0) && I(1))
#endif
proctype monitor()
{
	bool one, two, three;

end:	atomic { !done && !(EACH(I1) && EACH(I2) && EACH(I3)) ->
		one = EACH(I1); two = EACH(I2); three = EACH(I3);
		assert(one); assert(two); assert(three) }
}

init
{
	atomic {
		complete[0] = true; changed[0] = ALL; changed[1] = ALL;
		state[0] = USED; list[0] = 0; length = 1; cell[0] = PLAIN(0);
		SCENE;
#ifdef GROW
		run grower();
#endif
#if defined(BUILD) && TOP > 1
		run settler();
#endif
#if LAST_EPOCH
		run advancer();
#endif
#ifdef READ
		run reader();
#endif
		run monitor()
	}
}
