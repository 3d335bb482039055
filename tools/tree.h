/* SPDX-License-Identifier: MIT */
/*
 * The namespaces of a registry, with their supervisors and services.
 *
 * One pass over the services, and one over what supervisors report of theirs, which may not run.
 * /proc is read once for each process, however many services it has.
 *
 * Used by   cmd_tree.c.
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include "lib/kreg-services.h"
#include "tools/who.h"

/* After those of a process. */
enum tree_state {
	TREE_STARTING = WHO_STATES, /* the name is reserved, or its supervisor is starting it */
	/* As their supervisors report them. */
	TREE_STOPPING,
	TREE_WAITING,
	TREE_ENDED,
	TREE_RESTARTING,
	TREE_DONE,
	TREE_DOWN, /* KREG_STATE_STOPPED */
	TREE_FAILED,
	TREE_STATES,
};

struct tree_service {
	char space[KREG_NAMESPACE_MAX + 1];
	char role[KREG_ROLE_MAX + 1];
	int state;             /* enum who_state, enum tree_state */
	const struct who *who; /* NULL: not there */
	bool is_supervised;    /* a supervisor reports it */
	struct kreg_service_state reported;
	char *value;
	size_t value_size;
};

struct tree_space {
	const char *name;
	const struct tree_service *supervisor; /* NULL: there is none */
	/* Without the supervisor, the supervised first, by their roles. */
	const struct tree_service *services;
	size_t count;
	size_t states[TREE_STATES];
};

struct tree {
	struct tree_service *services;
	size_t count, room;
	struct tree_space *spaces; /* in alphabetical order */
	size_t space_count;
	size_t total; /* of services, without supervisors */
	size_t states[TREE_STATES];
};

const char *tree_state_name(int state);

/* @space: NULL: all. @who stays until tree_free(). Return: 0, -ENOMEM, as kreg_service_each(). */
int tree_look(struct tree *tree, struct kreg *k, const char *space, struct who_cache *who);
void tree_free(struct tree *tree);

#endif
