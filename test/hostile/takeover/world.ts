/** The world in which every plugin host but the victim's is one that has been taken over. */
import { fileURLToPath } from "node:url";
import { HOST } from "../corpus/host.ts";
import type { WorldOptions } from "../world.ts";

export const TAKEN_OVER: readonly string[] = [process.execPath, fileURLToPath(new URL("gateway.ts", import.meta.url))];

/** These two share a host; each of the others may lose its own without keeping the next one waiting. */
const TOGETHER = ["host_foreign_token", "host_revoked_token"];

export function withTakenOverHosts(command: readonly string[]): Pick<WorldOptions, "plugins" | "gateway" | "spacingS"> {
  const apart = HOST.map(({ name }) => name).filter((name) => !TOGETHER.includes(name));
  return {
    spacingS: 0.1,
    plugins: `  isolation: { own_host: [victim, ${apart.join(", ")}] }\n`,
    gateway: { banner: false, command: [...command] },
  };
}
