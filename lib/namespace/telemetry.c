/* SPDX-License-Identifier: MIT */
/*
 * Telemetry. The probes are USDT: a no-op instruction, and a note that describes its
 * address and arguments. Each probe has a semaphore, so arguments are only prepared while
 * a tracer is attached.
 *
 * Source: sys/sdt.h of SystemTap.
 */
#include "lib/namespace/telemetry.h"

#include "base/outside.h"
#include "lib/namespace/service_key.h"

#ifdef HAVE_SDT
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
#define PROBE(name, event)                                                                         \
	DTRACE_PROBE4(kreg, name, (event)->space, (event)->role, (event)->owner.pid,               \
		      (event)->result)
#else
#define PROBE(name, event) ((void)(event))
#endif

#define SEMAPHORE __attribute__((section(".probes")))

unsigned short kreg_register_semaphore SEMAPHORE, kreg_refuse_semaphore SEMAPHORE,
	kreg_unregister_semaphore SEMAPHORE, kreg_purge_semaphore SEMAPHORE,
	kreg_await_semaphore SEMAPHORE;

int kreg_service_telemetry(struct kreg *k, kreg_telemetry_fn telemetry, void *data)
{
	if (!k)
		return refuse(k, K_IS_NULL);
	k->telemetry_data = data;
	k->telemetry = telemetry;
	return 0;
}

struct report {
	const struct kreg *k;
	const struct kreg_telemetry *event;
};

static void call_back(void *data)
{
	OUTSIDE_OF_CALL;
	const struct report *report = data;

	report->k->telemetry(report->event, report->k->telemetry_data);
}

void telemetry_tell(struct kreg *k, enum kreg_telemetry_type type, const char *space,
		    const char *role, const struct kreg_owner *owner, int result)
{
	struct kreg_telemetry event = {
		.type = (uint32_t)type, .result = result, .space = space, .role = role
	};

	if (owner)
		event.owner = *owner;
	else
		kreg_self(k, &event.owner);
	switch (type) {
	case KREG_TELEMETRY_REGISTER:
		PROBE(register, &event);
		break;
	case KREG_TELEMETRY_REFUSE:
		PROBE(refuse, &event);
		break;
	case KREG_TELEMETRY_UNREGISTER:
		PROBE(unregister, &event);
		break;
	case KREG_TELEMETRY_PURGE:
		PROBE(purge, &event);
		break;
	case KREG_TELEMETRY_AWAIT:
		PROBE(await, &event);
		break;
	}
	if (k->telemetry)
		outside_call(call_back, &(struct report){ k, &event });
}

void telemetry_purge(struct kreg *k, const struct kreg_entry *entry)
{
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];

	if (!service_parse(entry->key, entry->key_size, space, sizeof(space), role, sizeof(role)))
		telemetry_tell(k, KREG_TELEMETRY_PURGE, space, role, &entry->owner, 0);
}

void kreg_inner_started(struct kreg *k, const char *space, const char *role,
			const struct kreg_owner *owner, int err)
{
	if (!err && telemetry_is_wanted(k, &kreg_register_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REGISTER, space, role, owner, 0);
	if (err == -EEXIST && telemetry_is_wanted(k, &kreg_refuse_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REFUSE, space, role, owner, err);
}
