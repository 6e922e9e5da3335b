/** One rollout as its coordinator has it. */
import type { SiteId } from "../ports.ts";
import type { StoredRollout } from "./store.ts";
import type { SiteStep } from "./wire.ts";

export interface RolloutSite {
  readonly id: SiteId;
  readonly name: string;
  /** From 1. */
  readonly stage: number;
  /** `waiting`: its stage has not begun. */
  readonly step: SiteStep | "waiting";
  readonly reason: string | null;
}

export interface RolloutStatus {
  readonly id: string;
  /** `back`: the sites return to the version before. */
  readonly way: "out" | "back";
  readonly name: string;
  readonly version: string;
  readonly state: "running" | "watching" | "done" | "halted";
  /** Why it was halted. */
  readonly reason: string | null;
  readonly stage: number;
  readonly stages: number;
  readonly sites: readonly RolloutSite[];
  /** Sites that were offline when it began: they get nothing. */
  readonly leftOut: readonly string[];
  /** Ms since 1970. */
  readonly startedAt: number;
}

export interface Target {
  readonly id: SiteId;
  readonly name: string;
  readonly stage: number;
  step: SiteStep | "waiting";
  reason: string | null;
  heardAt: number;
}

export interface Rollout {
  readonly id: string;
  readonly way: RolloutStatus["way"];
  readonly name: string;
  readonly version: string;
  readonly stages: number;
  readonly waitMs: number;
  readonly package: Uint8Array;
  readonly sha256: string;
  readonly targets: readonly Target[];
  readonly leftOut: readonly string[];
  readonly startedAt: number;
  state: RolloutStatus["state"];
  reason: string | null;
  stage: number;
  /** Monotonic: when the present stage began, and when all of it ran. */
  stageAt: number;
  watchedFrom: number | null;
  /** Monotonic: until then a site that is not heard yet is no trouble. */
  graceUntil: number;
}

/** What each site of a stage must have come to. */
export const GOALS = { out: "running", back: "returned" } as const;

export const isOn = ({ state }: Rollout): boolean => state === "running" || state === "watching";

export const wordsOf = ({ way, name, version }: Rollout): string => `${way === "out" ? "rollout" : "taking back"} of ${name} ${version}`;

export function storedOf(rollout: Rollout): StoredRollout {
  const { id, way, name, version, sha256, waitMs, stages, stage, state, reason, startedAt, leftOut, targets } = rollout;
  const sites = targets.map(({ heardAt: _, ...target }) => target);
  return { id, way, name, version, sha256, waitMs, stages, stage, state, reason, startedAt, leftOut: [...leftOut], targets: sites };
}

export function statusOf({ id, way, name, version, stages, state, reason, stage, targets, leftOut, startedAt }: Rollout): RolloutStatus {
  const sites = targets.map(({ heardAt: _, ...target }) => target);
  return { id, way, name, version, state, reason, stage, stages, sites, leftOut, startedAt };
}
