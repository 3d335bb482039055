/* SPDX-License-Identifier: MIT */
/*
 * A listener finds what no record tells it. A maker changes a name, mostly another process's, which lives on: it has begun when
 * nobody listened, and ends behind the change; or it has announced the change on a full file
 * system. And of a name the record comes after its end, or after a listener has begun. Whatever becomes of the maker, by its
 * events the listener has in the end what the table has, and it is woken for them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/grace.h"
#include "shm/log.h"
#include "shm/query.h"
#include "shm/table.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* A listener that is not woken, or does not find it, is told apart from one that takes some looks. */
#define PATIENCE_MS (20000 * (int)unit_slowness())

/* ---- points at which the maker stops, and how it goes on there */

enum point { NOWHERE, AT_TELL, AT_CHANGE, AT_SETTLE };
enum fate { RETURNS, IS_KILLED, STOPS, EXECS, FATES };
static const char *const fates[] = { "returns", "is killed", "stops", "execs" };

#define ROUTE 4
/* The maker's: it stops at each of these points in turn, and goes on as it hears. */
static enum point route[ROUTE];
static int orders;

static void come_to(enum point point)
{
	if (*route != point)
		return;
	memmove(route, route + 1, sizeof(route) - sizeof(*route));
	route[ROUTE - 1] = NOWHERE;
	link_say(orders, point);
	switch (link_hear(orders)) {
	case IS_KILLED:
		kill(getpid(), SIGKILL);
		break;
	case STOPS:
		kill(getpid(), SIGSTOP);
		break;
	case EXECS:
		execl(PROGRAM, "program", "sleep", NULL);
		break;
	default:
		break;
	}
}

int __real_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __real_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place);
int __wrap_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place);
int __real_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old);
int __wrap_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old);
int __real_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old);
int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old);
void __real_log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
		      struct log_use *use);
void __wrap_log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
		      struct log_use *use);
void __real_tell_register_now(struct kreg *own, const struct found *found, uint32_t flags);
void __wrap_tell_register_now(struct kreg *own, const struct found *found, uint32_t flags);
void __real_tell_unregister_now(struct kreg *own, const struct found *found);
void __wrap_tell_unregister_now(struct kreg *own, const struct found *found);
void __real_log_settle(const struct segment *s, owner_t owner);
void __wrap_log_settle(const struct segment *s, owner_t owner);

int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out)
{
	come_to(AT_CHANGE);
	return __real_table_link(w, q, place, rule, out);
}

int __wrap_table_unlink(const struct writer *w, const struct query *q, const struct found *found,
			place_t *place)
{
	come_to(AT_CHANGE);
	return __real_table_unlink(w, q, found, place);
}

int __wrap_table_take(const struct writer *w, const struct query *q, const struct found *holder,
		      place_t place, place_t *old)
{
	come_to(AT_CHANGE);
	return __real_table_take(w, q, holder, place, old);
}

int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t place, place_t *old)
{
	come_to(AT_CHANGE);
	return __real_table_replace(w, q, found, place, old);
}

void __wrap_log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
		      struct log_use *use)
{
	come_to(AT_TELL);
	__real_log_write(s, event, stamp, use);
}

/* Most records of these two are written without log_write(). */
void __wrap_tell_register_now(struct kreg *own, const struct found *found, uint32_t flags)
{
	come_to(AT_TELL);
	__real_tell_register_now(own, found, flags);
}

void __wrap_tell_unregister_now(struct kreg *own, const struct found *found)
{
	come_to(AT_TELL);
	__real_tell_unregister_now(own, found);
}

void __wrap_log_settle(const struct segment *s, owner_t owner)
{
	come_to(AT_SETTLE);
	__real_log_settle(s, owner);
}

/* In the listener's process: what happens once the listener that begins has its positions in all logs. */
static void (*at_begin)(void);

void __real_log_begin(const struct segment *s, const struct life_table *lives, uint32_t seat,
		      struct log_reader *reader);
void __wrap_log_begin(const struct segment *s, const struct life_table *lives, uint32_t seat,
		      struct log_reader *reader);
void __wrap_log_begin(const struct segment *s, const struct life_table *lives, uint32_t seat,
		      struct log_reader *reader)
{
	void (*once)(void) = at_begin;

	__real_log_begin(s, lives, seat, reader);
	if (!once || seat + 1 < s->seats)
		return;
	at_begin = NULL;
	once();
}

/* ---- the registry, which all open, and the changes of "name" */

static struct kreg *k;
static char folder[128], filler[160];
static int mode, number;

static struct kreg *open_there(void)
{
	char name[16];
	KREG_OPTIONS(options, .guard = mode_guard(mode), .directory = folder);
	struct kreg *out = NULL;
	int err;

	snprintf(name, sizeof(name), "untold-%d", number);
	err = kreg_open(&out, name, &options);
	ck_assert_msg(!err, "%s", kreg_strerror(err));
	return out;
}

/* The test's own process, by what it has registered. */
static struct kreg_owner tester(struct kreg *own)
{
	struct kreg_owner owner = { 0 };

	return kreg_whereis(own, "tester", KREG_STRING, &owner) ? (struct kreg_owner){ 0 } : owner;
}

static int nothing(struct kreg *own)
{
	(void)own;
	return 0;
}

static int have(struct kreg *own)
{
	return kreg_register(own, "name", KREG_STRING, "had", 3, NULL);
}

static int have_to_be_dropped(struct kreg *own)
{
	return kreg_register_with(own, "name", KREG_STRING, "had", 3,
				  KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL);
}

static int unregister(struct kreg *own)
{
	return kreg_unregister(own, "name", KREG_STRING) - 1;
}

static int give(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_give(own, "name", KREG_STRING, &to);
}

static int take(struct kreg *own)
{
	return kreg_register_with(own, "name", KREG_STRING, "taken", 5, KREG_REGISTER_REPLACE,
				  NULL);
}

static int take_and_unregister(struct kreg *own)
{
	int err = take(own);

	return err ? err : unregister(own);
}

static int register_for(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_register_for(own, &to, "name", KREG_STRING, "for", 3, 0, NULL);
}

static int update_for(struct kreg *own)
{
	struct kreg_owner to = tester(own);
	ssize_t size = kreg_update_for(own, &to, "name", KREG_STRING, "newer", 5);

	return size < 0 ? (int)size : 0;
}

static int unregister_for(struct kreg *own)
{
	struct kreg_owner to = tester(own);

	return kreg_unregister_for(own, &to, "name", KREG_STRING) - 1;
}

static const struct scene {
	const char *name;
	int (*tester_has)(struct kreg *own);
	int (*maker_has)(struct kreg *own);
	int (*change)(struct kreg *own);
} scenes[] = {
	{ "give", nothing, have, give },
	{ "take over, and drop", have_to_be_dropped, nothing, take },
	{ "register for", nothing, nothing, register_for },
	{ "update for", have_to_be_dropped, nothing, update_for },
	{ "unregister for", have_to_be_dropped, nothing, unregister_for },
	{ "unregister", nothing, have, unregister },
};
#define SCENES ((int)(sizeof(scenes) / sizeof(*scenes)))

struct making {
	int (*has)(struct kreg *own);
	int (*change)(struct kreg *own);
	enum point route[ROUTE];
};

/* Has what it has, waits, and changes it along the route; says what came of it behind its points. */
static int make(int link, void *data)
{
	const struct making *making = data;
	struct kreg *own = open_there();

	link_say(link, making->has(own));
	link_hear(link);
	orders = link;
	memcpy(route, making->route, sizeof(route));
	link_say(link, making->change(own));
	link_hear(link);
	kreg_close(own);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static void comes_to(struct child *maker, enum point point)
{
	ck_assert_int_eq(link_hear(maker->link), point);
}

/* @maker, which has come to a point, goes on, and has met its fate. */
static void meets(struct child *maker, enum fate fate)
{
	link_say(maker->link, fate);
	if (fate == RETURNS)
		ck_assert_int_eq(link_hear(maker->link), 0);
	else if (fate == STOPS)
		child_await_stop(maker);
	else
		/* Neither the dead nor the next program has the link. */
		ck_assert_int_eq(link_hear(maker->link), INT64_MIN);
}

/* ---- what a listener makes of it */

struct ear {
	struct kreg_listener *listener;
	pid_t holder; /* of the name, by all events so far; 0: nobody */
	char value[16];
	bool overrun;
};

static struct ear ear_new(void)
{
	struct ear ear = { 0 };

	ck_assert_int_eq(kreg_listen(&ear.listener, k, NULL, KREG_LISTEN_KNOWN), 0);
	return ear;
}

static void hear(struct ear *ear, const struct kreg_event *event)
{
	const struct kreg_entry *entry = &event->entry;

	ear->overrun |= event->type == KREG_EVENT_OVERRUN;
	if (event->type == KREG_EVENT_OVERRUN || entry->key_size != 4 ||
	    memcmp(entry->key, "name", 4))
		return;
	if (event->type == KREG_EVENT_UNREGISTER || event->type == KREG_EVENT_PURGE) {
		if (ear->holder == entry->owner.pid)
			ear->holder = 0;
		return;
	}
	ear->holder = entry->owner.pid;
	snprintf(ear->value, sizeof(ear->value), "%.*s", (int)entry->value_size,
		 (const char *)entry->value);
}

static void hear_all(struct ear *ear)
{
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(ear->listener, &event)) == 1)
		hear(ear, &event);
	ck_assert_int_eq(got, 0);
}

static bool is_as_the_table(const struct ear *ear)
{
	char value[16] = "";
	struct kreg_owner owner;
	ssize_t size = kreg_lookup(k, "name", KREG_STRING, value, sizeof(value), &owner);

	return size < 0 ? !ear->holder : owner.pid == ear->holder && !strcmp(value, ear->value);
}

/* The listener is asked only when its fd is readable. */
static void comes_to_know(struct ear *ear, const char *what, const char *how)
{
	struct pollfd at = { .fd = kreg_listener_fd(ear->listener), .events = POLLIN };
	int64_t until = clock_ms() + PATIENCE_MS;

	while (!is_as_the_table(ear)) {
		ck_assert_msg(clock_ms() < until,
			      "%s, maker %s: by its events %d has the name, which the table denies",
			      what, how, ear->holder);
		if (poll(&at, 1, 1000))
			hear_all(ear);
	}
}

static int use_a_slot(int link, void *data)
{
	struct kreg *own = open_there();

	(void)data;
	link_say(link, kreg_register(own, "other", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	return 0;
}

/* A registry in which nobody has listened yet. */
static void open_new(const char *path)
{
	number++;
	snprintf(folder, sizeof(folder), "%s", path);
	k = open_there();
	ck_assert_int_eq(kreg_allow(k, KREG_ALLOW_OTHERS), 0);
	ck_assert_int_eq(kreg_register(k, "tester", KREG_STRING, NULL, 0, NULL), 0);
}

/* Everything that is there ends as it should, and the listener learns of it. */
static void close_all(struct ear *ear, struct child *maker, const char *what, const char *how)
{
	child_kill(maker);
	comes_to_know(ear, what, how);
	kreg_listener_close(ear->listener);
	kreg_close(k);
}

static void begin_in_the_middle(const struct scene *scene, enum fate fate)
{
	struct making making = { .has = scene->maker_has,
				 .change = scene->change,
				 .route = { AT_CHANGE, AT_TELL } };
	struct child maker, other;
	struct ear ear;

	open_new(tmp_directory());
	ck_assert_int_eq(scene->tester_has(k), 0);
	maker = child_start_ready(make, &making);
	link_say(maker.link, 0);
	comes_to(&maker, AT_CHANGE);
	ear = ear_new();
	hear_all(&ear);
	ck_assert(is_as_the_table(&ear));
	link_say(maker.link, RETURNS);
	comes_to(&maker, AT_TELL);
	meets(&maker, fate);
	/* The slot of a dead one is soon another's. */
	other = child_start_ready(use_a_slot, NULL);
	comes_to_know(&ear, scene->name, fates[fate]);
	child_kill(&other);
	close_all(&ear, &maker, scene->name, fates[fate]);
}

START_TEST(a_change_that_was_begun_before_the_listener_is_found_whatever_becomes_of_its_maker)
{
	int i;

	mode = _i;
	for (i = 0; i < SCENES * FATES; i++)
		begin_in_the_middle(&scenes[i / FATES], i % FATES);
}
END_TEST

/* Where the kernel refuses to fence, the store that says that the maker is inside of its call may be late. */
static bool is_refused;

bool __real_grace_fence(void);
bool __wrap_grace_fence(void);
bool __wrap_grace_fence(void)
{
	return !is_refused && __real_grace_fence();
}

/* The only slot with an open call, as if the store were still on its way; *word: what is stored. */
static struct slot *hide_call(uint64_t *word)
{
	struct slot *slot = k->segment.slots;

	while (!slot->writing)
		slot++;
	*word = slot->writing;
	slot->writing = 0;
	return slot;
}

START_TEST(a_listener_that_cannot_fence_finds_it_as_well)
{
	struct making making = { .has = have, .change = give, .route = { AT_CHANGE, AT_TELL } };
	struct child maker;
	struct slot *slot;
	uint64_t word;
	struct ear ear;

	mode = _i;
	open_new(tmp_directory());
	maker = child_start_ready(make, &making);
	link_say(maker.link, 0);
	comes_to(&maker, AT_CHANGE);
	slot = hide_call(&word);
	is_refused = true;
	ear = ear_new();
	is_refused = false;
	slot->writing = word;
	hear_all(&ear);
	link_say(maker.link, RETURNS);
	comes_to(&maker, AT_TELL);
	meets(&maker, IS_KILLED);
	comes_to_know(&ear, "give", fates[IS_KILLED]);
	close_all(&ear, &maker, "give", fates[IS_KILLED]);
}
END_TEST

static bool mount_small(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/small", tmp_directory());
	snprintf(filler, sizeof(filler), "%s/filler", path);
	if (!tmp_mount(path, "2m"))
		return false;
	open_new(path);
	return true;
}

/* Takes every page that is left. */
static void fill_up(void)
{
	static char page[4096];
	int fd = open(filler, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, page, sizeof(page)) == sizeof(page))
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

/* The record has no memory; it counts as missed, and the listener learns that, before the change. */
static void announce_without_memory(const struct scene *scene, enum fate fate)
{
	struct making making = { .has = scene->maker_has,
				 .change = scene->change,
				 .route = { AT_TELL, AT_CHANGE, AT_SETTLE } };
	struct child maker;
	struct ear ear;

	ck_assert_int_eq(scene->tester_has(k), 0);
	maker = child_start_ready(make, &making);
	ear = ear_new();
	hear_all(&ear);
	ck_assert(is_as_the_table(&ear));
	link_say(maker.link, 0);
	comes_to(&maker, AT_TELL);
	fill_up();
	link_say(maker.link, RETURNS);
	comes_to(&maker, AT_CHANGE);
	hear_all(&ear);
	ck_assert_msg(ear.overrun, "%s: nothing was missed", scene->name);
	ck_assert(is_as_the_table(&ear));
	link_say(maker.link, RETURNS);
	comes_to(&maker, AT_SETTLE);
	meets(&maker, fate);
	comes_to_know(&ear, scene->name, fates[fate]);
	close_all(&ear, &maker, scene->name, fates[fate]);
	ck_assert_int_eq(umount(folder), 0);
}

START_TEST(a_change_whose_record_has_no_memory_is_found_whatever_becomes_of_its_maker)
{
	int i;

	mode = _i;
	for (i = 0; i < SCENES * FATES; i++) {
		if (!mount_small())
			return;
		announce_without_memory(&scenes[i / FATES], i % FATES);
	}
}
END_TEST

/* A registrant that writes its record when another process has ended the name. */
static struct child late;

static void late_returns(void)
{
	meets(&late, RETURNS);
}

/* @begins: what becomes of the registrant while a listener begins. */
static void register_late(void (*begins)(void))
{
	static const struct making registering = { .has = nothing,
						   .change = have_to_be_dropped,
						   .route = { AT_TELL } };
	struct ear earlier, ear;

	open_new(tmp_directory());
	earlier = ear_new();
	late = child_start_ready(make, (void *)(uintptr_t)&registering);
	link_say(late.link, 0);
	comes_to(&late, AT_TELL);
	ck_assert_int_eq(take_and_unregister(k), 0);
	at_begin = begins;
	ear = ear_new();
	hear_all(&ear);
	if (!begins)
		late_returns();
	comes_to_know(&ear, "register", "returns");
	hear_all(&ear);
	comes_to_know(&ear, "register", "returns");
	hear_all(&earlier);
	ck_assert_int_eq(earlier.holder, 0);
	kreg_listener_close(earlier.listener);
	close_all(&ear, &late, "register", "returns");
}

START_TEST(a_name_whose_record_comes_after_its_end_is_gone_for_a_listener_that_began_in_between)
{
	mode = _i;
	register_late(NULL);
	register_late(late_returns);
}
END_TEST

static int close_on_order(int link, void *data)
{
	struct kreg *own = open_there();

	(void)data;
	link_say(link, kreg_register(own, "receiver", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	kreg_close(own);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static int give_to_receiver(struct kreg *own)
{
	struct kreg_owner to;
	int err = kreg_whereis(own, "receiver", KREG_STRING, &to);

	return err ? err : kreg_give(own, "name", KREG_STRING, &to);
}

/* The receiver closes before the gift is linked; the giver gets as far as to say so. */
static void give_in_vain(enum fate fate)
{
	static const struct making giving = { .has = have,
					      .change = give_to_receiver,
					      .route = { AT_CHANGE, AT_TELL } };
	struct child giver, receiver;
	struct ear ear;

	open_new(tmp_directory());
	receiver = child_start_ready(close_on_order, NULL);
	giver = child_start_ready(make, (void *)(uintptr_t)&giving);
	ear = ear_new();
	hear_all(&ear);
	link_say(giver.link, 0);
	comes_to(&giver, AT_CHANGE);
	ck_assert_int_eq(child_ask(&receiver, 0), 0);
	hear_all(&ear);
	link_say(giver.link, RETURNS);
	comes_to(&giver, AT_TELL);
	hear_all(&ear);
	meets(&giver, fate);
	comes_to_know(&ear, "give to one that has closed", fates[fate]);
	hear_all(&ear);
	ck_assert_int_eq(ear.holder, 0);
	child_kill(&receiver);
	close_all(&ear, &giver, "give to one that has closed", fates[fate]);
}

START_TEST(a_name_that_is_given_to_a_process_that_has_closed_is_nobodys_although_the_giver_dies)
{
	int fate;

	mode = _i;
	for (fate = RETURNS; fate < FATES; fate++)
		give_in_vain(fate);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_change_that_was_begun_before_the_listener_is_found_whatever_becomes_of_its_maker,
		a_listener_that_cannot_fence_finds_it_as_well,
		a_change_whose_record_has_no_memory_is_found_whatever_becomes_of_its_maker,
		a_name_whose_record_comes_after_its_end_is_gone_for_a_listener_that_began_in_between,
		a_name_that_is_given_to_a_process_that_has_closed_is_nobodys_although_the_giver_dies,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("untold"), tcase_create("both"), both, NULL, NULL);
}
