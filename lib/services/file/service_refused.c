/* SPDX-License-Identifier: MIT */
/*
 * The names of systemd units that users are likely to bring along, each with its
 * replacement. Another program does each of these jobs, so a refusal costs nothing if it
 * names that program.
 */
#include "lib/services/file/service_refused.h"

#include <string.h>
#include <strings.h>

struct refused {
	const char *name; /* with a * at the end: all names that begin like this */
	const char *instead;
};

static const struct refused names[] = {
	{ "User", "let setpriv(1) or the program itself change the user: "
		  "ExecStart=setpriv --reuid=USER --regid=GROUP --init-groups PROGRAM" },
	{ "Group", "let setpriv(1) or the program itself change the group: "
		   "ExecStart=setpriv --regid=GROUP --init-groups PROGRAM" },
	{ "DynamicUser", "use setpriv(1) with a user of its own, or a systemd unit" },
	{ "Limit*", "let prlimit(1) set limits: ExecStart=prlimit --nofile=1024 PROGRAM" },
	{ "Nice", "use nice(1): ExecStart=nice -n 5 PROGRAM" },
	{ "CPU*", "use taskset(1) for processors, or a systemd unit that runs regtool up" },
	{ "Memory*", "limit the systemd unit or container that runs regtool up" },
	{ "Tasks*", "limit the systemd unit or container that runs regtool up" },
	{ "IO*", "limit the systemd unit or container that runs regtool up" },
	{ "PIDFile", "run the program in the foreground; its pid is in `regtool ps`" },
	{ "ExecStartPre", "make it a service of Type=oneshot, and name that in After=" },
	{ "ExecStartPost", "make it a service of Type=oneshot, with After= this one" },
	{ "ExecReload", "send the signal by `regtool signal NAMESPACE/ROLE HUP`" },
	{ "ExecStop*", "a service is stopped by SIGTERM; let a shell translate: "
		       "sh -c 'trap \"...\" TERM; ...'" },
	{ "KillSignal", "a service is stopped by SIGTERM" },
	{ "KillMode", "all processes of a service end with it" },
	{ "Requires", "After= sets the order, Strategy= what is restarted together" },
	{ "Wants", "After= sets the order, Strategy= what is restarted together" },
	{ "BindsTo", "After= sets the order, Strategy= what is restarted together" },
	{ "Before", "write After= into the other service" },
	{ "WantedBy", "there are no targets: all services of the file are started" },
	{ "EnvironmentFile", "let a shell read it: sh -c '. FILE; exec PROGRAM'" },
	{ "StandardOutput", "write Output=" },
	{ "StandardError", "write Output=" },
	{ "StandardInput", "a service reads /dev/null" },
	{ "StartLimitBurst", "write Intensity= into [Supervisor]" },
	{ "StartLimitInterval*", "write Period= into [Supervisor]" },
	{ "RemainAfterExit", "a service of Type=oneshot counts as done when it has succeeded" },
	{ "On*", "kreg has no timers: let a systemd timer or cron(8) run `regtool run`" },
	{ "Listen*", "kreg opens no sockets: let a systemd unit start the program by "
		     "`regtool run --notify`" },
	{ "Sockets", "kreg opens no sockets: let a systemd unit start the program by "
		     "`regtool run --notify`" },
	{ "Private*", "use unshare(1), or a systemd unit" },
	{ "Protect*", "use unshare(1), or a systemd unit" },
	{ "RootDirectory", "use chroot(8), or a container" },
	{ NULL, NULL },
};

static const struct refused types[] = {
	{ "forking", "run the program in the foreground, with the option that it has for that, and "
		     "Type=simple or Type=notify" },
	{ "exec", "write Type=simple: it waits for exec as well" },
	{ "dbus", "write Type=notify, or Type=simple" },
	{ "idle", "write Type=simple, and After= the others" },
	{ "notify-reload", "write Type=notify" },
	{ NULL, NULL },
};

static const char *find(const struct refused *at, const char *name)
{
	for (; at->name; at++) {
		size_t size = strlen(at->name);

		if (at->name[size - 1] == '*' ? !strncasecmp(at->name, name, size - 1)
					      : !strcasecmp(at->name, name))
			return at->instead;
	}
	return NULL;
}

const char *refused_name(const char *name)
{
	return find(names, name);
}

const char *refused_type(const char *type)
{
	return find(types, type);
}
