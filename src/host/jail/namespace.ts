/**
 * Wall "files", second builder: a root that holds only what the rules name. This process was started in a user and mount
 * namespace of its own (see sandbox/file-wall.ts), so it may mount; what it mounts is seen by nobody else. The capabilities
 * that allow this are dropped afterwards.
 */
import { closeSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { cString, type Libc } from "../../linux/libc.ts";
import { refusal } from "../../linux/rlimits.ts";
import type { PathRights, PathRule } from "./paths.ts";

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0x80000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MNT_DETACH = 2;
const [RDONLY, NOSUID, NODEV, NOEXEC] = [1n, 2n, 4n, 8n];
/** Flags of mount(2) with the same meaning. */
const MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8;

/** A mount cannot give devices or new privileges; only programs and libraries can be mapped as code. */
const ATTRIBUTES: Readonly<Record<PathRights, bigint>> = {
  execute: RDONLY | NOSUID | NODEV,
  read: RDONLY | NOSUID | NODEV | NOEXEC,
  database: NOSUID | NODEV | NOEXEC,
  device: NOSUID | NOEXEC,
};
const DEVICE_FOLDER = "/dev/";

/** The new root is put together over one of these; they are only covered in this process's namespace. */
const PLACES = ["/tmp", "/mnt", "/var", "/run"];

/** Folders on the way to what is attached can be passed, but not listed. */
const PASS_ONLY = 0o111;

interface Tree {
  readonly path: string;
  /** A copy of what lies at the path, not yet attached anywhere. */
  readonly fd: number;
  readonly isFolder: boolean;
}

/** Returns what failed, or null when nothing but the rules' paths is left under `/`. */
export function enterNewRoot(libc: Libc, rules: readonly PathRule[]): string | null {
  const trees: Tree[] = [];
  try {
    for (const rule of rules) {
      const tree = copyTree(libc, rule);
      if (typeof tree === "string") return tree;
      if (tree !== null) trees.push(tree);
    }
    return changeRoot(libc, trees);
  } catch (thrown) {
    return `the new root cannot be made: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  } finally {
    for (const { fd } of trees) closeSync(fd);
  }
}

/** All copies are taken before the new root covers a folder. Null: there is no such path, and none is needed. */
function copyTree(libc: Libc, { path, rights, needed }: PathRule): Tree | string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return needed === true ? `${path} does not exist` : null;
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  const opened = libc.call("open_tree", AT_FDCWD, cString(path), flags);
  if (opened.errno !== 0) return `${path} cannot be copied into the new root (errno ${opened.errno})`;
  const attributes = path.startsWith(DEVICE_FOLDER) ? ATTRIBUTES[rights] & ~NODEV : ATTRIBUTES[rights];
  const problem = restrict(libc, { fd: opened.value, path: "", flags: AT_EMPTY_PATH | AT_RECURSIVE }, attributes);
  if (problem === null) return { path, fd: opened.value, isFolder: stats.isDirectory() };
  closeSync(opened.value);
  return `${path}: ${problem}`;
}

interface MountPoint {
  readonly fd: number;
  readonly path: string;
  readonly flags: number;
}

/** Adds attributes to mounts; what a mount has already stays. */
function restrict(libc: Libc, { fd, path, flags }: MountPoint, attributes: bigint): string | null {
  const value = new Uint8Array(new BigUint64Array([attributes, 0n, 0n, 0n]).buffer);
  return refusal("mount_setattr", libc.call("mount_setattr", fd, cString(path), flags, value, value.length));
}

function changeRoot(libc: Libc, trees: readonly Tree[]): string | null {
  const root = PLACES.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (root === undefined) return `there is no folder to put a new root on (${PLACES.join(", ")})`;
  const type = cString("tmpfs");
  const made = libc.call("mount", type, cString(root), type, MS_NOSUID_NODEV_NOEXEC, cString(`mode=${PASS_ONLY.toString(8)},size=1m`));
  if (made.errno !== 0) return refusal("mounting an empty root", made);
  for (const tree of trees) {
    const problem = attach(libc, tree, `${root}${tree.path}`);
    if (problem !== null) return problem;
  }
  const here = cString(".");
  const steps = [
    ["entering the new root", () => libc.call("chdir", cString(root))],
    ["pivot_root", () => libc.call("pivot_root", here, here)],
    // The old root lies over the new one at the same place now.
    ["leaving the old root", () => libc.call("umount2", here, MNT_DETACH)],
    ["chdir", () => libc.call("chdir", cString("/"))],
  ] as const;
  for (const [what, step] of steps) {
    const problem = refusal(what, step());
    if (problem !== null) return problem;
  }
  return restrict(libc, { fd: AT_FDCWD, path: "/", flags: 0 }, RDONLY);
}

/** A path below one that is there already needs no place made for it. */
function attach(libc: Libc, { path, fd, isFolder }: Tree, target: string): string | null {
  if (statSync(target, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(isFolder ? target : dirname(target), { recursive: true, mode: PASS_ONLY });
    if (!isFolder) writeFileSync(target, "");
  }
  return refusal(`attaching ${path}`, libc.call("move_mount", fd, cString(""), AT_FDCWD, cString(target), MOVE_MOUNT_F_EMPTY_PATH));
}
