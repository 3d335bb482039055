/* SPDX-License-Identifier: MIT */
#include "tests/support/journal.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define SECONDS 60

void journal_init(struct journal *journal, struct kreg *k)
{
	memset(journal, 0, sizeof(*journal));
	journal->k = k;
	pthread_mutex_init(&journal->mutex, NULL);
	pthread_cond_init(&journal->changed, NULL);
}

static int count(const struct kreg_service *service, void *data)
{
	*(int *)data += strcmp(service->role, KREG_ROLE_SUPERVISOR) != 0;
	return 0;
}

int journal_services(struct kreg *k)
{
	int services = 0;

	return kreg_service_each(k, "production", count, &services) ? -1 : services;
}

static char sign_of(const char *what)
{
	if (!strncmp(what, "started as", 10) || !strncmp(what, "taken over as", 13))
		return '+';
	if (!strncmp(what, "cannot be started", 17))
		return '?';
	if (!strncmp(what, "completed", 9))
		return '=';
	if (!strncmp(what, "stopped:", 8))
		return '-';
	return strstr(what, " ended ") ? '!' : 0;
}

/* An assertion that fails in a thread other than the test's would end the test without a message. */
static void add_event(struct journal *journal, const char *sentence)
{
	char role[KREG_ROLE_MAX + 1], sign;
	size_t used = strlen(journal->events);
	bool is_there;
	int services, end = 0;

	if (sscanf(sentence, "production/%150[^: ]: %n", role, &end) != 1 || !end)
		return;
	sign = sign_of(sentence + end);
	if (!sign)
		return;
	services = journal_services(journal->k);
	is_there = kreg_service_lookup(journal->k, "production", role, NULL, 0, NULL) >= 0;
	if (sign != '?' && is_there != (sign == '+'))
		services = -1;
	snprintf(journal->events + used, sizeof(journal->events) - used, "%c%s%d ", sign, role,
		 services);
}

void journal_log(const char *sentence, void *data)
{
	struct journal *journal = data;
	size_t used;

	pthread_mutex_lock(&journal->mutex);
	used = strlen(journal->sentences);
	snprintf(journal->sentences + used, sizeof(journal->sentences) - used, "%s\n", sentence);
	add_event(journal, sentence);
	pthread_cond_broadcast(&journal->changed);
	pthread_mutex_unlock(&journal->mutex);
}

void journal_await(struct journal *journal, const char *events)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SECONDS;
	pthread_mutex_lock(&journal->mutex);
	while (!err && strlen(journal->events) < strlen(events))
		err = pthread_cond_timedwait(&journal->changed, &journal->mutex, &until);
	ck_assert_msg(!strcmp(journal->events, events), "%s: not \"%s\" but \"%s\"; %s",
		      strerror(err), events, journal->events, journal->sentences);
	pthread_mutex_unlock(&journal->mutex);
}

void journal_forget(struct journal *journal)
{
	pthread_mutex_lock(&journal->mutex);
	journal->events[0] = 0;
	pthread_mutex_unlock(&journal->mutex);
}

bool journal_has(struct journal *journal, const char *part)
{
	bool has;

	pthread_mutex_lock(&journal->mutex);
	has = strstr(journal->sentences, part) != NULL;
	pthread_mutex_unlock(&journal->mutex);
	return has;
}

struct kreg_supervisor *journal_supervise(struct journal *journal, struct kreg_supervision *what,
					  const char *events)
{
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1] = "";
	int err;

	what->log = journal_log;
	what->log_data = journal;
	err = kreg_supervise(&supervisor, journal->k, "production", what, why, sizeof(why));
	ck_assert_msg(!err, "%s: %s; %s", kreg_strerror(err), why, journal->sentences);
	journal_await(journal, events);
	journal_forget(journal);
	return supervisor;
}

pid_t journal_pid_of(struct journal *journal, const char *role)
{
	struct kreg_owner owner;

	ck_assert_int_ge(kreg_service_lookup(journal->k, "production", role, NULL, 0, &owner), 0);
	return owner.pid;
}

void journal_signal(struct journal *journal, const char *role, int signal)
{
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_service_key("production", role, key, sizeof(key));

	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(kreg_signal(journal->k, key, (size_t)size, signal), 0);
}

void journal_nothing_is_left(struct journal *journal)
{
	ck_assert_int_eq(kreg_count(journal->k), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
