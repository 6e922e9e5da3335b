import { IS_COMPILED } from "../compiled.ts";
import { VERSION } from "../version.ts";
import type { Gateway } from "./composition-root.ts";

export interface Start {
  readonly dataDir: string;
  /** Null when no configuration file was found. */
  readonly configFile: string | null;
  /** Whether `simulate say` can be used. */
  readonly isSimulated: boolean;
  /** The flags with which another verb finds this gateway. */
  readonly flags: string;
}

/** The lines printed once the gateway is up. */
export function describeStart(gateway: Gateway, { dataDir, configFile, isSimulated, flags }: Start): string[] {
  const { plugins } = gateway;
  const named = (state: string) => plugins.filter((plugin) => plugin.state === state).map((plugin) => plugin.name);
  const waiting = plugins.filter((plugin) => plugin.state === "awaiting_approval");
  const others = plugins.filter((plugin) => plugin.state !== "running" && plugin.state !== "awaiting_approval");
  const word = named("running").includes("hello_world") ? "hello" : "help";
  return [
    `ZephyrGate ${VERSION} is up`,
    `  configuration  ${configFile ?? "none, built-in defaults"}`,
    `  data           ${dataDir}`,
    `  API            ${gateway.url}/  (token in ${dataDir}/api-token)`,
    `  plugins        ${named("running").join(", ") || "none running"}`,
    ...(others.length === 0 ? [] : [`  not running    ${others.map((plugin) => `${plugin.name} (${plugin.state})`).join(", ")}`]),
    ...waiting.map((plugin) => `  needs approval ${plugin.name}: ${plugin.status.reason}`),
    ...(isSimulated ? [`  try it         ${program()} simulate say --from '!00000002'${flags} ${word}   (in a second terminal)`] : []),
  ];
}

/** How to call this program from a shell. */
function program(): string {
  if (IS_COMPILED) return process.execPath;
  return import.meta.dir.includes("/node_modules/") ? "zephyrgate" : "npx bun run zephyrgate";
}
