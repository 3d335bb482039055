/* mutations: NO_FENCE LOGS_LATE FOLLOW_LATE FOLLOW_NOBODY MISSED_ONCE DEATHS_ONLY EXPELLED_IS_OVER NO_ABSENT NO_HALTED NO_FENCE_AT_DEATH:FALLBACK */
/* variants: FALLBACK */
/*
 * A listener, and a change of another's entry that no record tells.
 *
 * States    an entry of a holder that lives on: none, linked, ended. A maker that ends it: announced, if it has found
 *           somebody listening, with a record or as missed; otherwise told afterwards. The maker may be killed or
 *           stopped for good at any step; its slot is another thread's afterwards. The holder's record of the entry
 *           comes later than the entry, at any time. The listener begins at any time. An advancer expels the maker.
 *           The maker's first store waits in a store buffer. FALLBACK: the killed maker runs for another instant.
 * Property  when nothing moves any more, the listener's mirror has the entry if the table has it.
 * Stands for  the table in the head of lib/events/underway.c; the steps in the head of lib/events/listen.c;
 *           mirror_end_absent().
 *
 *   NO_FENCE           a listener begins without a fence on all CPUs
 *   LOGS_LATE          it looks at the slots before it begins with the logs
 *   FOLLOW_LATE        it looks at the slots after it has compared
 *   FOLLOW_NOBODY      a listener that begins does not look at the slots
 *   MISSED_ONCE        after a missed record it compares at once, and no more
 *   DEATHS_ONLY        it compares again for calls whose process is killed, not for those that return
 *   EXPELLED_IS_OVER   a call that was expelled counts as over
 *   NO_ABSENT          an entry that a record tells of stays, although the table has it no longer
 *   NO_HALTED          nothing is compared for a maker that is stopped
 *   NO_FENCE_AT_DEATH  no fence on all CPUs between a death and the table
 */
#define NONE 0
#define LINKED 1
#define ENDED 2

#define FREE 0
#define OPEN 1
#define EXPELLED 2

#define MAKER 1
#define OTHER 2

/* Memory that all share. */
byte entry;
bool listening;
byte stamps;
byte maker_slot, holder_slot;	/* FREE, OPEN, EXPELLED */
byte maker_owner = MAKER;	/* of the slot */
bool over;			/* the maker's life */
byte published;			/* of the maker's log: 0 or 1 */
bool has_record, settled;
byte maker_stamp;
bool holder_published;
byte holder_stamp;

/* Not in memory. */
bool buffered;			/* the maker's first store is on its way */
bool gone;			/* it does not run any more */
bool halted;			/* in the middle of its call */

inline drain() { if :: buffered -> maker_slot = OPEN; buffered = false :: else fi }

/* On all CPUs; a thread with a signal that kills it does not run on. */
inline fence()
{
	atomic {
		drain();
		if
		:: over -> gone = true
		:: else
		fi
	}
}

inline write_record()
{
	maker_stamp = stamps;
	stamps++;
	if
	:: has_record = true
	:: skip			/* no memory: a number alone */
	fi;
	published = 1
}

proctype maker()
{
	bool announced, wanted;

	if
	:: atomic { gone -> goto dead }
	:: atomic { entry == LINKED && !gone -> buffered = true }
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone -> announced = listening }
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone && announced -> drain(); write_record() }
	:: atomic { !gone && !announced -> drain() }
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone -> entry = ENDED }	/* happens here */
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone -> wanted = listening && !announced }
	:: atomic { !gone -> halted = true; goto end }
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone -> if :: wanted -> write_record() :: else fi; settled = true }
	fi;
	if
	:: atomic { gone -> goto dead }
	:: atomic { !gone -> maker_slot = FREE }
	fi;
	goto end;
dead:
	skip;
end:
	atomic { announced = false; wanted = false }
}

/* The kernel. Until a fence the thread may run on, because the signal is still on its way. */
proctype killer()
{
	if
	:: skip
	:: atomic {
		over = true;
		drain();
#ifndef FALLBACK
		gone = true
#endif
	   };
	   atomic { gone = true; drain() }
	fi
}

/* Another thread takes the slot of the dead, and is in a call of its own for good. */
proctype heir()
{
	if
	:: atomic { over -> maker_owner = OTHER };
	   fence();
	   maker_slot = FREE;
	   if
	   :: maker_slot = OPEN
	   :: skip
	   fi
	:: skip
	fi
}

proctype advancer()
{
	if
	:: atomic { maker_slot == OPEN && maker_owner == MAKER -> maker_slot = EXPELLED }
	:: skip
	fi
}

proctype holder()
{
	bool wanted;

	atomic { holder_slot = OPEN; entry = LINKED; wanted = listening }
	if
	:: wanted ->
		atomic { holder_stamp = stamps; stamps++ };
		holder_published = true
	:: else
	fi;
	holder_slot = FREE
}

/* The listener's own. */
bool mirror, noted, absent, was_absent;
byte at_maker, at_holder;	/* records read */
bool kept_maker, kept_holder;	/* read, and not applied yet */
bool follows_maker, follows_holder, due, missed;
byte seen;			/* of the maker's slot, where an expulsion counts as its end */
byte bound;			/* of the stamps */

inline compare()
{
	mirror = entry == LINKED
}

/* Under the guard a life is over when its threads are. */
inline fence_at_death()
{
#ifdef FALLBACK
#ifndef NO_FENCE_AT_DEATH
	fence()
#else
	skip
#endif
#else
	skip
#endif
}

inline follow()
{
	atomic {
		if
		:: maker_slot && maker_owner == MAKER && !over -> follows_maker = true; seen = maker_slot
		:: else
		fi
	};
	atomic {
		if
		:: holder_slot -> follows_holder = true
		:: else
		fi
	};
	fence_at_death()
}

/* In front of a last record that is not settled; the table decides about that. */
inline begin_logs()
{
	atomic {
		at_maker = (published && has_record && !settled && !over -> 0 : published);
		kept_maker = false
	};
	atomic { at_holder = holder_published; kept_holder = false }
}

inline begin(follows)
{
#ifdef LOGS_LATE
	if :: follows -> follow() :: else fi;
	begin_logs();
	compare()
#else
	begin_logs();
#ifdef FOLLOW_LATE
	compare();
	if :: follows -> follow() :: else fi
#else
	if :: follows -> follow() :: else fi;
	compare()
#endif
#endif
}

#ifdef EXPELLED_IS_OVER
#define MAKER_RETURNED (maker_owner != MAKER || maker_slot != seen)
#else
#define MAKER_RETURNED (maker_owner != MAKER || maker_slot == FREE)
#endif

inline look()
{
	atomic {
		if
		:: follows_maker && over -> follows_maker = false; fence_at_death(); due = true
		:: follows_maker && !over && MAKER_RETURNED ->
			follows_maker = false;
			fence_at_death();
#ifndef DEATHS_ONLY
			due = true
#endif
		:: else
		fi
	};
	atomic {
		if
		:: follows_holder && !holder_slot -> follows_holder = false; due = true
		:: else
		fi
	}
}

inline apply_take()
{
	if
	:: entry == LINKED
	:: entry != LINKED && !mirror -> noted = true
	:: else -> mirror = false
	fi
}

inline apply_register()
{
	if
	:: mirror
	:: !mirror && noted -> noted = false; mirror = entry == LINKED
	:: else -> mirror = true; absent = entry != LINKED
	fi
}

inline read_logs()
{
	atomic {
		if
		:: at_maker < published && !has_record -> at_maker = published; missed = true
		:: at_maker < published && has_record && over ->
			fence_at_death();
			at_maker = published; kept_maker = true
		:: at_maker < published && has_record && !over && (settled || entry != LINKED) ->
			at_maker = published; kept_maker = true
		:: else
		fi
	};
	atomic {
		if
		:: at_holder < holder_published -> at_holder = 1; kept_holder = true
		:: else
		fi
	};
	/* By their stamps. */
	atomic {
		if
		:: kept_maker && maker_stamp < bound && !(kept_holder && holder_stamp < maker_stamp) ->
			apply_take(); kept_maker = false
		:: else
		fi;
		if
		:: kept_holder && holder_stamp < bound -> apply_register(); kept_holder = false
		:: else
		fi;
		if
		:: kept_maker && maker_stamp < bound -> apply_take(); kept_maker = false
		:: else
		fi
	}
}

inline hear()
{
	missed = false;
	look();
	bound = stamps;
	read_logs();
	if
	:: missed ->
#ifdef MISSED_ONCE
		begin_logs();
		compare()
#else
		begin(true)
#endif
	:: else
	fi;
	if
	:: due -> compare(); due = false
	:: else
	fi;
	atomic {
#ifndef NO_ABSENT
		if
		:: was_absent && entry != LINKED -> mirror = false
		:: else
		fi;
#endif
		was_absent = absent;
		absent = false;
		missed = false;
		bound = 0
	}
}

proctype listener()
{
	byte early = 1;

	listening = true;
#ifndef NO_FENCE
	fence();
#endif
#ifdef FOLLOW_NOBODY
	begin(false);
#else
	begin(true);
#endif
	do
	:: early -> early--; hear()
	:: timeout -> break
	od;
	hear();
	hear();
	hear();
#ifndef NO_HALTED
	if
	:: halted && !over -> compare()
	:: else
	fi;
#endif
	assert(mirror == (entry == LINKED))
}

init
{
	atomic {
		run holder();
		run maker();
		run killer();
		run heir();
		run advancer();
		run listener()
	}
}
