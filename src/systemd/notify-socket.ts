/** Datagrams to the service manager, as sd_notify(3) sends them. Bun has no sockets of this kind, so system calls do it. */
import { type Libc, libc } from "../linux/libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` of the kernel, with its closing zero. */
const MAX_PATH = 108;

/** Sends lines such as `READY=1`. False when nothing took them; that is no reason to stop working. */
export interface NotifySocket {
  send(lines: readonly string[]): boolean;
}

/** `path` is the value of NOTIFY_SOCKET. Null where it names no socket that this program can send to. */
export function notifySocket(path: string | undefined, kernel: () => Libc = libc): NotifySocket | null {
  const address = path === undefined ? null : addressOf(path);
  if (address === null) return null;
  return {
    send(lines) {
      const calls = kernel();
      const socket = calls.call("socket", AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
      if (socket.errno !== 0) return false;
      const bytes = new TextEncoder().encode(lines.map(oneLine).join("\n"));
      const sent = calls.call("sendto", socket.value, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
      calls.call("close", socket.value);
      return sent.errno === 0;
    },
  };
}

/** A text in a value must not begin an assignment of its own. */
function oneLine(line: string): string {
  return line.replace(/[\n\r\0]+/g, " ").slice(0, 1000);
}

/** `/path`, or `@name` in the abstract namespace. */
function addressOf(path: string): Uint8Array | null {
  const name = new TextEncoder().encode(path);
  const isAbstract = path.startsWith("@");
  if ((!isAbstract && !path.startsWith("/")) || name.length < 2 || name.length >= MAX_PATH) return null;
  if (isAbstract) name[0] = 0;
  return new Uint8Array([AF_UNIX, 0, ...name, ...(isAbstract ? [] : [0])]);
}
