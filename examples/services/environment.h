/* SPDX-License-Identifier: MIT */
/*
 * What the environment tells a program of these: its registry, its namespace, and its
 * role.
 *
 *     KREG_REGISTRY     the registry's name; "default"
 *     KREG_NAMESPACE    "production"
 *     KREG_ROLE         a server's role; the program's own name
 *
 * kreg_service_start() and `regtool up` set all three for the programs that they start.
 */
#ifndef EXAMPLES_ENVIRONMENT_H
#define EXAMPLES_ENVIRONMENT_H

#include <kreg-services.h>

/* Prints "PROGRAM: cannot WHAT: WHY". Return: -1. */
int fail(const char *what, const char *why);

/* Opens the registry. Return: NULL if that fails, after printing what to do. */
struct kreg *environment_registry(void);

const char *environment_space(void);
const char *environment_role(const char *otherwise);

#endif
