/* SPDX-License-Identifier: MIT */
/*
 * kreg: names that are unique in a cluster of hosts. A bridge of this host, kreg-etcd, decides
 * with etcd which process of all hosts has one.
 *
 * Include <kreg.h>, which states what holds for all calls. The following holds for the calls
 * below.
 *
 * Names     NAMESPACE/ROLE, of up to KREG_CLUSTER_KEY_MAX bytes; NAMESPACE does not begin with a
 *           dot. Which namespaces have unique names is a choice of each bridge: --unique, the same
 *           on all hosts. Registries with unique keys only.
 * Tokens    Each holder has a token. A later holder of the name has a larger one, so a database
 *           or a storage, which acts for a holder, keeps the largest token of the name that it has
 *           seen, and refuses smaller ones. This is what makes a holder that was stopped
 *           for any time harmless; the calls below cannot, as it may be stopped right after one.
 * Time      A holder is certain of its name only as long as its bridge has heard from etcd, by
 *           CLOCK_BOOTTIME. In another time namespace than the bridge, or without /proc, nothing
 *           is certain.
 * Consent   kreg_cluster_register() calls kreg_allow() with KREG_ALLOW_OTHERS, because the bridge
 *           registers and unregisters the name for the process. As long as the process has such
 *           a name, do not forbid it.
 */
#ifndef KREG_CLUSTER_H
#define KREG_CLUSTER_H

#include <kreg/base.h>
#include <kreg/remote.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_CLUSTER_KEY_MAX 224

enum kreg_cluster_flags {
	/* If another process has the name, wait until it has not, on whatever host. */
	KREG_CLUSTER_STANDBY = 1 << 0,
};

/*
 * Registers @key with @value for the calling process, if no process of any host has it: etcd is
 * asked. Of this host the name is then found as one of kreg_register(); on other hosts as one of
 * kreg_register_remote(), and there kreg_register() of it fails with -EEXIST. kreg_update() changes
 * its value everywhere. kreg_unregister() and kreg_give() end the claim.
 *
 * The claim goes on when the call has returned 0. When the bridge is out of touch with etcd for
 * too long, the name is unregistered here: kreg_await_gone() or a listener learns of it. When the
 * bridge is in touch again, the caller has the name again, with the same token or a larger one,
 * if no other process has it; otherwise the claim is over, or with KREG_CLUSTER_STANDBY waits.
 *
 * @key: as above.
 * @value: as for kreg_register(), but key and value together are not larger than some 16,000
 *         bytes.
 * @flags: KREG_CLUSTER_STANDBY, or 0.
 * @timeout_ms: as in <kreg/wait.h>. 0 asks nobody, and is -ETIMEDOUT.
 * @holder: may be NULL; the caller sets @size. At 0 it is the caller, with its token. At -EEXIST, and
 *         at -ETIMEDOUT if this host knows one, the process that has the name: host, pid, user,
 *         and the token. What is not known is 0 and KREG_ID_UNKNOWN; without a host none is.
 * Context: any thread; as <kreg/wait.h> in all else. Some milliseconds, two round trips of etcd.
 * Death: of the caller ends the claim: the bridge deletes the name in etcd at once, and the next
 *        process that stands by, on whatever host, has it. If the bridge dies or was killed, the name stays
 *        found on this host, and kreg_cluster_held() is -ESTALE; the next bridge goes on with
 *        the claim.
 * Return: 0, or an error as <kreg/wait.h> and kreg_register_for(), and nothing is registered:
 *   -EEXIST        another process has the name: @holder; or the caller has claimed it already,
 *                  or registered it itself
 *   -ETIMEDOUT     etcd is out of touch, or another process had the name until now
 *   -ENOTCONN      no bridge on this host serves the namespace, which is said to the log
 *   -EINVAL        @key is none as above; a flag does not exist; the registry has duplicate keys
 *   -ENAMETOOLONG  the key is longer than KREG_CLUSTER_KEY_MAX
 *   -E2BIG         @holder has something set that this library does not know
 * Since: 1.0
 */
int kreg_cluster_register(struct kreg *k, const void *key, size_t key_size, const void *value,
			  size_t value_size, uint32_t flags, int64_t timeout_ms,
			  struct kreg_remote *holder);

/*
 * Whether the caller has the name @key, and may act for it: at an instant inside of the call no
 * process of another host had it.
 *
 * @token: may be NULL; the token of the caller.
 * Context: any thread. Some lookups, and a look at /proc.
 * Death: of the bridge makes it -ESTALE in the same instant.
 * Return: 0, or an error as kreg_lookup(), and *token is unchanged:
 *   -ESTALE        the caller has claimed it, and does not have it, or that is not certain now
 *   -ENOENT        the caller has no claim, or it is over: kreg_cluster_register() makes a new one
 *   -EROFS         the handle is read-only
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 * Since: 1.0
 */
int kreg_cluster_held(struct kreg *k, const void *key, size_t key_size, uint64_t *token);

/*
 * The token of the process that has the name @key, on whatever host, for a client to pass on with
 * what it asks for. Of a process of this host it was valid at an instant inside of the call; of
 * another host's it is the one that this host's bridge has had last, in touch with etcd.
 *
 * @token: not NULL.
 * Context: any thread, a read-only handle, a child of fork(2). Some lookups, and a look at /proc.
 * Return: 0, or an error as kreg_lookup(), and *token is unchanged:
 *   -ENOENT        the key has no owner
 *   -ESTALE        it is not certain now, or the name is not unique in the cluster
 * Since: 1.0
 */
int kreg_cluster_token(struct kreg *k, const void *key, size_t key_size, uint64_t *token);

/*
 * Gives up @key, held or waited for. From then on the caller does not have it; other hosts find
 * that out some milliseconds later.
 *
 * Context: as kreg_unregister().
 * Death: killed inside, the caller has no claim, because it is dead.
 * Return: how many claims there were, 0 or 1; an error as kreg_unregister().
 * Since: 1.0
 */
int kreg_cluster_unregister(struct kreg *k, const void *key, size_t key_size);

#ifdef __cplusplus
}
#endif
#endif
