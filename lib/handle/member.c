/* SPDX-License-Identifier: MIT */
/*
 * The list of this process's members, one for each registry that it has open for writing.
 *
 *   state         becomes, by
 *   absent        present, with one handle: the first member_join(), under the mutex
 *   present       present, with one handle more: member_join(); with one less: member_leave()
 *   present, last absent: the last member_leave(), which unregisters everything and gives the
 *                 life back, under the mutex
 *
 * A registry is identified by its id and its file: one that was destroyed and created
 * again under the same name is another registry. A member whose life is over, as after
 * `guard stop --force`, cannot be joined any longer. Its life table then says so of all
 * lives in the registry, so the segment can be replaced while it is still open.
 *
 * The list and its mutex are in a page that fork() wipes. All zeros are an empty list and
 * an unlocked mutex. So a child finds no member, in whatever state the parent's threads
 * were at fork(), and no fork handler is needed; _Fork() would not call one. The child's
 * handles still lead to copies of the parent's members. When all handles of a copy are
 * closed, the copy is freed, and no shared memory is touched.
 *
 * The marks by which handles recognize a child are in the same page, as many as fit; a
 * process with more handles than that has a page for each of the others.
 *
 * The list is private memory: a process that is killed leaves nothing of it.
 */
#include "lib/handle/member.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/process.h"
#include "lib/handle/handle.h"
#include "shm/ended.h"
#include "shm/interrupted.h"
#include "shm/row.h"
#include "shm/succession.h"

/* 0 is for blocks of no handle, HEAP_OF_PROCESS for blocks of all handles. */
#define NUMBER_MAX (HEAP_OF_PROCESS - 1)

#define MARKS_SHARED 496u

struct members {
	pthread_mutex_t mutex;
	bool is_used;
	struct cds_list_head list;
	/* by the index of the handle; apart from the mutex, which is written more often */
	uint64_t marks[MARKS_SHARED] __attribute__((aligned(64)));
};

/* A struct members *; 0 before the first handle. Never unmapped. */
static uint64_t members_at;

_Static_assert(sizeof(struct members) <= SEGMENT_PAGE, "it fits in the page");

static int page_new(void **out)
{
	void *page = mmap(NULL, SEGMENT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int err;

	if (page == MAP_FAILED)
		return -errno;
	if (kernel_madvise(page, SEGMENT_PAGE, MADV_WIPEONFORK)) {
		err = -errno;
		munmap(page, SEGMENT_PAGE);
		return err;
	}
	*out = page;
	return 0;
}

static struct members *members_all(void)
{
	/* relaxed: it is set once, and the kernel has filled the page with 0 */
	return (struct members *)(uintptr_t)load_relaxed(&members_at);
}

/* A failure may pass, so the next call tries again. */
static int members_make(void)
{
	struct members *made;
	uint64_t none = 0;
	void *page;
	int err;

	if (members_all())
		return 0;
	err = page_new(&page);
	if (err)
		return err;
	made = page;
	/* Read first, by the lock of the mutex, the page would fault twice. */
	made->is_used = false;
	/* relaxed: as above */
	if (!cas_relaxed(&members_at, &none, (uintptr_t)page))
		munmap(page, SEGMENT_PAGE);
	return 0;
}

static int members_lock(void)
{
	struct members *members;
	int err = members_make();

	if (err)
		return err;
	members = members_all();
	pthread_mutex_lock(&members->mutex);
	if (!members->is_used)
		CDS_INIT_LIST_HEAD(&members->list);
	members->is_used = true;
	return 0;
}

static void members_unlock(void)
{
	pthread_mutex_unlock(&members_all()->mutex);
}

int member_mark_take(uint64_t **out, uint32_t index)
{
	void *page;
	int err;

	if (index < MARKS_SHARED) {
		err = members_make();
		if (!err)
			*out = &members_all()->marks[index];
	} else {
		err = page_new(&page);
		if (!err)
			*out = page;
	}
	return err;
}

void member_mark_return(uint64_t *mark, uint32_t index)
{
	if (index >= MARKS_SHARED)
		munmap(mark, SEGMENT_PAGE);
}

static bool member_is_of(const struct member *m, const struct kreg *k)
{
	if (m->id != k->segment.header->id || m->segment.device != k->segment.device ||
	    m->segment.inode != k->segment.inode || m->lives.identity != k->lives.identity ||
	    !life_is_alive(&m->lives, m->self.owner))
		return false;
	/* Under the guard the life is known before the segment. */
	return !k->self.owner || m->self.owner == k->self.owner;
}

void member_note_ended(const struct segment *s)
{
	struct member *m;

	if (members_lock())
		return;
	cds_list_for_each_entry (m, &members_all()->list, node) {
		if (m->id == s->header->id && m->segment.device == s->device &&
		    m->segment.inode == s->inode)
			ended_note_all(&m->segment, &m->lives);
	}
	members_unlock();
}

static struct member *member_find(const struct kreg *k)
{
	struct member *m;

	cds_list_for_each_entry (m, &members_all()->list, node) {
		if (member_is_of(m, k))
			return m;
	}
	return NULL;
}

/*
 * In the fallback the life ends here. Under the guard the life belongs to the whole
 * process, so only its note of this registry is removed.
 */
static void member_end_life(struct member *m)
{
	life_robust_detach(&m->self);
	if (m->guard)
		life_guard_leave(m->guard, m->segment.device, m->segment.inode);
}

/*
 * Takes the life, and asks for @facts meanwhile: in the fallback another thread has to get a CPU first.
 */
static int member_begin_life(struct member *m, const char *guard, struct row_facts *facts)
{
	int err;

	if (!m->segment.lives) {
		m->guard = strdup(guard);
		err = m->guard ? life_guard_join(guard, m->segment.header) : -ENOMEM;
		row_facts_of(facts);
		return err;
	}
	err = life_robust_begin(&m->self, m->segment.lives, m->segment.seats);
	if (err)
		return err;
	row_facts_of(facts);
	return life_robust_attach(&m->self);
}

/*
 * The handle keeps its segment and life table until the member is certain to take them
 * over.
 */
static int member_new(struct member **out, const struct kreg *k, const char *guard,
		      struct row_facts *facts)
{
	struct member *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->segment = k->segment;
	m->lives = k->lives;
	m->self = k->self;
	m->id = k->segment.header->id;
	CDS_INIT_LIST_HEAD(&m->handles);
	err = member_begin_life(m, guard, facts);
	if (err)
		goto fail;
	err = row_reserve(&m->segment, m->self.owner);
	if (err) {
		member_end_life(m);
		goto fail;
	}
	heap_init(&m->heap, &m->segment, &m->lives, m->self.owner);
	*out = m;
	return 0;
fail:
	free(m->guard);
	free(m);
	return err;
}

/* Nothing was registered through it. */
static void member_undo(struct member *m)
{
	member_end_life(m);
	heap_forget(&m->heap);
	free(m->guard);
	free(m);
}

/* The lowest number that no other handle has. */
static int number_handle(struct member *m, struct kreg *k)
{
	struct cds_list_head *before = &m->handles;
	struct kreg *at;
	uint32_t number = 1;

	cds_list_for_each_entry (at, &m->handles, member_node) {
		if (at->number != number)
			break;
		before = &at->member_node;
		number++;
	}
	if (number > NUMBER_MAX)
		return -EMFILE;
	k->number = (uint16_t)number;
	cds_list_add(&k->member_node, before);
	return 0;
}

static void take_part(struct kreg *k, struct member *m, bool is_new)
{
	if (!is_new) {
		segment_close(&k->segment);
		life_guard_close(&k->lives);
	}
	k->segment = m->segment;
	k->lives = m->lives;
	k->self = m->self;
	k->heap = &m->heap;
	k->member = m;
}

static int join(struct kreg *k, const char *guard)
{
	struct member *m = member_find(k);
	struct row_facts facts;
	bool is_new = !m;
	int err = 0;

	if (is_new)
		err = member_new(&m, k, guard, &facts);
	else
		row_facts_of(&facts);
	if (err)
		return err;
	k->pid_namespace = facts.who.pid_namespace;
	row_open(&m->segment, &m->self, &facts, 0);
	if (is_new)
		interrupted_own(&m->segment, &m->lives, &m->self);
	/* After our row is open, and before anything is registered. */
	err = succession_is_current(&m->segment) ? number_handle(m, k) : 1;
	if (!err) {
		if (is_new)
			cds_list_add(&m->node, &members_all()->list);
		take_part(k, m, is_new);
	} else if (is_new) {
		member_undo(m);
	}
	return err;
}

int member_join(struct kreg *k, const char *guard)
{
	int err = members_lock();

	if (err)
		return err;
	err = join(k, guard);
	members_unlock();
	return err;
}

bool member_has_others(const struct kreg *k)
{
	bool has_others;

	if (members_lock())
		return false;
	has_others = k->member->handles.next->next != &k->member->handles;
	members_unlock();
	return has_others;
}

void member_leave(struct kreg *k, void (*leave)(struct kreg *k, bool is_last))
{
	struct member *m = k->member;
	bool is_last;

	members_lock();
	cds_list_del(&k->member_node);
	is_last = cds_list_empty(&m->handles);
	/* In a child of fork() the member is in no list. */
	if (is_last && !handle_is_parents(k))
		cds_list_del(&m->node);
	leave(k, is_last);
	if (is_last) {
		if (handle_is_parents(k))
			life_robust_forget(&m->self);
		else
			member_end_life(m);
		heap_forget(&m->heap);
		segment_close(&m->segment);
		life_guard_close(&m->lives);
		free(m->guard);
		free(m);
	}
	members_unlock();
}
