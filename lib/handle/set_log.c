/* SPDX-License-Identifier: MIT */
/*
 * kreg_set_log(): the log of the process.
 *
 * A function and its data have to be read as a pair, without a lock: a lookup in a signal
 * handler may read them, and a child of fork() may set them while the parent's threads did.
 * So each pair that was ever set is a node of a list to which nodes are only added, and one
 * word points to the current one. A program that sets the same pairs again and again takes no
 * more memory.
 */
#include "lib/handle/refuse.h"

#include <errno.h>
#include <stdlib.h>

#include "base/call.h"
#include "shm/atomic.h"

struct node {
	struct log_to log;
	const struct node *next;
};

static const struct node *all, *current;

/*
 * ORD[log_of_process:A] acquire: the word, then the pair; pairs with kreg_set_log:A
 */
void log_of_process(struct log_to *out)
{
	const struct node *node = load_acquire(&current);

	*out = node ? node->log : (struct log_to){ NULL, NULL };
}

static const struct node *find(const struct log_to *log)
{
	/* ORD[find:A] acquire: the word, then the node; pairs with add:A */
	const struct node *node = load_acquire(&all);

	while (node && (node->log.log != log->log || node->log.data != log->data))
		node = node->next;
	return node;
}

static const struct node *add(const struct log_to *log)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		return NULL;
	node->log = *log;
	node->next = load_relaxed(&all); /* relaxed: compared below */
	/* ORD[add:A] release: the node, then the word; pairs with find:A */
	while (!__atomic_compare_exchange_n(&all, &node->next, node, false, __ATOMIC_RELEASE,
					    __ATOMIC_ACQUIRE))
		;
	return node;
}

int kreg_set_log(kreg_log_fn log, void *data)
{
	UNCANCELLABLE;
	const struct log_to pair = { log, data };
	const struct node *node = NULL;

	if (log) {
		node = find(&pair);
		if (!node)
			node = add(&pair);
		if (!node)
			return -ENOMEM;
	}
	/* ORD[kreg_set_log:A] release: the pair, then the word; pairs with log_of_process:A */
	store_release(&current, node);
	return 0;
}
