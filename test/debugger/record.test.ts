/** A failure in the field becomes a test: recorded on a running gateway, replayed from the author's folder. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FROM_SOURCE, Gateway, runProgram, tempDir, writePlugin } from "../gateway/harness.ts";
import { DebuggerClient, DevSession } from "./session.ts";

const SECRET = "hunter2-very-secret";
const manifest = (port: number | undefined) => `capabilities:
  commands: [{ name: dice }, { name: next }, { name: feed }, { name: late }]
permissions: [send_messages, database_access, { http_requests: { hosts: ["127.0.0.1:${port}"], private: true } }, secrets]
config: { defaults: { api_token: default-token-xyz } }
`;
const source = (guard: string) => `import { Plugin } from "zephyrgate";
interface Feed { readonly items?: { readonly title: string }[] }
export default class Field extends Plugin {
  override initialize() {
    this.registerCommand("dice", () => \`\${Math.floor(Math.random() * 1e9)} \${Date.now()} \${crypto.randomUUID()}\`);
    this.registerCommand("next", async () => {
      const count = (await this.retrieveData("count", 0)) + 1;
      await this.storeData("count", count);
      return \`number \${count}\`;
    });
    this.registerCommand("late", async () => {
      const from = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 30));
      return Date.now() - from >= 25 ? "in time" : "too early";
    });
    this.registerCommand("feed", async () => {
      const token = await this.getSecret("token");
      const answer = await this.httpGet(this.getConfig("url", ""), { headers: { authorization: \`Bearer \${token}\` } });
      if (!answer.ok) return answer.error.code;
      const { items${guard} } = answer.data as Feed;
      return \`first: \${items[0].title}\`;
    });
  }
}
`;

let gateway: Gateway;
let author: string;
let file: string;
let answers: string[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => Response.json({ note: request.headers.get("authorization") }, { headers: { "set-cookie": "session=abcdef" } }),
});

beforeAll(async () => {
  const dir = tempDir();
  author = join(dir, "plugins");
  writePlugin(author, "field", { manifest: manifest(server.port), code: source("") });
  file = join(dir, "failure.zgr");
  writeFileSync(
    join(dir, "config.yaml"),
    JSON.stringify({
      data_dir: "./data",
      mesh: { text_spacing_s: 0.1, interfaces: [{ name: "sim", type: "simulated", nodes: 3 }] },
      plugins: { paths: [author], enabled_plugins: ["field"], config: { field: { url: `http://127.0.0.1:${server.port}/feed` } } },
    }),
  );
  gateway = await Gateway.start({ dir });
  await gateway.api("PUT", "/plugins/field/secrets/token", { value: SECRET });
  await gateway.until("it runs", async () => (await gateway.state("field")) === "running");
  await gateway.ask("next", /^number 1$/);
  const recording = Bun.spawn(
    [...FROM_SOURCE, "record", "field", "-o", file, "--config", join(dir, "config.yaml"), "--port", String(gateway.port)],
    {
      cwd: dir,
      env: { PATH: process.env.PATH ?? "", HOME: dir },
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  await gateway.until("it is recorded", async () => (await gateway.api("GET", "/plugins/field/recording")).status === 200);
  await gateway.until("it runs", async () => (await gateway.state("field")) === "running");
  answers = [
    (await gateway.ask("dice", /^\d+ \d+ /)).text,
    (await gateway.ask("next", /^number 2$/)).text,
    (await gateway.ask("late", /time|early/)).text,
    (await gateway.ask("feed", /failed \(ref/)).text,
    (await gateway.ask("dice", /^\d+ \d+ /)).text,
  ];
  recording.kill("SIGINT");
  const said = await new Response(recording.stdout).text();
  expect({ code: await recording.exited, said }).toMatchObject({
    code: 0,
    said: expect.stringContaining("bytes. Replay: zephyrgate plugin test"),
  });
}, 120_000);
afterAll(async () => {
  server.stop(true);
  await gateway.stop();
});

const replay = (...more: string[]) =>
  runProgram(["plugin", "test", join(author, "field"), "--replay", file, ...more], { cwd: author, command: FROM_SOURCE });

describe("a recording", () => {
  test("holds no secret in any form, is for the operator's eyes, and its plugin goes on", async () => {
    const text = readFileSync(file, "utf8");
    for (const form of [SECRET, encodeURIComponent(SECRET), btoa(SECRET).replace(/=+$/, ""), "default-token-xyz", "session=abcdef"])
      expect(text).not.toContain(form);
    expect(text).toContain("Bearer [redacted]");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await gateway.api("GET", "/plugins/field/recording")).status).toBe(404);
    await gateway.ask("next", /^number 3$/);
  });

  test("replays clock, random numbers, storage, timers and HTTP; the failure is there with the author's line", async () => {
    const { stdout, stderr, code } = await replay();
    expect(stderr).toBe("");
    expect(stdout).toContain(`ok   command dice: ${JSON.stringify(answers[0])}\n`);
    expect(stdout).toContain(`ok   command dice: ${JSON.stringify(answers[4])}\n`);
    expect(stdout).toContain('ok   command next: "number 2"\n');
    expect(stdout).toContain('ok   command late: "in time"\n');
    expect(stdout).toMatch(/FAIL command feed: TypeError: .* \(plugin\.ts:\d+:\d+\)\n/);
    expect(stdout).not.toContain("not in the recording");
    expect(code).toBe(1);
    expect((await replay()).stdout).toBe(stdout);
  });

  test("is good once the plugin is corrected, and not when something else breaks or asks for what was never recorded", async () => {
    writeFileSync(join(author, "field/plugin.ts"), source(' = [{ title: "nothing" }]'));
    const good = await replay();
    expect(good.stdout).toContain('ok   command feed: "first: nothing"\n       recorded: TypeError');
    expect(good.stdout).toContain("calls: good\n");
    expect(good.code).toBe(0);
    const broken = source(' = [{ title: "nothing" }]').replace("+ 1;", "+ 2;");
    writeFileSync(join(author, "field/plugin.ts"), broken);
    const bad = await replay();
    expect(bad.stdout).toContain('FAIL command next: "number 3"\n       recorded: "number 2"\n');
    expect(bad.code).toBe(1);
    writeFileSync(join(author, "field/plugin.ts"), source(' = [{ title: "nothing" }]').replace('"count", 0', '"other", 0'));
    expect((await replay()).stdout).toContain('not in the recording: kv_get ["other"');
    writeFileSync(join(author, "field/plugin.ts"), source(' = [{ title: "nothing" }]'));
  });

  test("dev replays it at the start and after each save, and a debugger stops in it", async () => {
    const folder = join(author, "field");
    writeFileSync(join(folder, "plugin.ts"), source(""));
    const dev = new DevSession(author, [folder, "--replay", file]);
    await dev.sees(/command feed: TypeError/);
    writeFileSync(join(folder, "plugin.ts"), source(' = [{ title: "saved" }]'));
    await dev.sees(/ok {3}command feed: "first: saved"/);
    await dev.sees(/calls: good/);
    expect(await dev.quit()).toBe(0);
    writeFileSync(join(folder, "plugin.ts"), source(""));

    const inspected = new DevSession(author, [folder, "--inspect", "--replay", file]);
    const client = await DebuggerClient.connect(await inspected.sees(/"url":"(ws:[^"]+)"/));
    await client.send("Inspector.enable");
    await client.send("Debugger.enable");
    await client.send("Debugger.setBreakpointsActive", { active: true });
    await client.send("Debugger.setBreakpointByUrl", { url: join(folder, "plugin.ts"), lineNumber: 20 });
    await client.send("Inspector.initialized");
    const { callFrames } = (await client.event("Debugger.paused")) as { callFrames: { callFrameId: string }[] };
    const { result } = await client.send("Debugger.evaluateOnCallFrame", {
      callFrameId: callFrames[0]?.callFrameId,
      expression: "typeof items + JSON.stringify(answer.data)",
    });
    expect(result).toMatchObject({ value: 'undefined{"note":"Bearer [redacted]"}' });
    await client.send("Debugger.resume");
    // The same clock, random numbers and storage as in the realm.
    await inspected.sees(new RegExp(`ok {3}command dice: "${answers[0]}"`));
    await inspected.sees(/ok {3}command next: "number 2"/);
    await inspected.sees(/FAIL command feed: TypeError/);
    client.close();
    expect(await inspected.quit()).toBe(0);
  }, 120_000);

  test("plugin profile names the handlers with their processor time", async () => {
    const where = ["--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)];
    const { stdout, code } = await runProgram(["plugin", "profile", "field", "--json", ...where], { cwd: author, command: FROM_SOURCE });
    const items = JSON.parse(stdout) as { what: string; calls: number; cpu_ms: number }[];
    const calls = Object.fromEntries(items.map((item) => [item.what, item.calls]));
    expect({ code, ...calls }).toMatchObject({ code: 0, initialize: 2, "command dice": 2, "command next": 3, "command feed": 1 });
    expect(items.every(({ cpu_ms }) => cpu_ms > 0 && cpu_ms < 10_000)).toBe(true);
    for (const out of [join(author, "missing/x.zgr"), author]) {
      const where = ["-o", out, "--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)];
      const ended = await runProgram(["record", "field", ...where], { cwd: author, command: FROM_SOURCE });
      expect({ code: ended.code, said: ended.stderr }).toEqual({ code: 1, said: expect.stringContaining("name another file with -o") });
    }
    const none = await runProgram(["plugin", "profile", "field", "--for", "0.2", ...where], { cwd: author, command: FROM_SOURCE });
    expect(none.code).toBe(0);
  });

  test("a damaged file, another plugin's, and none are one clear line", async () => {
    for (const [text, said] of [
      ["nothing", "this is no recording of a plugin"],
      [`${readFileSync(file, "utf8").split("\n")[0]}\n["event",`, "line 2 is no line of a recording"],
      [readFileSync(file, "utf8").replace('"plugin":"field"', '"plugin":"other"'), "it is a recording of other, not of field"],
    ] as const) {
      const other = join(author, "other.zgr");
      writeFileSync(other, text);
      const ended = await runProgram(["plugin", "test", join(author, "field"), "--replay", other], { cwd: author, command: FROM_SOURCE });
      expect({ code: ended.code, said: ended.stderr }).toEqual({ code: 1, said: expect.stringContaining(said) });
      rmSync(other);
    }
    const none = await runProgram(["record", "nobody", "--config", join(gateway.dir, "config.yaml"), "--port", String(gateway.port)], {
      cwd: author,
      command: FROM_SOURCE,
    });
    expect({ code: none.code, said: none.stderr }).toEqual({ code: 1, said: expect.stringContaining('no plugin called "nobody"') });
  });
});
