/* SPDX-License-Identifier: MIT */
/*
 * The file of services, see kreg_services(5): what its sections and names mean. service_text.c reads its lines.
 *
 * All that is read is kept until kreg_supervision_free().
 */
#include "lib/service_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/call.h"
#include "lib/kept.h"
#include "lib/kreg.h"
#include "lib/service_key.h"

#define SECTION_SUPERVISOR "Supervisor"
#define SECTION_SERVICE "Service "

/* Strings up to a NULL. */
struct words {
	const char **at;
	size_t count;
};

struct service {
	struct service *next;
	struct kreg_supervised supervised;
	struct kreg_start start;
	struct words argv, environment, after;
	uint32_t line;
};

struct service_file {
	struct kreg_supervision what; /* first, so that it leads to the rest */
	struct kept *kept;
	struct service *first, **last, *now;
	const char *folder;
	bool has_supervisor;
};

static int out_of_memory(struct text *text)
{
	return text_fail(text, -ENOMEM, "out of memory");
}

static int add_word(struct text *text, struct words *words, const char *word)
{
	struct service_file *file = text->data;
	/* Small lists that grow seldom: each time all is kept anew. */
	const char **grown = kept_add(&file->kept, NULL, (words->count + 2) * sizeof(*grown));

	if (!grown)
		return out_of_memory(text);
	if (words->count)
		memcpy(grown, words->at, words->count * sizeof(*grown));
	grown[words->count] = kept_add_string(&file->kept, word);
	if (!grown[words->count])
		return out_of_memory(text);
	grown[++words->count] = NULL;
	words->at = grown;
	return 0;
}

static int add_words(struct text *text, struct words *words, const char *value)
{
	struct text_words split;
	size_t i;
	int err = text_split(text, value, &split);

	for (i = 0; !err && i < split.count; i++)
		err = add_word(text, words, split.at[i]);
	text_split_free(&split);
	return err;
}

static int set_string(struct text *text, const char **out, const char *value)
{
	struct service_file *file = text->data;

	*out = kept_add_string(&file->kept, value);
	return *out ? 0 : out_of_memory(text);
}

/* What is relative is so to the file's folder. */
static int set_path(struct text *text, const char **out, const char *value)
{
	const struct service_file *file = text->data;
	char path[PATH_MAX];

	if (*value == '/')
		return set_string(text, out, value);
	if (text_format(path, sizeof(path), "%s/%s", file->folder, value))
		return text_fail(text, -EINVAL, "the path is too long");
	return set_string(text, out, path);
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
		if (*all)
			strcat(all, ", ");
		strcat(all, choice->word);
	}
	return text_fail(text, -EINVAL, "\"%s\" is none of: %s", value, all);
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
	/* A name is looked for in $PATH. */
	return strchr(argv->at[0], '/') ? set_path(text, &argv->at[0], argv->at[0]) : 0;
}

static int read_value(struct text *text, const char *value)
{
	const char *own = NULL;
	int err = set_string(text, &own, value);

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
	static const struct text_choice choices[] = {
		{ "simple", KREG_READY_EXEC },
		{ "notify", KREG_READY_NOTIFY },
		{ "fd", KREG_READY_FD },
		{ NULL, 0 },
	};

	return set_choice(text, &now(text)->start.ready, value, choices);
}

static int read_ready_fd(struct text *text, const char *value)
{
	uint32_t fd = 0;
	int err = text_number(text, value, 1023, &fd);

	if (!err && fd < 3)
		err = text_fail(text, -EINVAL, "an fd from 3 to 1023 is needed");
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

static int read_stop_time(struct text *text, const char *value)
{
	return text_time(text, value, &now(text)->supervised.stop_ms);
}

static const struct text_name of_supervisor[] = {
	{ "Strategy", read_strategy },
	{ "Intensity", read_intensity },
	{ "Period", read_period },
	{ NULL, NULL },
};

static const struct text_name of_service[] = {
	{ "ExecStart", read_command, .may_go_on = true },
	{ "Value", read_value },
	{ "WorkingDirectory", read_directory },
	{ "Environment", read_environment, .may_go_on = true, .may_repeat = true },
	{ "Output", read_output },
	{ "After", read_after, .may_go_on = true, .may_repeat = true },
	{ "Restart", read_restart },
	{ "Type", read_type },
	{ "ReadyFd", read_ready_fd },
	{ "TimeoutStartSec", read_start_time },
	{ "TimeoutStopSec", read_stop_time },
	{ NULL, NULL },
};

static int begin_service(struct text *text, const char *role)
{
	struct service_file *file = text->data;
	struct service_key key;
	struct service *service;

	if (service_key(&key, "any", role) || !strcmp(role, KREG_ROLE_SUPERVISOR))
		return text_fail(text, -EINVAL, "\"%s\" cannot be the role of a service", role);
	for (service = file->first; service; service = service->next) {
		if (!strcmp(service->supervised.role, role))
			return text_fail(text, -EINVAL, "[Service %s] is in line %u already", role,
					 service->line);
	}
	service = kept_add(&file->kept, NULL, sizeof(*service));
	if (!service)
		return out_of_memory(text);
	*service = (struct service){ .line = text->line };
	service->supervised.size = sizeof(service->supervised);
	service->start.size = sizeof(service->start);
	*file->last = service;
	file->last = &service->next;
	file->now = service;
	return set_string(text, &service->supervised.role, role);
}

/* The names that the section may have, or NULL. */
static const struct text_name *begin_section(struct text *text, const char *section)
{
	struct service_file *file = text->data;

	if (!strcmp(section, SECTION_SUPERVISOR)) {
		if (!file->has_supervisor) {
			file->has_supervisor = true;
			return of_supervisor;
		}
		text_fail(text, -EINVAL, "[Supervisor] is there twice");
		return NULL;
	}
	if (strncmp(section, SECTION_SERVICE, strlen(SECTION_SERVICE))) {
		text_fail(text, -EINVAL, "[%s] is neither [Supervisor] nor [Service ROLE]",
			  section);
		return NULL;
	}
	return begin_service(text, section + strlen(SECTION_SERVICE)) ? NULL : of_service;
}

/* From what was read to what a supervisor takes. */
static int finish(struct text *text)
{
	struct service_file *file = text->data;
	struct kreg_supervised *services;
	struct service *service;
	size_t count = 0;

	for (service = file->first; service; service = service->next)
		count++;
	services = kept_add(&file->kept, NULL, (count + 1) * sizeof(*services));
	if (!services)
		return out_of_memory(text);
	file->what.services = services;
	file->what.count = count;
	for (service = file->first; service; service = service->next, services++) {
		text->line = service->line;
		if (!service->argv.count)
			return text_fail(text, -EINVAL, "the service has no ExecStart=");
		if ((service->start.ready == KREG_READY_FD) != (service->start.ready_fd != 0))
			return text_fail(text, -EINVAL, "Type=fd and ReadyFd= go together");
		if (!service->start.directory)
			service->start.directory = file->folder;
		service->start.argv = service->argv.at;
		service->start.environment = service->environment.at;
		service->supervised.after = service->after.at;
		service->supervised.start = &service->start;
		*services = service->supervised;
	}
	return 0;
}

int kreg_supervision_read(struct kreg_supervision **out, const char *file,
			  void (*log)(void *data, const char *sentence), void *log_data)
{
	UNCANCELLABLE;
	struct service_file *own = out && file ? calloc(1, sizeof(*own)) : NULL;
	struct text text = { .file = file, .log = log, .log_data = log_data, .data = own };
	char folder[PATH_MAX];
	int err;

	if (!own)
		return out && file ? -ENOMEM : -EINVAL;
	text.begin_section = begin_section;
	own->what.size = sizeof(own->what);
	own->last = &own->first;
	err = text_folder(&text, folder, sizeof(folder));
	if (!err)
		err = set_string(&text, &own->folder, folder);
	if (!err)
		err = text_read(&text);
	if (!err)
		err = finish(&text);
	if (err)
		kreg_supervision_free(&own->what);
	else
		*out = &own->what;
	return err;
}

void kreg_supervision_free(struct kreg_supervision *supervision)
{
	UNCANCELLABLE;
	struct service_file *file = (struct service_file *)supervision;

	if (!file)
		return;
	kept_free(file->kept);
	free(file);
}
