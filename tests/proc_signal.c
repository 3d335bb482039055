/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers that look up, in a process that is inside any other call: each call that lib/kreg.h names under
 * "Signals" answers there as it does elsewhere, leaves errno as it was, and changes nothing for the call that it has
 * interrupted.
 *
 * A timer interrupts a loop until each of its calls was interrupted often enough.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/unit.h"

/* Interruptions of each call of the loop, at least, and how long after one the next comes. */
#define INTERRUPTIONS 400
#define APART_NS 100000

/* What errno is before each call of the handler. */
#define ERRNO 4711

/* A name that comes and goes has a value of these letters, as many as the first says. */
#define LETTERS 40

/* The calls of the loop. */
enum { REGISTER, UPDATE, LOOKUP, READ, UNREGISTER, CALLS };

static struct kreg *k;
static pid_t self;
static timer_t timer;
static volatile sig_atomic_t at, interrupted[CALLS];

/* The first answer that is wrong, in the handler; one that is set stays. */
static const char *volatile fault;

static struct kreg_ref always_ref, updated_ref, never_ref;

static void is_right(bool right, const char *what)
{
	if (!fault && !right)
		fault = what;
	if (!fault && errno != ERRNO)
		fault = "errno was changed";
	errno = ERRNO;
}

/* A whole value, of which no part is another one's. */
static bool is_whole(const char *value, ssize_t size)
{
	ssize_t i;

	if (size < 1 || size > LETTERS || value[0] != 'A' + size)
		return false;
	for (i = 1; i < size && value[i] == value[0]; i++)
		;
	return i == size;
}

static ssize_t make_value(char value[LETTERS], unsigned int number)
{
	ssize_t size = 1 + number % LETTERS;

	memset(value, 'A' + (int)size, (size_t)size);
	return size;
}

static bool is_there(ssize_t got, const char *value, const struct kreg_owner *owner)
{
	return got == 5 && !memcmp(value, "value", 5) && owner->pid == self;
}

static void look_up(void)
{
	struct kreg_owner owner = { 0 };
	char value[LETTERS + 1] = "";
	ssize_t got;

	got = kreg_lookup(k, "always", KREG_STRING, value, sizeof(value), &owner);
	is_right(is_there(got, value, &owner), "kreg_lookup() of a name that is there");
	got = kreg_lookup(k, "updated", KREG_STRING, value, sizeof(value), &owner);
	is_right(is_whole(value, got), "kreg_lookup() of a name that is updated");
	got = kreg_lookup(k, "comes", KREG_STRING, value, sizeof(value), &owner);
	is_right(got == -ENOENT || is_whole(value, got), "kreg_lookup() of a name that comes");
	got = kreg_lookup(k, "never", KREG_STRING, value, sizeof(value), &owner);
	is_right(got == -ENOENT, "kreg_lookup() of a name that is not there");
}

static void look_up_strings(void)
{
	struct kreg_owner owner = { 0 };
	char value[LETTERS + 1] = "";
	ssize_t got;

	got = kreg_lookup_string(k, "always", KREG_STRING, value, sizeof(value), &owner);
	is_right(is_there(got, value, &owner) && !value[5], "kreg_lookup_string()");
	got = kreg_lookup_string(k, "updated", KREG_STRING, value, sizeof(value), &owner);
	is_right(is_whole(value, got) && !value[got], "kreg_lookup_string() of an update");
	got = kreg_lookup_string(k, "never", KREG_STRING, value, sizeof(value), &owner);
	is_right(got == -ENOENT && !value[0], "kreg_lookup_string() of no name");
}

static void look_up_references(void)
{
	struct kreg_owner owner = { 0 };
	char value[LETTERS + 1] = "";
	ssize_t got;

	got = kreg_ref_lookup(k, &always_ref, value, sizeof(value), &owner);
	is_right(is_there(got, value, &owner), "kreg_ref_lookup()");
	got = kreg_ref_lookup(k, &updated_ref, value, sizeof(value), &owner);
	is_right(is_whole(value, got), "kreg_ref_lookup() of a name that is updated");
	got = kreg_ref_lookup(k, &never_ref, value, sizeof(value), &owner);
	is_right(got == -ENOENT, "kreg_ref_lookup() of a name that is not there");
}

static void look_up_services(void)
{
	struct kreg_owner owner = { 0 };
	char value[LETTERS + 1] = "";
	ssize_t got;

	got = kreg_service_lookup(k, "space", "always", value, sizeof(value), &owner);
	is_right(is_there(got, value, &owner), "kreg_service_lookup()");
	got = kreg_service_lookup(k, "space", "never", value, sizeof(value), &owner);
	is_right(got == -ENOENT, "kreg_service_lookup() of no service");
	got = kreg_service_lookup_string(k, "space", "always", value, sizeof(value), &owner);
	is_right(is_there(got, value, &owner) && !value[5], "kreg_service_lookup_string()");
	got = kreg_service_lookup_string(k, "space", "never", value, sizeof(value), &owner);
	is_right(got == -ENOENT && !value[0], "kreg_service_lookup_string() of no service");
}

static void make_keys_of_services(void)
{
	KREG_PATTERN(pattern, .owner = NULL);
	char key[KREG_KEY_MAX], value[LETTERS + 1] = "";
	struct kreg_owner owner = { 0 };
	struct kreg_pool pool;
	struct kreg_ref ref;
	ssize_t got;
	int err;

	err = kreg_service_ref(&ref, "space", "always", key, sizeof(key));
	got = kreg_ref_lookup(k, &ref, value, sizeof(value), &owner);
	is_right(!err && is_there(got, value, &owner), "kreg_service_ref()");
	err = kreg_service_pattern(&pattern, "space", NULL, key, sizeof(key));
	is_right(!err && pattern.prefix == key && pattern.prefix_size == 6 &&
			 !memcmp(key, "space/", 6),
		 "kreg_service_pattern()");
	err = kreg_service_pool(&pool, "space", "al", key, sizeof(key));
	is_right(!err && pool.key == key && pool.key_size == 8 && !memcmp(key, "space/al", 8),
		 "kreg_service_pool()");
}

/* The next signal comes after this one's handler, so the loop goes on however slow that is. */
static void interrupt_again(void)
{
	const struct itimerspec once = { .it_value.tv_nsec = APART_NS };

	timer_settime(timer, 0, &once, NULL);
}

static void handle(int signal)
{
	int before = errno;

	(void)signal;
	errno = ERRNO;
	look_up();
	look_up_strings();
	look_up_references();
	look_up_services();
	make_keys_of_services();
	interrupted[at]++;
	interrupt_again();
	errno = before;
}

static void begin_interruptions(void)
{
	const struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	interrupt_again();
}

static void end_interruptions(void)
{
	signal(SIGALRM, SIG_IGN);
	ck_assert_int_eq(timer_delete(timer), 0);
}

static bool is_enough(void)
{
	int call;

	for (call = 0; call < CALLS && interrupted[call] >= INTERRUPTIONS; call++)
		;
	return call == CALLS;
}

/* What the loop looks up itself, between two changes; a lookup takes less time than a change. */
static void read_while_interrupted(const char *expected, ssize_t size)
{
	struct kreg_ref ref = KREG_REF("updated", KREG_STRING);
	char value[LETTERS];
	const void *there;
	ssize_t got;
	int i;

	at = LOOKUP;
	for (i = 0; i < 10; i++) {
		got = kreg_lookup(k, "updated", KREG_STRING, value, sizeof(value), NULL);
		unit_assert(got == size && !memcmp(value, expected, (size_t)size));
		got = kreg_ref_lookup(k, &ref, value, sizeof(value), NULL);
		unit_assert(got == size && !memcmp(value, expected, (size_t)size));
		got = kreg_service_lookup(k, "space", "always", value, sizeof(value), NULL);
		unit_assert(got == 5 && !memcmp(value, "value", 5));
	}
	at = READ;
	for (i = 0; i < 10; i++) {
		unit_assert(!kreg_read_enter(k));
		got = kreg_read(k, "updated", KREG_STRING, &there, NULL);
		unit_assert(got == size && !memcmp(there, expected, (size_t)size));
		unit_assert(!kreg_read_leave(k));
	}
}

static void change_while_interrupted(void)
{
	unsigned int number, last = 0;
	char value[LETTERS];
	ssize_t size;

	for (number = 0; !is_enough() && !fault; number++) {
		size = make_value(value, number);
		at = REGISTER;
		unit_assert(!kreg_register(k, "comes", KREG_STRING, value, (size_t)size, NULL));
		at = UPDATE;
		unit_assert(kreg_update(k, "updated", KREG_STRING, value, (size_t)size, NULL, 0) ==
			    1 + last % LETTERS);
		last = number;
		read_while_interrupted(value, size);
		at = UNREGISTER;
		unit_assert(kreg_unregister(k, "comes", KREG_STRING) == 1);
	}
}

START_TEST(a_handler_looks_up_whatever_call_it_interrupts)
{
	int call, sum = 0;

	k = mode_open(_i, "signal");
	self = getpid();
	always_ref = (struct kreg_ref)KREG_REF("always", KREG_STRING);
	updated_ref = (struct kreg_ref)KREG_REF("updated", KREG_STRING);
	never_ref = (struct kreg_ref)KREG_REF("never", KREG_STRING);
	ck_assert_int_eq(kreg_register(k, "always", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "updated", KREG_STRING, "B", 1, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "space", "always", "value", 5, NULL), 0);
	begin_interruptions();
	change_while_interrupted();
	end_interruptions();
	ck_assert_msg(!fault, "in the handler: %s", fault);
	for (call = 0; call < CALLS; call++)
		sum += interrupted[call];
	printf("# %d interruptions\n", sum);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_handler_looks_up_whatever_call_it_interrupts, NULL };

	return modes_run(suite_create("signal"), tcase_create("both"), both, NULL, NULL);
}
