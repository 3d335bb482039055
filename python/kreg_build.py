# SPDX-License-Identifier: MIT
"""Builds kreg._kreg, the calls of libkreg and libkreg-services that the package uses.

In cffi's API mode a C compiler checks each declaration below against the headers, and "..." leaves to it what a struct
has besides. There is no code for references to Python objects that could be wrong, and each call releases the
interpreter's lock: a thread that waits in kreg stops no other one.
"""
import shlex
import subprocess

from cffi import FFI

ffibuilder = FFI()
ffibuilder.cdef(
    """
typedef int... pid_t;
struct kreg;
struct kreg_listener;
struct kreg_pending;
struct kreg_isolation;
struct kreg_owner { uint64_t token; pid_t pid; ...; };
struct kreg_found { struct kreg_owner owner; void *value; size_t capacity; ssize_t size; };
typedef void (*kreg_log_fn)(const char *sentence, void *data);
struct kreg_options { size_t size; uint32_t flags; uint32_t life; uint32_t keys; uint32_t mode; const char *directory;
    const char *guard; kreg_log_fn log; void *log_data; ...; };
struct kreg_entry { const void *key; size_t key_size; const void *value; size_t value_size; struct kreg_owner owner;
    uint32_t position; uint32_t flags; ...; };
struct kreg_pattern { size_t size; const void *key; size_t key_size; const void *prefix; size_t prefix_size; ...; };
struct kreg_event { uint32_t type; uint32_t known; struct kreg_entry entry; uint64_t lost;
    struct kreg_owner from; ...; };
struct kreg_lock { uint64_t place; };
struct kreg_pool { const void *key; uint32_t key_size; uint32_t flags; uint32_t found_size; char found[...]; ...; };
struct kreg_start { size_t size; const char *const *argv; const char *const *environment; const char *directory;
    const char *output; const void *value; size_t value_size; uint32_t flags; uint32_t ready; int64_t timeout_ms; ...; };
struct kreg_started { size_t size; struct kreg_owner owner; pid_t child; int32_t status; int32_t exec_error; ...; };
struct kreg_supervision { ...; };
struct kreg_remote { size_t size; uint64_t token; uint64_t start; uint32_t pid; uint32_t uid; uint32_t flags;
    char host[...]; ...; };
struct kreg_end { int32_t code; int32_t status; };
struct kreg_service_state { size_t size; uint32_t state; uint32_t restarts; uint32_t in_row; int32_t error;
    struct kreg_end end; int64_t since_ms; int64_t next_ms; struct kreg_owner owner; struct kreg_owner supervisor; ...; };

#define KREG_VALUE_MAX ...
#define KREG_ROLE_MAX ...
#define KREG_OPEN_READONLY ...
#define KREG_OPEN_EXISTING ...
#define KREG_OPEN_EXCLUSIVE ...
#define KREG_KEYS_UNIQUE ...
#define KREG_KEYS_DUPLICATE ...
#define KREG_KEYS_DUPLICATE_BY_KEY ...
#define KREG_REGISTER_RESERVED ...
#define KREG_REGISTER_REPLACEABLE ...
#define KREG_REGISTER_REPLACE ...
#define KREG_REGISTER_QUEUE ...
#define KREG_REGISTER_DROP ...
#define KREG_ALLOW_OTHERS ...
#define KREG_WAITING ...
#define KREG_UNREGISTER_PROCESS ...
#define KREG_LISTEN_KNOWN ...
#define KREG_EVENT_REGISTER ...
#define KREG_EVENT_UNREGISTER ...
#define KREG_EVENT_UPDATE ...
#define KREG_EVENT_PURGE ...
#define KREG_EVENT_OVERRUN ...
#define KREG_EVENT_DUMP ...
#define KREG_EVENT_GIVEN ...
#define KREG_EVENT_TAKEN ...
#define KREG_READY_EXEC ...
#define KREG_READY_NOTIFY ...
#define KREG_START_DIES_WITH_STARTER ...
#define KREG_REMOTE_STALE ...
#define KREG_ID_UNKNOWN ...
#define KREG_STATE_WAITING ...
#define KREG_STATE_STARTING ...
#define KREG_STATE_RUNNING ...
#define KREG_STATE_ENDED ...
#define KREG_STATE_RESTARTING ...
#define KREG_STATE_STOPPING ...
#define KREG_STATE_STOPPED ...
#define KREG_STATE_DONE ...
#define KREG_STATE_FAILED ...
#define KREG_END_EXITED ...
#define KREG_END_KILLED ...
#define KREG_END_DUMPED ...

int kreg_open(struct kreg **out, const char *name, const struct kreg_options *options);
void kreg_close(struct kreg *k);
const char *kreg_strerror(int error);
const char *kreg_version(void);
int kreg_register_with(struct kreg *k, const void *key, size_t key_size, const void *value, size_t value_size,
    uint32_t flags, struct kreg_found *holder);
int kreg_set_flags(struct kreg *k, const void *key, size_t key_size, uint32_t flags);
int kreg_get_flags(struct kreg *k, const void *key, size_t key_size, uint32_t *flags);
int kreg_allow(struct kreg *k, uint32_t allowed);
int kreg_register_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size, const void *value,
    size_t value_size, uint32_t flags, struct kreg_found *holder);
int kreg_update_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size, const void *value,
    size_t value_size);
int kreg_unregister_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size);
int kreg_register_remote(struct kreg *k, const void *key, size_t key_size, const void *value, size_t value_size,
    const struct kreg_remote *remote, uint32_t flags, struct kreg_found *holder);
int kreg_remote_host(struct kreg *k, const void *key, size_t key_size, struct kreg_remote *remote);
int kreg_publish(struct kreg *k, const void *key, size_t key_size, const void *value, size_t value_size);
int kreg_unregister(struct kreg *k, const void *key, size_t key_size);
int64_t kreg_unregister_all(struct kreg *k, uint32_t flags);
ssize_t kreg_update(struct kreg *k, const void *key, size_t key_size, const void *value, size_t value_size, void *old,
    size_t capacity);
int kreg_counter_add(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t *now);
int kreg_counter_add_bounded(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t threshold,
    int64_t to, int64_t *now);
int kreg_counter_reset(struct kreg *k, const void *key, size_t key_size, int64_t to, int64_t *before);
int kreg_counter_sum(struct kreg *k, const void *key, size_t key_size, int64_t *sum);
ssize_t kreg_pool_next(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity, struct kreg_owner *owner);
ssize_t kreg_pool_least(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity,
    struct kreg_owner *owner);
ssize_t kreg_pool_for(struct kreg *k, struct kreg_pool *pool, const void *what, size_t what_size, void *value,
    size_t capacity, struct kreg_owner *owner);
ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,
    struct kreg_owner *owner);
int kreg_owner_is_alive(struct kreg *k, const struct kreg_owner *owner);
int kreg_self(struct kreg *k, struct kreg_owner *self);
int64_t kreg_count(struct kreg *k);
int kreg_select(struct kreg *k, const struct kreg_pattern *pattern,
    int (*visit)(const struct kreg_entry *entry, void *data), void *data);
int kreg_await(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms, struct kreg_found *found);
int kreg_await_gone(struct kreg *k, const void *key, size_t key_size, const struct kreg_owner *owner,
    int64_t timeout_ms);
int kreg_await_turn(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms);
int kreg_lock(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms, struct kreg_lock *lock);
int kreg_unlock(struct kreg *k, struct kreg_lock *lock);
int kreg_await_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size);
int kreg_await_gone_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size,
    const struct kreg_owner *owner);
int kreg_await_turn_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size);
int kreg_lock_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size);
int kreg_pending_fd(const struct kreg_pending *pending);
int kreg_pending_result(struct kreg_pending *pending, struct kreg_found *found);
int kreg_pending_lock(struct kreg_pending *pending, struct kreg_lock *lock);
void kreg_pending_close(struct kreg_pending *pending);
int kreg_listen(struct kreg_listener **out, struct kreg *k, const struct kreg_pattern *pattern, uint32_t flags);
int kreg_listener_fd(const struct kreg_listener *listener);
int kreg_listener_next(struct kreg_listener *listener, struct kreg_event *event);
void kreg_listener_close(struct kreg_listener *listener);
int kreg_service_state(struct kreg *k, const char *space, const char *role, struct kreg_service_state *state);
int kreg_service_state_each(struct kreg *k, const char *space,
    int (*visit)(const char *space, const char *role, const struct kreg_service_state *state, void *data), void *data);
int kreg_service_start(struct kreg *k, const char *space, const char *role, const struct kreg_start *start,
    struct kreg_started *started);
int kreg_supervision_read(struct kreg_supervision **out, const char *file, kreg_log_fn log, void *log_data);
void kreg_supervision_free(struct kreg_supervision *supervision);
int kreg_isolate(struct kreg_isolation **out, struct kreg *k, const struct kreg_supervision *services, char *why,
    size_t why_size);
const char *kreg_isolation_space(const struct kreg_isolation *isolation);
int kreg_isolation_end(struct kreg_isolation *isolation);

void make_pool(struct kreg_pool *pool, const void *key, size_t key_size, int by_prefix);
extern "Python" int visit_entry(const struct kreg_entry *, void *);
extern "Python" int visit_state(const char *, const char *, const struct kreg_service_state *, void *);
void keep_sentence(const char *sentence, void *unused);
const char *kept_sentence(void);
void forget_sentence(void);
"""
)


def flags(what: str) -> list[str]:
    return shlex.split(subprocess.check_output(["pkg-config", what, "kreg-services", "kreg"], text=True))


ffibuilder.set_source(
    "kreg._kreg",
    """
#include <stdio.h>
#include <kreg-services.h>

/* A kreg_log_fn, called by the thread whose call is refused, without the interpreter's lock. */
static _Thread_local char last_sentence[512];

static void keep_sentence(const char *sentence, void *unused)
{
	(void)unused;
	snprintf(last_sentence, sizeof(last_sentence), "%s", sentence);
}

static const char *kept_sentence(void)
{
	return last_sentence;
}

static void forget_sentence(void)
{
	*last_sentence = 0;
}

static void make_pool(struct kreg_pool *pool, const void *key, size_t key_size, int by_prefix)
{
	*pool = by_prefix ? (struct kreg_pool)KREG_POOL_PREFIX(key, key_size)
			  : (struct kreg_pool)KREG_POOL(key, key_size);
}
""",
    extra_compile_args=flags("--cflags"),
    extra_link_args=flags("--libs"),
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
