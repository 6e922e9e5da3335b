/**
 * The shared page: the host names the realm it is about to run before it runs it, and beats while it lives. Timers and
 * microtasks have no call in flight by which the gateway could know the cause of a kill.
 */

import { type ptr, toArrayBuffer } from "bun:ffi";
import { closeSync, readSync } from "node:fs";
import { GatewayError } from "../errors.ts";
import { type RealmNumber, realmNumber } from "../ids.ts";
import { cString, libc } from "../linux/libc.ts";

/** The shared page in which the host names the realm it is about to run, so that a kill can name the culprit. */
export interface RunningPage {
  /** Before any instruction of this realm runs. */
  enter(realm: RealmNumber): void;
  leave(): void;
  /** "I am alive": between slices, twice a second while the gateway sends something, and every few seconds at rest. */
  beat(): void;
}

/** For hosts without a watchdog. */
export const noPage: RunningPage = { enter() {}, leave() {}, beat() {} };

const SIZE = 4096;
/** Words of 32 bits. */
const REALM = 0;
const BEATS = 1;

export interface PageState {
  /** The realm that runs, or null between two. The host wrote it: only the number of one of its own realms means anything. */
  readonly realm: RealmNumber | null;
  /** Changes with every sign of life. */
  readonly beats: number;
}

/** The gateway's end. It reads with pread, so that nothing the host does to the memory can hurt. */
export interface SharedPage {
  readonly fd: number;
  read(): PageState;
  /** Idempotent. */
  close(): void;
}

const MFD_CLOEXEC_SEALING = 3;
const F_ADD_SEALS = 1033;
/** No growing, no shrinking, no further seals. */
const SEALS = 7;

/** A page without a name in any folder. Throws GatewayError `unavailable`. */
export function createPage(): SharedPage {
  const kernel = libc();
  const made = kernel.call("memfd_create", cString("zephyrgate-page"), MFD_CLOEXEC_SEALING);
  if (made.errno !== 0) throw new GatewayError("unavailable", `The shared page cannot be made (errno ${made.errno})`);
  const fd = made.value;
  const sized = kernel.call("ftruncate", fd, SIZE);
  const sealed = kernel.call("fcntl", fd, F_ADD_SEALS, SEALS);
  if (sized.errno !== 0 || sealed.errno !== 0) {
    closeSync(fd);
    throw new GatewayError("unavailable", `The shared page cannot be sized (errno ${sized.errno || sealed.errno})`);
  }
  const words = new Uint32Array(2);
  let closed = false;
  return {
    fd,
    read() {
      if (!closed) readSync(fd, words, 0, words.byteLength, 0);
      const realm = words[REALM] ?? 0;
      return { realm: realm === 0 ? null : realmNumber(realm), beats: words[BEATS] ?? 0 };
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(fd);
    },
  };
}

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** The host's end: plain stores into shared memory. Realm numbers start at 1. Throws GatewayError `unavailable`. */
export function mapPage(fd: number): RunningPage {
  const mapped = libc().call("mmap", 0, SIZE, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (mapped.errno !== 0) throw new GatewayError("unavailable", `The shared page cannot be mapped (errno ${mapped.errno})`);
  return pageOver(new Uint32Array(memoryAt(mapped.value)));
}

/** The host's end over given words. */
export function pageOver(words: Uint32Array): RunningPage {
  const beat = () => {
    words[BEATS] = (words[BEATS] ?? 0) + 1;
  };
  return {
    beat,
    enter(realm) {
      words[REALM] = realm;
      beat();
    },
    leave() {
      words[REALM] = 0;
      beat();
    },
  };
}

function memoryAt(address: number): ArrayBuffer {
  // bun:ffi types pointers as a branded number, which only its own functions give: this address comes from the kernel.
  return toArrayBuffer(address as ReturnType<typeof ptr>, 0, SIZE);
}
