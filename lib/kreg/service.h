/* SPDX-License-Identifier: MIT */
/*
 * kreg: services. A service is a role in a namespace: production / config_server.
 *
 * Use <kreg.h>, which says what holds for all calls. For those below:
 *
 * Names     a namespace has 1 to KREG_NAMESPACE_MAX of [A-Za-z0-9._-], a role 1 to KREG_ROLE_MAX printable
 *           ASCII characters but the space. Both are C strings. What is wrong is -EINVAL.
 * Keys      a service is an entry under NAMESPACE/ROLE of a registry with unique keys, so all other calls and
 *           regtool see it as that. Other keys in the same registry are no services, and are left out.
 */
#ifndef KREG_SERVICE_H
#define KREG_SERVICE_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_NAMESPACE_MAX 100
#define KREG_ROLE_MAX 150

/*
 * The key of a service, and back. Both are for those who use other calls for services, such as
 * kreg_listen() with a namespace's prefix.
 *
 * @key: room for KREG_KEY_MAX bytes; it is no C string.
 * @space, @role: room for KREG_NAMESPACE_MAX + 1 and KREG_ROLE_MAX + 1 bytes.
 * Return: kreg_service_key(): its size. kreg_service_parse(): 0. -EINVAL: no service has such names, or such a
 *         key.
 * Since: 1.0
 */
ssize_t kreg_service_key(const char *space, const char *role, char *key);
int kreg_service_parse(const void *key, size_t key_size, char *space, char *role);

/*
 * As kreg_register_with() without flags: the caller is @role from now on; or it learns who is.
 * Since: 1.0
 */
int kreg_service_register(struct kreg *k, const char *space, const char *role, const void *value,
			  size_t value_size, struct kreg_found *holder);

/* As kreg_unregister(). Since: 1.0 */
int kreg_service_unregister(struct kreg *k, const char *space, const char *role);

/* As kreg_lookup(): -ENOENT nobody is @role, or it is not ready. Since: 1.0 */
ssize_t kreg_service_lookup(struct kreg *k, const char *space, const char *role, void *value,
			    size_t capacity, struct kreg_owner *owner);

/* As kreg_await(), kreg_await_gone(). Since: 1.0 */
int kreg_service_await(struct kreg *k, const char *space, const char *role, int64_t timeout_ms,
		       struct kreg_found *found);
int kreg_service_await_gone(struct kreg *k, const char *space, const char *role,
			    const struct kreg_owner *owner, int64_t timeout_ms);

/* One service, as handed to a visitor. The pointers are good until the visitor returns. */
struct kreg_service {
	const char *space;
	const char *role;
	const void *value;
	size_t value_size;
	struct kreg_owner owner;
};

/*
 * Visits the services of @space, or of all namespaces if that is NULL, as kreg_select() visits entries: in no
 * order, none of the dead, none that is merely reserved or waits in line.
 *
 * @visit: return 0 to go on, anything else to stop with that result. May call kreg functions.
 * Since: 1.0
 */
int kreg_service_each(struct kreg *k, const char *space,
		      int (*visit)(const struct kreg_service *service, void *data), void *data);

/*
 * The same, and also those whose name is merely reserved, because they are being started; kreg_service_health()
 * tells which.
 * Since: 1.0
 */
int kreg_service_each_reserved(struct kreg *k, const char *space,
			       int (*visit)(const struct kreg_service *service, void *data),
			       void *data);

/*
 * Visits the namespaces that have services, in alphabetical order, with how many each has. Takes time and memory
 * by all services.
 * Since: 1.0
 */
int kreg_namespace_each(struct kreg *k,
			int (*visit)(const char *space, uint64_t services, void *data), void *data);

/*
 * Says that the caller is well, in the fallback for what it has through this handle: whoever asks for the health of one of its services learns how long ago that was. A
 * process that has never said so does not beat. Costs a store; no system call but for the clock.
 * Return: 0; -EROFS, -EOWNERDEAD.
 * Since: 1.0
 */
int kreg_service_beat(struct kreg *k);

/* The longest status text that is kept; a longer one is cut, at a character of UTF-8. */
#define KREG_STATUS_MAX 255

/* What a program has said of itself. */
enum kreg_program_says {
	KREG_PROGRAM_SILENT,    /* nobody hears it, or it has no way to say anything */
	KREG_PROGRAM_STARTING,  /* it runs, and is not ready yet */
	KREG_PROGRAM_READY,     /* READY=1 */
	KREG_PROGRAM_RELOADING, /* RELOADING=1, until the next READY=1 */
	KREG_PROGRAM_STOPPING,  /* STOPPING=1 */
	KREG_PROGRAM_MISSED,    /* it has missed its watchdog and is being killed */
};

enum kreg_process_state {
	KREG_PROCESS_UNKNOWN, /* /proc does not show it, or it is in another PID namespace */
	KREG_PROCESS_RUNNING, /* or sleeping: nothing keeps it from going on */
	KREG_PROCESS_STOPPED, /* by a signal, or by a debugger */
	KREG_PROCESS_ZOMBIE,  /* its first thread has ended; others go on */
	KREG_PROCESS_DUMPING, /* it is dying, and the kernel writes its core: until that is done it has its names
				 and fds, but runs no more. SIGKILL ends the writing, and the process with it */
};

/* The caller sets @size; what both sides know is filled. */
struct kreg_service_health {
	size_t size;
	struct kreg_owner owner;
	uint32_t ready;   /* 0: the name is reserved, and nobody finds it yet */
	uint32_t process; /* enum kreg_process_state */
	int64_t beat_ms; /* milliseconds since its last beat, in which the host was awake; -1: it does not beat */
	uint32_t says;  /* enum kreg_program_says; SILENT where its starter does not hear it */
	pid_t main_pid; /* as struct kreg_program_state has it; 0 if it is silent */
	char status[KREG_STATUS_MAX + 1]; /* likewise */
};

/*
 * How the service is, and who it is. It is alive, or it would not be found.
 * Return: 0; -ENOENT nobody is @role, nor has reserved it; -EAGAIN, -EUCLEAN, -ENOMEM as kreg_lookup();
 *         -EUCLEAN too if the process that is said to be it has never opened the registry.
 * Since: 1.0
 */
int kreg_service_health(struct kreg *k, const char *space, const char *role,
			struct kreg_service_health *health);

enum kreg_telemetry_type {
	KREG_TELEMETRY_REGISTER =
		1,             /* the caller, or a program that it has started, is the role now */
	KREG_TELEMETRY_REFUSE, /* somebody was it already: @owner */
	KREG_TELEMETRY_UNREGISTER, /* the caller is it no more */
	KREG_TELEMETRY_PURGE,      /* @owner has died, as a listener of this handle has heard */
	KREG_TELEMETRY_AWAIT,      /* a wait for it is over: @result, and @owner if that is 0 */
};

/* The pointers are good until the callback returns. */
struct kreg_telemetry {
	uint32_t type;  /* enum kreg_telemetry_type */
	int32_t result; /* 0, or a negative errno */
	const char *space;
	const char *role;
	struct kreg_owner owner;
};

typedef void (*kreg_telemetry_fn)(const struct kreg_telemetry *event, void *data);

/*
 * Has @telemetry called after each of these happened through the handle, in the thread where it happened; NULL:
 * no more. Set it before other threads use the handle. The same is told by USDT probes kreg:register,
 * kreg:refuse, kreg:unregister, kreg:purge and kreg:await, with namespace, role, the owner's pid and the result
 * as arguments, to whoever traces the process. When nobody listens, it costs nothing.
 * Return: 0; -EINVAL.
 * Since: 1.0
 */
int kreg_service_telemetry(struct kreg *k, kreg_telemetry_fn telemetry, void *data);

#ifdef __cplusplus
}
#endif
#endif
