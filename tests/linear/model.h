/* SPDX-License-Identifier: MIT */
/*
 * The model: what each operation has to do and to say if they happen one after the other.
 *
 * The state is the value that each key has, if any. Its writer is the owner, because an update is the
 * owner's alone.
 *
 *   by w                 if the key is     result        the key becomes
 *   register v           nobody's          0             v, but nobody's if w is dead
 *                        another's or w's  -EEXIST       the same; tells owner and value
 *   unregister           w's               1             nobody's
 *                        otherwise         0             the same
 *   update v             w's               0             v; tells the old value
 *                        otherwise         -ENOENT       the same
 *   update_if e, v       w's, with e       0             v
 *                        w's               -ECANCELED    the same
 *                        otherwise         -ENOENT       the same
 *   lookup               somebody's        0             the same; tells owner and value
 *                        nobody's          -ENOENT       the same
 *   death                                                nobody's, all keys that are w's
 *
 * The dead: in the fallback a process may run on for a moment when its life is over, and be told
 * -EOWNERDEAD for what changes anything.
 *
 * Used by   checker.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_MODEL_H
#define KREG_TESTS_LINEAR_MODEL_H

#include "tests/linear/history.h"

/* The value of each key; a byte for each. Nobody's: VALUE_NONE. */
typedef uint32_t model_t;

/*
 * Lets @op happen. False: it cannot have happened in this state, which is left as it is. Of a pending
 * one only what it does matters. @dead: its worker has died before.
 */
bool model_apply(model_t *state, const struct operation *op, bool dead);

#endif
