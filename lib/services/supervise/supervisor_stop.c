/* SPDX-License-Identifier: MIT */
/*
 * Stops a service in two steps. First its process gets SIGTERM and, when its time is
 * over, SIGKILL. Then, before it is reaped, what it has started and left gets the same in
 * the time that remains. In haste SIGKILL is sent at once.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/supervise/supervisor.h"
#include "lib/services/supervise/supervisor_say.h"
#include "lib/services/supervise/supervisor_report.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

/* Bounds the wait for a process that cannot be killed. */
#define LEFT_NS 5000000000u

static uint64_t take(int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	if (fd < 0 || poll(&at, 1, 0) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

void supervisor_hear(struct kreg_supervisor *s)
{
	uint64_t from_outside = take(s->outer);

	supervisor_quiet(s);
	pthread_mutex_lock(&s->gate);
	s->is_to_stop |= s->asks_to_stop;
	s->has_next |= s->asks_to_change;
	s->asks_to_stop = s->asks_to_change = false;
	pthread_mutex_unlock(&s->gate);
	if (from_outside > 1 || (from_outside && s->is_to_stop))
		s->is_in_haste = true;
	if (from_outside)
		s->is_to_stop = true;
}

/* Waits until its process ends, the time is over, or there is haste. True: it has ended. */
static bool await_end(struct kreg_supervisor *s, const struct ward *ward, uint64_t until)
{
	while (!s->is_in_haste && clock_now() < until) {
		if (ward_await(ward, until, s->asked))
			return true;
		supervisor_hear(s);
	}
	return ward_await(ward, clock_now(), -1);
}

static void end_process(struct kreg_supervisor *s, const struct ward *ward, uint64_t until)
{
	const char *role = ward->what->role;
	int err = ward_tell(ward, SIGTERM);
	char when[40] = " at the second request to stop";

	if (await_end(s, ward, until))
		return;
	if (!s->is_in_haste)
		snprintf(when, sizeof(when), " %u ms after SIGTERM", ward->what->stop_ms);
	supervision_say(&s->plan->what, "%s/%s: pid %d still runs%s: %s", s->plan->space, role,
			ward->pid, when, err ? kreg_strerror(err) : "sending SIGKILL");
	err = ward_tell(ward, SIGKILL);
	if (err)
		supervision_say(&s->plan->what, "%s/%s: cannot kill pid %d: %s: end it by hand",
				s->plan->space, role, ward->pid, kreg_strerror(err));
	ward_await(ward, 0, -1);
}

static bool await_rest(struct kreg_supervisor *s, const struct ward *ward, uint64_t until)
{
	while (!s->is_in_haste && clock_now() < until) {
		if (group_await_end(&ward->group, until, s->asked))
			return true;
		supervisor_hear(s);
		supervisor_reap(s);
	}
	return !group_count(&ward->group);
}

void supervisor_leave_cgroup(struct ward *ward)
{
	if (ward->group.cgroup >= 0)
		cgroups_remove(ward->group.cgroup, ward->what->role);
	fd_close(&ward->group.cgroup);
}

void supervisor_end_rest(struct kreg_supervisor *s, struct ward *ward, uint64_t until)
{
	const struct supervision *plan = s->plan;
	size_t count = group_count(&ward->group), rest;

	if (count)
		group_tell(&ward->group, SIGTERM);
	if (count && !await_rest(s, ward, until)) {
		rest = group_count(&ward->group);
		supervision_say(&plan->what,
				"%s/%s: %zu leftover process%s still run%s after SIGTERM: "
				"sending SIGKILL",
				plan->space, ward->what->role, rest, rest == 1 ? "" : "es",
				rest == 1 ? "s" : "");
		if (!group_kill(&ward->group))
			supervision_say(&plan->what,
					"%s/%s: cannot kill %zu leftover processes: end them by "
					"hand",
					plan->space, ward->what->role, group_count(&ward->group));
	}
	ward->left = count;
	supervisor_leave_cgroup(ward);
}

/* Whether a service in this state, that does not run, would be started. */
static bool is_to_come(uint32_t state)
{
	return state == KREG_STATE_WAITING || state == KREG_STATE_STARTING ||
	       state == KREG_STATE_RESTARTING;
}

void supervisor_stop_ward(struct kreg_supervisor *s, struct ward *ward)
{
	uint64_t until = clock_after_ms(ward->what->stop_ms);
	struct ending ending;

	ward->is_owed = false;
	if (!ward_runs(ward)) {
		supervisor_leave_cgroup(ward);
		if (is_to_come(ward->state))
			report(s, ward, KREG_STATE_STOPPED);
		return;
	}
	report(s, ward, KREG_STATE_STOPPING);
	end_process(s, ward, until);
	ending = ward_look(ward);
	supervisor_end_rest(s, ward, until);
	ward_reap(ward);
	ward->ending = ending;
	report(s, ward, KREG_STATE_STOPPED);
	say_ended(s->plan, ward, &ending, true);
}

static bool is_ward(const struct kreg_supervisor *s, pid_t pid)
{
	size_t at;

	for (at = 0; at < s->plan->what.count; at++) {
		const struct ward *ward = &s->wards.at[at];

		if (ward_runs(ward) && (ward->group.session == pid || ward->pid == pid))
			return true;
	}
	return false;
}

void supervisor_reap(struct kreg_supervisor *s)
{
	struct signalfd_siginfo record;
	siginfo_t info;

	if (s->children < 0)
		return;
	while (read(s->children, &record, sizeof(record)) == sizeof(record))
		;
	for (;;) {
		info.si_pid = 0;
		/*
		 * A service is not reaped here. Children behind it in the queue are seen
		 * after it was attended to.
		 */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid ||
		    is_ward(s, info.si_pid))
			return;
		waitpid(info.si_pid, NULL, 0);
	}
}

/*
 * A process that has left its session and cleared its environment is still a child of
 * this process. All children that are left by now belong to services.
 */
static void end_children(struct kreg_supervisor *s)
{
	uint64_t until = clock_now() + LEFT_NS;
	char path[64], *line = NULL, *at, *rest;
	size_t capacity = 0;
	siginfo_t info;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", process_pid());
	while (s->children >= 0 && clock_now() < until) {
		supervisor_reap(s);
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT))
			break;
		in = fd_stream(path);
		if (in && getline(&line, &capacity, in) > 0) {
			for (at = strtok_r(line, " \n", &rest); at;
			     at = strtok_r(NULL, " \n", &rest))
				process_signal(atoi(at), SIGKILL);
		}
		if (in)
			fclose(in);
		poll(&(struct pollfd){ .fd = s->children, .events = POLLIN }, 1, 100);
	}
	free(line);
}

void supervisor_let_found_go(struct kreg_supervisor *s)
{
	size_t at;

	for (at = 0; at < s->plan->what.count; at++) {
		struct ward *ward = &s->wards.at[at];

		if (!ward_runs(ward) || ward->is_ours)
			continue;
		supervision_say(&s->plan->what,
				"%s/%s: pid %d keeps running without a supervisor, as before",
				s->plan->space, ward->what->role, ward->pid);
		ward_let_go(ward);
	}
}

void supervisor_stop_all(struct kreg_supervisor *s)
{
	size_t at;

	for (at = s->plan->what.count; at-- > 0;)
		supervisor_stop_ward(s, &s->wards.at[at]);
	end_children(s);
}
