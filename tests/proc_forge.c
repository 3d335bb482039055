/* SPDX-License-Identifier: MIT */
/*
 * A process with write access to a registry can forge that another process is in it. A
 * process that has never opened the registry is not signalled, described, connected to,
 * shown or counted because of that.
 *
 * The victim is in a registry of its own. The forger is a member of "shared" and writes
 * through its mapping: under the guard, the victim's owner word into its own entry, its
 * slab and the victim's row; in the fallback, where the registry itself has the lives,
 * the victim's pid into its own row.
 */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "lib/handle/handle.h"
#include "shm/row.h"
#include "shm/table_search.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"

#define NAME "space/thing"
#define FORGED_ENTRIES 1000u

static char address[40];
static struct kreg *k;
static int mode;

/* Each mode has a registry of its own: forgeries of one would block the other. */
static struct kreg *open_own(const char *name)
{
	char full[32];

	snprintf(full, sizeof(full), "%s-%d", name, mode);
	return mode_open(mode, full);
}

/* Listens at @address, and is a member of "private" only. */
static int be_victim(int link, void *data)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct kreg *own = open_own("private");
	struct kreg_owner self;

	(void)data;
	memcpy(at.sun_path + 1, address + 1, strlen(address) - 1);
	if (bind(fd, (struct sockaddr *)&at,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address))) ||
	    listen(fd, 5) || kreg_register(own, "mine", KREG_STRING, "", 0, NULL) ||
	    kreg_self(own, &self))
		return 1;
	link_say(link, (int64_t)self.token);
	while (link_hear(link) >= 0)
		link_say(link, 0);
	return 0;
}

static void forge_word(struct kreg *own, owner_t victim)
{
	struct row *row = &own->segment.rows[owner_seat(victim)];
	struct query q = table_query(&own->segment, NAME, strlen(NAME));
	struct found found;

	ck_assert_int_eq(table_find(&own->segment, &own->lives, &q, &found), 0);
	own->segment.directory[segment_slab_of(&own->segment, found.place)].owner = victim;
	row->entries = (victim & ~0xffffffffull) | FORGED_ENTRIES;
	((struct entry *)(uintptr_t)found.entry)->owner = victim;
	if (own->segment.header->seats_high <= owner_seat(victim))
		own->segment.header->seats_high = owner_seat(victim) + 1;
}

/* Holds NAME, then writes that the victim holds it; receives the victim's token and pid. */
static int forge(int link, void *data)
{
	struct kreg *own = open_own("shared");
	struct kreg_owner self;
	owner_t victim;
	pid_t pid;

	(void)data;
	if (kreg_register(own, NAME, KREG_STRING, address, strlen(address), NULL) ||
	    kreg_self(own, &self))
		return 1;
	link_say(link, 0);
	victim = (owner_t)link_hear(link);
	pid = (pid_t)link_hear(link);
	if (mode == MODE_GUARD)
		forge_word(own, victim);
	else
		own->segment.rows[owner_seat(self.token)].who.pid = (uint32_t)pid;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static struct child victim, forger;

static void start_forgery(int in)
{
	owner_t token;

	mode = in;
	snprintf(address, sizeof(address), "@kreg-test-forge-%d", getpid());
	victim = child_start(be_victim, NULL);
	token = (owner_t)link_hear(victim.link);
	forger = child_start_ready(forge, NULL);
	link_say(forger.link, (int64_t)token);
	ck_assert_int_eq(child_ask(&forger, victim.pid), 0);
	k = open_own("shared");
}

static void end_forgery(void)
{
	/* The victim is unharmed. */
	ck_assert_int_eq(child_ask(&victim, 1), 0);
	child_kill(&forger);
	child_kill(&victim);
	kreg_close(k);
}

START_TEST(a_stranger_is_not_signalled)
{
	start_forgery(_i);
	ck_assert_int_eq(kreg_signal(k, NAME, KREG_STRING, 0), -EUCLEAN);
	ck_assert_int_eq(kreg_signal(k, NAME, KREG_STRING, SIGKILL), -EUCLEAN);
	end_forgery();
}
END_TEST

START_TEST(a_stranger_is_not_connected_to)
{
	start_forgery(_i);
	ck_assert_int_eq(kreg_connect(k, NAME, KREG_STRING, SOCK_STREAM, NULL), -EUCLEAN);
	end_forgery();
}
END_TEST

START_TEST(a_stranger_is_neither_monitored_nor_described)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;

	start_forgery(_i);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	ck_assert_int_eq(owner.pid, victim.pid);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), -ESRCH);
	ck_assert_int_eq(kreg_owner_pidfd(k, &owner), -ESRCH);
	ck_assert_int_eq(kreg_monitor(k, NAME, KREG_STRING, &owner), -EUCLEAN);
	end_forgery();
}
END_TEST

static int is_victim(const struct kreg_owner_facts *facts, void *data)
{
	(void)data;
	return facts->owner.pid == victim.pid;
}

START_TEST(a_stranger_is_not_among_the_owners)
{
	start_forgery(_i);
	ck_assert_int_eq(kreg_each_owner(k, is_victim, NULL), 0);
	end_forgery();
}
END_TEST

START_TEST(stopping_a_namespace_does_not_end_a_stranger)
{
	start_forgery(_i);
	ck_assert_int_eq(kreg_namespace_stop(k, "space", 1000), 0);
	end_forgery();
}
END_TEST

static int count(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(*(int *)data)++;
	return 0;
}

/*
 * In the fallback the only evidence is in the registry itself, and /proc is not read for
 * each entry.
 */
START_TEST(entries_forged_for_a_stranger_are_not_counted_and_reported_as_faults)
{
	int seen = 0;

	start_forgery(_i);
	ck_assert_int_lt(kreg_count(k), FORGED_ENTRIES);
	ck_assert_int_eq(kreg_select(k, NULL, count, &seen), 0);
	ck_assert_int_eq(seen, 0);
	ck_assert_int_gt(kreg_check(k, NULL, NULL), 0);
	end_forgery();
}
END_TEST

/*
 * Orders to a process that joins and leaves. It is forked before the test has the
 * registry's mapping.
 */
enum { OPEN_SHARED, CLOSE_SHARED, OPEN_MANY, CLOSE_MANY, EXECUTE };

#define MANY 12

static int join_and_leave(int link, void *data)
{
	struct kreg *many[MANY], *shared = NULL;
	char name[16];
	int64_t order;
	int i, err = 0;

	(void)data;
	for (order = link_hear(link); order >= 0; order = link_hear(link)) {
		if (order == OPEN_SHARED) {
			shared = open_own("shared");
			err = kreg_register(shared, NAME, KREG_STRING, "", 0, NULL);
		} else if (order == CLOSE_SHARED) {
			kreg_close(shared);
		} else if (order == EXECUTE) {
			execlp("sleep", "sleep", "1000", NULL);
			return 1;
		}
		for (i = 0; i < MANY && (order == OPEN_MANY || order == CLOSE_MANY); i++) {
			snprintf(name, sizeof(name), "many-%d", i);
			if (order == CLOSE_MANY)
				kreg_close(many[i]);
			else
				many[i] = open_own(name);
		}
		link_say(link, err);
	}
	return 0;
}

START_TEST(a_process_is_a_member_until_it_closes_its_last_handle)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	mode = _i;
	child = child_start(join_and_leave, NULL);
	k = open_own("shared");
	ck_assert_int_eq(child_ask(&child, OPEN_SHARED), 0);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	ck_assert_int_eq(child_ask(&child, CLOSE_SHARED), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), -ESRCH);
	ck_assert_int_eq(child_ask(&child, OPEN_SHARED), 0);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	ck_assert_int_eq(facts.owner.pid, child.pid);
	ck_assert(facts.certain);
	ck_assert_int_eq(kreg_signal(k, NAME, KREG_STRING, 0), 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

/*
 * More registries than the guard has room for: then /proc is the source, and no member is
 * missing.
 */
START_TEST(a_process_is_a_member_of_any_number_of_registries)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	mode = _i;
	child = child_start(join_and_leave, NULL);
	k = open_own("shared");
	ck_assert_int_eq(child_ask(&child, OPEN_MANY), 0);
	ck_assert_int_eq(child_ask(&child, OPEN_SHARED), 0);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_signal(k, NAME, KREG_STRING, 0), 0);
	ck_assert_int_eq(child_ask(&child, CLOSE_MANY), 0);
	ck_assert_int_eq(child_ask(&child, CLOSE_SHARED), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), -ESRCH);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

/* Its program no longer has the file mapped, and its names stay. */
START_TEST(a_process_remains_a_member_after_exec)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	mode = MODE_GUARD;
	k = open_own("shared");
	child = child_start(join_and_leave, NULL);
	ck_assert_int_eq(child_ask(&child, OPEN_SHARED), 0);
	link_say(child.link, EXECUTE);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	do {
		ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	} while (strcmp(facts.comm, "sleep"));
	ck_assert_int_eq(kreg_signal(k, NAME, KREG_STRING, SIGKILL), 0);
	waitpid(child.pid, NULL, 0);
	close(child.link);
	kreg_close(k);
}
END_TEST

/* Opens as the current user, and drops its privileges afterwards. */
static int drop_privileges(int link, void *data)
{
	const uid_t nobody = 65534;
	struct kreg *own = open_own("shared");

	(void)data;
	if (kreg_register(own, NAME, KREG_STRING, "", 0, NULL) || setgroups(0, NULL) ||
	    setresgid(nobody, nobody, nobody) || setresuid(nobody, nobody, nobody))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

START_TEST(the_current_user_of_a_process_counts)
{
	struct kreg_owner_facts facts;
	struct kreg_owner owner;
	struct child child;

	if (geteuid()) {
		printf("not root, so no privileges to drop\n");
		return;
	}
	mode = _i;
	k = open_own("shared");
	child = child_start_ready(drop_privileges, NULL);
	ck_assert_int_eq(kreg_whereis(k, NAME, KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_owner_facts(k, &owner, &facts), 0);
	ck_assert_uint_eq(facts.uid, 65534);
	ck_assert_uint_eq(facts.gid, 65534);
	ck_assert_uint_eq(facts.attach_uid, 0);
	ck_assert_uint_eq(facts.attach_gid, 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_stranger_is_not_signalled,
		a_stranger_is_not_connected_to,
		a_stranger_is_neither_monitored_nor_described,
		a_stranger_is_not_among_the_owners,
		stopping_a_namespace_does_not_end_a_stranger,
		a_process_is_a_member_until_it_closes_its_last_handle,
		a_process_is_a_member_of_any_number_of_registries,
		the_current_user_of_a_process_counts,
		NULL,
	};
	const TTest *const guard[] = {
		entries_forged_for_a_stranger_are_not_counted_and_reported_as_faults,
		a_process_remains_a_member_after_exec,
		NULL,
	};

	return modes_run(suite_create("forge"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
