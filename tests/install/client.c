/* SPDX-License-Identifier: MIT */
/* A user of libkreg, in what C and C++ have in common: registers a name and finds it. */
#include <stdio.h>
#include <string.h>

#include <kreg.h>

/* The library has functions of these names inside; none of them may meet a program's. */
int segment_open(void);
int fd_open(void);
int life_open(void);
int table_seek(void);

int segment_open(void)
{
	return 1;
}

int fd_open(void)
{
	return 2;
}

int life_open(void)
{
	return 3;
}

int table_seek(void)
{
	return 4;
}

int main(void)
{
	struct kreg_owner owner;
	struct kreg *k;
	char value[16];
	ssize_t size = 0;
	int err = kreg_open(&k, "install", NULL);

	if (err) {
		fprintf(stderr, "kreg_open: %s\n", kreg_strerror(err));
		return 1;
	}
	err = kreg_register(k, "client", KREG_STRING, "value", 5, NULL);
	if (!err)
		size = kreg_lookup(k, "client", KREG_STRING, value, sizeof(value), &owner);
	kreg_close(k);
	return err || size != 5 || memcmp(value, "value", 5) != 0;
}
