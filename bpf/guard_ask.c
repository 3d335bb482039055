/* SPDX-License-Identifier: MIT */
/*
 * Access to a guard that runs.
 *
 * The control block is read by mapping it, which every user of the guard may do. All
 * changes go through the program command, because the maps are frozen: user space cannot
 * write them, not even as root.
 */
#include "bpf/guard_ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/guard_pin.h"

int guard_command(const struct guard_at *at, struct life_command *run)
{
	/*
	 * For programs of type syscall the kernel writes the context back to ctx_in, and
	 * refuses a ctx_out.
	 */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = run, .ctx_size_in = sizeof(*run));
	int fd = guard_pin_open(at->folder, PIN_COMMAND);
	int err = 0;

	if (fd < 0)
		return fd;
	if (bpf_prog_test_run_opts(fd, &options))
		err = -errno;
	close(fd);
	return err;
}

int guard_control(const struct guard_at *at, struct life_control *out)
{
	struct guard_map control = { 0 };
	int err = guard_pin_map(at->folder, LIFE_PIN_CONTROL, sizeof(*out), &control);

	if (err)
		return err;
	/* A copy, so that all checks of the caller see the same values. */
	memcpy(out, control.at, sizeof(*out));
	guard_unmap(&control);
	/*
	 * A number of seats beyond the maximum would make callers map and visit what is
	 * not there.
	 */
	return out->magic == LIFE_MAGIC && out->layout == LIFE_LAYOUT && out->seats &&
			       out->seats <= LIFE_SEATS_MAX
		       ? 0
		       : -EPROTO;
}
