/** Rollouts for the operator of the site that they start from. */
import { type Actor, by, type RolloutControl, type RolloutRequest } from "../api/contract/control.ts";
import type { RolloutView } from "../api/contract/region-views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { PluginPackage } from "../packages/package.ts";
import type { RolloutCoordinator } from "../region/rollout/coordinator.ts";
import type { RolloutStatus } from "../region/rollout/rollout.ts";
import { iso } from "./views.ts";

export interface RolloutControlDeps {
  /** Null: no region is configured, or it cannot be used. */
  rollouts(): { readonly coordinator: RolloutCoordinator; read(bytes: Uint8Array): Promise<Result<PluginPackage>> } | null;
  audit(event: string, detail: string): void;
}

export function rolloutControl({ rollouts, audit }: RolloutControlDeps): RolloutControl {
  return {
    async begin(bytes: Uint8Array, { stages, waitMs, sites }: RolloutRequest, actor: Actor): Promise<Result<RolloutView>> {
      const known = rollouts();
      if (known === null) return alone();
      const read = await known.read(bytes);
      if (!read.ok) return read;
      const { name, version } = read.value.manifest;
      const begun = known.coordinator.begin({ package: bytes, name, version, stages, waitMs, sites });
      if (!begun.ok) return begun;
      audit("rollout", `${by(actor)}: ${name} ${version} to ${begun.value.sites.map((site) => site.name).join(", ")}`);
      return ok(viewOf(begun.value));
    },
    status() {
      const status = rollouts()?.coordinator.status() ?? null;
      return status === null ? null : viewOf(status);
    },
    back(actor: Actor): Result<RolloutView> {
      const known = rollouts();
      if (known === null) return alone();
      const begun = known.coordinator.back();
      if (!begun.ok) return begun;
      audit(
        "rollout",
        `${by(actor)}: ${begun.value.name} ${begun.value.version} back at ${begun.value.sites.map(({ name }) => name).join(", ")}`,
      );
      return ok(viewOf(begun.value));
    },
    halt(actor: Actor): Result<RolloutView> {
      const known = rollouts();
      if (known === null) return alone();
      const halted = known.coordinator.halt("an operator halted it");
      if (!halted.ok) return halted;
      audit("rollout", `${by(actor)}: halted ${halted.value.name} ${halted.value.version}`);
      return ok(viewOf(halted.value));
    },
  };
}

function alone(): Result<never> {
  return fail("unavailable", "this gateway takes part in no region", { hint: "zephyrgate region status" });
}

function viewOf({ startedAt, leftOut, sites, ...rest }: RolloutStatus): RolloutView {
  return { ...rest, sites: sites.map((site) => ({ ...site })), left_out: [...leftOut], started_at: iso(startedAt) };
}
