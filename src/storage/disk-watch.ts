import { accessSync, closeSync, constants, openSync, statfsSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../clock.ts";
import { codeOf } from "./atomic.ts";

/** What is wrong with the disk of the data folder. `low`: all works, but not for long. */
export type DiskState = "ok" | "low" | "full" | "read_only" | "missing" | "failing";

const LOOK_EVERY_MS = 15_000;
/** While something is wrong: it is over soon after the operator has put it right. */
const LOOK_AGAIN_MS = 5_000;
const PROBE = new Uint8Array(64 * 1024);
/** Below both of these the disk is low: a large one has room for long at two percent. */
const LOW_SHARE = 0.05;
const LOW_BYTES = 200 * 2 ** 20;

export interface DiskWatchDeps {
  readonly folder: string;
  readonly clock: Clock;
  /** Called with each change of the state, and the free bytes. */
  readonly onChange: (state: DiskState, freeBytes: number) => void;
  /** For tests. */
  readonly look?: (folder: string, mustWrite: boolean) => { readonly state: DiskState; readonly freeBytes: number };
}

/** Looks whether the data folder can be written, so that a full disk is nobody else's fault and its end is noticed. */
export class DiskWatch {
  readonly #deps: DiskWatchDeps;
  readonly #inode: number | null;
  #state: DiskState = "ok";
  #freeBytes = 0;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps;
    this.#inode = inodeOf(deps.folder);
  }

  get state(): DiskState {
    return this.#state;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  start(): void {
    if (this.#stopped) return;
    // While something is wrong, only a write shows that it is over.
    this.#look(this.#state !== "ok");
    this.#timer = this.#deps.clock.after(this.#state === "ok" ? LOOK_EVERY_MS : LOOK_AGAIN_MS, () => this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Something failed: tries to write now. False while what plugins and gateway write cannot be kept. */
  isWritable(): boolean {
    this.#look(true);
    return this.#state === "ok" || this.#state === "low";
  }

  #look(mustWrite: boolean): void {
    const { folder, look = lookAt, onChange } = this.#deps;
    const seen = look(folder, mustWrite);
    // Another folder of the same name: what is open lies in the one that was removed.
    const isReplaced = this.#inode !== null && seen.state !== "missing" && inodeOf(folder) !== this.#inode;
    const state = isReplaced ? "missing" : seen.state;
    this.#freeBytes = seen.freeBytes;
    if (state !== this.#state) {
      this.#state = state;
      onChange(state, seen.freeBytes);
    }
  }
}

function lookAt(folder: string, mustWrite: boolean): { state: DiskState; freeBytes: number } {
  let freeBytes = 0;
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    freeBytes = bavail * bsize;
    accessSync(folder, constants.W_OK);
    if (mustWrite || freeBytes < PROBE.length) probe(folder);
    return { state: freeBytes < Math.min(LOW_BYTES, blocks * bsize * LOW_SHARE) ? "low" : "ok", freeBytes };
  } catch (thrown) {
    return { state: stateOf(codeOf(thrown)), freeBytes };
  }
}

/** A few pages. Only where there is a doubt: each file that is made and removed wears the disk. */
function probe(folder: string): void {
  const path = join(folder, `.probe.${process.pid}.00000000.tmp`);
  const file = openSync(path, "w", 0o600);
  try {
    for (let written = 0; written < PROBE.length; ) written += writeSync(file, PROBE, written);
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}

function stateOf(code: string): DiskState {
  if (code === "ENOSPC" || code === "EDQUOT") return "full";
  if (code === "EROFS") return "read_only";
  return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "failing";
}

function inodeOf(folder: string): number | null {
  return statSync(folder, { throwIfNoEntry: false })?.ino ?? null;
}
