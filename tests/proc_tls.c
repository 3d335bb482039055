/* SPDX-License-Identifier: MIT */
/*
 * Programs with much thread-local storage, which the C library takes from each thread's
 * stack: the library's own threads start, have enough stack, and do their work.
 *
 * The amount is fixed when a program is compiled. So there are three programs:
 * proc_tls_little with 16 KiB; proc_tls with 73 KiB, of which a stack of 64 KiB more than
 * the minimum leaves a thread next to nothing; proc_tls_much with 1 MiB, which does not
 * fit into such a stack.
 */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#ifndef TLS_BYTES
#define TLS_BYTES 75200
#endif

#define LONG_MS 60000

static __thread volatile char large[TLS_BYTES];

static struct kreg *open_in(int mode)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode),
		     .life = mode == MODE_GUARD ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK);
	struct kreg *k = NULL;
	int err = kreg_open(&k, "tls", &options);

	if (err)
		printf("# kreg_open(): %s\n", kreg_strerror(err));
	return k;
}

static bool hears(struct kreg_listener *listener)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;

	do {
		if (kreg_listener_next(listener, &event) == 1)
			return true;
	} while (poll(&at, 1, LONG_MS) == 1);
	return false;
}

/*
 * Uses each thread that the library has: the keeper, the attendant, the sleeper, and
 * those that watch for deaths.
 */
static int use_threads(int link, void *data)
{
	struct kreg *k = open_in(*(const int *)data);
	struct kreg_listener *listener;
	int err;

	large[0] = 1;
	if (!k)
		return 1;
	if (kreg_register(k, "name", KREG_STRING, "v", 1, NULL))
		return 2;
	err = kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN);
	if (err) {
		printf("# kreg_listen(): %s\n", kreg_strerror(err));
		return 3;
	}
	if (!hears(listener))
		return 4;
	link_say(link, 0);
	if (kreg_await_gone(k, "parent", KREG_STRING, NULL, LONG_MS))
		return 5;
	kreg_listener_close(listener);
	kreg_close(k);
	return 0;
}

static int register_parent(int link, void *data)
{
	struct kreg *k = open_in(*(const int *)data);

	link_say(link, k ? kreg_register(k, "parent", KREG_STRING, "v", 1, NULL) : -1);
	link_hear(link);
	return 0;
}

START_TEST(threads_of_the_library_have_stack_beside_thread_local_storage)
{
	struct child parent = child_start(register_parent, &_i), child;

	ck_assert_int_eq(link_hear(parent.link), 0);
	child = child_start(use_threads, &_i);
	ck_assert_int_eq(link_hear(child.link), 0);
	child_await_sleep(&child);
	child_kill(&parent);
	ck_assert_int_eq(child_end(&child), 0);
	printf("# %d bytes of thread-local storage\n", TLS_BYTES);
	fflush(stdout);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { threads_of_the_library_have_stack_beside_thread_local_storage,
				      NULL };

	return modes_run(suite_create("tls"), tcase_create("both"), both, NULL, NULL);
}
