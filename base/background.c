/* SPDX-License-Identifier: MIT */
/* Threads with small stacks, and all signals blocked from their first instruction on. */
#include "base/background.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <signal.h>

/*
 * What a thread of the library uses at most, with paths in some frames, and with a
 * sanitizer's frames.
 */
#define ROOM 65536u
/*
 * What the C library keeps for thread-local storage of libraries that are loaded later,
 * and as headers.
 */
#define SURPLUS 16384u

static int add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	}
	return 0;
}

/*
 * The C library takes the thread-local storage of the program and its libraries from the
 * stack of a thread, so a stack of a fixed size could be all storage in one program. It
 * is laid out when the program starts, so it does not grow afterwards beyond its surplus.
 * Summed again for each thread, whose start costs more than that: pthread_once() would
 * end the process where futexes are refused.
 */
static size_t tls_bytes(void)
{
	size_t sum = 0;

	dl_iterate_phdr(add_tls, &sum);
	return sum;
}

static void *begin(void *data)
{
	struct background *background = data;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return background->run(background->data);
}

/*
 * Signals are blocked by the caller and inherited: blocked in the thread itself, one
 * could be delivered to it before. The caller's mask is restored whether the thread was
 * started or not.
 */
static int start(struct background *out, const pthread_attr_t *attr)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&out->thread, attr, begin, out);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int background_start(struct background *out, void *(*run)(void *data), void *data)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	out->run = run;
	out->data = data;
	err = -pthread_attr_setstacksize(&attr,
					 (size_t)PTHREAD_STACK_MIN + ROOM + SURPLUS + tls_bytes());
	if (!err)
		err = start(out, &attr);
	pthread_attr_destroy(&attr);
	/*
	 * EINVAL: the C library wants more, because the program was started with a larger
	 * surplus of thread-local storage than is assumed here.
	 */
	return err == -EINVAL ? background_start_roomy(out, run, data) : err;
}

int background_start_roomy(struct background *out, void *(*run)(void *data), void *data)
{
	out->run = run;
	out->data = data;
	return start(out, NULL);
}

void background_join(struct background *background)
{
	pthread_join(background->thread, NULL);
}
