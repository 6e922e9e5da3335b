/**
 * `test/cli/transcript.txt`: what a user sees of every verb that talks to a gateway, and the script behind `bun run docs:cli`
 * that writes it. The verbs run in this process, against the real server over the fake gateway, at one fixed time.
 */
import { setSystemTime } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Control } from "../../src/api/contract/control.ts";
import { main } from "../../src/cli/main.ts";
import { serveControl } from "../api/serve.ts";
import { pythonInstallation } from "../python-import/installation.ts";
import { QUIET_STATUS, REGIONS, ROLLOUTS } from "./region-control.ts";
import { richControl } from "./rich-control.ts";

export const TRANSCRIPT_FILE = join(import.meta.dir, "transcript.txt");
const NOW = new Date("2026-01-15T11:00:00Z");

/** A command line; what is typed or piped into it; whether on a terminal. `#` begins a heading. */
type Step =
  | string
  | { readonly run: string; readonly stdin?: string; readonly tty?: boolean }
  /** What the gateway answers from here on. */
  | { readonly now: Partial<Control> };

const MANIFEST = `name: greeter
version: 1.2.3
description: Says hello
author: Ann
license: MIT
capabilities: { commands: [{ name: greet, description: Says hello }] }
permissions: [send_messages, { http_requests: { hosts: [api.weather.gov] } }]
config: { schema_file: schema.json, defaults: { words: hello } }
`;
const SCHEMA = `{ "type": "object", "properties": { "words": { "type": "string", "description": "What it says" }, "times": { "type": "integer", "minimum": 1 } }, "required": ["words"] }`;
const CODE = `import { Plugin } from "zephyrgate";
export default class Greeter extends Plugin {
  override initialize() {
    this.registerCommand("greet", () => this.getConfig("words", "hello"));
  }
}
`;

const both = (...commands: string[]): Step[] => commands.flatMap((run) => [run, `${run} --json`]);

export async function transcript(): Promise<string> {
  const world = new World();
  try {
    for (const step of STEPS) await world.take(step);
    return world.text;
  } finally {
    await world.close();
  }
}

class World {
  text = "";
  readonly #folder = mkdtempSync(join(tmpdir(), "transcript-"));
  readonly #rich = richControl();
  readonly #api = serveControl(this.#rich, { dataDir: dataFolder(this.#folder) });

  constructor() {
    setSystemTime(NOW);
    const port = new URL(this.#api.url).port;
    writeFileSync(join(this.#folder, "config.yaml"), `data_dir: ./data\napi: { port: ${port} }\n`);
    writeFileSync(join(this.#folder, "package.zgp"), "package");
    writeFileSync(join(this.#folder, "data.zgd"), "data");
    this.#write("drafts/greeter/manifest.yaml", MANIFEST);
    this.#write("drafts/greeter/schema.json", SCHEMA);
    this.#write("drafts/greeter/plugin.ts", CODE);
    this.#write("drafts/greeter/README.md", "# greeter\n");
    this.#write("drafts/broken/manifest.yaml", MANIFEST.replace("name: greeter", "name: Broken").replace("version:", "versoin:"));
    this.#write("bad.yaml", "data_dir: 5\napi: { prot: 9000 }\n");
    this.#write("small.yaml", "data_dir: ./offline\nlog: { level: warn }\napi: { port: 1 }\n");
    renameSync(pythonInstallation(), join(this.#folder, "python"));
    this.#write("offline.yaml", "data_dir: ./offline\n");
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(join(this.#folder, path)), { recursive: true });
    writeFileSync(join(this.#folder, path), text);
  }

  async take(step: Step): Promise<void> {
    if (typeof step === "string" && step.startsWith("#")) {
      this.text += `\n${step}\n`;
      return;
    }
    if (typeof step === "object" && "now" in step) {
      Object.assign(this.#rich.control, step.now);
      return;
    }
    const { run, stdin, tty = false } = typeof step === "string" ? { run: step } : step;
    const before = this.#rich.calls.length;
    const said = await this.#run(words(run), stdin, tty);
    this.text += `\n$ zephyrgate ${run}${stdin === undefined ? "" : ` < ${JSON.stringify(stdin)}`}\n${this.#clean(said.text)}exit ${said.code}\n`;
    for (const { what, args } of this.#rich.calls.slice(before)) this.text += this.#clean(`gateway: ${what} ${JSON.stringify(args)}\n`);
  }

  async #run(argv: readonly string[], input: string | undefined, isTTY: boolean): Promise<{ text: string; code: number }> {
    let text = "";
    const write = (mark: string) => ({
      write: (part: string) => {
        text += part.replace(/^(?=.)/gm, mark);
      },
    });
    const stdin = (async function* () {
      if (input !== undefined) yield input;
    })();
    const io = { stdout: write(""), stderr: write("! "), stdin, env: { HOME: this.#folder }, cwd: this.#folder, isTTY };
    const code = await main(argv, io);
    return { text: text === "" || text.endsWith("\n") ? text : `${text}\n`, code };
  }

  /** What differs from run to run is named. */
  #clean(text: string): string {
    return (
      text
        .replaceAll(`${process.execPath} ${join(import.meta.dir, "../../src/main.ts")}`, "zephyrgate")
        .replaceAll(this.#folder, "FOLDER")
        .replaceAll(this.#api.url, "http://127.0.0.1:PORT")
        .replaceAll(/SHA256:[A-Za-z0-9+/]{43}/g, "SHA256:FINGERPRINT")
        .replaceAll(/\b[0-9a-f]{64}\b/g, "HASH")
        .replaceAll(/"bytes":\d+/g, '"bytes":N')
        .replaceAll(/zg_[A-Za-z0-9_-]{43}/g, "TOKEN")
        .replaceAll(/\b\d+ KB, verified/g, "N KB, verified")
        .replaceAll(/ref [0-9a-f]{8}/g, "ref 00000000")
        // The rest of long JSON is as the API answers it: test/api compares that.
        .replaceAll(/^([{[].{100}).+$/gm, "$1…")
    );
  }

  async close(): Promise<void> {
    setSystemTime();
    await this.#api.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function dataFolder(folder: string): string {
  mkdirSync(join(folder, "data"));
  mkdirSync(join(folder, "index"));
  return join(folder, "data");
}

/** Splits at blanks; what stands in single quotes is one word. */
function words(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

const STEPS: readonly Step[] = [
  "# Looking",
  ...both("status", "nodes", "schedule", "alerts", "silence", "messages", "messages --received", "audit", "audit verify"),
  "messages --limit 1",
  "messages --received --from '!00000002'",
  "messages --state failed",
  "logs",
  "logs hello_world --limit 5 --level info",
  "logs --json --limit 1",
  ...both("traceroute '!00000002'"),
  "traceroute 2",
  "# Doing",
  ...both("send hello", "alerts ack 0a0b0c0d", "silence on", "silence off", "schedule run hello_world tick"),
  "send hello --to Bob --channel 3",
  "send hello --channel Ops",
  "alerts ack ffffffff",
  "schedule run hello_world nothing",
  "status",
  "# Plugins",
  ...both(
    "plugin list",
    "plugin restart ping",
    "plugin disable ping",
    "plugin enable ping --yes",
    "plugin reload hello_world",
    "plugin profile hello_world",
  ),
  "plugin enable waiting",
  { run: "plugin enable waiting", stdin: "n\n", tty: true },
  { run: "plugin enable waiting", stdin: "y\n", tty: true },
  "plugin enable nobody --yes",
  "plugin reload ping",
  "plugin restart nobody",
  "plugin adopt hello_world /srv/plugins/hello_world",
  "plugin ask hello_world echo '{\"a\":1}'",
  "plugin ask hello_world echo '{\"a\":1}' --json",
  "plugin ask hello_world echo '{'",
  "plugin ask hello_world pages",
  "plugin ask hello_world nothing",
  ...both("plugin config get hello_world"),
  "plugin config get hello_world a",
  "plugin config get hello_world b",
  "plugin config set hello_world a 2",
  "plugin config set hello_world bad 2",
  "plugin config unset hello_world a",
  "# Permissions",
  ...both("permission list", "permission list hello_world", "permission why hello_world http_requests example.org"),
  "permission why hello_world http_requests",
  "permission grant hello_world 'http_requests(hosts=[api.weather.gov])'",
  "permission deny hello_world secrets",
  "permission deny hello_world secrets --json",
  "permission revoke hello_world send_messages",
  "permission revoke hello_world",
  "permission revoke hello_world nonsense",
  "permission list nobody",
  "audit --plugin hello_world --permission http_requests --result deny --since 2026-01-01T00:00:00Z --limit 3",
  "audit --since yesterday",
  "# Secrets and tokens",
  ...both("secret list hello_world"),
  { run: "secret set hello_world api_key", stdin: "hunter22\n" },
  { run: "secret set hello_world api_key --json", stdin: "hunter22\n" },
  "secret set hello_world api_key",
  "secret list hello_world",
  "secret rm hello_world api_key",
  "secret rm hello_world api_key",
  ...both("token list"),
  "token create grafana --role read",
  "token create grafana --role read",
  "token create admin2 --role admin --json",
  "token create 'No Name'",
  "token list",
  "token rotate grafana",
  "token rotate nobody",
  "token revoke grafana",
  "token revoke grafana",
  { run: "password set", stdin: "correct horse battery\n" },
  { run: "password set", stdin: "short\n" },
  "password rm",
  "password rm",
  "# The simulated mesh",
  "simulate say hello --from '!00000002'",
  "simulate say hello --from '!00000002' --json",
  "simulate say silence --from '!00000002' --channel 1",
  "simulate say hello --from Bob",
  "# Packages",
  "plugin use hello_world 1.0.0",
  "plugin use hello_world 9.0.0",
  "plugin remove hello_world",
  "plugin remove hello_world --purge --json",
  "plugin export hello_world",
  "plugin export hello_world out.zgd --json",
  "plugin import hello_world data.zgd",
  "plugin import hello_world --empty",
  "plugin import hello_world",
  "plugin import hello_world nothing.zgd",
  "# Backups",
  ...both("backup --list"),
  "backup",
  "# A region",
  ...both("region list", "region status"),
  "region rollout",
  { now: { region: REGIONS.alone } },
  "region list",
  { now: { region: REGIONS.unjoined, status: QUIET_STATUS } },
  "status",
  "region status",
  ...both("region join"),
  ...both("region join zgr1:abc"),
  { run: "region join -", stdin: " zgr1:abc\n" },
  { run: "region join -", stdin: "\n" },
  { now: { region: REGIONS.waiting } },
  "region status",
  "region join ZGR2:abc",
  { now: { region: REGIONS.revoked } },
  "region status",
  "region join zgr1:abc",
  { now: { region: REGIONS.unusable } },
  "region status",
  { now: { region: REGIONS.enrolled } },
  "nodes",
  "nodes --json",
  ...both("region list", "region status", "region join"),
  "region join south",
  "region join nobody",
  { run: "region join south", stdin: "y\n", tty: true },
  { run: "region join south", stdin: "no\n", tty: true },
  "region join south --yes",
  "region join south --yes --json",
  "region join 'CCCC cccc:cccc-cccccccccccccccccccc' --fingerprint CCCC",
  "region join twins --yes",
  "region revoke east",
  { run: "region revoke east", stdin: "YES\n", tty: true },
  { run: "region revoke east", stdin: "n\n", tty: true },
  ...both("region revoke east --yes"),
  "region revoke nobody --yes",
  { now: { rollouts: ROLLOUTS.none } },
  "region rollout --halt",
  ...both("region rollout"),
  { now: { rollouts: ROLLOUTS.halted } },
  ...both("region rollout", "region rollout --halt"),
  { now: { rollouts: ROLLOUTS.done } },
  "region rollout package.zgp",
  "region rollout package.zgp --stages 1,3,all --wait 2h --sites east,west",
  "region rollout package.zgp --json --wait 30s",
  { now: { rollouts: ROLLOUTS.fails } },
  "region rollout package.zgp",
  "region rollout nowhere.zgp",
  "region rollout package.zgp --halt",
  "region rollout --halt --wait 1m",
  "region rollout --sites east",
  "region rollout package.zgp --stages 1,,2",
  "region rollout package.zgp --wait 25h",
  "region rollout package.zgp --wait 24h",
  "region rollout package.zgp --wait 5",
  "# Without a gateway",
  "plugin check drafts/greeter --config offline.yaml",
  "plugin check drafts/broken --config offline.yaml",
  "plugin types drafts/greeter",
  "plugin pack drafts/greeter -o greeter.zgp --config offline.yaml",
  "plugin pack drafts/broken --config offline.yaml",
  ...both("trust list --config offline.yaml"),
  "trust keygen key",
  "trust keygen key",
  "trust add key.pub ann --config offline.yaml",
  "trust add key.pub bob --config offline.yaml",
  "trust list --config offline.yaml",
  "plugin pack drafts/greeter -o index/greeter.zgp --sign key --config offline.yaml --json",
  ...both("plugin verify index/greeter.zgp --config offline.yaml"),
  "plugin verify greeter.zgp --config offline.yaml",
  "plugin verify data.zgd --config offline.yaml",
  "plugin index build index",
  "plugin index build nowhere",
  "plugin search hello --config offline.yaml",
  "plugin install index/greeter.zgp --config offline.yaml",
  "plugin install index/greeter.zgp --yes --config offline.yaml",
  "plugin verify greeter --config offline.yaml",
  "plugin outdated --config offline.yaml",
  "plugin update --config offline.yaml",
  "plugin install nowhere.zgp --config offline.yaml",
  "trust rm ann --config offline.yaml",
  "trust rm ann --config offline.yaml",
  "restore data.zgd --config offline.yaml",
  "import-python drafts --config offline.yaml",
  "# A configuration",
  ...both("config check offline.yaml", "config check bad.yaml", "config check nowhere.yaml"),
  "config check offline.yaml --config offline.yaml",
  "config check --config offline.yaml",
  "config show --config small.yaml --json",
  "config show --config bad.yaml",
  "config init made.yaml --operator '!0A0B0C0D, 0a0b0c0e'",
  "config init made.yaml",
  "config init made2.yaml --json",
  "config init made3.yaml --operator bob",
  { run: "config init made3.yaml", stdin: "0A0B0C0D\n", tty: true },
  { run: "config init made4.yaml --yes", stdin: "0A0B0C0D\n", tty: true },
  "config init package.zgp/made.yaml",
  "config check made3.yaml",
  "# A new plugin",
  "plugin create",
  "plugin create Bad --yes",
  "plugin create first --output made",
  "plugin create first --output made",
  "plugin create --name second --output made --all --author Ann --email ann@example.org --description 'Says it' --license ISC --json",
  { run: "plugin create --output made", stdin: "Bad Name\nthird\n\nBob\nbob@example.org\n\nn\nyes\nN\nY\n\n", tty: true },
  { run: "plugin create fourth --output made --tasks --author Ann", stdin: "Does it\n\nISC\n", tty: true },
  { run: "plugin create --output made", stdin: "fifth\nDoes it\n", tty: true },
  { run: "plugin create fifth --output made", stdin: "a\nb\nc\nd\ny\n", tty: true },
  { run: "plugin create --output made", stdin: "A\n".repeat(11), tty: true },
  "plugin check made/third --config offline.yaml",
  "plugin types made/second",
  "# From the Python original",
  "import-python nowhere --config offline.yaml",
  ...both("import-python python --dry-run --config small.yaml"),
  { run: "import-python python --config small.yaml", stdin: "n\n", tty: true },
  { run: "import-python python --config small.yaml", stdin: "y\n", tty: true },
  "# A backup without a gateway",
  "backup --config offline.yaml --port 1",
  "restore nowhere.zgb --config offline.yaml",
  "# No gateway",
  "status --port 1",
  "status --data-dir nowhere",
  "nodes --config nowhere.yaml",
];

if (import.meta.main) await Bun.write(TRANSCRIPT_FILE, await transcript());
