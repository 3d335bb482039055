/* SPDX-License-Identifier: MIT */
/*
 * What a program of these learns from its environment: which registry, which namespace, and what it is there.
 *
 *     KREG_REGISTRY     the registry's name; "default"
 *     KREG_NAMESPACE    "production"
 *     KREG_ROLE         a server's role; the program's own name
 *
 * Whoever starts programs with kreg_service_start() or `regtool up` has set all three for them.
 */
#ifndef EXAMPLES_ENVIRONMENT_H
#define EXAMPLES_ENVIRONMENT_H

#include <kreg-services.h>

/* Prints "PROGRAM: cannot WHAT: WHY". Return: -1. */
int fail(const char *what, const char *why);

/* Opens the registry, and says what to do where that fails. Return: NULL then. */
struct kreg *environment_registry(void);

const char *environment_space(void);
const char *environment_role(const char *otherwise);

#endif
