/* SPDX-License-Identifier: MIT */
/*
 * regtool's main() under another name, for a program that has one of its own.
 */
int regtool_main(int argc, char **argv);

#define main regtool_main
#include "tools/regtool.c"
