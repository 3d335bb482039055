// SPDX-License-Identifier: MIT
// The macros of the headers in C++, at namespace scope and in functions, with fields and without.
#include <kreg-services.h>

KREG_OPTIONS(options);
static KREG_OPTIONS(read_only, .flags = KREG_OPEN_READONLY | KREG_OPEN_EXISTING, .directory = "/dev/shm");
KREG_PATTERN(pattern);
static KREG_PATTERN(prefix, .prefix = "worker/", .prefix_size = KREG_STRING);
static const char *const argv[] = { "sleep", "1", nullptr };
KREG_START(start);
static KREG_START(program, .argv = argv, .ready = KREG_READY_NOTIFY);
KREG_SUPERVISION(supervision);
static const struct kreg_supervised services[] = {
	{ sizeof(services[0]), "server", &program, nullptr, KREG_RESTART_TRANSIENT, 0, 0, 0, 0, 0, nullptr },
};
static KREG_SUPERVISION(tree, .services = services, .count = 1, .strategy = KREG_ONE_FOR_ALL);
struct kreg_ref reference = KREG_REF("server", KREG_STRING);

bool as_in_c(const char *folder, size_t size);

bool as_in_c(const char *folder, size_t size)
{
	KREG_OPTIONS(local);
	KREG_OPTIONS(with, .life = KREG_LIFE_FALLBACK, .directory = folder);
	const KREG_PATTERN(all);
	KREG_PATTERN(
		matching, .match =
				  [](const struct kreg_entry *entry, void *data) {
					  size_t most = 8, *least = static_cast<size_t *>(data);

					  return entry->value_size <= most && entry->value_size >= *least ? 1 : 0;
				  },
		.data = &size);
	KREG_START(nothing);
	static KREG_START(kept, .argv = argv, .flags = KREG_START_ATTEND);
	KREG_SUPERVISION(none);
	KREG_SUPERVISION(one, .services = services, .count = 1);
	struct kreg_ref refs[] = { KREG_REF(folder, size), KREG_REF("a", 1), KREG_REF("b", KREG_STRING) };

	return local.size == sizeof(local) && !local.flags && with.size == sizeof(with) && with.directory == folder &&
	       !with.owner_bytes && all.size == sizeof(all) && !all.match && matching.size == sizeof(matching) &&
	       matching.match && nothing.size == sizeof(nothing) && !nothing.argv && kept.argv == argv &&
	       none.size == sizeof(none) && one.count == 1 && refs[0].key_size == size && refs[1].key_size == 1 &&
	       read_only.size == sizeof(read_only) && prefix.prefix_size == KREG_STRING && tree.count == 1;
}
