/**
 * The one place where files and folders are replaced. Each function leaves, after a power cut at any instruction, the old
 * state or the new one, or a state that the recovery at the next start completes.
 */
import { lstatSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { causeOf, GatewayError } from "../errors.ts";
import { type Disk, systemDisk } from "./disk.ts";

export interface WriteOptions {
  readonly mode?: number;
  readonly disk?: Disk;
}

const TEMPORARY = /^\..+\.\d+\.[0-9a-f]{8}\.tmp$/;

/**
 * Replaces a file in one step: a reader sees the old or the new content, also after a power cut. `mode` is set
 * before the first byte is written, so a secret is at no time readable by others.
 * Throws the system's error, and the old file is untouched; or GatewayError `data_unusable` when the new file is in place
 * but a power cut may still bring back the old one.
 */
export function writeFileAtomically(path: string, content: string | Uint8Array, options: WriteOptions = {}): void {
  const { mode = 0o644, disk = systemDisk } = options;
  const temporary = temporaryFor(path);
  try {
    writeAndSync(disk, temporary, content, mode);
    disk.rename(temporary, path);
  } catch (thrown) {
    removeQuietly(disk, temporary);
    throw thrown;
  }
  syncAfterReplacing(disk, path);
}

/** Makes a file in one step, unless there is one: true if it was made. Of several processes one wins. */
export function createFileOnce(path: string, content: string | Uint8Array, options: WriteOptions = {}): boolean {
  const { mode = 0o644, disk = systemDisk } = options;
  const temporary = temporaryFor(path);
  try {
    writeAndSync(disk, temporary, content, mode);
    // A link and not a rename: a file that another process made in the meantime must stay.
    disk.link(temporary, path);
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  } finally {
    removeQuietly(disk, temporary);
  }
  syncAfterReplacing(disk, path);
  return true;
}

/** Moves a complete file to another name in the same file system, over what is there; durable when it returns. */
export function replaceFile(from: string, to: string, disk: Disk = systemDisk): void {
  const file = disk.open(from);
  try {
    disk.sync(file);
  } finally {
    disk.close(file);
  }
  disk.rename(from, to);
  syncAfterReplacing(disk, to);
  if (dirname(from) !== dirname(to)) disk.syncFolder(dirname(from));
}

/** Removes a file if it is there; durable when it returns. */
export function removeFile(path: string, disk: Disk = systemDisk): void {
  try {
    disk.unlink(path);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    return;
  }
  disk.syncFolder(dirname(path));
}

/** Removes what writes that were cut off left in a folder. The names removed. */
export function removeLeftovers(folder: string, disk: Disk = systemDisk): string[] {
  const names = readdirSync(folder).filter((name) => TEMPORARY.test(name));
  for (const name of names) removeQuietly(disk, join(folder, name));
  return names;
}

/** Writes a new file whole, and syncs its content; the name is durable once its folder is synced. */
export function writeAndSync(disk: Disk, path: string, content: string | Uint8Array, mode: number): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const file = disk.create(path, mode);
  try {
    for (let written = 0; written < bytes.length; ) written += disk.write(file, bytes.subarray(written));
    disk.sync(file);
  } finally {
    disk.close(file);
  }
}

/** Whether something has this name: a link counts, whatever it leads to. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (thrown) {
    // A file stands where a folder on the way should be.
    if (codeOf(thrown) === "ENOTDIR") return false;
    throw thrown;
  }
}

function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`);
}

/** A rename is durable only after the folder is synced. */
function syncAfterReplacing(disk: Disk, path: string): void {
  try {
    disk.syncFolder(dirname(path));
  } catch (cause) {
    throw new GatewayError("data_unusable", `the new file is in place, but its folder cannot be synced (${codeOf(cause)})`, {
      where: path,
      hint: "after a power cut the old content may come back: check the disk",
      cause,
    });
  }
}

/** What made the write fail is the error to report; the next start removes the rest. */
function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.unlink(path);
  } catch {
    // It was never made, or was renamed away.
  }
}

/** The system's code, such as ENOENT; of an error that has none, its words. */
export function codeOf(thrown: unknown): string {
  return causeOf(thrown);
}
