/* SPDX-License-Identifier: MIT */
/*
 * The model: what each operation does and returns if operations happen one after the
 * other.
 *
 * The state is the value of each key, if any, and whether a taker drops its owner
 * (KREG_REGISTER_DROP). The value's writer is the owner of the key, because only the owner
 * may update.
 *
 *   by w                 if the key has    result        the key then has
 *   register v           no owner          0             v, but no owner if w is dead
 *                        any owner         -EEXIST       no change; returns owner and value
 *   register v, REPLACE  another, DROP     0             v, but no owner if w is dead
 *                        otherwise         as register   as register
 *   unregister[_all]     owner w           1             no owner
 *                        otherwise         0             no change
 *   update v             owner w           0             v; returns the old value
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   update_if e, v       owner w, value e  0             v
 *                        owner w           -ECANCELED    no change
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   set_flags            owner w           0             the value, DROP or not
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   lost                 not owner w       0             no change
 *   lookup               an owner          0             no change; returns owner and value
 *                        no owner          -ENOENT       no change
 *   death                                                no owner, for all keys of w
 *
 * What is registered has DROP if the call says so; an update keeps it. unregister_all is here
 * for histories of one key: with several it is a step for each.
 *
 * lost: set_flags may return KREG_WAITING because the name was taken over meanwhile. That is
 * set_flags that returns 0, and then, before its end too, an instant at which the caller does
 * not have the name.
 *
 * The dead: in the fallback a process may run on for a moment after the end of its life;
 * each call that would change anything may then return -EOWNERDEAD.
 *
 * Used by   checker.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_MODEL_H
#define KREG_TESTS_LINEAR_MODEL_H

#include "tests/linear/history.h"

/* The value of each key; a byte for each. No owner: VALUE_NONE. Above these, a bit for each: DROP. */
typedef uint32_t model_t;

/*
 * Applies @op. False: it cannot have happened in this state, which is left unchanged. Of
 * a pending operation only its effect counts. @dead: its worker has died before.
 */
bool model_apply(model_t *state, const struct operation *op, bool dead);

#endif
