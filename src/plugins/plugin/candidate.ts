import type { Manifest } from "../../manifest/schema.ts";

/** A plugin that was found, with its checked manifest. */
export interface Candidate {
  readonly name: string;
  readonly manifest: Manifest;
  readonly bundled: boolean;
  /** The folder, or `bundled:name`. */
  readonly path: string;
}

/** A plugin folder that cannot be used, and why. */
export interface UnusableFolder {
  readonly name: string;
  readonly path: string;
  readonly problem: string;
}

export interface Discovered {
  readonly candidates: readonly Candidate[];
  readonly unusable: readonly UnusableFolder[];
}

export interface Ordered {
  /** Names, dependencies first. */
  readonly order: readonly string[];
  /** All that is missing, by plugin that cannot start for it. */
  readonly unmet: ReadonlyMap<string, readonly string[]>;
}

/** The operator has not accepted what a version asks for. */
export interface AwaitedApproval {
  readonly state: "awaiting";
  readonly reason: string;
  /** Against the set that was accepted last. */
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
}

/** What the operator allows a plugin now. */
export type Approval = { readonly state: "accepted" } | AwaitedApproval;

/**
 * Which process a plugin lives in: the shared one; one of its own for a while, because it was to blame for the end of another;
 * or one of its own for good, with its data where no other process reaches it.
 */
export type HostKey = "shared" | `own:${string}` | `isolated:${string}`;

export function isIsolated(key: HostKey): boolean {
  return key.startsWith("isolated:");
}

/** A version of a plugin, and the process that it is to run in. */
export interface Placed {
  readonly candidate: Candidate;
  readonly hostKey: HostKey;
}

/** Names of the plugins without which it does not start. */
export function requiredOf(candidate: Candidate): string[] {
  return candidate.manifest.dependencies.plugins?.filter((need) => !need.optional).map((need) => need.name) ?? [];
}

/** Names of the plugins that start before it, required and optional ones. */
export function needsOf(candidate: Candidate): string[] {
  return candidate.manifest.dependencies.plugins?.map((need) => need.name) ?? [];
}
