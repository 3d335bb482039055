/* SPDX-License-Identifier: MIT */
/*
 * kreg_service_health(): the owner of the name, even if it is only reserved; the kernel's
 * view of that process; and when it last called kreg_beat().
 */
#include <errno.h>
#include <string.h>

#include "lib/process/dumps.h"
#include "lib/find/lookup.h"
#include "lib/process/opened.h"
#include "lib/program/program_status.h"
#include "lib/namespace/service_key.h"
#include "base/process.h"
#include "base/sized.h"
#include "shm/row.h"

static enum kreg_process_state process_state(const struct kreg *k, const struct kreg_owner *owner)
{
	struct process process;

	if (!handle_pid_is_ours(k, owner->token) || !process_read(owner->pid, &process))
		return KREG_PROCESS_UNKNOWN;
	if (process_is_dumping(owner->pid))
		return KREG_PROCESS_DUMPING;
	switch (process.state) {
	case 'T':
	case 't':
		return KREG_PROCESS_STOPPED;
	case 'Z':
	case 'X':
		return KREG_PROCESS_ZOMBIE;
	default:
		return KREG_PROCESS_RUNNING;
	}
}

/* The status that the program has sent, if any process hears it. */
static void read_status(struct kreg *k, const struct service_key *key,
			struct kreg_service_health *full)
{
	struct program_status status;

	full->says = KREG_PROGRAM_SILENT;
	full->main_pid = 0;
	full->status[0] = 0;
	if (status_get(k, key->bytes, key->size, full->owner.token, &status))
		return;
	full->says = status.says;
	full->main_pid = status.main_pid;
	strcpy(full->status, status.text);
}

int kreg_service_health(struct kreg *k, const char *space, const char *role,
			struct kreg_service_health *health)
{
	UNCANCELLABLE;
	struct kreg_service_health full = { 0 };
	struct found found = { 0 };
	struct service_key key;
	struct query q;
	int tries = 0;
	int err = size_of_call(k, health, "health");

	if (!err)
		err = service_of(&key, k, space, role);
	if (err)
		return err;
	q = table_query(&k->segment, key.bytes, key.size);
	/* What was read is that owner's if it is still alive afterwards. */
	do {
		err = lookup_first(k, &q, &found, &full.owner);
		if (err)
			return err;
		err = opened_by(k, full.owner.token, full.owner.pid);
		if (err == -EUCLEAN && kreg_owner_is_alive(k, &full.owner))
			return err;
		full.ready = entry_kind(found.info) == ENTRY_NAME;
		full.process = process_state(k, &full.owner);
		full.beat_ms = row_beat_ms(&k->segment, full.owner.token);
		read_status(k, &key, &full);
		if (++tries == PEEK_TRIES)
			return -EAGAIN;
	} while (!kreg_owner_is_alive(k, &full.owner));
	sized_write(health, &full, sizeof(full));
	return 0;
}
