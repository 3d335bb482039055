/* SPDX-License-Identifier: MIT */
/*
 * A process whose core is being written no longer runs but is not gone: it keeps its
 * names, is reported as dumping, and a process that prefers a standby to the core can end
 * the dump.
 *
 * To delay a dump for as long as a case needs, the kernel asks for permission before it
 * opens the core file: fanotify(7), for one folder. That takes root and a core_pattern
 * that is a plain name; nothing of the host is changed.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define KEY "space/dumper"
#define OTHER "other"

static char folder[256], core[300];
static struct kreg *k;
static int mode, gate = -1;

static int register_and_abort(int link, void *data)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct kreg *own = mode_open(mode, "dump");

	(void)data;
	if (chdir(folder) || setrlimit(RLIMIT_CORE, &unlimited) ||
	    kreg_register(own, KEY, KREG_STRING, "", 0, NULL) ||
	    kreg_register(own, OTHER, KREG_STRING, "", 0, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	signal(SIGABRT, SIG_DFL);
	abort();
}

/* Why no dump can be delayed here, or NULL. */
static const char *open_gate(void)
{
	char pattern[128] = "";
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");

	if (file) {
		if (!fgets(pattern, sizeof(pattern), file))
			*pattern = 0;
		fclose(file);
	}
	pattern[strcspn(pattern, "\n")] = 0;
	if (!*pattern || strpbrk(pattern, "|/%@"))
		return "core_pattern is not a plain name";
	snprintf(folder, sizeof(folder), "%s/cores", tmp_directory());
	snprintf(core, sizeof(core), "%s/%s", folder, pattern);
	ck_assert(!mkdir(folder, 0700) || errno == EEXIST);
	gate = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	if (gate < 0 ||
	    fanotify_mark(gate, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, folder))
		return "fanotify does not let it";
	return NULL;
}

/* Returns when the kernel asks for the core file. -1: it does not. */
static int await_dump(const struct child *child)
{
	struct fanotify_event_metadata asked;

	ck_assert_int_eq(read(gate, &asked, sizeof(asked)), sizeof(asked));
	ck_assert_int_eq(asked.pid, child->pid);
	return asked.fd;
}

static void let_dump(int fd)
{
	const struct fanotify_response yes = { .fd = fd, .response = FAN_ALLOW };

	ck_assert_int_eq(write(gate, &yes, sizeof(yes)), sizeof(yes));
	close(fd);
}

static bool begin(int in, struct child *child)
{
	const char *why;

	mode = in;
	why = open_gate();
	if (why) {
		unit_skip("%s", why);
		return false;
	}
	*child = child_start_ready(register_and_abort, NULL);
	k = mode_open(mode, "dump");
	return true;
}

static void end(void)
{
	kreg_close(k);
	close(gate);
	unlink(core);
	rmdir(folder);
}

static struct kreg_service_health health_now(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "space", "dumper", &health), 0);
	return health;
}

START_TEST(a_process_that_dumps_core_keeps_its_name_and_is_reported_as_dumping)
{
	struct child child;
	int asked, status;

	if (!begin(_i, &child))
		return;
	link_say(child.link, 0);
	asked = await_dump(&child);
	ck_assert_int_eq(kreg_lookup(k, KEY, KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_uint_eq(health_now().process, KREG_PROCESS_DUMPING);
	ck_assert_int_eq(health_now().owner.pid, child.pid);
	ck_assert_int_eq(kreg_await_gone(k, KEY, KREG_STRING, NULL, 0), -ETIMEDOUT);
	let_dump(asked);
	status = child_end(&child);
	ck_assert(WIFSIGNALED(status) && WCOREDUMP(status));
	ck_assert_int_eq(kreg_lookup(k, KEY, KREG_STRING, NULL, 0, NULL), -ENOENT);
	end();
}
END_TEST

/* The next two events are of @type, one for each name, in any order. */
static void expect_both(struct kreg_listener *listener, uint32_t type)
{
	bool key = false, other = false;
	struct kreg_event event;
	int i;

	for (i = 0; i < 2; i++) {
		event = event_wait(listener);
		ck_assert_uint_eq(event.type, type);
		key |= event.entry.key_size == strlen(KEY);
		other |= event.entry.key_size == strlen(OTHER);
	}
	ck_assert(key && other);
}

static struct kreg_listener *listen_now(uint32_t flags)
{
	struct kreg_listener *listener;

	ck_assert_int_eq(kreg_listen(&listener, k, NULL, flags), 0);
	return listener;
}

START_TEST(a_listener_is_notified_once_for_each_name_whose_owner_dumps_core)
{
	struct kreg_listener *early, *late, *deaf;
	struct child child;
	uint64_t since;
	int asked;

	if (!begin(_i, &child))
		return;
	early = listen_now(KREG_LISTEN_DUMPS);
	deaf = listen_now(0);
	ck_assert_int_eq(kreg_listener_next(early, &(struct kreg_event){ 0 }), 0);
	link_say(child.link, 0);
	asked = await_dump(&child);
	since = clock_now();
	expect_both(early, KREG_EVENT_DUMP);
	printf("# reported %.0f ms after the kernel asked for the file\n",
	       (double)(clock_now() - since) / 1e6);
	late = listen_now(KREG_LISTEN_DUMPS | KREG_LISTEN_KNOWN);
	expect_both(late, KREG_EVENT_REGISTER);
	expect_both(late, KREG_EVENT_DUMP);
	let_dump(asked);
	child_end(&child);
	expect_both(early, KREG_EVENT_PURGE);
	expect_both(late, KREG_EVENT_PURGE);
	expect_both(deaf, KREG_EVENT_PURGE);
	kreg_listener_close(early);
	kreg_listener_close(late);
	kreg_listener_close(deaf);
	end();
}
END_TEST

/* What a standby that does not wait for the core does, or a supervisor. */
START_TEST(a_process_killed_while_it_dumps_core_is_gone_at_once)
{
	struct child child;
	int asked, status;

	if (!begin(_i, &child))
		return;
	link_say(child.link, 0);
	asked = await_dump(&child);
	ck_assert_uint_eq(health_now().process, KREG_PROCESS_DUMPING);
	ck_assert_int_eq(kreg_signal(k, KEY, KREG_STRING, SIGKILL), 0);
	/* The kernel may not have opened the file yet, and will not write it. */
	ck_assert_int_eq(kreg_await_gone(k, KEY, KREG_STRING, NULL, 60000), 0);
	ck_assert_int_eq(kreg_register(k, KEY, KREG_STRING, "", 0, NULL), 0);
	status = child_end(&child);
	ck_assert(WIFSIGNALED(status) && !WCOREDUMP(status));
	close(asked);
	end();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_process_that_dumps_core_keeps_its_name_and_is_reported_as_dumping,
		a_listener_is_notified_once_for_each_name_whose_owner_dumps_core,
		a_process_killed_while_it_dumps_core_is_gone_at_once,
		NULL,
	};

	return modes_run(suite_create("dump"), tcase_create("both"), both, NULL, NULL);
}
