import { VERSION } from "../version.ts";
import type { Gateway } from "./gateway.ts";

/** What a person at the terminal wants to know once all is up. */
export function describeStart(gateway: Gateway, dataDir: string, configFile: string | null): string[] {
  const plugins = gateway.plugins;
  const running = plugins.filter((plugin) => plugin.state === "running").map((plugin) => plugin.name);
  const others = plugins.filter((plugin) => plugin.state !== "running").map((plugin) => `${plugin.name} (${plugin.state})`);
  return [
    `ZephyrGate ${VERSION} is up`,
    `  configuration  ${configFile ?? "none, built-in defaults"}`,
    `  data           ${dataDir}`,
    `  API            ${gateway.url}/  (token in ${dataDir}/api-token)`,
    `  plugins        ${running.join(", ") || "none running"}`,
    ...(others.length === 0 ? [] : [`  not running    ${others.join(", ")}`]),
  ];
}
