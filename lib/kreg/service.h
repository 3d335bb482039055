/* SPDX-License-Identifier: MIT */
/*
 * kreg: services. A service is a role in a namespace: production / config_server.
 *
 * Include <kreg.h>, which states what holds for all calls. The following holds for the
 * calls below.
 *
 * Names     A namespace has 1 to KREG_NAMESPACE_MAX characters of [A-Za-z0-9._-], a role 1
 *           to KREG_ROLE_MAX printable ASCII characters except the space. Both are C
 *           strings. Any other string is -EINVAL.
 * Keys      A service is an entry under the key NAMESPACE/ROLE of a registry with unique
 *           keys, and all other calls and regtool see it as such. Other keys of the
 *           registry are not services and are left out. A registry with duplicate keys is
 *           -EINVAL.
 */
#ifndef KREG_SERVICE_H
#define KREG_SERVICE_H

#include <kreg/base.h>
#include <kreg/pending.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_NAMESPACE_MAX 100
#define KREG_ROLE_MAX 150

/*
 * Makes the key of a service from its namespace and role, or splits a key into them. The
 * calls of <kreg/service_name.h> make it themselves.
 *
 * @key: of kreg_service_key(): room for @capacity bytes; KREG_KEY_MAX are enough. It is not
 *         a C string. NULL with a capacity of 0: only the size is returned.
 * @space, @role: of kreg_service_parse(): room for @space_size and @role_size bytes;
 *         KREG_NAMESPACE_MAX + 1 and KREG_ROLE_MAX + 1 are enough. They become C strings.
 * Return: kreg_service_key(): the size of the key; kreg_service_parse(): 0; or an error, and
 *         the buffers are unchanged:
 *   -EINVAL        a namespace, a role or a key that no service has
 *   -ERANGE        a buffer is too small
 * Since: 1.0
 */
ssize_t kreg_service_key(const char *space, const char *role, char *key, size_t capacity);
int kreg_service_parse(const void *key, size_t key_size, char *space, size_t space_size, char *role,
		       size_t role_size);

/*
 * Registers the caller as @role with @value, as kreg_register_with() without flags does. If
 * the role is taken, @holder gets its owner and value.
 * Since: 1.0
 */
int kreg_service_register(struct kreg *k, const char *space, const char *role, const void *value,
			  size_t value_size, struct kreg_found *holder);

/* As kreg_unregister(). Since: 1.0 */
int kreg_service_unregister(struct kreg *k, const char *space, const char *role);

/*
 * As kreg_lookup() and kreg_lookup_string(). -ENOENT: no process holds @role, or its name is
 * only reserved.
 * Since: 1.0
 */
ssize_t kreg_service_lookup(struct kreg *k, const char *space, const char *role, void *value,
			    size_t capacity, struct kreg_owner *owner);
ssize_t kreg_service_lookup_string(struct kreg *k, const char *space, const char *role, char *out,
				   size_t capacity, struct kreg_owner *owner);

/* As kreg_await() and kreg_await_gone(). Since: 1.0 */
int kreg_service_await(struct kreg *k, const char *space, const char *role, int64_t timeout_ms,
		       struct kreg_found *found);
int kreg_service_await_gone(struct kreg *k, const char *space, const char *role,
			    const struct kreg_owner *owner, int64_t timeout_ms);

/*
 * As kreg_await_begin(), kreg_await_gone_begin(), kreg_await_turn_begin() and
 * kreg_lock_begin(): an fd becomes readable when the wait is over. Since: 1.0
 */
int kreg_service_await_begin(struct kreg_pending **out, struct kreg *k, const char *space,
			     const char *role);
int kreg_service_await_gone_begin(struct kreg_pending **out, struct kreg *k, const char *space,
				  const char *role, const struct kreg_owner *owner);
int kreg_service_await_turn_begin(struct kreg_pending **out, struct kreg *k, const char *space,
				  const char *role);
int kreg_service_lock_begin(struct kreg_pending **out, struct kreg *k, const char *space,
			    const char *role);

/* One service, as passed to a visitor. The pointers are valid until the visitor returns. */
struct kreg_service {
	const char *space;
	const char *role;
	const void *value;
	size_t value_size;
	struct kreg_owner owner;
	/* As those of struct kreg_entry; KREG_REGISTER_RESERVED: the name is only reserved. */
	uint32_t flags;
	/* 0. */
	uint32_t reserved;
};

/*
 * Visits the services of @space, or of all namespaces if @space is NULL, as kreg_select()
 * visits entries: in no order, and never one of a dead process. Reserved names and entries
 * that wait in line are left out. Takes time in proportion to the services of @space.
 *
 * @visit: returns 0 to go on; any other result ends the call, which returns it. May call
 *         kreg functions.
 * Context: any thread; a read-only handle is sufficient.
 * Return: 0, or what @visit returned, or an error of kreg_select().
 * Since: 1.0
 */
int kreg_service_each(struct kreg *k, const char *space,
		      int (*visit)(const struct kreg_service *service, void *data), void *data);

/*
 * As kreg_service_each(), but also visits services whose name is only reserved, because
 * they are being started; their flags say so.
 * Since: 1.0
 */
int kreg_service_each_reserved(struct kreg *k, const char *space,
			       int (*visit)(const struct kreg_service *service, void *data),
			       void *data);

/*
 * Visits the namespaces that have services, in alphabetical order, with the number of
 * services in each. Takes time and memory in proportion to all services of the registry.
 *
 * @visit, Context, Return: as for kreg_service_each(); -ENOMEM also if the list cannot be
 *         allocated.
 * Since: 1.0
 */
int kreg_namespace_each(struct kreg *k,
			int (*visit)(const char *space, uint64_t services, void *data), void *data);

/*
 * Records that the calling process is well; kreg_service_health() of each of its services
 * in this registry then tells how long ago that was.
 *
 * Context: any thread; costs one store and a reading of the clock.
 * Death: a beat counts for its owner only: the next owner of the seat has not beaten.
 * Return: 0, or an error:
 *   -EINVAL        @k is NULL
 *   -EROFS         the handle is read-only
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 * Since: 1.0
 */
int kreg_service_beat(struct kreg *k);

/* The longest status text in bytes. A longer one is cut at a character of UTF-8. */
#define KREG_STATUS_MAX 255

/* The state that a program has reported by sd_notify(3). */
enum kreg_program_says {
	KREG_PROGRAM_SILENT, /* no process receives its messages, or it does not use the protocol */
	KREG_PROGRAM_STARTING,  /* it runs and is not ready yet */
	KREG_PROGRAM_READY,     /* READY=1 */
	KREG_PROGRAM_RELOADING, /* RELOADING=1, until the next READY=1 */
	KREG_PROGRAM_STOPPING,  /* STOPPING=1 */
	KREG_PROGRAM_MISSED,    /* it has missed its watchdog and is being killed */
};

enum kreg_process_state {
	KREG_PROCESS_UNKNOWN, /* /proc does not show it, or it is in another PID namespace */
	KREG_PROCESS_RUNNING, /* or sleeping */
	KREG_PROCESS_STOPPED, /* by a signal or a debugger */
	KREG_PROCESS_ZOMBIE,  /* its first thread has ended and others go on */
	/* It is dying and the kernel is writing its core. Until that is done it keeps its names and fds,
	   but no longer runs. SIGKILL ends the writing and the process. */
	KREG_PROCESS_DUMPING,
};

/* The caller sets @size; fields within it that the library knows are filled in. */
struct kreg_service_health {
	size_t size;
	struct kreg_owner owner;
	uint32_t ready;   /* 0: the name is only reserved, and no lookup finds it */
	uint32_t process; /* enum kreg_process_state */
	/* milliseconds since the last beat, without the time that the host was suspended; -1: never */
	int64_t beat_ms;
	uint32_t says;  /* enum kreg_program_says; SILENT if no process receives its messages */
	pid_t main_pid; /* as in struct kreg_program_state; 0 if the program is silent */
	char status[KREG_STATUS_MAX + 1]; /* its STATUS= text; empty if there is none */
};

/*
 * Fills in @health: the owner of the name, even if it is only reserved, and what is known
 * of its state. That a service is found means that its process is alive, not that it works.
 *
 * Context: any thread; reads files of /proc; a read-only handle is sufficient.
 * Return: 0, or an error:
 *   -ENOENT        no process holds or has reserved @role
 *   -EINVAL        an argument is not allowed, or the registry has duplicate keys
 *   -EUCLEAN       the entry names a process that has never opened the registry: a process
 *                  with write access has forged it
 *   -EAGAIN, -EUCLEAN, -ENOMEM  as kreg_lookup()
 * Since: 1.0
 */
int kreg_service_health(struct kreg *k, const char *space, const char *role,
			struct kreg_service_health *health);

enum kreg_telemetry_type {
	/* @owner holds the role now: the caller, or a program that it has started */
	KREG_TELEMETRY_REGISTER = 1,
	KREG_TELEMETRY_REFUSE, /* a registration or start failed: @owner holds the role already */
	KREG_TELEMETRY_UNREGISTER, /* the caller has unregistered the role */
	KREG_TELEMETRY_PURGE,      /* @owner has died, as a listener of this handle has reported */
	KREG_TELEMETRY_AWAIT, /* a wait for the role has ended with @result; if 0, @owner holds it */
};

/* The pointers are valid until the callback returns. */
struct kreg_telemetry {
	uint32_t type;  /* enum kreg_telemetry_type */
	int32_t result; /* 0, or a negative errno */
	const char *space;
	const char *role;
	struct kreg_owner owner;
};

typedef void (*kreg_telemetry_fn)(const struct kreg_telemetry *event, void *data);

/*
 * Sets a callback for what happens to services through the handle: @telemetry is called
 * after each such event, in the thread that made the call; for what a supervisor does, in a
 * thread of the library. NULL removes it. The USDT probes kreg:register, kreg:refuse,
 * kreg:unregister, kreg:purge and kreg:await report the same events to a tracer, for all
 * handles, with namespace, role, the owner's pid and the result as arguments. If neither a
 * callback is set nor a tracer attached, a call costs two more loads.
 *
 * Context: set it before other threads use the handle. The callback runs with no lock held
 *          and may call kreg functions.
 * Return: 0; -EINVAL @k is NULL.
 * Since: 1.0
 */
int kreg_service_telemetry(struct kreg *k, kreg_telemetry_fn telemetry, void *data);

#ifdef __cplusplus
}
#endif
#endif
