/* mutations: CLEAR_LATE VIEW_FIRST TOLD_TWICE NO_RING_OF_OWN NO_COMPARE NO_LOOK KEEP_BYTE */
/*
 * A pending wait: its waker, the attendant, the program's loop, and two processes that
 * change what is waited for.
 *
 * States    the line: none, or an entry, which is waited for; the bell's word and the waker's own;
 *           the fd: bytes in it; the wait: FRESH, ASLEEP, TOLD, GONE; the attendant's print. A changer may be killed
 *           or stopped for good before it rings. The program may close the wait at any time, as if its timer had
 *           expired.
 * Property  when nothing moves any more, the program has the result if there is an entry whose
 *           process has rung; an interval later, also without that ring. The fd never has more
 *           than one byte, and is empty unless the wait is TOLD.
 * Stands for  the table in the head of lib/wait/waker.c; kreg_pending_result().
 *
 *   CLEAR_LATE   the fd is made unreadable after the waker has got the wait back
 *   VIEW_FIRST        the waker takes its view before it listens
 *   TOLD_TWICE        it sends a byte for a wait that is TOLD
 *   NO_RING_OF_OWN    kreg_pending_result() does not ring the waker's own bell
 *   NO_COMPARE        the waker does not give the attendant its print
 *   NO_LOOK           the attendant does not look at the line
 *   KEEP_BYTE         kreg_pending_result() does not make the fd unreadable
 */
#define UNKNOWN 2

mtype = { FRESH, ASLEEP, TOLD, GONE };

byte line;
byte word, own;         /* bells: rings so far, and the flag */
byte seen;              /* the ear's */
bool sleeping;          /* the waker, in futex_waitv() */
byte print = UNKNOWN;
byte bytes;             /* in the fd */
mtype state = FRESH;
bool mutex;
bool may_close, has_result, is_closed;

/* Not in memory: the number of changes so far, and whether the last was followed by a ring. */
byte changes;
bool rung = true;

inline lock() { atomic { !mutex -> mutex = true } }
inline unlock() { mutex = false }

/* FUTEX_WAKE_OP, in one step. */
inline ring(bell)
{
	atomic {
		if
		:: bell & 1 -> bell++; sleeping = false
		:: else
		fi
	}
}

inline send()
{
	atomic { bytes++; state = TOLD }
}

proctype waker()
{
	byte own_seen, now;
	bit view;

	do
	:: true ->
		lock();
		atomic { own = own | 1; own_seen = own }
		if
		:: state == GONE -> unlock(); break
		:: else
		fi;
#ifdef TOLD_TWICE
		if
		:: true ->
#else
		if
		:: state == FRESH || state == ASLEEP ->
#endif
#ifdef VIEW_FIRST
			view = line;
			atomic { word = word | 1; now = word }
#else
			atomic { word = word | 1; now = word }
			view = line;
#endif
			if
			:: state == ASLEEP && now == seen -> skip
			:: else ->
				seen = now;
				if
				:: view -> send()
				:: else ->
#ifndef NO_COMPARE
					print = view;
#endif
					state = ASLEEP
				fi
			fi
		:: else
		fi;
		unlock();
		atomic {
			if
			:: own != own_seen -> skip
			:: state == ASLEEP && word != seen -> skip
			:: else -> sleeping = true
			fi
		}
end:		!sleeping
	od
}

/* A loop: poll, then the result. */
proctype program()
{
	do
	:: true ->
endpoll:	if
		:: bytes > 0
		:: may_close -> goto close
		fi;
		if
		:: line -> has_result = true; break
		:: else
		fi;
		/* The look was before; the name may be there by now. */
		lock();
		if
		:: state == TOLD ->
#ifdef CLEAR_LATE
			state = FRESH;
			unlock();
			ring(own);
			bytes = 0
#else
#ifndef KEEP_BYTE
			bytes = 0;
#endif
			state = FRESH;
#ifndef NO_RING_OF_OWN
			ring(own);
#endif
			unlock()
#endif
		:: else -> unlock()
		fi
	od;
close:
	lock();
	atomic { is_closed = true; state = GONE; bytes = 0 }
	ring(own);
	unlock()
}

proctype changer(byte left)
{
	byte mine;

	do
	:: !left -> break
	:: left ->
		left--;
		atomic { line = 1 - line; changes++; mine = changes; rung = false }
		if
		:: ring(word)
		:: goto gone /* killed, stopped, or another program */
		fi;
		atomic {
			if
			:: mine == changes -> rung = true
			:: else
			fi
		}
	od;
gone:
	skip
}

#define WAITS_IN_VAIN (line && !has_result && !is_closed)

inline look()
{
	skip;
#ifndef NO_LOOK
	atomic {
		if
		:: line != print -> print = line; ring(word)
		:: else
		fi
	}
#endif
}

proctype attendant()
{
	bool early = true;

	do
	:: early -> early = false; look()
	:: timeout -> break
	od;
	assert(!rung || !WAITS_IN_VAIN);
	look();
	timeout;
	assert(!WAITS_IN_VAIN)
}

active proctype watch()
{
	assert(bytes <= 1);
	assert(!bytes || state == TOLD || state == GONE)
}

init
{
	atomic {
		if
		:: may_close = true
		:: skip
		fi;
		run waker();
		run program();
		run changer(2);
		run changer(1);
		run attendant()
	}
}
