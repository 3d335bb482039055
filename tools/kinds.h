/* SPDX-License-Identifier: MIT */
/*
 * The words for the kinds of registries, which options take and all outputs have.
 *
 * Context   any thread.
 */
#ifndef TOOLS_KINDS_H
#define TOOLS_KINDS_H

#include <stdint.h>

/* enum kreg_keys. */
const char *keys_name(uint32_t keys);

/* Return: 0, or -EINVAL: no such word. */
int keys_of_name(const char *name, uint32_t *keys);

/* enum kreg_life, as it is known of an open registry. */
const char *life_name(uint32_t life);

#endif
