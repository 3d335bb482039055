/* SPDX-License-Identifier: MIT */
/*
 * Loads the guard's programs into the kernel, attaches them, and pins them.
 *
 * guard_load() creates new maps. guard_load_for() uses those of the guard that runs,
 * which fit if they have the type and the sizes that the programs expect.
 *
 * Nothing is pinned before guard_pin_all() or guard_pin_as() is called: if the process is
 * killed earlier, nothing is left.
 */
#include "bpf/guard_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/guard.skel.h"
#include "bpf/guard_ask.h"
#include "bpf/guard_pin.h"
#include "bpf/guard_say.h"

/* Where struct guard_bpf has the pointer to what each pin is made of. */
static const size_t members[] = {
	[GUARD_PIN_LIVES] = offsetof(struct guard_bpf, maps.lives),
	[GUARD_PIN_SEATS] = offsetof(struct guard_bpf, maps.seats),
	[GUARD_PIN_JOINED] = offsetof(struct guard_bpf, maps.joined),
	[GUARD_PIN_CONTROL] = offsetof(struct guard_bpf, maps.control),
	[GUARD_PIN_OWNERS] = offsetof(struct guard_bpf, maps.owners),
	[GUARD_PIN_PIDS] = offsetof(struct guard_bpf, maps.pids),
	[GUARD_PIN_USERS] = offsetof(struct guard_bpf, maps.users),
	[GUARD_PIN_DEATHS] = offsetof(struct guard_bpf, maps.deaths),
	[GUARD_PIN_EXIT] = offsetof(struct guard_bpf, links.on_exit),
	/* The link of in_exit where the kernel allows that; so GUARD_PIN_EXEC_AGAIN. */
	[GUARD_PIN_AGAIN] = offsetof(struct guard_bpf, links.exit_again),
	[GUARD_PIN_EXEC] = offsetof(struct guard_bpf, links.on_exec),
	[GUARD_PIN_EXEC_AGAIN] = offsetof(struct guard_bpf, links.exec_again),
	[GUARD_PIN_ATTACH] = offsetof(struct guard_bpf, links.attach),
	[GUARD_PIN_COMMAND] = offsetof(struct guard_bpf, progs.command),
	[GUARD_PIN_JOIN] = offsetof(struct guard_bpf, progs.join),
};
_Static_assert(sizeof(members) / sizeof(members[0]) == GUARD_PINS, "each pin has its member");

/*
 * libbpf's last warning, which says more than the errno if loading fails. Static, because
 * libbpf's print function has no data pointer; hence the one thread in guard.h.
 */
static char last_words[256];

__attribute__((format(printf, 2, 0))) static int keep_words(enum libbpf_print_level level,
							    const char *format, va_list list)
{
	if (level == LIBBPF_WARN)
		vsnprintf(last_words, sizeof(last_words), format, list);
	return 0;
}

/*
 * On a kernel that is too old, that is the reason, whatever libbpf says of some feature
 * that it has found missing. Otherwise libbpf's last warning.
 */
const char *guard_load_reason(void)
{
	static char sentence[128];
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	if (!uname(&kernel) && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 19))) {
		snprintf(sentence, sizeof(sentence),
			 "this is Linux %u.%u, and the guard needs Linux 5.19 or later", major,
			 minor);
		return sentence;
	}
	return *last_words ? last_words : "the path has to be in a bpffs, and to have no dot in it";
}

/*
 * The map, link or program that the pin is made of. NULL before it is loaded or attached.
 */
static void *pinned(const struct guard_bpf *guard, size_t pin)
{
	void *it;

	memcpy(&it, (const char *)guard + members[pin], sizeof(it));
	return it;
}

/* An fd of that, which belongs to @guard. */
static int fd_of(const struct guard_bpf *guard, size_t pin)
{
	switch (guard_pins[pin].kind) {
	case GUARD_MAP:
		return bpf_map__fd(pinned(guard, pin));
	case GUARD_LINK:
		return bpf_link__fd(pinned(guard, pin));
	case GUARD_PROGRAM:
		return bpf_program__fd(pinned(guard, pin));
	}
	return -1;
}

/*
 * Freezes the maps that other users open. They have to open them for writing too, or
 * could not map them (guard_pin.c); frozen, a map can be written by the programs alone. A
 * map cannot be frozen while it is mapped for writing, so this comes before anybody can
 * open it.
 */
static int freeze_maps(const struct guard_bpf *guard)
{
	size_t i;

	for (i = 0; i < GUARD_PINS; i++) {
		if (guard_pins[i].kind == GUARD_MAP && guard_pins[i].mode == 0666 &&
		    bpf_map_freeze(fd_of(guard, i)))
			return -errno;
	}
	return 0;
}

/*
 * Fills in the control block of a new guard, and freezes the maps. By default a user may
 * have half of the seats and the last sixteenth is root's, so that no single user can
 * exhaust them.
 */
static int set_up_control(struct guard_bpf *guard, const struct guard_options *o)
{
	uint32_t number = bpf_map__max_entries(guard->maps.lives);
	struct life_control control = {
		.magic = LIFE_MAGIC,
		.layout = LIFE_LAYOUT,
		.seats = number,
		.share = o->share     ? o->share
			 : number > 1 ? number / 2
				      : 1,
		.reserve = o->set_reserve ? o->reserve : number / 16,
	};
	__u32 zero = 0;

	/* 0 means that a registry is of no guard. */
	while (!control.identity) {
		if (getrandom(&control.identity, sizeof(control.identity), 0) < 0)
			return -errno;
	}
	if (bpf_map_update_elem(bpf_map__fd(guard->maps.control), &zero, &control, BPF_ANY))
		return -errno;
	return freeze_maps(guard);
}

/*
 * How many counts of pids a guard of @number seats has (pids.bpf.h): a power of two, and at
 * least twice that number, so that most processes share theirs with no owner. At least
 * 1024, one page, because pids that follow one another are few.
 */
static uint32_t pids_for(uint32_t number)
{
	uint32_t slots = 1024;

	while (slots < 2 * number)
		slots *= 2;
	return slots;
}

/*
 * The programs with the sizes of their maps set; nothing is in the kernel yet. NULL, with
 * errno.
 */
static struct guard_bpf *programs_open(uint32_t number, uint32_t faults)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct guard_bpf *guard;

	/* Before 5.11 maps count against this limit; root may raise it there. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(keep_words);
	*last_words = 0;
	guard = guard_bpf__open();
	if (!guard)
		return NULL;
	bpf_map__set_max_entries(guard->maps.lives, number);
	bpf_map__set_max_entries(guard->maps.seats, number);
	bpf_map__set_max_entries(guard->maps.joined, number);
	/*
	 * Twice the number of seats, for entries that the kernel refused to delete, which
	 * could keep others out if there were as many of them as seats, and for claims of
	 * processes that attach, which delay others if they fill the map (claim.bpf.h).
	 */
	bpf_map__set_max_entries(guard->maps.owners, LIFE_OWNERS_PER_SEAT * number);
	bpf_map__set_max_entries(guard->maps.users, 2 * number);
	bpf_map__set_max_entries(guard->maps.pids, pids_for(number) / LIFE_PIDS);
	guard->rodata->pids_mask = pids_for(number) - 1;
	guard->rodata->faults = faults;
	return guard;
}

/*
 * Chooses which pair of second programs is loaded: with @is_sure in_exit and in_exec, on
 * functions of the kernel, otherwise exit_again and exec_again, at tracepoints. A program
 * that the kernel refuses must not be loaded at all, because one that is refused makes
 * the whole load fail.
 */
static void choose(struct guard_bpf *guard, bool is_sure)
{
	bpf_program__set_autoload(guard->progs.in_exit, is_sure);
	bpf_program__set_autoload(guard->progs.in_exec, is_sure);
	bpf_program__set_autoload(guard->progs.exit_again, !is_sure);
	bpf_program__set_autoload(guard->progs.exec_again, !is_sure);
}

/*
 * Attaches, and stores the link where it can be pinned from; destroying the skeleton
 * detaches.
 */
static int attach_one(struct bpf_link **link, struct bpf_program *program)
{
	*link = bpf_program__attach(program);
	return *link ? 0 : -errno;
}

/*
 * Attaches all programs that are loaded. Those of the exit come first, so that no life
 * that attach gives can be without them.
 *
 * attach is an iterator over tasks, because hardened kernels refuse iterators over the
 * elements of a map, whose programs get a buffer to write into. It is limited to one
 * task, the least that is possible; before 6.1 the limit is ignored and it visits all.
 */
static int attach(struct guard_bpf *guard, bool is_sure)
{
	union bpf_iter_link_info info = { .task.tid = 1 };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
			    .link_info_len = sizeof(info));
	int err = attach_one(&guard->links.on_exit, guard->progs.on_exit);

	if (!err)
		err = attach_one(&guard->links.exit_again,
				 is_sure ? guard->progs.in_exit : guard->progs.exit_again);
	if (!err)
		err = attach_one(&guard->links.on_exec, guard->progs.on_exec);
	if (!err)
		err = attach_one(&guard->links.exec_again,
				 is_sure ? guard->progs.in_exec : guard->progs.exec_again);
	if (err)
		return err;
	guard->links.attach = bpf_program__attach_iter(guard->progs.attach, &options);
	return guard->links.attach ? 0 : -errno;
}

/*
 * Makes the programs use the map that is pinned as @name instead of a new @map. -EPROTO:
 * its type or a size differs. The verifier would accept a larger value, and the programs
 * would then misread it.
 */
static int reuse(const struct guard_at *at, struct bpf_map *map, const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = guard_pin_open(at->folder, name), err = 0;

	if (fd < 0) {
		guard_say(at->o,
			  "the guard at %s is not whole, \"%s\" cannot be opened: %s; "
			  "`regtool guard stop --force` removes what is left of it",
			  guard_path(at->o), name, strerror(-fd));
		/* -ENOENT would mean that there is no guard. */
		return fd == -ENOENT ? -EUCLEAN : fd;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		err = -errno;
	else if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
		 info.value_size != bpf_map__value_size(map) ||
		 info.max_entries != bpf_map__max_entries(map))
		err = -EPROTO;
	if (!err)
		err = bpf_map__reuse_fd(map, fd);
	close(fd);
	if (err == -EPROTO)
		guard_say(at->o,
			  "the guard at %s has a map \"%s\" of another version; nothing was "
			  "changed; stop it when no process is attached, and start it again",
			  guard_path(at->o), name);
	return err;
}

/*
 * Opens the programs, with the maps of the guard at @at, whose control block is @control,
 * or with new maps if that is NULL. Nothing is loaded yet.
 */
static int prepare(struct guard_bpf **out, const struct guard_at *at,
		   const struct life_control *control)
{
	uint32_t number = at->o->seats ? at->o->seats : GUARD_SEATS_DEFAULT;
	struct guard_bpf *guard = programs_open(control ? control->seats : number, at->o->faults);
	int err = guard ? 0 : -errno;
	size_t i;

	for (i = 0; i < GUARD_PINS && control && !err; i++) {
		if (guard_pins[i].kind == GUARD_MAP)
			err = reuse(at, pinned(guard, i), guard_pins[i].name);
	}
	if (err)
		guard_bpf__destroy(guard);
	else
		*out = guard;
	return err;
}

/*
 * Loads and attaches, at first with the second programs on functions. A kernel that
 * allows no program on its functions gets those at tracepoints only. Kernels report that
 * by various errors, at load or at attach, so after any error the second way is tried; if
 * the error had another cause, it occurs again.
 */
static int load(struct guard_bpf **out, const struct guard_at *at,
		const struct life_control *control)
{
	bool is_sure = !(at->o->faults & LIFE_FAULT_FUNCTIONS);
	struct guard_bpf *guard;
	int err;

	for (;; is_sure = false) {
		err = prepare(&guard, at, control);
		if (err)
			return err;
		choose(guard, is_sure);
		err = guard_bpf__load(guard);
		if (!err && !control)
			err = set_up_control(guard, at->o);
		if (!err)
			err = attach(guard, is_sure);
		if (!err)
			break;
		guard_bpf__destroy(guard);
		if (!is_sure)
			return err;
	}
	*out = guard;
	return 0;
}

int guard_load(struct guard_bpf **out, const struct guard_at *at)
{
	return load(out, at, NULL);
}

int guard_load_for(struct guard_bpf **out, const struct guard_at *at)
{
	struct life_control control;
	int err = guard_control(at, &control);

	return err ? err : load(out, at, &control);
}

/* A guard for a group has the same pins with no rights for others. */
static int pin_as(const struct guard_bpf *guard, int folder, size_t pin, const char *as,
		  bool is_groups)
{
	return guard_pin_make(folder, as, fd_of(guard, pin),
			      is_groups ? guard_pins[pin].mode & 0770 : guard_pins[pin].mode);
}

int guard_pin_as(const struct guard_bpf *guard, int folder, const char *name, const char *as,
		 bool is_groups)
{
	size_t i;

	for (i = 0; i < GUARD_PINS; i++) {
		if (!strcmp(guard_pins[i].name, name))
			return pin_as(guard, folder, i, as, is_groups);
	}
	return -EINVAL;
}

int guard_pin_all(const struct guard_bpf *guard, int folder, bool is_groups)
{
	size_t i;
	int err = 0;

	for (i = 0; i < GUARD_PINS && !err; i++)
		err = pin_as(guard, folder, i, guard_pins[i].name, is_groups);
	return err;
}

int guard_give_group(const struct guard_at *at, gid_t group)
{
	char path[64];
	size_t i;

	for (i = 0; i < GUARD_PINS; i++) {
		/*
		 * A guard that an older version started may lack some of them; they are
		 * made next.
		 */
		if ((fchmodat(at->folder, guard_pins[i].name, guard_pins[i].mode & 0770, 0) ||
		     fchownat(at->folder, guard_pins[i].name, (uid_t)-1, group, 0)) &&
		    errno != ENOENT)
			return -errno;
	}
	/*
	 * The folder's fd is O_PATH, for which fchmod(2) fails; and its name may lead
	 * elsewhere.
	 */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at->folder);
	return chmod(path, 0750) || chown(path, (uid_t)-1, group) ? -errno : 0;
}

void guard_free(struct guard_bpf *guard)
{
	guard_bpf__destroy(guard);
}
