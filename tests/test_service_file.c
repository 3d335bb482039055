/* SPDX-License-Identifier: MIT */
/*
 * The file of services: what each line means, and how what is wrong is told.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static char path[256], sentence[1024];

static void hear(void *data, const char *said)
{
	(void)data;
	snprintf(sentence, sizeof(sentence), "%s", said);
}

static int read_text(const char *text, size_t size, struct kreg_supervision **out)
{
	FILE *file;

	snprintf(path, sizeof(path), "%s/services.ini", tmp_directory());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	fclose(file);
	*sentence = 0;
	return kreg_supervision_read(out, path, hear, NULL);
}

START_TEST(each_field_is_read)
{
	static const char text[] =
		"# a comment\n; another\n[Supervisor]\nStrategy=rest_for_one\nIntensity=0\n"
		"Period=2min\n\n[Service a]\nExecStart=./a 'two words' \"$HOME\"\n"
		"  continued\nValue=a value\nWorkingDirectory=sub\nEnvironment=X=1 'Y=2 3'\n"
		"Environment=Z=\nOutput=/tmp/out\nAfter=b c\nAfter=d\nRestart=on-failure\n"
		"Type=fd\nReadyFd=7\nTimeoutStartSec=500ms\nTimeoutStopSec=3 s\n"
		"[Service b]\nexecstart=sleep 1\n";
	struct kreg_supervision *what;
	const struct kreg_supervised *a;
	char wanted[512];

	setenv("HOME", "/home/me", 1);
	ck_assert_msg(!read_text(text, strlen(text), &what), "%s", sentence);
	ck_assert_uint_eq(what->strategy, KREG_REST_FOR_ONE);
	ck_assert_uint_eq(what->intensity, KREG_INTENSITY_NONE);
	ck_assert_uint_eq(what->period_ms, 120000);
	ck_assert_uint_eq(what->count, 2);
	a = &what->services[0];
	ck_assert_str_eq(a->role, "a");
	snprintf(wanted, sizeof(wanted), "%s/./a", tmp_directory());
	ck_assert_str_eq(a->start->argv[0], wanted);
	ck_assert_str_eq(a->start->argv[1], "two words");
	ck_assert_str_eq(a->start->argv[2], "/home/me");
	ck_assert_str_eq(a->start->argv[3], "continued");
	ck_assert_ptr_null(a->start->argv[4]);
	ck_assert_uint_eq(a->start->value_size, 7);
	ck_assert_mem_eq(a->start->value, "a value", 7);
	snprintf(wanted, sizeof(wanted), "%s/sub", tmp_directory());
	ck_assert_str_eq(a->start->directory, wanted);
	ck_assert_str_eq(a->start->environment[1], "Y=2 3");
	ck_assert_str_eq(a->start->environment[2], "Z=");
	ck_assert_ptr_null(a->start->environment[3]);
	ck_assert_str_eq(a->start->output, "/tmp/out");
	ck_assert_str_eq(a->after[1], "c");
	ck_assert_str_eq(a->after[2], "d");
	ck_assert_ptr_null(a->after[3]);
	ck_assert_uint_eq(a->restart, KREG_RESTART_TRANSIENT);
	ck_assert_uint_eq(a->start->ready, KREG_READY_FD);
	ck_assert_int_eq(a->start->ready_fd, 7);
	ck_assert_int_eq(a->start->timeout_ms, 500);
	ck_assert_uint_eq(a->stop_ms, 3000);
	ck_assert_str_eq(what->services[1].start->argv[0], "sleep");
	ck_assert_str_eq(what->services[1].start->directory, tmp_directory());
	ck_assert_uint_eq(what->services[1].restart, KREG_RESTART_PERMANENT);
	kreg_supervision_free(what);
}
END_TEST

START_TEST(an_empty_file_has_no_services)
{
	struct kreg_supervision *what;

	ck_assert_int_eq(read_text("", 0, &what), 0);
	ck_assert_uint_eq(what->count, 0);
	kreg_supervision_free(what);
	kreg_supervision_free(NULL);
}
END_TEST

#define SERVICE "[Service a]\nExecStart=a\n"

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{ "ExecStart=a\n", ":1: it stands before the first [section]" },
	{ "[Unit]\n", ":1: [Unit] is neither [Supervisor] nor [Service ROLE]" },
	{ "[Supervisor]\nStrategy=all\n", ":2: \"all\" is none of: one_for_one, rest_for_one" },
	{ "[Supervisor]\n[Supervisor]\n", ":2: [Supervisor] is there twice" },
	{ "[Supervisor]\nIntensity=-1\n", ":2: \"-1\" is no number" },
	{ "[Supervisor]\nPeriod=soon\n", ":2: \"soon\" is no time" },
	{ "[Supervisor]\nRestart=no\n", ":2: [Supervisor] has no Restart=" },
	{ SERVICE SERVICE, ":3: [Service a] is in line 1 already" },
	{ "[Service a b]\n", ":1: \"a b\" cannot be the role of a service" },
	{ "[Service supervisor]\n", ":1: \"supervisor\" cannot be the role" },
	{ SERVICE "\n[Service b]\nValue=x\n", ":4: the service has no ExecStart=" },
	{ SERVICE "Typo=notify\n", ":3: [Service a] has no Typo=" },
	{ SERVICE "Type=simple\nType=notify\n", ":4: Type= is there twice" },
	{ SERVICE "Value=a\n b\n", ":4: Value= has one line" },
	{ SERVICE "Type=forking\n", ":3: \"forking\" is none of: simple, notify, fd" },
	{ SERVICE "Type=fd\n", ":1: Type=fd and ReadyFd= go together" },
	{ SERVICE "ReadyFd=2\n", ":3: an fd from 3 to 1023 is needed" },
	{ SERVICE "TimeoutStopSec=2days\n", ":3: \"2days\" is no time" },
	{ SERVICE "Environment=X\n", ":3: \"X\" is not NAME=VALUE" },
	{ "[Service a]\nExecStart=a | b\n", ":2: one of | & ; < > ( ) { } needs quotes" },
	{ "[Service a]\nExecStart=a $NO_SUCH_VARIABLE\n", ":2: a $VARIABLE is not set" },
	{ "[Service a]\nExecStart=a `b`\n", ":2: $(...) and `...` are not allowed" },
	{ "[Service a]\nExecStart=a 'b\n", ":2: a quote is not closed" },
	{ "[Service a]\nExecStart=sh -c 'a ; b'\n", ":2: a ; behind a space would begin" },
	{ SERVICE "ExecStart=b\n", ":3: ExecStart= is there twice" },
	{ SERVICE "  Value=x\n", ":3: Value= begins its line, without a space" },
	{ SERVICE " [Service b]\n", ":3: a [section] begins its line, without a space" },
	{ "[Service a]\n\t[Service b]\n", ":2: a [section] begins its line, without a space" },
	{ "[Service a\n", ":1: it is neither [section], nor NAME=VALUE" },
	{ SERVICE "what is this\n", ":3: it is neither [section], nor NAME=VALUE" },
};

START_TEST(what_is_wrong_is_told_with_file_and_line)
{
	struct kreg_supervision *what;
	char wanted[512];

	unsetenv("NO_SUCH_VARIABLE");
	ck_assert_int_eq(read_text(wrong[_i].text, strlen(wrong[_i].text), &what), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s%s", path, wrong[_i].sentence);
	ck_assert_msg(!strncmp(sentence, wanted, strlen(wanted)), "%s, not %s", sentence, wanted);
}
END_TEST

START_TEST(nothing_is_cut_that_is_too_long)
{
	static const char zero[] = SERVICE "Value=a\0b\n";
	struct kreg_supervision *what;
	char text[1024], longer[512];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	snprintf(text, sizeof(text), SERVICE "Value=%s\n", longer);
	ck_assert_int_eq(read_text(text, strlen(text), &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(sentence, ":3: the line has more than"));
	snprintf(text, sizeof(text), "[Service %.60s]\nExecStart=a\n", longer);
	ck_assert_int_eq(read_text(text, strlen(text), &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(sentence, ":1: the name is too long"));
	/* What inih has room for comes whole. */
	snprintf(text, sizeof(text), "[Service %.40s]\nExecStart=a %.180s\n", longer, longer);
	ck_assert_int_eq(read_text(text, strlen(text), &what), 0);
	ck_assert_uint_eq(strlen(what->services[0].role), 40);
	ck_assert_uint_eq(strlen(what->services[0].start->argv[1]), 180);
	kreg_supervision_free(what);
	ck_assert_int_eq(read_text(zero, sizeof(zero) - 1, &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(sentence, ":3: there is a 0 byte in it"));
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	struct kreg_supervision *what;

	ck_assert_int_eq(kreg_supervision_read(&what, "/no/such/file", hear, NULL), -ENOENT);
	ck_assert_str_eq(sentence, "/no/such/file: No such file or directory");
	ck_assert_int_eq(kreg_supervision_read(&what, "/", hear, NULL), -EISDIR);
	ck_assert_int_eq(kreg_supervision_read(NULL, path, hear, NULL), -EINVAL);
	ck_assert_int_eq(kreg_supervision_read(&what, NULL, NULL, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_file");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tmp_directory();
	tcase_add_test(tcase, each_field_is_read);
	tcase_add_test(tcase, an_empty_file_has_no_services);
	tcase_add_loop_test(tcase, what_is_wrong_is_told_with_file_and_line, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, nothing_is_cut_that_is_too_long);
	tcase_add_test(tcase, what_is_no_file_is_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
