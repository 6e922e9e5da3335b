/** One row of the corpus: what is tried, what harm it would be, which wall stops it, and how harm would be seen from outside. */
import type { PluginFiles } from "../gateway/harness.ts";
import type { World } from "./world.ts";

/** The walls of docs/security.md. */
export type WallName =
  | "realm"
  | "boundary"
  | "run queue"
  | "memory cap"
  | "watchdog"
  | "jail"
  | "bridge checks"
  | "tokens"
  | "permissions"
  | "quotas"
  | "SQL gate"
  | "egress"
  | "declarations"
  | "routing"
  | "loader"
  | "escaping"
  | "grants"
  | "packages"
  | "API gate";

export interface Attack {
  /** Name of the plugin and of the command that lets it strike. */
  readonly name: string;
  /** What it does and the harm it is after, in words for the table. */
  readonly tries: string;
  readonly wall: WallName;
  /** Entries of the manifest's `permissions` beside send_messages. */
  readonly permissions?: string;
  /** Replaces send_messages too. */
  readonly only?: string;
  /** Further lines of the manifest. */
  readonly manifest?: string;
  /** Declared beside its own. */
  readonly commands?: readonly string[];
  /** Further entries of `capabilities`. */
  readonly capabilities?: string;
  /** Body of the handler, with `args` and `context`; what it returns is what the attacker carries home. */
  readonly strike?: string;
  /** In place of a plugin's command: what somebody else does, outside. Resolves to what came of it. */
  readonly act?: (world: World) => Promise<string>;
  /** Spoils the attacker's folder before the gateway starts; `dir` is the whole world's folder. */
  readonly arrange?: (folder: string, dir: string) => void;
  /** Before the class. */
  readonly top?: string;
  /** In `initialize`, before the command is registered. */
  readonly first?: string;
  /** Further members of the class. */
  readonly members?: string;
  readonly files?: PluginFiles["files"];
  /** Ends without an answer: the line of the gateway's output that shows it was dealt with. */
  readonly settles?: RegExp;
  /** Never answers and is not cut either; milliseconds that it gets. */
  readonly lets?: number;
  /** It must not run at all: the state it must be in, and no strike is made. */
  readonly stays?: RegExp;
  /** Its stop takes all the time that there is: it is left to the gateway's own stop. */
  readonly clings?: boolean;
  /** Said in place of the bare command. */
  readonly says?: string;
  /** Looks for this attack's own harm, from outside. `said` is what it carried home. */
  readonly check?: (world: World, said: string) => Promise<void> | void;
}

/** The plugin that makes the attack. */
export function pluginOf(attack: Attack): PluginFiles {
  const {
    name,
    permissions,
    only,
    manifest = "",
    commands = [],
    capabilities = "",
    strike = "",
    top = "",
    first = "",
    members = "",
    files,
  } = attack;
  const asked = only ?? ["send_messages", permissions].filter(Boolean).join(", ");
  return {
    manifest: `capabilities: { commands: [${[name, ...commands].map((each) => `{ name: ${each} }`).join(", ")}]${capabilities === "" ? "" : `, ${capabilities}`} }
permissions: [${asked}]
${manifest}`,
    code: `import { Plugin, PermissionDenied } from "zephyrgate";
${top}
export default class Attacker extends Plugin {
  async initialize() {
    this.registerCommand(${JSON.stringify(name)}, this.strike, { help: "strikes" });
    ${first}
  }
  async strike(args, context) {
    try { return ${JSON.stringify(name)} + ": " + tell(await this.attack(args, context)); }
    catch (thrown) { return ${JSON.stringify(name)} + ": threw " + tell(thrown); }
  }
  async attack(args, context) { ${strike} }
  ${members}
}
function tell(value) {
  if (value && typeof value === "object" && typeof value.message === "string") return value.name + " " + (value.code ?? "") + " " + value.message + " " + (value.stack ?? "");
  return typeof value === "string" ? value.slice(0, 700) : (JSON.stringify(value) ?? String(value)).slice(0, 700);
}
`,
    ...(files === undefined ? {} : { files }),
  };
}
