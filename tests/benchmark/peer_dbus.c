/* SPDX-License-Identifier: MIT */
/*
 * A peer: dbus-daemon. A process has a connection to the bus, asks it for a name, and asks it
 * who has one. The bus knows of a death by the end of the connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "tests/benchmark/peer.h"

struct bus {
	pid_t pid;
	char address[160];
};

static void *bus_open(const struct bench_options *options, const char **why)
{
	struct bus *bus = room(sizeof(*bus));
	char address[192], path[160];
	const char *argv[] = {
		"dbus-daemon", "--session", "--nofork", "--nopidfile", address, NULL
	};

	snprintf(path, sizeof(path), "%s/bus", options->registry.directory);
	snprintf(bus->address, sizeof(bus->address), "unix:path=%.140s", path);
	snprintf(address, sizeof(address), "--address=%s", bus->address);
	bus->pid = peer_program(argv);
	if (bus->pid < 0) {
		*why = "dbus-daemon is not installed";
		free(bus);
		return NULL;
	}
	while (access(path, F_OK))
		usleep(1000);
	return bus;
}

static void bus_close(void *peer)
{
	struct bus *bus = peer;

	peer_program_end(bus->pid);
	free(bus);
}

static void *bus_join(void *peer)
{
	const struct bus *bus = peer;
	DBusConnection *member = dbus_connection_open_private(bus->address, NULL);

	if (!member || !dbus_bus_register(member, NULL))
		die("the bus", -ECONNREFUSED);
	dbus_connection_set_exit_on_disconnect(member, FALSE);
	return member;
}

static void bus_leave(void *member)
{
	dbus_connection_close(member);
	dbus_connection_unref(member);
}

static void bus_take(void *member, uint32_t number)
{
	if (dbus_bus_request_name(member, peer_name(number), DBUS_NAME_FLAG_DO_NOT_QUEUE, NULL) !=
	    DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
		die("dbus_bus_request_name", -EEXIST);
}

static void bus_give_up(void *member, uint32_t number)
{
	dbus_bus_release_name(member, peer_name(number), NULL);
}

/* With the answer, which is the owner's address on the bus. */
static bool bus_find(void *member, uint32_t number)
{
	const char *name = peer_name(number), *owner = NULL;
	DBusMessage *call, *answer;

	call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
					    "GetNameOwner");
	if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		die("a message", -ENOMEM);
	answer = dbus_connection_send_with_reply_and_block(member, call, DBUS_TIMEOUT_INFINITE,
							   NULL);
	dbus_message_unref(call);
	if (!answer)
		return false;
	if (!dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
		owner = NULL;
	dbus_message_unref(answer);
	return owner;
}

const struct peer peer_dbus = {
	.name = "dbus-daemon",
	.has_owners = true,
	.lookups = 2000,
	.pairs = 500,
	.open = bus_open,
	.close = bus_close,
	.join = bus_join,
	.leave = bus_leave,
	.take = bus_take,
	.give_up = bus_give_up,
	.find = bus_find,
};
