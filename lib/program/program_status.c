/* SPDX-License-Identifier: MIT */
/*
 * The status of a program, as an entry that the process reports which hears the program: its
 * starter or supervisor (report.h). Each status has the owner word of its program, so the status
 * of a program that has ended is never shown for its successor.
 */
#include "lib/program/program_status.h"

#include "lib/find/lookup.h"
#include "lib/program/report.h"
#include "shm/query.h"

_Static_assert(offsetof(struct program_status, program) == 0, "report.h");

#define HEAD offsetof(struct program_status, text)

int status_put(struct kreg *k, const void *key, size_t key_size,
	       const struct program_status *status)
{
	struct query q = table_query_status(&k->segment, key, key_size);
	struct content content = { .kind = ENTRY_STATUS, .value = status };

	content.value_size = (uint32_t)(HEAD + strlen(status->text));
	return report_put(k, &q, &content);
}

void status_drop(struct kreg *k, const void *key, size_t key_size, owner_t program)
{
	struct query q = table_query_status(&k->segment, key, key_size);

	report_drop(k, &q, program);
}

int status_get(struct kreg *k, const void *key, size_t key_size, owner_t program,
	       struct program_status *out)
{
	struct query q = table_query_status(&k->segment, key, key_size);
	struct kreg_found found = { .value = out, .capacity = sizeof(*out) };
	ssize_t size = lookup_query(k, &q, &found);

	if (size < 0)
		return size == -ERANGE ? -ENOENT : (int)size;
	if (size < (ssize_t)HEAD || size == (ssize_t)sizeof(*out))
		return -ENOENT;
	((char *)out)[size] = 0;
	return out->program == program ? 0 : -ENOENT;
}
