import { fail, ok, type Result } from "../../errors.ts";
import type { AdmissionDeps } from "../approval/ports.ts";
import type { Candidate } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { Change } from "./deps.ts";
import type { Lifecycle } from "./lifecycle.ts";

export type ReloadingDeps = Pick<AdmissionDeps, "discover" | "approvals" | "decisions">;

/** Brings changed code and a changed manifest to a plugin. */
export class Reloading {
  constructor(
    private readonly deps: ReloadingDeps,
    private readonly lifecycle: Pick<Lifecycle, "swap">,
  ) {}

  /** The version in its folder replaces the one that runs, or waits for the operator where it asks for more. */
  async reload(plugin: Plugin): Promise<Result<Change>> {
    const found = await this.deps.discover();
    const candidate = found.candidates.find((entry) => entry.name === plugin.name);
    const broken = found.unusable.find((entry) => entry.path === plugin.candidate.path);
    return plugin.exclusive(async () => {
      if (candidate === undefined) return refused(plugin, broken?.problem ?? "its folder is gone");
      const approval = this.deps.approvals.judge(candidate);
      if (approval.state === "accepted") return this.#replace(plugin, candidate);
      if (plugin.state === "running") plugin.holdBack(candidate, approval);
      else {
        plugin.adopt(candidate);
        plugin.awaitApproval(approval);
      }
      return ok({ plugin, waits: true });
    });
  }

  async #replace(plugin: Plugin, candidate: Candidate): Promise<Result<Change>> {
    const { decisions } = this.deps;
    const before = plugin.candidate;
    plugin.adopt(candidate);
    const swapped = await this.lifecycle.swap(plugin);
    if (!swapped.ok) {
      if (plugin.state === "running") plugin.adopt(before);
      return swapped;
    }
    // A disabled plugin that is reloaded runs again: the stored decision must say so, too.
    if (decisions.get(plugin.name) === "disabled") decisions.set(plugin.name, "enabled");
    return ok({ plugin, waits: false });
  }
}

function refused(plugin: Plugin, problem: string): Result<never> {
  const running = plugin.state === "running" ? "; the old version runs on" : "";
  return fail("load_failed", `${plugin.name} cannot be reloaded${running}: ${problem}`);
}
