/* SPDX-License-Identifier: MIT */
/*
 * Reads a file of services, see kreg_services(5): its sections, and what they say
 * together. service_text.c reads its lines, service_values.c its names.
 */
#include "lib/services/file/service_values.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "lib/inner.h"
#include "lib/services/tree/kept.h"
#include "lib/services/file/service_refused.h"
#include "lib/services/tree/start_order.h"

#define SECTION_SUPERVISOR "Supervisor"
#define SECTION_SERVICE "Service "

static int begin_service(struct text *text, const char *role)
{
	struct service_file *file = text->data;
	char key[KREG_KEY_MAX];
	struct service *service;

	if (kreg_inner_service_key("any", role, key, sizeof(key)) < 0 ||
	    !strcmp(role, KREG_ROLE_SUPERVISOR))
		return text_fail(text, -EINVAL, "\"%s\" is not a valid role", role);
	for (service = file->first; service; service = service->next) {
		if (!strcmp(service->supervised.role, role))
			return text_fail(text, -EINVAL,
					 "duplicate [Service %s]; the first is in line %u", role,
					 service->line);
	}
	service = kept_add(&file->kept, NULL, sizeof(*service));
	if (!service)
		return values_out_of_memory(text);
	*service = (struct service){ .line = text->line };
	service->supervised.size = sizeof(service->supervised);
	service->start.size = sizeof(service->start);
	*file->last = service;
	file->last = &service->next;
	file->now = service;
	return values_set_string(text, &service->supervised.role, role);
}

static int refuse_name(struct text *text, const char *name)
{
	const char *instead = refused_name(name);
	const struct text_name *at;
	char known[512] = "";

	if (instead)
		return text_fail(text, -EINVAL, "%s= is not supported: %s", name, instead);
	for (at = text->names; at->name; at++)
		text_list(known, sizeof(known), at->name);
	return text_fail(text, -EINVAL, "unknown key \"%s\"; known keys are %s", name, known);
}

/* The names that the section may have, or NULL. */
static const struct text_name *begin_section(struct text *text, const char *section)
{
	struct service_file *file = text->data;

	if (!strcmp(section, SECTION_SUPERVISOR)) {
		if (!file->has_supervisor) {
			file->has_supervisor = true;
			return values_of_supervisor;
		}
		text_fail(text, -EINVAL, "duplicate [Supervisor]");
		return NULL;
	}
	if (strncmp(section, SECTION_SERVICE, strlen(SECTION_SERVICE))) {
		text_fail(text, -EINVAL,
			  "unknown section [%s]; expected [Supervisor] or [Service ROLE]", section);
		return NULL;
	}
	return begin_service(text, section + strlen(SECTION_SERVICE)) ? NULL : values_of_service;
}

static uint32_t line_of(const struct service_file *file, size_t place)
{
	const struct service *service = file->first;

	while (place--)
		service = service->next;
	return service->line;
}

/* Each After= must name another service, and must not lead back to its own. */
static int check_order(struct text *text)
{
	const struct service_file *file = text->data;
	const struct kreg_supervised *services = file->what.services;
	struct start_order_fault fault = { .service = SIZE_MAX };
	size_t *order = calloc(file->what.count + 1, sizeof(*order));
	int err = order ? start_order(services, file->what.count, order, &fault) : -ENOMEM;
	const char *role;

	free(order);
	if (err == -ENOMEM)
		return values_out_of_memory(text);
	if (!err)
		return 0;
	role = services[fault.service].role;
	text->line = line_of(file, fault.service);
	if (fault.missing)
		return text_fail(text, -EINVAL, "After=%s: there is no [Service %s]", fault.missing,
				 fault.missing);
	if (fault.service == fault.next)
		return text_fail(text, -EINVAL, "%s starts after itself", role);
	return text_fail(text, -EINVAL,
			 "%s starts after %s (line %u), which starts after it, directly or through "
			 "others",
			 role, services[fault.next].role, line_of(file, fault.next));
}

/* Converts what was read into what a supervisor takes. */
static int finish(struct text *text)
{
	struct service_file *file = text->data;
	struct kreg_supervised *services;
	struct service *service;
	char where[PATH_MAX + 16];
	size_t count = 0;

	for (service = file->first; service; service = service->next)
		count++;
	/*
	 * A file that is just being written has no service yet; accepting it would stop
	 * all services.
	 */
	text->line = 0;
	if (!count)
		return text_fail(text, -EINVAL,
				 "no [Service ROLE] in it; to stop all services use `regtool down "
				 "--namespace NAMESPACE`");
	services = kept_add(&file->kept, NULL, (count + 1) * sizeof(*services));
	if (!services)
		return values_out_of_memory(text);
	file->what.services = services;
	file->what.count = count;
	for (service = file->first; service; service = service->next, services++) {
		text->line = service->line;
		if (!service->argv.count)
			return text_fail(text, -EINVAL, "missing ExecStart=");
		if ((service->start.ready == KREG_READY_FD) != (service->start.ready_fd != 0))
			return text_fail(text, -EINVAL, "Type=fd and ReadyFd= need each other");
		if (service->start.watchdog_ms && service->start.ready != KREG_READY_NOTIFY)
			return text_fail(text, -EINVAL,
					 "WatchdogSec= needs Type=notify, and a program that sends "
					 "WATCHDOG=1");
		if (service->supervised.restart_max_ms < service->supervised.restart_ms &&
		    service->supervised.restart_max_ms)
			return text_fail(
				text, -EINVAL,
				"RestartMaxDelaySec= must not be shorter than RestartSec=");
		if (text_format(where, sizeof(where), "%s:%u", text->file, service->line) ||
		    values_set_string(text, &service->supervised.where, where))
			service->supervised.where = NULL;
		if (!service->start.directory)
			service->start.directory = file->folder;
		service->start.argv = service->argv.at;
		service->start.environment = service->environment.at;
		service->supervised.after = service->after.at;
		service->supervised.start = &service->start;
		*services = service->supervised;
	}
	return check_order(text);
}

int kreg_supervision_read(struct kreg_supervision **out, const char *file, kreg_log_fn log,
			  void *log_data)
{
	UNCANCELLABLE;
	struct service_file *own = out && file ? calloc(1, sizeof(*own)) : NULL;
	struct text text = { .file = file, .log = log, .log_data = log_data, .data = own };
	char folder[PATH_MAX];
	int err;

	if (!out || !file)
		return refuse_to(log, log_data, out ? "file is NULL" : "out is NULL");
	if (!own)
		return -ENOMEM;
	text.begin_section = begin_section;
	text.refuse = refuse_name;
	own->what.size = sizeof(own->what);
	own->last = &own->first;
	err = text_folder(&text, folder, sizeof(folder));
	if (!err)
		err = values_set_string(&text, &own->folder, folder);
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
