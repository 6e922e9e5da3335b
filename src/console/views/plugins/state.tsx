import type { PluginSummary } from "../../api/types.ts";
import { Badge, type Tone } from "../../parts/card.tsx";
import { words } from "../../parts/format.tsx";

const TONES: Readonly<Record<string, Tone>> = {
  running: "good",
  failed: "bad",
  disabled: "plain",
  backing_off: "warn",
  awaiting_approval: "warn",
  loading: "info",
};

/** It is wanted and does not run as it should. */
export function isTroubled({ state, health, disabled_by }: PluginSummary): boolean {
  return state === "failed" || state === "backing_off" || disabled_by === "threshold" || health.status === "unhealthy";
}

export function StateBadge({ plugin: { state, health, pending } }: { readonly plugin: PluginSummary }) {
  const isIll = state === "running" && health.status === "unhealthy";
  return (
    <>
      <Badge tone={isIll ? "bad" : (TONES[state] ?? "plain")}>{isIll ? "unhealthy" : words(state)}</Badge>
      {pending && <Badge tone="warn">update waits</Badge>}
    </>
  );
}
