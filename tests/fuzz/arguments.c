/* SPDX-License-Identifier: MIT */
/*
 * regtool's arguments: whatever they are, it ends with one of its statuses, says why if that is not 0, and
 * neither crashes nor hangs. Each input is one run of it, as a process of its own, with some of its standard
 * descriptors closed.
 *
 * It works in a folder of its own, without a guard: what an input makes it do reaches nobody else.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/fuzz/target.h"
#include "tests/support/tmp.h"

#define ARGUMENTS_MAX 10u
#define LENGTH_MAX 300u
#define OUTPUT_MAX 4096u
#define STATUS_LAST 4
/* Only a hang reaches it, but for the commands that wait. */
#define SECONDS 20u

const char fuzz_name[] = "arguments";
const unsigned int fuzz_runs = 120;

static const char *const words[] = {
	"ls",        "get",          "lookup",     "keys",         "select",
	"count",     "watch",        "wait",       "signal",       "run",
	"meta",      "ps",           "up",         "down",         "owners",
	"stat",      "check",        "create",     "destroy",      "sweep",
	"guard",     "key",          "registry",   "start",        "stop",
	"status",    "--",           "-",          "true",         "0",
	"1",         "-1",           "4294967296", "1e9",          "99999999999999999999",
	"",          "nobody:x",     "0:registry", "a/b",          "..",
	"%s%n",      "TERM",         "--json",     "--help",       "--registry",
	"--timeout", "--gone",       "--force",    "--value",      "--prefix",
	"--glob",    "--owner",      "--keys",     "--partitions", "--max-bytes",
	"--mode",    "--notify",     "--ready-fd", "--keep",       "--until",
	"--format",  "--version",    "-r",         "--file",       "--slots",
	"--seats",   "--group",      "--patience", "--known",      "--summary",
	"--pin",     "--path",       "--size",     "--wait",       "set",
	"delete",    "services.ini",
};

#define WORDS (sizeof(words) / sizeof(*words))

static char regtool[4096];

static void set_up(void)
{
	const char *path = getenv("REGTOOL");

	fuzz_must(realpath(path ? path : "./regtool", regtool) != NULL, "regtool is not there");
	fuzz_must(!setenv("KREG_DIR", tmp_directory(), 1), "setenv");
	fuzz_must(!setenv("KREG_GUARD", "none", 1), "setenv");
}

/* Words of its own, or any bytes. */
static int read_arguments(struct fuzz_input *input, char **argv, char room[][LENGTH_MAX])
{
	size_t bytes, i;
	int argc = 1;
	uint64_t word;

	argv[0] = (char *)"regtool";
	for (; input->left && argc <= (int)ARGUMENTS_MAX; argc++) {
		word = fuzz_take(input, 1);
		if (word < WORDS) {
			snprintf(room[argc], LENGTH_MAX, "%s", words[word]);
		} else {
			bytes = word % LENGTH_MAX;
			for (i = 0; i < bytes && input->left; i++)
				room[argc][i] = (char)fuzz_take(input, 1);
			room[argc][i] = 0;
		}
		argv[argc] = room[argc];
	}
	argv[argc] = NULL;
	return argc;
}

static void run(char **argv, uint64_t closed, int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	/* In a session of its own, which goes as a whole. */
	setsid();
	if (null < 0 || chdir(tmp_directory()))
		_exit(STATUS_LAST);
	dup2(null, 0);
	dup2(null, 1);
	dup2(output, 2);
	for (fd = 0; fd < 3; fd++)
		if (closed & 1u << fd)
			close(fd);
	execv(regtool, argv);
	_exit(STATUS_LAST);
}

/* Some commands wait for what may never come; all others end. */
static int waits(char *const *argv)
{
	for (argv++; *argv; argv++)
		if (!strcmp(*argv, "watch") || !strcmp(*argv, "wait") || !strcmp(*argv, "run"))
			return 1;
	return 0;
}

static int await_end(pid_t pid, char *const *argv)
{
	unsigned int ms = waits(argv) ? 100 : SECONDS * 1000;
	int status;

	for (; ms; ms--) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(1000);
	}
	kill(-pid, SIGKILL);
	fuzz_must(waitpid(pid, &status, 0) == pid, "waitpid");
	fuzz_must(waits(argv), "regtool hangs");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[ARGUMENTS_MAX + 1][LENGTH_MAX];
	char *argv[ARGUMENTS_MAX + 2];
	struct fuzz_input input = { data, size };
	uint64_t closed = fuzz_take(&input, 1) % 8;
	int output, status;
	struct stat st;
	pid_t pid;

	if (!*regtool)
		set_up();
	read_arguments(&input, argv, room);
	output = open(tmp_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	fuzz_must(output >= 3, "a file for the output");
	pid = fork();
	fuzz_must(pid >= 0, "fork");
	if (!pid)
		run(argv, closed, output);
	status = await_end(pid, argv);
	fuzz_must(WIFEXITED(status), "regtool was killed by a signal");
	fuzz_must(WEXITSTATUS(status) <= STATUS_LAST,
		  "regtool ends with a status that the manual does not have");
	fuzz_must(!fstat(output, &st), "fstat");
	/* 1 may be silent: what was asked for is not there. */
	fuzz_must(WEXITSTATUS(status) < 2 || st.st_size || closed & 4,
		  "regtool fails without a word");
	close(output);
	return 0;
}
