/* SPDX-License-Identifier: MIT */
/*
 * Programs that are started under names, by victims that are killed, stopped or replaced
 * by exec meanwhile. Each program ends: by itself after some milliseconds, with its
 * starter, or because its starter ends its child, which is the foster parent in the
 * fallback. The engine is notified of programs that outlive their starter, and waits for
 * the last of them at the end of a round.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/kreg-services.h"
#include "tests/torture/victim.h"

#define PROGRAM_WORD "torture-program"
#define NAMES 3u
#define LIFE_MS 30u

/* The victim chooses one of three. */
enum ending { ENDS_BY_ITSELF, ENDS_WITH_STARTER, ENDS_AT_ONCE };

bool torture_is_started(const void *key, size_t key_size)
{
	return key_size > 6 && !memcmp(key, "start-", 6);
}

void torture_program(int argc, char **argv)
{
	struct timespec life = { 0 };

	if (argc != 3 || strcmp(argv[1], PROGRAM_WORD))
		return;
	life.tv_nsec = 1000000l * atoi(argv[2]);
	while (!life.tv_nsec)
		pause();
	nanosleep(&life, NULL);
	_exit(0);
}

/* A child that waitpid() has reported is over: its name is not found with it any longer. */
static void end_child(struct victim *v, const char *key, uint32_t key_size,
		      const struct kreg_started *started)
{
	struct kreg_owner owner = started->owner;

	/* In the fallback the child is the parent of the program. */
	kill(random_below(v, 2) ? owner.pid : started->child, SIGKILL);
	waitpid(started->child, NULL, 0);
	if (kreg_owner_is_alive(v->k, &owner))
		complain(v, "%d was started and is reaped, and counts as alive", owner.pid);
	victim_look(v, key, key_size, owner.token);
}

void victim_start(struct victim *v)
{
	enum ending ending = random_below(v, 3);
	uint32_t key_size, size, life = 1 + random_below(v, LIFE_MS);
	struct kreg_started started = { .size = sizeof(started) };
	char key[16], life_ms[16];
	const char *const argv[] = { "/proc/self/exe", PROGRAM_WORD, life_ms, NULL };
	KREG_START(how, .argv = argv);
	unsigned char *value;
	int err;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	key_size = (uint32_t)sprintf(key, "start-%u", random_below(v, NAMES));
	sprintf(life_ms, "%u", ending == ENDS_BY_ITSELF ? life : 0);
	how.flags = ending == ENDS_BY_ITSELF ? 0 : KREG_START_DIES_WITH_STARTER;
	victim_value(v, key, key_size, &value, &size);
	how.value = value;
	how.value_size = size;
	victim_look(v, key, key_size, 0);
	begin(v, CALL_START);
	err = kreg_start(v->k, key, key_size, &how, &started);
	end(v, CALL_START);
	store_relaxed(&v->line->started, v->line->started + !err);
	if (!err && ending == ENDS_AT_ONCE)
		end_child(v, key, key_size, &started);
	if (err == -EEXIST && started.owner.token && victim_was_reaped(v, started.owner.token))
		complain(v, "%s was refused for %d, which had been reaped", key, started.owner.pid);
	/*
	 * It may end too soon; a value may be too large; a process that is no longer root
	 * cannot end programs of root, nor read in /proc what other processes left that
	 * were root.
	 */
	if (err && err != -EEXIST && err != -EMSGSIZE &&
	    !(err == -ECHILD && ending == ENDS_BY_ITSELF) &&
	    !((err == -EPERM || err == -EACCES) && geteuid()) && !is_full(v, err))
		complain(v, "starting %s: %s", key, kreg_strerror(err));
}
