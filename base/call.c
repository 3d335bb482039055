/* SPDX-License-Identifier: MIT */
/*
 * The name of the call that a thread is in.
 */
#include "base/call.h"

#include <string.h>

__thread const char *call_name __attribute__((tls_model("initial-exec")));

static int is_of_call(const char *name)
{
	return name && !strncmp(name, "kreg_", strlen("kreg_"));
}

/*
 * A thread of the library is in no call. Some functions that are no calls are UNCANCELLABLE
 * themselves.
 */
const char *call_of(const char *function)
{
	if (is_of_call(call_name))
		return call_name;
	return is_of_call(function) ? function : "kreg";
}
