/** The walls, each known by trying to pass it. */
import type { Wall, WallName } from "../../bridge/launch.ts";
import { ERRNO, type Libc } from "../../linux/libc.ts";
import { getLimit, RLIMIT } from "../../linux/rlimits.ts";
import { hasNoCapabilities } from "./privileges.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0x80000;
const PR_GET_NO_NEW_PRIVS = 39;
const AT_FDCWD = -100;
const O_CLOEXEC = 0x80000;

/** Runs in stage two. `closeLast` installs seccomp, which forbids the system calls that try the other walls: so they are tried first. */
export function checkWalls(
  libc: Libc,
  plan: { readonly parent: number },
  failed: Partial<Record<WallName, string>>,
  closeLast: () => string | null,
): Wall[] {
  const wall = (name: WallName, stands: boolean, tried: string, required = true): Wall => {
    const problem = failed[name];
    return {
      wall: name,
      stands: stands && problem === undefined,
      detail: problem === undefined ? tried : `${tried}; ${problem}`,
      required,
    };
  };
  const errno = (result: { value: number; errno: number }) => {
    if (result.errno === 0) libc.call("close", result.value);
    return result.errno;
  };
  const root = errno(libc.call("openat", AT_FDCWD, new Uint8Array([0x2f, 0]), O_CLOEXEC, 0));
  const core = getLimit(libc, 0, RLIMIT.CORE);
  const privileges = libc.call("prctl", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0).value;
  const signal = libc.call("kill", plan.parent, 0).errno;
  const tcp = connectLoopback(libc);
  const before = [
    wall("capabilities", hasNoCapabilities(libc), "capget: all sets read"),
    wall("no_new_privs", privileges === 1, `PR_GET_NO_NEW_PRIVS: ${privileges}`),
    wall("limits", core?.hard === 0n, `prlimit64: core dumps of ${core?.hard} bytes allowed`),
    wall("landlock", root === ERRNO.EACCES, `opening /: errno ${root}`),
    wall("landlock_network", tcp === ERRNO.EACCES, `connecting to a TCP port: errno ${tcp}`, false),
    wall("landlock_scope", signal === ERRNO.EPERM, `signal 0 to the gateway: errno ${signal}`, false),
  ];
  const problem = closeLast();
  const socket = errno(libc.call("socket", AF_UNIX, SOCK_STREAM_CLOEXEC, 0));
  const detail = `socket(AF_UNIX): errno ${socket}${problem === null ? "" : `; ${problem}`}`;
  return [...before, wall("seccomp", problem === null && socket === ERRNO.EPERM, detail)];
}

/** Port 9 of the loopback address; Landlock refuses before anything is sent. */
function connectLoopback(libc: Libc): number {
  const socket = libc.call("socket", AF_INET, SOCK_STREAM_CLOEXEC, 0);
  if (socket.errno !== 0) return socket.errno;
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, 0, 9, 127, 0, 0, 1]);
  const { errno } = libc.call("connect", socket.value, address, 16);
  libc.call("close", socket.value);
  return errno;
}
