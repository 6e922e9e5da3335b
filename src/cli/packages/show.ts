/** Shows an operator what an installation would bring: who signed it, what it asks for, and what changes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { ok, type Result } from "../../errors.ts";
import { limitsAbove } from "../../gateway/plugins/catalogue.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { installedPath } from "../../packages/installed.ts";
import type { PluginPackage } from "../../packages/package.ts";
import { type LockFile, readLock, signedBy } from "../../packages/trust/lock.ts";
import { readSigners, type TrustedSigner } from "../../packages/trust/signers.ts";
import { toEntry } from "../../permissions/grammar/descriptor.ts";
import { difference, type PermissionSet, permissionSet, printSet } from "../../permissions/grammar/sets.ts";
import { explainRisk } from "../../permissions/risk.ts";
import type { Found } from "./found.ts";

/** What is known about signers. */
export interface Known {
  readonly lock: LockFile;
  readonly signers: readonly TrustedSigner[];
}

export function readKnown(dataDir: string): Result<Known> {
  const lock = readLock(dataDir);
  if (!lock.ok) return lock;
  const signers = readSigners(dataDir);
  return signers.ok ? ok({ lock: lock.value, signers: signers.value }) : signers;
}

/** `signed by …`, and whether that signer is trusted, was seen before, or is new. */
export function signerLine({ signer }: Pick<PluginPackage, "signer">, { lock, signers }: Known): string {
  if (signer === null) return "not signed";
  const { fingerprint } = signer;
  const trusted = signers.find((each) => each.fingerprint === fingerprint);
  if (trusted !== undefined) return `signed by ${trusted.name} (${fingerprint}), whom you trust`;
  const since = Object.hasOwn(lock.signers, fingerprint) ? lock.signers[fingerprint] : undefined;
  if (since === undefined) return `signed by ${fingerprint}, a signer never seen before`;
  const plugins = signedBy(lock, fingerprint);
  return `signed by ${fingerprint}, seen before (since ${since.slice(0, 10)}${plugins.length === 0 ? "" : `; ${plugins.join(", ")}`})`;
}

/** All lines about a plan, each package in the order in which it is installed. */
export function planLines(plan: readonly Found[], known: Known, config: Config): string[] {
  const head = plan.length === 1 ? [] : [`${plan.length} plugins are installed, in this order:`];
  return [...head, ...plan.flatMap(({ contents, from }) => packageLines(contents, known, config, plan.length === 1 ? null : from))];
}

function packageLines(found: PluginPackage, known: Known, config: Config, from: string | null): string[] {
  const { manifest } = found;
  const before = installedManifest(config.data_dir, manifest.name);
  const limits = Object.entries(limitsAbove(manifest, config));
  return [
    `${manifest.name} ${manifest.version} by ${manifest.author}: ${manifest.description}`,
    ...(from === null ? [] : [`  from ${from}`]),
    `  ${signerLine(found, known)}`,
    ...(before === null ? [] : [`  replaces version ${before.version}; ${changeLine(before, manifest)}`]),
    manifest.permissions.length === 0 ? "It asks for no permissions." : "It asks for:",
    ...manifest.permissions.flatMap((permission) => {
      const { words, risk } = explainRisk(toEntry(permission));
      return [`  ${words}`, `      ${risk}`];
    }),
    ...(limits.length === 0 ? [] : [`  more than the usual limits: ${limits.map(([name, value]) => `${name} ${value}`).join(", ")}`]),
  ];
}

/** The difference in permissions, in one line. */
export function changeLine(before: Manifest, after: Manifest): string {
  const [old, next] = [permissionSet(before.permissions), permissionSet(after.permissions)];
  if (!old.ok || !next.ok) return "its permissions are too many to compare";
  const added = difference(next.value, old.value);
  const removed = difference(old.value, next.value);
  if (added.length + removed.length === 0) return "it asks for the same permissions";
  const part = (words: string, set: PermissionSet) => (set.length === 0 ? [] : [`${words} ${printSet(set)}`]);
  return [...part("asks in addition for", added), ...part("no longer asks for", removed)].join("; ");
}

/** Null when it is not installed from a package, or its manifest cannot be read. */
export function installedManifest(dataDir: string, name: string): Manifest | null {
  try {
    const manifest = parseManifest(readFileSync(join(installedPath(dataDir, name), MANIFEST_FILE), "utf8"), MANIFEST_FILE);
    return manifest.ok ? manifest.value : null;
  } catch {
    // Not installed.
    return null;
  }
}
