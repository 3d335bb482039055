/* SPDX-License-Identifier: MIT */
#include "tests/support/told.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define SECONDS 60

void told_init(struct told *told, struct kreg *k)
{
	memset(told, 0, sizeof(*told));
	told->k = k;
	pthread_mutex_init(&told->mutex, NULL);
	pthread_cond_init(&told->changed, NULL);
}

static int count(const struct kreg_service *service, void *data)
{
	*(int *)data += strcmp(service->role, KREG_ROLE_SUPERVISOR) != 0;
	return 0;
}

int told_services(struct kreg *k)
{
	int services = 0;

	return kreg_service_each(k, "production", count, &services) ? -1 : services;
}

static char sign_of(const char *what)
{
	if (!strncmp(what, "started as", 10) || !strncmp(what, "is taken over", 13))
		return '+';
	if (!strncmp(what, "cannot be started", 17))
		return '?';
	if (!strncmp(what, "is done", 7))
		return '=';
	if (strstr(what, "is stopped, and"))
		return '-';
	return strstr(what, " ended ") ? '!' : 0;
}

/* An assertion that fails in a thread other than the test's would end the test without a message. */
static void add_event(struct told *told, const char *sentence)
{
	char role[KREG_ROLE_MAX + 1], sign;
	size_t used = strlen(told->events);
	bool is_there;
	int services, end = 0;

	if (sscanf(sentence, "production/%150[^: ]: %n", role, &end) != 1 || !end)
		return;
	sign = sign_of(sentence + end);
	if (!sign)
		return;
	services = told_services(told->k);
	is_there = kreg_service_lookup(told->k, "production", role, NULL, 0, NULL) >= 0;
	if (sign != '?' && is_there != (sign == '+'))
		services = -1;
	snprintf(told->events + used, sizeof(told->events) - used, "%c%s%d ", sign, role, services);
}

void told_log(void *data, const char *sentence)
{
	struct told *told = data;
	size_t used;

	pthread_mutex_lock(&told->mutex);
	used = strlen(told->sentences);
	snprintf(told->sentences + used, sizeof(told->sentences) - used, "%s\n", sentence);
	add_event(told, sentence);
	pthread_cond_broadcast(&told->changed);
	pthread_mutex_unlock(&told->mutex);
}

void told_await(struct told *told, const char *events)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SECONDS;
	pthread_mutex_lock(&told->mutex);
	while (!err && strlen(told->events) < strlen(events))
		err = pthread_cond_timedwait(&told->changed, &told->mutex, &until);
	ck_assert_msg(!strcmp(told->events, events), "%s: not \"%s\" but \"%s\"; %s", strerror(err),
		      events, told->events, told->sentences);
	pthread_mutex_unlock(&told->mutex);
}

void told_forget(struct told *told)
{
	pthread_mutex_lock(&told->mutex);
	told->events[0] = 0;
	pthread_mutex_unlock(&told->mutex);
}

bool told_has(struct told *told, const char *part)
{
	bool has;

	pthread_mutex_lock(&told->mutex);
	has = strstr(told->sentences, part) != NULL;
	pthread_mutex_unlock(&told->mutex);
	return has;
}

struct kreg_supervisor *told_supervise(struct told *told, struct kreg_supervision *what,
				       const char *events)
{
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1] = "";
	int err;

	what->log = told_log;
	what->log_data = told;
	err = kreg_supervise(told->k, "production", what, &supervisor, why);
	ck_assert_msg(!err, "%s: %s; %s", kreg_strerror(err), why, told->sentences);
	told_await(told, events);
	told_forget(told);
	return supervisor;
}

pid_t told_pid_of(struct told *told, const char *role)
{
	struct kreg_owner owner;

	ck_assert_int_ge(kreg_service_lookup(told->k, "production", role, NULL, 0, &owner), 0);
	return owner.pid;
}

void told_signal(struct told *told, const char *role, int signal)
{
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_service_key("production", role, key);

	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(kreg_signal(told->k, key, (size_t)size, signal), 0);
}

void told_nothing_is_left(struct told *told)
{
	ck_assert_int_eq(kreg_count(told->k), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
