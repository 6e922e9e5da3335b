/**
 * Power cuts, played: a disk that records every system call, and replays each prefix of what was recorded in a fresh copy
 * of the folder, in the ways in which a cut can leave it.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Disk, systemDisk } from "../../src/storage/disk.ts";

type Call = readonly [name: keyof Disk, ...args: readonly unknown[]];

/** `killed`: the kernel lives on, all calls count. `data`: contents that were not synced are gone. `names`: names, too. */
export const CUTS = ["killed", "data", "names"] as const;
export type Cut = (typeof CUTS)[number];

export class RecordingDisk implements Disk {
  readonly calls: Call[] = [];

  constructor(private readonly canExchange: boolean) {}

  #do<T>(call: Call, run: () => T): T {
    const value = run();
    this.calls.push(call);
    return value;
  }
  create(path: string, mode: number): number {
    const file = systemDisk.create(path, mode);
    this.calls.push(["create", path, mode, file]);
    return file;
  }
  open(path: string): number {
    const file = systemDisk.open(path);
    this.calls.push(["open", path, file]);
    return file;
  }
  write = (file: number, bytes: Uint8Array) => this.#do(["write", file, bytes.slice()], () => systemDisk.write(file, bytes));
  sync = (file: number) => this.#do(["sync", file], () => systemDisk.sync(file));
  close = (file: number) => this.#do(["close", file], () => systemDisk.close(file));
  mkdir = (path: string, mode: number) => this.#do(["mkdir", path, mode], () => systemDisk.mkdir(path, mode));
  rename = (from: string, to: string) => this.#do(["rename", from, to], () => systemDisk.rename(from, to));
  exchange = (one: string, other: string) =>
    this.canExchange ? this.#do(["exchange", one, other], () => systemDisk.exchange(one, other)) : false;
  link = (from: string, to: string) => this.#do(["link", from, to], () => systemDisk.link(from, to));
  unlink = (path: string) => this.#do(["unlink", path], () => systemDisk.unlink(path));
  rmdir = (path: string) => this.#do(["rmdir", path], () => systemDisk.rmdir(path));
  syncFolder = (path: string) => this.#do(["syncFolder", path], () => systemDisk.syncFolder(path));
}

/** The folders whose names a call changes. */
function foldersOf([name, first, second]: Call): string[] {
  if (["create", "mkdir", "unlink", "rmdir"].includes(name)) return [dirname(String(first))];
  if (["rename", "exchange", "link"].includes(name)) return [dirname(String(first)), dirname(String(second))];
  return [];
}

/** Indexes of calls that change names and that no later sync of one of their folders made durable. */
function lostNames(calls: readonly Call[]): Set<number> {
  const lost = new Set<number>();
  for (let at = calls.length - 1; at >= 0; at--) {
    const call = calls[at];
    if (call === undefined) continue;
    const folders = foldersOf(call);
    if (folders.length === 0) continue;
    const later = [...calls.entries()].slice(at + 1);
    const synced = later.some(([, [name, path]]) => name === "syncFolder" && folders.includes(String(path)));
    // Where a folder is known to be gone, what was deleted in it is gone.
    const gone = later.some(([index, [name, path]]) => name === "rmdir" && path === folders[0] && !lost.has(index));
    if (!synced && !gone) lost.add(at);
  }
  return lost;
}

/** Makes the folder `root` what it is after a cut behind these calls. Paths recorded below `recorded` are moved to `root`. */
function replay(calls: readonly Call[], recorded: string, root: string, cut: Cut): void {
  const skip = cut === "names" ? lostNames(calls) : new Set<number>();
  const here = (path: unknown) => root + String(path).slice(recorded.length);
  const files = new Map<unknown, { real: number; path: string; synced: boolean; written: boolean }>();
  // A name in a folder whose own name is lost is lost with it.
  const isReachable = (path: unknown) => existsSync(dirname(here(path)));
  for (const [at, [name, first, second, third]] of calls.entries()) {
    if (typeof first === "string" && name !== "syncFolder" && !isReachable(first)) continue;
    const file = files.get(first);
    if (name === "create" && !skip.has(at))
      files.set(third, { real: systemDisk.create(here(first), Number(second)), path: here(first), synced: false, written: false });
    else if (name === "open") files.delete(second);
    else if (name === "write" && file !== undefined) {
      systemDisk.write(file.real, second as Uint8Array);
      file.written = true;
    } else if (name === "sync" && file !== undefined) file.synced = true;
    else if (name === "close" && file !== undefined) {
      // Without a sync the name may be there and the content not.
      if (cut !== "killed" && !file.synced && file.written) truncateSync(file.path);
      systemDisk.close(file.real);
      files.delete(first);
    } else if (name === "mkdir" && !skip.has(at)) systemDisk.mkdir(here(first), Number(second));
    else if (["rename", "exchange", "link"].includes(name) && !skip.has(at)) systemDisk[name as "rename"](here(first), here(second));
    else if (["unlink", "rmdir"].includes(name) && !skip.has(at)) systemDisk[name as "unlink"](here(first));
  }
  for (const { real, path, synced } of files.values()) {
    if (cut !== "killed" && !synced) truncateSync(path);
    systemDisk.close(real);
  }
}

export interface CutTest {
  /** Makes the state before, in the folder. */
  readonly before: (root: string) => void;
  /** What is cut. */
  readonly act: (root: string, disk: Disk) => void;
  /** What the next start does. */
  readonly recover: (root: string) => void;
  /** One word for the state that is seen. */
  readonly state: (root: string) => string;
  readonly canExchange?: boolean;
}

/** Every state that can be seen after a cut and the next start, with the first call after which each is seen. */
export function statesAfterCuts({ before, act, recover, state, canExchange = true }: CutTest): { states: string[]; cuts: number } {
  const home = mkdtempSync(join(tmpdir(), "zg-cut-"));
  try {
    const [origin, recorded] = [join(home, "origin"), join(home, "recorded")];
    systemDisk.mkdir(origin, 0o755);
    before(origin);
    cpSync(origin, recorded, { recursive: true });
    const disk = new RecordingDisk(canExchange);
    act(recorded, disk);
    const seen = new Set<string>();
    for (let count = 0; count <= disk.calls.length; count++) {
      for (const cut of CUTS) {
        const root = join(home, `${cut}${count}`);
        cpSync(origin, root, { recursive: true });
        replay(disk.calls.slice(0, count), recorded, root, cut);
        recover(root);
        seen.add(state(root));
        rmSync(root, { recursive: true });
      }
    }
    return { states: [...seen].sort(), cuts: disk.calls.length * CUTS.length };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
