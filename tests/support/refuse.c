/* SPDX-License-Identifier: MIT */
#include "tests/support/refuse.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/seccomp.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

int refuse_by(struct sock_filter *filter, size_t count)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

/* LeakSanitizer tells threads apart by their ids: without these it takes what is in use for leaks. It looks once. */
static void look_for_leaks_before(long number)
{
#ifdef __SANITIZE_ADDRESS__
	if (number == SYS_gettid)
		__lsan_do_leak_check();
#else
	(void)number;
#endif
}

int refuse_call(long number, int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	look_for_leaks_before(number);
	return refuse_by(filter, sizeof(filter) / sizeof(filter[0]));
}
