/* SPDX-License-Identifier: MIT */
/*
 * A fixture for tests that are written with Check: each test gets a namespace of its own, with services.
 * It takes two lines:
 *
 *     KREG_CHECK_ISOLATION(env, "services.ini")                                  at file scope
 *     tcase_add_checked_fixture(tcase, env_set_up, env_tear_down);               where the tests are added
 *
 * Each test then has the services of the file, see kreg_services(5), in the namespace env.space of the
 * registry that env.kreg has open. If the file is NULL, the namespace is empty. The registry is
 * $KREG_REGISTRY, otherwise "test". A set-up that fails ends the test and prints the cause.
 *
 * Context   tests; everything here is static in the file that includes it.
 */
#ifndef KREG_CHECK_H
#define KREG_CHECK_H

#include <check.h>
#include <kreg-services.h>
#include <stdio.h>
#include <stdlib.h>

struct kreg_check_isolation {
	struct kreg *kreg;
	const char *space;
	struct kreg_isolation *isolation;
	char sentence[512]; /* the last message of the library */
};

static inline void kreg_check_log(const char *sentence, void *data)
{
	struct kreg_check_isolation *env = (struct kreg_check_isolation *)data;

	snprintf(env->sentence, sizeof(env->sentence), "%s", sentence);
}

static inline void kreg_check_set_up(struct kreg_check_isolation *env, const char *file)
{
	KREG_OPTIONS(options, .log = kreg_check_log, .log_data = env);
	struct kreg_supervision *services = NULL;
	const char *registry = getenv("KREG_REGISTRY");
	char why[KREG_ROLE_MAX + 1] = "";
	int err = kreg_open(&env->kreg, registry ? registry : "test", &options);

	ck_assert_msg(!err, "kreg_open: %s: %s", kreg_strerror(err), env->sentence);
	if (file)
		err = kreg_supervision_read(&services, file, kreg_check_log, env);
	ck_assert_msg(!err, "%s: %s: %s", file, kreg_strerror(err), env->sentence);
	if (services) {
		services->log = kreg_check_log;
		services->log_data = env;
	}
	err = kreg_isolate(&env->isolation, env->kreg, services, why, sizeof(why));
	ck_assert_msg(!err, "kreg_isolate: %s: %s: %s", why, kreg_strerror(err), env->sentence);
	kreg_supervision_free(services);
	env->space = kreg_isolation_space(env->isolation);
}

static inline void kreg_check_tear_down(struct kreg_check_isolation *env)
{
	int err = kreg_isolation_end(env->isolation);

	ck_assert_msg(!err, "kreg_isolation_end: %s", kreg_strerror(err));
	kreg_close(env->kreg);
}

#define KREG_CHECK_ISOLATION(name, file)                                                           \
	static struct kreg_check_isolation name;                                                   \
	static void name##_set_up(void)                                                            \
	{                                                                                          \
		kreg_check_set_up(&name, file);                                                    \
	}                                                                                          \
	static void name##_tear_down(void)                                                         \
	{                                                                                          \
		kreg_check_tear_down(&name);                                                       \
	}

#endif
