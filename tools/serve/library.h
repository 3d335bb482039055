/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd, loaded when regtool is to serve. As a library of Debian it brings GnuTLS with it:
 * linked, it would double the time of each start of regtool (2 ms), and add 2.5 MB to each process
 * that `regtool run` keeps in front of a service.
 *
 * Used by   server.c, answer.c.
 */
#ifndef TOOLS_SERVE_LIBRARY_H
#define TOOLS_SERVE_LIBRARY_H

#include <microhttpd.h>

#define SERVE_LIBRARY(FUNCTION)                                                                    \
	FUNCTION(MHD_start_daemon)                                                                 \
	FUNCTION(MHD_stop_daemon)                                                                  \
	FUNCTION(MHD_run)                                                                          \
	FUNCTION(MHD_get_timeout)                                                                  \
	FUNCTION(MHD_get_daemon_info)                                                              \
	FUNCTION(MHD_get_connection_info)                                                          \
	FUNCTION(MHD_lookup_connection_value)                                                      \
	FUNCTION(MHD_create_response_from_buffer)                                                  \
	FUNCTION(MHD_add_response_header)                                                          \
	FUNCTION(MHD_queue_response)                                                               \
	FUNCTION(MHD_destroy_response)

/* Pointers under the functions' own names: serve_library.MHD_run(daemon). */
struct serve_library {
#define FUNCTION(name) __typeof__(&name) name;
	SERVE_LIBRARY(FUNCTION)
#undef FUNCTION
};

extern struct serve_library serve_library;

/* Return: NULL; else why it could not be loaded. */
const char *serve_library_load(void);

#endif
