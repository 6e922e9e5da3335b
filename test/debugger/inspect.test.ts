/** `dev --inspect`: a plugin stops at a breakpoint in its TypeScript, and what it may do is decided as ever. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FROM_SOURCE, tempDir } from "../gateway/harness.ts";
import { DebuggerClient, DevSession } from "./session.ts";

let dir: string;
let folder: string;
let session: DevSession | null = null;

const MANIFEST = `name: talker
version: "1.0.0"
description: talks
author: tests
capabilities: { commands: [{ name: hello }, { name: fetch }, { name: realm }] }
permissions: [send_messages, database_access]
`;
const source = (answer: string) => `import { type CommandContext, Plugin } from "zephyrgate";
import { greeting } from "./lib/words.ts";

interface Visit { readonly count: number }

export default class Talker extends Plugin {
  override initialize() {
    this.registerCommand("hello", this.hello);
    this.registerCommand("fetch", async () => {
      const answer = await this.httpGet("https://api.example.org/now");
      return answer.ok ? "got it" : answer.error.code;
    });
    this.registerCommand("realm", () => [typeof process, typeof fetch, typeof crypto.randomUUID(), typeof URL].join());
  }
  async hello(_args: string[], context: CommandContext): Promise<string> {
    const last = await this.retrieveData<Visit>("visit", { count: 0 });
    const count: number = last.count + 1;
    await this.storeData("visit", { count });
    return greeting("${answer}", context.senderName, count);
  }
}
`;
const WORDS = `export function greeting(word: string, name: string, count: number): string {
  const text = \`\${word} \${name}\`;
  return \`\${text} (\${count})\`;
}
`;

beforeEach(() => {
  dir = tempDir();
  folder = join(dir, "talker");
  mkdirSync(join(folder, "lib"), { recursive: true });
  writeFileSync(join(folder, "manifest.yaml"), MANIFEST);
  writeFileSync(join(folder, "plugin.ts"), source("Hello"));
  writeFileSync(join(folder, "lib/words.ts"), WORDS);
});
afterEach(async () => {
  await session?.kill();
  session = null;
  rmSync(dir, { recursive: true, force: true });
});

async function attach(dev: DevSession): Promise<DebuggerClient> {
  const client = await DebuggerClient.connect(await dev.sees(/"url":"(ws:\/\/127\.0\.0\.1:\d+\/[\w-]{36})"/));
  await client.send("Inspector.enable");
  await client.send("Debugger.enable");
  await client.send("Debugger.setBreakpointsActive", { active: true });
  // By line, from 0.
  await client.send("Debugger.setBreakpointByUrl", { url: join(folder, "lib/words.ts"), lineNumber: 2 });
  await client.send("Inspector.initialized");
  return client;
}

interface Paused {
  readonly callFrames: readonly {
    readonly functionName: string;
    readonly callFrameId: string;
    readonly location: { lineNumber: number };
  }[];
}

test("a breakpoint stops the plugin at its TypeScript line, its variables can be read, and it goes on", async () => {
  session = new DevSession(dir, ["--inspect", folder]);
  await session.sees(/outside the jail/);
  const client = await attach(session);
  await session.sees(/talker 1\.0\.0 runs: 3 commands/);
  await session.type("alice: hello");
  const { callFrames } = (await client.event("Debugger.paused")) as unknown as Paused;
  expect(callFrames[0]?.functionName).toBe("greeting");
  expect(callFrames.map(({ functionName }) => functionName)).toContain("hello");
  expect(callFrames[0]?.location.lineNumber).toBe(2);
  const read = await client.send("Debugger.evaluateOnCallFrame", { callFrameId: callFrames[0]?.callFrameId, expression: "text + count" });
  expect(read.result).toMatchObject({ value: "Hello alice1" });
  await client.send("Debugger.resume");
  await session.sees(/-> alice: Hello alice \(1\)/);

  // The sdk, the globals and the decisions are a realm's.
  await session.type("alice: realm");
  await session.sees(/-> alice: undefined,undefined,string,function/);
  await session.type("alice: fetch");
  await session.sees(/denied: .*http_requests/);
  await session.sees(/-> alice: permission_denied/);

  // A saved file is loaded anew in the same session, and stops again.
  writeFileSync(join(folder, "plugin.ts"), source("Howdy"));
  await session.sees(/reloaded/);
  await session.type("bob: hello");
  await client.event("Debugger.paused");
  await client.send("Debugger.resume");
  await session.sees(/-> bob: Howdy bob \(2\)/);
  client.close();
  expect(await session.quit()).toBe(0);
}, 120_000);

test("nobody attaches: quit by a signal ends it, and what the gateway refuses to load is refused here too", async () => {
  session = new DevSession(dir, ["--inspect", folder]);
  await session.sees(/waiting for a debugger/);
  session.child.kill("SIGINT");
  expect(await session.child.exited).toBe(0);
  writeFileSync(join(folder, "lib/words.ts"), `import { readFileSync } from "node:fs";\nexport const greeting = readFileSync;\n`);
  const refused = new DevSession(dir, ["--inspect", folder]);
  expect(await refused.child.exited).toBe(1);
  expect(refused.output).toContain('lib/words.ts:1:30: "node:fs": is built into Node or Bun');
}, 120_000);

/** Runs `gateway`, which must refuse; kills it should it not. */
async function gateway(flags: readonly string[], env: Readonly<Record<string, string>>, program = FROM_SOURCE) {
  const child = Bun.spawn([...program, "gateway", "--port", "0", "--data-dir", join(dir, "data"), ...flags], {
    cwd: dir,
    env: { PATH: process.env.PATH ?? "", HOME: dir, TMPDIR: dir, ...env },
    stdout: "ignore",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  clearTimeout(timer);
  return { said, code };
}

test("a gateway never runs under an inspector: not by a flag, the configuration, the environment or the engine's own flags", async () => {
  expect((await gateway(["--inspect"], {})).code).toBe(2);
  for (const text of ["inspect: true", "plugins: { inspect: true }", "plugins: { config: {}, isolation: { inspect: true } }"]) {
    writeFileSync(join(dir, "config.yaml"), text);
    const { said, code } = await gateway([], {});
    expect({ code, names: said.includes("inspect") }).toEqual({ code: 78, names: true });
  }
  rmSync(join(dir, "config.yaml"));
  for (const env of [
    { ZEPHYRGATE_INSPECT: "true" },
    { ZEPHYRGATE_PLUGINS__INSPECT: "true" },
    { BUN_INSPECT: "ws://127.0.0.1:0/x" },
    { BUN_INSPECT_NOTIFY: "unix:///tmp/x" },
    { BUN_OPTIONS: "--inspect=127.0.0.1:0/x" },
    { NODE_OPTIONS: "--inspect" },
  ]) {
    expect({ ...env, code: (await gateway([], env)).code }).toEqual({ ...env, code: 78 });
  }
  const [bun = "", ...rest] = FROM_SOURCE;
  const flagged = await gateway([], {}, [bun, "--inspect=127.0.0.1:0/x", ...rest]);
  expect(flagged.code).toBe(78);
  expect(flagged.said).toContain("opens an inspector, through which anyone could run code in the gateway: remove it");
}, 120_000);
