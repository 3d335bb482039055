/* SPDX-License-Identifier: MIT */
#include "tests/support/obedient.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/guard.h"

struct opening {
	int mode;
	const char *name;
};

static int obey_once(struct kreg *own, int64_t order)
{
	int i, err = 0;

	switch (order) {
	case PUBLISH:
		return kreg_publish(own, "name", KREG_STRING, "b", 1);
	case UPDATE:
		return (int)kreg_update(own, "name", KREG_STRING, "c", 1, NULL, 0);
	case UNREGISTER:
		return kreg_unregister(own, "name", KREG_STRING);
	case CLOSE:
		kreg_close(own);
		return 0;
	case MANY:
		for (i = 0; i < MANY_EVENTS && !err; i++) {
			char key[16];

			snprintf(key, sizeof(key), "many-%d", i % 1000);
			err = i / 1000 % 2 ? kreg_unregister(own, key, KREG_STRING) - 1
					   : kreg_register(own, key, KREG_STRING, key, strlen(key),
							   NULL);
		}
		return err;
	default: {
		static const uint32_t flags[] = { 0, KREG_REGISTER_RESERVED, KREG_REGISTER_QUEUE,
						  KREG_REGISTER_REPLACEABLE,
						  KREG_REGISTER_REPLACE };

		return kreg_register_with(own, "name", KREG_STRING, "a", 1, flags[order], NULL);
	}
	}
}

static int obey(int link, void *data)
{
	const struct opening *opening = data;
	struct kreg *own = mode_open(opening->mode, opening->name);
	int64_t order;

	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, obey_once(own, order));
	return 0;
}

struct child obedient_start(int mode, const char *name)
{
	struct opening opening = { .mode = mode, .name = name };

	return child_start_ready(obey, &opening);
}

void obedient_does(struct child *child, enum order order, int64_t result)
{
	ck_assert_int_eq(child_ask(child, order), result);
}
