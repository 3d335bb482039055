/* mutations: LOOK_FIRST SUM_FIRST NO_VOID NO_LIVES LIVES_LAST */
/*
 * The sum of all counts, which a process keeps as long as nothing has changed.
 *
 * States    the word, even or odd; two owners, each with a count in its row and a life, which changes the
 *           count once and may be killed at any step; a process that counts three times
 *           and keeps its sum; another one that counts. All accesses are sequentially consistent: the code has a full
 *           fence between a change and a look on both sides.
 * Property  a count that begins when all changes so far are complete and all deaths reported, and
 *           during which nothing happens, is the sum of the living owners' counts.
 * Stands for  the table in the head of shm/counted.c; row_add() in shm/row.c.
 *
 *   LOOK_FIRST   an owner looks at the word before it changes its row
 *   SUM_FIRST    a process makes the word odd after it has read the rows
 *   NO_VOID      an owner leaves the word odd
 *   NO_LIVES     a kept sum is taken without a look at the lives
 *   LIVES_LAST   a process notes the lives after it has made the sum
 */
#define OWNERS 2

byte word;
byte row[OWNERS];
bool over[OWNERS];

/* Not in memory: what is complete, and how often anything has happened. */
byte complete[OWNERS];
bool inside[OWNERS];
byte events;

inline happens()
{
	events++
}

inline look(seen)
{
	seen = word;
	atomic {
		if
#ifndef NO_VOID
		:: seen % 2 && word == seen -> word = seen + 1
#endif
		:: else
		fi
	}
}

/* Owner @me adds 1; killed at any step. */
proctype owner(byte me)
{
	byte seen;

	atomic { inside[me] = true; happens() }
#ifdef LOOK_FIRST
	look(seen);
#endif
	if
	:: row[me]++
	:: goto killed
	fi;
#ifndef LOOK_FIRST
	if
	:: look(seen)
	:: goto killed
	fi;
#endif
	atomic { complete[me]++; inside[me] = false; happens() }
	if
	:: skip
	:: goto killed
	fi;
	goto done;
killed:
	/* The kernel, and from then on nobody is inside. */
	atomic { over[me] = true; complete[me] = 0; inside[me] = false; happens() }
done:
	skip
}

inline lives(sum)
{
	atomic { sum = over[0] + 2 * over[1] }
}

inline add(me, sum)
{
	count = row[me];
	atomic {
		if
		:: !over[me] -> sum = sum + count
		:: else
		fi;
		count = 0
	}
}

proctype reader()
{
	byte kept_word, kept_lives, kept_sum;
	byte now_word, now_lives, sum, count, turns = 3, before, expected;
	bool quiet;

	do
	:: !turns -> break
	:: turns ->
		turns--;
		atomic {
			before = events;
			quiet = !inside[0] && !inside[1];
			expected = complete[0] + complete[1]
		}
		now_word = word;
		lives(now_lives);
#ifdef NO_LIVES
		now_lives = kept_lives;
#endif
		if
		:: now_word % 2 && now_word == kept_word && now_lives == kept_lives ->
			sum = kept_sum
		:: else ->
			sum = 0;
#ifdef SUM_FIRST
			lives(now_lives);
			add(0, sum);
			add(1, sum);
#endif
			atomic {
				if
				:: !(word % 2) -> word++
				:: else
				fi;
				now_word = word
			}
#ifndef SUM_FIRST
			lives(now_lives);
			add(0, sum);
			add(1, sum);
#endif
#ifdef LIVES_LAST
			lives(now_lives);
#endif
			atomic {
				kept_word = now_word;
				kept_lives = now_lives;
				kept_sum = sum
			}
		fi;
		atomic {
			assert(!quiet || events != before || sum == expected);
			before = 0;
			expected = 0;
			quiet = false;
			now_word = 0;
			now_lives = 0;
			sum = 0
		}
	od
}

/* Another process that counts: here only what it does to the word matters. */
proctype other()
{
	atomic {
		if
		:: !(word % 2) -> word++
		:: else
		fi
	}
}

init
{
	atomic {
		run owner(0);
		run owner(1);
		run reader();
		run other()
	}
}
