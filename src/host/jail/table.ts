/**
 * The allow-list: what a plugin host may ask of the kernel once it is jailed, measured idle and busy (bridge, SQLite, timers,
 * garbage collection, compilation, new threads). What is not here is refused. Numbers are those of the kernel's unistd tables.
 */

import { ERRNO } from "../../linux/libc.ts";
import type { Rule } from "./filter.ts";

/** What pthread_create asks of clone, in glibc and in musl; anything else could make a process or a namespace. */
const THREAD_FLAGS = [0x003d_0f00, 0x007d_0f00];
/** No F_SETOWN and F_SETSIG: they send any signal to any process. */
const FCNTL = {
  F_DUPFD: 0,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  F_GETLK: 5,
  F_SETLK: 6,
  F_SETLKW: 7,
  F_OFD_GETLK: 36,
  F_OFD_SETLK: 37,
  F_OFD_SETLKW: 38,
  F_DUPFD_CLOEXEC: 1030,
};
/** A terminal's TCGETS (isatty), bytes to read, blocking, close-on-exec. No FIOASYNC, no SIOCSPGRP, no TIOCSTI. */
const IOCTL = { TCGETS: 0x5401, FIONREAD: 0x541b, FIONBIO: 0x5421, FIOCLEX: 0x5451 };
/** Names of threads and their memory areas; no new dumpable, keep-capabilities, seccomp or parent-death settings. */
const PRCTL = { PR_SET_NAME: 15, PR_GET_NAME: 16, PR_SET_VMA: 0x5356_4d41 };

const always = (name: string, x64: number, arm64: number, why: string): Rule => ({ name, numbers: [x64, arm64], why });
const onlyX64 = (name: string, x64: number, why: string): Rule => ({ name, numbers: [x64, null], why });

export const ALLOWED: readonly Rule[] = [
  // The busiest first: the program is read from the top.
  always("futex", 202, 98, "locks and waiting threads"),
  always("read", 0, 63, "bridge, files"),
  always("write", 1, 64, "bridge, log lines on the captured standard output"),
  always("epoll_pwait2", 441, 441, "event loop"),
  always("epoll_pwait", 281, 22, "event loop"),
  always("epoll_create1", 291, 20, "Bun ends itself without it when it makes a second event loop"),
  always("eventfd2", 290, 19, "wakes an event loop"),
  always("epoll_ctl", 233, 21, "event loop"),
  onlyX64("poll", 7, "Bun asks it before each read of the bridge"),
  always("ppoll", 271, 73, "Bun asks it before each read of the bridge"),
  always("preadv2", 327, 286, "Bun reads the bridge without waiting"),
  always("madvise", 28, 233, "allocator and garbage collector give pages back"),
  always("mprotect", 10, 226, "allocator, compiler, growing WebAssembly memories"),
  always("pread64", 17, 67, "SQLite pages"),
  always("pwrite64", 18, 68, "SQLite pages"),
  always("sched_yield", 24, 124, "spin locks of the garbage collector"),

  // Memory.
  always("mmap", 9, 222, "memory; files need an open descriptor first"),
  always("munmap", 11, 215, "memory"),
  always("mremap", 25, 216, "reallocation"),
  always("brk", 12, 214, "the C library's allocator"),
  always("membarrier", 324, 283, "code that was just compiled becomes visible to all threads"),

  // Files. Landlock decides which.
  always("openat", 257, 56, "modules, databases, journals"),
  always("close", 3, 57, "files"),
  always("fstat", 5, 80, "files"),
  always("newfstatat", 262, 79, "SQLite looks whether a journal exists"),
  always("statx", 332, 291, "Bun's file checks"),
  onlyX64("stat", 4, "SQLite"),
  onlyX64("lstat", 6, "SQLite resolves links of a database's path"),
  always("lseek", 8, 62, "files"),
  always("ftruncate", 77, 46, "SQLite journals"),
  always("fsync", 74, 82, "SQLite"),
  always("fdatasync", 75, 83, "SQLite"),
  onlyX64("unlink", 87, "SQLite journals"),
  always("unlinkat", 263, 35, "SQLite journals"),
  onlyX64("access", 21, "SQLite looks for a journal"),
  always("faccessat", 269, 48, "SQLite looks for a journal"),
  always("faccessat2", 439, 439, "SQLite looks for a journal"),
  onlyX64("readlink", 89, "SQLite resolves a database's path"),
  always("readlinkat", 267, 78, "SQLite resolves a database's path"),
  always("getdents64", 217, 61, "Bun's module resolver lists folders"),
  always("getcwd", 79, 17, "SQLite and Bun make paths absolute"),
  {
    name: "fcntl",
    numbers: [72, 25],
    why: "SQLite's locks, non-blocking descriptors",
    when: [{ argument: 1, oneOf: Object.values(FCNTL) }],
  },
  { name: "ioctl", numbers: [16, 29], why: "is this a terminal, how much is there", when: [{ argument: 1, oneOf: Object.values(IOCTL) }] },

  // Threads of the engine: compiler and collector start theirs late.
  { name: "clone", numbers: [56, 220], why: "new threads", when: [{ argument: 0, oneOf: THREAD_FLAGS }] },
  { name: "clone3", numbers: [435, 435], why: "its flags cannot be read; callers fall back to clone", refuseWith: ERRNO.ENOSYS },
  always("set_robust_list", 273, 99, "each new thread"),
  always("rseq", 334, 293, "each new thread"),
  always("set_tid_address", 218, 96, "each new thread, musl"),
  always("exit", 60, 93, "a thread ends"),
  always("exit_group", 231, 94, "the host ends"),
  always("gettid", 186, 178, "threads"),
  always("getpid", 39, 172, "own id"),
  always("sched_getaffinity", 204, 123, "how many processors"),
  always("getrandom", 318, 278, "random numbers"),
  { name: "prctl", numbers: [157, 167], why: "names of threads and memory areas", when: [{ argument: 0, oneOf: Object.values(PRCTL) }] },
  {
    name: "prlimit64",
    numbers: [302, 261],
    why: "own limits are read (stack size of a thread), never set",
    when: [
      { argument: 0, oneOf: [0] },
      { argument: 2, isNull: true },
    ],
  },

  // Signals: the collector stops the engine's own threads.
  always("rt_sigprocmask", 14, 135, "threads"),
  always("rt_sigaction", 13, 134, "own handlers"),
  always("rt_sigreturn", 15, 139, "return from a handler"),
  always("rt_sigsuspend", 130, 133, "a stopped thread waits"),
  always("sigaltstack", 131, 132, "handlers' stacks"),
  {
    name: "tgkill",
    numbers: [234, 131],
    why: "the collector stops own threads; abort",
    when: [{ argument: 0, isSelf: true }],
  },

  // Time.
  always("clock_gettime", 228, 113, "where the vDSO has no clock"),
  always("clock_nanosleep", 230, 115, "sleeping threads"),
  always("nanosleep", 35, 101, "sleeping threads"),
  always("restart_syscall", 219, 128, "a wait goes on after a signal"),

  // The process about itself.
  always("geteuid", 107, 175, "SQLite: is this root"),
  always("getrusage", 98, 165, "processor time of the run queue"),
  always("sysinfo", 99, 179, "memory size, for the collector"),
];
