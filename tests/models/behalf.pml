/* SPDX-License-Identifier: MIT */
/* mutations: NO_RETRY:- NO_RETRY_FOR:- MARK_FIRST:- LINK_FIRST:- BLIND_CAS:- BLIND_LINK:- NO_ASK:- NO_LIFE:LOOKUP MARK_FIRST:LOOKUP CLEAR_LATE:NEXT NO_ROW:NEXT SWEEP_UNSEARCHED:KILLED SWEEP_MAKER:KILLED SEARCH_FIRST:KILLED LINKED_EARLY:KILLED */
/* variants: LOOKUP NEXT KILLED */
/* pan: -E */
/*
 * Names on behalf of another process: an owner that allows it changes its name while another process
 * changes it for the owner. The owner withdraws its consent at some moment; either may be killed.
 *
 * Stands for  lib/names/behalf.c, lib/names/update.c, shm/consent.c; shm/gift.c, steps 2 to 5.
 *
 * States    entries of one unique key, each linked, then marked; the owner's life; the row: whose it
 *           is, and the consent; of each gift whether its slab's word says "linked", and whether the
 *           slab is retired. A CAS is one step, and so is a search: bucket.pml and index.pml show
 *           that. The owner registers as the other one does, so that both may change the entry.
 * Property  at most one entry is linked and not marked. An update leaves no moment without one. A change
 *           that is reported as done was linked; a change or a lookup that finds no name was in a
 *           moment without one. A lookup that begins after the owner's death finds nothing. A call that
 *           begins when the withdrawal has returned changes nothing; one that asked before may still
 *           succeed, as <kreg/name.h> says: it can be stopped for any time between its question and
 *           its CAS. A slab is retired only if nobody finds its gift, then or later, and in the end
 *           each is that is over. Retired slabs are not used again here, so tickets are left out.
 *
 *   (none)        both change the name, and the consent is withdrawn
 *   LOOKUP        one change of each, beside a lookup and the owner's death
 *   NEXT          the owner dies, and the next process that gets its seat allows nothing
 *   KILLED        the other one is killed at any step of its call, beside the owner's calls and a sweep
 *
 * mutation          the step that it breaks
 * NO_RETRY          the owner gives up when its CAS fails
 * NO_RETRY_FOR      the other process does
 * MARK_FIRST        the old entry is marked before the new one is linked
 * LINK_FIRST        the new one is linked before the old one is marked
 * BLIND_CAS         an entry that has a mark already is replaced
 * BLIND_LINK        a registration links although another was first
 * NO_ASK            nobody asks for the consent
 * NO_LIFE           a lookup does not look at the life
 * CLEAR_LATE        the next holder of the seat opens the row before it clears the consent
 * NO_ROW            the consent is read without a look at whose row it is
 * SWEEP_UNSEARCHED  a gift of a dead maker that is not known to be linked is over, without a search
 * SWEEP_MAKER       one that a search does not find is over, although its maker lives
 * SEARCH_FIRST      the search comes before the look at the maker
 * LINKED_EARLY      the slab's word says "linked" before the gift is
 */
#define OWNER 0
#define OTHER 1
#define READER 2

#ifdef LOOKUP
#define OWNER_CALLS 1
#define OTHER_CALLS 1
#endif
#ifdef NEXT
#define OWNER_CALLS 0
#define OTHER_CALLS 2
#endif
#ifdef KILLED
#define OWNER_CALLS 2
#define OTHER_CALLS 1
#endif
#ifndef OWNER_CALLS
#define OWNER_CALLS 2
#define OTHER_CALLS 2
#endif

/* 0 is none, 1 the one that is there at first; one for each call, as a retry uses the same again. */
#define IDS (2 + OWNER_CALLS + OTHER_CALLS)

/* The life of the owner that the other process calls for. */
#ifdef NEXT
#define TO 2
#else
#define TO 1
#endif

mtype = { REGISTER, UPDATE, UNREGISTER };

bool marked[IDS];
bool known[IDS];     /* the slab's word says that the gift is linked */
bool retired[IDS];
byte made[IDS];      /* 1 + who made it; 0: nobody so far */
byte ids = 2;        /* the next entry */
byte current;        /* what a search finds; 0: nothing */
byte links;          /* changes of the word that a registration CASes */
byte live;           /* entries that are linked and have no mark */
byte life = 1;       /* the living owner's incarnation; 0: dead */
byte row = 1;        /* whose row it is */
bool consent = true;
bool killed;         /* the other process, and everybody can see that */

/* Not in memory: */
bool withdrawn;      /* the call has returned */
bool over[2];        /* by process: all of its calls */
bool absent[3];      /* there was no name in some moment of its call */

inline none_now() { absent[OWNER] = true; absent[OTHER] = true; absent[READER] = true }

inline put(new)
{
	assert(!retired[new]);
	current = new; live++; links++;
	assert(live == 1)
}

inline mark(e) { if :: !marked[e] -> marked[e] = true; live-- :: else fi }

/* By one CAS of @e's link the new entry is in its place, or @e had a mark already. */
inline replace(e, new, done)
{
#ifdef MARK_FIRST
	atomic { done = !marked[e]; if :: done -> mark(e); current = 0; none_now() :: else fi };
	atomic { if :: done -> put(new) :: else fi }
#else
#ifdef LINK_FIRST
	atomic { done = !marked[e]; if :: done -> put(new) :: else fi };
	atomic { if :: done -> mark(e) :: else fi }
#else
	atomic {
#ifdef BLIND_CAS
		done = true;
#else
		done = !marked[e];
#endif
		if :: done -> mark(e); put(new) :: else fi
	}
#endif
#endif
}

inline unregister(e, done)
{
	atomic {
		done = !marked[e];
		if :: done -> mark(e); current = 0; links++; none_now() :: else fi
	}
}

/* Where a search found no name: the new entry is linked, unless another one was first. */
inline register(new, seen, done)
{
	atomic {
#ifdef BLIND_LINK
		done = true;
#else
		done = (seen == links);
#endif
		if :: done -> put(new) :: else fi
	}
}

inline make(me, new) { atomic { new = ids; ids++; made[new] = 1 + me } }

/* One call; a registration that finds a name fails, and so does another call that finds none. */
inline call(me, what, e, seen, new, done, retries)
{
	do
	:: atomic {
		done = false;
		e = current;
		seen = links;
		if
		:: what != REGISTER && !e -> assert(absent[me]); break
		:: what == REGISTER && e -> break
		:: else
		fi
	   };
	   if
	   :: what == REGISTER -> register(new, seen, done)
	   :: what == UPDATE -> replace(e, new, done)
	   :: what == UNREGISTER -> unregister(e, done)
	   fi;
	   if
	   :: done -> break
	   :: !done && !(retries) -> assert(absent[me]); break
	   :: !done && (retries)
	   fi
	od
}

inline begin(me, what)
{
	absent[me] = (live == 0);
	if :: what = REGISTER :: what = UPDATE :: what = UNREGISTER fi
}

#ifdef NO_RETRY
#define OWNER_RETRIES (what == REGISTER)
#else
#define OWNER_RETRIES true
#endif
#ifdef NO_RETRY_FOR
#define OTHER_RETRIES (what == REGISTER)
#else
#define OTHER_RETRIES true
#endif

proctype owner()
{
	byte e, seen, calls, new;
	mtype what;
	bool done;

	do
	:: calls < OWNER_CALLS ->
		atomic {
			calls++;
			begin(OWNER, what);
			if :: what != UNREGISTER -> make(OWNER, new); known[new] = true :: else fi
		};
		call(OWNER, what, e, seen, new, done, OWNER_RETRIES);
		atomic { e = 0; seen = 0; new = 0; done = false; what = 0 }
#ifndef KILLED
	:: consent ->
		consent = false;
		withdrawn = true
	:: life = 0; break
#endif
	:: calls == OWNER_CALLS -> break
	od;
	over[OWNER] = true
}

#ifdef NEXT
/* The next process in the seat, which registers no name and allows nothing. */
proctype next_owner()
{
end:	life == 0;
	life = 2;
#ifdef CLEAR_LATE
	row = 2;
	consent = false
#else
	consent = false;
	row = 2
#endif
}
#endif

inline ask(given)
{
#ifdef NO_ASK
	given = true
#else
#ifdef NO_ROW
	given = true;
#else
	given = (row == TO);
#endif
	given = given && consent;
	given = given && life == TO
#endif
}

/* A killed process stands still, wherever it is. */
proctype other() provided (!killed)
{
	byte e, seen, calls, new;
	mtype what;
	bool done, given, late;

	do
	:: calls < OTHER_CALLS ->
		atomic { calls++; late = withdrawn; begin(OTHER, what) };
		ask(given);
		if
		:: !given
		:: given ->
			if :: what != UNREGISTER -> make(OTHER, new) :: else fi;
#ifdef LINKED_EARLY
			known[new] = true;
#endif
			call(OTHER, what, e, seen, new, done, OTHER_RETRIES);
			/* Nor for an owner that has never allowed it. */
			assert(!done || !late && TO == 1);
#ifdef KILLED
			if
			:: what != UNREGISTER && done && !retired[new] -> known[new] = true
			:: what != UNREGISTER && !done && !known[new] -> retired[new] = true
			:: else
			fi
#endif
		fi;
		atomic { e = 0; seen = 0; new = 0; done = false; given = false; late = false; what = 0 }
	:: calls == OTHER_CALLS -> break
	od;
	over[OTHER] = true
}

#ifdef LOOKUP
proctype reader()
{
	byte e;
	bool dead, found;

	atomic { absent[READER] = (live == 0); dead = (life != 1) };
	e = current;
#ifdef NO_LIFE
	found = (e != 0);
#else
	found = (e != 0 && life == 1);
#endif
	assert(!found || !dead);
	assert(found || absent[READER] || life != 1)
}
#endif

#ifdef KILLED
proctype killer()
{
	killed = true
}

/* By a CAS from the slab's word, as it was. */
inline retire(g, was_known)
{
	atomic {
		if
		:: known[g] == was_known && !retired[g] ->
			retired[g] = true;
			assert(current != g)
		:: else
		fi
	}
}

/* gift_is_over(), gift_sweep() */
inline sweep(g, was_known, alive, found)
{
	was_known = known[g];
	if
	:: was_known || marked[g] ->
		if :: marked[g] -> retire(g, was_known) :: else fi
	:: else ->
#ifdef SEARCH_FIRST
		found = (current == g);
		alive = !killed;
#else
#ifndef SWEEP_MAKER
		alive = !killed;
#endif
#ifndef SWEEP_UNSEARCHED
		found = (current == g);
#endif
#endif
		if
		:: alive
		:: !alive && !found -> retire(g, was_known)
		:: !alive && found ->
			atomic { if :: known[g] == was_known -> known[g] = true :: else fi }
		fi
	fi;
	atomic { was_known = false; alive = false; found = false }
}

/* The gifts are the first one, and that of the other process. */
#define is_swept(g) ((g) == 1 || made[g] == 1 + OTHER)

proctype sweeper()
{
	byte g;
	bool was_known, alive, found;

	/* One slab, while the others run; then all. */
	if
	:: g = 1
	:: atomic { made[2] == 1 + OTHER -> g = 2 }
	:: atomic { made[3] == 1 + OTHER -> g = 3 }
	:: atomic { made[4] == 1 + OTHER -> g = 4 }
	fi;
	sweep(g, was_known, alive, found);
	(over[OWNER] && (over[OTHER] || killed));
	atomic { g = 1 };
	do
	:: g < ids && is_swept(g) ->
		sweep(g, was_known, alive, found);
		assert(retired[g] || current == g);
		g++
	:: g < ids && !is_swept(g) -> g++
	:: g == ids -> break
	od
}
#endif

init
{
	atomic {
		/* The name is there, or not yet. */
		known[1] = true;
		if
		:: current = 1; live = 1
		:: marked[1] = true
		fi;
		run owner();
		run other();
#ifdef LOOKUP
		run reader();
#endif
#ifdef NEXT
		run next_owner();
#endif
#ifdef KILLED
		run killer();
		run sweeper();
#endif
	}
}
