/* SPDX-License-Identifier: MIT */
/*
 * The host: the kernel, its namespaces and clocks, and the limits of processes.
 *
 * The limits are those of this process: programs that are started from the same shell or unit have
 * the same.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tools/doctor/doctor.h"

/* Inodes of the initial namespaces, fixed in the kernel's interface. */
#define PID_NAMESPACE_INITIAL 0xeffffffcul
#define TIME_NAMESPACE_INITIAL 0xeffffffaul

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* 2020-01-01: a clock that is behind that was never set. */
#define LONG_AGO 1577836800

/* What few programs get by with: listeners and pending waits have fds of their own. */
#define FILES_FEW 256

/* The address space of a registry that was created by the defaults: twice its 16 GiB, and more. */
#define SPACE_OF_ONE (33ull << 30)

static void check_kernel(struct doctor *doctor)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	if (uname(&kernel) || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		doctor_say_host(doctor, DOCTOR_UNKNOWN, "kernel", "its version is not known");
	else if (major < 5 || (major == 5 && minor < 19))
		doctor_say_host(doctor, DOCTOR_WARNING, "kernel",
				"Linux %u.%u has no guard, so registries are in the fallback; "
				"boot 5.19 or later",
				major, minor);
	else
		doctor_say_host(doctor, DOCTOR_OK, "kernel", "Linux %u.%u", major, minor);
}

#ifdef HAVE_GUARD
static void check_btf(struct doctor *doctor)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";

	if (!access(path, R_OK))
		doctor_say_host(doctor, DOCTOR_OK, "btf", "%s is there", path);
	else
		doctor_say_host(doctor, DOCTOR_WARNING, "btf",
				"%s: %s, so no guard can be started; boot a kernel with "
				"CONFIG_DEBUG_INFO_BTF",
				path, strerror(errno));
}
#endif

static void check_pids(struct doctor *doctor)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		doctor_say_host(doctor, DOCTOR_FAILURE, "proc",
				"/proc does not show this process: %s; mount it", strerror(errno));
	else if (st.st_ino != PID_NAMESPACE_INITIAL)
		doctor_say_host(
			doctor, DOCTOR_UNKNOWN, "proc",
			"this is a container, in which the processes outside cannot be seen; "
			"run doctor on the host for these");
	else if (access("/proc/1/stat", R_OK))
		doctor_say_host(
			doctor, DOCTOR_UNKNOWN, "proc",
			"/proc hides the processes of others (hidepid); run doctor as root");
	else
		doctor_say_host(doctor, DOCTOR_OK, "proc", "/proc shows all processes");
}

/* Whether a process reads this clock without a system call. */
static bool is_fast(const char *source)
{
	static const char *const fast[] = { "tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
					    "arch_sys_counter", "xen" };
	size_t i;

	for (i = 0; i < sizeof(fast) / sizeof(fast[0]); i++) {
		if (!strcmp(source, fast[i]))
			return true;
	}
	return false;
}

static void check_clocks(struct doctor *doctor)
{
	struct timespec now = { 0 };
	char source[64];
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < LONG_AGO)
		doctor_say_host(doctor, DOCTOR_WARNING, "clocks",
				"the clock has never been set, so times in logs are wrong; run "
				"chronyd or systemd-timesyncd");
	else if (!stat("/proc/self/ns/time", &st) && st.st_ino != TIME_NAMESPACE_INITIAL)
		doctor_say_host(
			doctor, DOCTOR_WARNING, "clocks",
			"this is a time namespace, in which the ages of processes outside are "
			"wrong; run doctor on the host");
	else if (!doctor_read_line(CLOCK_SOURCE, source, sizeof(source)))
		doctor_say_host(doctor, DOCTOR_UNKNOWN, "clocks", "%s: %s", CLOCK_SOURCE,
				strerror(errno));
	else if (!is_fast(source))
		doctor_say_host(
			doctor, DOCTOR_WARNING, "clocks",
			"the clock is %.32s, so each beat and each wait calls the kernel; see "
			"in dmesg why the kernel has no faster one",
			source);
	else
		doctor_say_host(doctor, DOCTOR_OK, "clocks", "the clock is %.32s", source);
}

static void check_files(struct doctor *doctor)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_cur < FILES_FEW)
		doctor_say_host(
			doctor, DOCTOR_WARNING, "limit-files",
			"RLIMIT_NOFILE is %llu, and each listener and pending wait takes fds; "
			"raise it: `ulimit -n 1024`, or LimitNOFILE= of a unit",
			(unsigned long long)limit.rlim_cur);
	else
		doctor_say_host(doctor, DOCTOR_OK, "limit-files", "RLIMIT_NOFILE is %llu",
				(unsigned long long)limit.rlim_cur);
}

static void check_space(struct doctor *doctor)
{
	struct rlimit limit;
	char size[32];

	if (getrlimit(RLIMIT_AS, &limit))
		return;
	if (limit.rlim_cur < SPACE_OF_ONE)
		doctor_say_host(
			doctor, DOCTOR_WARNING, "limit-memory",
			"RLIMIT_AS is %s, and a registry by the defaults is 33G of address "
			"space, so opening a full one fails with ENOMEM; `ulimit -v unlimited`, "
			"or `regtool create --max-bytes` with less",
			doctor_size(size, limit.rlim_cur));
	else
		doctor_say_host(doctor, DOCTOR_OK, "limit-memory",
				"RLIMIT_AS leaves room for a registry");
}

static void check_file_size(struct doctor *doctor)
{
	struct rlimit limit;
	char size[32];

	if (getrlimit(RLIMIT_FSIZE, &limit))
		return;
	if (limit.rlim_cur < SPACE_OF_ONE)
		doctor_say_host(
			doctor, DOCTOR_WARNING, "limit-file-size",
			"RLIMIT_FSIZE is %s, and the sparse file of a registry by the defaults "
			"is 33G, so creating one fails with EFBIG; `ulimit -f unlimited`, or "
			"`regtool create --max-bytes` with less",
			doctor_size(size, limit.rlim_cur));
	else
		doctor_say_host(doctor, DOCTOR_OK, "limit-file-size",
				"RLIMIT_FSIZE leaves room for a registry");
}

/* Most programs lock nothing, so this limit is no warning. */
static void check_locked(struct doctor *doctor)
{
	struct rlimit limit;
	char size[32];

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (geteuid() && limit.rlim_cur < SPACE_OF_ONE)
		doctor_say_host(
			doctor, DOCTOR_OK, "limit-locked",
			"RLIMIT_MEMLOCK is %s, which matters to programs that call mlockall(2): "
			"they need the size of a registry's file, 33G by the defaults",
			doctor_size(size, limit.rlim_cur));
	else
		doctor_say_host(doctor, DOCTOR_OK, "limit-locked",
				"RLIMIT_MEMLOCK leaves room for a registry");
}

void doctor_host(struct doctor *doctor)
{
	check_kernel(doctor);
#ifdef HAVE_GUARD
	check_btf(doctor);
#endif
	check_pids(doctor);
	check_clocks(doctor);
	check_files(doctor);
	check_space(doctor);
	check_file_size(doctor);
	check_locked(doctor);
}
