/* mutations: NO_LOOK TWO_WALKS NO_RING_FOR_OTHERS WAKE_ALONE TWO_STEPS RING_FIRST */
/*
 * A bell, two waiters of one process with their attendant, and two processes that change
 * what the waiters wait for.
 *
 * States    the bell's word, the attendant's print of the line, and the contents of the line: none,
 *           or an entry. A print depends only on the contents, so an earlier one may come back. One
 *           waiter waits for a name, the other for its end. A changer may be killed or stopped for
 *           good at any step.
 * Property  an interval after the last step, no waiter sleeps on a line in which it would find what
 *           it waits for; and none sleeps on a line whose last change was followed by a ring.
 * Stands for  the table in the head of lib/wait/attendant.c and sleep_if_nothing() in
 *           lib/wait/wait.c; shm/bell.c.
 *
 *   NO_LOOK             the attendant does not look at the line
 *   TWO_WALKS           a waiter looks at the line, and takes the print by a separate walk before it
 *                       and after it
 *   NO_RING_FOR_OTHERS  it does not ring for the other waiter when it stores another print
 *   WAKE_ALONE          the attendant wakes the sleepers and leaves the word unchanged
 *   TWO_STEPS           the flag is cleared first, and the sleepers are woken afterwards
 *   RING_FIRST          the bell is rung before the line is changed
 */
#define WAITERS 2
#define UNKNOWN 2

byte line;   /* 1: there is an entry */
byte word;   /* the bell: rings so far, and the flag */
bool asleep[WAITERS];
byte waiters;
byte print = UNKNOWN; /* the attendant's */

/*
 * Not in memory: the number of changes so far, and whether a process that was not killed
 * rang for the last one.
 */
byte changes;
bool rung = true;

inline wake_all()
{
	asleep[0] = false;
	asleep[1] = false;
}

/* FUTEX_WAKE_OP, if the flag is seen. */
inline ring(flag)
{
	flag = word & 1;
	if
	:: flag ->
#ifdef TWO_STEPS
		word++;
		if
		:: skip
		:: goto gone
		fi;
		wake_all();
#else
		d_step { word++; wake_all(); }
#endif
	:: else
	fi
}

/*
 * A ring by the waiters' own process, under its mutex: in one step, because other
 * processes only touch the bell.
 */
inline ring_at_once()
{
	if
	:: word & 1 -> word++; wake_all()
	:: else
	fi
}

proctype waiter(byte me; bit want)
{
	byte seen;
	bit view;

again:
	if
	:: line == want -> goto done
	:: else
	fi;
	atomic { word = word | 1; seen = word }
	view = line; /* one walk: a print, and whether to wait */
#ifdef TWO_WALKS
	if
	:: line == want -> goto done
	:: else
	fi;
	if
	:: line != view -> goto again
	:: else
	fi;
#else
	if
	:: view == want -> goto again
	:: else
	fi;
#endif
	atomic {
		if
#ifndef NO_RING_FOR_OTHERS
		:: waiters > 1 && view != print -> ring_at_once()
#endif
		:: else
		fi;
		print = view
	}
	atomic {
		if
		:: word != seen -> goto again
		:: else -> asleep[me] = true
		fi
	}
end:	!asleep[me];
	goto again;
done:
	atomic {
		waiters--;
		if
		:: !waiters -> print = UNKNOWN
		:: else
		fi
	}
}

inline change(mine)
{
	atomic {
		line = 1 - line;
		changes++;
		mine = changes;
		rung = false
	}
}

proctype changer(byte left)
{
	byte mine;
	bool flag;

	do
	:: !left -> break
	:: left ->
		left--;
#ifdef RING_FIRST
		ring(flag);
		change(mine);
#else
		change(mine);
		if
		:: ring(flag)
		:: goto gone /* killed, stopped, or another program */
		fi;
#endif
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

#define SLEEPS_IN_VAIN ((asleep[0] && line) || (asleep[1] && !line))

inline look()
{
	atomic {
		if
#ifndef NO_LOOK
		:: waiters && line != print ->
			print = line;
#ifdef WAKE_ALONE
			wake_all()
#else
			ring_at_once()
#endif
#endif
		:: else
		fi
	}
}

proctype attendant()
{
	bool early = true;

	do
	:: early -> early = false; look()
	:: timeout ->
		assert(!rung || !SLEEPS_IN_VAIN);
		if
		:: !asleep[0] && !asleep[1] -> break
		:: else
		fi;
		look();
		assert(!SLEEPS_IN_VAIN);
		/* A waiter that still sleeps has a reason to. */
		if
		:: asleep[0] && asleep[1] -> break
		:: else
		fi
	od
}

init
{
	atomic {
		waiters = WAITERS;
		run waiter(0, 1);
		run waiter(1, 0);
		run changer(2);
		run changer(1);
		run attendant()
	}
}
