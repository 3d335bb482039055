/* SPDX-License-Identifier: MIT */
/*
 * regtool trace: runs a script of bpftrace on the probes of the library (kreg.7). It finds the script, the file that has
 * the probes, and the inode of the registry's file, by which a script tells one registry from another; bpftrace then
 * takes the place of this process.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/regtool.h"
#include "tools/trace/library.h"
#include "tools/trace/scripts.h"

/* The longest string that bpftrace 0.14 to 0.21 can take; longer keys are cut. */
#define STRING_MAX "200"

static const struct output_column columns[] = {
	{ "name", OUTPUT_TEXT, "of the script", false },
	{ "shows", OUTPUT_TEXT, "what it shows", false },
	{ "folder", OUTPUT_TEXT, "where its file is", true },
};

struct trace {
	bool list, all;
	pid_t pid;   /* 0: all processes */
	ino_t inode; /* 0: all registries */
	const char *what;
	char script[SCRIPT_PATH];
	char library[LIBRARY_PATH];
};

static int add_script(const char *name, const char *shows, void *data)
{
	const struct output_cell cells[] = { output_string(name), output_string(shows),
					     output_string(scripts_folder()) };

	return output_add(data, cells);
}

static int list(struct client *client)
{
	struct output *output;
	int read, err, status = client_list(client, &output);

	if (status)
		return status;
	read = scripts_each(add_script, output);
	err = output_end(output, read);
	if (read) {
		fprintf(stderr,
			"regtool: cannot list the scripts in %s: %s; KREG_BPFTRACE_DIR may name "
			"another folder\n",
			scripts_folder(), strerror(-read));
		return REGTOOL_ERROR;
	}
	return err ? client_fail(client, err, "list the scripts") : REGTOOL_DONE;
}

/* Finds the file of the registry client->name. */
static int find_file(const struct kreg_registry *registry, void *data)
{
	const struct client *client = ((void **)data)[0];
	struct trace *trace = ((void **)data)[1];
	char path[4096], own[16];
	size_t size = (size_t)snprintf(own, sizeof(own), "%u:", geteuid());
	const char *name = client->name + (strncmp(client->name, own, size) ? 0 : size);
	const char *last = strrchr(registry->name, ':');
	struct stat file;

	if (strcmp(registry->name, name))
		return 0;
	snprintf(path, sizeof(path), "%s/kreg.%u.%s", registry->directory, registry->uid,
		 last ? last + 1 : registry->name);
	if (stat(path, &file))
		return 0;
	trace->inode = file.st_ino;
	return 1;
}

static int find_registry(struct client *client, struct trace *trace)
{
	void *data[] = { client, trace };
	int err, status = client_name(client, client->registry);

	if (status || trace->all)
		return status;
	err = kreg_registries_each(&client->options, 0, find_file, data);
	if (err < 0)
		return client_fail(client, err, "find registry \"%s\"", client->name);
	return trace->inode ? REGTOOL_DONE : client_no_registry(client);
}

static int find_script(const struct client *client, struct trace *trace)
{
	int err = script_find(trace->script, trace->what);

	if (!err)
		return REGTOOL_DONE;
	if (err != -EINVAL && err != -ENOENT) {
		fprintf(stderr, "regtool: cannot read %s: %s\n", trace->script, strerror(-err));
		return REGTOOL_ERROR;
	}
	if (access(scripts_folder(), R_OK)) {
		fprintf(stderr,
			"regtool: cannot read %s: %s; install the scripts of contrib/bpftrace "
			"there, or set KREG_BPFTRACE_DIR\n",
			scripts_folder(), strerror(errno));
		return REGTOOL_ERROR;
	}
	return client_misuse(
		client, "trace: there is no script of that name in %s; see `regtool trace --list`",
		scripts_folder());
}

static int find_library(struct trace *trace)
{
	int err = library_find(trace->library, trace->pid);

	if (!err)
		return REGTOOL_DONE;
	if (err == -ESRCH) {
		fprintf(stderr, "regtool: there is no process %d\n", trace->pid);
		return REGTOOL_NOT_FOUND;
	}
	if (err == -ESTALE)
		fprintf(stderr,
			"regtool: process %d runs %s, so the probes cannot be found; restart it\n",
			trace->pid, trace->library);
	else if (err == -ENOENT)
		fprintf(stderr, "regtool: %s has no probes of kreg: %s\n", trace->library,
			trace->pid ? "the process does not use the library, or one that was built "
				     "without sys/sdt.h"
				   : "build the library where sys/sdt.h is (systemtap-sdt-dev)");
	else if (err == -EACCES || err == -EPERM)
		fprintf(stderr,
			"regtool: cannot see what process %d has mapped: %s; run as root, with "
			"CAP_SYS_PTRACE\n",
			trace->pid, strerror(-err));
	else
		fprintf(stderr, "regtool: cannot read %s: %s\n", trace->library, strerror(-err));
	return REGTOOL_ERROR;
}

static int run_script(const struct trace *trace)
{
	char pid[16], inode[24];
	const char *arguments[8] = { "bpftrace", "-q" };
	int count = 2;

	snprintf(pid, sizeof(pid), "%d", trace->pid);
	snprintf(inode, sizeof(inode), "%" PRIu64, (uint64_t)trace->inode);
	if (trace->pid) {
		arguments[count++] = "-p";
		arguments[count++] = pid;
	}
	arguments[count++] = trace->script;
	arguments[count++] = trace->library;
	arguments[count] = inode;
	if (geteuid()) {
		fprintf(stderr,
			"regtool: cannot trace: only root may attach to probes; run as root\n");
		return REGTOOL_ERROR;
	}
	setenv("BPFTRACE_STRLEN", STRING_MAX, 0);
	fflush(NULL);
	execvp(arguments[0], (char *const *)arguments);
	fprintf(stderr, "regtool: cannot run bpftrace: %s; %s\n", strerror(errno),
		errno == ENOENT ? "install the package bpftrace" : "see bpftrace(8)");
	return REGTOOL_ERROR;
}

static int parse_options(struct client *client, struct trace *trace, int argc, char **argv)
{
	int option, status = REGTOOL_DONE;
	uint64_t pid;

	while (!status && (option = client_option(client, argc, argv)) != -1) {
		if (option == 'l') {
			trace->list = true;
		} else if (option == 'a') {
			trace->all = true;
		} else {
			status = client_range(client, "--pid", optarg, 1, INT32_MAX, &pid);
			trace->pid = status ? 0 : (pid_t)pid;
		}
	}
	if (!status && trace->list && (trace->all || trace->pid))
		status = client_misuse(client, "trace: --list takes neither --pid nor --all");
	if (!status)
		status = client_count_arguments(client, argc, argv, "WHAT", !trace->list,
						!trace->list);
	trace->what = argv[optind];
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	struct trace trace = { .pid = 0 };
	int status = parse_options(client, &trace, argc, argv);

	if (status)
		return status;
	if (trace.list)
		return list(client);
	status = find_script(client, &trace);
	if (!status)
		status = find_registry(client, &trace);
	if (!status)
		status = find_library(&trace);
	return status ? status : run_script(&trace);
}

static const struct command_option options[] = {
	{ "pid", 'p', "PID", "only what this process does; its copy of the library is traced",
	  false },
	{ "all", 'a', NULL, "all registries of the host", false },
	{ "list", 'l', NULL, "the scripts, and what each shows", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool trace registrations", "which names come and go, until ^C" },
	{ "regtool trace --all grace",
	  "which process delays the reuse of memory, in whichever registry" },
	{ "regtool trace latency --pid 4711", "how long the registrations of a process take" },
	{ 0 },
};

COMMAND(trace) = {
	.name = "trace",
	.group = COMMAND_READS,
	.synopsis = "trace registrations|purges|sweeps|latency|grace [--pid PID] [--all] | "
		    "--list " LIST_SYNOPSIS,
	.summary = "show what happens in a registry, by bpftrace",
	.options = options,
	.examples = examples,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.list = "scripts",
	.run = run,
};
