/* mutations: NO_RELOAD NO_SECOND_LOOK LOOK_IF_NOTHING ONE_BY_ONE FRONT_MARKED COUNTER REUSE_EARLY NO_PEEK ONE_GUARD */
/* variants: REUSE */
/*
 * One bucket: a search beside take-overs, queues, gifts, deaths and removal of dead
 * entries.
 *
 * States    the links of one order (shm/table.c, shm/table_write.c), word by word; each load and
 *           each CAS is a step. An entry stands for its owner, whose death is a step that may come
 *           at any time.
 * Property  if a search finds nothing, the name was free at some moment of the search; an entry that
 *           it finds held the name at some moment of the search.
 * Stands for  "Searches are linearizable" in the head of shm/table.c; the seek in table_write.c.
 *
 *   NO_RELOAD        a link that was loaded before the life is followed although the life is over
 *   NO_SECOND_LOOK   the link that led to the first entry that does not count is not read again
 *   LOOK_IF_NOTHING  it is read again, but not if an entry was found
 *   ONE_BY_ONE       entries that do not count are removed one by one
 *   FRONT_MARKED     the link that is read again may be that of a marked entry
 *   COUNTER          in place of the link a counter is compared, raised before the CAS in front
 *   ONE_GUARD        the link of a dead holder that may be dropped yet is not read again
 *
 * REUSE: the memory of an entry that was unregistered becomes an entry of another list
 * two epochs later. The search is a peek, which delays no epoch, and discards its answer
 * if two have begun.
 *
 *   REUSE_EARLY      one epoch later
 *   NO_PEEK          the answer is never discarded
 */
#define HEAD 0
#define GIFT 4  /* an entry that an owner may put in the place of its own */
#define OTHER 5 /* an entry of another key, in front of all */
#define NODES 6
#define END 7

#define IF_FREE 0
#define IN_FRONT 1
#define IN_LINE 2
#define LEAVE 3 /* it is linked */
#define PURGE 4
#define TAKE 5 /* in the place of the entry 1, which is dropped; in front of others */

byte next[NODES];
bool mark[NODES];
bool dead[NODES];
bool given;
bool done;
byte turns;

byte epoch;
byte inside[NODES]; /* the epoch in which a writer entered, plus 1 */
byte stamp;         /* 0, or the epoch in which the entry was retired, plus 1 */
bool reused;

#ifdef REUSE_EARLY
#define EPOCHS 1
#else
#define EPOCHS 2
#endif

/* What held at some moment of the search. */
bool was_free;
byte held;

inline look()
{
	h = next[HEAD];
	do
	:: h == END || (h != OTHER && !mark[h] && !dead[h]) -> break
	:: else -> h = next[h]
	od;
	if
	:: h == END -> was_free = true
	:: else -> held = held | (1 << h)
	fi;
	h = 0
}

/* A step of @me while it lives; none follows once the search has ended. */
#define LIVES                                                                                      \
	!done;                                                                                     \
	if                                                                                         \
	:: dead[me] -> goto out                                                                    \
	:: else                                                                                    \
	fi

/* The CAS of @node's link from @was to @now, which has a mark or not. */
#define CAS(node, was, now, marks)                                                                 \
	if                                                                                         \
	:: next[node] == was && !mark[node] ->                                                     \
		next[node] = now;                                                                  \
		mark[node] = marks;                                                                \
		look()                                                                             \
	:: else -> link = HEAD; at = next[HEAD]; goto seek                                         \
	fi

#define COUNTS(node) (!mark[node] && !dead[node])
#define STOPS(node) (node != OTHER && (rule == IF_FREE || rule == IN_FRONT || rule == TAKE))

/*
 * Whether @me is in the list, as a call that has registered it says. An entry that is dead or
 * marked may be cleared away.
 */
inline assert_linked(me)
{
	h = next[HEAD];
	do
	:: h == END || h == me -> break
	:: else -> h = next[h]
	od;
	assert(h == me);
	h = 0
}

proctype writer(byte me; byte rule; bool leaves)
{
	byte h, link, at, to, behind;

	if
	:: rule == LEAVE -> goto linked
	:: else
	fi;
	atomic { LIVES; inside[me] = epoch + 1; at = next[HEAD] };
seek:
	do
	:: atomic { at == END && !done -> break }
	:: atomic { at != END && !done -> LIVES;
		if
		:: COUNTS(at) ->
			if
			:: STOPS(at) -> break
			:: else -> link = at; at = next[at]
			fi;
			goto seek
		:: else -> to = next[at]
		fi };
		/* It was dead, or marked, and is marked now. */
		atomic { LIVES; if :: !mark[at] -> CAS(at, to, to, true) :: else fi };
#ifndef ONE_BY_ONE
		do
		:: atomic { (to == END || at == OTHER) -> break }
		:: atomic { !(to == END || at == OTHER) -> LIVES;
			if
			:: COUNTS(to) -> break
			:: else -> behind = next[to]
			fi };
			atomic { LIVES; if :: !mark[to] -> CAS(to, behind, behind, true) :: else fi;
				to = behind; behind = 0 }
		od;
#endif
		atomic { LIVES; CAS(link, at, to, false); at = to; to = 0; behind = 0 }
	od;
	if
	:: atomic { (rule == PURGE || (rule == IF_FREE && at != END)) -> goto out }
	:: else
	fi;
#ifdef COUNTER
	atomic { LIVES; turns++ };
#endif
	if
	:: atomic { rule == TAKE && at == 1 -> to = next[1]; next[me] = to }
	:: atomic { !(rule == TAKE && at == 1) -> goto front }
	fi;
	/* In the stead of the holder: the mark and the new entry in one CAS. */
	atomic { LIVES; CAS(1, to, me, true); link = 0; at = 0; to = 0; behind = 0; assert_linked(me) };
	goto linked;
front:
	atomic { LIVES; next[me] = at; CAS(link, at, me, false); link = 0; at = 0; to = 0; behind = 0 };
linked:
	if
	:: !leaves -> goto out
	/* unregister */
	:: atomic { leaves -> LIVES; if :: mark[me] -> goto out :: else fi;
		mark[me] = true; look() }
	/* give */
	:: atomic { leaves -> LIVES; if :: mark[me] || given -> goto out :: else fi;
		given = true; next[GIFT] = next[me]; next[me] = GIFT; mark[me] = true; look() }
	fi;
	atomic { LIVES; rule = PURGE; link = HEAD; at = next[HEAD]; goto seek };
out:	atomic {
#ifdef REUSE
		if
		:: !dead[me] && leaves && mark[me] -> stamp = epoch + 1
		:: else
		fi;
#endif
		inside[me] = 0; link = 0; at = 0; to = 0; behind = 0
	}
}

#define PASSES(node) (!inside[node] || dead[node] || inside[node] == epoch + 1)

/* Begins epochs, and reuses the memory of entry 2 for another list. */
proctype reclaim()
{
	do
	:: atomic { !done && epoch < 3 && PASSES(1) && PASSES(2) && PASSES(3) -> epoch++ }
	:: atomic { !done && stamp && epoch + 1 - stamp >= EPOCHS ->
		reused = true; next[2] = END; mark[2] = false; break }
	:: atomic { !done && epoch == 3 && !stamp -> break }
	od
}

/* A death at any time before the search ends; later ones do not matter. */
proctype death(byte node)
{
	byte h;

	atomic { !done -> dead[node] = true; look() }
}

/* The entry in front, whose links belong to another key. */
proctype unregister_other()
{
	atomic { !done -> mark[OTHER] = true }
}

proctype reader()
{
	byte h, at, to, front, front_to, guard, guard_to, dropped_to, found, seen, began;
	bool marked, guarded;

	atomic { was_free = false; held = 0; look() };
	began = epoch;
again:
#ifdef COUNTER
	seen = turns;
#endif
	atomic { at = next[HEAD]; front = HEAD; front_to = at; guarded = false; guard = 0; guard_to = 0;
		dropped_to = HEAD };
	do
	:: atomic { at == END -> break }
	:: atomic { at != END -> to = next[at]; marked = mark[at] };
		atomic {
			if
			:: at == OTHER || (at == 2 && reused) -> goto on
			:: !(at == OTHER || (at == 2 && reused)) && !marked && !dead[at] -> found = at; break
			:: else ->
				if
				:: !guarded -> guarded = true; guard = front; guard_to = front_to
				:: else
				fi
			fi
		};
#ifndef NO_RELOAD
		atomic { to = next[at]; marked = mark[at];
			if
			:: at == 1 && !marked -> dropped_to = to
			:: else
			fi };
#endif
on:
		atomic {
			if
#ifdef FRONT_MARKED
			:: true -> front = at; front_to = to
#else
			:: !marked -> front = at; front_to = to
			:: else
#endif
			fi;
			at = to; to = 0; marked = false
		}
	od;
	atomic {
#ifdef LOOK_IF_NOTHING
		guarded = guarded && !found;
#endif
		if
#ifdef NO_SECOND_LOOK
#elif defined(COUNTER)
		:: guarded && turns != seen -> found = 0; goto again
#elif defined(FRONT_MARKED)
		:: guarded && next[guard] != guard_to -> found = 0; goto again
#else
		:: guarded && (next[guard] != guard_to || mark[guard]) -> found = 0; goto again
#ifndef ONE_GUARD
		:: guarded && dropped_to != HEAD && next[guard] == guard_to && !mark[guard] &&
			(next[1] != dropped_to || mark[1]) -> found = 0; goto again
#endif
#endif
		:: else
		fi;
#ifdef NO_PEEK
		began = epoch;
#endif
		assert(found || was_free || epoch - began >= 2);
		assert(!found || epoch - began >= 2 || (held & (1 << found)));
		done = true
	};
	do
	:: done
	od
}

init
{
	atomic {
		next[HEAD] = 1;
		next[1] = END;
#ifdef REUSE
		run reclaim();
#endif
		if
#ifdef REUSE
		/* One process takes over and unregisters. */
		:: run writer(2, IN_FRONT, true)
#else
		/* One takes over and unregisters or gives; one waits in line. */
		:: run writer(2, IN_FRONT, true); run writer(3, IN_LINE, false); run death(3)
		/* Two take over, one from the other. */
		:: run writer(2, IN_FRONT, false); run writer(3, IN_FRONT, false); run death(2)
		/*
		 * One takes over, and an entry of another key is in front, and is
		 * unregistered.
		 */
		:: next[HEAD] = OTHER; next[OTHER] = 1;
			run unregister_other(); run writer(2, IN_FRONT, false); run writer(3, IN_LINE, false);
			run death(2)
		/*
		 * The holder unregisters or gives; one registers when the name is free,
		 * and one waits in line.
		 */
		:: run writer(1, LEAVE, true); run writer(2, IF_FREE, false); run writer(3, IN_LINE, false)
		/* The holder is dropped by one, which unregisters or gives; one waits in line. */
		:: run writer(2, TAKE, true); run writer(3, IN_LINE, false); run death(3)
		/* It is dropped by one of two, and the other takes over from that one. */
		:: run writer(2, TAKE, false); run writer(3, TAKE, false); run death(2)
		/* It unregisters or gives while one drops it, and one waits in line. */
		:: run writer(1, LEAVE, true); run writer(2, TAKE, false); run writer(3, IN_LINE, false)
#endif
		fi;
		run death(1);
		run reader()
	}
}
