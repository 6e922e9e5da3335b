/** A stand-in for the service manager: a datagram socket of the kernel's, which keeps what it was told. Bun has none of this kind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { libc } from "../../src/linux/libc.ts";

const NUMBERS = { bind: [49, 200], recvfrom: [45, 207] } as const;
const LOOK_MS = 10;

export interface StandIn {
  /** The value of NOTIFY_SOCKET. */
  readonly path: string;
  /** All messages so far, one for each datagram. */
  readonly heard: string[];
  /** Resolves once a message for which this holds has come; rejects after `deadlineMs`. */
  until(what: (message: string) => boolean, deadlineMs?: number): Promise<string>;
  stop(): void;
}

/** `abstract`: a socket without a file. */
export function listenAsServiceManager({ abstract = false } = {}): StandIn {
  const kernel = libc();
  const column = kernel.architecture === "x64" ? 0 : 1;
  const folder = mkdtempSync(join(tmpdir(), "notify-"));
  const path = abstract ? `@${folder}/notify` : join(folder, "notify");
  const address = new Uint8Array([1, 0, ...new TextEncoder().encode(abstract ? `\0${path.slice(1)}` : `${path}\0`)]);
  const socket = kernel.call("socket", 1, 2 | 0o2000000 | 0o4000, 0).value;
  const bound = kernel.raw(NUMBERS.bind[column], socket, address, address.length);
  if (bound.errno !== 0) throw new Error(`bind: errno ${bound.errno}`);
  const heard: string[] = [];
  const buffer = new Uint8Array(8192);
  const read = () => {
    for (;;) {
      const got = kernel.raw(NUMBERS.recvfrom[column], socket, buffer, buffer.length, 0, 0, 0);
      if (got.errno !== 0) return;
      heard.push(new TextDecoder().decode(buffer.subarray(0, got.value)));
    }
  };
  const timer = setInterval(read, LOOK_MS);
  return {
    path,
    heard,
    async until(what, deadlineMs = 60_000) {
      for (let at = 0, waited = 0; ; waited += LOOK_MS) {
        for (; at < heard.length; at++) if (what(heard[at] ?? "")) return heard[at] ?? "";
        if (waited > deadlineMs) throw new Error(`not heard; heard: ${JSON.stringify(heard)}`);
        await Bun.sleep(LOOK_MS);
      }
    },
    stop() {
      clearInterval(timer);
      kernel.call("close", socket);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
