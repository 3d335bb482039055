/* SPDX-License-Identifier: MIT */
/*
 * If the kernel refuses membarrier(2) to a process, memory is still reclaimed: for that
 * process, and for processes beside it that may use membarrier.
 */
#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>
#include <linux/seccomp.h>

#include "lib/handle/handle.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/refuse.h"

#define PAIRS 100000

/*
 * What is refused: every command, as forbidden or as unknown to the kernel; or every
 * command except registration.
 */
enum { REFUSE_ALL, REFUSE_NO_SUCH_CALL, REFUSE_COMMANDS, REFUSALS };

static int refuse_fence(int what)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 what == REFUSE_COMMANDS ? MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED : -1u,
			 1, 0),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO | (what == REFUSE_NO_SUCH_CALL ? ENOSYS : EPERM)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_by(filter, sizeof(filter) / sizeof(filter[0]));
}

static struct kreg *open_small(int mode)
{
	KREG_OPTIONS(options, .max_bytes = 4 << 20);

	return mode_open_as(mode, "fence", &options);
}

/* Return: how many pairs succeeded. */
static int churn(struct kreg *k, int pairs)
{
	int i, err = 0;

	for (i = 0; i < pairs && !err; i++) {
		int key = (int)(getpid() % 1000) * 64 + i % 64;

		err = kreg_register(k, &key, sizeof(key), &i, sizeof(i), NULL);
		if (!err && kreg_unregister(k, &key, sizeof(key)) != 1)
			err = -EINVAL;
	}
	if (err)
		printf("# after %d pairs: %s\n", i, kreg_strerror(err));
	return err ? i - 1 : i;
}

struct refused {
	int mode;
	int what;
};

static int churn_refused(int link, void *data)
{
	const struct refused *refused = data;
	int err = refuse_fence(refused->what);
	struct kreg *k;
	int64_t pairs;

	if (err) {
		link_say(link, err);
		return 0;
	}
	k = open_small(refused->mode);
	link_say(link, k->joined);
	while ((pairs = link_hear(link)) >= 0)
		link_say(link, churn(k, (int)pairs));
	kreg_close(k);
	return 0;
}

static struct kreg_stat stat_of(struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat;
}

START_TEST(memory_is_reclaimed_where_membarrier_is_refused)
{
	struct refused refused = { .mode = _i };
	struct kreg *k = open_small(_i);
	struct child child;
	uint64_t epoch;

	ck_assert_uint_eq(stat_of(k).fences, 0);
	for (refused.what = 0; refused.what < REFUSALS; refused.what++) {
		child = child_start(churn_refused, &refused);
		ck_assert_int_eq(link_hear(child.link), 0);
		ck_assert_uint_eq(stat_of(k).fences, 1);
		epoch = stat_of(k).epoch;
		ck_assert_int_eq(child_ask(&child, PAIRS), PAIRS);
		ck_assert_uint_gt(stat_of(k).epoch, epoch + 10);
		/* Both processes at once. */
		link_say(child.link, PAIRS);
		ck_assert_int_eq(churn(k, PAIRS), PAIRS);
		ck_assert_int_eq(link_hear(child.link), PAIRS);
		link_say(child.link, -1);
		ck_assert_int_eq(child_end(&child), 0);
	}
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		memory_is_reclaimed_where_membarrier_is_refused,
		NULL,
	};

	return modes_run(suite_create("fence"), tcase_create("both"), both, NULL, NULL);
}
