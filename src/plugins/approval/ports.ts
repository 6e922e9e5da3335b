/** What admission and loading need of the operator's decisions; the stored ones implement it. */
import type { Result } from "../../errors.ts";
import type { LiveCapabilitySet } from "../../permissions/capability-set.ts";
import type { Approval, Candidate, Discovered } from "../plugin/candidate.ts";

export interface Approvals {
  /** The hash of the permission set that the manifest asks for; what `accept` must repeat. */
  hash(candidate: Candidate): string;
  judge(candidate: Candidate): Approval;
  accept(candidate: Candidate, by: string): Result<null>;
  /** Capabilities for one load; `codeHash` goes to the audit log. */
  open(candidate: Candidate, codeHash: string): LiveCapabilitySet;
}

/** Decisions taken at run time, which win until the configuration file changes. */
export interface Decisions {
  get(plugin: string): "enabled" | "disabled" | null;
  set(plugin: string, decision: "enabled" | "disabled"): void;
  forget(plugin: string): void;
}

export interface AdmissionDeps {
  readonly approvals: Approvals;
  readonly decisions: Decisions;
  discover(): Promise<Discovered>;
  /** The version at this candidate's place that was accepted and ran last, where its code was kept; null when there is none. */
  kept?(candidate: Candidate): Candidate | null;
  /** Why the configuration keeps it from running, if it does. */
  disabledByConfig(name: string): string | null;
  /** Why it does not start by itself at present; the operator may start it. Absent: nothing is held back. */
  heldBack?(candidate: Candidate): string | null;
}
