/* SPDX-License-Identifier: MIT */
/*
 * The table of listings: the three services of one namespace among many other services,
 * beside three lookups.
 */
#include <stdio.h>
#include <string.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define FOUND 3
#define FEW 1000u

struct listing {
	struct kreg *few;
	struct kreg *many;
};

static void service_register(struct kreg *k, const char *key)
{
	int err = kreg_register(k, key, KREG_STRING, "8 bytes.", 8, NULL);

	if (err)
		die("kreg_register", err);
}

/* Namespaces of 10 services each, and that of the three. */
static void services_fill(struct kreg *k, uint32_t first, uint32_t entries)
{
	char key[64];
	uint32_t i;

	for (i = 0; i < entries; i++) {
		snprintf(key, sizeof(key), "other-%u/role-%u", (first + i) / 10, i % 10);
		service_register(k, key);
	}
	for (i = 0; i < FOUND; i++) {
		snprintf(key, sizeof(key), "wanted/role-%u", i);
		service_register(k, key);
	}
}

static double looked_up(void *state)
{
	struct listing *l = state;
	double start = run_ns();
	int i, round;

	for (round = 0; round < 1000; round++) {
		for (i = 0; i < FOUND; i++) {
			char key[] = "wanted/role-0", value[8];

			key[sizeof(key) - 2] += (char)i;
			if (kreg_lookup(l->many, key, sizeof(key) - 1, value, 8, NULL) != 8)
				die("kreg_lookup", -2);
		}
	}
	return (run_ns() - start) / 1000 / 1000;
}

static int count_one(const struct kreg_service *service, void *data)
{
	(void)service;
	++*(int *)data;
	return 0;
}

static double listed(struct kreg *k)
{
	double start = run_ns();
	int found = 0, err = kreg_service_each(k, "wanted", count_one, &found);

	if (err || found != FOUND)
		die("kreg_service_each", err);
	return (run_ns() - start) / 1000;
}

static double listed_few(void *state)
{
	struct listing *l = state;

	return listed(l->few);
}

static double listed_many(void *state)
{
	struct listing *l = state;

	return listed(l->many);
}

static void list_run(const struct bench_options *options)
{
	char few_name[64], many_name[64];
	struct way ways[] = {
		{ "3 kreg_lookup", looked_up },
		{ few_name, listed_few },
		{ many_name, listed_many, "<= 5 us" },
	};
	struct holders *few = holders_start(options, "few", 1, FEW, services_fill);
	struct holders *many = holders_start(options, "many", 1, options->many, services_fill);
	struct listing l = { registry_open(options, "few"), registry_open(options, "many") };

	snprintf(few_name, sizeof(few_name), "kreg_service_each, 3 of %u", FEW);
	snprintf(many_name, sizeof(many_name), "kreg_service_each, 3 of %u", options->many);
	title_print(options, "Listing the 3 services of a namespace");
	row_heading("lookups");
	ways_compare(options, ways, 3, "us", &l);
	kreg_close(l.few);
	kreg_close(l.many);
	holders_end(few);
	holders_end(many);
	registry_destroy(options, "few");
	registry_destroy(options, "many");
}

const struct table table_list = { "list", "listing 3 names of many by their namespace", list_run };
