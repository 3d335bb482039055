/* SPDX-License-Identifier: MIT */
/*
 * It stays loaded until regtool ends.
 */
#include "config.h"

#ifdef HAVE_MICROHTTPD

#include "tools/serve/library.h"

#include <dlfcn.h>
#include <string.h>

struct serve_library serve_library;

static const struct {
	const char *name;
	void *to;
} functions[] = {
#define FUNCTION(name) { #name, &serve_library.name },
	SERVE_LIBRARY(FUNCTION)
#undef FUNCTION
};

const char *serve_library_load(void)
{
	void *library = dlopen(MICROHTTPD_SONAME, RTLD_NOW | RTLD_LOCAL), *found;
	size_t i;

	if (!library)
		return dlerror();
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		found = dlsym(library, functions[i].name);
		if (!found)
			return dlerror();
		/* A pointer to a function is not converted from one to data, but has its bytes. */
		memcpy(functions[i].to, &found, sizeof(found));
	}
	return NULL;
}

#endif
