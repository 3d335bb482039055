/* SPDX-License-Identifier: MIT */
/* A peer: a table of SQLite in a tmpfs, with a write-ahead log. Its rows have no owners. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "tests/benchmark/peer.h"

struct member {
	sqlite3 *db;
	sqlite3_stmt *take;
	sqlite3_stmt *give_up;
	sqlite3_stmt *find;
};

static void *sqlite_open(const struct bench_options *options, const char **why)
{
	char *path = room(160);

	(void)why;
	snprintf(path, 160, "%s/sqlite", options->registry.directory);
	return path;
}

static void prepare(struct member *m, sqlite3_stmt **statement, const char *text)
{
	if (sqlite3_prepare_v2(m->db, text, -1, statement, NULL) != SQLITE_OK)
		die(text, -EIO);
}

static void *sqlite_join(void *peer)
{
	struct member *m = room(sizeof(*m));

	if (sqlite3_open(peer, &m->db) != SQLITE_OK ||
	    sqlite3_exec(m->db,
			 "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
			 "CREATE TABLE IF NOT EXISTS names (key BLOB PRIMARY KEY, value BLOB) "
			 "WITHOUT ROWID",
			 NULL, NULL, NULL) != SQLITE_OK)
		die("sqlite", -EIO);
	prepare(m, &m->take, "INSERT INTO names VALUES (?, x'0102030405060708')");
	prepare(m, &m->give_up, "DELETE FROM names WHERE key = ?");
	prepare(m, &m->find, "SELECT value FROM names WHERE key = ?");
	return m;
}

static void sqlite_leave(void *member)
{
	struct member *m = member;

	sqlite3_finalize(m->take);
	sqlite3_finalize(m->give_up);
	sqlite3_finalize(m->find);
	sqlite3_close(m->db);
	free(m);
}

static int run(sqlite3_stmt *statement, uint32_t number)
{
	int result;

	sqlite3_bind_blob(statement, 1, peer_name(number), PEER_NAME_SIZE, SQLITE_STATIC);
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	if (result != SQLITE_DONE && result != SQLITE_ROW)
		die("sqlite", -EIO);
	return result;
}

static void sqlite_take(void *member, uint32_t number)
{
	run(((struct member *)member)->take, number);
}

static void sqlite_give_up(void *member, uint32_t number)
{
	run(((struct member *)member)->give_up, number);
}

static bool sqlite_find(void *member, uint32_t number)
{
	return run(((struct member *)member)->find, number) == SQLITE_ROW;
}

const struct peer peer_sqlite = {
	.name = "SQLite",
	.lookups = 10000,
	.pairs = 2000,
	.open = sqlite_open,
	.close = free,
	.join = sqlite_join,
	.leave = sqlite_leave,
	.take = sqlite_take,
	.give_up = sqlite_give_up,
	.find = sqlite_find,
};
