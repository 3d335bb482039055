/* SPDX-License-Identifier: MIT */
/*
 * What the fragments of C in the pages take for granted: an open registry, and what their program does otherwise.
 * A fragment that begins with "struct kreg *k;" has a registry of its own.
 */
#include <check.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kreg.h>
#include <kreg-services.h>
#include <kreg-check.h>

extern struct kreg *k;
extern struct kreg_owner owner;
extern struct kreg_ref ref;
extern const void *key;
extern size_t key_size;
extern const char *path, *mine, *address;
extern volatile sig_atomic_t interrupted;
extern TCase *tcase;

/* A server's own. */
#define VERSION 1
#define CLIENTS_MAX 100
void refuse_client(void);
void keep_serving(void);
void save_state(void);
void finish_and_exit(void) __attribute__((noreturn));
int serve_at(const char *where);
void schedule(void);
uint32_t checksum(const void *bytes, size_t size);
extern const char *request;
void send_to(uint64_t port, const char *what);
struct message;
extern struct message message;
int send_datagram(const void *to, size_t to_size, const struct message *message);
int sd_notifyf(int unset, const char *format, ...) __attribute__((format(printf, 2, 3)));
