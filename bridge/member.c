/* SPDX-License-Identifier: MIT */
/*
 * The lease of this host, and its place among the members of the cluster.
 *
 *   .members/HOST   {"boot": ID, "pid": N, "pid_space": N, "registry": NAME, "version": TEXT}, with
 *                   the lease
 *
 * Two bridges as one host would each undo what the other writes, so one that finds this host's key with
 * another lease waits for the end of that; but a bridge that has ended on this very host does not
 * count. Whether it has can be seen only in its own PID namespace: the number of a namespace is that
 * of no other one that lives. The txn that puts the key compares it with what was seen.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bridge/base64.h"
#include "bridge/session.h"
#include "lib/cluster/entries.h"

uint64_t member_lease_time(const struct bridge *b)
{
	return b->options->ttl * SECOND;
}

json_t *member_key(const struct bridge *b)
{
	char key[2 * RECORD_KEY_MAX];

	snprintf(key, sizeof(key), "%s.members/%s", b->prefix, b->options->host);
	return base64_string(key);
}

/* The kernel's boot id, which no other host has. */
static void read_boot(char boot[MEMBER_BOOT_MAX])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	boot[0] = 0;
	if (!file)
		return;
	if (fgets(boot, MEMBER_BOOT_MAX, file))
		boot[strcspn(boot, "\n")] = 0;
	fclose(file);
}

/* The PID namespace; 0: not known. */
static uint64_t pid_space(void)
{
	struct stat stat;

	return fstatat(-1, "/proc/self/ns/pid", &stat, 0) ? 0 : stat.st_ino;
}

/* Who this bridge is. */
static json_t *member_value(const struct bridge *b)
{
	char boot[MEMBER_BOOT_MAX], *text;
	json_t *record, *value;

	read_boot(boot);
	record = json_pack("{s:s, s:s, s:s, s:I, s:I}", "version", KREG_VERSION, "boot", boot,
			   "registry", b->options->registry, "pid", (json_int_t)getpid(),
			   "pid_space", (json_int_t)pid_space());
	text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	value = text ? base64_string(text) : NULL;
	free(text);
	json_decref(record);
	return value;
}

static void on_member(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;

	b->call = NULL;
	if (!err && !json_is_true(json_object_get(answer, "succeeded")))
		err = -EAGAIN;
	if (!session_answered(b, err))
		return;
	b->is_member = true;
	glance_begin(b);
}

/* If nobody has changed it since the revision @seen. */
static void put_member(struct bridge *b, uint64_t seen)
{
	json_t *request =
		json_pack("{s:[{s:s, s:s, s:o, s:o}], s:[{s:{s:o, s:o, s:o}}]}", "compare",
			  "target", "MOD", "result", "EQUAL", "key", member_key(b), "mod_revision",
			  number_json(seen), "success", "request_put", "key", member_key(b),
			  "value", member_value(b), "lease", number_json(b->lease));

	b->call = etcd_begin(b->etcd, "kv/txn", request, on_member, b);
	if (!b->call)
		session_pause(b);
}

/* Whether what @kv says is a bridge of this host that has ended without a word. */
static bool is_left_over(const json_t *kv)
{
	char boot[MEMBER_BOOT_MAX];
	struct member there;

	read_boot(boot);
	return member_read(&there, kv) && boot[0] && !strcmp(there.boot, boot) && there.pid &&
	       there.pid_space && there.pid_space == pid_space() &&
	       (there.pid == (uint32_t)getpid() || (kill((pid_t)there.pid, 0) && errno == ESRCH));
}

static void on_seen_member(int err, const json_t *answer, void *data)
{
	const json_t *kv = json_array_get(json_object_get(answer, "kvs"), 0);
	struct bridge *b = data;

	b->call = NULL;
	if (err) {
		session_fail(b, err, "range");
		return;
	}
	if (kv && etcd_number(kv, "lease") != b->lease && !is_left_over(kv)) {
		say_often(&b->failed,
			  "another bridge is in the cluster as host %s, or one was "
			  "until its lease ends: this one waits",
			  b->options->host);
		session_pause(b);
		return;
	}
	put_member(b, kv ? etcd_number(kv, "mod_revision") : 0);
}

void member_look(struct bridge *b)
{
	b->session = SESSION_MEMBER;
	b->call = etcd_begin(b->etcd, "kv/range", json_pack("{s:o}", "key", member_key(b)),
			     on_seen_member, b);
	if (!b->call)
		session_pause(b);
}

/*
 * Until when etcd keeps the lease for sure: it began to count when it got what was sent then, or later.
 * A tenth is for clocks that are not equally fast.
 */
static uint64_t member_certain(const struct bridge *b, uint64_t ttl)
{
	uint64_t most = ttl < 1000000 ? ttl : 1000000;

	return b->sent_at + most * SECOND - most * SECOND / 10;
}

static void on_grant(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;
	uint64_t lease = etcd_number(answer, "ID");

	b->call = NULL;
	if (err || !lease) {
		session_fail(b, err ? err : -EPROTO, "lease/grant");
		return;
	}
	session_touched(b);
	b->lease = lease;
	b->lease_until = b->touch + member_lease_time(b);
	b->certain = member_certain(b, etcd_number(answer, "TTL"));
	claims_certain(b);
	b->keep_at = b->touch + member_lease_time(b) / 3;
	member_look(b);
}

static void on_keep(int err, const json_t *answer, void *data)
{
	const json_t *result = json_object_get(answer, "result");
	struct bridge *b = data;

	b->keep = NULL;
	b->keep_at = clock_now() + member_lease_time(b) / 3;
	if (err == -ENOENT || (!err && !etcd_number(result, "TTL"))) {
		session_lease_lost(b);
	} else if (err) {
		b->keep_at = clock_after_ms(500);
		session_fail(b, err, "lease/keepalive");
	} else {
		session_touched(b);
		b->lease_until = b->touch + member_lease_time(b);
		b->certain = member_certain(b, etcd_number(result, "TTL"));
		claims_certain(b);
	}
}

void member_keep(struct bridge *b, uint64_t now)
{
	if (!b->lease || b->keep || now < b->keep_at)
		return;
	b->sent_at = clock_boot();
	b->keep = etcd_begin(b->etcd, "lease/keepalive",
			     json_pack("{s:o}", "ID", number_json(b->lease)), on_keep, b);
	if (!b->keep)
		b->keep_at = now + SECOND / 2;
}

void member_take_lease(struct bridge *b)
{
	b->session = SESSION_LEASE;
	b->sent_at = clock_boot();
	b->call = etcd_begin(b->etcd, "lease/grant",
			     json_pack("{s:i}", "TTL", (int)b->options->ttl), on_grant, b);
	if (!b->call)
		session_pause(b);
}
