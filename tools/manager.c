/* SPDX-License-Identifier: MIT */
#include "tools/manager.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/notify_address.h"

static int manager = -1;

void manager_take(void)
{
	struct sockaddr_un address;
	socklen_t size;

	if (!notify_address(getenv("NOTIFY_SOCKET"), &address, &size))
		return;
	/* The messages of a service are not this process's own. */
	unsetenv("NOTIFY_SOCKET");
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager >= 0 && connect(manager, (struct sockaddr *)&address, size)) {
		close(manager);
		manager = -1;
	}
}

void manager_tell(const char *assignments)
{
	if (manager >= 0)
		send(manager, assignments, strlen(assignments), MSG_NOSIGNAL);
}
