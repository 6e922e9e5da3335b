/**
 * Puts a decided restore in place, and takes it back when no gateway starts with it. Every function goes on where a cut left it.
 * Nothing is deleted but what was only unpacked: what was there before, and what did not start, stay in folders of their own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, isThere, removeFile, writeFileAtomically } from "../storage/atomic.ts";
import { type Disk, systemDisk } from "../storage/disk.ts";
import { deleteTree, makeFolder } from "../storage/folders.ts";
import { isCredential, isMachineOwned } from "./contents.ts";
import { coreProblem } from "./make.ts";
import { type Plan, readPlan, workOf, writePlan } from "./plan.ts";

const CORE = "gateway.db";
/** So often a gateway may end while it starts, in one boot of the machine, before what was restored counts as the cause. */
const MAX_STARTS = 3;
const CONFIG = "config.yaml";
const CONFIG_BEFORE = "config-before";

export interface FinishedRestore {
  readonly state: "trial" | "returned";
  /** The folder with what was there before. */
  readonly aside: string;
  /** The folder with what did not start. */
  readonly failed: string;
  readonly why: string | null;
  readonly by: string | null;
}

/** Whether a database can be used. */
export type IsSound = (path: string) => boolean;
const isSoundDatabase: IsSound = (path) => coreProblem(path) === null;

export interface SettleOptions {
  readonly isSound?: IsSound;
  /** Identifies this boot of the machine: a power cut is not the fault of what was restored. */
  readonly boot: string;
  readonly disk?: Disk;
}

/**
 * What a start has to do about a restore, before it reads anything else: it completes what was cut off, and counts the start.
 * Null when there is none. Throws the system's error; what is not yet done is done at the next start.
 */
export function settleRestore(
  dataDir: string,
  { boot, disk = systemDisk, isSound = isSoundDatabase }: SettleOptions,
): FinishedRestore | null {
  const plan = finishRestore(dataDir, disk);
  if (plan?.state !== "trial") return plan === null ? null : finished(dataDir, plan);
  const starts = [...plan.starts, boot];
  if (starts.filter((each) => each === boot).length <= MAX_STARTS || !canReturn(dataDir, plan, isSound))
    return finished(dataDir, writePlan(dataDir, { ...plan, starts: starts.slice(-20) }, disk));
  const why = `the gateway ended ${MAX_STARTS} times before it was up`;
  return finished(dataDir, putBack(dataDir, writePlan(dataDir, { ...plan, state: "back", why }, disk), disk));
}

/** Puts a backup in place for which that was decided, or what was there before when that was. Null when there is neither. */
export function finishRestore(dataDir: string, disk: Disk = systemDisk): Plan | null {
  const plan = readPlan(dataDir);
  if (plan === null) {
    // Cut off before it was decided.
    if (isThere(workOf(dataDir))) deleteTree(workOf(dataDir), disk);
    return null;
  }
  if (plan.state === "back") return putBack(dataDir, plan, disk);
  if (plan.state !== "decided") return plan;
  try {
    return putInPlace(dataDir, plan, disk);
  } catch (thrown) {
    // Half of it is in place. What was there before comes back; if that fails too, the next start does it.
    const why = `it could not be put in place (${codeOf(thrown)})`;
    return putBack(dataDir, writePlan(dataDir, { ...plan, state: "back", why }, disk), disk);
  }
}

/** A gateway runs with what is in place: the restore, or the return of what was there before, is over. */
export function endRestore(dataDir: string): void {
  const plan = readPlan(dataDir);
  if (plan === null || plan.state === "decided" || plan.state === "back") return;
  deleteTree(workOf(dataDir));
}

/** Decides that the next start takes back what was restored, because no gateway starts with it. False: there is nothing to take back. */
export function rejectRestore(dataDir: string, why: string, isSound: IsSound = isSoundDatabase): boolean {
  const plan = readPlan(dataDir);
  if (plan?.state !== "trial" || !canReturn(dataDir, plan, isSound)) return false;
  writePlan(dataDir, { ...plan, state: "back", why });
  return true;
}

/**
 * Without a database there was no gateway before, as on a new machine, and a damaged one may be why a backup was restored:
 * to bring these back is no better than to say why the restored one does not start.
 */
function canReturn(dataDir: string, { aside }: Plan, isSound: IsSound): boolean {
  const core = join(dataDir, aside, CORE);
  return isThere(core) && isSound(core);
}

function finished(dataDir: string, { state, aside, failed, why, by }: Plan): FinishedRestore {
  const folders = { aside: join(dataDir, aside), failed: join(dataDir, failed) };
  return { state: state === "returned" ? "returned" : "trial", ...folders, why, by };
}

function putInPlace(dataDir: string, plan: Plan, disk: Disk): Plan {
  const work = workOf(dataDir);
  const fresh = join(work, "new");
  const aside = join(dataDir, plan.aside);
  moveAway(dataDir, { to: aside, marker: "moved", isMoved: (name) => isReplaced(name, plan) }, disk);
  bring(fresh, { to: dataDir, replaced: aside }, disk);
  const config = join(work, "config");
  if (plan.config !== null && isThere(config)) {
    const before = join(work, CONFIG_BEFORE);
    if (isThere(plan.config) && !isThere(before)) writeFileAtomically(before, readFileSync(plan.config), { mode: 0o600, disk });
    // Beside the data too, so that it is found whatever folder the file lies in.
    if (isThere(before) && !isThere(join(aside, CONFIG)))
      writeFileAtomically(join(aside, CONFIG), readFileSync(before), { mode: 0o600, disk });
    writeFileAtomically(plan.config, readFileSync(config), { mode: 0o600, disk });
  }
  return writePlan(dataDir, { ...plan, state: "trial" }, disk);
}

function putBack(dataDir: string, plan: Plan, disk: Disk): Plan {
  const aside = join(dataDir, plan.aside);
  const failed = join(dataDir, plan.failed);
  // Before all of it was moved away, what is still in its place is not the restore's.
  const isBrought = (name: string) => plan.credentials.includes(name) && !isThere(join(workOf(dataDir), "new", name));
  const isOfRestore = (name: string) => isReplaced(name, plan) || isBrought(name);
  if (isThere(join(workOf(dataDir), "moved"))) moveAway(dataDir, { to: failed, marker: "moved-back", isMoved: isOfRestore }, disk);
  if (plan.config !== null) putConfigBack(dataDir, { ...plan, config: plan.config }, disk);
  if (isThere(aside)) {
    bring(aside, { to: dataDir, replaced: failed }, disk);
    disk.rmdir(aside);
    disk.syncFolder(dataDir);
  }
  return writePlan(dataDir, { ...plan, state: "returned" }, disk);
}

/** A configuration file inside the data folder is moved with all the rest. */
function putConfigBack(dataDir: string, plan: Plan & { readonly config: string }, disk: Disk): void {
  const before = join(workOf(dataDir), CONFIG_BEFORE);
  if (!isThere(before) || !isThere(plan.config)) return;
  const [aside, failed] = [plan.aside, plan.failed].map((folder) => join(dataDir, folder, CONFIG));
  if (failed !== undefined && !isThere(failed)) {
    makeFolder(dirname(failed), disk);
    writeFileAtomically(failed, readFileSync(plan.config), { mode: 0o600, disk });
  }
  const content = readFileSync(before);
  writeFileAtomically(plan.config, content, { mode: 0o600, disk });
  if (aside !== undefined && isThere(aside) && content.equals(readFileSync(aside))) removeFile(aside, disk);
}

interface Move {
  readonly to: string;
  /** The name in the work folder which says that all has been moved. */
  readonly marker: string;
  isMoved(name: string): boolean;
}

function moveAway(dataDir: string, { to, marker, isMoved }: Move, disk: Disk): void {
  makeFolder(to, disk);
  const done = join(workOf(dataDir), marker);
  if (isThere(done)) return;
  for (const name of readdirSync(dataDir)) if (isMoved(name)) move(join(dataDir, name), join(to, name), disk);
  disk.syncFolder(to);
  disk.syncFolder(dataDir);
  writeFileAtomically(done, "", { disk });
}

function bring(from: string, { to, replaced }: { readonly to: string; readonly replaced: string }, disk: Disk): void {
  makeFolder(replaced, disk);
  for (const name of readdirSync(from)) {
    // Only a credential can still be there: what is replaced has been moved.
    if (isThere(join(to, name))) move(join(to, name), join(replaced, name), disk);
    disk.rename(join(from, name), join(to, name));
  }
  disk.syncFolder(to);
  disk.syncFolder(replaced);
}

function isReplaced(name: string, { aside, coreOnly }: Plan): boolean {
  if (coreOnly) return name === CORE || name.startsWith(`${CORE}-`);
  return !isMachineOwned(name) && !isCredential(name) && name !== aside;
}

function move(from: string, to: string, disk: Disk): void {
  let free = to;
  for (let count = 2; isThere(free); count++) free = `${to}-${count}`;
  disk.rename(from, free);
}
