/* SPDX-License-Identifier: MIT */
/*
 * Names that are unique in the cluster, of three hosts: one process has a name, the others learn who; another one has it
 * when that process, its bridge or its host is gone; and never are two of them certain of it at once, whatever part of
 * the cluster is cut off, stopped or killed, and in which direction.
 *
 * A process on each host asks all the time whether it has the name, and notes when it was certain. The hosts are of one
 * machine, so their times are of one clock: with two tokens all certainty of the smaller one has to lie before all of
 * the larger one.
 *
 * KREG_ROUNDS (1): how often each fault comes, for long runs.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/unit.h"

#define NAME "only/one"
#define UNIQUE "--unique 'only*'"

static void begin(void)
{
	int i;

	cluster_begin();
	members_begin();
	for (i = 0; i < HOSTS; i++)
		bridge_start(i, UNIQUE);
	for (i = 0; i < HOSTS; i++)
		AWAIT(bridge_has_said(i, "revision"));
}

static int claim(int host, const char *key, const char *value, struct kreg_remote *holder)
{
	return kreg_cluster_register(hosts[host].k, key, KREG_STRING, value, KREG_STRING, 0,
				     1000 * SOON_S, holder);
}

static int held(int host, const char *key, uint64_t *token)
{
	return kreg_cluster_held(hosts[host].k, key, KREG_STRING, token);
}

static uint64_t token_at(int host, const char *key)
{
	uint64_t token = 0;

	return kreg_cluster_token(hosts[host].k, key, KREG_STRING, &token) ? 0 : token;
}

START_TEST(one_has_it_and_the_others_learn_who)
{
	KREG_REMOTE(winner, .flags = 0);
	KREG_REMOTE(holder, .flags = 0);
	uint64_t token = 0, later = 0;

	begin();
	ck_assert_int_eq(claim(0, NAME, "of 0", &winner), 0);
	ck_assert_str_eq(winner.host, "h0");
	ck_assert_uint_eq(winner.pid, (uint32_t)getpid());
	ck_assert_int_eq(held(0, NAME, &token), 0);
	ck_assert_uint_eq(token, winner.token);
	ck_assert(host_has(0, NAME, "of 0"));
	ck_assert_int_eq(kreg_remote_host(hosts[0].k, NAME, KREG_STRING, NULL), 0);

	ck_assert_int_eq(claim(1, NAME, "of 1", &holder), -EEXIST);
	ck_assert_str_eq(holder.host, "h0");
	ck_assert_uint_eq(holder.pid, (uint32_t)getpid());
	ck_assert_uint_eq(holder.uid, geteuid());
	ck_assert_uint_eq(holder.token, token);
	ck_assert_int_eq(held(1, NAME, NULL), -ENOENT);

	/* Found there as one of another host, which does not yield. */
	AWAIT(host_has(1, NAME, "of 0") && host_sees(1, NAME, 0));
	AWAIT(token_at(1, NAME) == token);
	ck_assert_int_eq(host_put(1, NAME, "plain"), -EEXIST);
	ck_assert_int_ge(kreg_update(hosts[0].k, NAME, KREG_STRING, "new", KREG_STRING, NULL, 0),
			 0);
	AWAIT(host_has(1, NAME, "new") && host_has(2, NAME, "new"));
	ck_assert_int_eq(held(0, NAME, &later), 0);
	ck_assert_uint_eq(later, token);
	ck_assert_uint_eq(token_at(2, NAME), token);

	/* It claims it once. */
	ck_assert_int_eq(claim(0, NAME, "again", &holder), -EEXIST);
	ck_assert_str_eq(holder.host, "h0");
	ck_assert_int_eq(kreg_cluster_unregister(hosts[0].k, NAME, KREG_STRING), 1);
	ck_assert_int_eq(held(0, NAME, NULL), -ENOENT);
	ck_assert(host_lacks(0, NAME));
	AWAIT(host_lacks(1, NAME) && host_lacks(2, NAME));
	ck_assert_int_eq(claim(1, NAME, "of 1", &winner), 0);
	ck_assert_uint_gt(winner.token, token);
	/* A name that is given up without its claim ends that. */
	host_drop(1, NAME);
	AWAIT(held(1, NAME, NULL) == -ENOENT && host_lacks(2, NAME));
	ck_assert_int_eq(claim(1, NAME, "of 1", &holder), 0);
	ck_assert_uint_gt(holder.token, winner.token);
	cluster_end();
}
END_TEST

START_TEST(names_without_a_claim_are_of_one_host)
{
	KREG_REMOTE(holder, .flags = 0);

	begin();
	ck_assert_int_eq(claim(0, "other/one", "x", NULL), -ENOTCONN);
	ck_assert_int_eq(host_put(0, NAME, "plain"), 0);
	AWAIT(bridge_has_said(0, "is registered by process"));
	ck_assert_int_eq(claim(0, NAME, "x", &holder), -EEXIST);
	ck_assert_str_eq(holder.host, "h0");
	ck_assert_uint_eq(token_at(0, NAME), 0);
	/* It is in nobody's way. */
	ck_assert_int_eq(claim(1, NAME, "of 1", NULL), 0);
	AWAIT(host_has(2, NAME, "of 1"));
	ck_assert(host_has(0, NAME, "plain"));
	host_drop(0, NAME);
	AWAIT(host_has(0, NAME, "of 1"));
	/* What is claimed and answered is of the host alone. */
	ck_assert(etcdctl("get --keys-only --prefix /kreg/test/ | grep -q '%2E\\|claim\\|answer'"));
	cluster_end();
}
END_TEST

START_TEST(keys_and_values_of_any_bytes_are_found_as_they_are)
{
	static unsigned char value[15000], found[KREG_VALUE_MAX];
	unsigned char key[KREG_CLUSTER_KEY_MAX];
	size_t i;

	begin();
	for (i = 0; i < sizeof(value); i++)
		value[i] = (unsigned char)(i * 7 + i / 256);
	memcpy(key, "only/", 5);
	for (i = 5; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 31);
	ck_assert_int_eq(kreg_cluster_register(hosts[0].k, key, sizeof(key), value, sizeof(value),
					       0, 1000 * SOON_S, NULL),
			 0);
	AWAIT(kreg_lookup(hosts[1].k, key, sizeof(key), found, sizeof(found), NULL) ==
	      sizeof(value));
	ck_assert_mem_eq(found, value, sizeof(value));
	ck_assert_int_eq(
		kreg_cluster_register(hosts[0].k, "only/0", 6, "", 0, 0, 1000 * SOON_S, NULL), 0);
	AWAIT(kreg_lookup(hosts[1].k, "only/0", 6, NULL, 0, NULL) == 0);
	ck_assert_int_eq(kreg_cluster_register(hosts[0].k, "only/large", KREG_STRING, found,
					       sizeof(found), 0, 1000, NULL),
			 -EMSGSIZE);
	ck_assert_int_eq(kreg_check(hosts[0].k, NULL, NULL), 0);
	cluster_end();
}
END_TEST

/* ---- who is certain, and when */

#define SPANS 1000

/* It was certain behind @first and before @last, at least. */
struct span {
	uint64_t token, first, last;
};

struct notes {
	struct child child;
	int host;
	uint64_t token; /* now; 0: it is not certain */
	int state;      /* of the last look */
	uint32_t count;
	struct span spans[SPANS];
};

/* All that have been; those that were killed as well. */
#define NOTES 64
static struct notes *notes;
static int noted;

static void note(struct notes *of, uint64_t token, uint64_t before, uint64_t after)
{
	struct span *span = of->count ? &of->spans[of->count - 1] : NULL;

	if (!span || span->token != token) {
		if (of->count == SPANS)
			_exit(9);
		span = &of->spans[of->count];
		*span = (struct span){ .token = token, .first = after };
		of->count++;
	}
	span->last = before;
}

static int stand_by(int link, void *data)
{
	struct notes *of = data;
	KREG_OPTIONS(options, .directory = hosts[of->host].folder, .guard = "none");
	struct kreg *k;

	if (kreg_open(&k, "default", &options))
		return 1;
	link_say(link, 0);
	for (;;) {
		/* On a host that is cut off the claim waits. */
		int err = kreg_cluster_register(k, NAME, KREG_STRING, "value", KREG_STRING,
						KREG_CLUSTER_STANDBY, -1, NULL);

		if (err)
			return 2;
		do {
			uint64_t token = 0, before = clock_now();

			err = kreg_cluster_held(k, NAME, KREG_STRING, &token);
			if (!err)
				note(of, token, before, clock_now());
			of->state = err;
			__atomic_store_n(&of->token, err ? 0 : token, __ATOMIC_RELEASE);
			usleep(300);
		} while (!err || err == -ESTALE);
		if (err != -ENOENT)
			return 3;
	}
}

static struct notes *claimant(int host)
{
	struct notes *of = &notes[noted++];

	ck_assert_int_le(noted, NOTES);
	of->host = host;
	of->child = child_start_ready(stand_by, of);
	return of;
}

static bool is_certain(const struct notes *of)
{
	return __atomic_load_n(&of->token, __ATOMIC_ACQUIRE);
}

/* Of those that live. */
static struct notes *certain(void)
{
	int i;

	for (i = 0; i < noted; i++) {
		if (notes[i].child.pid > 0 && is_certain(&notes[i]))
			return &notes[i];
	}
	return NULL;
}

static void look_at_pair(const struct notes *a, const struct span *one, const struct notes *b,
			 const struct span *other)
{
	if (one->token > other->token)
		return;
	if (one->token == other->token)
		ck_abort_msg("h%d and h%d had the token %llu", a->host, b->host,
			     (unsigned long long)one->token);
	if (one->last > other->first)
		ck_abort_msg("h%d was certain of %llu %.3f ms after h%d was of %llu", a->host,
			     (unsigned long long)one->token,
			     (double)(one->last - other->first) / 1e6, b->host,
			     (unsigned long long)other->token);
}

/* Never two at once, and tokens grow in the order of time. */
static unsigned int check_spans(void)
{
	unsigned int spans = 0;
	uint32_t x, y;
	int i, j;

	for (i = 0; i < noted; i++) {
		for (x = 0; x < notes[i].count; x++) {
			spans++;
			for (j = 0; j < noted; j++) {
				for (y = 0; y < notes[j].count; y++) {
					if (i != j || x != y)
						look_at_pair(&notes[i], &notes[i].spans[x],
							     &notes[j], &notes[j].spans[y]);
				}
			}
		}
	}
	return spans;
}

static void begin_claimants(void)
{
	int i;

	begin();
	notes = child_shared(NOTES * sizeof(*notes));
	noted = 0;
	for (i = 0; i < HOSTS; i++)
		claimant(i);
	AWAIT(certain());
}

/* Whether @host finds the name as that of the one that is certain. */
static bool is_seen(int host)
{
	const struct notes *now = certain();

	return now && host_sees(host, NAME, now->host);
}

static struct notes *the_certain(void)
{
	struct notes *now = NULL;

	AWAIT((now = certain()));
	return now;
}

/* A claimant of another host than @before is certain. */
static struct notes *next_after(const struct notes *before, uint64_t token, const char *what)
{
	uint64_t at = clock_now();
	struct notes *now = NULL;

	AWAIT((now = certain()) && now != before && now->token > token);
	printf("# %s: another is certain after %.0f ms\n", what, ms_since(at));
	check_spans();
	return now;
}

static void end_claimants(void)
{
	unsigned int spans;
	int i;

	for (i = 0; i < noted; i++) {
		if (notes[i].child.pid > 0)
			child_kill(&notes[i].child);
	}
	spans = check_spans();
	printf("# %u spans of certainty, none over another\n", spans);
	cluster_end();
}

START_TEST(one_that_stands_by_has_it_when_the_holder_is_killed)
{
	struct notes *now;
	uint64_t token;
	int i, host;

	begin_claimants();
	for (i = 0; i < 4; i++) {
		now = the_certain();
		token = now->token;
		host = now->host;
		child_kill(&now->child);
		now->child.pid = 0;
		AWAIT(certain() != now);
		next_after(now, token, "kill -9");
		claimant(host);
	}
	end_claimants();
}
END_TEST

START_TEST(one_that_stands_by_has_it_when_the_bridge_or_host_of_the_holder_is_gone)
{
	struct notes *now;
	uint64_t token;

	begin_claimants();
	now = the_certain();
	token = now->token;
	bridge_kill(now->host);
	/* In that instant: what its process noted is in the spans. */
	ck_assert_int_eq(kreg_cluster_token(hosts[now->host].k, NAME, KREG_STRING, &token),
			 -ESTALE);
	ck_assert(host_has(now->host, NAME, "value"));
	next_after(now, token, "bridge killed");
	bridge_start(now->host, UNIQUE);
	/* It finds that another has it. */
	AWAIT(!is_certain(now) && is_seen(now->host));

	now = the_certain();
	token = now->token;
	link_set(now->host, false);
	next_after(now, token, "link down");
	AWAIT(host_lacks(now->host, NAME) && now->state == -ESTALE);
	link_set(now->host, true);
	AWAIT(host_has(now->host, NAME, "value") && is_seen(now->host));
	end_claimants();
}
END_TEST

START_TEST(a_bridge_that_is_killed_and_comes_again_leaves_the_token)
{
	struct notes *now;
	uint64_t token;

	begin_claimants();
	now = the_certain();
	token = now->token;
	bridge_kill(now->host);
	AWAIT(!is_certain(now));
	bridge_start(now->host, UNIQUE);
	AWAIT(certain());
	ck_assert_ptr_eq(the_certain(), now);
	ck_assert_uint_eq(now->token, token);
	ck_assert(host_has(now->host, NAME, "value"));

	/* By SIGTERM the lease is given back, and with it the name. */
	kill(hosts[now->host].bridge, SIGTERM);
	next_after(now, token, "bridge ended");
	ck_assert(!is_certain(now));
	waitpid(hosts[now->host].bridge, NULL, 0);
	hosts[now->host].bridge = 0;
	bridge_start(now->host, UNIQUE);
	AWAIT(is_seen(now->host));
	end_claimants();
}
END_TEST

static void round_of_stopped_bridge(void)
{
	struct notes *now = the_certain();
	uint64_t token = now->token;

	kill(hosts[now->host].bridge, SIGSTOP);
	next_after(now, token, "bridge stopped");
	/* Found here by those who do not ask for the token. */
	ck_assert(host_has(now->host, NAME, "value"));
	ck_assert(!token_at(now->host, NAME));
	kill(hosts[now->host].bridge, SIGCONT);
	AWAIT(is_seen(now->host));
	check_spans();
}

static void round_of_lost_majority(void)
{
	struct notes *now = the_certain();
	int one = (now->host + 1) % HOSTS, two = (now->host + 2) % HOSTS;

	member_kill(one);
	member_kill(two);
	AWAIT(!certain() && host_lacks(now->host, NAME));
	AWAIT(!token_at(one, NAME));
	member_start(one);
	member_start(two);
	AWAIT(certain());
	check_spans();
}

static void round_of_isolation(void)
{
	struct notes *now = the_certain();
	uint64_t token = now->token;

	link_set(now->host, false);
	next_after(now, token, "host cut off");
	link_set(now->host, true);
	AWAIT(is_seen(now->host));
	check_spans();
}

START_TEST(never_two_are_certain_in_a_partition)
{
	unsigned int rounds = unit_many("KREG_ROUNDS", 1), i;

	begin_claimants();
	for (i = 0; i < rounds; i++) {
		round_of_isolation();
		round_of_stopped_bridge();
		round_of_lost_majority();
	}
	end_claimants();
}
END_TEST

/* One member, on a host without a bridge: what is cut is between it and a bridge, and etcd goes on. */
#define ETCD_HOST 0

static void begin_one_sided(void)
{
	char options[128];
	int i, host;

	cluster_begin();
	member_start_alone();
	snprintf(options, sizeof(options), "--endpoint http://10.77.0.%d:2379 " UNIQUE,
		 ETCD_HOST + 1);
	notes = child_shared(NOTES * sizeof(*notes));
	noted = 0;
	for (i = 1; i < HOSTS; i++) {
		host = (ETCD_HOST + i) % HOSTS;
		bridge_start_with(host, options);
		AWAIT(bridge_has_said(host, "revision"));
		claimant(host);
	}
	AWAIT(certain());
}

/* What one of both sends to etcd is lost, or what etcd sends it. */
static void cut_one_way(bool to_etcd)
{
	struct notes *now = the_certain();
	uint64_t token = now->token;
	int from = to_etcd ? now->host : ETCD_HOST, to = to_etcd ? ETCD_HOST : now->host;

	way_set(from, to, false);
	next_after(now, token, to_etcd ? "nothing to etcd" : "nothing from etcd");
	AWAIT(host_lacks(now->host, NAME));
	way_set(from, to, true);
	AWAIT(is_seen(now->host));
	check_spans();
}

START_TEST(never_two_are_certain_where_one_direction_is_lost)
{
	unsigned int rounds = unit_many("KREG_ROUNDS", 1), i;

	begin_one_sided();
	for (i = 0; i < rounds; i++) {
		cut_one_way(true);
		cut_one_way(false);
	}
	end_claimants();
}
END_TEST

START_TEST(without_etcd_nobody_gets_it)
{
	KREG_REMOTE(holder, .flags = 0);
	uint64_t at;
	int i;

	begin();
	for (i = 0; i < HOSTS; i++)
		member_kill(i);
	at = clock_now();
	ck_assert_int_eq(
		kreg_cluster_register(hosts[0].k, NAME, KREG_STRING, "x", 1, 0, 700, &holder),
		-ETIMEDOUT);
	ck_assert_uint_ge(clock_now() - at, 700000000);
	ck_assert_str_eq(holder.host, "");
	ck_assert_int_eq(held(0, NAME, NULL), -ENOENT);
	ck_assert(host_lacks(0, NAME));
	for (i = 0; i < HOSTS; i++)
		member_start(i);
	ck_assert_int_eq(claim(0, NAME, "x", NULL), 0);
	/* One that stands by for a while learns who has it. */
	AWAIT(host_sees(1, NAME, 0));
	ck_assert_int_eq(kreg_cluster_register(hosts[1].k, NAME, KREG_STRING, "y", 1,
					       KREG_CLUSTER_STANDBY, 100, &holder),
			 -ETIMEDOUT);
	ck_assert_str_eq(holder.host, "h0");
	ck_assert_int_eq(held(1, NAME, NULL), -ENOENT);
	cluster_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_has_it_and_the_others_learn_who,
		names_without_a_claim_are_of_one_host,
		keys_and_values_of_any_bytes_are_found_as_they_are,
		one_that_stands_by_has_it_when_the_holder_is_killed,
		one_that_stands_by_has_it_when_the_bridge_or_host_of_the_holder_is_gone,
		a_bridge_that_is_killed_and_comes_again_leaves_the_token,
		never_two_are_certain_in_a_partition,
		never_two_are_certain_where_one_direction_is_lost,
		without_etcd_nobody_gets_it,
	};
	Suite *suite = suite_create("etcd_unique");
	TCase *tcase = tcase_create("hosts");
	size_t i;

	cluster_needs(NULL);
	tcase_set_timeout(tcase, 120 + 60 * unit_many("KREG_ROUNDS", 1));
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
