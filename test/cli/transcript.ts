/**
 * `test/cli/transcript.txt`: what a user sees of every verb that talks to a gateway, and the script behind `bun run docs:cli`
 * that writes it. The verbs run in this process, against the real server over the fake gateway, at one fixed time.
 */
import { setSystemTime } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { serveControl } from "../api/serve.ts";
import { pythonInstallation } from "../python-import/installation.ts";
import { richControl } from "./rich-control.ts";
import { STEPS, type Step } from "./transcript-steps.ts";

export const TRANSCRIPT_FILE = join(import.meta.dir, "transcript.txt");
const NOW = new Date("2026-01-15T11:00:00Z");

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
    this.#write("indexed.yaml", "data_dir: ./offline\napi: { port: 1 }\nplugins: { indexes: [./index] }\n");
    this.#write("unindexed.yaml", "data_dir: ./offline\napi: { port: 1 }\n");
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

if (import.meta.main) await Bun.write(TRANSCRIPT_FILE, await transcript());
