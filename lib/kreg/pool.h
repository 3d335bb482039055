/* SPDX-License-Identifier: MIT */
/*
 * kreg: pools. Of several processes that offer the same, the one for the next piece of work.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_POOL_H
#define KREG_POOL_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A pool: the entries under one key, which is for duplicate keys, or those whose keys begin
 * with a prefix, which is for names of their own, such as services. Each worker registers
 * itself, and its death takes it out. It is the caller's own, and nothing has to be freed. A
 * copy is another pool.
 */
struct kreg_pool {
	/* It stays as it is as long as the pool is used. */
	const void *key;
	uint32_t key_size;
	/* Of the library. */
	uint32_t flags;
	uint64_t remembered[2];
	/* The key of the entry that was found last, with a NUL behind it. */
	uint32_t found_size;
	char found[KREG_KEY_MAX + 1];
};

/*
 * A new pool, to initialize one with: struct kreg_pool pool = KREG_POOL("workers",
 * KREG_STRING). Key and prefix have 1 to 255 bytes.
 */
#define KREG_POOL(of_key, of_size) KREG_POOL_OF(of_key, of_size, 0)
#define KREG_POOL_PREFIX(prefix, of_size) KREG_POOL_OF(prefix, of_size, 1)

#define KREG_POOL_OF(of_key, of_size, of_flags)                                                    \
	{                                                                                          \
		(of_key),                                                                          \
			(uint32_t)((of_size) == KREG_STRING || (of_size) <= KREG_KEY_MAX           \
					   ? (of_size)                                             \
					   : KREG_KEY_MAX + 1),                                    \
			(of_flags), { 0, 0 }, 0,                                                   \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/*
 * Each finds one entry of the pool, with its owner and a copy of its value, as kreg_lookup()
 * does for a key. Names that wait in line, and reserved ones, are left out.
 *
 * kreg_pool_next() takes turns: of workers that stay, each is found once in a round, also if
 * others come or go meanwhile. Where the round is, @pool alone knows, so that no memory is
 * written that others read. The first call begins with any worker, each as likely as the
 * others, so that many callers with a pool of their own spread as well. A process with two
 * entries has two turns. With duplicate keys an entry whose value is updated (not a counter
 * that is added to) may have a turn more or less in that round.
 *
 * kreg_pool_least() finds the entry with the smallest counter (kreg_counter_add()), such as
 * the load of a worker; of several the one whose turn it is. Values that are not 8 bytes long
 * are left out. The counters are not read at the same instant.
 *
 * kreg_pool_for() finds the worker for @what, such as the number of a customer: for all
 * callers the same one, as long as it lives. If it dies, what was its own is spread over the
 * others, and nothing else goes anywhere else; one that comes takes its share from each. A
 * worker is known again by its name if keys are unique, so a service that was restarted gets
 * what was its own; with duplicate keys by its process. It is the one with the highest
 * weight, which is a hash of @what and of the worker (rendezvous hashing); the hash is that
 * of the registry, so another one, or one that was destroyed and made again, chooses
 * otherwise. It does not change whose turn it is.
 *
 * Each call takes time in proportion to the entries under the key, and with a prefix in
 * proportion to the names of the namespace, or of all the registry if the prefix has none
 * (kreg_select()).
 *
 * @pool: used by one thread at a time.
 * @what: @what_size bytes of any kind; with KREG_STRING a C string.
 * @value: room for @capacity bytes. NULL with a capacity of 0: it is not copied.
 * @owner: may be NULL.
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. It takes
 *          no lock and no slot. With a prefix it allocates memory meanwhile.
 * Death: the entry of a dead owner is not found: the one that is found was alive at some
 *          instant of the call, and was so still after all others had been looked at.
 * Return: the size of the value, >= 0, or an error, and then it is the same worker's turn, and
 *         pool->found is undefined:
 *   -ENOENT        the pool is empty; kreg_pool_least(): it has no counters
 *   -ERANGE        the value is larger than @capacity: nothing was copied; @owner and
 *                  pool->found are filled in
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  key or prefix are longer than 255 bytes
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 * Since: 1.0
 */
ssize_t kreg_pool_next(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity,
		       struct kreg_owner *owner);
ssize_t kreg_pool_least(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity,
			struct kreg_owner *owner);
ssize_t kreg_pool_for(struct kreg *k, struct kreg_pool *pool, const void *what, size_t what_size,
		      void *value, size_t capacity, struct kreg_owner *owner);

#ifdef __cplusplus
}
#endif
#endif
