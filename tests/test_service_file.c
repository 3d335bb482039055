/* SPDX-License-Identifier: MIT */
/*
 * The file of services: what each line means, and how errors are reported.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static char path[256], sentence[1024];

static void hear(const char *said, void *data)
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
		"[Service b]\nexecstart=sleep 1\n[Service c]\nExecStart = c\n"
		"[Service d]\nExecStart=d\n";
	struct kreg_supervision *what;
	const struct kreg_supervised *a;
	char wanted[512];

	setenv("HOME", "/home/me", 1);
	ck_assert_msg(!read_text(text, strlen(text), &what), "%s", sentence);
	ck_assert_uint_eq(what->strategy, KREG_REST_FOR_ONE);
	ck_assert_uint_eq(what->intensity, KREG_INTENSITY_NONE);
	ck_assert_uint_eq(what->period_ms, 120000);
	ck_assert_uint_eq(what->count, 4);
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

START_TEST(a_file_without_a_service_is_refused)
{
	static const char *const texts[] = { "", "\n# nothing\n", "[Supervisor]\nIntensity=3\n" };
	struct kreg_supervision *what;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_int_eq(read_text(texts[i], strlen(texts[i]), &what), -EINVAL);
		ck_assert_ptr_nonnull(strstr(sentence, "services.ini: no [Service ROLE] in it"));
	}
	kreg_supervision_free(NULL);
}
END_TEST

#define SERVICE "[Service a]\nExecStart=a\n"

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{ "ExecStart=a\n", ":1: a setting before the first [section]" },
	{ "[Unit]\n", ":1: unknown section [Unit]; expected [Supervisor] or [Service ROLE]" },
	{ "[Supervisor]\nStrategy=all\n",
	  ":2: unknown value \"all\"; known values are one_for_one, rest_for_one" },
	{ "[Supervisor]\n[Supervisor]\n", ":2: duplicate [Supervisor]" },
	{ "[Supervisor]\nIntensity=-1\n", ":2: \"-1\" is not a number" },
	{ "[Supervisor]\nPeriod=soon\n", ":2: \"soon\" is not a time" },
	{ "[Supervisor]\nRestart=no\n",
	  ":2: unknown key \"Restart\"; known keys are Strategy, Intensity, Period" },
	{ SERVICE SERVICE, ":3: duplicate [Service a]; the first is in line 1" },
	{ "[Service a b]\n", ":1: \"a b\" is not a valid role" },
	{ "[Service supervisor]\n", ":1: \"supervisor\" is not a valid role" },
	{ SERVICE "\n[Service b]\nValue=x\n", ":4: missing ExecStart=" },
	{ SERVICE "Typo=notify\n", ":3: unknown key \"Typo\"; known keys are ExecStart, Value" },
	{ SERVICE "Type=simple\nType=notify\n", ":4: duplicate Type=" },
	{ SERVICE "Value=a\n b\n", ":4: Value= must be on one line" },
	{ SERVICE "Type=sample\n",
	  ":3: unknown value \"sample\"; known values are simple, notify, fd" },
	{ SERVICE "Type=forking\n",
	  ":3: Type=forking is not supported: run the program in the foreground" },
	{ SERVICE "User=nobody\n", ":3: User= is not supported: let setpriv(1)" },
	{ SERVICE "LimitNOFILE=9\n", ":3: LimitNOFILE= is not supported: let prlimit(1)" },
	{ SERVICE "OnCalendar=daily\n", ":3: OnCalendar= is not supported: kreg has no timers" },
	{ SERVICE "ListenStream=80\n",
	  ":3: ListenStream= is not supported: kreg opens no sockets" },
	{ SERVICE "Environment=X=1 KREG_GUARD=none\n", ":3: \"KREG_GUARD=none\" is set by kreg" },
	{ SERVICE "Environment=NOTIFY_SOCKET=/x\n", ":3: \"NOTIFY_SOCKET=/x\" is set by kreg" },
	{ SERVICE "[Service b]\nExecStart=b\n# x\nAfter=a c\n",
	  ":3: After=c: there is no [Service c]" },
	{ SERVICE "After=a\n", ":1: a starts after itself" },
	{ "\n" SERVICE "After=b\n[Service b]\nExecStart=b\nAfter=a\n",
	  ":2: a starts after b (line 5), which starts after it" },
	{ SERVICE "Type=fd\n", ":1: Type=fd and ReadyFd= need each other" },
	{ SERVICE "WatchdogSec=5\n", ":1: WatchdogSec= needs Type=notify" },
	{ SERVICE "ReadyFd=2\n", ":3: expected an fd from 3 to 1023" },
	{ SERVICE "TimeoutStopSec=2days\n", ":3: \"2days\" is not a time" },
	{ SERVICE "Environment=X\n", ":3: \"X\" is not NAME=VALUE" },
	{ "[Service a]\nExecStart=a | b\n", ":2: quote | & ; < > ( ) { }" },
	{ "[Service a]\nExecStart=a $NO_SUCH_VARIABLE\n", ":2: $NO_SUCH_VARIABLE is not set" },
	{ "[Service a]\nExecStart=a `b`\n", ":2: $(...) and `...` are not allowed" },
	{ "[Service a]\nExecStart=a 'b\n", ":2: missing closing quote" },
	{ "[Service a]\nExecStart=a ; b\n", ":2: quote | & ; < > ( ) { }" },
	{ "[Service a]\nExecStart=a \"$(b)\"\n", ":2: $(...) and `...` are not allowed" },
	{ "[Service a]\nExecStart=a ${B\n", ":2: expected ${NAME} or ${NAME:-WORD}" },
	{ "[Service a] # b\n", ":1: unexpected text after [section]" },
	{ SERVICE "ExecStart=b\n", ":3: duplicate ExecStart=" },
	{ SERVICE "  Value=x\n", ":3: Value= must not be indented" },
	{ SERVICE " [Service b]\n", ":3: a [section] must not be indented" },
	{ "[Service a]\n\t[Service b]\n", ":2: a [section] must not be indented" },
	{ "[Service a\n", ":1: missing ] after [section" },
	{ SERVICE "=x\n", ":3: expected [section], NAME=VALUE" },
	{ SERVICE "what is this\n", ":3: expected [section], NAME=VALUE" },
};

START_TEST(an_error_names_file_and_line)
{
	struct kreg_supervision *what;
	char wanted[512];

	unsetenv("NO_SUCH_VARIABLE");
	ck_assert_int_eq(read_text(wrong[_i].text, strlen(wrong[_i].text), &what), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s%s", path, wrong[_i].sentence);
	ck_assert_msg(!strncmp(sentence, wanted, strlen(wanted)), "%s, not %s", sentence, wanted);
}
END_TEST

START_TEST(long_values_are_not_truncated)
{
	static const char zero[] = SERVICE "Value=a\0b\n";
	struct kreg_supervision *what;
	char text[32768], longer[16384];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	snprintf(text, sizeof(text), "[Service %.*s]\nExecStart=a %s\n", KREG_ROLE_MAX, longer,
		 longer);
	ck_assert_msg(!read_text(text, strlen(text), &what), "%s", sentence);
	ck_assert_uint_eq(strlen(what->services[0].role), KREG_ROLE_MAX);
	ck_assert_str_eq(what->services[0].start->argv[1], longer);
	kreg_supervision_free(what);
	snprintf(text, sizeof(text), "[Service %.*s]\nExecStart=a\n", KREG_ROLE_MAX + 1, longer);
	ck_assert_int_eq(read_text(text, strlen(text), &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(sentence, "is not a valid role"));
	ck_assert_int_eq(read_text(zero, sizeof(zero) - 1, &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(sentence, ":3: not a text file"));
}
END_TEST

static const struct {
	const char *value, *words; /* with a | behind each */
} splits[] = {
	{ "a  b\tc", "a|b|c|" },
	{ "sh -c 'a ; b # c'", "sh|-c|a ; b # c|" },
	{ "a#b #c", "a#b|#c|" },
	{ "'' \"\" a''b", "||ab|" },
	{ "\"a b\"'c d' e\\ f", "a bc d|e f|" },
	{ "\"\\\"\\$\\`\\\\\\n\"", "\"$`\\\\n|" },
	{ "'$TWO' \"$TWO\" $TWO ${TWO}x", "$TWO|1 2|1|2|1|2x|" },
	{ "${TWO:-3} ${NO_SUCH_VARIABLE:-3 4} \"${NONE:-5}\"", "1|2|3|4|5|" },
	{ "a$ $NONE\"$NONE\" $1", "a$||$1|" },
	{ "/* ? [a-z] !", "/*|?|[a-z]|!|" },
	{ "~ ~/x a~ '~'", "/home/me|/home/me/x|a~|~|" },
};

START_TEST(a_value_is_split_as_by_a_shell_and_the_same_in_every_reader)
{
	struct kreg_supervision *what;
	char text[1024], words[1024] = "";
	const char *const *word;

	setenv("HOME", "/home/me", 1);
	setenv("TWO", "1 2", 1);
	setenv("NONE", "", 1);
	unsetenv("NO_SUCH_VARIABLE");
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(text, sizeof(text), "[Service a]\nExecStart=p %s\n", splits[_i].value);
	ck_assert_msg(!read_text(text, strlen(text), &what), "%s", sentence);
	for (word = what->services[0].start->argv + 1; *word; word++) {
		strcat(words, *word);
		strcat(words, "|");
	}
	ck_assert_str_eq(words, splits[_i].words);
	kreg_supervision_free(what);
}
END_TEST

START_TEST(a_missing_file_and_a_folder_are_refused)
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

	tcase_add_test(tcase, each_field_is_read);
	tcase_add_test(tcase, a_file_without_a_service_is_refused);
	tcase_add_loop_test(tcase, an_error_names_file_and_line, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, long_values_are_not_truncated);
	tcase_add_loop_test(tcase, a_value_is_split_as_by_a_shell_and_the_same_in_every_reader, 0,
			    sizeof(splits) / sizeof(splits[0]));
	tcase_add_test(tcase, a_missing_file_and_a_folder_are_refused);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
