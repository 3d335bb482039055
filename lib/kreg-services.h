/* SPDX-License-Identifier: MIT */
/*
 * kreg: programs that are started under a name, and services that are supervised. These
 * calls are in a library of their own, libkreg-services, so that a program that only uses
 * the registry does not load them.
 *
 * What <kreg.h> says for all calls holds for these too. A supervisor has two sockets in the
 * program's fd table while it runs: leave them alone until it has stopped.
 */
#ifndef KREG_SERVICES_H
#define KREG_SERVICES_H

#include <kreg.h>
#include <kreg/isolate.h>
#include <kreg/program.h>
#include <kreg/start.h>
#include <kreg/supervise.h>

#endif
