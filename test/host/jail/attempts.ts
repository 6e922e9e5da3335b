/** What a host that has been taken over would try. Runs inside the jail; each row says what came of it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { FileWallBuilder } from "../../../src/bridge/launch.ts";
import { cString, type Libc, libc, pointerArray } from "../../../src/linux/libc.ts";

export interface Surroundings {
  /** The gateway. */
  readonly gateway: number;
  /** Files with a secret: in a home folder, and in the gateway's data folder. */
  readonly secrets: readonly string[];
  /** The data folder, in which `databases` lies. */
  readonly dataFolder: string;
  readonly databases: string;
  readonly tcpPort: number;
  readonly unixSocket: string;
  readonly abstractSocket: string;
  readonly self: readonly string[];
  readonly builder: FileWallBuilder;
}

export interface Outcome {
  readonly name: string;
  readonly refused: boolean;
  readonly detail: string;
}

/** [x64, arm64]; null where the architecture has no such call. */
const CALL = {
  accept4: [288, 242],
  add_key: [248, 217],
  bind: [49, 200],
  bpf: [321, 280],
  chdir: [80, 49],
  chmod: [90, null],
  chown: [92, null],
  chroot: [161, 51],
  clone: [56, 220],
  clone3: [435, 435],
  connect: [42, 203],
  creat: [85, null],
  delete_module: [176, 106],
  dup2: [33, null],
  execve: [59, 221],
  execveat: [322, 281],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fcntl: [72, 25],
  fork: [57, null],
  fsopen: [430, 430],
  init_module: [175, 105],
  inotify_init1: [294, 26],
  io_setup: [206, 0],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  kcmp: [312, 272],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  kill: [62, 129],
  landlock_create_ruleset: [444, 444],
  link: [86, null],
  linkat: [265, 37],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  mount: [165, 40],
  move_pages: [279, 239],
  mq_open: [240, 180],
  name_to_handle_at: [303, 264],
  open: [2, null],
  open_by_handle_at: [304, 265],
  openat: [257, 56],
  openat2: [437, 437],
  perf_event_open: [298, 241],
  personality: [135, 92],
  pidfd_getfd: [438, 438],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  pivot_root: [155, 41],
  prctl: [157, 167],
  prlimit64: [302, 261],
  process_madvise: [440, 440],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  quotactl: [179, 60],
  reboot: [169, 142],
  renameat2: [316, 276],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  sched_setaffinity: [203, 122],
  sched_setscheduler: [144, 119],
  seccomp: [317, 277],
  semget: [64, 190],
  sendmsg: [46, 211],
  setdomainname: [171, 162],
  sethostname: [170, 161],
  setns: [308, 268],
  setpgid: [109, 154],
  setpriority: [141, 140],
  setrlimit: [160, 164],
  setsid: [112, 157],
  setuid: [105, 146],
  setxattr: [188, 5],
  shmget: [29, 194],
  socket: [41, 198],
  socketpair: [53, 199],
  splice: [275, 76],
  swapon: [167, 224],
  symlink: [88, null],
  symlinkat: [266, 36],
  syslog: [103, 116],
  tgkill: [234, 131],
  tkill: [200, 130],
  truncate: [76, 45],
  umount2: [166, 39],
  unlinkat: [263, 35],
  unshare: [272, 97],
  userfaultfd: [323, 282],
  ustat: [136, null],
  utimensat: [280, 88],
  vfork: [58, null],
  vmsplice: [278, 75],
  wait4: [61, 260],
} as const;

const AT_FDCWD = -100;
const O_RDWR_CREAT = 2 | 0x40;
const SIGCHLD = 17;
const CLONE_VM_THREAD = 0x100 | 0x10000 | 0x800;
const CLONE_NEWUSER = 0x1000_0000;
/** EPERM, EACCES, ENOSYS; ETXTBSY for a program that runs. In a root of its own also ENOENT and EROFS. */
const REFUSALS: Readonly<Record<FileWallBuilder, readonly number[]>> = { landlock: [1, 13, 38, 26], namespace: [1, 13, 38, 26, 2, 30] };

type Attempt = readonly [name: string, run: () => string | null];

/** Each attempt gives null when it went through, or how it was refused. */
export async function runAttempts(around: Surroundings): Promise<Outcome[]> {
  const kernel = libc();
  const outcomes: Outcome[] = [];
  for (const [name, run] of [...files(around), ...calls(kernel, around)]) outcomes.push(outcome(name, attempt(run)));
  for (const [name, run] of bunAttempts(around)) {
    const refusal = await run().then(
      () => null,
      (thrown: unknown) => words(thrown),
    );
    outcomes.push(outcome(name, refusal));
  }
  return outcomes;
}

function outcome(name: string, refusal: string | null): Outcome {
  return { name, refused: refusal !== null, detail: refusal ?? "went through" };
}

function attempt(run: () => string | null): string | null {
  try {
    return run();
  } catch (thrown) {
    return words(thrown);
  }
}

function words(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Through Bun's own interfaces: a refusal is an exception. */
function files(around: Surroundings): Attempt[] {
  const read = (path: string): Attempt => [
    `read ${path}`,
    () => {
      readFileSync(path);
      return null;
    },
  ];
  const list = (path: string): Attempt => [
    `list ${path}`,
    () => {
      readdirSync(path);
      return null;
    },
  ];
  const devices = ["/dev/tty", "/dev/ttyS0", "/dev/ptmx", "/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/zero"];
  const gateway = `/proc/${around.gateway}`;
  return [
    ...["/etc/passwd", "/etc/shadow", "/etc/hostname", ...around.secrets, ...devices].map(read),
    ...["status", "environ", "maps", "mem", "cmdline"].map((name) => read(`${gateway}/${name}`)),
    ...["/proc/1/status", "/proc/self/root/etc/passwd", "/sys/kernel/notes", "/proc/sys/kernel/hostname"].map(read),
    ...["/", "/etc", "/home", "/tmp", "/proc", "/dev", "/sys", around.dataFolder, `${gateway}/fd`].map(list),
    [
      "readlink of the gateway's executable",
      () => {
        readlinkSync(`${gateway}/exe`);
        return null;
      },
    ],
  ];
}

function bunAttempts(around: Surroundings): readonly (readonly [name: string, run: () => Promise<unknown>])[] {
  const socket = { data() {} };
  return [
    ["Bun.spawn", async () => Bun.spawn(["/bin/true"]).exited],
    ["Bun.spawn of itself", async () => Bun.spawn([...around.self]).exited],
    ["Bun.spawnSync", async () => Bun.spawnSync(["/bin/sh", "-c", "true"])],
    ["Bun.$", async () => Bun.$`/bin/true`.quiet()],
    ["fetch", async () => fetch(`http://127.0.0.1:${around.tcpPort}/`)],
    ["Bun.connect to TCP", async () => Bun.connect({ hostname: "127.0.0.1", port: around.tcpPort, socket })],
    ["Bun.connect to a unix socket", async () => Bun.connect({ unix: around.unixSocket, socket })],
    ["Bun.connect to an abstract socket", async () => Bun.connect({ unix: around.abstractSocket, socket })],
    ["Bun.listen", async () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket })],
    ["Bun.listen on a unix socket", async () => Bun.listen({ unix: `${around.databases}/socket`, socket })],
    ["Bun.serve", async () => Bun.serve({ port: 0, fetch: () => new Response() })],
    ["Bun.udpSocket", async () => Bun.udpSocket({})],
    ["Bun.write outside", async () => Bun.write(`${around.dataFolder}/written`, "x")],
    ["process.kill of the gateway", async () => process.kill(around.gateway, 0)],
    ["process.kill of its group", async () => process.kill(-around.gateway, 0)],
    ["process.setuid", async () => process.setuid?.(1000)],
    ["Bun.mmap outside", async () => Bun.mmap("/etc/passwd")],
  ];
}

/** Through raw system calls. */
function calls(kernel: Libc, around: Surroundings): Attempt[] {
  const column = kernel.architecture === "x64" ? 0 : 1;
  const raw = (name: keyof typeof CALL, ...args: readonly (number | bigint | Uint8Array)[]): Attempt[] =>
    row(name, `${name}(${args.map((value) => (value instanceof Uint8Array ? "ptr" : value)).join(", ")})`, args);
  const row = (name: keyof typeof CALL, title: string, args: readonly (number | bigint | Uint8Array)[]): Attempt[] => {
    const number = CALL[name][column];
    if (number === null) return [];
    return [
      [
        title,
        () => {
          const { errno } = kernel.raw(number, ...args);
          return REFUSALS[around.builder].includes(errno) ? `errno ${errno}` : null;
        },
      ],
    ];
  };
  const path = (text: string) => cString(text);
  const allowed = `${around.databases}/mine`;
  const gateway = around.gateway;
  const buffer = new Uint8Array(4096);
  const clone3 = new Uint8Array(new BigUint64Array([0n, 0n, 0n, 0n, BigInt(SIGCHLD), 0n, 0n, 0n]).buffer);
  const truthy = path("/bin/true");
  const argv = pointerArray([truthy]);
  const limit = new Uint8Array(new BigUint64Array([1n << 40n, 1n << 40n]).buffer);
  return [
    // Processes and threads.
    ...raw("fork"),
    ...raw("vfork"),
    ...raw("clone", SIGCHLD, 0, 0, 0, 0),
    ...row("clone", "clone of a process with shared memory", [0x4000 | 0x100 | SIGCHLD, 0, 0, 0, 0]),
    ...row("clone", "clone of a thread with less than pthread_create asks", [CLONE_VM_THREAD, 0, 0, 0, 0]),
    ...row("clone", "clone into a user namespace", [CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0]),
    ...raw("clone3", clone3, 64),
    ...raw("execve", truthy, argv, pointerArray([])),
    ...raw("execveat", AT_FDCWD, truthy, argv, pointerArray([]), 0),
    ...raw("wait4", -1, 0, 1, 0),
    // Other processes.
    ...raw("kill", gateway, 0),
    ...raw("kill", gateway, 18),
    ...raw("kill", -1, 0),
    ...raw("tkill", gateway, 0),
    ...raw("tgkill", gateway, gateway, 0),
    ...raw("rt_sigqueueinfo", gateway, 15, buffer),
    ...raw("rt_tgsigqueueinfo", gateway, gateway, 15, buffer),
    ...raw("pidfd_open", gateway, 0),
    ...raw("pidfd_getfd", 0, 0, 0),
    ...raw("pidfd_send_signal", 0, 9, 0, 0),
    ...raw("ptrace", 16, gateway, 0, 0),
    ...row("ptrace", "ptrace(TRACEME)", [0, 0, 0, 0]),
    ...raw("process_vm_readv", gateway, buffer, 1, buffer, 1, 0),
    ...raw("process_vm_writev", gateway, buffer, 1, buffer, 1, 0),
    ...raw("process_madvise", 0, buffer, 1, 21, 0),
    ...raw("kcmp", process.pid, gateway, 0, 0, 0),
    ...raw("move_pages", gateway, 0, 0, 0, 0, 0),
    ...row("prlimit64", "prlimit64 of the gateway", [gateway, 7, 0, buffer]),
    ...row("fcntl", "fcntl(F_SETOWN, gateway)", [0, 8, gateway]),
    ...row("fcntl", "fcntl(F_SETSIG, SIGKILL)", [0, 10, 9]),
    ...row("fcntl", "fcntl(F_NOTIFY)", [0, 1026, 1]),
    ...row("ioctl", "ioctl(FIOASYNC)", [0, 0x5452, buffer]),
    ...row("ioctl", "ioctl(TIOCSTI)", [0, 0x5412, buffer]),
    ...row("ioctl", "ioctl(SIOCSPGRP)", [0, 0x8902, buffer]),
    ...raw("sched_setaffinity", gateway, 8, buffer),
    ...raw("sched_setscheduler", 0, 1, buffer),
    ...raw("setpriority", 0, gateway, 19),
    ...raw("setpgid", 0, gateway),
    ...raw("setsid"),
    // Limits and privileges.
    ...row("prlimit64", "prlimit64: own limits up", [0, 2, limit, 0]),
    ...raw("setrlimit", 2, limit),
    ...raw("setuid", 0),
    ...row("prctl", "prctl(PR_SET_DUMPABLE)", [4, 1, 0, 0, 0]),
    ...row("prctl", "prctl(PR_SET_PDEATHSIG)", [1, 0, 0, 0, 0]),
    ...row("prctl", "prctl(PR_SET_SECCOMP)", [22, 1, 0, 0, 0]),
    ...row("prctl", "prctl(PR_SET_PTRACER)", [0x59616d61, gateway, 0, 0, 0]),
    ...raw("seccomp", 1, 0, buffer),
    ...raw("landlock_create_ruleset", 0, 0, 1),
    ...raw("personality", 0x0040000),
    // Namespaces and mounts.
    ...raw("unshare", CLONE_NEWUSER),
    ...raw("setns", 0, 0),
    ...raw("mount", path("none"), path("/tmp"), path("tmpfs"), 0, 0),
    ...raw("umount2", path("/tmp"), 2),
    ...raw("pivot_root", path("/"), path("/")),
    ...raw("chroot", path("/")),
    ...raw("fsopen", path("tmpfs"), 0),
    ...raw("chdir", path("/")),
    // Sockets.
    ...[1, 2, 10, 16, 17, 40].flatMap((family) => row("socket", `socket of family ${family}`, [family, 1, 0])),
    ...raw("socketpair", 1, 1, 0, buffer),
    ...raw("connect", 3, buffer, 16),
    ...raw("bind", 3, buffer, 16),
    ...raw("accept4", 3, 0, 0, 0),
    ...row("sendmsg", "sendmsg over the bridge", [4, buffer, 0]),
    // Kernel interfaces.
    ...raw("io_uring_setup", 8, buffer),
    ...raw("io_setup", 8, buffer),
    ...raw("memfd_create", path("x"), 0),
    ...raw("memfd_secret", 0),
    ...raw("bpf", 0, buffer, 72),
    ...raw("perf_event_open", buffer, 0, -1, -1, 0),
    ...raw("userfaultfd", 1),
    ...raw("keyctl", 0, -3, 0, 0, 0),
    ...raw("add_key", path("user"), path("x"), buffer, 1, -2),
    ...raw("inotify_init1", 0),
    ...raw("shmget", 0, 4096, 0o1666),
    ...raw("semget", 0, 1, 0o1666),
    ...raw("mq_open", path("x"), 0x42, 0o666, 0),
    ...raw("splice", 3, 0, 4, 0, 1, 0),
    ...raw("vmsplice", 4, buffer, 0, 0),
    ...raw("init_module", buffer, 1, path("")),
    ...raw("delete_module", path("x"), 0),
    ...raw("kexec_load", 0, 0, 0, 0),
    ...raw("reboot", 0, 0, 0, 0),
    ...raw("swapon", path("/x"), 0),
    ...raw("sethostname", path("x"), 1),
    ...raw("setdomainname", path("x"), 1),
    ...raw("syslog", 3, buffer, 10),
    ...raw("quotactl", 0, 0, 0, 0),
    ...raw("ustat", 0, buffer),
    // Files, past Bun's interfaces.
    ...row("open", "open(/etc/passwd)", [path("/etc/passwd"), 0, 0]),
    ...row("openat", "openat(/etc/passwd)", [AT_FDCWD, path("/etc/passwd"), 0, 0]),
    ...row("openat", "openat of a new file outside", [AT_FDCWD, path(`${around.dataFolder}/new`), O_RDWR_CREAT, 0o600]),
    ...row("openat", "openat of the database folder's parent through ..", [AT_FDCWD, path(`${around.databases}/../secret`), 0, 0]),
    ...row("openat", "openat of its own executable for writing", [AT_FDCWD, path(process.execPath), 2, 0]),
    ...row("openat", "openat of its own source for writing", [AT_FDCWD, path(import.meta.path), 2, 0]),
    ...row("openat", "openat of a library for writing", [AT_FDCWD, path("/usr/lib/os-release"), 2, 0]),
    ...row("openat", "openat of /proc/self/mem for writing", [AT_FDCWD, path("/proc/self/mem"), 2, 0]),
    ...row("openat", "openat of /proc/self/oom_score_adj for writing", [AT_FDCWD, path("/proc/self/oom_score_adj"), 2, 0]),
    ...row("openat", "openat with O_PATH and reading through it", [AT_FDCWD, path("/proc/self/cwd/etc/passwd"), 0, 0]),
    ...raw("openat2", AT_FDCWD, path("/etc/passwd"), buffer, 24),
    ...raw("open_by_handle_at", 3, buffer, 0),
    ...raw("name_to_handle_at", AT_FDCWD, path("/"), buffer, buffer, 0),
    ...raw("creat", path(`${around.dataFolder}/new`), 0o600),
    ...row("unlinkat", "unlinkat of a secret", [AT_FDCWD, path(around.secrets[0] ?? ""), 0]),
    ...raw("symlink", path("/etc/passwd"), path(allowed)),
    ...raw("symlinkat", path("/etc/passwd"), AT_FDCWD, path(allowed)),
    ...raw("link", path("/etc/passwd"), path(allowed)),
    ...raw("linkat", AT_FDCWD, path(allowed), AT_FDCWD, path(`${around.dataFolder}/out`), 0),
    ...raw("renameat2", AT_FDCWD, path(allowed), AT_FDCWD, path(`${around.dataFolder}/out`), 0),
    ...raw("mkdirat", AT_FDCWD, path(allowed), 0o700),
    ...row("mknodat", "mknodat of a disk", [AT_FDCWD, path(allowed), 0o60600, 0x801]),
    ...row("mknodat", "mknodat of a character device", [AT_FDCWD, path(allowed), 0o20600, 0x101]),
    ...row("mknodat", "mknodat of a pipe", [AT_FDCWD, path(allowed), 0o10600, 0]),
    ...row("mknodat", "mknodat of a socket", [AT_FDCWD, path(allowed), 0o140600, 0]),
    ...raw("chmod", path(around.secrets[0] ?? ""), 0o777),
    ...raw("fchmodat", AT_FDCWD, path(around.secrets[0] ?? ""), 0o777, 0),
    ...raw("fchmod", 1, 0o777),
    ...raw("chown", path(around.secrets[0] ?? ""), 0, 0),
    ...raw("truncate", path(around.secrets[0] ?? ""), 0),
    ...raw("utimensat", AT_FDCWD, path(around.secrets[0] ?? ""), 0, 0),
    ...raw("setxattr", path(around.secrets[0] ?? ""), path("user.x"), buffer, 1, 0),
    ...raw("dup2", 0, 9),
    // Other ways into the kernel.
    ...(column === 0 ? x32(kernel) : []),
  ];
}

/** The same calls under their x32 numbers. */
function x32(kernel: Libc): Attempt[] {
  return [39, 41, 57, 512].map((number) => [
    `x32 call ${number}`,
    () => {
      const { errno } = kernel.raw(0x4000_0000 + number, 1, 1, 0);
      return REFUSALS.landlock.includes(errno) ? `errno ${errno}` : null;
    },
  ]);
}
