/* SPDX-License-Identifier: MIT */
/*
 * A listener that begins while names are updated: an update moves an entry, and the records of some are of
 * before the state that the listener has read. A name that is held all the time begins once, and first, and does
 * not end; and the listener's last value of it is the one that it has.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define UPDATED 100
#define QUIET 5000
#define LISTENERS 10
#define EVENTS 500 /* that a listener hears after the first ones */

static struct kreg *k;
static int mode;
static atomic_bool *is_over;

static void name_of(int number, char *key)
{
	snprintf(key, 32, "updated-%d", number);
}

/* Values have a number, which differs, in as many bytes as make the entry another block. */
static int update(int link, void *data)
{
	struct kreg *own = mode_open(mode, "begin");
	char key[32], value[300] = { 0 };
	unsigned int seed = 1, number;
	int i, err = 0;

	(void)data;
	for (i = 0; i < UPDATED && !err; i++) {
		name_of(i, key);
		err = kreg_register(own, key, KREG_STRING, "0", KREG_STRING, NULL);
	}
	link_say(link, err);
	for (number = 1; !atomic_load(is_over); number++) {
		name_of(rand_r(&seed) % UPDATED, key);
		snprintf(value, sizeof(value), "%u", number);
		if (kreg_update(own, key, KREG_STRING, value, 16 + rand_r(&seed) % 280, NULL, 0) <
		    0)
			return 9;
	}
	link_hear(link);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

struct heard {
	int begun, events;
	unsigned long last[UPDATED];
};

static void hear(struct heard *heard, const struct kreg_event *event)
{
	char value[301] = { 0 }, key[64] = { 0 };
	int number;

	heard->events++;
	if (event->type == KREG_EVENT_OVERRUN)
		return;
	memcpy(key, event->entry.key, event->entry.key_size);
	if (heard->begun < UPDATED + QUIET) {
		ck_assert_uint_eq(event->type, KREG_EVENT_REGISTER);
		ck_assert_uint_eq(event->known, 1);
		heard->begun++;
	} else {
		ck_assert_msg(event->type == KREG_EVENT_UPDATE, "%s: event %u", key, event->type);
	}
	if (sscanf(key, "updated-%d", &number) != 1)
		return;
	memcpy(value, event->entry.value, event->entry.value_size);
	heard->last[number] = strtoul(value, NULL, 10);
}

static void listen_for(struct child *child, bool is_last)
{
	struct kreg_listener *listener;
	struct heard heard = { 0 };
	struct kreg_event event;
	char key[32], value[301] = { 0 };
	int got, i;

	ck_assert_int_eq(kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN), 0);
	while (heard.events < UPDATED + QUIET + EVENTS) {
		got = kreg_listener_next(listener, &event);
		ck_assert_int_ge(got, 0);
		if (got)
			hear(&heard, &event);
	}
	if (is_last) {
		atomic_store(is_over, true);
		ck_assert_int_eq(child_ask(child, 0), 0);
		while ((got = kreg_listener_next(listener, &event)) == 1)
			hear(&heard, &event);
		ck_assert_int_eq(got, 0);
		for (i = 0; i < UPDATED; i++) {
			name_of(i, key);
			ck_assert_int_gt(kreg_lookup(k, key, KREG_STRING, value, 300, NULL), 0);
			ck_assert_uint_eq(heard.last[i], strtoul(value, NULL, 10));
		}
	}
	kreg_listener_close(listener);
}

START_TEST(a_name_that_is_updated_meanwhile_begins_once_and_goes_on)
{
	struct child child;
	char key[32];
	int i;

	mode = _i;
	is_over = child_shared(sizeof(*is_over));
	k = mode_open(mode, "begin");
	for (i = 0; i < QUIET; i++) {
		snprintf(key, sizeof(key), "quiet-%d", i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, NULL, 0, NULL), 0);
	}
	child = child_start_ready(update, NULL);
	for (i = 1; i <= LISTENERS; i++)
		listen_for(&child, i == LISTENERS);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_name_that_is_updated_meanwhile_begins_once_and_goes_on,
		NULL,
	};

	return modes_run(suite_create("listen_begin"), tcase_create("both"), both, NULL, NULL);
}
