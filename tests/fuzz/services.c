/* SPDX-License-Identifier: MIT */
/*
 * A file of services, as `regtool up` reads it: an invalid file is refused with an error
 * message, and nothing else happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kreg-services.h"
#include "tests/fuzz/target.h"
#include "tests/support/tmp.h"

const char fuzz_name[] = "services";
const unsigned int fuzz_runs = 3000;

static char path[256];

static void hear(const char *sentence, void *data)
{
	int *said = data;

	*said = *sentence != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kreg_supervision *what;
	int said = 0, err;
	FILE *file;

	if (!*path)
		snprintf(path, sizeof(path), "%s/services.ini", tmp_directory());
	file = fopen(path, "w");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		abort();
	err = kreg_supervision_read(&what, path, hear, &said);
	if (err && !said) {
		fprintf(stderr, "fuzz: refused with %d, and no sentence\n", err);
		abort();
	}
	if (!err)
		kreg_supervision_free(what);
	return 0;
}
