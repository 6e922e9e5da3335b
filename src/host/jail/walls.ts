/** The walls, each known by trying to pass it. */
import type { FileWall, Wall, WallName } from "../../bridge/launch.ts";
import { type CallResult, cString, ERRNO, type Libc } from "../../linux/libc.ts";
import { getLimit, RLIMIT } from "../../linux/rlimits.ts";
import { hasNoCapabilities } from "./privileges.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0x80000;
const PR_GET_NO_NEW_PRIVS = 39;
const AT_FDCWD = -100;
const O_CLOEXEC = 0x80000;
const O_WRONLY_CREAT = 1 | 0x40;

/** What came of trying one wall. */
interface Trial {
  readonly wall: WallName;
  readonly stands: boolean;
  readonly tried: string;
  /** False: a second wall behind another one, which older kernels lack. */
  readonly required?: boolean;
}

/** Runs in stage two. `closeLast` installs seccomp, which forbids the system calls that try the other walls: so they are tried first. */
export function checkWalls(
  libc: Libc,
  plan: { readonly parent: number; readonly files: FileWall },
  failed: Partial<Record<WallName, string>>,
  closeLast: () => string | null,
): Wall[] {
  const before = [...tryPrivileges(libc), tryFiles(libc, plan.files), tryNetwork(libc), trySignals(libc, plan.parent)];
  const problem = closeLast();
  const socket = errnoOf(libc, libc.call("socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0));
  const tried = `socket(AF_UNIX): errno ${socket}${problem === null ? "" : `; ${problem}`}`;
  const trials: Trial[] = [...before, { wall: "seccomp", stands: problem === null && socket === ERRNO.EPERM, tried }];
  return trials.map(({ wall, stands, tried: detail, required = true }) => {
    const problem = failed[wall];
    return { wall, stands: stands && problem === undefined, detail: problem === undefined ? detail : `${detail}; ${problem}`, required };
  });
}

function tryPrivileges(libc: Libc): Trial[] {
  const core = getLimit(libc, 0, RLIMIT.CORE);
  const privileges = libc.call("prctl", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0).value;
  return [
    { wall: "capabilities", stands: hasNoCapabilities(libc), tried: "capget: all sets read" },
    { wall: "no_new_privs", stands: privileges === 1, tried: `PR_GET_NO_NEW_PRIVS: ${privileges}` },
    { wall: "limits", stands: core?.hard === 0n, tried: `prlimit64: core dumps of ${core?.hard} bytes allowed` },
  ];
}

/** Landlock shows the paths and refuses to open them. In a new root they do not exist, and nothing can be made there. */
function tryFiles(libc: Libc, { builder }: FileWall): Trial {
  const open = (path: string, flags = O_CLOEXEC) => errnoOf(libc, libc.call("openat", AT_FDCWD, cString(path), flags, 0o600));
  if (builder === "namespace") {
    const [etc, made] = [open("/etc"), open("/zephyrgate", O_WRONLY_CREAT | O_CLOEXEC)];
    const tried = `mount namespace: opening /etc: errno ${etc}, making a file in /: errno ${made}`;
    return { wall: "files", stands: etc === ERRNO.ENOENT && made === ERRNO.EROFS, tried };
  }
  const root = open("/");
  const name = builder === "landlock" ? "Landlock" : "no builder";
  return { wall: "files", stands: root === ERRNO.EACCES, tried: `${name}: opening /: errno ${root}` };
}

/** Landlock refuses TCP; an empty network namespace has no way to anywhere. */
function tryNetwork(libc: Libc): Trial {
  const tcp = connectLoopback(libc);
  return {
    wall: "network",
    stands: tcp === ERRNO.EACCES || tcp === ERRNO.ENETUNREACH,
    tried: `connecting to a TCP port: errno ${tcp}`,
    required: false,
  };
}

function trySignals(libc: Libc, gateway: number): Trial {
  const { errno } = libc.call("kill", gateway, 0);
  return { wall: "signals", stands: errno === ERRNO.EPERM, tried: `signal 0 to the gateway: errno ${errno}`, required: false };
}

function errnoOf(libc: Libc, opened: CallResult): number {
  if (opened.errno === 0) libc.call("close", opened.value);
  return opened.errno;
}

/** Port 9 of the loopback address; the wall refuses before anything is sent. */
function connectLoopback(libc: Libc): number {
  const socket = libc.call("socket", AF_INET, SOCK_STREAM_CLOEXEC, 0);
  if (socket.errno !== 0) return socket.errno;
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, 0, 9, 127, 0, 0, 1]);
  const { errno } = libc.call("connect", socket.value, address, 16);
  libc.call("close", socket.value);
  return errno;
}
