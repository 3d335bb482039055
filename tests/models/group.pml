/* SPDX-License-Identifier: MIT */
/* mutations: NO_VERSION ABOVE CELL_LATE CLEAR_FIRST RAISE_LATE CHILD_FIRST */
/* variants: KILLED FULL */
/*
 * Groups (shm/group.c): a listing shows a name that is held all the time that it looks, although
 * the name passes from entry to entry, by updates or gifts, each of which has a cell of its own.
 *
 * One path of three lines of two cells. The third line is linked to when it is needed. A holder
 * replaces its entry twice; a neighbour takes and clears cells of the same lines; a sweep
 * clears, at any later time, what has ended as well. The lister goes along the path once.
 *
 *   KILLED   the holder may be killed at any step; its last entry belongs to another owner, who
 *            lives, and the sweep clears what it has left: the cell of what was replaced, or of
 *            what was never linked; no neighbour, one replacement
 *   FULL     two neighbours and no sweep: lines are full, and the holder has to go down
 *
 * mutation      the step that it breaks
 * NO_VERSION    the lister does not look at the version again
 * ABOVE         the new entry's cell is the first free one of the path
 * CELL_LATE     the new entry gets its cell after it was linked
 * CLEAR_FIRST   the old entry's cell is cleared before it was replaced
 * RAISE_LATE    the version is raised after the cell was cleared
 * CHILD_FIRST   the lister reads the line below before the line itself
 */
#define LINES 3
#define CELLS 2
#ifdef KILLED
#define ENTRIES 2
#else
#define ENTRIES 3
#endif

/* Entries 1 to 3 are the name's, one after another; 8 and 9 the neighbours'. */
byte cell[6];      /* line * CELLS + which */
byte version[3];
bool linked[3];    /* the line above leads to it */
byte holds = 1;    /* the list: which entry has the name */
bool gone = false; /* the holder was killed */

#define IS_OURS(c) (c >= 1 && c <= ENTRIES)

/* Takes a cell for @word in line @from or below; each look at a cell is a step of its own. */
inline take(word, from, i)
{
	i = from * CELLS;
	do
	:: i == LINES * CELLS -> assert(false)
	:: i < LINES * CELLS ->
		if
		:: i % CELLS == 0 && i > 0 && !linked[i / CELLS] -> linked[i / CELLS] = true
		:: else
		fi;
		atomic {
			if
			:: cell[i] == 0 -> cell[i] = word; break
			:: else -> i++
			fi
		}
	od
}

inline clear(word, i)
{
	i = 0;
	do
	:: i == LINES * CELLS -> break
	:: i < LINES * CELLS && cell[i] == word ->
#ifndef RAISE_LATE
		version[i / CELLS]++;
#endif
		atomic {
			if
			:: cell[i] == word -> cell[i] = 0
			:: else
			fi
		};
#ifdef RAISE_LATE
		version[i / CELLS]++;
#endif
		break
	:: else -> i++
	od
}

/* The line in which @word has its cell. */
inline line_of(word, from)
{
	d_step {
		from = 0;
		do
		:: cell[from * CELLS] == word || cell[from * CELLS + 1] == word -> break
		:: from == LINES - 1 -> break
		:: else -> from++
		od
	}
}

#ifdef KILLED
#define MAY_DIE if :: gone = true; goto end :: skip fi
#else
#define MAY_DIE skip
#endif

proctype holder()
{
	byte next, from, i;

	next = 2;
	do
	:: next > ENTRIES -> break
	:: next <= ENTRIES ->
#ifdef ABOVE
		from = 0;
#else
		line_of(next - 1, from);
#endif
#ifndef CELL_LATE
		take(next, from, i);
#endif
		MAY_DIE;
#ifdef CLEAR_FIRST
		clear(next - 1, i);
		MAY_DIE;
#endif
		holds = next; /* the CAS of the list */
		MAY_DIE;
#ifdef CELL_LATE
		take(next, from, i);
#endif
		clear(next - 1, i);
		next++
	od;
end:
	skip
}

/* Clears the cells of what does not hold the name, at any time: of a living holder those of what it has replaced. */
proctype sweep()
{
	byte e, i;

	e = 1;
	do
	:: e > ENTRIES -> break
	:: e <= ENTRIES && e < holds -> clear(e, i); e++
	:: e <= ENTRIES && e == holds -> e++
	:: e <= ENTRIES && e > holds && gone -> clear(e, i); e++
	:: e <= ENTRIES && e > holds && !gone -> break
	od
}

proctype neighbour(byte word)
{
	byte i;

	take(word, 0, i);
	clear(word, i)
}

proctype lister()
{
	byte line, i, seen_version;
	bool below, found;

#ifdef CHILD_FIRST
	/* The line below line 0, then line 0, then the last. */
	line = 1;
#else
	line = 0;
#endif
	do
	:: line == LINES -> break
	:: line < LINES ->
again:
		if
		:: line > 0 && !linked[line] -> goto next
		:: else
		fi;
		/* One word: the version, and whether it leads below. */
		atomic {
			seen_version = version[line];
			below = (line < LINES - 1 -> linked[line + 1] : false)
		};
		i = 0;
		do
		:: i == CELLS -> break
		:: i < CELLS ->
			found = found || IS_OURS(cell[line * CELLS + i]);
			i++
		od;
#ifndef NO_VERSION
		if
		:: seen_version != version[line] ||
		   below != (line < LINES - 1 -> linked[line + 1] : false) -> goto again
		:: else
		fi;
#endif
		if
#ifndef CHILD_FIRST
		:: !below -> break
#endif
		:: else
		fi;
next:
#ifdef CHILD_FIRST
		if
		:: line == 1 -> line = 0
		:: line == 0 -> line = 2
		:: else -> line = LINES
		fi
#else
		line++
#endif
	od;
	assert(found)
}

init {
	atomic {
		cell[0] = 1;
		linked[0] = true;
		linked[1] = true;
		run holder();
#ifndef FULL
		run sweep();
#else
		run neighbour(9);
#endif
#ifndef KILLED
		run neighbour(8);
#endif
		run lister()
	}
}
