/* SPDX-License-Identifier: MIT */
/* A peer: LMDB, a tree in a mapped file, read in transactions. Its entries have no owners. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "tests/benchmark/peer.h"

#define LMDB_BYTES (16u << 20)

struct member {
	MDB_env *env;
	MDB_dbi names;
	MDB_txn *reading; /* reset: renewed for each lookup */
};

static void check(int err)
{
	if (err)
		die("lmdb", err > 0 ? -err : -EIO);
}

static void *lmdb_open(const struct bench_options *options, const char **why)
{
	char *path = room(160);

	(void)why;
	snprintf(path, 160, "%s/lmdb", options->registry.directory);
	return path;
}

static void *lmdb_join(void *peer)
{
	struct member *m = room(sizeof(*m));
	MDB_txn *txn;

	check(mdb_env_create(&m->env));
	check(mdb_env_set_mapsize(m->env, LMDB_BYTES));
	check(mdb_env_open(m->env, peer, MDB_NOSUBDIR | MDB_NOSYNC | MDB_WRITEMAP, 0600));
	check(mdb_txn_begin(m->env, NULL, 0, &txn));
	check(mdb_dbi_open(txn, NULL, MDB_CREATE, &m->names));
	check(mdb_txn_commit(txn));
	check(mdb_txn_begin(m->env, NULL, MDB_RDONLY, &m->reading));
	mdb_txn_reset(m->reading);
	return m;
}

static void lmdb_leave(void *member)
{
	struct member *m = member;

	mdb_txn_abort(m->reading);
	mdb_env_close(m->env);
	free(m);
}

static MDB_val name_of(uint32_t number)
{
	return (MDB_val){ PEER_NAME_SIZE, (void *)(uintptr_t)peer_name(number) };
}

static void lmdb_take(void *member, uint32_t number)
{
	struct member *m = member;
	uint64_t content = number;
	MDB_val key = name_of(number), value = { sizeof(content), &content };
	MDB_txn *txn;

	check(mdb_txn_begin(m->env, NULL, 0, &txn));
	check(mdb_put(txn, m->names, &key, &value, MDB_NOOVERWRITE));
	check(mdb_txn_commit(txn));
}

static void lmdb_give_up(void *member, uint32_t number)
{
	struct member *m = member;
	MDB_val key = name_of(number);
	MDB_txn *txn;

	check(mdb_txn_begin(m->env, NULL, 0, &txn));
	check(mdb_del(txn, m->names, &key, NULL));
	check(mdb_txn_commit(txn));
}

static bool lmdb_find(void *member, uint32_t number)
{
	struct member *m = member;
	MDB_val key = name_of(number), value;
	uint64_t content = 0;
	int err;

	check(mdb_txn_renew(m->reading));
	err = mdb_get(m->reading, m->names, &key, &value);
	if (!err)
		memcpy(&content, value.mv_data, sizeof(content));
	mdb_txn_reset(m->reading);
	return !err;
}

const struct peer peer_lmdb = {
	.name = "LMDB",
	.lookups = 50000,
	.pairs = 10000,
	.open = lmdb_open,
	.close = free,
	.join = lmdb_join,
	.leave = lmdb_leave,
	.take = lmdb_take,
	.give_up = lmdb_give_up,
	.find = lmdb_find,
};
