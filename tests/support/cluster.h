/* SPDX-License-Identifier: MIT */
/*
 * Hosts: each a network namespace with a link to the others, a folder of registries, a member of etcd and a bridge.
 *
 * The namespaces have no names and are gone with the processes in them, so a test that is killed leaves none.
 *
 * Promises  fails the test with what could not be started.
 * Needs     root; etcd, etcdctl, ip and nsenter: cluster_lacks() says which is missing.
 * Death     all of it ends with the test.
 * Used by   proc_etcd.c.
 */
#ifndef KREG_TESTS_SUPPORT_CLUSTER_H
#define KREG_TESTS_SUPPORT_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/kreg.h"

#define HOSTS 3
#define HOST_TTL 2

struct host {
	int number;
	pid_t space, member, bridge;
	char folder[256];
	struct kreg *k;
};

extern struct host hosts[HOSTS];

/* NULL: nothing; what is missing. */
const char *cluster_lacks(void);

/* Three hosts with links; no member, no bridge. cluster_end() ends all that runs. */
void cluster_begin(void);
void cluster_end(void);

/* A member of etcd for each host, which answer when this returns. */
void members_begin(void);
void member_start(int host);
void member_kill(int host);
/*
 * One that wants certificates by the authority of `secure/ca.pem` in its host's folder; beside it are `client.pem`,
 * `client.key`, and `other.pem`, `other.key` of another authority, `other-ca.pem`. cluster_lacks_openssl() first.
 */
bool cluster_lacks_openssl(void);
void member_start_secure(int host);
/* At that member, with the right certificate. */
int etcdctl_secure(int host, const char *arguments);
/* What a member has on its disk is gone. */
void member_forget(int host);
void members_await(void);
/* The host of the leader. */
int members_leader(void);

/* With these options alone. */
void bridge_start_with(int host, const char *options);
/* With --grace and such in @more, words apart by a space; NULL: none. */
void bridge_start(int host, const char *more);
void bridge_kill(int host);
/* Whether the bridge has said @text. */
bool bridge_has_said(int host, const char *text);

void link_set(int host, bool up);

/* That etcd has now. */
unsigned long long etcd_revision(void);

/* Runs etcdctl at the first member that answers; the exit status. */
int etcdctl(const char *arguments);

#endif
