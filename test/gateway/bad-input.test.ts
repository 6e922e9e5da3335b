/** Each mistake gives one clear line that names what, where and the correction; the rest starts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { answering, FROM_SOURCE, freePort, Gateway, type PluginFiles, prepare, runProgram, tempDir, writePlugin } from "./harness.ts";

const dir = tempDir();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A line of a stack trace, or of the engine's excerpt of our source. */
const STACK = /^\s+at .*\d+:\d+|^\s*\d+ \| /m;

function plugin(code: string, manifest = ""): PluginFiles {
  return { manifest, code: `import { Plugin } from "zephyrgate";\n${code}` };
}

const IN_INITIALIZE = (body: string) => plugin(`export default class X extends Plugin {\n  override initialize() {\n    ${body}\n  }\n}\n`);

describe("a plugin that is wrong", () => {
  const manifests: Readonly<Record<string, readonly [manifest: string, line: RegExp]>> = {
    unknown_key: [
      "permisions: [send_messages]\n",
      /manifest\.yaml:5:1: permisions: unknown key "permisions" \(did you mean permissions\?\)/,
    ],
    wrong_type: ["permissions: send_messages\n", /manifest\.yaml:5:14: permissions: must be a list, got "send_messages"/],
    tabs: ["capabilities:\n\tcommands: []\n", /manifest\.yaml:6:1: a tab at the start of a line \(indent with spaces/],
    no_permission: ["permissions: [fly]\n", /manifest\.yaml:5:15: permissions\.0: there is no permission "fly" \(the permissions are/],
    wrong_scope: [
      "permissions: [{ http_requests: { hosts: ['http://x'] } }]\n",
      /permissions\.0: .*is a URL, not a host \(write the host alone/,
    ],
    python: ["dependencies: { python_packages: [requests] }\n", /python_packages: .*not on Python \(list npm packages/],
    twice: ["permissions: []\npermissions: []\n", /manifest\.yaml:6:1: permissions: the key occurs twice \(keep one/],
    not_yaml: ["a: [1, 2\n", /manifest\.yaml:6:1: /],
    python_range: [`zephyrgate: { min_version: "~=1.4" }\n`, /zephyrgate\.min_version: "~=1\.4" is not a version/],
    no_dependency: [
      "dependencies: { plugins: [{ name: nowhere, version: ^1.0.0 }] }\n",
      /needs the plugin nowhere \^1\.0\.0, which is not installed/,
    ],
  };
  const sources: Readonly<Record<string, readonly [files: PluginFiles, line: RegExp]>> = {
    syntax: [plugin("export default class X extends Plugin { override initialize( { } }\n"), /syntax\/plugin\.ts:2:66: Expected "\)"/],
    node_module: [
      plugin(`import fs from "node:fs";\nexport default class X extends Plugin { fs = fs; }\n`),
      /plugin\.ts:2:16: "node:fs": is built into Node or Bun.*\(keep data with storeData or db\)/,
    ],
    no_file: [
      plugin(`import x from "./nothere.ts";\nexport default class X extends Plugin { x = x; }\n`),
      /plugin\.ts:2:15: "\.\/nothere\.ts": there is no such file \(check the path/,
    ],
    no_package: [
      plugin(`import x from "lodash";\nexport default class X extends Plugin { x = x; }\n`),
      /plugin\.ts:2:15: "lodash": is not installed .*\(run: npm install lodash/,
    ],
    outside: [
      plugin(`import x from "../../config.yaml";\nexport default class X extends Plugin { x = x; }\n`),
      /plugin\.ts:2:15: "\.\.\/\.\.\/config\.yaml": leads out of the plugin's folder \(/,
    ],
    sdk_name: [
      { code: `import { Plugn } from "zephyrgate";\nexport default class X extends Plugn {}\n` },
      /plugin\.ts:1:23: "zephyrgate": has no Plugn \(did you mean Plugin\?\)/,
    ],
    throws_at_top: [
      plugin(
        `interface Unused { a: number }\nconst limit: number = 5;\nthrow new RangeError("no more than " + limit);\nexport default class X extends Plugin {}\n`,
      ),
      /RangeError: no more than 5 at plugin\.ts:4:\d+/,
    ],
    loops_at_top: [plugin("while (true) {}\nexport default class X extends Plugin {}\n"), /cut short after 100 ms of CPU/],
    no_default: [plugin("export class X extends Plugin {}\n"), /plugin\.ts: has no default export \(write `export default class/],
    no_plugin: [plugin("export default class X {}\n"), /exports something else as default \(write: export default class/],
    no_class: [plugin("export default { initialize() {} };\n"), /exports something else as default \(write: export default class/],
    in_constructor: [
      plugin(`export default class X extends Plugin {\n  constructor() {\n    super();\n    throw new RangeError("early");\n  }\n}\n`),
      /RangeError: early at plugin\.ts:5:\d+/,
    ],
    returns_false: [IN_INITIALIZE("return false;"), /initialize failed: it returned false \(/],
    throws: [
      plugin(
        `interface Unused { a: number }\n\nexport default class X extends Plugin {\n  override async initialize() {\n    await this.deeper({ a: 1 });\n  }\n\n  private async deeper(value: Unused): Promise<void> {\n    throw new TypeError(\`not \${value.a}\`);\n  }\n}\n`,
      ),
      /initialize failed: TypeError: not 1 at plugin\.ts:10:\d+/,
    ],
    throws_text: [IN_INITIALIZE(`throw "only words";`), /initialize failed: .*only words/],
    undeclared: [
      IN_INITIALIZE(`this.registerCommand("undeclared", () => "x", { help: "Help" });`),
      /The command undeclared is not declared \(add to the manifest: .*name: undeclared.*\) at plugin\.ts:4:\d+/,
    ],
    no_right: [
      IN_INITIALIZE(`this.registerMessageHandler(() => {});`),
      /PermissionDenied: .*receive_messages.*\) at plugin\.ts:4|PermissionDenied: .*at plugin\.ts:4.*receive_messages/,
    ],
  };
  let gateway: Gateway;

  beforeAll(async () => {
    const all: Record<string, PluginFiles> = { good: answering("good", "still here") };
    for (const [name, [manifest]] of Object.entries(manifests)) all[name] = plugin("export default class X extends Plugin {}\n", manifest);
    for (const [name, [files]] of Object.entries(sources)) all[name] = files;
    const folder = tempDir();
    prepare(folder, { plugins: all, spacingS: 0.1 });
    for (const [name, text] of Object.entries({ empty_manifest: "", binary_manifest: Buffer.from([0, 255, 254, 1]) })) {
      mkdirSync(join(folder, "plugins", name));
      writeFileSync(join(folder, "plugins", name, "manifest.yaml"), text);
    }
    gateway = await Gateway.start({ dir: folder });
  }, 120_000);
  afterAll(() => gateway?.stop());

  for (const [name, [, line]] of Object.entries({ ...manifests, ...sources })) {
    test(`${name}: one line`, () => {
      const said = gateway.lines(new RegExp(`(?:ERROR ${name}:|plugin left out: .*/plugins/${name}/)`));
      expect(said).toHaveLength(1);
      expect(said[0]).toMatch(line);
    });
  }

  test("of an empty manifest and one that is no text the first mistake is told", () => {
    expect(
      gateway.lines(/empty_manifest\/manifest\.yaml: name: is missing \(add `name:`\) \(and 3 more: zephyrgate plugin check/),
    ).toHaveLength(1);
    expect(gateway.lines(/binary_manifest\/manifest\.yaml:1:1: must be a map/)).toHaveLength(1);
  });

  test("the rest runs, the states say why, and nowhere is a stack trace", async () => {
    expect((await gateway.ask("good", /./)).text).toBe("still here");
    const states = await gateway.states();
    for (const name of Object.keys(sources)) expect([name, states[name]]).toEqual([name, "failed"]);
    expect([states.good, states.ping]).toEqual(["running", "running"]);
    const { body } = await gateway.api<{ reason: string }>("GET", "/plugins/throws");
    expect(body.reason).toMatch(/TypeError: not 1 at plugin\.ts:10/);
    expect(gateway.output).not.toMatch(STACK);
  });

  test("once corrected, it starts", async () => {
    const mended = answering("mended", "well again");
    // The permission set stays that of a plugin that asks for nothing: what was accepted was that.
    writePlugin(join(gateway.dir, "plugins"), "no_plugin", { ...mended, manifest: mended.manifest?.replace(/permissions.*\n/, "") ?? "" });
    expect((await gateway.api("POST", "/plugins/no_plugin/reload")).status).toBe(200);
    expect(await gateway.state("no_plugin")).toBe("running");
  });
});

test("a plugin that hangs in initialize keeps neither the radio nor the others waiting, nor the end", async () => {
  const gateway = Gateway.spawn({
    spacingS: 0.1,
    plugins: {
      hangs: plugin("export default class X extends Plugin { override async initialize() { await new Promise(() => {}); } }\n"),
      good: answering("good", "still here"),
    },
  });
  try {
    await gateway.until("the link is up", () => gateway.output.includes("link sim is up"), 30_000);
    expect((await gateway.tryFetch("/health/ready"))?.status).toBe(503);
    expect(await gateway.state("hangs")).toBe("loading");
    expect((await gateway.ask("good", /./)).text).toBe("still here");
  } finally {
    // initialize alone has ten seconds.
    expect(await gateway.stop()).toBeLessThan(9_000);
  }
  expect(gateway.process.exitCode).toBe(0);
}, 120_000);

/** The command line without a process of its own: what is refused before anything starts. */
async function inProcess(cwd: string, argv: readonly string[], env: Record<string, string> = {}) {
  const said = { stdout: "", stderr: "" };
  const to = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      said[name] += text;
    },
  });
  const stdin = (async function* (): AsyncGenerator<string> {})();
  const code = await main(argv, { stdout: to("stdout"), stderr: to("stderr"), stdin, env: { HOME: cwd, ...env }, cwd, isTTY: false });
  return { code, ...said };
}

describe("a configuration that is wrong ends with 78 and one line", () => {
  const cases: Readonly<Record<string, readonly [yaml: string | Uint8Array, line: RegExp]>> = {
    "unknown key": ["api:\n  prot: 80\n", /config\.yaml:2:3: api\.prot: unknown key "prot" \(did you mean port\?\)/],
    "wrong type": ["api:\n  host: 5\n", /config\.yaml:2:9: api\.host: must be text; 5 without quotes is not text \(write host: "5"\)/],
    tabs: ["api:\n\tport: 80\n", /config\.yaml:2:1: a tab at the start of a line \(indent with spaces; YAML does not allow tabs\)/],
    "a list": ["- a\n", /config\.yaml:1:1: must be a map/],
    "a section that is none": ["api: 8080\n", /config\.yaml:1:6: api: must be a map/],
    "a key twice": ["api: {}\napi: {}\n", /config\.yaml:2:1: api: the key occurs twice \(keep one of them\)/],
    "no text": [Uint8Array.of(0, 255, 254), /config\.yaml:1:1: is no text: it holds zero bytes/],
    "a link without its device": ["mesh: { interfaces: [{ name: a, type: serial }] }\n", /mesh\.interfaces\.0\.device: is missing/],
    "two links of one name": [
      "mesh: { interfaces: [{ name: a, type: simulated }, { name: a, type: simulated }] }\n",
      /mesh\.interfaces\.1\.name: two interfaces are called a \(rename one of them\)/,
    ],
    "an empty prefix": [`commands: { prefix: "" }\n`, /commands\.prefix: must be 1 to 8 characters/],
  };
  for (const [name, [yaml, line]] of Object.entries(cases)) {
    test(name, async () => {
      const folder = tempDir();
      writeFileSync(join(folder, "config.yaml"), yaml);
      // With a flag over it, which must not hide what is wrong in the file.
      const ended = await inProcess(folder, ["gateway", "--config", "config.yaml", "--port", "1"]);
      rmSync(folder, { recursive: true });
      expect(ended).toMatchObject({ code: 78, stdout: "" });
      expect(ended.stderr).toMatch(line);
      expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    });
  }

  test("in a process of its own too", async () => {
    writeFileSync(join(dir, "broken.yaml"), "api:\n  prot: 80\n");
    const ended = await runProgram(["gateway", "--config", "broken.yaml"], { cwd: dir });
    const line = `zephyrgate: ${join(dir, "broken.yaml")}:2:3: api.prot: unknown key "prot" (did you mean port?)\n`;
    expect(ended).toEqual({ code: 78, stdout: "", stderr: line });
    expect(await runProgram(["gateway", "--prot"], { cwd: dir })).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("usage: "),
    });
  });

  test("a file that is not there, one that may not be read, an override that does not exist", async () => {
    const run = (env: Record<string, string>, ...argv: string[]) => inProcess(dir, ["gateway", ...argv], env);
    expect(await run({}, "--config", "nowhere.yaml")).toMatchObject({
      code: 78,
      stdout: "",
      stderr: expect.stringMatching(/nowhere\.yaml: there is no such file \(check the path after --config\)\n$/),
    });
    expect(await run({}, "--config", dir)).toMatchObject({ code: 78, stderr: expect.stringContaining("is not a file") });
    expect(await run({ ZEPHYRGATE_API__PROT: "1" })).toMatchObject({
      code: 78,
      stderr: "zephyrgate: ZEPHYRGATE_API__PROT: no setting has this name (did you mean ZEPHYRGATE_API__PORT?)\n",
    });
    expect(await run({ ZEPHYRGATE_API__PORT: "many" })).toMatchObject({
      code: 78,
      stderr: `zephyrgate: ZEPHYRGATE_API__PORT: api.port: must be a number, got "many"\n`,
    });
  });
});

test("a wrong command line: what is wrong, the usage, exit code 2", async () => {
  const cases: readonly (readonly [argv: string[], said: RegExp])[] = [
    [[], /^usage: zephyrgate VERB /],
    [["gatewai"], /unknown verb 'gatewai'; did you mean gateway\?\nusage: /],
    [["gateway", "--prot", "1"], /unknown option '--prot'; did you mean --port\?\nusage: zephyrgate gateway /],
    [["gateway", "--port", "x"], /--port must be a number from 0 to 65535\nusage: zephyrgate gateway /],
    [["simulate", "serve", "--port", "-1"], /--port must be a number from 0 to 65535\nusage: zephyrgate simulate serve /],
    [["simulate", "say", "hello"], /required option '--from <NODE>' not specified\nusage: zephyrgate simulate say /],
  ];
  for (const [argv, said] of cases) {
    const ended = await inProcess(dir, argv);
    expect([argv, ended.code, ended.stdout]).toEqual([argv, 2, ""]);
    expect(ended.stderr).toMatch(said);
  }
}, 120_000);

describe("a gateway that cannot run ends with 1 and one line", () => {
  async function refused(where: string, argv: readonly string[], command?: readonly string[]): Promise<string> {
    const ended = await runProgram(["gateway", ...argv], { cwd: where, ...(command === undefined ? {} : { command }) });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    return ended.stderr;
  }

  test("port in use, second gateway on the data folder", async () => {
    const gateway = await Gateway.start({ unconfigured: true });
    try {
      const port = String(gateway.port);
      expect(await refused(gateway.dir, ["--port", String(freePort())])).toMatch(
        new RegExp(`/data: another gateway \\(pid ${gateway.process.pid}\\) uses this data folder \\(stop it first, or`),
      );
      expect(await refused(gateway.dir, ["--port", port, "--data-dir", "other"])).toContain(
        `port ${port} on 127.0.0.1 is in use (stop the other program, or choose another with --port or api.port)`,
      );
      // The first one has noticed nothing.
      expect((await gateway.tryFetch("/health/ready"))?.status).toBe(200);
    } finally {
      await gateway.stop();
    }
  }, 120_000);

  test("a data folder that is a file, or below one", async () => {
    writeFileSync(join(dir, "file"), "");
    expect(await refused(dir, ["--data-dir", "file"])).toContain("/file: the data folder cannot be used: a file of that name exists (");
    expect(await refused(dir, ["--data-dir", "file/deeper"])).toContain("part of the path is a file (");
  });

  test.skipIf(process.platform !== "linux")("a data folder of somebody else", async () => {
    const other = tempDir();
    const closed = join(other, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const root = process.getuid?.() === 0;
    if (root) chmodSync(other, 0o755);
    else chmodSync(closed, 0);
    const setpriv = Bun.which("setpriv");
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    if (root && setpriv === null) return console.log("SKIPPED: setpriv is missing, and root may read every folder");
    // The program itself must be readable by that user: compiled or not, it lies where root put it.
    if (root) chownSync(closed, 0, 0);
    const said = await refused(other, ["--data-dir", closed], root ? [setpriv ?? "", ...nobody, ...FROM_SOURCE] : undefined);
    expect(said).toContain(
      `${closed}: the data folder cannot be used: permission denied (give the gateway's user read and write rights there, or`,
    );
    if (root) {
      const user = { cwd: other, command: [setpriv ?? "", ...nobody, ...FROM_SOURCE] };
      writeFileSync(join(closed, "api-token"), "");
      const asked = await runProgram(["status", "--data-dir", closed], user);
      expect([asked.code, asked.stderr]).toEqual([
        1,
        expect.stringMatching(/api-token belongs to another user, and this one may not read it \(run/),
      ]);
    }
    chmodSync(closed, 0o700);
    rmSync(other, { recursive: true });
  });

  test("a database that is none, or damaged in the middle", async () => {
    const first = await Gateway.start({ unconfigured: true });
    await first.end("SIGTERM");
    const database = join(first.dir, "data/gateway.db");
    const whole = Buffer.from(await Bun.file(database).arrayBuffer());
    for (const damage of [
      Buffer.alloc(8192, "rubbish "),
      Buffer.concat([whole.subarray(0, 200), Buffer.alloc(4000, 255), whole.subarray(4200)]),
    ]) {
      writeFileSync(database, damage);
      expect(await refused(first.dir, ["--port", String(freePort())])).toMatch(
        /gateway\.db: the database (?:is damaged|cannot be opened): .* \(nothing was changed; restore a backup or a \.bak file/,
      );
      expect(Buffer.from(await Bun.file(database).arrayBuffer()).equals(damage)).toBe(true);
    }
    rmSync(database);
    const again = await Gateway.start({ dir: first.dir, unconfigured: true });
    await again.stop();
  }, 120_000);
});

test.skipIf(process.platform !== "linux")(
  "a kernel without a wall: one line, unless the configuration does without it",
  async () => {
    const hide = [process.execPath, join(import.meta.dir, "../host/jail/hide.ts")];
    const program = [process.execPath, join(import.meta.dir, "../../src/main.ts")];
    const command = [...hide, "landlock,namespaces", ...program];
    const folder = tempDir();
    prepare(folder, { plugins: { good: answering("good", "still here") }, spacingS: 0.1 });
    const argv = ["gateway", "--config", "config.yaml", "--port", String(freePort())];
    const ended = await runProgram(argv, { cwd: folder, command });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^zephyrgate: The wall "files" .*no Landlock.*no mount namespace.* \(Raspberry Pi OS .*, or accept the risk with plugins\.isolation\.allow_missing: \[files\]\)\n$/,
    );
    // It is no crash either.
    expect(existsSync(join(folder, "data/starts.json"))).toBe(false);
    const gateway = await Gateway.start({ dir: folder, command, env: { ZEPHYRGATE_PLUGINS__ISOLATION__ALLOW_MISSING: "[landlock]" } });
    expect((await gateway.ask("good", /./)).text).toBe("still here");
    expect(gateway.lines(/WARN .*plugins run without the wall "files"/)).toHaveLength(1);
    await gateway.stop();
    // Without Landlock alone the other builder makes the wall.
    const other = await Gateway.start({
      plugins: { good: answering("good", "still here") },
      spacingS: 0.1,
      command: [...hide, "landlock", ...program],
    });
    expect((await other.ask("good", /./)).text).toBe("still here");
    expect(other.lines(/WARN .*plugins run without the wall/)).toEqual([]);
    await other.stop();
  },
  60_000,
);
