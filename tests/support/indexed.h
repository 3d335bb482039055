/* SPDX-License-Identifier: MIT */
/*
 * A small registry in the fallback whose index a test looks into.
 *
 * Needs     open_index() before each test and close_index() after it.
 */
#ifndef KREG_TESTS_INDEXED_H
#define KREG_TESTS_INDEXED_H

#include "lib/handle/handle.h"
#include "shm/table_search.h"

/* Any bucket; one whose number does not change when the table doubles. */
#define BUCKET 77u
#define KEY 32

extern struct kreg *k;

/* What a child that runs other() does with the key that it was started with. */
enum order { REGISTER, TAKE_OVER, UNREGISTER };

void open_index(void);
void close_index(void);
struct query query_of(const char *key);
uint64_t buckets(void);
const char *name_in(uint32_t bucket, int number);
void register_as(const char *key, uint32_t flags);
void unregister(const char *key);
bool is_found(const char *key);
int probe(const char *key);
struct index_line *line_of_name(const char *key);
uint64_t cell_of(const char *key);
bool is_settled(const char *key);
bool is_complete(const char *key);
void next_epoch(void);
void build_line(void);
int other(int link, void *data);

#endif
