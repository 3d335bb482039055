/* SPDX-License-Identifier: MIT */
/* A peer: Redis by a Unix socket. Its keys have no owners. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "tests/benchmark/peer.h"

struct redis {
	pid_t pid;
	char path[160];
};

static void *redis_open(const struct bench_options *options, const char **why)
{
	struct redis *redis = room(sizeof(*redis));
	const char *argv[] = { "redis-server", "--port", "0", "--unixsocket",
			       redis->path,    "--save", "",  "--appendonly",
			       "no",           NULL };

	snprintf(redis->path, sizeof(redis->path), "%s/redis", options->registry.directory);
	redis->pid = peer_program(argv);
	if (redis->pid < 0) {
		*why = "redis-server is not installed";
		free(redis);
		return NULL;
	}
	while (access(redis->path, F_OK))
		usleep(1000);
	return redis;
}

static void redis_close(void *peer)
{
	struct redis *redis = peer;

	peer_program_end(redis->pid);
	free(redis);
}

static void *redis_join(void *peer)
{
	const struct redis *redis = peer;
	redisContext *member = redisConnectUnix(redis->path);

	if (!member || member->err)
		die("redis", -ECONNREFUSED);
	return member;
}

static void redis_leave(void *member)
{
	redisFree(member);
}

static redisReply *redis_say(void *member, const char *format, uint32_t number)
{
	redisReply *reply = redisCommand(member, format, peer_name(number));

	if (!reply || reply->type == REDIS_REPLY_ERROR)
		die("redis", -EIO);
	return reply;
}

static void redis_take(void *member, uint32_t number)
{
	freeReplyObject(redis_say(member, "SET %s 12345678 NX", number));
}

static void redis_give_up(void *member, uint32_t number)
{
	freeReplyObject(redis_say(member, "DEL %s", number));
}

static bool redis_find(void *member, uint32_t number)
{
	redisReply *reply = redis_say(member, "GET %s", number);
	bool found = reply->type == REDIS_REPLY_STRING;

	freeReplyObject(reply);
	return found;
}

const struct peer peer_redis = {
	.name = "Redis",
	.lookups = 2000,
	.pairs = 500,
	.open = redis_open,
	.close = redis_close,
	.join = redis_join,
	.leave = redis_leave,
	.take = redis_take,
	.give_up = redis_give_up,
	.find = redis_find,
};
