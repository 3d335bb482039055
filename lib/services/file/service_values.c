/* SPDX-License-Identifier: MIT */
/*
 * The names of a file of services, see kreg_services(5), each with the function that
 * reads its value.
 */
#include "lib/services/file/service_values.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "lib/services/start/environment.h"
#include "lib/services/tree/kept.h"
#include "lib/services/file/service_refused.h"
#include "lib/services/file/service_words.h"

int values_out_of_memory(struct text *text)
{
	return text_fail(text, -ENOMEM, "out of memory");
}

static int add_word(struct text *text, struct words *words, const char *word)
{
	struct service_file *file = text->data;
	/* These lists are small and rarely grow, so each addition copies the whole list. */
	const char **grown = kept_add(&file->kept, NULL, (words->count + 2) * sizeof(*grown));

	if (!grown)
		return values_out_of_memory(text);
	if (words->count)
		memcpy(grown, words->at, words->count * sizeof(*grown));
	grown[words->count] = kept_add_string(&file->kept, word);
	if (!grown[words->count])
		return values_out_of_memory(text);
	grown[++words->count] = NULL;
	words->at = grown;
	return 0;
}

static int add_split(struct text *text, void *words, const char *word)
{
	return add_word(text, words, word);
}

static int add_words(struct text *text, struct words *words, const char *value)
{
	return words_split(text, value, add_split, words);
}

int values_set_string(struct text *text, const char **out, const char *value)
{
	struct service_file *file = text->data;

	*out = kept_add_string(&file->kept, value);
	return *out ? 0 : values_out_of_memory(text);
}

/* A relative path is relative to the file's folder. */
static int set_path(struct text *text, const char **out, const char *value)
{
	const struct service_file *file = text->data;
	char path[PATH_MAX];

	if (*value == '/')
		return values_set_string(text, out, value);
	if (text_format(path, sizeof(path), "%s/%s", file->folder, value))
		return text_fail(text, -EINVAL, "the path is too long");
	return values_set_string(text, out, path);
}

static int set_choice(struct text *text, uint32_t *out, const char *value,
		      const struct text_choice *choices)
{
	char all[256] = "";
	const struct text_choice *choice;

	for (choice = choices; choice->word; choice++) {
		if (!strcasecmp(choice->word, value)) {
			*out = choice->value;
			return 0;
		}
		text_list(all, sizeof(all), choice->word);
	}
	return text_fail(text, -EINVAL, "unknown value \"%s\"; known values are %s", value, all);
}

static int read_strategy(struct text *text, const char *value)
{
	static const struct text_choice choices[] = {
		{ "one_for_one", KREG_ONE_FOR_ONE },
		{ "rest_for_one", KREG_REST_FOR_ONE },
		{ "one_for_all", KREG_ONE_FOR_ALL },
		{ "one-for-one", KREG_ONE_FOR_ONE },
		{ "rest-for-one", KREG_REST_FOR_ONE },
		{ "one-for-all", KREG_ONE_FOR_ALL },
		{ NULL, 0 },
	};
	struct service_file *file = text->data;

	return set_choice(text, &file->what.strategy, value, choices);
}

static int read_intensity(struct text *text, const char *value)
{
	struct service_file *file = text->data;
	int err = text_number(text, value, 1000000, &file->what.intensity);

	if (!err && !file->what.intensity)
		file->what.intensity = KREG_INTENSITY_NONE;
	return err;
}

static int read_period(struct text *text, const char *value)
{
	struct service_file *file = text->data;

	return text_time(text, value, &file->what.period_ms);
}

static struct service *now(struct text *text)
{
	return ((struct service_file *)text->data)->now;
}

static int read_command(struct text *text, const char *value)
{
	struct words *argv = &now(text)->argv;
	bool is_first = !argv->count;
	int err = add_words(text, argv, value);

	if (err || !is_first || !argv->count)
		return err;
	/* A name without a slash is searched in $PATH. */
	return strchr(argv->at[0], '/') ? set_path(text, &argv->at[0], argv->at[0]) : 0;
}

static int read_value(struct text *text, const char *value)
{
	const char *own = NULL;
	int err = values_set_string(text, &own, value);

	now(text)->start.value = own;
	now(text)->start.value_size = strlen(value);
	return err;
}

static int read_directory(struct text *text, const char *value)
{
	return set_path(text, &now(text)->start.directory, value);
}

static int read_output(struct text *text, const char *value)
{
	return set_path(text, &now(text)->start.output, value);
}

static int read_environment(struct text *text, const char *value)
{
	struct words *words = &now(text)->environment;
	size_t from = words->count;
	int err = add_words(text, words, value);

	for (; !err && from < words->count; from++) {
		const char *equals = strchr(words->at[from], '=');

		if (!equals || equals == words->at[from])
			err = text_fail(text, -EINVAL, "\"%s\" is not NAME=VALUE", words->at[from]);
		else if (environment_is_own(words->at[from]))
			err = text_fail(text, -EINVAL, "\"%s\" is set by kreg: choose another name",
					words->at[from]);
	}
	return err;
}

static int read_after(struct text *text, const char *value)
{
	return add_words(text, &now(text)->after, value);
}

static int read_restart(struct text *text, const char *value)
{
	static const struct text_choice choices[] = {
		{ "permanent", KREG_RESTART_PERMANENT },
		{ "transient", KREG_RESTART_TRANSIENT },
		{ "temporary", KREG_RESTART_TEMPORARY },
		{ "always", KREG_RESTART_PERMANENT },
		{ "on-failure", KREG_RESTART_TRANSIENT },
		{ "no", KREG_RESTART_TEMPORARY },
		{ NULL, 0 },
	};

	return set_choice(text, &now(text)->supervised.restart, value, choices);
}

static int read_type(struct text *text, const char *value)
{
	struct service *service = now(text);
	static const struct text_choice choices[] = {
		{ "simple", KREG_READY_EXEC },
		{ "notify", KREG_READY_NOTIFY },
		{ "fd", KREG_READY_FD },
		{ "oneshot", 0 },
		{ NULL, 0 },
	};
	const char *instead = refused_type(value);

	if (instead)
		return text_fail(text, -EINVAL, "Type=%s is not supported: %s", value, instead);
	if (!strcasecmp(value, "oneshot")) {
		service->supervised.flags |= KREG_SERVICE_ONESHOT;
		return 0;
	}
	return set_choice(text, &service->start.ready, value, choices);
}

static int read_ready_fd(struct text *text, const char *value)
{
	uint32_t fd = 0;
	int err = text_number(text, value, 1023, &fd);

	if (!err && fd < 3)
		err = text_fail(text, -EINVAL, "expected an fd from 3 to 1023");
	now(text)->start.ready_fd = (int32_t)fd;
	return err;
}

static int read_start_time(struct text *text, const char *value)
{
	uint32_t ms = 0;
	int err = text_time(text, value, &ms);

	now(text)->start.timeout_ms = ms;
	return err;
}

static int read_delay(struct text *text, const char *value)
{
	return text_time(text, value, &now(text)->supervised.restart_ms);
}

static int read_delay_max(struct text *text, const char *value)
{
	return text_time(text, value, &now(text)->supervised.restart_max_ms);
}

static int read_watchdog(struct text *text, const char *value)
{
	return text_time(text, value, &now(text)->start.watchdog_ms);
}

static int read_stop_time(struct text *text, const char *value)
{
	return text_time(text, value, &now(text)->supervised.stop_ms);
}

const struct text_name values_of_supervisor[] = {
	{ "Strategy", read_strategy },
	{ "Intensity", read_intensity },
	{ "Period", read_period },
	{ NULL, NULL },
};

const struct text_name values_of_service[] = {
	{ "ExecStart", read_command, .may_go_on = true },
	{ "Value", read_value },
	{ "WorkingDirectory", read_directory },
	{ "Environment", read_environment, .may_go_on = true, .may_repeat = true },
	{ "Output", read_output },
	{ "After", read_after, .may_go_on = true, .may_repeat = true },
	{ "Restart", read_restart },
	{ "RestartSec", read_delay },
	{ "RestartMaxDelaySec", read_delay_max },
	{ "Type", read_type },
	{ "ReadyFd", read_ready_fd },
	{ "TimeoutStartSec", read_start_time },
	{ "TimeoutStopSec", read_stop_time },
	{ "WatchdogSec", read_watchdog },
	{ NULL, NULL },
};
