/* SPDX-License-Identifier: MIT */
/* The sentences that a supervisor logs, from pids, statuses and errors. */
#include "lib/services/supervise/supervisor_say.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/signal_name.h"

#ifndef __GLIBC__
/* Elsewhere strerror(3) is safe for threads, and not translated for a program that has set no locale. */
#define strerrordesc_np strerror
#endif

static const char *how_it_ended(const struct ending *ending, char *text, size_t size)
{
	const char *name;

	if (ending->code == CLD_EXITED) {
		snprintf(text, size, "with exit status %d", ending->status);
		return text;
	}
	if (ending->code != CLD_KILLED && ending->code != CLD_DUMPED)
		return "in an unknown way";
	name = signal_name(ending->status);
	snprintf(text, size, "by signal %d (%s%s)", ending->status, name ? "SIG" : "unnamed",
		 name ? name : "");
	return text;
}

/* " (FILE:LINE)", or "". */
static const char *where(const struct ward *ward, char *text, size_t size)
{
	*text = 0;
	if (ward->what->where)
		snprintf(text, size, " (%.200s)", ward->what->where);
	return text;
}

void say_started(const struct supervision *plan, const struct ward *ward)
{
	supervision_say(&plan->what, "%s/%s: %s pid %d", plan->space, ward->what->role,
			ward->is_ours ? "started as" : "taken over as", ward->pid);
}

void say_limit_reached(const struct supervision *plan, const struct ward *ward,
		       const struct restart_history *history)
{
	bool is_seconds = history->period_ms % 1000 == 0;

	supervision_say(&plan->what,
			"%s/%s: restart limit reached (%u in %u %s): all services are stopped",
			plan->space, ward->what->role, history->intensity,
			is_seconds ? history->period_ms / 1000 : history->period_ms,
			is_seconds ? "s" : "ms");
}

void say_done(const struct supervision *plan, const struct ward *ward)
{
	supervision_say(&plan->what, "%s/%s: completed with exit status 0", plan->space,
			ward->what->role);
}

/* The program is a script whose interpreter is missing. */
static const char *missing_part(const struct kreg_start *start, int err)
{
	if (err == -ENOENT && strchr(start->argv[0], '/') && !access(start->argv[0], F_OK))
		return " exists, but the interpreter in its first line does not";
	return NULL;
}

static void how_it_failed(const struct ward *ward, const struct kreg_started *started, char *text,
			  size_t size)
{
	const struct kreg_start *start = ward->what->start;
	const char *why = strerrordesc_np(-started->exec_error);
	const char *part = missing_part(start, started->exec_error);

	if (started->exec_step == KREG_EXEC_DIRECTORY)
		snprintf(text, size, "directory %.150s: %s", start->directory, why);
	else if (started->exec_step == KREG_EXEC_OUTPUT)
		snprintf(text, size, "output %.150s: %s",
			 start->output ? start->output : "/dev/null", why);
	else if (part)
		snprintf(text, size, "%.150s%s", start->argv[0], part);
	else
		snprintf(text, size, "%.150s: %s", start->argv[0], why);
}

/* A daemon that was gone before it could be counted is not in @left: then it is only a guess. */
static const char *daemonises(const struct ward *ward, const struct ending *ending)
{
	if (ending->code != CLD_EXITED || ending->status ||
	    ward->what->flags & KREG_SERVICE_ONESHOT)
		return "";
	if (!ward->left)
		return ": if it daemonises, run it in the foreground";
	return ": it daemonises; run it in the foreground, with the option that it has for that";
}

void say_not_started(const struct supervision *plan, const struct ward *ward, int err,
		     const struct kreg_started *started)
{
	bool is_oneshot = ward->what->flags & KREG_SERVICE_ONESHOT;
	struct ending ending = ending_of(started->status);
	char text[512], how[64], place[256];

	switch (err) {
	case -EEXIST:
		snprintf(text, sizeof(text), "pid %d holds the name%s", started->owner.pid,
			 started->ready ? "" : " and is not ready");
		break;
	case -ENOEXEC:
		how_it_failed(ward, started, text, sizeof(text));
		break;
	case -ECHILD:
		snprintf(text, sizeof(text), "%s %s%s%s", is_oneshot ? "failed" : "ended",
			 how_it_ended(&ending, how, sizeof(how)),
			 is_oneshot ? "" : " before it was ready", daemonises(ward, &ending));
		break;
	case -ETIMEDOUT:
		snprintf(text, sizeof(text), "timed out: not ready after %lld ms, killed",
			 (long long)ward->what->start->timeout_ms);
		break;
	default:
		snprintf(text, sizeof(text), "%s", kreg_strerror(err));
	}
	supervision_say(&plan->what, "%s/%s: cannot be started: %s%s", plan->space,
			ward->what->role, text, where(ward, place, sizeof(place)));
}

static void say_end(const struct supervision *plan, const struct ward *ward,
		    const struct ending *ending, const char *who)
{
	const char *what_next = ": restarting";
	char how[64], place[256] = "", later[64];

	if (ward->is_refused) {
		what_next = daemonises(ward, ending);
		where(ward, place, sizeof(place));
	} else if (ward->what->restart == KREG_RESTART_TEMPORARY) {
		what_next = ": not restarted (temporary)";
	} else if (!restart_is_needed(ward->what->restart, ending)) {
		what_next = ": not restarted (transient)";
	} else if (ward->what->restart_ms) {
		snprintf(later, sizeof(later), ": restarting in %u ms",
			 restart_delay(ward->what->restart_ms, ward->what->restart_max_ms,
				       ward->in_row));
		what_next = later;
	}
	supervision_say(&plan->what, "%s/%s: %s ended %s%s%s%s", plan->space, ward->what->role, who,
			how_it_ended(ending, how, sizeof(how)),
			ward->has_missed ? " after missing its watchdog" : "", what_next, place);
}

void say_ended(const struct supervision *plan, const struct ward *ward, const struct ending *ending,
	       bool was_asked)
{
	char how[64];

	snprintf(how, sizeof(how), "pid %d", ward->pid);
	if (!was_asked)
		say_end(plan, ward, ending, how);
	else
		supervision_say(&plan->what, "%s/%s: stopped: pid %d ended %s", plan->space,
				ward->what->role, ward->pid,
				how_it_ended(ending, how, sizeof(how)));
	if (ward->left && !ward->is_refused)
		supervision_say(&plan->what, "%s/%s: %zu leftover process%s ended", plan->space,
				ward->what->role, ward->left, ward->left == 1 ? "" : "es");
}

void say_ended_at_once(const struct supervision *plan, const struct ward *ward,
		       const struct ending *ending)
{
	say_end(plan, ward, ending, "started, but");
}

/*
 * The command line of a program that still has the name that it was started by, but other
 * arguments.
 */
static bool read_arguments(const struct ward *ward, char *text, size_t size)
{
	const char *const *word = ward->what->start->argv;
	FILE *in = fd_stream_of(ward->pid, "cmdline");
	char *at = text;
	size_t got = 0;

	if (in) {
		got = fread(text, 1, size - 1, in);
		fclose(in);
	}
	text[got] = 0;
	if (!got || got == size - 1 || strcmp(text, *word))
		return false;
	while (*word && at < text + got && !strcmp(at, *word)) {
		at += strlen(at) + 1;
		word++;
	}
	if (!*word && at == text + got)
		return false;
	for (at = text; at < text + got - 1; at++)
		*at = *at ? *at : ' ';
	return true;
}

/* A program that registers its own value may have any. */
static bool has_other_value(const struct supervision *plan, const struct ward *ward, struct kreg *k)
{
	const struct kreg_start *start = ward->what->start;
	char *value = malloc(start->value_size + 1);
	ssize_t size = -1;
	bool is_other;

	if (value && start->ready != KREG_READY_NOTIFY)
		size = kreg_service_lookup(k, plan->space, ward->what->role, value,
					   start->value_size + 1, NULL);
	is_other = size == -ERANGE ||
		   (size >= 0 && ((size_t)size != start->value_size ||
				  (size && memcmp(value, start->value, (size_t)size) != 0)));
	free(value);
	return is_other;
}

void say_changed(const struct supervision *plan, const struct ward *ward, struct kreg *k)
{
	char text[4096];

	if (read_arguments(ward, text, sizeof(text)))
		supervision_say(&plan->what,
				"%s/%s: its command has changed: it runs as \"%.300s\" until it is "
				"started again",
				plan->space, ward->what->role, text);
	if (has_other_value(plan, ward, k))
		supervision_say(&plan->what,
				"%s/%s: its value has changed: it has the old one until it is "
				"started again",
				plan->space, ward->what->role);
}

void say_not_heard(const struct supervision *plan, const struct ward *ward, int err)
{
	supervision_say(&plan->what,
			"%s/%s: its messages are not received until it is started again: %s",
			plan->space, ward->what->role,
			err == -EADDRINUSE ? "another process has bound its NOTIFY_SOCKET, "
					     "`ss -xlp` shows which"
					   : kreg_strerror(err));
}

void say_not_reported(const struct supervision *plan, int err)
{
	supervision_say(&plan->what,
			"%s: the state of its services is not shown to others until it can be: %s",
			plan->space, kreg_strerror(err));
}
