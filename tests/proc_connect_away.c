/* SPDX-License-Identifier: MIT */
/*
 * kreg_connect() at addresses of TCP and vsock: of names of this host and of others. What another host has written
 * leads to another host, or nowhere.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

/* An address of this network that is no loopback, of both kinds. */
#define ADDRESS "192.0.2.7"
#define ADDRESS6 "fd00::7"

static struct kreg *k;

/* As the kernel takes it; its own header and the C library's exclude one another. */
struct address6 {
	struct in6_addr address;
	uint32_t prefix;
	int link;
};

static void add_addresses(int fd4, int fd6)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct address6 six = { .prefix = 128, .link = (int)if_nametoindex("lo") };

	ck_assert_int_eq(ioctl(fd4, SIOCSIFFLAGS, &lo), 0);
	strcpy(lo.ifr_name, "lo:1");
	inet_pton(AF_INET, ADDRESS, &in.sin_addr);
	memcpy(&lo.ifr_addr, &in, sizeof(in));
	ck_assert_int_eq(ioctl(fd4, SIOCSIFADDR, &lo), 0);
	inet_pton(AF_INET6, ADDRESS6, &six.address);
	ck_assert_int_eq(ioctl(fd6, SIOCSIFADDR, &six), 0);
}

/* A network of the test's own. False: it may not have one. */
static bool begin(int mode)
{
	int fd4, fd6;

	if (unshare(CLONE_NEWNET)) {
		unit_skip("a network namespace: %s", strerror(errno));
		return false;
	}
	fd4 = socket(AF_INET, SOCK_DGRAM, 0);
	fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
	add_addresses(fd4, fd6);
	close(fd4);
	close(fd6);
	k = mode_open(mode, "connect_away");
	return true;
}

static int put(const char *key, const char *value)
{
	KREG_REMOTE(remote, .token = 1, .pid = 7);

	strcpy(remote.host, "far");
	return kreg_register_remote(k, key, KREG_STRING, value, strlen(value), &remote, 0, NULL);
}

/* A listener of both kinds of addresses; its port. */
static int serve(int *port, int backlog)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin6_port);
	return fd;
}

static int connect_name(const char *key, int type)
{
	return kreg_connect(k, key, KREG_STRING, type, NULL);
}

/* @fd and @listener are the two ends. */
static void assert_reaches(int fd, int listener)
{
	char byte = 0;
	int other;

	ck_assert_msg(fd >= 0, "%s", kreg_strerror(fd));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(read(other, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	close(other);
	close(fd);
}

START_TEST(a_name_of_another_host_leads_to_the_address_in_its_value)
{
	struct kreg_owner owner;
	int listener, other, port, second;
	char value[64];

	if (!begin(_i))
		return;
	listener = serve(&port, 5);
	other = serve(&second, 5);
	snprintf(value, sizeof(value), "tcp:" ADDRESS ":%d", port);
	ck_assert_int_eq(put("n/r", value), 0);
	assert_reaches(kreg_connect(k, "n/r", KREG_STRING, SOCK_STREAM, &owner), listener);
	ck_assert_int_eq(owner.pid, getpid());
	assert_reaches(kreg_service_connect(k, "n", "r", SOCK_STREAM, NULL), listener);
	/* The value is another one. */
	snprintf(value, sizeof(value), "tcp:[" ADDRESS6 "]:%d", second);
	ck_assert_int_eq(put("n/r", value), 0);
	assert_reaches(connect_name("n/r", SOCK_STREAM | SOCK_CLOEXEC), other);
	ck_assert_int_eq(connect_name("n/r", SOCK_SEQPACKET), -ESOCKTNOSUPPORT);
	close(other);
	ck_assert_int_eq(connect_name("n/r", SOCK_STREAM), -ECONNREFUSED);
	ck_assert_int_eq(kreg_unregister(k, "n/r", KREG_STRING), 1);
	ck_assert_int_eq(connect_name("n/r", SOCK_STREAM), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(one_that_is_not_to_block_may_be_underway)
{
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(peer);
	int listener, port, fd;
	char value[64];

	if (!begin(_i))
		return;
	listener = serve(&port, 5);
	snprintf(value, sizeof(value), "tcp:" ADDRESS ":%d", port);
	ck_assert_int_eq(put("name", value), 0);
	fd = connect_name("name", SOCK_STREAM | SOCK_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert_int_ge(accept(listener, NULL, NULL), 0);
	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
	kreg_close(k);
}
END_TEST

static const char *const nowhere[] = {
	"",
	"@abstract",
	"/path",
	"10.0.0.1:80",
	"tcp",
	"tcp:",
	"tcp:80",
	"tcp::80",
	"tcp:" ADDRESS,
	"tcp:" ADDRESS ":",
	"tcp:" ADDRESS ":0",
	"tcp:" ADDRESS ":080",
	"tcp:" ADDRESS ":+80",
	"tcp:" ADDRESS ": 80",
	"tcp:" ADDRESS ":65536",
	"tcp:" ADDRESS ":4294967376",
	"tcp:" ADDRESS ":18446744073709551696",
	"tcp:" ADDRESS ":80x",
	"tcp:192.0.2:80",
	"tcp:192.0.02.7:80",
	"tcp:0xc0000207:80",
	"tcp: " ADDRESS ":80",
	"tcp:localhost:80",
	"tcp:example.org:80",
	"tcp:%s%n%s:80",
	"tcp:" ADDRESS6 ":80",
	"tcp:[]:80",
	"tcp:[" ADDRESS6 ":80",
	"tcp:[" ADDRESS "]:80",
	"tcp:[fe80::1%lo]:80",
	"TCP:" ADDRESS ":80",
	"vsock:",
	"vsock:3",
	"vsock:3:",
	"vsock:-1:80",
	"vsock:4294967295:80",
	"vsock:3:4294967295",
	"vsock:0x3:80",
	/* To this host, to many, or to nobody. */
	"tcp:127.0.0.1:80",
	"tcp:127.1.2.3:80",
	"tcp:0.0.0.0:80",
	"tcp:224.0.0.1:80",
	"tcp:255.255.255.255:80",
	"tcp:[::]:80",
	"tcp:[::1]:80",
	"tcp:[::ffff:127.0.0.1]:80",
	"tcp:[::ffff:0.0.0.0]:80",
	"tcp:[::127.0.0.1]:80",
	"tcp:[fe80::1]:80",
	"tcp:[ff02::1]:80",
	"vsock:0:80",
	"vsock:1:80",
};

START_TEST(what_leads_to_no_other_host_is_refused)
{
	char value[KREG_VALUE_MAX];
	size_t i;

	if (!begin(_i))
		return;
	for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		ck_assert_int_eq(put("name", nowhere[i]), 0);
		ck_assert_msg(connect_name("name", SOCK_STREAM) == -EREMOTE, "%s", nowhere[i]);
	}
	/* One that is longer than any, and one with a 0 byte. */
	memset(value, '1', sizeof(value));
	memcpy(value, "tcp:", 4);
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	for (i = 100; i <= sizeof(value); i = i < 110 ? i + 1 : i * 600) {
		KREG_REMOTE(remote, .host = "far");

		ck_assert_int_eq(kreg_register_remote(k, "name", 4, value,
						      i < sizeof(value) ? i : sizeof(value),
						      &remote, 0, NULL),
				 0);
		ck_assert_int_eq(connect_name("name", SOCK_STREAM), -EREMOTE);
	}
	ck_assert_int_eq(kreg_unregister(k, "name", 4), 1);
	ck_assert_int_eq(put("other", "tcp:" ADDRESS ":80"), 0);
	/* One of vsock is tried: what comes of it is the machine's. */
	ck_assert_int_eq(put("name", "vsock:3:4294967294"), 0);
	ck_assert_int_ne(connect_name("name", SOCK_STREAM | SOCK_NONBLOCK), -EREMOTE);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_of_this_host_leads_there_too)
{
	int listener, port;
	char value[64];

	if (!begin(_i))
		return;
	listener = serve(&port, 5);
	snprintf(value, sizeof(value), "tcp:127.0.0.1:%d", port);
	ck_assert_int_eq(kreg_register(k, "name", 4, value, KREG_STRING, NULL), 0);
	assert_reaches(connect_name("name", SOCK_STREAM), listener);
	snprintf(value, sizeof(value), "tcp:[::1]:%d", port);
	ck_assert_int_ge(kreg_update(k, "name", 4, value, KREG_STRING, NULL, 0), 0);
	assert_reaches(connect_name("name", SOCK_STREAM), listener);
	ck_assert_int_ge(kreg_update(k, "name", 4, "tcp:localhost:80", KREG_STRING, NULL, 0), 0);
	ck_assert_int_eq(connect_name("name", SOCK_STREAM), -EDESTADDRREQ);
	ck_assert_int_ge(kreg_update(k, "name", 4, "tcp:1.2.3.4:80\0", 15, NULL, 0), 0);
	ck_assert_int_eq(connect_name("name", SOCK_STREAM), -EDESTADDRREQ);
	ck_assert_int_ge(kreg_update(k, "name", 4, "vsock:1", KREG_STRING, NULL, 0), 0);
	ck_assert_int_eq(connect_name("name", SOCK_STREAM), -EDESTADDRREQ);
	kreg_close(k);
}
END_TEST

/* The listener takes none any longer. */
static void fill(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int i;

	inet_pton(AF_INET, ADDRESS, &at.sin_addr);
	for (i = 0; i < 8; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		connect(fd, (struct sockaddr *)&at, sizeof(at));
	}
}

START_TEST(nobody_waits_for_an_answer_without_end)
{
	int listener, port;
	char value[64];
	uint64_t at;

	if (!begin(_i))
		return;
	listener = serve(&port, 0);
	fill(port);
	snprintf(value, sizeof(value), "tcp:" ADDRESS ":%d", port);
	ck_assert_int_eq(put("name", value), 0);
	at = clock_now();
	ck_assert_int_eq(connect_name("name", SOCK_STREAM), -ETIMEDOUT);
	/* connect(2) itself takes two minutes. */
	ck_assert_uint_lt(clock_now() - at, 60000000000ull * unit_slowness());
	close(listener);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_name_of_another_host_leads_to_the_address_in_its_value,
		one_that_is_not_to_block_may_be_underway,
		what_leads_to_no_other_host_is_refused,
		a_name_of_this_host_leads_there_too,
		nobody_waits_for_an_answer_without_end,
		NULL,
	};

	return modes_run(suite_create("connect_away"), tcase_create("both"), both, NULL, NULL);
}
