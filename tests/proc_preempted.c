/* SPDX-License-Identifier: MIT */
/*
 * Where many processes exit, exec or attach at once, a program of the guard may be
 * preempted by a process that needs it too, or skipped by the kernel. Nevertheless no life
 * outlives its process, however the death is observed; no image outlives its exec; and no
 * thread or process is refused what its process has or can get.
 *
 * The number of skipped events is printed. Newer kernels skip some now and then, others
 * never do (guard.bpf.c).
 *
 * KREG_KILLS=10000 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "shm/life.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/unit.h"

#define SEATS 64
#define WORKERS 6
#define KILLS 1500
#define EXECS 300
#define NOBODY 65534

/* What a victim does once it has a seat. */
enum act { DIE, EXEC };

/* How a worker observes the death. */
enum sign { WAIT, PIDFD, SOCKET, SIGNS };

struct tally {
	enum act act;
	uint64_t wanted;
	uint64_t begun;
	uint64_t done;
	uint64_t kept[SIGNS]; /* lives after the death, or images after the exec */
	uint64_t failed;
};

struct victim {
	uint64_t word; /* its owner word, with its image if it is to exec */
	bool failed;
};

static void *shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static uint64_t count(uint64_t *counter)
{
	return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void __attribute__((noreturn))
take_seat(const struct life_table *table, enum act act, int link, struct victim *v)
{
	struct life_self self = { 0 };
	char fd[16];

	v->failed = life_guard_attach(&self, table, second_guard()) ||
		    !life_is_alive(table, self.owner);
	v->word = act == EXEC ? owner_with_image(self.owner, self.image) : self.owner;
	snprintf(fd, sizeof(fd), "%d", link);
	if (act == EXEC)
		execl(PROGRAM, PROGRAM, "line", fd, (char *)NULL);
	raise(SIGKILL);
	_exit(1);
}

/* Returns when @sign shows that the process is dead. */
static void await_death(pid_t pid, int link, enum sign sign)
{
	struct pollfd pidfd = { .fd = -1, .events = POLLIN };
	char byte;

	if (sign == PIDFD) {
		pidfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
		poll(&pidfd, 1, -1);
		close(pidfd.fd);
	} else if (sign == SOCKET) {
		while (read(link, &byte, 1) > 0)
			;
	} else {
		waitpid(pid, NULL, 0);
	}
}

static void end_one(const struct life_table *table, struct victim *v, struct tally *tally,
		    enum sign sign)
{
	int links[2];
	pid_t pid;
	char byte;

	v->failed = true;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, links)) {
		count(&tally->failed);
		return;
	}
	pid = fork();
	if (!pid) {
		close(links[0]);
		take_seat(table, tally->act, links[1], v);
	}
	close(links[1]);
	if (tally->act == EXEC && read(links[0], &byte, 1) == 1) {
		/* The next program runs. */
		if (life_image_is_alive(table, v->word) ||
		    !life_is_alive(table, owner_without_image(v->word)))
			count(&tally->kept[sign]);
		kill(pid, SIGKILL);
	}
	await_death(pid, links[0], sign);
	if (life_is_alive(table, owner_without_image(v->word)))
		count(&tally->kept[sign]);
	if (sign != WAIT)
		waitpid(pid, NULL, 0);
	close(links[0]);
	count(v->failed ? &tally->failed : &tally->done);
}

static int work(int link, void *data)
{
	struct victim *victim = shared(sizeof(*victim));
	struct tally *tally = data;
	struct life_table table;
	uint64_t i;

	if (life_guard_open(&table, second_guard()))
		return 1;
	link_say(link, 0);
	link_hear(link);
	while ((i = count(&tally->begun)) < tally->wanted)
		end_one(&table, victim, tally, (enum sign)(i % SIGNS));
	return 0;
}

static void run(const char *what, enum act act, uint64_t wanted)
{
	struct guard_options options = { .path = second_guard(), .seats = SEATS };
	struct tally *tally = shared(sizeof(*tally));
	struct child workers[WORKERS];
	struct guard_status status;
	uint64_t kept, took;
	int64_t began;
	int i;

	tally->act = act;
	tally->wanted = wanted;
	ck_assert_int_eq(guard_start(&options), 0);
	for (i = 0; i < WORKERS; i++)
		workers[i] = child_start_ready(work, tally);
	began = clock_ms();
	for (i = 0; i < WORKERS; i++)
		link_say(workers[i].link, 0);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_eq(child_end(&workers[i]), 0);
	took = (uint64_t)(clock_ms() - began);
	/* This includes an audit. */
	ck_assert_int_eq(guard_status(&options, &status), 0);
	ck_assert_int_eq(guard_stop(&options, true), 0);
	kept = tally->kept[WAIT] + tally->kept[PIDFD] + tally->kept[SOCKET];
	printf("# %lu %s by %d in %lu ms: %lu kept (%lu by wait, %lu by pidfd, %lu by socket), %lu "
	       "late; "
	       "%lu events kept from programs, %lu of them from the second ones, which are %s\n",
	       tally->done, what, WORKERS, took, kept, tally->kept[WAIT], tally->kept[PIDFD],
	       tally->kept[SOCKET], status.late, status.recursion_misses, status.sure_misses,
	       status.is_sure ? "sure" : "not sure");
	fflush(stdout);
	ck_assert_uint_eq(tally->failed, 0);
	ck_assert_uint_eq(tally->done, wanted);
	ck_assert_uint_eq(status.sure_misses, 0);
	/* Only such a kernel may keep both programs from an event. */
	if (status.is_sure || !status.recursion_misses) {
		ck_assert_uint_eq(kept, 0);
		ck_assert_uint_eq(status.late, 0);
	}
}

START_TEST(no_life_outlives_its_process_when_many_end_at_once)
{
	run("kills", DIE, unit_many("KREG_KILLS", KILLS));
}
END_TEST

START_TEST(no_image_outlives_its_exec_when_many_call_it_at_once)
{
	run("execs", EXEC, EXECS);
}
END_TEST

/* ---- threads */

#define THREADS 16
#define ROUNDS 200
/* Where each attach takes milliseconds. */
#define SLOW_ROUNDS 10
#define CROWDS 3

/* Processes of one user that attach at once, each with many threads but the last one. */
struct crowds {
	uid_t uid;
	int count;
};

struct crowd {
	uid_t uid;
	int threads;
	const struct life_table *table;
	pthread_barrier_t start;
};

struct comer {
	struct crowd *crowd;
	struct life_self self;
	int err;
};

static void *come(void *data)
{
	struct comer *comer = data;

	pthread_barrier_wait(&comer->crowd->start);
	comer->err = life_guard_attach(&comer->self, comer->crowd->table, second_guard());
	return NULL;
}

/* The first error, or 1 if the threads did not get one seat. */
static int attach_at_once(struct crowd *crowd)
{
	struct comer comers[THREADS];
	pthread_t threads[THREADS];
	int i, err = 0;

	pthread_barrier_init(&crowd->start, NULL, (unsigned int)crowd->threads);
	for (i = 0; i < crowd->threads && !err; i++) {
		comers[i] = (struct comer){ .crowd = crowd };
		err = -pthread_create(&threads[i], NULL, come, &comers[i]);
	}
	for (i = 0; i < crowd->threads && !err; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < crowd->threads && !err; i++)
		err = comers[i].err ? comers[i].err : comers[i].self.owner != comers[0].self.owner;
	return err;
}

/* Reports that it is ready. At the first order it attaches and reports the result, at the second it exits. */
static int be_crowd(int link, void *data)
{
	struct crowd *crowd = data;
	struct life_table table;
	int err = life_guard_open(&table, second_guard());

	if (!err && crowd->uid && (setgid(crowd->uid) || setuid(crowd->uid)))
		err = -errno;
	crowd->table = &table;
	link_say(link, err);
	link_hear(link);
	link_say(link, attach_at_once(crowd));
	link_hear(link);
	return 0;
}

static void come_once(const struct crowds *crowds)
{
	struct child children[CROWDS];
	int i;

	for (i = 0; i < crowds->count; i++) {
		struct crowd crowd = {
			.uid = crowds->uid,
			.threads = i < CROWDS - 1 ? THREADS : 1,
		};

		children[i] = child_start_ready(be_crowd, &crowd);
	}
	for (i = 0; i < crowds->count; i++)
		link_say(children[i].link, 0);
	for (i = 0; i < crowds->count; i++)
		ck_assert_int_eq(link_hear(children[i].link), 0);
	for (i = 0; i < crowds->count; i++) {
		link_say(children[i].link, 0);
		ck_assert_int_eq(child_end(&children[i]), 0);
	}
}

static void come_under(struct guard_options options, const struct crowds *crowds, int rounds)
{
	struct guard_status status;
	int i;

	options.path = second_guard();
	ck_assert_int_eq(guard_start(&options), 0);
	for (i = 0; i < rounds; i++)
		come_once(crowds);
	ck_assert_int_eq(guard_status(&options, &status), 0);
	ck_assert_uint_eq(status.seats_used, 0);
	ck_assert_uint_eq(status.attaches, (uint64_t)(rounds * crowds->count));
	ck_assert_uint_eq(status.refused, 0);
	ck_assert_uint_eq(status.over_share, 0);
	ck_assert_int_eq(guard_stop(&options, false), 0);
}

/* There is exactly one seat for each process, so a second one for a thread would be noticed. */
static void come_again_and_again(struct guard_options options, struct crowds crowds)
{
	come_under(options, &crowds, ROUNDS / (int)unit_slowness());
	options.faults = LIFE_FAULT_LINGER;
	come_under(options, &crowds, SLOW_ROUNDS);
}

START_TEST(threads_that_attach_at_once_get_the_last_seat)
{
	come_again_and_again((struct guard_options){ .seats = 1 }, (struct crowds){ .count = 1 });
}
END_TEST

START_TEST(threads_that_attach_at_once_get_the_one_seat_of_their_users_share)
{
	come_again_and_again((struct guard_options){ .seats = SEATS, .share = 1 },
			     (struct crowds){ .uid = NOBODY, .count = 1 });
}
END_TEST

START_TEST(threads_that_attach_at_once_take_no_seat_that_another_process_needs)
{
	come_again_and_again((struct guard_options){ .seats = CROWDS },
			     (struct crowds){ .count = CROWDS });
}
END_TEST

START_TEST(threads_that_attach_at_once_take_no_share_that_another_process_needs)
{
	come_again_and_again((struct guard_options){ .seats = SEATS, .share = CROWDS },
			     (struct crowds){ .uid = NOBODY, .count = CROWDS });
}
END_TEST

/* ---- a full map */

#define FULL_ROUNDS 5
#define OTHERS 4

/* Attaches as user @data at each order, and reports the result. */
static int attach_on_order(int link, void *data)
{
	struct life_table table;
	struct life_self self;
	int err = life_guard_open(&table, second_guard());

	if (!err && *(uid_t *)data && (setgid(NOBODY) || setuid(NOBODY)))
		err = -errno;
	link_say(link, err);
	while (link_hear(link) != INT64_MIN)
		link_say(link, life_guard_attach(&self, &table, second_guard()));
	return 0;
}

static struct child start_as(uid_t uid)
{
	return child_start_ready(attach_on_order, &uid);
}

/*
 * Of two seats root has one and may have the other, so other users are refused. The four
 * elements of owners are the first one's life, two of refused processes from which the
 * kernel did not delete them, and one that claims of other such processes take while root
 * attaches.
 */
START_TEST(claims_that_fill_the_map_for_a_moment_refuse_nobody)
{
	struct guard_options options = {
		.path = second_guard(),
		.seats = 2,
		.share = 2,
		.reserve = 1,
		.set_reserve = true,
		.faults = LIFE_FAULT_DELETE,
	};
	struct child holder, refused[2], others[OTHERS], child;
	int i, j;

	ck_assert_int_eq(guard_start(&options), 0);
	holder = start_as(0);
	ck_assert_int_eq(child_ask(&holder, 0), 0);
	for (i = 0; i < 2; i++) {
		refused[i] = start_as(NOBODY);
		ck_assert_int_eq(child_ask(&refused[i], 0), -EUSERS);
	}
	options.faults = LIFE_FAULT_LINGER;
	ck_assert_int_eq(guard_upgrade(&options), 1);
	for (j = 0; j < OTHERS; j++)
		others[j] = start_as(NOBODY);
	for (i = 0; i < FULL_ROUNDS; i++) {
		child = start_as(0);
		for (j = 0; j < OTHERS; j++)
			link_say(others[j].link, 0);
		ck_assert_int_eq(child_ask(&child, 0), 0);
		for (j = 0; j < OTHERS; j++)
			ck_assert_int_eq(link_hear(others[j].link), -EUSERS);
		child_kill(&child);
	}
	for (j = 0; j < OTHERS; j++)
		child_kill(&others[j]);
	for (i = 0; i < 2; i++)
		child_kill(&refused[i]);
	child_kill(&holder);
	ck_assert_int_eq(guard_stop(&options, false), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const guard[] = {
		no_life_outlives_its_process_when_many_end_at_once,
		no_image_outlives_its_exec_when_many_call_it_at_once,
		threads_that_attach_at_once_get_the_last_seat,
		threads_that_attach_at_once_get_the_one_seat_of_their_users_share,
		threads_that_attach_at_once_take_no_seat_that_another_process_needs,
		threads_that_attach_at_once_take_no_share_that_another_process_needs,
		claims_that_fill_the_map_for_a_moment_refuse_nobody,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("preempted"), NULL, NULL, tcase_create("guard"), guard);
}
