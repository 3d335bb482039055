/* SPDX-License-Identifier: MIT */
/*
 * The pins of a guard: their names, their modes, and access to them below an open folder.
 *
 * Promises  a pin is opened, made and mapped through the fd of its folder, which the
 *           caller has verified. What is renamed or replaced above that folder in the
 *           meantime has no effect.
 * Needs     /proc, because bpf(2) takes paths.
 * Used by   guard_folder.c, guard_ask.c, guard_audit.c, guard_status.c, guard_load.c,
 *           guard_upgrade.c.
 */
#ifndef KREG_GUARD_PIN_H
#define KREG_GUARD_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Pins that only root opens; those that every process opens are in life_layout.h. */
#define PIN_COMMAND "command"
#define PIN_OWNERS "owners"
#define PIN_PIDS "pids"
#define PIN_USERS "users"
#define PIN_AGAIN "again"
#define PIN_EXEC "exec"
#define PIN_EXEC_AGAIN "exec_again"
#define PIN_DEATHS "deaths"

/*
 * Appended to the name of a pin until it is renamed over the one in use
 * (guard_upgrade.c).
 */
#define PIN_NEW "-new"

enum guard_pin_kind { GUARD_MAP, GUARD_LINK, GUARD_PROGRAM };

enum guard_pin_number {
	GUARD_PIN_LIVES,
	GUARD_PIN_SEATS,
	GUARD_PIN_JOINED,
	GUARD_PIN_CONTROL,
	GUARD_PIN_OWNERS,
	GUARD_PIN_PIDS,
	GUARD_PIN_USERS,
	GUARD_PIN_DEATHS,
	GUARD_PIN_EXIT,
	GUARD_PIN_AGAIN,
	GUARD_PIN_EXEC,
	GUARD_PIN_EXEC_AGAIN,
	GUARD_PIN_ATTACH,
	GUARD_PIN_COMMAND,
	GUARD_PIN_JOIN,
	GUARD_PINS
};

struct guard_pin {
	const char *name;
	mode_t mode; /* of a guard for everybody; one for a group has nothing for others */
	enum guard_pin_kind kind;
};

extern const struct guard_pin guard_pins[GUARD_PINS];

/* Whether @name is that of a pin, or of one that is about to replace it. */
bool guard_is_pin(const char *name);

/* Opens a pin below @folder. An fd, or -errno. */
int guard_pin_open(int folder, const char *name);

/* Pins @fd below @folder, with the group of the folder. 0, or -errno. */
int guard_pin_make(int folder, const char *name, int fd, mode_t mode);

/* A pinned map, mapped for reading. */
struct guard_map {
	const void *at;
	size_t bytes;
};

/* Maps @bytes, rounded up to pages, of the map that is pinned as @name. 0, or -errno. */
int guard_pin_map(int folder, const char *name, size_t bytes, struct guard_map *out);
void guard_unmap(struct guard_map *map);

#endif
