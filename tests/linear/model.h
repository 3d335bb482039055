/* SPDX-License-Identifier: MIT */
/*
 * The model: what each operation does and returns if operations happen one after the
 * other.
 *
 * Of unique keys the state is, for each key: the value, if any; the owner; whether a taker drops
 * it (KREG_REGISTER_DROP); and whether others may change it, which is so if it was registered for
 * its owner, or ever had DROP. All workers allow others to do so.
 *
 *   by w                 if the key has    result        the key then has
 *   register v           no owner          0             v of w, but no owner if w is dead
 *                        any owner         -EEXIST       no change; returns owner and value
 *   register v, REPLACE  another, DROP     0             v of w, but no owner if w is dead
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
 *   count                owner w           0             the sum, or what is to follow when that
 *                                                        passes the threshold; returns it
 *                        another owner     -EPERM        no change
 *                        no owner          -ENOENT       no change
 *   register_for t, v    no owner          0             v of t
 *                        any owner         -EEXIST       no change; returns owner and value
 *   update_for t, v      owner t, others   0             v
 *                        owner t           -EPERM        no change
 *                        otherwise         -ENOENT       no change
 *   unregister_for t     owner t, others   1             no owner
 *                        owner t           -EPERM        no change
 *                        otherwise         0             no change
 *   lost                 not owner w       0             no change
 *   lookup               an owner          0             no change; returns owner and value
 *                        no owner          -ENOENT       no change
 *   death                                                no owner, for all keys of w
 *
 * What is registered has DROP if the call says so; an update keeps it. unregister_all is here
 * for histories of one key: with several it is a step for each.
 *
 * With duplicate keys the state is the values of each worker's entries, in order of registration:
 * update changes the last one, update_if the last one with that value, unregister returns how many
 * there were. A lookup returns any of all entries: it is documented to find the one registered
 * last, and linearizable only in that the entry was there.
 *
 * lost: set_flags may return KREG_WAITING because the name was taken over meanwhile. That is
 * set_flags that returns 0, and then, before its end too, an instant at which the caller does
 * not have the name.
 *
 * The dead: in the fallback a process may run on for a moment after the end of its life;
 * each call that would change anything may then return -EOWNERDEAD. What it does for
 * another process in that moment is done. A call for the dead changes nothing, and may return
 * what it would have returned just before, or -ESRCH or -EPERM.
 *
 * Several steps: an unregistration of a unique key goes on while it finds the key, which others may
 * register for its owner again meanwhile. Each is a step, in which it returns 1.
 *
 * Used by   checker.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_MODEL_H
#define KREG_TESTS_LINEAR_MODEL_H

#include "tests/linear/history.h"

/*
 * Unique keys: 16 bits for each. Duplicate ones: 8 bits for each worker, 4 for each of its entries, the older one
 * below; the number of its value and 1. At first, and without an owner: 0.
 */
typedef uint64_t model_t;

/*
 * Applies @op. False: it cannot have happened in this state, which is left unchanged. Of
 * a pending operation only its effect counts. @dead: a bit for each worker that has died before.
 */
bool model_apply(enum form form, model_t *state, const struct operation *op, uint32_t dead);

#endif
