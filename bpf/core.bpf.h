/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel types that the guard reads, and each difference between kernels, in one
 * place.
 *
 * A header generated from one kernel has 130,000 lines, of which the guard needs thirty.
 *
 * Promises  only the fields named here are read; CO-RE relocates each access when the
 *           programs are loaded, so the order and the other fields of these structs are
 *           irrelevant.
 * Needs     a kernel with BTF (CONFIG_DEBUG_INFO_BTF), 5.19 or later. A field that the
 *           kernel does not have makes loading fail, and never reads something else.
 * Used by   bpf/guard.bpf.c.
 */
#ifndef KREG_CORE_BPF_H
#define KREG_CORE_BPF_H

/* What libbpf's headers need, in place of the kernel's types.h. */
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false = 0, true = 1 };

/* The generic numbers. alpha, mips, parisc and sparc have others. */
#define ENOENT 2
#define ESRCH 3
#define E2BIG 7
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EBUSY 16
#define EEXIST 17
#define EUSERS 87
#define ESHUTDOWN 108
#define EDQUOT 122

/* Parts of the kernel's interface, with its values. */
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { SIGNAL_GROUP_EXIT = 4 }; /* in signal->flags: group_exit_code is the process's */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* Each access to a field of the following structs is relocated. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	int group_exit_code;
	unsigned int flags;
};

struct task_struct {
	int pid;
	int tgid; /* the pid of the process, in the initial namespace */
	int exit_code;
	int exit_state;       /* non-zero: the task is dead, and only waits to be reaped */
	__u64 start_boottime; /* named real_start_time before 5.5 */
	__u64 self_exec_id;   /* how often it has called exec */
	struct task_struct *group_leader;
	struct signal_struct *signal;
	char comm[16];
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

struct linux_binprm;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#endif
