/* SPDX-License-Identifier: MIT */
/*
 * A program may close any fds, including 0 to 2 and fds that it does not know, and open
 * its own under any number: no file of the program is ever taken for one of the registry,
 * and no file of the registry ever has a number that the program writes to.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "lib/kreg-services.h"
#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/notifier.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define OPENINGS 300
#define FILES 16
#define PRECIOUS "precious\n"

/* In a child: reports what is wrong, and exits with 1. */
#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("# %s:%d: not so: %s\n", __FILE__, __LINE__, #what);                \
			fflush(stdout);                                                            \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int run_child(int (*body)(int link, void *data), int mode)
{
	struct child child = child_start(body, &mode);

	return child_end(&child);
}

static int count_fds(void)
{
	return unit_entries("/proc/self/fd");
}

START_TEST(an_open_registry_has_no_fd)
{
	int before = count_fds();
	struct kreg *k = mode_open(_i, "fds");
	KREG_OPTIONS(options, .flags = KREG_OPEN_READONLY);
	struct kreg *reader = mode_open_as(_i, "fds", &options);

	ck_assert_int_eq(kreg_register(k, "a", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_lookup(reader, "a", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_int_eq(count_fds(), before);
	kreg_close(reader);
	kreg_close(k);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

/*
 * Writes to fds 0 to 2 as a program that prints does, and counts the bytes that reached
 * any file.
 */
static void *print_to_closed(void *data)
{
	int *state = data, fd, written = 0;

	while (!__atomic_load_n(state, __ATOMIC_ACQUIRE)) {
		for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			written += write(fd, PRECIOUS, strlen(PRECIOUS)) > 0;
	}
	return (void *)(intptr_t)written;
}

static int open_with_closed(int link, void *data)
{
	int mode = *(int *)data, out = fcntl(STDOUT_FILENO, F_DUPFD, 10), state = 0, i, fault = 0;
	struct kreg_listener *listener = NULL;
	struct kreg *k = NULL;
	void *written = NULL;
	pthread_t printer;

	(void)link;
	fflush(stdout);
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		close(i);
	pthread_create(&printer, NULL, print_to_closed, &state);
	for (i = 0; i < OPENINGS && !fault; i++) {
		k = mode_open(mode, "closed");
		if (kreg_register(k, "svc", KREG_STRING, "v", 1, NULL) ||
		    kreg_listen(&listener, k, NULL, 0) ||
		    kreg_await(k, "other", KREG_STRING, 1, NULL) != -ETIMEDOUT ||
		    kreg_lookup(k, "svc", KREG_STRING, NULL, 0, NULL) != 1 ||
		    kreg_listener_fd(listener) <= STDERR_FILENO)
			fault = i + 1;
		kreg_listener_close(listener);
		kreg_close(k);
	}
	__atomic_store_n(&state, 1, __ATOMIC_RELEASE);
	pthread_join(printer, &written);
	dup2(out, STDOUT_FILENO);
	REQUIRE(!fault);
	REQUIRE(!written);
	k = mode_open(mode, "closed");
	REQUIRE(!kreg_check(k, NULL, NULL));
	kreg_close(k);
	return 0;
}

START_TEST(the_library_never_uses_fds_0_1_and_2_while_a_thread_prints)
{
	ck_assert_int_eq(run_child(open_with_closed, _i), 0);
}
END_TEST

/* Opens files of the program's under all numbers that the library may have had. */
static int take_numbers(int link, int *files)
{
	char path[128];
	int i;

	for (i = STDERR_FILENO + 1; i < 1024; i++) {
		if (i != link)
			close(i);
	}
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/data.%d", tmp_directory(), i);
		files[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		REQUIRE(write(files[i], PRECIOUS, strlen(PRECIOUS)) == (ssize_t)strlen(PRECIOUS));
	}
	return 0;
}

static int look_at_files(const int *files)
{
	char text[64];
	struct stat st;
	int i;

	for (i = 0; i < FILES; i++) {
		REQUIRE(!fstat(files[i], &st));
		REQUIRE(st.st_size == (off_t)strlen(PRECIOUS));
		REQUIRE(st.st_blocks <= 8);
		REQUIRE(pread(files[i], text, sizeof(text), 0) == (ssize_t)strlen(PRECIOUS));
		REQUIRE(lseek(files[i], 0, SEEK_CUR) == (off_t)strlen(PRECIOUS));
		REQUIRE(!memcmp(text, PRECIOUS, strlen(PRECIOUS)));
	}
	return 0;
}

static int register_many(struct kreg *k, const char *prefix, int count)
{
	static char value[60000];
	char key[32];
	int i, err = 0;

	for (i = 0; i < count && !err; i++) {
		snprintf(key, sizeof(key), "%s%d", prefix, i);
		err = kreg_register(k, key, KREG_STRING, value, sizeof(value), NULL);
	}
	return err;
}

static int go_on_without_fds(int link, void *data)
{
	/* Not mode_open(): Check has an fd of its own as well. */
	KREG_OPTIONS(options, .guard = mode_guard(*(int *)data), .directory = tmp_directory());
	struct kreg *k = mode_open(*(int *)data, "unknown"), *second;
	int files[FILES];

	REQUIRE(!kreg_register(k, "first", KREG_STRING, "v", 1, NULL));
	REQUIRE(!take_numbers(link, files));
	REQUIRE(!register_many(k, "many", 100));
	REQUIRE(!kreg_open(&second, "unknown", &options));
	REQUIRE(kreg_lookup(second, "many99", KREG_STRING, NULL, 0, NULL) == 60000);
	kreg_close(second);
	REQUIRE(kreg_count(k) == 101);
	kreg_close(k);
	return look_at_files(files);
}

START_TEST(a_program_that_closes_unknown_fds_keeps_its_files_and_its_registry)
{
	ck_assert_int_eq(run_child(go_on_without_fds, _i), 0);
}
END_TEST

static int hold_name(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "deaths");

	if (kreg_register(k, "name", KREG_STRING, "v", 1, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

struct waiter {
	struct kreg *k;
	pthread_t thread;
	int result;
};

static void *await_gone(void *data)
{
	struct waiter *waiter = data;

	waiter->result = kreg_await_gone(waiter->k, "name", KREG_STRING, NULL, 60000);
	return NULL;
}

/* The next event, whether or not the listener's fd is still there. */
static int await_event(struct kreg_listener *listener, struct kreg_event *event)
{
	int got, tries;

	for (tries = 0; tries < 6000; tries++) {
		got = kreg_listener_next(listener, event);
		if (got)
			return got;
		poll(NULL, 0, 10);
	}
	return -ETIMEDOUT;
}

/*
 * Its waiter and its listener run in a program that closes all fds but its own; then the
 * owner dies.
 */
static int hear_without_fds(int link, void *data)
{
	struct waiter waiter = { .k = mode_open(*(int *)data, "deaths"), .result = 1 };
	struct kreg_listener *listener;
	struct kreg_event event;
	int files[FILES], before, i;

	child_start_ready(hold_name, data);
	before = count_fds();
	REQUIRE(!kreg_listen(&listener, waiter.k, NULL, KREG_LISTEN_KNOWN));
	REQUIRE(kreg_listener_fd(listener) > STDERR_FILENO);
	/*
	 * A pair, and no fd that the program could take for its own, however many owners
	 * there are.
	 */
	REQUIRE(count_fds() == before + 2);
	REQUIRE(await_event(listener, &event) == 1 && event.type == KREG_EVENT_REGISTER);
	REQUIRE(!pthread_create(&waiter.thread, NULL, await_gone, &waiter));
	REQUIRE(kreg_await_gone(waiter.k, "name", KREG_STRING, NULL, 50) == -ETIMEDOUT);
	REQUIRE(count_fds() == before + 2);
	/* The holder's link no longer belongs to this process; its end ends the holder. */
	REQUIRE(!take_numbers(link, files));
	REQUIRE(!pthread_join(waiter.thread, NULL));
	REQUIRE(!waiter.result);
	REQUIRE(await_event(listener, &event) == 1 && event.type == KREG_EVENT_PURGE);
	for (i = 0; i < 100; i++) {
		REQUIRE(!kreg_register(waiter.k, "other", KREG_STRING, "v", 1, NULL));
		REQUIRE(await_event(listener, &event) == 1);
		REQUIRE(kreg_unregister(waiter.k, "other", KREG_STRING) == 1);
		REQUIRE(await_event(listener, &event) == 1);
	}
	REQUIRE(!look_at_files(files));
	kreg_listener_close(listener);
	kreg_close(waiter.k);
	return look_at_files(files);
}

START_TEST(waiters_and_listeners_without_their_fds_miss_nothing_and_touch_no_file)
{
	ck_assert_int_eq(run_child(hear_without_fds, _i), 0);
}
END_TEST

#define NUMBERS 128
#define ABOVE 200 /* the fds that the program knows */

/*
 * A program that keeps closing fds that it does not know, and opens files and sockets
 * under their numbers.
 */
struct closer {
	pthread_t thread;
	pthread_mutex_t mutex; /* held while it does that */
	bool is_over;
	int link;
	struct {
		bool is_there;
		ino_t inode;
		int far; /* the other end, of a socket */
	} at[NUMBERS];
};

static int open_stranger(struct closer *c, int number)
{
	int ends[2] = { -1, -1 };
	char path[128];

	snprintf(path, sizeof(path), "%s/stranger.%d", tmp_directory(), number);
	if (number % 2) {
		ends[0] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	} else {
		socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
		c->at[number].far = fcntl(ends[1], F_DUPFD_CLOEXEC, ABOVE);
		close(ends[1]);
	}
	if (write(number % 2 ? ends[0] : c->at[number].far, PRECIOUS, strlen(PRECIOUS)) < 0)
		abort();
	return ends[0];
}

static void take_number(struct closer *c, int number)
{
	int fd = open_stranger(c, number);
	struct stat st;

	if (fd != number) {
		dup3(fd, number, O_CLOEXEC);
		close(fd);
	}
	fstat(number, &st);
	c->at[number].inode = st.st_ino;
	c->at[number].is_there = true;
}

static void *close_unknown(void *data)
{
	struct closer *c = data;
	bool is_over;
	int i;

	do {
		pthread_mutex_lock(&c->mutex);
		for (i = STDERR_FILENO + 1; i < NUMBERS; i++) {
			if (i == c->link || c->at[i].is_there)
				continue;
			if (!close(i) || i < NUMBERS / 2)
				take_number(c, i);
		}
		is_over = c->is_over;
		pthread_mutex_unlock(&c->mutex);
		usleep(10000);
	} while (!is_over);
	return NULL;
}

/* Checks that no other thread closed, wrote to or read from any of them. */
static int end_closer(struct closer *c)
{
	char text[64];
	struct stat st;
	int i;

	pthread_mutex_lock(&c->mutex);
	c->is_over = true;
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	for (i = 0; i < NUMBERS; i++) {
		if (!c->at[i].is_there)
			continue;
		REQUIRE(!fstat(i, &st) && st.st_ino == c->at[i].inode);
		if (i % 2) {
			REQUIRE(st.st_size == (off_t)strlen(PRECIOUS));
			REQUIRE(lseek(i, 0, SEEK_CUR) == st.st_size);
		} else {
			REQUIRE(recv(i, text, sizeof(text), MSG_DONTWAIT) == (int)strlen(PRECIOUS));
			REQUIRE(recv(i, text, sizeof(text), MSG_DONTWAIT) < 0);
			REQUIRE(recv(c->at[i].far, text, sizeof(text), MSG_DONTWAIT) < 0);
		}
	}
	return 0;
}

/* Writes the supervisor's messages to the program's own file. */
static void write_sentence(const char *sentence, void *data)
{
	dprintf(*(int *)data, "%s\n", sentence);
}

static void write_event(const struct kreg_telemetry *event, void *data)
{
	dprintf(*(int *)data, "event %s\n", event->role);
}

/* The pid of a service that is found and is not @before; 0: none within a minute. */
static pid_t runs_again(struct kreg *k, const char *role, pid_t before)
{
	struct kreg_owner owner;
	int tries;

	for (tries = 0; tries < 60000; tries++) {
		if (kreg_service_lookup(k, "closed", role, NULL, 0, &owner) >= 0 &&
		    owner.pid != before)
			return owner.pid;
		usleep(1000);
	}
	return 0;
}

static int kill_services(struct kreg *k, const char *role, int signal, int times)
{
	pid_t pid = runs_again(k, role, 0);

	while (times--) {
		REQUIRE(pid);
		REQUIRE(!kill(pid, signal));
		pid = runs_again(k, role, pid);
	}
	REQUIRE(pid);
	return 0;
}

static int read_sentences(int log)
{
	static char text[65536];
	ssize_t size = pread(log, text, sizeof(text) - 1, 0);

	REQUIRE(size > 0);
	text[size] = 0;
	REQUIRE(strstr(text, "after missing its watchdog"));
	REQUIRE(strstr(text, "event heard\n"));
	REQUIRE(strstr(text, "all services are stopped\n"));
	return 0;
}

static int supervise_without_fds(int link, void *data)
{
	KREG_START(plain, .argv = (const char *const[]){ "sleep", "1000", NULL });
	KREG_START(heard,
		   .argv = (const char *const[]){ NOTIFIER, "say", "READY=1", "ping:1000000:50",
						  NULL },
		   .ready = KREG_READY_NOTIFY, .watchdog_ms = 1000);
	const struct kreg_supervised services[] = {
		{ .size = sizeof(services[0]), .role = "plain", .start = &plain },
		{ .size = sizeof(services[0]), .role = "heard", .start = &heard },
	};
	static struct closer closer = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct kreg *k = mode_open(*(int *)data, "supervised");
	char path[128];
	int opened, log, before;
	KREG_SUPERVISION(what, .services = services, .count = 2, .intensity = 1000,
			 .log = write_sentence, .log_data = &log);
	struct kreg_supervisor *s;

	snprintf(path, sizeof(path), "%s/log", tmp_directory());
	opened = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	log = fcntl(opened, F_DUPFD_CLOEXEC, ABOVE);
	close(opened);
	closer.link = link;
	before = count_fds();
	REQUIRE(!kreg_service_telemetry(k, write_event, &log));
	REQUIRE(!kreg_supervise(&s, k, "closed", &what, NULL, 0));
	/*
	 * A pair, and no fd that the program could take for its own, however many
	 * services there are.
	 */
	REQUIRE(count_fds() == before + 2);
	REQUIRE(!pthread_create(&closer.thread, NULL, close_unknown, &closer));
	REQUIRE(!kill_services(k, "plain", SIGKILL, 20));
	REQUIRE(!kill_services(k, "heard", SIGKILL, 5));
	/* A stopped service does not feed its watchdog. */
	REQUIRE(!kill_services(k, "heard", SIGSTOP, 1));
	REQUIRE(!kreg_supervisor_state(s));
	REQUIRE(!kreg_supervisor_change(s, &what, NULL, 0));
	kreg_supervisor_stop(s);
	kreg_close(k);
	REQUIRE(!end_closer(&closer));
	return read_sentences(log);
}

START_TEST(a_supervisor_without_its_fds_restarts_its_services_and_touches_no_file)
{
	ck_assert_int_eq(run_child(supervise_without_fds, _i), 0);
}
END_TEST

/* As on a kernel that does not know the advice, or under a filter. */
static int refuse_madvise(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 23 /* MADV_POPULATE_WRITE */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_by(filter, sizeof(filter) / sizeof(filter[0]));
}

static int fill_file_system(int mode, int error)
{
	KREG_OPTIONS(options, .guard = mode_guard(mode));
	char small[128];
	struct kreg *k;

	snprintf(small, sizeof(small), "%s/small", tmp_directory());
	options.directory = small;
	REQUIRE(!error || !refuse_madvise(error));
	REQUIRE(!kreg_open(&k, "full", &options));
	REQUIRE(register_many(k, "many", 100) == -ENOSPC);
	REQUIRE(kreg_count(k) > 10);
	/* Memory that was allocated in vain serves a smaller allocation. */
	REQUIRE(!kreg_register(k, "small", KREG_STRING, "v", 1, NULL));
	REQUIRE(!kreg_check(k, NULL, NULL));
	kreg_close(k);
	return 0;
}

static int fill_quickly(int link, void *data)
{
	(void)link;
	return fill_file_system(*(int *)data, 0);
}

static int fill_on_an_old_kernel(int link, void *data)
{
	(void)link;
	return fill_file_system(*(int *)data, EINVAL);
}

static int fill_under_a_filter(int link, void *data)
{
	(void)link;
	return fill_file_system(*(int *)data, EPERM);
}

START_TEST(a_full_file_system_is_reported_on_any_kernel)
{
	int (*const bodies[])(int, void *) = { fill_quickly, fill_on_an_old_kernel,
					       fill_under_a_filter };
	char small[128];
	size_t i;

	snprintf(small, sizeof(small), "%s/small", tmp_directory());
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (!tmp_mount(small, "4m"))
			return;
		ck_assert_int_eq(run_child(bodies[i], _i), 0);
		ck_assert_int_eq(umount(small), 0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = {
		an_open_registry_has_no_fd,
		the_library_never_uses_fds_0_1_and_2_while_a_thread_prints,
		a_program_that_closes_unknown_fds_keeps_its_files_and_its_registry,
		waiters_and_listeners_without_their_fds_miss_nothing_and_touch_no_file,
		a_supervisor_without_its_fds_restarts_its_services_and_touches_no_file,
		a_full_file_system_is_reported_on_any_kernel,
		NULL,
	};

	notifier_run(argc, argv);
	return modes_run(suite_create("fds"), tcase_create("both"), tests, NULL, NULL);
}
