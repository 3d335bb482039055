/* SPDX-License-Identifier: MIT */
/*
 * A process that opens the registry while a listener looks at the programs of all owners: its first change is made before
 * the listener compares with the table, and is in a record that the listener reads afterwards. It is reported once.
 *
 * Both wait for each other in functions of the library that this program wraps.
 */
#include <check.h>
#include <stdbool.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "lib/events/programs.h"
#include "shm/row.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

void real_row_open(const struct segment *s, const struct life_self *self,
		   const struct row_facts *facts, pid_t foster) __asm__("__real_row_open");
void wrapped_row_open(const struct segment *s, const struct life_self *self,
		      const struct row_facts *facts, pid_t foster) __asm__("__wrap_row_open");
int real_catch_up(struct programs *programs, struct mirror *m) __asm__("__real_programs_catch_up");
int wrapped_catch_up(struct programs *programs,
		     struct mirror *m) __asm__("__wrap_programs_catch_up");

enum where { BEFORE_ROW, BEHIND_ROW };

/* In the process that opens: where it waits for the listener. */
static int opener_link = -1;
static enum where where;
/* In the listener: the process that waits; NULL: none. */
static struct child *opener;
static int mode;

static void wait_for_the_listener(void)
{
	link_say(opener_link, 0);
	link_hear(opener_link);
}

void wrapped_row_open(const struct segment *s, const struct life_self *self,
		      const struct row_facts *facts, pid_t foster)
{
	bool waits = opener_link >= 0;

	if (waits && where == BEFORE_ROW)
		wait_for_the_listener();
	real_row_open(s, self, facts, foster);
	if (waits && where == BEHIND_ROW)
		wait_for_the_listener();
}

/* The listener has looked at the programs, and will compare with the table. */
int wrapped_catch_up(struct programs *programs, struct mirror *m)
{
	struct child *waits = opener;

	opener = NULL;
	if (waits)
		ck_assert_int_eq(child_ask(waits, 0), 0);
	return real_catch_up(programs, m);
}

static int open_and_change(int link, void *data)
{
	struct kreg *k;

	(void)data;
	opener_link = link;
	k = mode_open(mode, "listen_opens");
	if (kreg_register(k, "x", KREG_STRING, "a", 1, NULL) ||
	    kreg_update(k, "x", KREG_STRING, "b", 1, NULL, 0) != 1 ||
	    kreg_update(k, "x", KREG_STRING, "c", 1, NULL, 0) != 1)
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static void event_is(struct kreg_listener *listener, uint32_t type, char value)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_uint_eq(event.entry.value_size, 1);
	ck_assert_int_eq(*(const char *)event.entry.value, value);
}

static void changes_are_reported_in_order(int in, enum where at)
{
	struct kreg_listener *listener;
	struct child child;
	struct kreg *k;

	mode = in;
	where = at;
	k = mode_open(mode, "listen_opens");
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	child = child_start_ready(open_and_change, NULL);
	opener = &child;
	event_is(listener, KREG_EVENT_REGISTER, 'a');
	ck_assert_ptr_null(opener);
	event_is(listener, KREG_EVENT_UPDATE, 'b');
	event_is(listener, KREG_EVENT_UPDATE, 'c');
	child_kill(&child);
	event_is(listener, KREG_EVENT_PURGE, 'c');
	kreg_listener_close(listener);
	kreg_close(k);
}

START_TEST(the_first_changes_are_reported_once_when_the_row_was_not_open_yet)
{
	changes_are_reported_in_order(_i, BEFORE_ROW);
}
END_TEST

START_TEST(the_first_changes_are_reported_once_when_the_row_had_no_image_yet)
{
	changes_are_reported_in_order(_i, BEHIND_ROW);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		the_first_changes_are_reported_once_when_the_row_was_not_open_yet,
		the_first_changes_are_reported_once_when_the_row_had_no_image_yet,
		NULL,
	};

	return modes_run(suite_create("listen_opens"), tcase_create("both"), both, NULL, NULL);
}
