/* SPDX-License-Identifier: MIT */
/*
 * The log from inside: how a reader treats an announced change whose writer calls exec
 * while the reader looks at it.
 */
#include <check.h>
#include <stdlib.h>

#include "lib/handle/handle.h"
#include "shm/log.h"
#include "shm/table_search.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define SEATS 16

static struct kreg *k;
static struct life_seat facts[SEATS];
static struct life_table lives;
static struct log_event announced;
static uint32_t known;
/*
 * Whether the writer calls exec, and its next program records something, right after the
 * next look at its image.
 */
static bool execs;

bool __real_life_image_is_alive(const struct life_table *table, uint64_t word);
bool __wrap_life_image_is_alive(const struct life_table *table, uint64_t word);

bool __wrap_life_image_is_alive(const struct life_table *table, uint64_t word)
{
	bool alive = __real_life_image_is_alive(table, word);
	struct log_event next = announced;

	if (!execs)
		return alive;
	execs = false;
	facts[owner_seat(announced.owner)].image++;
	next.type = LOG_REGISTER;
	next.image++;
	log_write(&k->segment, &next, log_stamp(&k->segment), &known);
	return alive;
}

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 16 << 20,
		     .slots = 16, .seats = SEATS);
	struct query q;
	struct found found;

	ck_assert_int_eq(kreg_open(&k, "log", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "up", 2, NULL), 0);
	q = table_query(&k->segment, "name", 4);
	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	/*
	 * As under the guard, where a life outlasts exec and the image distinguishes the
	 * programs.
	 */
	lives = k->lives;
	lives.facts = facts;
	facts[owner_seat(k->self.owner)].image = 1;
	announced = (struct log_event){ .type = LOG_UNREGISTER,
					.owner = k->self.owner,
					.image = 1,
					.place = found.place,
					.key = "name",
					.key_size = 4 };
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("log", &options, 1), 0);
}

/*
 * A program announces that it unregisters a name, and calls exec before it does. The
 * records of its next program do not settle that announcement: the name is still there.
 */
START_TEST(the_next_program_settles_no_change_of_the_previous_one)
{
	struct log_record *room = malloc(LOG_BYTES);
	uint32_t seat = owner_seat(k->self.owner);
	struct log_reader reader = { 0 };
	uint64_t lost;

	ck_assert_ptr_nonnull(room);
	log_begin(&k->segment, seat, &reader);
	log_write(&k->segment, &announced, log_stamp(&k->segment), &known);
	execs = true;
	ck_assert_int_eq(log_read(&k->segment, &lives, seat, &reader, room, &lost), 0);
	ck_assert(!execs && reader.is_early);
	ck_assert_int_eq(log_read(&k->segment, &lives, seat, &reader, room, &lost), 1);
	ck_assert_int_eq(room->type, LOG_REGISTER);
	free(room);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { the_next_program_settles_no_change_of_the_previous_one,
				       NULL };

	return unit_run("log", set_up, tear_down, tests);
}
