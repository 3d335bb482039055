/* SPDX-License-Identifier: MIT */
/*
 * kreg-etcd: names of this host to etcd, and names of other hosts here.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bridge/bridge.h"

#define LIST_MOST 64

enum { EXIT_MISUSE = 2 };

struct lists {
	char *endpoints[LIST_MOST], *exports[LIST_MOST], *imports[LIST_MOST], *uniques[LIST_MOST];
};

static const char usage[] =
	"usage: kreg-etcd --cluster NAME [--endpoint URL]... [--export NAMESPACE]...\n"
	"                 [--import NAMESPACE]... [--unique NAMESPACE]... [--registry NAME]\n"
	"                 [--host NAME] [--ttl SECONDS]\n"
	"                 [--grace SECONDS] [--run FOLDER] [--most NAMES] [--ca FILE] [--cert "
	"FILE] [--key FILE]\n"
	"                 [--user NAME --password-file FILE] [--timeout MILLISECONDS]\n";

enum {
	CLUSTER = 256,
	ENDPOINT,
	EXPORT,
	IMPORT,
	UNIQUE,
	REGISTRY,
	HOST,
	TTL,
	GRACE,
	MOST,
	CA,
	CERT,
	KEY,
	USER,
	PASSWORD,
	RUN,
	TIMEOUT,
	VERSION,
	HELP
};

static const struct option longs[] = {
	{ "cluster", required_argument, NULL, CLUSTER },
	{ "endpoint", required_argument, NULL, ENDPOINT },
	{ "export", required_argument, NULL, EXPORT },
	{ "import", required_argument, NULL, IMPORT },
	{ "unique", required_argument, NULL, UNIQUE },
	{ "registry", required_argument, NULL, REGISTRY },
	{ "host", required_argument, NULL, HOST },
	{ "ttl", required_argument, NULL, TTL },
	{ "grace", required_argument, NULL, GRACE },
	{ "most", required_argument, NULL, MOST },
	{ "ca", required_argument, NULL, CA },
	{ "cert", required_argument, NULL, CERT },
	{ "key", required_argument, NULL, KEY },
	{ "user", required_argument, NULL, USER },
	{ "password-file", required_argument, NULL, PASSWORD },
	{ "run", required_argument, NULL, RUN },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "version", no_argument, NULL, VERSION },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

/* @argument may be a URL with a password. */
static int misuse(const char *what, const char *argument)
{
	char *plain = etcd_url_plain(argument);

	say("%s: %s", plain ? plain : "an argument", what);
	free(plain);
	fputs(usage, stderr);
	return EXIT_MISUSE;
}

static int add(char **list, size_t *count, char *argument)
{
	if (*count == LIST_MOST)
		return misuse("there are too many of these", argument);
	list[(*count)++] = argument;
	return 0;
}

static int number(const char *argument, uint32_t least, uint32_t most, uint32_t *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(argument, &end, 10);
	if (errno || *end || *argument < '0' || *argument > '9' || value < least || value > most)
		return misuse("is no number that is allowed here", argument);
	*out = (uint32_t)value;
	return 0;
}

static char password[1024];

static int read_password(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(password, sizeof(password), file)) {
		say("%s: %s", path, file ? "is empty" : strerror(errno));
		if (file)
			fclose(file);
		return EXIT_FAILURE;
	}
	fclose(file);
	password[strcspn(password, "\n")] = 0;
	return 0;
}

static int text(const char **out, const char *argument)
{
	*out = argument;
	return 0;
}

static int option(struct bridge_options *o, struct lists *lists, int which, char *argument)
{
	switch (which) {
	case CLUSTER:
		return text(&o->cluster, argument);
	case ENDPOINT:
		return add(lists->endpoints, &o->etcd.count, argument);
	case EXPORT:
		return add(lists->exports, &o->export_count, argument);
	case IMPORT:
		return add(lists->imports, &o->import_count, argument);
	case UNIQUE:
		return add(lists->uniques, &o->unique_count, argument);
	case REGISTRY:
		return text(&o->registry, argument);
	case HOST:
		return text(&o->host, argument);
	case TTL:
		return number(argument, 2, 3600, &o->ttl);
	case GRACE:
		return number(argument, 0, 1000000, &o->grace);
	case RUN:
		return text(&o->run, argument);
	case MOST:
		return number(argument, 1, 100000000, &o->most);
	case CA:
		return text(&o->etcd.ca, argument);
	case CERT:
		return text(&o->etcd.cert, argument);
	case KEY:
		return text(&o->etcd.key, argument);
	case USER:
		return text(&o->etcd.user, argument);
	case PASSWORD:
		o->etcd.password = password;
		return read_password(argument);
	case TIMEOUT:
		return number(argument, 100, 60000, &o->etcd.timeout_ms);
	default:
		fputs(usage, stderr);
		return EXIT_MISUSE;
	}
}

static int check(struct bridge_options *o, struct lists *lists, char *host)
{
	static char any[] = "*", local[] = "http://127.0.0.1:2379";

	if (!o->cluster || !record_is_plain(o->cluster))
		return misuse("has to be 1 to 64 letters, digits, '-', '_' and dots", "--cluster");
	if (!o->host) {
		if (gethostname(host, KREG_HOST_MAX + 1))
			return misuse("is not known, and is needed", "--host");
		o->host = host;
	}
	if (!record_is_plain(o->host))
		return misuse("has to be 1 to 64 letters, digits, '-', '_' and dots", "--host");
	if (!o->import_count)
		add(lists->imports, &o->import_count, any);
	if (!o->etcd.count)
		add(lists->endpoints, &o->etcd.count, local);
	if (!o->etcd.cert != !o->etcd.key)
		return misuse("needs --key, and --key needs it", "--cert");
	return 0;
}

static int parse(struct bridge_options *o, struct lists *lists, char *host, int argc, char **argv)
{
	int which, status = 0;

	o->exports = lists->exports;
	o->imports = lists->imports;
	o->uniques = lists->uniques;
	o->etcd.endpoints = lists->endpoints;
	while (!status && (which = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (which == VERSION || which == HELP) {
			fputs(which == HELP ? usage : "kreg-etcd " KREG_VERSION "\n", stdout);
			exit(EXIT_SUCCESS);
		}
		status = option(o, lists, which, optarg);
	}
	if (!status && optind < argc)
		return misuse("is no option", argv[optind]);
	return status ? status : check(o, lists, host);
}

/* Returns -EAGAIN if there may be more. */
static int hear(struct bridge *b)
{
	struct kreg_event event;
	int got, count = 0;

	while ((got = kreg_listener_next(b->listener, &event)) > 0) {
		if (event.type != KREG_EVENT_OVERRUN && event.type != KREG_EVENT_DUMP) {
			claims_event(b, &event);
			export_event(b, &event);
			import_touch(b, &event);
		}
		if (++count == 10000)
			return -EAGAIN;
	}
	return got == -ENOMEM || got == -EAGAIN ? -EAGAIN : got;
}

static int run(struct bridge *b, int signals)
{
	struct curl_waitfd fds[2] = {
		{ .fd = kreg_listener_fd(b->listener), .events = CURL_WAIT_POLLIN },
		{ .fd = signals, .events = CURL_WAIT_POLLIN },
	};
	struct signalfd_siginfo info;
	int err, timeout, due;

	while (read(signals, &info, sizeof(info)) < 0) {
		err = hear(b);
		if (err && err != -EAGAIN) {
			say("registry \"%s\": %s", b->options->registry, kreg_strerror(err));
			return EXIT_FAILURE;
		}
		timeout = cluster_step(b);
		due = state_step(b);
		if (due < timeout)
			timeout = due;
		if (b->is_lost) {
			say("the holder has ended, and with it the names of other hosts");
			return EXIT_FAILURE;
		}
		err = etcd_run(b->etcd, fds, 2, err ? 0 : timeout);
		if (err) {
			say("libcurl does not go on");
			return EXIT_FAILURE;
		}
	}
	say("ends by signal %u", info.ssi_signo);
	cluster_stop(b);
	return EXIT_SUCCESS;
}

static void log_it(const char *sentence, void *data)
{
	(void)data;
	say("%s", sentence);
}

static int open_registry(struct bridge *b, int holder)
{
	KREG_OPTIONS(options, .log = log_it);
	KREG_STRUCT(kreg_stat, stat, .life = 0);
	int err = kreg_open(&b->k, b->options->registry, &options);

	if (!err)
		err = kreg_stat(b->k, &stat);
	if (!err && stat.keys != KREG_KEYS_UNIQUE) {
		say("registry \"%s\" has duplicate keys, which are not for other hosts",
		    b->options->registry);
		return EXIT_FAILURE;
	}
	if (!err)
		err = shown_open(&b->names, b->k, holder);
	if (!err)
		claims_begin(b);
	if (!err)
		err = kreg_listen(&b->listener, b->k, NULL, KREG_LISTEN_KNOWN);
	if (err)
		say("registry \"%s\": %s", b->options->registry, kreg_strerror(err));
	return err ? EXIT_FAILURE : 0;
}

/* Before any thread is made, so that all have them blocked. */
static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct bridge_options options = {
		.registry = "default", .ttl = 10, .most = 1000000, .etcd.timeout_ms = 3000
	};
	struct bridge bridge = { .options = &options };
	struct lists lists = { 0 };
	char host[KREG_HOST_MAX + 2] = "";
	int status = parse(&options, &lists, host, argc, argv), signals, holder = -1;

	if (status)
		return status;
	signals = block_signals();
	if (signals < 0 || curl_global_init(CURL_GLOBAL_DEFAULT))
		return EXIT_FAILURE;
	cluster_begin(&bridge);
	if (options.run)
		holder = shown_hold(options.run, options.cluster, options.registry, options.grace);
	if (options.run && holder < 0) {
		say("no holder in %s: %s", options.run, strerror(-holder));
		return EXIT_FAILURE;
	}
	status = open_registry(&bridge, holder);
	if (!status && etcd_new(&bridge.etcd, &options.etcd))
		status = EXIT_FAILURE;
	if (!status)
		status = run(&bridge, signals);
	etcd_free(bridge.etcd);
	kreg_listener_close(bridge.listener);
	shown_close(bridge.names);
	claims_free(&bridge);
	items_free(&bridge);
	members_free(&bridge.members);
	cluster_free(&bridge);
	kreg_close(bridge.k);
	return status;
}
