import { fail, ok, type Result } from "../../errors.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { AdmissionDeps } from "./ports.ts";

/** Decides which plugins may start, by the decisions of operator and configuration, and which version of a plugin they apply to. */
export class Admission {
  constructor(private readonly deps: AdmissionDeps) {}

  /** Whether it may start by itself. If not, its state says why. */
  mayStart(plugin: Plugin): boolean {
    const refused = this.refused(plugin.name);
    if (refused !== null) {
      plugin.disabled(refused, "operator");
      return false;
    }
    if (plugin.state === "failed") return false;
    if (!this.isAccepted(plugin)) return false;
    const held = this.deps.heldBack?.(plugin.candidate) ?? null;
    if (held !== null) plugin.stopped(held);
    return held === null;
  }

  /** Whether a version of it may run: the one that it has, or else the one that was accepted and ran last. If none, its state says so. */
  isAccepted(plugin: Plugin): boolean {
    const approval = this.deps.approvals.judge(plugin.candidate);
    if (approval.state === "accepted") {
      plugin.accepted();
      return true;
    }
    const kept = this.deps.kept?.(plugin.candidate) ?? null;
    if (kept === null || this.deps.approvals.judge(kept).state === "awaiting") {
      plugin.awaitApproval(approval);
      return false;
    }
    const found = plugin.candidate;
    plugin.adopt(kept);
    plugin.holdBack(found, approval);
    return true;
  }

  /** Why a decision or the configuration keeps it stopped; null when neither does. A decision to enable wins over the file. */
  refused(name: string): string | null {
    const decision = this.deps.decisions.get(name);
    if (decision === "enabled") return null;
    return this.deps.disabledByConfig(name) ?? (decision === "disabled" ? "disabled by the operator" : null);
  }

  /** The operator accepts exactly the permission set that was shown. */
  accept(plugin: Plugin, accept: string | undefined, by: string): Result<null> {
    if (accept === undefined) return ok(null);
    const candidate = plugin.offered;
    const hash = this.deps.approvals.hash(candidate);
    if (accept !== hash) {
      return fail("conflict", `the permissions of ${plugin.name} are no longer those that were shown`, {
        hint: "look at them again",
        data: { permission_hash: hash },
      });
    }
    return this.deps.approvals.accept(candidate, by);
  }

  /** Its folder may hold another version by now. A version that asks for more than was accepted waits, and the old one starts. */
  async lookAgain(plugin: Plugin): Promise<void> {
    if (plugin.state === "running") return;
    const found = (await this.deps.discover()).candidates.find((candidate) => candidate.name === plugin.name);
    if (found === undefined || found.manifest === plugin.candidate.manifest) return;
    const { approvals } = this.deps;
    const approval = approvals.judge(found);
    if (approval.state === "awaiting" && approvals.judge(plugin.candidate).state === "accepted") plugin.holdBack(found, approval);
    else plugin.adopt(found);
  }
}
