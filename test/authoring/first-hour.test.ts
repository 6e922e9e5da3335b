/**
 * The first hour of an author, as typed: create, types that know the sdk, test, a breakpoint, dev, sign, pack, index, install with
 * a dependency, and a failure in the field that becomes a test.
 */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DebuggerClient, DevSession } from "../debugger/session.ts";
import { FROM_SOURCE, Gateway, prepare, runProgram, tempDir } from "../gateway/harness.ts";

setDefaultTimeout(240_000);

const TSC = join(import.meta.dir, "../../node_modules/.bin/tsc");
const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

class Hour {
  readonly dir = tempDir();
  readonly transcript: string[] = [];
  readonly folder = join(this.dir, "tide_watch");

  constructor() {
    closing.push(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  /** Must end with `code`; answers with all it printed. */
  async types(command: string, code = 0): Promise<string> {
    this.transcript.push(command);
    const ran = await runProgram(command.split(" "), { cwd: this.dir });
    expect([command, ran.code, ran.code === code ? "" : ran.stdout + ran.stderr]).toEqual([command, code, ""]);
    return ran.stdout + ran.stderr;
  }

  /** What an editor would underline. */
  underlined(): string {
    const child = Bun.spawnSync([TSC, "-p", this.folder, "--pretty", "false"], { cwd: this.folder, stdout: "pipe" });
    return child.stdout.toString();
  }

  edit(path: string, from: string, to: string): void {
    const file = join(this.folder, path);
    const text = readFileSync(file, "utf8");
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  }
}

test("from nothing to a field failure that is a test", async () => {
  const hour = new Hour();
  const { dir, folder } = hour;

  // Create, and edit with types that know the sdk.
  await hour.types("plugin create tide_watch --author Ann --commands --storage");
  expect(hour.underlined()).toBe("");
  hour.edit("handlers/commands.ts", "name}!`", "nmae}!`");
  expect(hour.underlined()).toContain("handlers/commands.ts");
  hour.edit("handlers/commands.ts", "nmae}!`", "name}, high water at ten!`");
  expect(hour.underlined()).toBe("");

  // Test, and stop at a breakpoint.
  expect(await hour.types("plugin test tide_watch", 1)).toContain('Received: "Welcome Alice, high water at ten!"');
  for (const name of ["Alice", "Bob"]) hour.edit("tests/plugin.test.ts", `"Welcome ${name}!"`, `"Welcome ${name}, high water at ten!"`);
  expect(await hour.types("plugin test tide_watch")).toContain(" 0 fail");
  await breakpoint(hour);

  // Try it out.
  hour.transcript.push("dev tide_watch");
  const dev = new DevSession(dir, [folder]);
  closing.push(() => dev.kill());
  await dev.sees(/tide_watch 0\.1\.0 runs/);
  await dev.type("bob: tide_watch");
  await dev.sees(/-> bob: Hello bob, high water at ten!/);
  expect(await dev.quit()).toBe(0);

  // It needs another plugin; both are signed, packed and put into an index.
  await hour.types("plugin create tide_table --author Ann --commands");
  hour.edit("manifest.yaml", "capabilities:", "dependencies:\n  plugins:\n    - { name: tide_table, version: ^0.1.0 }\ncapabilities:");
  mkdirSync(join(dir, "shelf"));
  await hour.types("trust keygen ann.pem");
  for (const name of ["tide_watch", "tide_table"]) {
    await hour.types(`plugin check ${name} --strict`);
    await hour.types(`plugin pack ${name} --sign ann.pem -o shelf/${name}.zgp`);
  }
  await hour.types("plugin index build shelf");

  // Somebody else's gateway installs it with what it needs.
  prepare(dir, { spacingS: 0, config: "plugins: { paths: [], indexes: [shelf] }\n" });
  const gateway = await Gateway.start({ dir });
  closing.push(() => gateway.end("SIGTERM"));
  const running = `--config config.yaml --port ${gateway.port}`;
  expect(await hour.types(`plugin search tide ${running}`)).toContain("tide_watch");
  const installed = await hour.types(`plugin install tide_watch --yes ${running}`);
  expect(installed).toContain("tide_table 0.1.0: running\ntide_watch 0.1.0: running\n");
  expect(await hour.types(`simulate say --from !00000002 tide_watch ${running}`)).toContain("high water at ten!");

  await failure(hour, gateway, running);
  expect(hour.transcript.length).toBeLessThan(30);
});

/** Attached as VS Code and Chrome are. */
async function breakpoint({ dir, folder, transcript }: Hour): Promise<void> {
  transcript.push("dev tide_watch --inspect");
  const dev = new DevSession(dir, [folder, "--inspect"]);
  closing.push(() => dev.kill());
  const client = await DebuggerClient.connect(await dev.sees(/"url":"(ws:\/\/127\.0\.0\.1:\d+\/[\w-]{36})"/));
  await client.send("Inspector.enable");
  await client.send("Debugger.enable");
  await client.send("Debugger.setBreakpointsActive", { active: true });
  await client.send("Inspector.initialized");
  await dev.sees(/tide_watch 0\.1\.0 runs/);
  const { url, line } = await runningLine(client, /commands\.ts$/, "high water at ten");
  await client.send("Debugger.setBreakpointByUrl", { url, lineNumber: line });
  await dev.type("alice: tide_watch");
  const { callFrames } = await client.event("Debugger.paused");
  expect(callFrames).toMatchObject([{ location: { lineNumber: line } }]);
  await client.send("Debugger.resume");
  await dev.sees(/-> alice: Hello alice, high water at ten!/);
  client.close();
  expect(await dev.quit()).toBe(0);
}

/** The line as it runs; an editor's debugger knows it by the source map. */
async function runningLine(client: DebuggerClient, file: RegExp, words: string): Promise<{ url: string; line: number }> {
  for (;;) {
    const { url, scriptId } = await client.event("Debugger.scriptParsed");
    if (typeof url !== "string" || !file.test(url)) continue;
    const { scriptSource } = await client.send("Debugger.getScriptSource", { scriptId });
    const line = String(scriptSource)
      .split("\n")
      .findIndex((text) => text.includes(words));
    if (line >= 0) return { url, line };
  }
}

/** A version that fails in the field: recorded there, run again at the author's desk until it is good. */
async function failure(hour: Hour, gateway: Gateway, running: string): Promise<void> {
  const { dir } = hour;
  hour.edit("manifest.yaml", 'version: "0.1.0"', 'version: "0.2.0"');
  hour.edit("handlers/commands.ts", "high water at ten!`", `high water at \${JSON.parse("{").time}!\``);
  await hour.types("plugin pack tide_watch --sign ann.pem -o shelf/tide_watch-0.2.0.zgp");
  await hour.types("plugin index build shelf");
  expect(await hour.types(`plugin update tide_watch --yes ${running}`)).toContain("tide_watch 0.2.0: running");

  hour.transcript.push("record tide_watch -o field.zgr");
  const recording = Bun.spawn([...FROM_SOURCE, "record", "tide_watch", "-o", "field.zgr", ...running.split(" ")], {
    cwd: dir,
    env: { PATH: process.env.PATH ?? "", HOME: dir },
    stdout: "pipe",
    stderr: "pipe",
  });
  closing.push(() => recording.kill("SIGKILL"));
  await gateway.until("it is recorded", async () => (await gateway.api("GET", "/plugins/tide_watch/recording")).status === 200);
  await gateway.until("it runs", async () => (await gateway.state("tide_watch")) === "running");
  await gateway.ask("tide_watch", /^tide_watch failed \(ref/);
  recording.kill("SIGINT");
  await recording.exited;
  expect(existsSync(join(dir, "field.zgr"))).toBe(true);

  expect(await hour.types("plugin test tide_watch --replay field.zgr", 1)).toContain("FAIL command tide_watch: SyntaxError");
  hour.edit("handlers/commands.ts", 'JSON.parse("{").time', '"ten"');
  await hour.types("plugin test tide_watch --replay field.zgr");
}
