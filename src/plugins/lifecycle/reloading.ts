import { fail, ok, type Result } from "../../errors.ts";
import type { AdmissionDeps } from "../approval/ports.ts";
import type { Candidate, HostKey } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { Change } from "./deps.ts";
import type { Swapping } from "./swapping.ts";

export interface ReloadingDeps extends Pick<AdmissionDeps, "discover" | "approvals" | "decisions"> {
  readonly swapping: Pick<Swapping, "swap">;
  /** Why this version could not run beside the plugins that there are; null when it could. */
  missing(plugin: Plugin, candidate: Candidate): string | null;
  hostKeyOf(candidate: Candidate): HostKey;
  /** Starts a plugin that does not run. */
  start(plugin: Plugin): Promise<Result<null>>;
}

/** Brings changed code and a changed manifest to a plugin. Callers hold {@link Plugin.exclusive}. */
export class Reloading {
  constructor(private readonly deps: ReloadingDeps) {}

  /** The version in its folder replaces the one that runs, or waits for the operator where it asks for more. */
  async reload(plugin: Plugin): Promise<Result<Change>> {
    const found = await this.deps.discover();
    const candidate = found.candidates.find((entry) => entry.name === plugin.name);
    const broken = found.unusable.find((entry) => entry.path === plugin.candidate.path);
    if (candidate === undefined) return refused(plugin, broken?.problem ?? "its folder is gone");
    const { approvals, decisions } = this.deps;
    // A disabled plugin that is reloaded is to run again: the stored decision must say so, too, also where it waits or fails.
    if (decisions.get(plugin.name) === "disabled") decisions.set(plugin.name, "enabled");
    const approval = approvals.judge(candidate);
    if (approval.state === "accepted") return this.#replace(plugin, candidate);
    // One that runs, or is on its way back, goes on as the version that was accepted.
    if (plugin.instance !== null) plugin.holdBack(candidate, approval);
    else {
      plugin.adopt(candidate);
      plugin.awaitApproval(approval);
    }
    return ok({ plugin, waits: true });
  }

  async #replace(plugin: Plugin, candidate: Candidate): Promise<Result<Change>> {
    const replaced = plugin.state === "running" ? await this.#swap(plugin, candidate) : await this.#start(plugin, candidate);
    return replaced.ok ? ok({ plugin, waits: false }) : replaced;
  }

  #swap(plugin: Plugin, candidate: Candidate): Promise<Result<null>> {
    const missing = this.deps.missing(plugin, candidate);
    if (missing !== null) return Promise.resolve(refused(plugin, missing));
    return this.deps.swapping.swap(plugin, { candidate, hostKey: this.deps.hostKeyOf(candidate) });
  }

  #start(plugin: Plugin, candidate: Candidate): Promise<Result<null>> {
    plugin.adopt(candidate);
    return this.deps.start(plugin);
  }
}

function refused(plugin: Plugin, problem: string): Result<never> {
  const running = plugin.state === "running" ? "; the old version runs on" : "";
  return fail("load_failed", `${plugin.name} cannot be reloaded${running}: ${problem}`);
}
