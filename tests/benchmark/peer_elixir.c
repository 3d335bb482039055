/* SPDX-License-Identifier: MIT */
/*
 * A peer: Elixir's Registry, in a virtual machine of its own, which measures itself
 * (peer_elixir.exs): a line for each measurement that is asked for, a line for each answer.
 * Its processes are those of the machine, and who kills one knows of the death by a monitor.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/peer.h"

struct machine {
	pid_t pid;
	FILE *ask;
	FILE *answer;
};

static void machine_close(void *peer)
{
	struct machine *machine = peer;

	fclose(machine->ask);
	fclose(machine->answer);
	waitpid(machine->pid, NULL, 0);
	free(machine);
}

static void machine_run(const int ask[2], const int answer[2])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(ask[0], STDIN_FILENO);
	dup2(answer[1], STDOUT_FILENO);
	close(ask[0]);
	close(ask[1]);
	close(answer[0]);
	close(answer[1]);
	execlp("elixir", "elixir", BENCHMARK_FOLDER "/peer_elixir.exs", NULL);
	_exit(127);
}

static double machine_measure(void *peer, enum peer_measure what)
{
	struct machine *machine = peer;
	char line[64];
	double value;

	fprintf(machine->ask, "%d\n", what);
	fflush(machine->ask);
	if (!fgets(line, sizeof(line), machine->answer) || sscanf(line, "%lf", &value) != 1)
		die("elixir", -EIO);
	return value;
}

static void *machine_open(const struct bench_options *options, const char **why)
{
	struct machine *machine = room(sizeof(*machine));
	int ask[2], answer[2];
	char line[64];

	(void)options;
	if (pipe(ask) || pipe(answer))
		die("pipe", -errno);
	fflush(stdout);
	machine->pid = fork();
	if (machine->pid < 0)
		die("fork", -errno);
	if (!machine->pid)
		machine_run(ask, answer);
	close(ask[0]);
	close(answer[1]);
	machine->ask = fdopen(ask[1], "w");
	machine->answer = fdopen(answer[0], "r");
	if (!machine->ask || !machine->answer)
		die("fdopen", -errno);
	if (fgets(line, sizeof(line), machine->answer))
		return machine;
	*why = "elixir is not installed, or did not start";
	machine_close(machine);
	return NULL;
}

const struct peer peer_elixir = {
	.name = "Elixir's Registry",
	.has_owners = true,
	.open = machine_open,
	.close = machine_close,
	.measure = machine_measure,
};
