/* SPDX-License-Identifier: MIT */
/*
 * regtool doctor: what of the host, the guard, the registries and their owners asks for attention.
 *
 * Promises  it changes nothing: it creates no registry, takes no seat, ends no life, and sends no
 *           signal. No process and no file can block it or end it.
 * Needs     no rights; what the user may not see has the verdict "unknown".
 *
 * Each check is a function that looks and says what it has found by doctor_say(), in one sentence:
 * what is wrong, why, and what to do.
 */
#ifndef TOOLS_DOCTOR_DOCTOR_H
#define TOOLS_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/kreg.h"
#include "tools/out/output.h"
#include "tools/out/terminal.h"
#include "tools/who.h"

struct client;

/* From the least to the worst. */
enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_UNKNOWN, /* it could not be looked at */
	DOCTOR_WARNING, /* nothing fails yet, or what fails is not certain to be wrong */
	DOCTOR_FAILURE,
	DOCTOR_VERDICTS,
};

struct doctor_look;

struct doctor {
	struct client *client;
	const char *only;        /* a registry, as kreg_open() takes it; NULL: all */
	const char *guard;       /* its folder; NULL: $KREG_GUARD is "none" */
	const char *guard_given; /* by --path, for the options; NULL */
	int64_t interval_ms;     /* between the two looks; 0: only one */
	bool only_bad;           /* of the verdicts only those from WARNING on */

	/* Set by the checks. */
	bool guard_runs;
	unsigned int registries;
	struct doctor_look *looks; /* the first ones */
	unsigned int count[DOCTOR_VERDICTS];

	struct output *json; /* NULL: lines */
	struct terminal terminal;
	int err; /* of the output */
};

struct doctor_finding {
	enum doctor_verdict verdict;
	const char *check;  /* its word */
	const char *object; /* a registry, a file or a folder; NULL: the host */
	pid_t pid;          /* the process that it is about; 0 */
};

/* Text of others has to be escaped: doctor_text(), doctor_process(). */
void doctor_say(struct doctor *doctor, const struct doctor_finding *finding, const char *format,
		...) __attribute__((format(printf, 3, 4)));

/* The same of the host. */
#define doctor_say_host(doctor, is, word, ...)                                                     \
	doctor_say(doctor, &(struct doctor_finding){ .verdict = (is), .check = (word) },           \
		   __VA_ARGS__)

#define DOCTOR_TEXT 128

/* What a terminal may get of @bytes, cut where there is no room. Return: @to. */
const char *doctor_text(char to[DOCTOR_TEXT], const void *bytes, size_t size);

/* "pid 4711 (cache)". @comm: NULL, if it is unknown. Return: @to. */
const char *doctor_process(char to[DOCTOR_TEXT], pid_t pid, const char *comm);

/* "12M"; and "3h05m" of milliseconds. Return: @to. */
const char *doctor_size(char to[32], uint64_t bytes);
const char *doctor_age(char to[32], uint64_t ms);

/* "exited with status 1", as far as that is known. Return: @to. */
const char *doctor_end(char to[DOCTOR_TEXT], const struct kreg_end *end);

/*
 * The first line of a file, without its end. Return: false, if it cannot be read.
 */
bool doctor_read_line(const char *path, char *to, size_t size);

int64_t doctor_now_ms(void);

/* The groups of checks, in their order. */
void doctor_host(struct doctor *doctor);
void doctor_guard(struct doctor *doctor);
void doctor_space(struct doctor *doctor);
/* All of them. Return: 0, or an error of kreg_registries_each(). */
int doctor_registries(struct doctor *doctor);

/* Of an open registry: @before is filled, or NULL, if there was no other look before @now. */
struct doctor_patient {
	struct doctor *doctor;
	struct kreg *k;
	const char *name;
	const struct doctor_look *before, *now;
	struct who_cache *who;
};

/* doctor_say() of a registry, about the process @about or 0. */
#define doctor_say_of(patient, is, word, about, ...)                                               \
	doctor_say((patient)->doctor,                                                              \
		   &(struct doctor_finding){ .verdict = (is),                                      \
					     .check = (word),                                      \
					     .object = (patient)->name,                            \
					     .pid = (about) },                                     \
		   __VA_ARGS__)

/* So many of a kind are said by themselves. */
#define DOCTOR_MOST 8

void doctor_memory(const struct doctor_patient *patient);
void doctor_owners(const struct doctor_patient *patient);
void doctor_services(const struct doctor_patient *patient);
void doctor_supervised(const struct doctor_patient *patient);
void doctor_cluster(const struct doctor_patient *patient);

#endif
