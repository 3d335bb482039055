/* SPDX-License-Identifier: MIT */
/* mutations: DELETE_FIRST:- REVOKE_FIRST:- KEEP_ANSWER:- FROM_ANSWER:- BLIND_ASK:- BY_CREATION:- NO_REPUT:- OUTLIVES:- ANY_CLAIM:- OTHER_LEASE:READER */
/* variants: READER */
/* pan: -E */
/*
 * A name that is unique in the cluster: etcd, and a host with a bridge and processes that claim the name one after the
 * other. The bridge is killed, stopped for any time, ended by SIGTERM and begun again; processes give up, and others
 * claim; a partition keeps requests back for any time, loses them before or behind their effect, and lets them reach
 * etcd when the bridge that has sent them is dead; leases end at any moment after their time. The other hosts take the
 * key whenever it is free, and give it up whenever they like.
 *
 * Stands for  bridge/unique.c, bridge/claims.c, bridge/member.c; lib/cluster/held.c.
 *
 * States    etcd's key: whose it is, by host and claim, its creation, its last change, its lease; of each lease how
 *           long it still has. The bridge's lease, the answer that it shows, and until when its lease is certain. A
 *           request is sent, then happens, then is answered; one that is given up may happen later. Time goes on in
 *           ticks, at any moment; only what is left of each span is kept, so it has no end.
 * Property  whenever an answer is shown and its lease is certain, etcd's key is of this host, of that claim, and has
 *           that token. As this holds on each host, no two have a valid token at once. READER: a process that reads
 *           the answer first, and some steps later until when, and finds both good, has held the name at the first
 *           of these moments.
 * Assumed   clocks are equally fast: that is what the margin is for, which is left out. A few changes of the key, two
 *           leases, two claims; one request at a time is late.
 *
 * mutation       the step that it breaks
 * DELETE_FIRST   the key is deleted before the answer is withdrawn
 * REVOKE_FIRST   SIGTERM: so is the lease
 * KEEP_ANSWER    an answer stays when etcd does not know the lease any more, and leases are not compared
 * FROM_ANSWER    until is counted from the answer, not from the request
 * BLIND_ASK      the key is put although it is there
 * BY_CREATION    a change compares the creation of the key, not its last change
 * NO_REPUT       a bridge takes a key over as it is, with the lease of the one before
 * OUTLIVES       answers are not the bridge's own, and outlive it
 * ANY_CLAIM      a key of this host is taken over for whatever claim is there
 * OTHER_LEASE    it is not compared whether answer and until are of one lease
 */
#define TTL 1
#define LEASES 2
#define CHANGES 3
#ifdef READER
#define CLAIMS 1
#else
#define CLAIMS 2
#endif

mtype = { NONE, ASK, PUT, DELETE };	/* requests */
mtype = { IDLE, SENT, DONE, REFUSED };	/* where they are */

#define OURS 1
#define OTHERS 2

/* etcd: the key, and leases; 0 is none of each. */
byte k_host, k_claim, k_created, k_changed, k_lease;
byte revision;
byte left[LEASES + 1];	/* ticks until the lease may end */
bool known[LEASES + 1];

/* A request, and what etcd has then. */
mtype r_what = NONE, r_at = IDLE;
byte r_lease, r_claim, r_compared;
byte a_host, a_claim, a_created, a_changed, a_lease;
/* One that is not waited for any more. */
mtype late = NONE;
byte l_lease, l_claim, l_compared;

/* Keepalive, and the grant of a new lease. */
mtype keep = IDLE;
byte age;
bool is_new;

/* The bridge. */
bool up;
bool ending;
byte taken;		/* leases so far */
byte lease;
byte to_delete;		/* the change that is to be compared */

/* What it shows in the registry. */
bool shown;
byte s_claim, s_token, s_lease, s_changed;
byte until, u_lease;

/* The process that claims. */
byte claim, claims;

#ifdef KEEP_ANSWER
#define is_valid (shown && until > 0)
#else
#define is_valid (shown && until > 0 && s_lease == u_lease)
#endif
#define has_it (k_host == OURS && k_claim == s_claim && k_created == s_token)
#ifdef OUTLIVES
/* What the bridge before has shown. */
byte o_token, o_until;
#define right assert((!is_valid || has_it) && (!o_token || !o_until || k_host == OURS && k_created == o_token))
#else
#define right assert(!is_valid || has_it)
#endif

inline forget_key() { k_host = 0; k_claim = 0; k_created = 0; k_changed = 0; k_lease = 0 }

/* ---- etcd */

inline put(what, c, l)
{
	revision++;
	if :: k_host == 0 || what == ASK -> k_created = revision :: else fi;
	k_host = OURS;
	k_claim = c;
	k_changed = revision;
	k_lease = l
}

#ifdef BY_CREATION
#define IS_SAME(r) (k_host && k_created == r)
#else
#define IS_SAME(r) (k_host && k_changed == r)
#endif
#ifdef BLIND_ASK
#define IS_FREE true
#else
#define IS_FREE (k_host == 0)
#endif

/* A put with a lease that is over fails. */
inline happen(what, l, c, r)
{
	if
	:: what == ASK && IS_FREE && known[l] && revision < CHANGES -> put(what, c, l)
	:: what == PUT && IS_SAME(r) && known[l] && revision < CHANGES -> put(what, c, l)
	:: what == DELETE && IS_SAME(r) -> forget_key()
	:: else
	fi;
	right
}

inline end_lease(l)
{
	known[l] = false;
	left[l] = 0;
	if :: k_host == OURS && k_lease == l -> forget_key() :: else fi;
	right
}

inline less(x) { if :: x > 0 -> x-- :: else fi }

proctype etcd()
{
end:	do
	:: atomic { r_at == SENT ->
			happen(r_what, r_lease, r_claim, r_compared);
			r_at = DONE;
			a_host = k_host; a_claim = k_claim; a_created = k_created;
			a_changed = k_changed; a_lease = k_lease
	   }
	:: atomic { late != NONE ->
			happen(late, l_lease, l_claim, l_compared);
			late = NONE; l_lease = 0; l_claim = 0; l_compared = 0
	   }
	:: atomic { keep == SENT ->
			if
			:: is_new || known[lease] -> known[lease] = true; left[lease] = TTL; keep = DONE
			:: else -> keep = REFUSED
			fi
	   }
	:: atomic { known[1] && left[1] == 0 -> end_lease(1) }
	:: atomic { known[2] && left[2] == 0 -> end_lease(2) }
	/* A tick. */
	:: atomic {
		left[1] || left[2] || until || (keep != IDLE && age < TTL) ->
		less(left[1]); less(left[2]); less(until);
#ifdef OUTLIVES
		less(o_until);
#endif
		if :: keep != IDLE && age < TTL -> age++ :: else fi
	   }
	/* Other hosts. */
	:: atomic { k_host == 0 && revision < CHANGES ->
			revision++;
			k_host = OTHERS; k_created = revision; k_changed = revision
	   }
	:: atomic { k_host == OTHERS -> forget_key() }
	od
}

/* ---- the bridge; each step is one that a kill, or a stop for any time, may follow */

inline withdraw() { shown = false; s_claim = 0; s_token = 0; s_lease = 0; s_changed = 0 }

inline publish()
{
	shown = true;
	s_claim = claim;
	s_token = a_created;
	s_lease = lease;
	s_changed = a_changed;
	right
}

inline keep_answered()
{
	u_lease = lease;
#ifdef FROM_ANSWER
	until = TTL;
#else
	if :: TTL - age > until -> until = TTL - age :: else fi;
#endif
	keep = IDLE; age = 0; is_new = false;
	right
}

inline send(what, c)
{
	r_what = what;
	r_lease = lease;
	r_claim = claim;
	r_compared = c;
	r_at = SENT
}

inline clear()
{
	r_what = NONE; r_at = IDLE; r_lease = 0; r_claim = 0; r_compared = 0;
	a_host = 0; a_claim = 0; a_created = 0; a_changed = 0; a_lease = 0
}

#ifdef ANY_CLAIM
#define IS_MINE (claim && a_host == OURS)
#else
#define IS_MINE (claim && a_host == OURS && a_claim == claim)
#endif
#ifdef NO_REPUT
#define HAS_LEASE true
#else
#define HAS_LEASE (a_lease == lease)
#endif

/* What etcd has says what is next. */
inline answered(changed)
{
	changed = a_changed;
	if
	:: IS_MINE && HAS_LEASE -> publish(); clear()
	:: IS_MINE && !HAS_LEASE -> clear(); send(PUT, changed)
	:: a_host == OURS && !IS_MINE -> withdraw(); clear(); send(DELETE, changed)
	:: else -> withdraw(); clear()
	fi;
	changed = 0
}

/* It is not waited for any longer, and may happen later. */
inline give_up()
{
	if
	:: r_at == SENT && late == NONE ->
		late = r_what; l_lease = r_lease; l_claim = r_claim; l_compared = r_compared
	:: true
	fi;
	clear()
}

inline ended()
{
	up = false; lease = 0; to_delete = 0; ending = false;
	keep = IDLE; age = 0; is_new = false;
	give_up();
#ifdef OUTLIVES
	o_token = s_token; o_until = until;
#endif
	withdraw(); until = 0; u_lease = 0
}

proctype bridge()
{
	byte changed;

end:	do
	:: atomic { !up && taken < LEASES -> up = true }
	/* A kill; SIGTERM. */
	:: atomic { up -> ended() }
	:: atomic { up && lease && !ending ->
			ending = true;
#ifndef REVOKE_FIRST
			withdraw()
#endif
	   }
	:: atomic { ending ->
			if :: known[lease] -> end_lease(lease) :: else fi;
			ended()
	   }

	/* Its lease. A grant that is not answered is given up with the bridge. */
	:: atomic { up && !lease && taken < LEASES && keep == IDLE ->
			taken++;
			lease = taken;
			is_new = true;
			keep = SENT
	   }
	:: atomic { up && !ending && lease && keep == IDLE -> keep = SENT }
	:: atomic { keep == DONE -> keep_answered() }
	:: atomic { keep == DONE && !is_new -> keep = IDLE; age = 0 }
	:: atomic { keep == REFUSED ->
			keep = IDLE;
			age = 0;
#ifndef KEEP_ANSWER
			withdraw();
#endif
			lease = 0
	   }

	/* The key. */
	:: atomic { up && !ending && lease && !is_new && claim && !shown && r_at == IDLE && !to_delete ->
			send(ASK, 0)
	   }
	:: atomic { up && !ending && lease && r_at == DONE -> answered(changed) }
	:: atomic { up && r_at != IDLE -> give_up() }
	/* The value is another one. */
	:: atomic { up && !ending && shown && s_claim == claim && r_at == IDLE -> send(PUT, s_changed) }

	/* The claim is not there any more. */
#ifdef DELETE_FIRST
	:: atomic { shown && s_claim != claim && r_at == IDLE -> send(DELETE, s_changed) }
#endif
	:: atomic { up && shown && s_claim != claim -> to_delete = s_changed; withdraw() }
	:: atomic { to_delete && r_at == IDLE -> send(DELETE, to_delete); to_delete = 0 }
	/* The time is over. */
	:: atomic { up && shown && !until -> withdraw() }
	od
}

/* ---- the processes, one after the other */
proctype process()
{
	do
	:: atomic { claims < CLAIMS && !claim -> claims++; claim = claims }
	:: claim -> claim = 0
	:: claims == CLAIMS && !claim -> break
	od
}

#ifdef READER
proctype reader()
{
	bool had;
	byte its;

	atomic { shown -> had = has_it; its = s_lease };
	atomic {
		if
#ifdef OTHER_LEASE
		:: until -> assert(had)
#else
		:: until && u_lease == its -> assert(had)
#endif
		:: else
		fi
	}
}
#endif

init
{
	atomic {
		run etcd();
		run bridge();
		run process();
#ifdef READER
		run reader();
#endif
	}
}
