/* SPDX-License-Identifier: MIT */
/*
 * What a guard reports: its status, and how many seats each user holds.
 *
 * Reading changes nothing, and every user of the guard may do it. The status of root also
 * includes an audit, so that it does not count lives whose processes are gone.
 */
#include "bpf/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_audit.h"
#include "bpf/guard_pin.h"
#include "bpf/guard_say.h"

/*
 * How often the kernel skipped the program behind the link @name, because it was already
 * running on that CPU. *is_sure: the program is on a function of the kernel, where that
 * cannot happen, and not at a tracepoint. False if it is unknown: to open a program by
 * its id takes root.
 */
static bool misses_of(const struct guard_at *at, const char *name, uint64_t *misses, bool *is_sure)
{
	struct bpf_link_info link = { 0 };
	struct bpf_prog_info prog = { 0 };
	__u32 size = sizeof(link);
	int fd = guard_pin_open(at->folder, name);
	bool known = false;

	*misses = 0;
	*is_sure = false;
	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &link, &size)) {
		int prog_fd = bpf_prog_get_fd_by_id(link.prog_id);

		size = sizeof(prog);
		known = prog_fd >= 0 && !bpf_obj_get_info_by_fd(prog_fd, &prog, &size);
		if (prog_fd >= 0)
			close(prog_fd);
	}
	close(fd);
	*misses = prog.recursion_misses;
	*is_sure =
		link.type == BPF_LINK_TYPE_TRACING && link.tracing.attach_type == BPF_TRACE_FENTRY;
	return known;
}

/*
 * Adds the events that were skipped. If the second programs are on functions, each event
 * that the first ones missed was handled, and sure_misses has to be 0; a test relies on
 * it.
 */
static void add_misses(const struct guard_at *at, struct guard_status *out)
{
	uint64_t exit, exec, exit_again, exec_again;
	bool is_sure[2], is_not[2];

	out->recursion_known = misses_of(at, LIFE_PIN_EXIT, &exit, &is_not[0]) &&
			       misses_of(at, PIN_EXEC, &exec, &is_not[1]);
	if (!out->recursion_known)
		return;
	/*
	 * Both are 0 if a pin is missing, as where an upgrade was killed before it made
	 * these.
	 */
	misses_of(at, PIN_AGAIN, &exit_again, &is_sure[0]);
	misses_of(at, PIN_EXEC_AGAIN, &exec_again, &is_sure[1]);
	out->recursion_misses = exit + exec + exit_again + exec_again;
	out->is_sure = is_sure[0] && is_sure[1];
	out->sure_misses = out->is_sure ? exit_again + exec_again : 0;
}

/*
 * The order for qsort(3). A difference of two unsigned numbers would not have the right
 * sign.
 */
static int by_uid(const void *a, const void *b)
{
	const struct guard_user *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/*
 * Lists the users of all living seats, then merges equal ones in place; @users has room
 * for @seats. A life that ends meanwhile may be counted for its seat's next user: the
 * figures are a view of a moving target, and no decision relies on them.
 */
static size_t gather(const __u64 *words, const struct life_seat *facts, uint32_t seats,
		     struct guard_user *users)
{
	size_t living = 0, count = 0, i;
	uint32_t seat;

	for (seat = 0; seat < seats; seat++) {
		if (!guard_word_is_alive(__atomic_load_n(&words[seat], __ATOMIC_ACQUIRE)))
			continue;
		users[living].uid = __atomic_load_n(&facts[seat].uid, __ATOMIC_RELAXED);
		users[living++].seats = 1;
	}
	qsort(users, living, sizeof(*users), by_uid);
	for (i = 0; i < living; i++) {
		if (count && users[count - 1].uid == users[i].uid)
			users[count - 1].seats++;
		else
			users[count++] = users[i];
	}
	return count;
}

/* *out is allocated, and the caller frees it; it is set on success only. */
static int users_at(const struct guard_at *at, struct guard_user **out, size_t *count)
{
	struct guard_map words = { 0 }, facts = { 0 };
	struct guard_user *users = NULL;
	struct life_control control;
	int err = guard_control(at, &control);

	if (err)
		return err;
	err = guard_pin_map(at->folder, LIFE_PIN_LIVES, control.seats * sizeof(__u64), &words);
	if (!err)
		err = guard_pin_map(at->folder, LIFE_PIN_SEATS,
				    control.seats * sizeof(struct life_seat), &facts);
	if (!err)
		users = calloc(control.seats, sizeof(*users));
	if (!err && !users)
		err = -ENOMEM;
	if (!err) {
		*count = gather(words.at, facts.at, control.seats, users);
		*out = users;
	}
	guard_unmap(&words);
	guard_unmap(&facts);
	return err;
}

int guard_users(const struct guard_options *options, struct guard_user **out, size_t *count)
{
	struct guard_at at;
	int err = guard_find(&at, options);

	if (err)
		return err;
	err = users_at(&at, out, count);
	guard_at_close(&at);
	return err;
}

/*
 * Seats in use, whatever user has them: counted from the lives, as the guard keeps no
 * total.
 */
static int count_used(const struct guard_at *at, struct guard_status *out)
{
	struct guard_user *users = NULL;
	size_t count, i;
	int err = users_at(at, &users, &count);

	for (i = 0; !err && i < count; i++)
		out->seats_used += users[i].seats;
	free(users);
	return err;
}

/*
 * The audit comes first, so that the counters below include what it has found. The lives
 * are read after the counters: seats_used is not exactly of the same moment.
 */
static int status_at(const struct guard_at *at, struct guard_status *out)
{
	struct life_control control;
	int err;

	/*
	 * Where the caller may not audit, or cannot, the figures are those of earlier
	 * audits.
	 */
	if (!at->o->only_look)
		guard_audit_at(at, NULL);
	err = guard_control(at, &control);
	if (err)
		return err;
	*out = (struct guard_status){
		.layout = control.layout,
		.seats = control.seats,
		.identity = control.identity,
		.attaches = control.attaches,
		.deaths = control.deaths,
		.execs = control.execs,
		.refused = control.refused,
		.over_share = control.over_share,
		.upgrades = control.upgrades,
		.share = control.share,
		.reserve = control.reserve,
		.missed = control.missed,
		.late = control.late,
		.stale = control.stale,
	};
	add_misses(at, out);
	return count_used(at, out);
}

int guard_status(const struct guard_options *options, struct guard_status *out)
{
	struct guard_at at;
	int err = guard_find(&at, options);

	if (!err) {
		err = status_at(&at, out);
		guard_at_close(&at);
	}
	if (err)
		guard_say(options,
			  err == -ENOENT   ? "no guard runs at %s"
			  : err == -EPROTO ? "the guard at %s is of another version; use the "
					     "regtool of that version"
					   : "cannot query the guard at %s: %s",
			  guard_path(options), strerror(-err));
	return err;
}
