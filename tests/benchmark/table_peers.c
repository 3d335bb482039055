/* SPDX-License-Identifier: MIT */
/*
 * The table of peers: kreg beside what else lets the processes of a host find each other by
 * name. Time is that of the clock, because a server's counts too.
 *
 * A death: a process takes PEER_NAMES names and is killed. "gone" is the time until the last
 * of them is not found, "still found" how many are found when waitpid(2) has returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/peer.h"
#include "tests/benchmark/tables.h"

#define GONE_LIMIT_NS 5e9

static const struct peer *const peers[] = { &peer_kreg,   &peer_dbus, &peer_redis,
					    &peer_sqlite, &peer_lmdb, &peer_elixir };
#define PEERS (sizeof(peers) / sizeof(peers[0]))

struct contest {
	const struct bench_options *options;
	void *open[PEERS]; /* NULL: it takes no part */
	void *member[PEERS];
	double value[PEER_MEASURES][PEERS][TURNS_MAX];
	double ratio[PEERS][TURNS_MAX];
};

static char names[2 * PEER_NAMES + 1][PEER_NAME_SIZE + 1];

const char *peer_name(uint32_t number)
{
	return names[number];
}

static void names_make(void)
{
	uint32_t i;

	for (i = 0; i <= 2 * PEER_NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "kreg.benchmark.n%08u", i % 100000000);
}

pid_t peer_program(const char *const *argv)
{
	int ends[2], err = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		die("pipe", -errno);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork", -errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr))
			execvp(argv[0], (char *const *)(uintptr_t)argv);
		err = -errno;
		if (write(ends[1], &err, sizeof(err)) < 0)
			_exit(2);
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], &err, sizeof(err)) == sizeof(err))
		waitpid(pid, NULL, 0);
	close(ends[0]);
	return err ? err : pid;
}

void peer_program_end(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static double lookups(const struct peer *peer, void *member)
{
	uint64_t random = 1;
	uint32_t i;
	double start = now_ns();

	for (i = 0; i < peer->lookups; i++) {
		if (!peer->find(member, (uint32_t)(random_next(&random) % PEER_NAMES)))
			die(peer->name, -ENOENT);
	}
	return (now_ns() - start) / peer->lookups;
}

static double pairs(const struct peer *peer, void *member)
{
	uint32_t i;
	double start = now_ns();

	for (i = 0; i < peer->pairs; i++) {
		peer->take(member, PEER_NAMES);
		peer->give_up(member, PEER_NAMES);
	}
	return (now_ns() - start) / peer->pairs;
}

/* A process that has taken the names after the first PEER_NAMES. */
static pid_t owner_start(const struct peer *peer, void *open)
{
	int ready[2];
	uint32_t i;
	pid_t pid;
	char byte;

	if (pipe(ready))
		die("pipe", -errno);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork", -errno);
	if (!pid) {
		void *member;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		member = peer->join(open);
		for (i = 0; i < PEER_NAMES; i++)
			peer->take(member, PEER_NAMES + 1 + i);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("an owner of names", -ESRCH);
	close(ready[0]);
	return pid;
}

static double gone(const struct peer *peer, void *open, void *member)
{
	pid_t pid = owner_start(peer, open);
	double start = now_ns();

	kill(pid, SIGKILL);
	while (peer->find(member, 2 * PEER_NAMES)) {
		if (now_ns() - start > GONE_LIMIT_NS)
			die(peer->name, -ETIMEDOUT);
	}
	start = now_ns() - start;
	waitpid(pid, NULL, 0);
	return start / 1000;
}

static double still(const struct peer *peer, void *open, void *member)
{
	pid_t pid = owner_start(peer, open);
	uint32_t i, found = 0;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < PEER_NAMES; i++)
		found += peer->find(member, PEER_NAMES + 1 + i);
	/* The next death has to find the names free. */
	while (peer->find(member, 2 * PEER_NAMES))
		;
	return found;
}

static double measure(const struct contest *c, size_t which, enum peer_measure what)
{
	const struct peer *peer = peers[which];
	void *open = c->open[which], *member = c->member[which];

	if (peer->measure)
		return peer->measure(open, what);
	switch (what) {
	case PEER_LOOKUP:
		return lookups(peer, member);
	case PEER_PAIR:
		return pairs(peer, member);
	case PEER_GONE:
		return gone(peer, open, member);
	default:
		return still(peer, open, member);
	}
}

static void peers_open(struct contest *c)
{
	size_t which;
	uint32_t i;

	for (which = 0; which < PEERS; which++) {
		const char *why = "its library was missing when this was configured";

		if (peers[which])
			c->open[which] = peers[which]->open(c->options, &why);
		if (!c->open[which]) {
			printf("  a peer is left out: %s%s%s\n",
			       peers[which] ? peers[which]->name : "", peers[which] ? ": " : "",
			       why);
			continue;
		}
		if (peers[which]->measure)
			continue;
		c->member[which] = peers[which]->join(c->open[which]);
		for (i = 0; i < PEER_NAMES; i++)
			peers[which]->take(c->member[which], i);
	}
}

static void peers_close(struct contest *c)
{
	size_t which;

	for (which = 0; which < PEERS; which++) {
		if (c->member[which])
			peers[which]->leave(c->member[which]);
		if (c->open[which])
			peers[which]->close(c->open[which]);
	}
}

static bool takes_part(const struct contest *c, size_t which, enum peer_measure what)
{
	return c->open[which] && (what < PEER_GONE || peers[which]->has_owners);
}

static void rows_print(struct contest *c, enum peer_measure what)
{
	static const char *const words[] = { "lookup", "pair", "gone", "still found" };
	static const char *const units[] = { "ns", "ns", "us", "names" };
	int turn, turns = c->options->turns;
	char name[64];
	size_t which;

	for (which = 0; which < PEERS; which++) {
		if (!takes_part(c, which, what))
			continue;
		for (turn = 0; turn < turns; turn++)
			c->ratio[which][turn] =
				c->value[what][which][turn] / c->value[what][0][turn];
	}
	for (which = 0; which < PEERS; which++) {
		bool beside = which && what != PEER_STILL;

		if (!takes_part(c, which, what))
			continue;
		snprintf(name, sizeof(name), "%s: %s", words[what], peers[which]->name);
		row_print(name, c->value[what][which], units[what], beside ? c->ratio[which] : NULL,
			  turns, NULL);
	}
}

static void peers_run(const struct bench_options *options)
{
	struct contest *c = room(sizeof(*c));
	char title[96];
	size_t which;
	int turn, what;

	c->options = options;
	names_make();
	snprintf(title, sizeof(title), "Peers: %u names, owners of %u that are killed", PEER_NAMES,
		 PEER_NAMES);
	title_print(options, title);
	peers_open(c);
	for (turn = 0; turn < options->turns; turn++) {
		for (what = 0; what < PEER_MEASURES; what++) {
			for (which = 0; which < PEERS; which++) {
				if (takes_part(c, which, what))
					c->value[what][which][turn] = measure(c, which, what);
			}
		}
	}
	peers_close(c);
	row_heading("kreg");
	for (what = 0; what < PEER_MEASURES; what++)
		rows_print(c, what);
	free(c);
}

const struct table table_peers = {
	.name = "peers",
	.title = "kreg beside D-Bus, Redis, SQLite, LMDB and Elixir's Registry",
	.run = peers_run,
};
