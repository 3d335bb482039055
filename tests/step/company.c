/* SPDX-License-Identifier: MIT */
/*
 * Each is a fork that opens the registry for itself, and ends with its parent.
 */
#include "tests/step/company.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The waiter's other orders. */
enum { WAITER_DROP = WAITS, WAITER_SWEEP };

int registry_open(const struct place_of_registry *at, const char *name, struct kreg **out)
{
	KREG_OPTIONS(options, .directory = at->directory, .guard = at->guard, .slots = 256,
		     .seats = 256, .max_bytes = 64u << 20);

	return kreg_open(out, name, &options);
}

/* False: not within @ms. Signals interrupt it, and do not end it. */
static bool sem_wait_ms(sem_t *sem, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000l;
	if (until.tv_nsec >= 1000000000l) {
		until.tv_nsec -= 1000000000l;
		until.tv_sec++;
	}
	while (sem_timedwait(sem, &until)) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

static void sem_wait_order(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static int64_t bystander_reset(struct kreg *k)
{
	static const char *const names[][2] = { { "b-1", "b1" }, { "b-line", "bl" } };
	int64_t err;
	size_t i;

	for (i = 0; i < 2; i++) {
		err = kreg_register(k, names[i][0], KREG_STRING, names[i][1], 2, NULL);
		if (err && err != -EEXIST)
			return err;
	}
	err = kreg_register_with(k, "b-replaceable", KREG_STRING, "br", 2,
				 KREG_REGISTER_REPLACEABLE, NULL);
	if (err && err != -EEXIST)
		return err;
	err = kreg_register_with(k, "b-dropped", KREG_STRING, "bd", 2,
				 KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL);
	return err == -EEXIST ? 0 : err;
}

static int64_t bystander_change(struct kreg *k)
{
	int64_t err = kreg_register(k, "b-2", KREG_STRING, "x", 1, NULL);

	if (!err)
		err = kreg_update(k, "b-2", KREG_STRING, "yy", 2, NULL, 0) == 1 ? 0 : -EPROTO;
	if (!err)
		err = kreg_unregister(k, "b-2", KREG_STRING) == 1 ? 0 : -EPROTO;
	return err;
}

static int64_t bystander_obey(struct kreg *k, const struct order *order)
{
	static struct kreg_lock lock;

	switch (order->what) {
	case BYSTANDER_RESET:
		return bystander_reset(k);
	case BYSTANDER_CHANGE:
		return bystander_change(k);
	case BYSTANDER_LEAVE_LINE:
		return kreg_unregister(k, "b-line", KREG_STRING);
	case BYSTANDER_LOCK:
		return kreg_lock(k, "b-lock", KREG_STRING, COMPANY_WAIT_MS, &lock);
	case BYSTANDER_UNLOCK:
		return kreg_unlock(k, &lock);
	case BYSTANDER_UNREGISTER:
		return kreg_unregister(k, order->key, KREG_STRING);
	default:
		return kreg_sweep(k);
	}
}

static void __attribute__((noreturn))
bystander_run(const struct place_of_registry *at, struct board *board)
{
	struct order *order = &board->bystander;
	struct kreg *k;

	if (registry_open(at, at->name, &k) || kreg_self(k, &board->owners[0]) ||
	    kreg_allow(k, KREG_ALLOW_OTHERS) || bystander_reset(k))
		_exit(1);
	sem_post(&board->ready);
	for (;;) {
		sem_wait_order(&order->given);
		order->result = bystander_obey(k, order);
		sem_post(&order->done);
	}
}

static struct kreg *waiters_registry;

static int64_t waiter_wait(struct kreg *k, struct order *order)
{
	struct kreg_lock lock;
	int64_t err;

	switch (order->what) {
	case WAIT_NAME:
		order->waiting = 1;
		return kreg_await(k, order->key, KREG_STRING, COMPANY_LONG_MS, NULL);
	case WAIT_GONE:
		order->waiting = 1;
		return kreg_await_gone(k, order->key, KREG_STRING, &order->owner, COMPANY_LONG_MS);
	case WAIT_TURN:
		err = kreg_register_with(k, order->key, KREG_STRING, "w", 1, KREG_REGISTER_QUEUE,
					 NULL);
		order->waiting = 1;
		return err == KREG_WAITING
			       ? kreg_await_turn(k, order->key, KREG_STRING, COMPANY_LONG_MS)
			       : -EPROTO;
	case WAIT_LOCK:
		order->waiting = 1;
		err = kreg_lock(k, order->key, KREG_STRING, COMPANY_LONG_MS, &lock);
		return err ? err : kreg_unlock(k, &lock);
	case WAITER_DROP:
		return kreg_unregister(k, order->key, KREG_STRING);
	default:
		return kreg_sweep(k);
	}
}

static void *waiter_thread(void *data)
{
	struct order *order = data;

	order->tid = (uint32_t)syscall(SYS_gettid);
	for (;;) {
		sem_wait_order(&order->given);
		order->result = waiter_wait(waiters_registry, order);
		order->waiting = 0;
		sem_post(&order->done);
	}
	return NULL;
}

static void __attribute__((noreturn))
waiter_run(const struct place_of_registry *at, struct board *board)
{
	pthread_t thread;
	int i;

	if (registry_open(at, at->name, &waiters_registry) ||
	    kreg_self(waiters_registry, &board->owners[1]))
		_exit(1);
	for (i = 0; i < WAITS; i++) {
		if (pthread_create(&thread, NULL, waiter_thread, &board->waits[i]))
			_exit(1);
	}
	sem_post(&board->ready);
	for (;;)
		pause();
}

static void mirror_text(char *to, const void *from, size_t size)
{
	if (size > COMPANY_KEY - 1)
		size = COMPANY_KEY - 1;
	memcpy(to, from, size);
	to[size] = 0;
}

/* Its number, or the number of all: it is not there. */
static uint32_t mirror_find(const struct board *board, const char *key, uint64_t owner)
{
	uint32_t i;

	for (i = 0; i < board->mirror_count; i++) {
		if (!strcmp(board->mirror[i].key, key) && board->mirror[i].owner == owner)
			break;
	}
	return i;
}

static void mirror_event(struct board *board, const struct kreg_event *event)
{
	const struct kreg_entry *entry = &event->entry;
	char key[COMPANY_KEY];
	uint32_t i;

	if (event->type == KREG_EVENT_OVERRUN)
		return;
	mirror_text(key, entry->key, entry->key_size);
	if (event->from.token) {
		i = mirror_find(board, key, event->from.token);
		if (i == board->mirror_count)
			board->mirror_error = -ENOENT;
		else
			board->mirror[i] = board->mirror[--board->mirror_count];
	}
	i = mirror_find(board, key, entry->owner.token);
	if (event->type == KREG_EVENT_UNREGISTER || event->type == KREG_EVENT_PURGE) {
		if (i == board->mirror_count)
			board->mirror_error = -ENOENT;
		else
			board->mirror[i] = board->mirror[--board->mirror_count];
		return;
	}
	if ((event->type == KREG_EVENT_REGISTER || event->from.token) && i < board->mirror_count)
		board->mirror_error = -EEXIST;
	if (i == COMPANY_MIRROR)
		return;
	if (i == board->mirror_count)
		board->mirror_count++;
	memcpy(board->mirror[i].key, key, sizeof(key));
	mirror_text(board->mirror[i].value, entry->value,
		    strcmp(key, COMPANY_COUNTER) ? entry->value_size : 0);
	board->mirror[i].owner = entry->owner.token;
}

static void __attribute__((noreturn))
listener_run(const struct place_of_registry *at, struct board *board)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct pollfd news;
	struct kreg *k;
	int got;

	if (registry_open(at, at->name, &k) || kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN))
		_exit(1);
	news = (struct pollfd){ .fd = kreg_listener_fd(listener), .events = POLLIN };
	sem_post(&board->ready);
	for (;;) {
		poll(&news, 1, -1);
		pthread_mutex_lock(&board->mirror_mutex);
		while ((got = kreg_listener_next(listener, &event)) == 1)
			mirror_event(board, &event);
		if (got)
			board->mirror_error = got;
		pthread_mutex_unlock(&board->mirror_mutex);
	}
}

static void order_init(struct order *order)
{
	sem_init(&order->given, 1, 0);
	sem_init(&order->done, 1, 0);
}

static int board_new(struct board **out)
{
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;
	int i;

	if (board == MAP_FAILED)
		return -ENOMEM;
	order_init(&board->bystander);
	for (i = 0; i < WAITS; i++)
		order_init(&board->waits[i]);
	sem_init(&board->ready, 1, 0);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&board->mirror_mutex, &attributes);
	*out = board;
	return 0;
}

static int start_one(struct company *company, pid_t *pid,
		     void (*run)(const struct place_of_registry *, struct board *))
{
	*pid = fork();
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(&company->at, company->board);
		_exit(1);
	}
	if (*pid < 0)
		return -errno;
	return sem_wait_ms(&company->board->ready, COMPANY_WAIT_MS) ? 0 : -ETIME;
}

int company_start(struct company *company, const struct place_of_registry *at, bool watched)
{
	int err;

	memset(company, 0, sizeof(*company));
	company->at = *at;
	err = board_new(&company->board);
	if (!err)
		err = start_one(company, &company->bystander, bystander_run);
	if (!err && watched)
		err = start_one(company, &company->waiter, waiter_run);
	if (!err && watched)
		err = start_one(company, &company->listener, listener_run);
	if (!err) {
		company->bystander_owner = company->board->owners[0];
		company->waiter_owner = company->board->owners[1];
	}
	return err;
}

static void end_one(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void company_end(struct company *company)
{
	end_one(company->bystander);
	end_one(company->waiter);
	end_one(company->listener);
	if (company->board)
		munmap(company->board, sizeof(*company->board));
	memset(company, 0, sizeof(*company));
}

static void order_give(struct order *order, int what, const char *key)
{
	order->what = what;
	if (key)
		snprintf(order->key, sizeof(order->key), "%s", key);
	sem_post(&order->given);
}

int64_t company_ask(struct company *company, enum bystander_order what, const char *key)
{
	struct order *order = &company->board->bystander;

	order_give(order, what, key);
	return sem_wait_ms(&order->done, COMPANY_WAIT_MS) ? order->result : -ETIME;
}

/* Whether the thread is asleep inside its wait. */
static bool is_asleep(const struct company *company, const struct order *order)
{
	char path[96], text[256];
	const char *at = NULL;
	FILE *file;

	if (!order->waiting)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%u/stat", company->waiter, order->tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		at = strrchr(text, ')');
	fclose(file);
	return at && at[1] && at[2] == 'S';
}

int company_wait(struct company *company, enum wait_kind kind, const char *key,
		 const struct kreg_owner *owner)
{
	struct order *order = &company->board->waits[kind];
	int64_t until = clock_ms() + COMPANY_WAIT_MS;

	if (owner)
		order->owner = *owner;
	order_give(order, kind, key);
	while (clock_ms() < until) {
		if (is_asleep(company, order))
			return 0;
		usleep(100);
	}
	return -ETIME;
}

int64_t company_waited(struct company *company, enum wait_kind kind, int ms)
{
	struct order *order = &company->board->waits[kind];

	return sem_wait_ms(&order->done, ms) ? order->result : -ETIME;
}

int company_drop(struct company *company, enum wait_kind kind)
{
	struct order *order = &company->board->waits[kind];

	order_give(order, WAITER_DROP, NULL);
	return sem_wait_ms(&order->done, COMPANY_WAIT_MS) ? (int)order->result : -ETIME;
}

int company_sweep(struct company *company)
{
	struct order *order = &company->board->waits[0];
	int64_t err = company_ask(company, BYSTANDER_SWEEP, NULL);

	if (err >= 0 && company->waiter) {
		order_give(order, WAITER_SWEEP, NULL);
		err = sem_wait_ms(&order->done, COMPANY_WAIT_MS) ? order->result : -ETIME;
	}
	return err < 0 ? (int)err : 0;
}

static bool mirror_has(const struct board *board, const struct mirrored *entry)
{
	uint32_t i;

	for (i = 0; i < board->mirror_count; i++) {
		if (!strcmp(board->mirror[i].key, entry->key) &&
		    !strcmp(board->mirror[i].value, entry->value) &&
		    board->mirror[i].owner == entry->owner)
			return true;
	}
	return false;
}

bool company_mirror_is(struct company *company, const struct mirrored *entries, uint32_t count)
{
	struct board *board = company->board;
	bool same;
	uint32_t i;

	pthread_mutex_lock(&board->mirror_mutex);
	same = board->mirror_count == count && !board->mirror_error;
	for (i = 0; same && i < count; i++)
		same = mirror_has(board, &entries[i]);
	pthread_mutex_unlock(&board->mirror_mutex);
	return same;
}
