/* SPDX-License-Identifier: MIT */
/*
 * The model: what each operation does and returns if operations happen one after the
 * other.
 *
 * The state is the value of each key, if any. The value's writer is the owner of the key,
 * because only the owner may update.
 *
 *   by w                 if the key has    result        the key then has
 *   register v           no owner          0             v, but no owner if w is dead
 *                        any owner         -EEXIST       no change; returns owner and value
 *   unregister           owner w           1             no owner
 *                        otherwise         0             no change
 *   update v             owner w           0             v; returns the old value
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   update_if e, v       owner w, value e  0             v
 *                        owner w           -ECANCELED    no change
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   lookup               an owner          0             no change; returns owner and value
 *                        no owner          -ENOENT       no change
 *   death                                                no owner, for all keys of w
 *
 * The dead: in the fallback a process may run on for a moment after the end of its life;
 * each call that would change anything may then return -EOWNERDEAD.
 *
 * Used by   checker.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_MODEL_H
#define KREG_TESTS_LINEAR_MODEL_H

#include "tests/linear/history.h"

/* The value of each key; a byte for each. No owner: VALUE_NONE. */
typedef uint32_t model_t;

/*
 * Applies @op. False: it cannot have happened in this state, which is left unchanged. Of
 * a pending operation only its effect counts. @dead: its worker has died before.
 */
bool model_apply(model_t *state, const struct operation *op, bool dead);

#endif
