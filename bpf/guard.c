/* SPDX-License-Identifier: MIT */
/*
 * Load, pin, ask, unpin.
 *
 * All pins are made in a folder of another name, PATH-new-PID, which is renamed to PATH when it is whole;
 * stopping begins by renaming PATH to PATH-old-PID. So:
 *
 *   killed here                  what is left
 *   start, before the rename     PATH-new-PID: programs without a use; the next start removes it
 *   start, after it              a guard
 *   stop, before the rename      a guard that gives no seats: start and stop both repair it
 *   stop, after it               PATH-old-PID, which the next start or stop removes
 *
 * Stopping sets a flag in the kernel, looks at all lives then, and goes back if one is alive. A process
 * that attaches publishes its life and looks at the flag then; one of both sees the other.
 */
#include "bpf/guard_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/types.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/guard.skel.h"
#include "bpf/life_layout.h"

#define BPFFS "/sys/fs/bpf"

/* libbpf's last words, for the sentence if loading fails. */
static char last_words[256];

__attribute__((format(printf, 2, 0))) static int keep_words(enum libbpf_print_level level,
							    const char *format, va_list list)
{
	if (level == LIBBPF_WARN)
		vsnprintf(last_words, sizeof(last_words), format, list);
	return 0;
}

void guard_say(const struct guard_options *o, const char *format, ...)
{
	char sentence[768];
	va_list list;

	if (!o->log)
		return;
	va_start(list, format);
	vsnprintf(sentence, sizeof(sentence), format, list);
	va_end(list);
	o->log(o->log_data, sentence);
}

const char *guard_path(const struct guard_options *o)
{
	return o->path ? o->path : LIFE_GUARD_DEFAULT;
}

static int name_join(char *out, const char *folder, const char *name)
{
	return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int guard_check(const struct guard_options *options)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		guard_say(options,
			  "this kernel has no BTF (/sys/kernel/btf/vmlinux); the guard needs "
			  "CONFIG_DEBUG_INFO_BTF and Linux 5.19 or later");
		return -ENOTSUP;
	}
	if (bpf_prog_get_next_id(0, &(__u32){ 0 }) && errno != ENOENT) {
		int err = -errno;

		guard_say(options, "the bpf system call is refused: %s; the guard needs root",
			  strerror(-err));
		return err;
	}
	return 0;
}

static void remove_folder(const char *folder)
{
	DIR *at = opendir(folder);
	struct dirent *entry;

	if (!at)
		return;
	while ((entry = readdir(at))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(at), entry->d_name, 0);
	}
	closedir(at);
	rmdir(folder);
}

/* What a starter or stopper left that was killed: PATH-new-PID or PATH-old-PID. */
static void remove_leftovers(const char *path)
{
	char parent[PATH_MAX], folder[PATH_MAX];
	const char *base = strrchr(path, '/');
	struct dirent *entry;
	DIR *at;

	if (!base || snprintf(parent, sizeof(parent), "%.*s", (int)(base - path), path) >=
			     (int)sizeof(parent))
		return;
	base++;
	at = opendir(*parent ? parent : "/");
	if (!at)
		return;
	while ((entry = readdir(at))) {
		const char *rest = entry->d_name + strlen(base);
		pid_t pid;

		if (strncmp(entry->d_name, base, strlen(base)) ||
		    (strncmp(rest, "-new-", 5) && strncmp(rest, "-old-", 5)))
			continue;
		pid = (pid_t)strtol(rest + 5, NULL, 10);
		if (pid > 0 && kill(pid, 0) && errno == ESRCH &&
		    !name_join(folder, parent, entry->d_name))
			remove_folder(folder);
	}
	closedir(at);
}

/* Everybody has to get to the attach file, so the way there must be open. */
static int prepare_bpffs(const struct guard_options *o)
{
	struct statfs fs;
	struct stat st;

	if (strncmp(guard_path(o), BPFFS "/", strlen(BPFFS "/")))
		return 0;
	if (statfs(BPFFS, &fs))
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755")) {
		int err = -errno;

		guard_say(o,
			  "cannot mount bpffs at " BPFFS
			  ": %s; mount it there, or ask for another path",
			  strerror(-err));
		return err;
	}
	if (stat(BPFFS, &st))
		return -errno;
	if ((st.st_mode & 0111) != 0111 && chmod(BPFFS, (st.st_mode & 07777) | 0111))
		return -errno;
	return 0;
}

static int set_up_control(struct guard_bpf *guard, uint32_t number)
{
	struct life_control control = { .magic = LIFE_MAGIC, .layout = LIFE_LAYOUT };
	__u32 zero = 0;

	control.seats = number;
	while (!control.identity) {
		if (getrandom(&control.identity, sizeof(control.identity), 0) < 0)
			return -errno;
	}
	if (bpf_map_update_elem(bpf_map__fd(guard->maps.control), &zero, &control, BPF_ANY))
		return -errno;
	/* From here on only the programs can write what processes map. */
	if (bpf_map_freeze(bpf_map__fd(guard->maps.lives)) ||
	    bpf_map_freeze(bpf_map__fd(guard->maps.seats)) ||
	    bpf_map_freeze(bpf_map__fd(guard->maps.control)))
		return -errno;
	return 0;
}

static int load(struct guard_bpf **out, uint32_t number, uint32_t faults)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct guard_bpf *guard;
	int err;

	/* Before 5.11 maps count against it; where that is so, root may. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	guard = guard_bpf__open();
	if (!guard)
		return -errno;
	bpf_map__set_max_entries(guard->maps.lives, number);
	bpf_map__set_max_entries(guard->maps.seats, number);
	/* Twice the seats: what could not be removed takes no place away before it is as much again. */
	bpf_map__set_max_entries(guard->maps.owners, 2 * number);
	guard->rodata->faults = faults;
	err = guard_bpf__load(guard);
	if (!err)
		err = set_up_control(guard, number);
	if (err)
		guard_bpf__destroy(guard);
	else
		*out = guard;
	return err;
}

/*
 * An iterator over tasks, because hardened kernels refuse those over the elements of a map, whose programs
 * get a buffer to write into. One task is the least that it can go over; before 6.1 it goes over all.
 */
static int attach(struct guard_bpf *guard)
{
	union bpf_iter_link_info info = { .task.tid = 1 };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
			    .link_info_len = sizeof(info));

	guard->links.on_exit = bpf_program__attach(guard->progs.on_exit);
	if (!guard->links.on_exit)
		return -errno;
	guard->links.on_exec = bpf_program__attach(guard->progs.on_exec);
	if (!guard->links.on_exec)
		return -errno;
	guard->links.attach = bpf_program__attach_iter(guard->progs.attach, &options);
	return guard->links.attach ? 0 : -errno;
}

static int pin(const char *folder, const char *name, int fd, mode_t mode)
{
	char file[PATH_MAX];
	int err = name_join(file, folder, name);

	if (err)
		return err;
	if (bpf_obj_pin(fd, file))
		return -errno;
	return chmod(file, mode) ? -errno : 0;
}

static int pin_all(struct guard_bpf *guard, const char *folder)
{
	const struct {
		const char *name;
		int fd;
		mode_t mode;
	} pins[] = {
		/* 0666, because a map opened for reading alone can't be mapped; it is frozen. */
		{ LIFE_PIN_LIVES, bpf_map__fd(guard->maps.lives), 0666 },
		{ LIFE_PIN_SEATS, bpf_map__fd(guard->maps.seats), 0666 },
		{ LIFE_PIN_CONTROL, bpf_map__fd(guard->maps.control), 0666 },
		{ LIFE_PIN_ATTACH, bpf_link__fd(guard->links.attach), 0444 },
		{ "exit", bpf_link__fd(guard->links.on_exit), 0600 },
		{ "exec", bpf_link__fd(guard->links.on_exec), 0600 },
		{ PIN_OWNERS, bpf_map__fd(guard->maps.owners), 0600 },
		{ PIN_COMMAND, bpf_program__fd(guard->progs.command), 0600 },
		{ "deaths", bpf_map__fd(guard->maps.deaths), 0600 },
	};
	size_t i;
	int err;

	if (mkdir(folder, 0700))
		return -errno;
	for (i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		err = pin(folder, pins[i].name, pins[i].fd, pins[i].mode);
		if (err)
			return err;
	}
	return chmod(folder, 0755) ? -errno : 0;
}

/* 1: another guard has the path. */
static int publish(struct guard_bpf *guard, const char *path)
{
	char folder[PATH_MAX];
	int err;

	if (snprintf(folder, sizeof(folder), "%s-new-%d", path, getpid()) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	err = pin_all(guard, folder);
	if (!err && rename(folder, path)) /* happens here */
		err = errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
	if (err)
		remove_folder(folder);
	return err;
}

int guard_pin_open(const struct guard_options *o, const char *name)
{
	char file[PATH_MAX];
	int fd;

	if (name_join(file, guard_path(o), name))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(file);
	return fd < 0 ? -errno : fd;
}

int guard_command(const struct guard_options *o, struct life_command *run)
{
	/* The kernel writes the context back where it was read; it takes no ctx_out. */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = run, .ctx_size_in = sizeof(*run));
	int fd = guard_pin_open(o, PIN_COMMAND);
	int err = 0;

	if (fd < 0)
		return fd;
	if (bpf_prog_test_run_opts(fd, &options))
		err = -errno;
	close(fd);
	return err;
}

static int command(const struct guard_options *o, __u32 number, __u32 *living)
{
	struct life_command run = { .command = number };
	int err = guard_command(o, &run);

	if (!err && living)
		*living = run.living;
	return err;
}

int guard_control(const struct guard_options *o, struct life_control *out)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = guard_pin_open(o, LIFE_PIN_CONTROL);
	void *at;

	if (fd < 0)
		return fd;
	at = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -errno;
	memcpy(out, at, sizeof(*out));
	munmap(at, (size_t)page);
	return out->magic == LIFE_MAGIC && out->layout == LIFE_LAYOUT ? 0 : -EPROTO;
}

/* 1 if a guard is there. One whose stopper was killed is made to give seats again. */
static int is_running(const struct guard_options *o)
{
	struct life_control control;
	int err = guard_control(o, &control);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (control.stopping)
		err = command(o, LIFE_COMMAND_RESUME, NULL);
	if (!err && o->seats && o->seats != control.seats)
		guard_say(o, "the guard that is running has %u seats; stop it first to change that",
			  control.seats);
	return err ? err : 1;
}

/* Why it could not be started, if the kernel's age is the likely reason; else libbpf's last words. */
static const char *likely_reason(char *sentence, size_t size)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	if (!uname(&kernel) && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 19))) {
		snprintf(sentence, size,
			 "this is Linux %u.%u, and the guard needs Linux 5.19 or later", major,
			 minor);
		return sentence;
	}
	return *last_words ? last_words : "the path has to be in a bpffs, and to have no dot in it";
}

int guard_start(const struct guard_options *options)
{
	uint32_t number = options->seats ? options->seats : GUARD_SEATS_DEFAULT;
	struct guard_bpf *guard = NULL;
	char sentence[128];
	int err;

	if (number > LIFE_SEATS_MAX) {
		guard_say(options, "%u seats are too many; at most %u", number, LIFE_SEATS_MAX);
		return -EINVAL;
	}
	err = guard_check(options);
	if (!err)
		err = prepare_bpffs(options);
	if (err)
		return err;
	remove_leftovers(guard_path(options));
	err = is_running(options);
	if (err)
		return err;
	libbpf_set_print(keep_words);
	*last_words = 0;
	err = load(&guard, number, options->faults);
	if (!err) {
		err = attach(guard);
		if (!err)
			err = publish(guard, guard_path(options));
		guard_bpf__destroy(guard);
	}
	if (err < 0)
		guard_say(options, "cannot start the guard at %s: %s; %s", guard_path(options),
			  strerror(-err), likely_reason(sentence, sizeof(sentence)));
	return err;
}

static int end_all_lives(const struct guard_options *o)
{
	__u32 living = 1;
	int tries, err = 0;

	/* A process that is just attaching ends its own life; so this is soon over. */
	for (tries = 0; living && tries < 1000 && !err; tries++)
		err = command(o, LIFE_COMMAND_END, &living);
	return !err && living ? -EAGAIN : err;
}

int guard_stop(const struct guard_options *options, bool force)
{
	const char *path = guard_path(options);
	char folder[PATH_MAX];
	__u32 living = 0;
	int err;

	remove_leftovers(path);
	err = command(options, LIFE_COMMAND_STOP, &living);
	if (err) {
		guard_say(options,
			  err == -ENOENT ? "no guard runs at %s"
					 : "cannot stop the guard at %s: %s",
			  path, strerror(-err));
		return err;
	}
	/* Lives that on_exit was kept from hold up nothing. */
	if (living && !force && guard_audit(options, NULL) > 0)
		command(options, LIFE_COMMAND_COUNT, &living);
	if (living && !force) {
		guard_say(
			options,
			"%u owners are alive under the guard; end them, or use --force, which ends "
			"their lives in all registries",
			living);
		command(options, LIFE_COMMAND_RESUME, NULL);
		return -EBUSY;
	}
	err = end_all_lives(options);
	if (err)
		return err;
	if (snprintf(folder, sizeof(folder), "%s-old-%d", path, getpid()) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	if (rename(path, folder)) /* happens here */
		return -errno;
	remove_folder(folder);
	return 0;
}
