/* SPDX-License-Identifier: MIT */
/*
 * What a dump has of meta, read and checked as a whole: `regtool restore` changes nothing before all
 * of it is known to be right.
 *
 * Used by   cmd_restore.c.
 */
#ifndef TOOLS_DUMP_READER_H
#define TOOLS_DUMP_READER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pair {
	unsigned char *key, *value;
	size_t key_size, value_size;
};

struct reader {
	struct pair **pairs; /* in the order of their lines */
	size_t count, room;
	void *by_key;    /* the same, of tsearch(3) */
	size_t bytes;    /* as KREG_META_MAX counts them */
	uint64_t line;   /* the last one that was read */
	char cause[160]; /* what is wrong with it */
};

/*
 * Each byte is a step of progress.
 * Return: 0; -EINVAL with the line and the cause;
 *         -ENOMEM; -EIO. In any case reader_free() is due.
 */
int reader_read(struct reader *reader, FILE *from);
void reader_free(struct reader *reader);

#endif
