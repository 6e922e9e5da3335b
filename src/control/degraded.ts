import type { GatewayStatus } from "../api/contract/control.ts";

/** States of a plugin that is wanted and does not run. */
const DOWN = ["failed", "backing_off"] as const;
const WRITABLE: ReadonlySet<string> = new Set(["ok", "low"]);

/** Why a gateway that runs needs its operator; empty while all is well. Anybody may read it: it names no plugin and no person. */
export function degradedBy({
  safeMode,
  disk,
  clock,
  links,
  plugins,
  region,
}: Pick<GatewayStatus, "safeMode" | "disk" | "clock" | "links" | "plugins" | "region">): string[] {
  const down = DOWN.reduce((sum, state) => sum + (plugins[state] ?? 0), 0);
  return [
    ...(safeMode ? ["safe mode"] : []),
    ...links.filter(({ state }) => state !== "up").map(({ name, state }) => `link ${name} is ${state}`),
    ...(down === 0 ? [] : [`${down} ${down === 1 ? "plugin has" : "plugins have"} failed`]),
    ...(WRITABLE.has(disk.state) ? [] : [`the disk is ${disk.state.replaceAll("_", " ")}`]),
    ...(clock.state === "wrong" ? ["the clock is wrong"] : []),
    ...(region?.troubles ?? []),
  ];
}
