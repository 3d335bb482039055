/* SPDX-License-Identifier: MIT */
/*
 * The protocol of client and server: a request is one packet of text, and so is its
 * answer, which is "ok TEXT" or "error TEXT".
 */
#ifndef EXAMPLES_PROTOCOL_H
#define EXAMPLES_PROTOCOL_H

#define REQUEST_MAX 1024
#define TEXT_MAX 4096
#define ANSWER_MAX (TEXT_MAX + 8)

#endif
