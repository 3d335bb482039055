/* SPDX-License-Identifier: MIT */
/*
 * Which form of the text a client wants, by the field Accept of its request (RFC 9110, 12.5.1).
 *
 * Used by   answer.c.
 */
#ifndef TOOLS_SERVE_NEGOTIATE_H
#define TOOLS_SERVE_NEGOTIATE_H

#include <stdbool.h>

/*
 * True: OpenMetrics 1.0, which the client prefers to the older form. Without a preference it is the
 * older form, which more clients read, and browsers show. @accept: NULL: there is no such field.
 */
bool serve_wants_openmetrics(const char *accept);

#endif
