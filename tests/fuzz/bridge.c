/* SPDX-License-Identifier: MIT */
/*
 * A value that somebody has registered as the state of a bridge: whatever it is, it is either taken,
 * and then lists have no more than is allowed and each text ends, or a sentence says what is wrong, in which no byte of
 * the value is.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tools/cluster/value.h"

const char fuzz_name[] = "bridge";
const unsigned int fuzz_runs = 3000;

static void check_sentence(const char *sentence, size_t room)
{
	size_t i;

	fuzz_must(memchr(sentence, 0, room) != NULL, "a sentence that does not end");
	for (i = 0; sentence[i]; i++)
		fuzz_must(sentence[i] >= ' ' && sentence[i] <= '~', "a byte of the value");
}

#define ENDS(text) fuzz_must(memchr(text, 0, sizeof(text)) != NULL, "a text that does not end")

static void check_lists(const struct bridge *bridge)
{
	const struct bridge_member *members = bridge->member_list.items;
	const struct bridge_conflict *conflicts = bridge->conflict_list.items;
	const struct bridge_pattern *patterns = bridge->exports.items;
	size_t i;

	fuzz_must(bridge->member_list.count <= BRIDGE_MEMBERS_MAX &&
			  bridge->conflict_list.count <= BRIDGE_CONFLICTS_MAX &&
			  bridge->exports.count <= BRIDGE_PATTERNS_MAX &&
			  bridge->imports.count <= BRIDGE_PATTERNS_MAX,
		  "a list that is too long");
	for (i = 0; i < bridge->member_list.count; i++) {
		ENDS(members[i].host);
		ENDS(members[i].registry);
	}
	for (i = 0; i < bridge->conflict_list.count; i++)
		ENDS(conflicts[i].name);
	for (i = 0; i < bridge->exports.count; i++)
		ENDS(patterns[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bridge bridge = { .pid = 0 };
	/* It ends where its memory ends, so that a sanitizer sees what is read behind it. */
	uint8_t *value = malloc(size ? size : 1);

	fuzz_must(value != NULL, "no memory");
	memcpy(value, data, size);
	fuzz_must(!bridge_read(&bridge, value, size), "no memory");
	check_sentence(bridge.wrong, sizeof(bridge.wrong));
	if (!*bridge.wrong) {
		ENDS(bridge.host);
		ENDS(bridge.endpoint);
		ENDS(bridge.error);
		check_lists(&bridge);
		/* What is done with it. */
		bridge_touch_name(bridge_touch(&bridge, bridge.written));
		bridge_ago(bridge.touch, bridge.written);
		bridge_left(bridge.lease_until, bridge.written);
		bridge_exports(&bridge, value, size < KREG_KEY_MAX ? size : KREG_KEY_MAX);
	}
	bridge_free(&bridge);
	free(value);
	return 0;
}
