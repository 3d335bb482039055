/* mutations: NO_FENCE HIGH_AFTER_READ HAZARD_AFTER_CHECK NO_HAZARD_LOOK ONE_EPOCH RELAXED_ENTER ONE_FENCE DEAD_AFTER_FENCE DEAD_IGNORED_AT_ONCE READER_NOT_CHECKED PEEK_OF_TWO */
/* variants: FENCED PEEK TWO */
/* SPDX-License-Identifier: MIT */
/*
 * The grace period (shm/grace.c): one block, unlinked and reused by its owner, beside a
 * reader, a writer, a peek and two processes that advance the epoch.
 *
 * The reader and the writer store plainly: each store waits in a buffer of one entry, and
 * reaches memory at some later moment, at the thread's next CAS or fence, or at the
 * global fence of another process. Stopped: any process may pause for ever between two
 * steps. Dying: the writer's life may be over while its thread still runs, as in the
 * fallback; the next global fence ends the thread, because the kernel delivers the
 * pending SIGKILL on its way back to the program.
 *
 * Property: a block is not reused (its generation does not change)
 *   - between the read of the link and the end of a read section that was not expelled,
 *   - between the read of the link and the writer's CAS, if the check before that CAS has passed,
 *   - between the read of the link and the copy of a peek that held.
 *
 * The writer takes a slot that nobody has used: @high says how many slots the others look
 * at. It is raised by a CAS before the first section.
 *
 * FENCED: a kernel without membarrier. Sections and hazards use fences of their own.
 */
#define EXPELLED 255
#define READER 0
#define WRITER 1
#define LAST_EPOCH 3

byte epoch;
byte link = 1;       /* the block is in the list */
byte generation;     /* of the block; not in memory */
byte slot[2];        /* 0, epoch + 1, or EXPELLED */
byte high = 1;       /* the slots that are looked at */
bool hazard;         /* the writer's slot names the block */
bool over, gone;     /* the writer's life; its thread */

/* Store buffers. */
bool pending[2], pending_is_hazard[2];
byte pending_value[2];

inline drain(who)
{
	if
	:: pending[who] && pending_is_hazard[who] -> hazard = pending_value[who]
	:: pending[who] && !pending_is_hazard[who] -> slot[who] = pending_value[who]
	:: else
	fi;
	pending[who] = false
}

inline store(who, is_hazard, value)
{
	d_step {
		drain(who);
		pending[who] = true;
		pending_is_hazard[who] = is_hazard;
		pending_value[who] = value
	}
}

inline own_fence(who)
{
#ifdef FENCED
	d_step { drain(who) }
#else
	skip
#endif
}

/* A barrier on every CPU. A thread whose process is dead does not return from it. */
inline global_fence()
{
#if !defined(NO_FENCE) && !defined(FENCED)
	d_step {
		drain(READER);
		drain(WRITER);
		gone = over
	}
#else
	skip
#endif
}

#define SEEN(who) (pending[who] && !pending_is_hazard[who] -> pending_value[who] : slot[who])

active [2] proctype drainer()
{
end:	do
	:: d_step { pending[_pid] -> drain(_pid) }
	od
}

#ifdef PEEK
active proctype peek()
{
	byte before, block, seen;
	bool right = true;

	before = epoch;
	d_step { block = link; seen = generation };
	if
	:: block -> right = (generation == seen)
	:: else
	fi;
#ifdef PEEK_OF_TWO
	assert(right || epoch - before > 2)
#else
	assert(right || epoch - before >= 2)
#endif
}
#elif !defined(TWO)
active proctype reader()
{
	byte at, block, seen, turn;
	bool right;

	do
	:: turn < 1 ->
		turn++;
#ifdef RELAXED_ENTER
		d_step { block = link; seen = generation };
		at = epoch;
		store(READER, false, at + 1);
		own_fence(READER);
#else
		at = epoch;
		store(READER, false, at + 1);
		own_fence(READER);
		d_step { block = link; seen = generation };
#endif
		right = true;
		if
		:: block -> right = (generation == seen)
		:: else
		fi;
#ifndef READER_NOT_CHECKED
		d_step { right = right || SEEN(READER) == EXPELLED };
#endif
		assert(right);
		store(READER, false, 0)
	:: else -> break
	od
}
#endif

active proctype writer()
{
	byte at, block, seen, turn;
	bool stands;

	do
	:: turn < 2 && !gone ->
		turn++;
#ifndef HIGH_AFTER_READ
		high = 2;
#endif
		at = epoch;
		store(WRITER, false, at + 1);
		own_fence(WRITER);
		d_step { block = link; seen = generation };
#ifdef HIGH_AFTER_READ
		high = 2;
#endif
		if
		:: block ->
#ifdef HAZARD_AFTER_CHECK
			d_step { stands = SEEN(WRITER) != EXPELLED };
			store(WRITER, true, 1);
			own_fence(WRITER);
#else
			store(WRITER, true, 1);
			own_fence(WRITER);
			d_step { stands = SEEN(WRITER) != EXPELLED };
#endif
			if
			/* A CAS of a word that lies in the block. */
			:: stands -> d_step { drain(WRITER); assert(gone || generation == seen) }
			:: else
			fi
		:: else
		fi;
		if
		:: gone -> break
		:: else -> store(WRITER, false, 0)
		fi
	:: !gone && !over -> over = true
	:: else -> break
	od
}

/* Whether a word delays the step from @at. */
#define DELAYS(word, at) (word != 0 && word != EXPELLED && word != at + 1)

inline look(who, at)
{
	atomic {
		if
		:: slot[who] == EXPELLED -> expelled = true
#ifdef DEAD_AFTER_FENCE
		:: DELAYS(slot[who], at) && who == WRITER && over
#endif
		:: DELAYS(slot[who], at) -> slot[who] = EXPELLED; expelled = true
		:: DELAYS(slot[who], at) -> blocked = true
		:: else
		fi
	}
}

inline look_below(end, who, at)
{
	if
	:: end > who -> look(who, at)
	:: else
	fi
}

#ifdef TWO
#define ADVANCERS 2
#else
#define ADVANCERS 1
#endif

active [ADVANCERS] proctype advancer()
{
	byte at, end;
	bool blocked, expelled;

	do
	:: epoch < LAST_EPOCH ->
		at = epoch;
		end = high;
		look(READER, at);
		look_below(end, WRITER, at);
		if
		:: blocked
		:: else ->
			global_fence();
			expelled = false;
			end = high;
			look(READER, at);
			look_below(end, WRITER, at);
			if
			:: blocked
			:: else ->
#ifndef ONE_FENCE
				/*
				 * Some were expelled, by this process or by others,
				 * perhaps after the first fence.
				 */
				if
				:: expelled -> global_fence()
				:: else
				fi;
#endif
				d_step {
					if
					:: epoch == at -> epoch = at + 1
					:: else
					fi
				}
			fi
		fi;
		d_step { at = 0; end = 0; blocked = false; expelled = false }
	:: else -> break
	od
}

#ifdef ONE_EPOCH
#define PAST(stamp) (epoch >= stamp + 1)
#else
#define PAST(stamp) (epoch >= stamp + 2)
#endif

active proctype owner()
{
	byte stamp, word, turn;
	bool named;

	do
	:: turn < 1 ->
		turn++;
		link = 0;
		stamp = epoch;
end:		do
		:: PAST(stamp) ->
			/* The scan: how many slots, the word, then the hazard. */
			named = false;
			word = (high > WRITER -> slot[WRITER] : 0);
#ifndef NO_HAZARD_LOOK
			if
			:: word != 0 -> named = hazard
			:: else
			fi;
#endif
			if
			:: named && over ->
#ifdef DEAD_IGNORED_AT_ONCE
				named = false
#else
				global_fence();
				named = !gone
#endif
			:: else
			fi;
			if
			:: named
			:: else -> break
			fi
		od;
		word = 0;
		d_step { generation++; link = 1 }
	:: else -> break
	od
}
