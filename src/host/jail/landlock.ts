/** Wall "files", first builder: Landlock rules say which files the host may reach. They bind the calling thread and what it becomes by execve. */
import { type CallResult, cString, type Libc } from "../../linux/libc.ts";
import type { PathRights, PathRule } from "./paths.ts";

const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const REMOVE_FILE = 1n << 5n;
const MAKE_REG = 1n << 8n;
const REFER = 1n << 13n;
const TRUNCATE = 1n << 14n;
const IOCTL_DEV = 1n << 15n;
/** Bits 0 to 12 exist since the first version; all are handled, so all that no rule gives is refused. */
const FIRST_VERSION = (1n << 13n) - 1n;

const RIGHTS = {
  /** Programs and libraries: read, list, map as code. */
  execute: EXECUTE | READ_FILE | READ_DIR,
  read: READ_FILE | READ_DIR,
  /** Databases with their journals: no directories, links, devices, sockets, pipes. */
  database: READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE,
  device: READ_FILE | WRITE_FILE,
} as const satisfies Record<PathRights, bigint>;
const FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

const O_PATH_CLOEXEC = 0x200000 | 0x80000;
const O_DIRECTORY = [0x10000, 0x4000] as const;
const AT_FDCWD = -100;
const RULE_PATH_BENEATH = 1;
const VERSION_FLAG = 1;
const NET_TCP = 3n;
const SCOPES = 3n;

/** Returns what failed, or null when the rules bind this thread. */
export function restrictFiles(libc: Libc, rules: readonly PathRule[]): string | null {
  const version = libc.call("landlock_create_ruleset", 0, 0, VERSION_FLAG);
  if (version.errno !== 0) return `this kernel offers no Landlock (errno ${version.errno})`;
  const handled = handledRights(version.value);
  const ruleset = createRuleset(libc, version.value, handled);
  if (ruleset.errno !== 0) return `the ruleset was refused (errno ${ruleset.errno})`;
  try {
    for (const rule of rules) {
      const problem = addRule(libc, ruleset.value, rule, handled);
      if (problem !== null) return problem;
    }
    const bound = libc.call("landlock_restrict_self", ruleset.value, 0);
    return bound.errno === 0 ? null : `the rules were refused (errno ${bound.errno})`;
  } finally {
    libc.call("close", ruleset.value);
  }
}

function handledRights(version: number): bigint {
  return FIRST_VERSION | (version >= 2 ? REFER : 0n) | (version >= 3 ? TRUNCATE : 0n) | (version >= 5 ? IOCTL_DEV : 0n);
}

function createRuleset(libc: Libc, version: number, handled: bigint): CallResult {
  const attributes = new BigUint64Array([handled, NET_TCP, SCOPES]);
  const size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  return libc.call("landlock_create_ruleset", new Uint8Array(attributes.buffer), size, 0);
}

function addRule(libc: Libc, ruleset: number, rule: PathRule, handled: bigint): string | null {
  const path = cString(rule.path);
  const opened = libc.call("openat", AT_FDCWD, path, O_PATH_CLOEXEC, 0);
  if (opened.errno !== 0) return rule.needed === true ? `${rule.path} cannot be opened (errno ${opened.errno})` : null;
  const asFolder = libc.call("openat", AT_FDCWD, path, O_PATH_CLOEXEC | O_DIRECTORY[libc.architecture === "x64" ? 0 : 1], 0);
  if (asFolder.errno === 0) libc.call("close", asFolder.value);
  const wanted = RIGHTS[rule.rights] & (asFolder.errno === 0 ? ~0n : FILE_RIGHTS);
  const attribute = new DataView(new ArrayBuffer(12));
  attribute.setBigUint64(0, wanted & handled, true);
  attribute.setInt32(8, opened.value, true);
  const added = libc.call("landlock_add_rule", ruleset, RULE_PATH_BENEATH, new Uint8Array(attribute.buffer), 0);
  libc.call("close", opened.value);
  return added.errno === 0 ? null : `${rule.path} was refused as a rule (errno ${added.errno})`;
}
