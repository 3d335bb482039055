/* SPDX-License-Identifier: MIT */
/*
 * Hosts: each a network namespace with a link to the others, a folder of registries, a member of etcd and a bridge.
 *
 * The namespaces have no names and are gone with the processes in them, so a test that is killed leaves none.
 *
 * Promises  fails the test with what could not be started.
 * Needs     root; etcd, etcdctl, ip, nsenter and unshare: cluster_needs().
 * Death     all of it ends with the test.
 * Used by   proc_etcd.c, proc_etcd_state.c, proc_etcd_unique.c.
 */
#ifndef KREG_TESTS_SUPPORT_CLUSTER_H
#define KREG_TESTS_SUPPORT_CLUSTER_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "lib/kreg.h"
#include "tests/support/unit.h"

#define HOSTS 3
#define HOST_TTL 2

/* For what happens after the end of a lease at the latest, on a busy machine. */
#define SOON_S (30u * unit_slowness())

#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		uint64_t await_until = clock_after_ms(1000ull * SOON_S);                           \
		while (!(condition)) {                                                             \
			if (clock_now() > await_until)                                             \
				ck_abort_msg("in %u seconds not: %s", SOON_S, #condition);         \
			pause_ms(1);                                                               \
		}                                                                                  \
	} while (0)

void pause_ms(unsigned int ms);

struct host {
	int number;
	pid_t space, member, bridge;
	char folder[256];
	struct kreg *k;
	long long ahead; /* seconds, of the wall clock of what is started from now on */
};

extern struct host hosts[HOSTS];

/*
 * For main(), first: ends the program as one that is skipped, with the reason, if something is missing, or if there is a
 * thing that this test lacks besides; NULL: it lacks nothing.
 */
void cluster_needs(const char *lacks);
/* The same, for hosts whose clock is wrong. */
const char *cluster_lacks_clocks(void);

/* What all that is started from now on has for its guard; "none" at first. */
void cluster_guard(const char *path);

/* Three hosts with links; no member, no bridge. cluster_end() ends all that runs. */
void cluster_begin(void);
void cluster_end(void);

/* A member of etcd for each host, which answer when this returns. */
void members_begin(void);
void member_start(int host);
/* The member of host 0, which is all of etcd, and answers when this returns. */
void member_start_alone(void);
void member_kill(int host);
/*
 * One that wants certificates by the authority of `secure/ca.pem` in its host's folder; beside it are `client.pem`,
 * `client.key`, and `other.pem`, `other.key` of another authority, `other-ca.pem`. cluster_lacks_openssl() first.
 */
bool cluster_lacks_openssl(void);
void member_start_secure(int host);
/* The same with what is there, and does not wait until it answers. */
void member_start_again_secure(int host);
/* At that member, with the right certificate. */
int etcdctl_secure(int host, const char *arguments);
/* What a member has on its disk is gone. */
void member_forget(int host);
void members_await(void);
/* All that etcd has goes into @file; the members begin again with what is there. */
void members_save(const char *file);
void members_restore(const char *file);
/* The host of the leader. */
int members_leader(void);

/* With these options alone. */
void bridge_start_with(int host, const char *options);
/* With --grace and such in @more, words apart by a space; NULL: none. */
void bridge_start(int host, const char *more);
/* The same in a PID namespace of its own. */
void bridge_start_apart(int host, const char *more);
void bridge_kill(int host);
/* Members, and the bridges of the first @count hosts, which have read all of etcd. */
void bridges_begin(int count);
/* Whether the bridge has said @text. */
bool bridge_has_said(int host, const char *text);

void link_set(int host, bool up);
/* What @from sends to @to is lost, and not what @to sends to @from. */
void way_set(int from, int to, bool open);

/* The registry of a host, with strings; the test is an owner there. */
int host_put(int host, const char *key, const char *value);
void host_drop(int host, const char *key);
bool host_lacks(int host, const char *key);
bool host_has(int host, const char *key, const char *value);
/* Whether @host finds the name as one of the host @of. */
bool host_sees(int host, const char *key, int of);
bool host_is_stale(int host, const char *key);
/* How many names there are, without that of the bridge's state. */
int64_t host_count(int host);

/* That etcd has now. */
unsigned long long etcd_revision(void);

/* Runs etcdctl at the first member that answers; the exit status. */
int etcdctl(const char *arguments);

/* For figures: since a time of clock_now(); median and p99, which sorts @ms. */
double ms_since(uint64_t at);
void print_times(const char *what, double *ms, size_t count);

#endif
