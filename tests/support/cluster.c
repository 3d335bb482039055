/* SPDX-License-Identifier: MIT */
#include "tests/support/cluster.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/tmp.h"

#define PORT 2379
#define ALL_MEMBERS "m0=http://10.77.0.1:2380,m1=http://10.77.0.2:2380,m2=http://10.77.0.3:2380"
#define LINE 2048

struct host hosts[HOSTS];
static pid_t hub;
static const char *guard = "none";

void pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 },
		  NULL);
}

static bool has_program(const char *name)
{
	char command[LINE];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
	return !system(command);
}

/* NULL: nothing; what is missing. */
static const char *cluster_lacks(void)
{
	static const char *const programs[] = { "etcd", "etcdctl", "ip", "nsenter", "unshare" };
	size_t i;
	pid_t child;
	int status = 1;

	if (geteuid())
		return "root, for network namespaces";
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!has_program(programs[i]))
			return programs[i];
	}
	child = fork();
	if (!child)
		_exit(unshare(CLONE_NEWNET) ? 1 : 0);
	waitpid(child, &status, 0);
	return status ? "network namespaces" : NULL;
}

const char *cluster_lacks_clocks(void)
{
	int status = system("./tests/shifted 1 /bin/true");

	return WIFEXITED(status) && !WEXITSTATUS(status)
		       ? NULL
		       : "a wrong clock, for which tests/shifted has to trace";
}

void cluster_guard(const char *path)
{
	guard = path;
}

void cluster_needs(const char *lacks)
{
	const char *missing = cluster_lacks();

	if (!missing)
		missing = lacks;
	if (!missing)
		return;
	printf("1..0 # SKIP %s is missing\n", missing);
	exit(0);
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char command[LINE];
	va_list list;

	va_start(list, format);
	vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	if (system(command))
		ck_abort_msg("failed: %s", command);
}

/* A process that is there for its network namespace. */
static pid_t space_begin(void)
{
	int ready[2];
	pid_t parent = getpid(), pid;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		child_ends_with(parent);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void cluster_begin(void)
{
	int i;

	hub = space_begin();
	run("nsenter -t %d -n sh -c 'ip link add br0 type bridge && ip link set br0 up'", hub);
	for (i = 0; i < HOSTS; i++) {
		struct host *host = &hosts[i];

		*host = (struct host){ .number = i };
		snprintf(host->folder, sizeof(host->folder), "%s/host%d", tmp_directory(), i);
		run("rm -rf %s && mkdir %s", host->folder, host->folder);
		host->space = space_begin();
		run("nsenter -t %d -n sh -c 'ip link add v%d type veth peer name eth0 netns %d && "
		    "ip link set v%d master br0 up'",
		    hub, i, host->space, i);
		run("nsenter -t %d -n sh -c 'ip link set lo up && ip addr add 10.77.0.%d/24 dev "
		    "eth0 "
		    "&& ip link set eth0 up'",
		    host->space, i + 1);
	}
}

void cluster_end(void)
{
	int i;

	for (i = 0; i < HOSTS; i++) {
		if (hosts[i].k)
			kreg_close(hosts[i].k);
		hosts[i].k = NULL;
		end(&hosts[i].bridge);
		end(&hosts[i].member);
		end(&hosts[i].space);
	}
	end(&hub);
}

void link_set(int host, bool up)
{
	run("nsenter -t %d -n ip link set v%d %s", hub, host, up ? "up" : "down");
}

void way_set(int from, int to, bool open)
{
	run("nsenter -t %d -n ip route %s blackhole 10.77.0.%d/32", hosts[from].space,
	    open ? "del" : "add", to + 1);
}

/* In the child: into the host's network, all output into the file @log there. */
static void enter(const struct host *host, const char *log)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", host->space);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		_exit(125);
	snprintf(path, sizeof(path), "%s/%s", host->folder, log);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(125);
}

static pid_t start(struct host *host, const char *log, const char *command)
{
	char line[LINE + 64];
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	child_ends_with(parent);
	enter(host, log);
	setenv("KREG_DIR", host->folder, 1);
	setenv("KREG_GUARD", guard, 1);
	if (host->ahead)
		snprintf(line, sizeof(line), "exec ./tests/shifted %lld %s", host->ahead, command);
	else
		snprintf(line, sizeof(line), "exec %s", command);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(126);
}

/* The same for a member that starts and for one that is restored. */
static const char *name_member(int number, const char *members)
{
	static char options[LINE / 2];

	snprintf(options, sizeof(options),
		 "--name m%d --data-dir %s/etcd --initial-advertise-peer-urls "
		 "http://10.77.0.%d:2380 "
		 "--initial-cluster-token kreg-test --initial-cluster %s",
		 number, hosts[number].folder, number + 1, members);
	return options;
}

static void start_member(int number, const char *members)
{
	struct host *host = &hosts[number];
	char command[LINE];

	snprintf(command, sizeof(command),
		 "etcd %s --heartbeat-interval 50 --election-timeout 500 --listen-client-urls "
		 "http://0.0.0.0:%d "
		 "--advertise-client-urls http://10.77.0.%d:%d --listen-peer-urls "
		 "http://10.77.0.%d:2380",
		 name_member(number, members), PORT, number + 1, PORT, number + 1);
	host->member = start(host, "etcd.log", command);
}

void member_start(int number)
{
	start_member(number, ALL_MEMBERS);
}

void member_start_alone(void)
{
	start_member(0, "m0=http://10.77.0.1:2380");
	members_await();
}

bool cluster_lacks_openssl(void)
{
	return !has_program("openssl");
}

static void make_authority(const char *folder, const char *name)
{
	run("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout %s.key -out %s.pem "
	    "-subj /CN=%s "
	    "2>/dev/null",
	    folder, name, name, name);
}

/* Without a CommonName, with which etcd refuses a client that has a password besides. */
static void make_certificate(const char *folder, const char *name, const char *authority)
{
	run("cd %s && openssl req -newkey rsa:2048 -nodes -keyout %s.key -out %s.csr -subj /O=%s "
	    "2>/dev/null && "
	    "echo subjectAltName=IP:10.77.0.1 >%s.ext && openssl x509 -req -in %s.csr -CA %s.pem "
	    "-CAkey %s.key "
	    "-CAcreateserial -days 2 -extfile %s.ext -out %s.pem 2>/dev/null",
	    folder, name, name, name, name, name, authority, authority, name, name);
}

void member_start_again_secure(int number)
{
	struct host *host = &hosts[number];
	char command[LINE], folder[512];

	snprintf(folder, sizeof(folder), "%s/secure", host->folder);
	snprintf(command, sizeof(command),
		 "etcd --data-dir %s/etcd --listen-client-urls https://0.0.0.0:%d "
		 "--advertise-client-urls "
		 "https://10.77.0.%d:%d --listen-peer-urls http://127.0.0.1:2380 "
		 "--initial-advertise-peer-urls "
		 "http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380 "
		 "--cert-file %s/server.pem "
		 "--key-file %s/server.key --client-cert-auth --trusted-ca-file %s/ca.pem",
		 host->folder, PORT, number + 1, PORT, folder, folder, folder);
	host->member = start(host, "etcd.log", command);
}

void member_start_secure(int number)
{
	char folder[512];
	int tries = 0;

	snprintf(folder, sizeof(folder), "%s/secure", hosts[number].folder);
	run("mkdir %s", folder);
	make_authority(folder, "ca");
	make_authority(folder, "other-ca");
	make_certificate(folder, "server", "ca");
	make_certificate(folder, "client", "ca");
	make_certificate(folder, "other", "other-ca");
	member_start_again_secure(number);
	while (etcdctl_secure(number, "put /test/up 1")) {
		ck_assert_int_lt(++tries, 60);
		pause_ms(100);
	}
}

int etcdctl_secure(int host, const char *arguments)
{
	const char *folder = hosts[host].folder;
	char command[LINE];
	int status;

	snprintf(command, sizeof(command),
		 "ETCDCTL_API=3 nsenter -t %d -n timeout 5 etcdctl --dial-timeout 1s "
		 "--command-timeout 3s "
		 "--cacert %s/secure/ca.pem --cert %s/secure/client.pem --key %s/secure/client.key "
		 "--endpoints https://10.77.0.%d:%d %s >/dev/null 2>&1",
		 hosts[host].space, folder, folder, folder, host + 1, PORT, arguments);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void member_kill(int host)
{
	end(&hosts[host].member);
}

void member_forget(int host)
{
	run("rm -rf %s/etcd", hosts[host].folder);
}

/* Runs etcdctl at the member of @host, from that host. */
static int etcdctl_at(int host, const char *arguments, const char *output)
{
	char command[LINE];
	int status;

	snprintf(command, sizeof(command),
		 "ETCDCTL_API=3 nsenter -t %d -n timeout 5 etcdctl --dial-timeout 1s "
		 "--command-timeout 3s "
		 "--endpoints http://127.0.0.1:%d %s >%s 2>/dev/null",
		 hosts[host].space, PORT, arguments, output);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int etcdctl(const char *arguments)
{
	int i, status = -1;

	for (i = 0; i < HOSTS && status; i++) {
		if (hosts[i].member > 0)
			status = etcdctl_at(i, arguments, "/dev/null");
	}
	return status;
}

unsigned long long etcd_revision(void)
{
	char path[512], line[2048] = "", *at;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "%s/revision", hosts[0].folder);
	for (i = 0; i < HOSTS; i++) {
		if (hosts[i].member > 0 && !etcdctl_at(i, "get /test/none -w json", path))
			break;
	}
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		ck_abort_msg("etcd says no revision");
	fclose(file);
	at = strstr(line, "\"revision\":");
	ck_assert_ptr_nonnull(at);
	return strtoull(at + strlen("\"revision\":"), NULL, 10);
}

void members_await(void)
{
	int tries = 0;

	while (etcdctl("put /test/up 1")) {
		ck_assert_int_lt(++tries, 60);
		pause_ms(100);
	}
}

void members_begin(void)
{
	int i;

	for (i = 0; i < HOSTS; i++)
		member_start(i);
	members_await();
}

void members_save(const char *file)
{
	char arguments[LINE / 2];

	snprintf(arguments, sizeof(arguments), "snapshot save %s", file);
	ck_assert_int_eq(etcdctl_at(0, arguments, "/dev/null"), 0);
}

void members_restore(const char *file)
{
	int i;

	for (i = 0; i < HOSTS; i++) {
		member_kill(i);
		member_forget(i);
		run("ETCDCTL_API=3 etcdctl snapshot restore %s %s >/dev/null 2>&1", file,
		    name_member(i, ALL_MEMBERS));
	}
	members_begin();
}

/* The fifth field of the status of a member says whether it leads. */
static bool leads(int host)
{
	char path[512], line[512] = "";
	FILE *file;
	int field;
	char *at;

	if (hosts[host].member <= 0)
		return false;
	snprintf(path, sizeof(path), "%s/status", hosts[host].folder);
	if (etcdctl_at(host, "endpoint status", path))
		return false;
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	for (at = line, field = 0; at && field < 4; field++)
		at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
	return at && !strncmp(at, " true", 5);
}

int members_leader(void)
{
	int i, tries;

	for (tries = 0; tries < 100; tries++) {
		for (i = 0; i < HOSTS; i++) {
			if (leads(i))
				return i;
		}
	}
	ck_abort_msg("no member leads");
	return -1;
}

/* @within: what runs the bridge, with a space behind it; "": nothing. */
static void start_bridge(int number, const char *within, const char *options)
{
	struct host *host = &hosts[number];
	const char *program = getenv("KREG_ETCD");
	char command[LINE];

	snprintf(command, sizeof(command),
		 "%s%s --cluster test --host h%d --export 'prod*' --ttl %d --timeout 1000 %s",
		 within, program ? program : "./kreg-etcd", number, HOST_TTL, options);
	host->bridge = start(host, "bridge.log", command);
	if (!host->k) {
		KREG_OPTIONS(own, .directory = host->folder, .guard = guard);

		ck_assert_int_eq(kreg_open(&host->k, "default", &own), 0);
	}
}

void bridge_start_with(int number, const char *options)
{
	start_bridge(number, "", options);
}

static void start_with_endpoints(int number, const char *within, const char *more)
{
	char options[LINE / 2];

	/* Its own host's member first. */
	snprintf(options, sizeof(options),
		 "--endpoint http://10.77.0.%d:%d --endpoint http://10.77.0.%d:%d --endpoint "
		 "http://10.77.0.%d:%d %s",
		 number + 1, PORT, (number + 1) % HOSTS + 1, PORT, (number + 2) % HOSTS + 1, PORT,
		 more ? more : "");
	start_bridge(number, within, options);
}

void bridge_start(int number, const char *more)
{
	start_with_endpoints(number, "", more);
}

void bridge_start_apart(int number, const char *more)
{
	start_with_endpoints(number, "unshare --pid --fork --mount-proc --kill-child ", more);
}

void bridge_kill(int host)
{
	end(&hosts[host].bridge);
}

bool bridge_has_said(int host, const char *text)
{
	char path[512], line[LINE];
	bool said = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/bridge.log", hosts[host].folder);
	file = fopen(path, "re");
	while (file && !said && fgets(line, sizeof(line), file))
		said = strstr(line, text);
	if (file)
		fclose(file);
	return said;
}

void bridges_begin(int count)
{
	int i;

	cluster_begin();
	members_begin();
	for (i = 0; i < count; i++)
		bridge_start(i, NULL);
	for (i = 0; i < count; i++)
		AWAIT(bridge_has_said(i, "revision"));
}

int host_put(int host, const char *key, const char *value)
{
	return kreg_register(hosts[host].k, key, KREG_STRING, value, KREG_STRING, NULL);
}

void host_drop(int host, const char *key)
{
	ck_assert_int_eq(kreg_unregister(hosts[host].k, key, KREG_STRING), 1);
}

bool host_lacks(int host, const char *key)
{
	return kreg_lookup(hosts[host].k, key, KREG_STRING, NULL, 0, NULL) == -ENOENT;
}

bool host_has(int host, const char *key, const char *value)
{
	char room[256];
	ssize_t size = kreg_lookup(hosts[host].k, key, KREG_STRING, room, sizeof(room), NULL);

	return size == (ssize_t)strlen(value) && !memcmp(room, value, (size_t)size);
}

bool host_sees(int host, const char *key, int of)
{
	KREG_REMOTE(remote, .pid = 0);
	char name[8];

	snprintf(name, sizeof(name), "h%d", of);
	return kreg_remote_host(hosts[host].k, key, KREG_STRING, &remote) == 1 &&
	       !strcmp(remote.host, name);
}

int64_t host_count(int host)
{
	KREG_PATTERN(states, .prefix = ".cluster/", .prefix_size = 9);
	struct kreg *k = hosts[host].k;

	return kreg_count(k) - kreg_count_select(k, &states);
}

bool host_is_stale(int host, const char *key)
{
	KREG_REMOTE(remote, .pid = 0);

	return kreg_remote_host(hosts[host].k, key, KREG_STRING, &remote) == 1 &&
	       remote.flags & KREG_REMOTE_STALE;
}

static int by_size(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

void print_times(const char *what, double *ms, size_t count)
{
	qsort(ms, count, sizeof(*ms), by_size);
	printf("# %s: median %.1f ms, p99 %.1f ms, of %zu\n", what, ms[count / 2],
	       ms[count * 99 / 100], count);
}

double ms_since(uint64_t at)
{
	return (double)(clock_now() - at) / 1e6;
}
