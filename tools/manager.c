/* SPDX-License-Identifier: MIT */
#include "tools/manager.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;

void manager_take(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	size_t size = name ? strlen(name) : 0;

	if (size < 2 || size >= sizeof(address.sun_path) || (*name != '/' && *name != '@'))
		return;
	memcpy(address.sun_path, name, size);
	/* An abstract name: its first byte is 0, and its size counts. */
	if (*name == '@')
		address.sun_path[0] = 0;
	/* The messages of a service are not this process's own. */
	unsetenv("NOTIFY_SOCKET");
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager < 0)
		return;
	if (connect(manager, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size))) {
		close(manager);
		manager = -1;
	}
}

void manager_tell(const char *assignments)
{
	if (manager >= 0)
		send(manager, assignments, strlen(assignments), MSG_NOSIGNAL);
}
