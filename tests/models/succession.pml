/* mutations: CAS_BEFORE_LOOK LOOK_ONCE NO_SECOND_LOOK COUNT_AFTER_LOOK NO_CANCEL HELP_PROPOSAL WITHDRAW_COMMITTED PLAIN_UNLINK NO_REVOKE NO_NAME_CHECK CLEAN_AT_SIGHT WAIT_FOR_REMOVER */
/* variants: TWO_DESTROYERS TWO_OPENERS */
/* SPDX-License-Identifier: MIT */
/*
 * Succession: one name, and processes that register, destroy, take over and open, each of
 * which may stop for good at any step. A step is one access to the successor word, to the
 * counts, or one system call on the folder.
 *
 *   succ[s]   the successor word of segment s
 *   name      the segment that FILE leads to
 *   aims[i]   the segment that the one in FILE+i was made to replace
 *   token[i]  FILE+i: none, a file (of segment i), a folder, a folder with what was moved from FILE
 *
 * At every step: at most one current segment has the name, and no current segment loses
 * it; a process with entries keeps the registry, except against force. And wherever other
 * processes have stopped, a process that then opens succeeds by its own steps only
 * (process alone).
 */
#define SEGS 4
#define IDS 8
#define NONE 15

#define IN_USE 0
#define DESTROYED 16
#define proposed(i) (32 + (i))
#define replaced(i) (64 + (i))
#define removed(i) (128 + (i))
#define is_proposal(w) ((w) >= 32 && (w) < 64)
#define is_replaced(w) ((w) >= 64 && (w) < 128)
#define is_removed(w) ((w) >= 128)
#define is_over(w) ((w) != IN_USE && !is_proposal(w))
#define id_of(w) ((w) & 15)

#define FILE_TOKEN 1
#define FOLDER 2
#define FOLDER_FULL 3

byte succ[SEGS];
byte name = 0;
byte token[IDS];
byte aims[SEGS];
byte count[SEGS];    /* the rows' counts for living owners */
bool has[SEGS];      /* the registrant's call succeeded, and it has not begun to give up */
bool forced[SEGS];
bool current[SEGS];  /* was given the name, and is not over */

/* FILE leads to it, or to one whose committed successor it is. */
#define is_reached(n) (!current[n] || name == n || \
	(name != NONE && succ[name] == replaced(n) && token[n] == FILE_TOKEN))

inline check_names()
{
	assert(is_reached(0) && is_reached(1) && is_reached(2) && is_reached(3));
	assert(current[0] + current[1] + current[2] + current[3] <= 1);
}

inline cas(s, seen, next, done)
{
	if
	:: succ[s] == seen -> succ[s] = next; done = true
	:: else -> done = false
	fi
}

/* The effect of a commit: s is over, and n, if any, is current. */
inline ended(s, n, by_force)
{
	assert(!has[s] || by_force || forced[s]);
	forced[s] = forced[s] || by_force;
	current[s] = false;
	if
	:: n != NONE -> current[n] = true
	:: else
	fi;
	check_names()
}

/* rename(FILE+id, FILE) */
inline rename_token(id)
{
	if
	:: token[id] == FILE_TOKEN -> token[id] = 0; name = id; check_names()
	:: else
	fi
}

proctype registrant()
{
	byte s, w, rounds = 0;
	bool done;

	s = name;
	do
	:: rounds == 1 || s == NONE -> break
	:: else ->
		rounds++;
#ifdef COUNT_AFTER_LOOK
		if
		:: is_over(succ[s]) -> break
		:: else
		fi;
		atomic { count[s]++; has[s] = true };
#else
		count[s]++;
look:
		atomic {
			w = succ[s];
			if
#ifdef NO_CANCEL
			:: !is_over(w) -> has[s] = true
#else
			:: w == IN_USE -> has[s] = true
#endif
			:: else
			fi
		};
		if
		:: is_over(w) -> count[s]--; break
		:: has[s]
		:: else ->
			atomic {
				cas(s, w, IN_USE, done);
				if
				:: done -> has[s] = true
				:: else
				fi
			};
			if
			:: done
			:: else -> goto look
			fi
		fi;
#endif
		/* The call has returned. Gives it up, or dies. */
		atomic { has[s] = false; count[s]-- }
	od
}

/* Removes the name of s, which is destroyed, through the folder f. */
inline remove_name(s, f)
{
#ifdef PLAIN_UNLINK
	if
	:: name == s -> atomic { name = NONE; check_names() }
	:: else
	fi
#else
	w = succ[s];
	if
	:: is_replaced(w) -> atomic { rename_token(id_of(w)) }
	:: else ->
		if
		:: is_removed(w) -> revoke(id_of(w))
		:: else
		fi;
		if
		:: name == s ->
			token[f] = FOLDER;
			atomic { cas(s, w, removed(f), done) };
			if
			:: done ->
				/* rename(FILE, FILE+f/gone): needs the folder */
				atomic {
					if
					:: token[f] == FOLDER && name != NONE ->
						token[f] = FOLDER_FULL; name = NONE; check_names()
					:: else -> done = false
					fi
				};
				if
				:: done ->
					atomic {
						if
						:: token[1] == FILE_TOKEN && aims[1] == s -> token[1] = 0; check_names()
						:: else
						fi
					};
					token[f] = FOLDER; token[f] = 0
				:: else
				fi
			:: else -> rmdir(f)
			fi
		:: else
		fi
	fi
#endif
}

/* rmdir(FILE+id) */
inline rmdir(id)
{
	atomic {
		if
		:: token[id] == FOLDER -> token[id] = 0
		:: else
		fi
	}
}

/* Afterwards no process can remove a name through FILE+id. */
inline revoke(id)
{
#ifdef NO_REVOKE
	skip
#else
	rmdir(id);
	if
	:: token[id] == FOLDER_FULL -> token[id] = FOLDER; rmdir(id)
	:: else
	fi
#endif
}

/* f: the ids of a proposal, and of a folder */
inline destroy(s, f, force)
{
	s = name;
	if
	:: s == NONE
	:: else ->
		w = succ[s];
		if
		:: is_replaced(w) -> atomic { rename_token(id_of(w)) }
		:: is_over(w) && !is_replaced(w) -> remove_name(s, f)
		:: !is_over(w) && force ->
			atomic {
				cas(s, w, DESTROYED, done);
				if
				:: done -> ended(s, NONE, true)
				:: else
				fi
			};
			if
			:: done -> remove_name(s, f)
			:: else
			fi
		:: !is_over(w) && !force ->
#ifdef CAS_BEFORE_LOOK
			atomic {
				cas(s, IN_USE, DESTROYED, done);
				if
				:: done -> ended(s, NONE, false)
				:: else
				fi
			};
			if
			:: done && count[s] > 0 -> atomic { cas(s, DESTROYED, IN_USE, done); current[s] = true; check_names() }
			:: done && count[s] == 0 -> remove_name(s, f)
			:: else
			fi
#else
			if
			:: count[s] > 0 /* refused */
			:: else ->
#ifdef LOOK_ONCE
				atomic {
					cas(s, w, DESTROYED, done);
					if
					:: done -> ended(s, NONE, false)
					:: else
					fi
				};
#else
				atomic { cas(s, w, proposed(f), done) };
				if
				:: done ->
#ifndef NO_SECOND_LOOK
					if
					:: count[s] > 0 -> atomic { cas(s, proposed(f), IN_USE, done) }; done = false
					:: else
					fi;
					if
					:: done ->
#endif
						atomic {
							cas(s, proposed(f), DESTROYED, done);
							if
							:: done -> ended(s, NONE, false)
							:: else
							fi
						}
#ifndef NO_SECOND_LOOK
					:: else
					fi
#endif
				:: else
				fi;
#endif
				if
				:: done -> remove_name(s, f)
				:: else
				fi
			fi
#endif
		fi
	fi
}

proctype destroyer(byte f)
{
	byte s, w;
	bool done, force;

	if
	:: force = false
	:: force = true
	fi;
	destroy(s, f, force);
	atomic { s = 0; w = 0; done = false; force = false }
}

/* Puts n in the place of s, which word w has ended and which still has the name. */
inline follow(s, w, n)
{
	aims[n] = s; token[n] = FILE_TOKEN;
	atomic {
		cas(s, w, replaced(n), done);
		if
		:: done -> current[n] = true; check_names()
		:: else
		fi
	};
	if
	:: done -> atomic { rename_token(n) }
	:: else -> atomic { if :: token[n] == FILE_TOKEN -> token[n] = 0 :: else fi }
	fi
}

inline take_over(s, w, n)
{
	if
	:: count[s] > 0 /* refused */
	:: else ->
		aims[n] = s; token[n] = FILE_TOKEN;
#ifdef WITHDRAW_COMMITTED
		atomic {
			cas(s, IN_USE, replaced(n), done);
			if
			:: done -> ended(s, n, false)
			:: else
			fi
		};
		if
		:: done && count[s] > 0 ->
			atomic {
				cas(s, replaced(n), IN_USE, done);
				if
				:: done -> current[s] = true; current[n] = false; token[n] = 0; check_names()
				:: else
				fi
			}
		:: else -> atomic { rename_token(n) }
		fi
#else
		atomic { cas(s, w, proposed(n), done) };
		if
		:: done && count[s] > 0 -> atomic { cas(s, proposed(n), IN_USE, done) }; done = false
		:: else
		fi;
		if
		:: done ->
			atomic {
				cas(s, proposed(n), replaced(n), done);
				if
				:: done -> ended(s, n, false)
				:: else
				fi
			}
		:: else
		fi;
		if
		:: done -> atomic { rename_token(n) }
		:: else -> atomic { if :: token[n] == FILE_TOKEN -> token[n] = 0 :: else fi }
		fi
#endif
	fi
}

/*
 * Reads the name once: in becomes true if it leads to a current segment, or to one of
 * this process's own.
 */
inline open_once(s, n, may_take_over)
{
	s = name;
	if
	:: s == NONE ->
		atomic {
			if
			:: name == NONE -> name = n; current[n] = true; check_names(); in = true
			:: else
			fi
		}
	:: else ->
		w = succ[s];
		if
		:: !is_over(w) && !may_take_over -> in = true
		:: !is_over(w) && may_take_over -> take_over(s, w, n)
#ifdef HELP_PROPOSAL
		:: is_proposal(w) -> atomic { rename_token(id_of(w)) }
#endif
		:: is_over(w) ->
			if
			:: is_replaced(w) -> atomic { rename_token(id_of(w)) }
			:: is_removed(w) -> revoke(id_of(w))
			:: else
			fi;
			if
#ifdef NO_NAME_CHECK
			:: true -> follow(s, w, n)
#else
			:: name == s -> follow(s, w, n)
			:: else
#endif
			fi
		fi
	fi
}

proctype opener(byte n; byte most)
{
	byte s, w, tries = 0;
	bool done, in = false, may;

	do
	:: tries < most && !in ->
		if
		:: may = true
		:: may = false
		fi;
		open_once(s, n, may);
		tries++;
		n++
	:: else -> break
	od;
	atomic { s = 0; w = 0; tries = 0; n = 0; done = false; in = false; may = false }
}

/*
 * Removes leftovers of others: checks a leftover first, then the name. Folders at any
 * time.
 */
proctype cleaner()
{
	bool stray;

	if
	:: token[1] == FILE_TOKEN ->
#ifdef CLEAN_AT_SIGHT
		stray = (name != NONE && succ[name] != replaced(1));
#else
		atomic { stray = (name != aims[1] && name != NONE) };
#endif
		atomic {
			if
			:: stray && token[1] == FILE_TOKEN -> token[1] = 0; check_names()
			:: else
			fi
		}
	:: atomic { token[5] == FOLDER -> token[5] = 0 }
	:: token[1] != FILE_TOKEN && token[5] != FOLDER
	fi
}

/*
 * All others have stopped where they are. Checks whether it could open, and leaves no
 * trace.
 */
proctype alone()
{
	byte s, w, id, tries, name_was, word_was, token_was;
	bool in;

end:	do
	:: d_step {
		in = false;
		tries = 0;
		name_was = name;
		s = (name == NONE -> 0 : name);
		word_was = succ[s];
		id = id_of(word_was);
		token_was = token[id];
		do
		:: tries < 3 && !in ->
			tries++;
			w = succ[s];
			if
			:: name == NONE -> in = true
			:: name == id && token_was == FILE_TOKEN && is_replaced(word_was) -> in = true
			:: else ->
				if
				:: !is_over(w) -> in = true
				:: is_over(w) ->
					if
					:: is_replaced(w) && token[id] == FILE_TOKEN -> token[id] = 0; name = id
					:: is_removed(w) && token[id] == FOLDER_FULL -> token[id] = 0
#ifdef WAIT_FOR_REMOVER
					:: is_removed(w) && token[id] == FOLDER -> skip
#else
					:: is_removed(w) && token[id] == FOLDER -> token[id] = 0
#endif
					:: else -> in = (name == s)
					fi
				fi
			fi
		:: else -> break
		od;
		assert(in);
		name = name_was; token[id] = token_was;
		s = 0; w = 0; id = 0; tries = 0; name_was = 0; word_was = 0; token_was = 0; in = false
	}
	od
}

init
{
	atomic {
		current[0] = true;
		run destroyer(5);
		run opener(1, 1);
#ifdef TWO_DESTROYERS
		run destroyer(6);
#else
#ifdef TWO_OPENERS
		run opener(3, 1);
		run cleaner();
#else
		run registrant();
#endif
#endif
		run alone()
	}
}
