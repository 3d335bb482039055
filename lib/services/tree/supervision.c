/* SPDX-License-Identifier: MIT */
/*
 * Checks and copies a plan. All that it points to is kept until the copy is freed as a
 * whole.
 */
#include "lib/services/tree/supervision.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/services/tree/kept.h"
#include "base/outside.h"
#include "base/sized.h"
#include "lib/inner.h"
#include "lib/services/tree/start_order.h"

#define STOP_MS 5000u
#define SENTENCE_BYTES 1024
#define FLAGS_KNOWN (KREG_SUPERVISE_KEEP | KREG_SUPERVISE_REAP | KREG_SUPERVISE_NO_CGROUPS)

/* Says to the plan's log, or the handle's, what is wrong with it. -EINVAL. */
static __attribute__((format(printf, 2, 3), cold)) int
supervision_refuse(const struct supervision *s, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return s->what.log ? refuse_to(s->what.log, s->what.log_data, sentence)
			   : refuse(s->k, sentence);
}

static void *keep(struct supervision *s, const void *bytes, size_t size)
{
	return kept_add(&s->kept, bytes, size);
}

static int keep_string(struct supervision *s, const char **string)
{
	if (!*string)
		return 0;
	*string = keep(s, *string, strlen(*string) + 1);
	return *string ? 0 : -ENOMEM;
}

/* Copies strings that end with a NULL; may be NULL. */
static int keep_list(struct supervision *s, const char *const **list)
{
	size_t count = 0, i;
	const char **own;

	if (!*list)
		return 0;
	while ((*list)[count])
		count++;
	own = keep(s, *list, (count + 1) * sizeof(*own));
	for (i = 0; own && i < count; i++) {
		own[i] = keep(s, own[i], strlen(own[i]) + 1);
		if (!own[i])
			return -ENOMEM;
	}
	*list = own;
	return own ? 0 : -ENOMEM;
}

static int keep_start(struct supervision *s, const char *role, const struct kreg_start **start)
{
	struct kreg_start *own = keep(s, NULL, sizeof(*own));
	int err = own ? sized_read(own, sizeof(*own), *start) : -ENOMEM;

	if (err == -EINVAL)
		supervision_refuse(s, "%s/%s: start" SIZE_IS_NOT_SET, s->space, role);
	if (err)
		return err;
	own->size = sizeof(*own);
	err = own->argv ? value_check(own->value, &own->value_size) : -EINVAL;
	if (err == -EINVAL)
		supervision_refuse(s, "%s/%s: start->%s", s->space, role,
				   own->argv ? "value is NULL, but value_size is not 0"
					     : "argv is NULL");
	if (err)
		return err;
	err = keep_list(s, &own->argv);
	if (!err)
		err = keep_list(s, &own->environment);
	if (!err)
		err = keep_string(s, &own->directory);
	if (!err)
		err = keep_string(s, &own->output);
	if (!err && own->value_size) {
		own->value = keep(s, own->value, own->value_size);
		err = own->value ? 0 : -ENOMEM;
	}
	/* A service does not decide whether it dies with its supervisor. */
	own->flags &= ~(uint32_t)KREG_START_DIES_WITH_STARTER;
	if (!(s->what.flags & KREG_SUPERVISE_KEEP))
		own->flags |= KREG_START_DIES_WITH_STARTER;
	*start = own;
	return err;
}

static bool is_new(const struct supervision *s, size_t count, const char *role)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(s->services[i].role, role))
			return false;
	}
	return true;
}

static const char *fault_of(const struct supervision *s, size_t at)
{
	const struct kreg_supervised *service = &s->services[at];
	char key[KREG_KEY_MAX];

	if (!service->role || kreg_inner_service_key(s->space, service->role, key, sizeof(key)) < 0)
		return "a role must have 1 to 150 printable ASCII characters, and no space";
	if (!strcmp(service->role, KREG_ROLE_SUPERVISOR))
		return "the role is reserved for the supervisor: choose another one";
	if (!is_new(s, at, service->role))
		return "duplicate role: remove one of them";
	if (!service->start)
		return "start is NULL";
	if (service->restart > KREG_RESTART_TEMPORARY)
		return "unknown restart policy";
	if (service->flags & ~(uint32_t)KREG_SERVICE_ONESHOT || service->reserved)
		return "unknown flag";
	if (service->restart_max_ms && service->restart_max_ms < service->restart_ms)
		return "restart_max_ms is shorter than restart_ms";
	return NULL;
}

static int keep_service(struct supervision *s, size_t at, const void *given)
{
	struct kreg_supervised *service = &s->services[at];
	const char *fault;
	int err = sized_read(service, sizeof(*service), given);

	if (!err && service->size != s->what.services->size)
		err = -EINVAL;
	if (err) {
		service->role = NULL;
		if (err == -EINVAL)
			supervision_refuse(s,
					   "%s: service %zu: its size is not that of struct "
					   "kreg_supervised, or not that of the first",
					   s->space, at);
		return err;
	}
	fault = fault_of(s, at);
	if (fault) {
		return supervision_refuse(s, "%s: service %zu, %.200s: %s", s->space, at,
					  service->role ? service->role : "without a role", fault);
	}
	if (!service->stop_ms)
		service->stop_ms = STOP_MS;
	err = keep_string(s, &service->role);
	if (!err)
		err = keep_string(s, &service->where);
	if (!err)
		err = keep_list(s, &service->after);
	if (!err)
		err = keep_start(s, service->role, &service->start);
	if (err && err != -EINVAL)
		supervision_say(&s->what, "%s/%s: invalid start: %s", s->space, service->role,
				kreg_strerror(err));
	return err;
}

static int keep_services(struct supervision *s, char *why)
{
	const unsigned char *given = (const void *)s->what.services;
	size_t i;
	int err = 0;

	if (s->what.count && !given)
		return supervision_refuse(s, "%s: services is NULL, but count is not 0", s->space);
	s->services = calloc(s->what.count + 1, sizeof(*s->services));
	if (!s->services)
		return -ENOMEM;
	for (i = 0; i < s->what.count && !err; i++) {
		err = keep_service(s, i, given + i * s->what.services->size);
		if (err)
			supervision_blame(why, s->services[i].role);
	}
	return err;
}

static void say_fault(const struct supervision *s, const struct start_order_fault *fault)
{
	const char *role = s->services[fault->service].role;
	const char *next = s->services[fault->next].role;

	if (fault->missing)
		supervision_refuse(s,
				   "%s/%s: starts after %.200s, which is not one of the services",
				   s->space, role, fault->missing);
	else if (fault->service == fault->next)
		supervision_refuse(s, "%s/%s: starts after itself", s->space, role);
	else
		supervision_refuse(
			s,
			"%s/%s: starts after %s, which starts after it, directly or through others",
			s->space, role, next);
}

static int sort_services(struct supervision *s, char *why)
{
	struct start_order_fault fault = { .service = SIZE_MAX };
	size_t count = s->what.count, i;
	size_t *order = calloc(count + 1, sizeof(*order));
	struct kreg_supervised *sorted = calloc(count + 1, sizeof(*sorted));
	int err = order && sorted ? start_order(s->services, count, order, &fault) : -ENOMEM;

	if (!err) {
		for (i = 0; i < count; i++)
			sorted[i] = s->services[order[i]];
		memcpy(s->services, sorted, count * sizeof(*sorted));
	}
	if (err == -EINVAL) {
		say_fault(s, &fault);
		supervision_blame(why, s->services[fault.service].role);
	}
	free(sorted);
	free(order);
	return err;
}

static int check_whole(struct supervision *s, const char *space,
		       const struct kreg_supervision *what)
{
	char key[KREG_KEY_MAX];
	int err = what ? sized_read(&s->what, sizeof(s->what), what)
		       : supervision_refuse(s, "what is NULL");

	if (what && err == -EINVAL)
		supervision_refuse(s, "what" SIZE_IS_NOT_SET);
	if (err)
		return err;
	if (kreg_inner_service_key(space, "any", key, sizeof(key)) < 0)
		return supervision_refuse(
			s, space ? "space is no namespace: 1 to 100 of A-Z a-z 0-9 . _ -"
				 : "space is NULL");
	s->what.size = sizeof(s->what);
	strcpy(s->space, space);
	if (s->what.strategy > KREG_ONE_FOR_ALL)
		return supervision_refuse(s, "%s: unknown strategy", space);
	if (s->what.flags & ~(uint32_t)FLAGS_KNOWN)
		return supervision_refuse(s, "%s: unknown flag: use KREG_SUPERVISE_*", space);
	if (s->what.orders < 0 || s->what.reserved)
		return supervision_refuse(s, "%s: %s", space,
					  s->what.reserved ? "reserved is not 0"
							   : "orders is negative: 0 is for none");
	return 0;
}

int supervision_copy(struct supervision **out, const struct kreg *k, const char *space,
		     const struct kreg_supervision *what, char *why)
{
	struct supervision *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->k = k;
	err = check_whole(s, space, what);
	if (!err)
		err = keep_services(s, why);
	if (!err)
		err = sort_services(s, why);
	if (!err)
		err = keep_string(s, &s->what.value);
	if (err) {
		supervision_free(s);
		return err;
	}
	s->what.services = NULL;
	*out = s;
	return 0;
}

void supervision_free(struct supervision *s)
{
	if (!s)
		return;
	kept_free(s->kept);
	free(s->services);
	free(s);
}

void supervision_blame(char *why, const char *role)
{
	snprintf(why, KREG_ROLE_MAX + 1, "%s", role ? role : "");
}

struct saying {
	const struct kreg_supervision *what;
	char sentence[SENTENCE_BYTES];
};

static void tell_log(void *data)
{
	OUTSIDE_OF_CALL;
	const struct saying *saying = data;

	saying->what->log(saying->sentence, saying->what->log_data);
}

void supervision_say(const struct kreg_supervision *what, const char *format, ...)
{
	struct saying saying = { .what = what };
	va_list args;

	if (!what->log)
		return;
	va_start(args, format);
	vsnprintf(saying.sentence, sizeof(saying.sentence), format, args);
	va_end(args);
	outside_call(tell_log, &saying);
}
