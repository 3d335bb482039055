/* SPDX-License-Identifier: MIT */
/*
 * From figures to sentences.
 */
#include "lib/supervisor_say.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *how_it_ended(const struct ending *ending, char *text, size_t size)
{
	const char *name;

	if (ending->code == CLD_EXITED) {
		snprintf(text, size, "with exit status %d", ending->status);
		return text;
	}
	if (ending->code != CLD_KILLED && ending->code != CLD_DUMPED)
		return "in a way that nobody can say";
	name = sigabbrev_np(ending->status);
	snprintf(text, size, "by signal %d (%s%s)", ending->status, name ? "SIG" : "unnamed",
		 name ? name : "");
	return text;
}

void say_started(const struct supervision *plan, const struct ward *ward)
{
	supervision_say(&plan->what, "%s/%s: %s pid %d", plan->space, ward->what->role,
			ward->is_ours ? "started as" : "is taken over, it runs as", ward->pid);
}

void say_not_started(const struct supervision *plan, const struct ward *ward, int err,
		     const struct kreg_started *started)
{
	struct ending ending = { 0 };
	char text[256], how[64];

	switch (err) {
	case -EEXIST:
		snprintf(text, sizeof(text), "pid %d has the name%s", started->owner.pid,
			 started->ready ? "" : " and is not ready");
		break;
	case -ENOEXEC:
		snprintf(text, sizeof(text), "%.150s: %s", ward->what->start->argv[0],
			 strerrordesc_np(-started->exec_error));
		break;
	case -ECHILD:
		ending.code = WIFEXITED(started->status) ? CLD_EXITED : CLD_KILLED;
		ending.status = WIFEXITED(started->status) ? WEXITSTATUS(started->status)
							   : WTERMSIG(started->status);
		snprintf(text, sizeof(text), "it ended before it was ready, %s",
			 how_it_ended(&ending, how, sizeof(how)));
		break;
	case -ETIMEDOUT:
		snprintf(text, sizeof(text), "it was not ready after %lld ms, and was killed",
			 (long long)ward->what->start->timeout_ms);
		break;
	default:
		snprintf(text, sizeof(text), "%s", kreg_strerror(err));
	}
	supervision_say(&plan->what, "%s/%s: cannot be started: %s", plan->space, ward->what->role,
			text);
}

void say_ended(const struct supervision *plan, const struct ward *ward,
	       const struct ending *ending, bool was_told)
{
	const char *what_next = ": is to be restarted";
	char how[64];

	if (was_told)
		what_next = "";
	else if (ward->what->restart == KREG_RESTART_TEMPORARY)
		what_next = ": is temporary, and forgotten";
	else if (!restart_is_needed(ward->what->restart, ending))
		what_next = ": is transient, and done";
	supervision_say(&plan->what, "%s/%s: pid %d %s %s%s", plan->space, ward->what->role,
			ward->pid, was_told ? "is stopped, it ended" : "ended",
			how_it_ended(ending, how, sizeof(how)), what_next);
}
