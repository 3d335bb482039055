/* SPDX-License-Identifier: MIT */
/*
 * What etcd answers to a bridge: any bytes to each request, in any order, with any status, in one
 * piece or many. The bridge is the whole one, but for libcurl (fake_curl.h) and what it says.
 *
 * The input is a list of answers:
 *
 *   @ WHICH HOW BYTES
 *
 * WHICH  whose answer it is: l lease/grant, k lease/keepalive, r kv/range, t kv/txn, w watch,
 *        a auth/authenticate; without such a request it is the oldest one's. Or T: time goes by,
 *        L: a process of this host registers or unregisters "prod/web", and U: it claims "only/one",
 *        which is unique in the cluster, or gives it up.
 * HOW    . status 200; 4, 5, 6 status 400, 500, 503; x the connection is lost behind the bytes;
 *        1 a byte at a time; ~ it goes on. Of T: s so long that all is stale, g gone, f forgotten,
 *        c so long that the lease is not certain. Of U: s the claim stands by.
 * BYTES  up to the next @; what is between < and > is put in base64, also within such.
 *
 * An input that begins with u is one of a bridge that has a user.
 *
 * What must hold: what is of this host stays as it is; what is registered of others is what the
 * bridge knows, and no more than allowed; a key has one form; only what is of this host is
 * written; nothing that is said has a control character. A process is answered that it has the
 * unique name only while it has it here, under the lease that there is; and when the key is deleted,
 * or the lease is not certain, it is not.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bridge/base64.h"
#include "bridge/bridge.h"
#include "lib/cluster/entries.h"
#include "tests/fuzz/fake_curl.h"
#include "tests/fuzz/target.h"
#include "tests/support/child.h"
#include "tests/support/tmp.h"

const char fuzz_name[] = "etcd";
const unsigned int fuzz_runs = 3000;

#define BYTES_MAX 65536u
#define DEPTH_MAX 3
#define NAMES_MAX 4u /* of other hosts */
#define HOST "h0"
#define UNIQUE "only/one"

static char only[] = "only*", all[] = "prod*", any[] = "*", endpoint[] = "http://10.0.0.1:2379";
static char *exports[] = { all }, *imports[] = { any }, *endpoints[] = { endpoint };
static char *uniques[] = { only };

static struct bridge_options options = {
	.registry = "fuzz",
	.cluster = "test",
	.host = HOST,
	.exports = exports,
	.export_count = 1,
	.imports = imports,
	.import_count = 1,
	.uniques = uniques,
	.unique_count = 1,
	.ttl = 2,
	.most = NAMES_MAX,
	.etcd = { .endpoints = endpoints, .count = 1, .timeout_ms = 1000 },
};

static struct kreg *k;
static struct kreg_listener *listener;
static int local; /* a socket to a process of this host, which has names */
static struct kreg_owner locals;

/* ---- what the bridge says; the linker leads it here */

void __wrap_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void __wrap_say_often(struct say_often *often, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void hear_said(const char *format, va_list list)
{
	char line[2048];
	size_t i;

	vsnprintf(line, sizeof(line), format, list);
	for (i = 0; line[i]; i++)
		fuzz_must(line[i] >= ' ' && line[i] < 0x7f, "a control character is said");
}

void __wrap_say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	hear_said(format, list);
	va_end(list);
}

void __wrap_say_often(struct say_often *often, const char *format, ...)
{
	va_list list;

	(void)often;
	va_start(list, format);
	hear_said(format, list);
	va_end(list);
}

/* ---- a registry, and a process of this host */

static struct kreg *open_registry(void)
{
	KREG_OPTIONS(own, .directory = tmp_directory(), .life = KREG_LIFE_FALLBACK,
		     .guard = "none");
	struct kreg *opened;

	fuzz_must(!kreg_open(&opened, "fuzz", &own), "a registry");
	return opened;
}

/* Orders to it: without tests/support/child.h, which asserts by Check. */
enum order { TOGGLE, CLAIM, STAND_BY, LEAVE };

static void toggle(struct kreg *own)
{
	if (!kreg_unregister(own, "prod/web", KREG_STRING))
		kreg_register(own, "prod/web", KREG_STRING, "web", 3, NULL);
}

/* What kreg_cluster_unregister() does. False: there was no claim. */
static bool give_up(struct kreg *own, const struct entry_key *at)
{
	if (kreg_unregister(own, at->bytes, at->size) <= 0)
		return false;
	kreg_unregister(own, UNIQUE, KREG_STRING);
	return true;
}

/* What kreg_cluster_register() does before it waits. */
static void claim(struct kreg *own, const struct entry_key *at, uint32_t flags)
{
	static uint64_t serial;
	struct claim head = { .serial = ++serial, .flags = flags };
	struct kreg_owner self;

	fuzz_must(!kreg_self(own, &self) && !kreg_register_for(own, &self, at->bytes, at->size,
							       &head, sizeof(head), 0, NULL),
		  "a claim");
}

static void obey(struct kreg *own, const struct entry_key *at, enum order order)
{
	if (order == TOGGLE)
		toggle(own);
	else if (order == LEAVE)
		kreg_unregister(own, "prod/web", KREG_STRING);
	if (order != TOGGLE && !give_up(own, at) && order != LEAVE)
		claim(own, at, order == STAND_BY ? KREG_CLUSTER_STANDBY : 0);
}

static void be_local(int link)
{
	struct kreg *own = open_registry();
	struct kreg_owner self;
	struct entry_key at;
	enum order order;

	fuzz_must(!kreg_register(own, "prod/own", KREG_STRING, "own", 3, NULL) &&
			  !kreg_register(own, "prod/both", KREG_STRING, "both", 4, NULL) &&
			  !kreg_allow(own, KREG_ALLOW_OTHERS) && !kreg_self(own, &self),
		  "names of this host");
	entry_key_of(&at, CLAIM_PREFIX, self.token, UNIQUE, strlen(UNIQUE));
	while (write(link, "", 1) == 1 && read(link, &order, sizeof(order)) == sizeof(order))
		obey(own, &at, order);
	_exit(0);
}

static void await_local(void)
{
	char byte;

	fuzz_must(read(local, &byte, 1) == 1, "a process of this host");
}

static void tell_local(enum order order)
{
	fuzz_must(write(local, &order, sizeof(order)) == sizeof(order), "a process of this host");
	await_local();
}

static void begin_local(void)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	fuzz_must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "a socket");
	pid = fork();
	fuzz_must(pid >= 0, "a process");
	if (!pid) {
		child_ends_with(parent);
		close(ends[0]);
		be_local(ends[1]);
	}
	close(ends[1]);
	local = ends[0];
	await_local();
}

static void begin_once(void)
{
	if (k)
		return;
	/* The same for both. */
	tmp_directory();
	begin_local();
	k = open_registry();
	fuzz_must(!kreg_listen(&listener, k, NULL, 0), "a listener");
	fuzz_must(!kreg_whereis(k, "prod/own", KREG_STRING, &locals), "a name of this host");
}

static int known(const struct kreg_entry *entry, void *data)
{
	struct kreg_event event = { .type = KREG_EVENT_REGISTER, .entry = *entry };

	claims_event(data, &event);
	export_event(data, &event);
	return 0;
}

/* As main() does. */
static void hear(struct bridge *b)
{
	struct kreg_event event;

	while (kreg_listener_next(listener, &event) > 0) {
		claims_event(b, &event);
		export_event(b, &event);
		import_touch(b, &event);
	}
}

/* Whether the process of this host is answered that it has the unique name. */
static bool is_answered(struct answer *answer)
{
	struct entry_key at;

	entry_key_of(&at, ANSWER_PREFIX, locals.token, UNIQUE, strlen(UNIQUE));
	return kreg_lookup(k, at.bytes, at.size, answer, sizeof(*answer), NULL) ==
		       sizeof(*answer) &&
	       !answer->error;
}

/* ---- requests */

/* Deleted, if it is @ends. */
static bool is_unique(const char *key, size_t size, bool ends)
{
	const char unique[] = "/kreg/test/" RECORD_UNIQUE;
	struct answer answer;
	struct name name;

	if (size < sizeof(unique) || memcmp(key, unique, sizeof(unique) - 1) != 0)
		return false;
	fuzz_must(!record_parse_unique(key + sizeof(unique) - 1, size - sizeof(unique) + 1, &name),
		  "a unique key that is written is of no name");
	fuzz_must(!ends || name.key_size != strlen(UNIQUE) ||
			  memcmp(name.key, UNIQUE, name.key_size) != 0 || !is_answered(&answer),
		  "a unique name is deleted while a process is answered that it has it");
	return true;
}

static void must_be_own(const json_t *op, bool ends)
{
	const json_t *key = json_object_get(op, "key");
	char text[RECORD_KEY_MAX], host[KREG_HOST_MAX + 1];
	const char prefix[] = "/kreg/test/";
	struct name name;
	ssize_t size =
		base64_decode(json_string_value(key), json_string_length(key), text, sizeof(text));

	fuzz_must(size > (ssize_t)sizeof(prefix) - 1 && !memcmp(text, prefix, sizeof(prefix) - 1),
		  "a key of another cluster is written");
	if ((size_t)size == strlen("/kreg/test/.members/" HOST) &&
	    !memcmp(text, "/kreg/test/.members/" HOST, (size_t)size))
		return;
	if (is_unique(text, (size_t)size, ends))
		return;
	fuzz_must(!record_parse(text + sizeof(prefix) - 1, (size_t)size - sizeof(prefix) + 1, &name,
				host),
		  "a key that is written is of no name");
	fuzz_must(!strcmp(host, HOST), "a key of another host is written");
}

static void hear_request(const char *url, const char *body)
{
	json_t *request = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	const json_t *op;
	size_t i;

	(void)url;
	fuzz_must(json_is_object(request), "a request that is no JSON");
	json_array_foreach(json_object_get(request, "success"), i, op)
	{
		const json_t *put = json_object_get(op, "request_put");

		if (!json_object_get(op, "request_range"))
			must_be_own(put ? put : json_object_get(op, "request_delete_range"), !put);
	}
	json_decref(request);
}

/* ---- answers */

/* What is at the front of @input up to @end or an @, as the bridge gets it; its size. */
static size_t expand(struct fuzz_input *input, char *out, size_t room, int depth)
{
	size_t size = 0;

	while (input->left && *input->at != '@') {
		char byte = (char)fuzz_take(input, 1);

		if (byte == '>' && depth)
			break;
		if (byte == '<' && depth < DEPTH_MAX) {
			char *inner = malloc(BYTES_MAX), *text;
			size_t got;

			fuzz_must(inner != NULL, "memory");
			got = expand(input, inner, BYTES_MAX, depth + 1);
			text = base64_encode(inner, got);
			fuzz_must(text != NULL, "memory");
			got = strlen(text) < room - size ? strlen(text) : room - size;
			memcpy(out + size, text, got);
			size += got;
			free(text);
			free(inner);
		} else if (size < room) {
			out[size++] = byte;
		}
	}
	return size;
}

static const char *path_of(char which)
{
	switch (which) {
	case 'l':
		return "lease/grant";
	case 'k':
		return "lease/keepalive";
	case 't':
		return "kv/txn";
	case 'w':
		return "watch";
	case 'a':
		return "auth/authenticate";
	default:
		return "kv/range";
	}
}

static void let_time_go_by(struct bridge *b, char how)
{
	if (how == 's')
		b->current = clock_now() - 2000000000ull;
	else if (how == 'g')
		b->current = 0;
	else if (how == 'c')
		b->certain = 1;
	else if (b->forget_at)
		b->forget_at = 1;
}

/* What the process is answered holds. */
static void must_be_held(struct bridge *b)
{
	struct kreg_owner owner;
	struct answer answer;

	if (!is_answered(&answer))
		return;
	fuzz_must(b->lease && answer.lease == b->lease && !b->is_withdrawn,
		  "a process is answered under a lease that is not certain");
	fuzz_must(!kreg_whereis(k, UNIQUE, KREG_STRING, &owner) && owner.token == locals.token,
		  "a process does not have the name for which it is answered");
}

/* One answer of the input. */
static void answer(struct bridge *b, struct fuzz_input *input, char *bytes)
{
	char which = (char)fuzz_take(input, 1), how = (char)fuzz_take(input, 1);
	struct fake_answer a = {
		.bytes = bytes,
		.piece = how == '1' ? 1 : BYTES_MAX,
		.status = how == '4'   ? 400
			  : how == '5' ? 500
			  : how == '6' ? 503
				       : 200,
		.is_all = how != '~',
		.is_broken = how == 'x',
	};

	a.size = expand(input, bytes, BYTES_MAX, 0);
	if (which == 'T')
		let_time_go_by(b, how);
	else if (which == 'L')
		tell_local(TOGGLE);
	else if (which == 'U')
		tell_local(how == 's' ? STAND_BY : CLAIM);
	else
		fake_answers(path_of(which), &a);
	b->retry_at = b->keep_at = 0;
	hear(b);
	cluster_step(b);
	must_be_held(b);
	fuzz_must(!b->is_lost, "there is no holder");
	fuzz_must(!etcd_run(b->etcd, NULL, 0, 0), "libcurl does not go on");
}

/* ---- what must hold */

static uint64_t candidates, shown;

static void look_at_item(struct bridge *b, struct item *item)
{
	char key[RECORD_KEY_MAX], host[KREG_HOST_MAX + 1];
	struct candidate *candidate;
	struct name name;
	int size;

	cds_list_for_each_entry (candidate, &item->candidates, of_item) {
		candidates++;
		size = record_key(key, b->prefix, &item->name, candidate->host);
		fuzz_must(size > 0, "a name has no key");
		fuzz_must(!record_parse(key + strlen(b->prefix), (size_t)size - strlen(b->prefix),
					&name, host) &&
				  name.key_size == item->name.key_size &&
				  !memcmp(name.key, item->name.key, name.key_size) &&
				  !strcmp(host, candidate->host),
			  "a key is of another name");
	}
}

static int look_at_entry(const struct kreg_entry *entry, void *data)
{
	struct bridge *b = data;
	KREG_REMOTE(remote, .pid = 0);
	struct name name = { .key_size = (uint32_t)entry->key_size };
	struct item *item;

	/* Of the bridge itself. */
	if (entry->key_size && *(const char *)entry->key == '.')
		return 0;
	memcpy(name.key, entry->key, entry->key_size);
	item = item_find(b, &name);
	fuzz_must(item && item->shown, "a name is registered that the bridge does not know");
	if (entry->owner.token == locals.token)
		return 0;
	fuzz_must(kreg_remote_host(k, entry->key, entry->key_size, &remote) == 1 &&
			  strcmp(remote.host, HOST) != 0,
		  "a name is registered as one of this host");
	shown++;
	return 0;
}

static void must_be_sound(struct bridge *b)
{
	const struct kreg_owner self = shown_owner(b->names);
	struct kreg_owner owner;
	char value[8];

	candidates = shown = 0;
	items_each(b, look_at_item);
	fuzz_must(candidates == b->candidates && candidates <= NAMES_MAX, "names of other hosts");
	fuzz_must(kreg_each_of_owner(k, &self, look_at_entry, b) >= 0, "the names");
	fuzz_must(shown == b->shown, "names that are registered");
	fuzz_must(kreg_lookup(k, "prod/own", KREG_STRING, value, sizeof(value), &owner) == 3 &&
			  !memcmp(value, "own", 3) && owner.token == locals.token,
		  "a name of this host is as it was");
	fuzz_must(kreg_whereis(k, "prod/both", KREG_STRING, &owner) == 0 &&
			  owner.token == locals.token,
		  "a name of this host is its own");
}

/* What it says of itself to others of this host is JSON, however it was read. */
static void must_publish(struct bridge *b)
{
	char *text = state_text(b, 1, 1);
	json_t *state;

	fuzz_must(text != NULL, "memory");
	state = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	fuzz_must(json_is_object(state) && strlen(text) <= KREG_VALUE_MAX, "the state of it");
	json_decref(state);
	free(text);
}

static void run(struct bridge *b, struct fuzz_input *input)
{
	char *bytes = malloc(BYTES_MAX);

	fuzz_must(bytes != NULL, "memory");
	kreg_each_of_owner(k, &locals, known, b);
	fuzz_must(b->exported == 2, "what is of this host");
	while (input->left) {
		if (fuzz_take(input, 1) == '@')
			answer(b, input, bytes);
	}
	hear(b);
	must_be_sound(b);
	must_publish(b);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { .at = data, .left = size };
	struct bridge b = { .options = &options };
	struct kreg_event event;

	begin_once();
	fake_hears = hear_request;
	options.etcd.user = size && *data == 'u' ? "user" : NULL;
	b.k = k;
	b.listener = listener;
	cluster_begin(&b);
	fuzz_must(!etcd_new(&b.etcd, &options.etcd) && !shown_open(&b.names, k, -1), "memory");
	claims_begin(&b);
	run(&b, &input);

	etcd_free(b.etcd);
	shown_close(b.names);
	claims_free(&b);
	items_free(&b);
	members_free(&b.members);
	cluster_free(&b);
	tell_local(LEAVE);
	fuzz_must(kreg_unregister_all(k, 0) >= 0 && kreg_count(k) == 2, "nothing stays");
	while (kreg_listener_next(listener, &event) > 0)
		;
	return 0;
}
