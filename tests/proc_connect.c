/* SPDX-License-Identifier: MIT */
/*
 * kreg_connect(): a connection to the socket that the owner of a name listens on reaches
 * that owner, and never another process.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "connect");
}

/* Holds "service" with the address @data, where it listens unless that begins with '-'. */
static int serve(int link, void *data)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct kreg *own = mode_open(mode, "connect");
	const char *name = data;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (*name == '-') {
		name++;
	} else {
		memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
		if (bind(fd, (struct sockaddr *)&address,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) ||
		    listen(fd, 5))
			return 1;
	}
	if (kreg_register(own, "service", KREG_STRING, name, strlen(name), NULL))
		return 2;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static struct child start_service(const char *address)
{
	return child_start_ready(serve, (void *)(uintptr_t)address);
}

START_TEST(a_connection_reaches_only_the_owner)
{
	char address[32];
	struct child child, impostor;
	struct kreg_owner owner;
	int fd;

	open_mode(_i);
	snprintf(address, sizeof(address), "@kreg-test-connect-%d", getpid());
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ENOENT);
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_DGRAM, NULL), -EINVAL);
	child = start_service(address);
	fd = kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, &owner);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(owner.pid, child.pid);
	close(fd);
	ck_assert_int_eq(kreg_signal(k, "service", KREG_STRING, SIGKILL), 0);
	child_end(&child);

	/* The holder of the name claims to listen where another process does. */
	child = start_service(address);
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, address, strlen(address), NULL), 0);
	ck_assert_int_eq(kreg_connect(k, "other", KREG_STRING, SOCK_STREAM, NULL), -EPERM);
	child_kill(&child);
	impostor = start_service("-@kreg-test-nobody");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ECONNREFUSED);
	child_kill(&impostor);
	impostor = start_service("-/nonexistent/socket");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -ECONNREFUSED);
	child_kill(&impostor);
	impostor = start_service("-");
	ck_assert_int_eq(kreg_connect(k, "service", KREG_STRING, SOCK_STREAM, NULL), -EDESTADDRREQ);
	child_kill(&impostor);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_connection_reaches_only_the_owner, NULL };

	return modes_run(suite_create("connect"), tcase_create("both"), both, NULL, NULL);
}
