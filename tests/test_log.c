/* SPDX-License-Identifier: MIT */
/*
 * The log from inside: how a reader treats an announced change whose writer calls exec
 * while the reader looks at it; and how much of its ring a writer uses.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "lib/handle/handle.h"
#include "shm/log_ring.h"
#include "shm/row.h"
#include "shm/table_search.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define SEATS 16
/* Bytes of a record of write_bytes(). */
#define RECORD ((uint32_t)sizeof(struct log_record) + LOG_UNIT)

static struct kreg *k;
static struct life_seat facts[SEATS];
static struct life_table lives;
static struct log_event announced;
static struct log_use use;
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
	log_write(&k->segment, &next, log_stamp(&k->segment), &use);
	return alive;
}

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 64 << 20,
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
	ck_assert_int_eq(kreg_destroy("log", &options, KREG_DESTROY_FORCE), 0);
}

/*
 * A program announces that it unregisters a name, and calls exec before it does. The
 * records of its next program do not settle that announcement: the name is still there.
 */
START_TEST(the_next_program_settles_no_change_of_the_previous_one)
{
	struct log_batch *batch = malloc(sizeof(*batch));
	const struct log_record *record;
	uint32_t seat = owner_seat(k->self.owner);
	struct log_reader reader = { 0 };
	uint64_t lost;

	ck_assert_ptr_nonnull(batch);
	log_batch_begin(batch);
	log_begin(&k->segment, &k->lives, seat, &reader);
	log_write(&k->segment, &announced, log_stamp(&k->segment), &use);
	execs = true;
	ck_assert_int_eq(log_read(&k->segment, &lives, seat, &reader, batch, &record, &lost), 0);
	ck_assert(!execs && reader.is_early);
	log_batch_begin(batch);
	ck_assert_int_eq(log_read(&k->segment, &lives, seat, &reader, batch, &record, &lost), 1);
	ck_assert_int_eq(record->type, LOG_REGISTER);
	free(batch);
}
END_TEST

/* Writes records of the name until the ring has got @bytes more of them; returns how many. */
static uint32_t write_bytes(uint32_t bytes, bool slowly)
{
	struct log_event event = announced;
	uint32_t i;

	event.type = LOG_REGISTER;
	for (i = 0; i < bytes / RECORD; i++) {
		/* As if the round had begun long ago, or just now. */
		use.since = slowly ? 0 : clock_now();
		log_write_inline(&k->segment, &event, log_stamp(&k->segment), &use);
	}
	return i;
}

static uint32_t read_all(struct log_reader *reader, uint64_t *lost)
{
	struct log_batch *batch = malloc(sizeof(*batch));
	const struct log_record *record;
	uint32_t number = (uint32_t)reader->number, count = 0;
	int got;

	ck_assert_ptr_nonnull(batch);
	log_batch_begin(batch);
	*lost = 0;
	while ((got = log_read(&k->segment, &lives, owner_seat(k->self.owner), reader, batch,
			       &record, lost)) > 0) {
		ck_assert_uint_eq(record->number, number++);
		ck_assert_uint_eq(record->key_size, 4);
		ck_assert_mem_eq(log_key(record), "name", 4);
		count++;
	}
	ck_assert_int_eq(got, *lost ? -EOVERFLOW : 0);
	free(batch);
	return count;
}

static void begin_again(struct log_reader *reader)
{
	use = (struct log_use){ 0 };
	log_begin(&k->segment, &k->lives, owner_seat(k->self.owner), reader);
}

/* Nine tenths of a ring of 1 MiB: what a writer at full speed does in some 10 ms. */
START_TEST(a_burst_waits_for_its_reader)
{
	struct log_reader reader = { 0 };
	uint32_t written;
	uint64_t lost;
	int round;

	begin_again(&reader);
	for (round = 0; round < 5; round++) {
		written = write_bytes(k->segment.log_bytes / 10 * 9, false);
		ck_assert_uint_eq(read_all(&reader, &lost), written);
		ck_assert_uint_eq(lost, 0);
	}
}
END_TEST

/* It uses the ring's beginning again and again, and each round is read as written. */
START_TEST(a_slow_writer_takes_an_eighth_of_the_ring)
{
	struct log_reader reader = { 0 };
	uint32_t written;
	uint64_t lost;
	int part;

	begin_again(&reader);
	for (part = 0; part < 50; part++) {
		written = write_bytes(100000, true);
		ck_assert_uint_eq(read_all(&reader, &lost), written);
		ck_assert_uint_eq(lost, 0);
	}
	ck_assert_uint_eq(log_bytes(&k->segment), k->segment.log_bytes / 8);
}
END_TEST

/* What it has overwritten is not taken for what was there. */
START_TEST(a_reader_behind_a_slow_writer_learns_what_it_has_missed)
{
	struct log_reader reader = { 0 };
	uint32_t written;
	uint64_t lost;

	begin_again(&reader);
	written = write_bytes(200000, true);
	ck_assert_uint_eq(read_all(&reader, &lost), 0);
	ck_assert_uint_eq(lost, written);
	written = write_bytes(1000, true);
	ck_assert_uint_eq(read_all(&reader, &lost), written);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* Another process in the same seat goes on behind what the first has written. */
START_TEST(the_next_holder_overwrites_nothing_recent)
{
	struct log_reader reader = { 0 };
	uint32_t written;
	uint64_t lost;

	begin_again(&reader);
	written = write_bytes(k->segment.log_bytes / 2, false);
	use = (struct log_use){ 0 };
	written += write_bytes(k->segment.log_bytes / 3, false);
	ck_assert_uint_eq(read_all(&reader, &lost), written);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* Of any size, so that rounds end at any distance from the ring's end. */
START_TEST(each_round_has_room_for_its_turn)
{
	static const unsigned char value[3 * LOG_UNIT];
	struct log_event event = announced;
	struct log_reader reader = { 0 };
	uint32_t i, size, written;
	uint64_t lost;

	event.type = LOG_REGISTER;
	event.value = value;
	begin_again(&reader);
	for (size = 0; size <= sizeof(value); size += LOG_UNIT) {
		event.value_size = size;
		written = k->segment.log_bytes / 4 * 3 /
			  ((uint32_t)sizeof(struct log_record) + size + LOG_UNIT);
		/* Twice: a round of these alone, whatever the one before had. */
		for (i = 0; i < 2 * written; i++) {
			use.since = clock_now();
			log_write_inline(&k->segment, &event, log_stamp(&k->segment), &use);
			if (i == written - 1)
				ck_assert_uint_eq(read_all(&reader, &lost), written);
		}
		ck_assert_uint_eq(read_all(&reader, &lost), written);
	}
}
END_TEST

/*
 * Where the end of the log, which others may write, leaves no room for a turn. Its reader says that,
 * and goes on behind it.
 */
START_TEST(a_turn_is_not_written_beyond_the_ring)
{
	const struct segment *seg = &k->segment;
	uint32_t seat = owner_seat(k->self.owner), behind, i;
	const unsigned char *next = log_ring(seg, seat + 1);
	struct log_batch *batch = malloc(sizeof(*batch));
	const struct log_record *record;
	struct log_reader reader;
	uint64_t lost;

	ck_assert_ptr_nonnull(batch);
	ck_assert_int_eq(
		segment_reserve(seg, seg->logs_offset + (seat + 1ull) * seg->log_bytes, RECORD), 0);
	ck_assert(segment_see_logs(seg, seat + 1));
	for (behind = 1; behind * LOG_UNIT < sizeof(struct log_record); behind++) {
		seg->rows[seat].log_published = LOG_UNITS(seg) - behind;
		seg->rows[seat].log_claimed = LOG_UNITS(seg) - behind;
		begin_again(&reader);
		ck_assert_uint_eq(write_bytes(2 * RECORD, true), 2);
		for (i = 0; i < RECORD; i++)
			unit_assert(!next[i]);
		log_batch_begin(batch);
		ck_assert_int_eq(log_read(seg, &lives, seat, &reader, batch, &record, &lost),
				 -EUCLEAN);
		ck_assert_uint_eq(write_bytes(2 * RECORD, true), 2);
		ck_assert_uint_eq(read_all(&reader, &lost), 2);
		ck_assert_uint_eq(lost, 0);
	}
	free(batch);
}
END_TEST

/* Killed behind the turn of a round: the next process writes both again. */
START_TEST(a_turn_without_its_record_is_no_event)
{
	struct row *row = &k->segment.rows[owner_seat(k->self.owner)];
	struct log_reader reader = { 0 };
	uint64_t lost, published;
	uint32_t written = 0;

	begin_again(&reader);
	do {
		published = row->log_published;
		ck_assert_uint_eq(write_bytes(64, true), 1);
		ck_assert_uint_lt(written++, LOG_BYTES_LEAST / 64);
	} while ((uint32_t)row->log_published - (uint32_t)published <
		 k->segment.log_bytes / LOG_UNIT / 2);
	row->log_published = published;
	log_begin(&k->segment, &k->lives, owner_seat(k->self.owner), &reader);
	use = (struct log_use){ 0 };
	written = write_bytes(1000, false);
	ck_assert_uint_eq(read_all(&reader, &lost), written);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { the_next_program_settles_no_change_of_the_previous_one,
				       a_burst_waits_for_its_reader,
				       a_slow_writer_takes_an_eighth_of_the_ring,
				       a_reader_behind_a_slow_writer_learns_what_it_has_missed,
				       the_next_holder_overwrites_nothing_recent,
				       each_round_has_room_for_its_turn,
				       a_turn_is_not_written_beyond_the_ring,
				       a_turn_without_its_record_is_no_event,
				       NULL };

	return unit_run("log", set_up, tear_down, tests);
}
