/** Packages and plugins' data as files, by the control of a whole gateway in this process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Actor, Answer, PackageControl } from "../../src/api/contract/control.ts";
import { Packages, type PackagesDeps } from "../../src/control/packages.ts";
import type { Result } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { readBackup, writeBackup } from "../../src/packages/backup.ts";
import { collect } from "../../src/packages/pack.ts";
import { writePackage } from "../../src/packages/package.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource } from "../../src/sandbox/loader/source.ts";
import { startTestGateway, type TestGateway } from "../../src/testing/index.ts";
import { removePlugins, writePlugin } from "../testing/plugins.ts";

const ACTOR: Actor = { via: "api", address: "192.0.2.9", token: "tester" };
const CHOICE = { force: false, acceptSigner: undefined };

let gateway: TestGateway;
let packages: PackageControl;
let dataDir = "";
beforeAll(async () => {
  const probe = writePlugin(
    "probe",
    "capabilities: { commands: [{ name: probe }] }\npermissions: [send_messages]\n",
    'override initialize() { this.registerCommand("probe", () => "here"); }',
  );
  gateway = await startTestGateway({ plugin: probe, settings: { plugins: { enabled_plugins: ["probe", "counter"] } } });
  const control = gateway.control.packages;
  if (control === undefined) throw new RangeError("the gateway installs packages");
  packages = control;
  const { path } = await answerOf(gateway.control.plugins.get("probe"));
  expect(path).toBeString();
});
afterAll(async () => {
  await gateway.close();
  removePlugins();
});

async function done<T>(answer: Answer<T>): Promise<Result<T>> {
  const waiting = Promise.resolve(answer);
  await gateway.advance({ seconds: 3 });
  return waiting;
}
async function answerOf<T>(answer: Answer<T>): Promise<T> {
  const result = await done(answer);
  if (!result.ok) throw result.error;
  return result.value;
}
async function refusal(answer: Answer<unknown>): Promise<[string, string, string | undefined]> {
  const result = await done(answer);
  if (result.ok) throw new RangeError("it was not refused");
  return [result.error.code, result.error.message, result.error.hint];
}
const audited = async (name: string) =>
  (await answerOf(gateway.control.audit.query({ plugin: name }, { limit: 1000 }))).items
    .filter(({ kind }) => kind !== "decision")
    .map(({ rule, detail }) => `${rule} ${detail ?? ""}`)
    .reverse();

/** A package of a plugin that counts in its database, and answers with its version. */
async function packageOf(
  version: string,
  { name = "counter", permissions = "[send_messages, database_access]", start = "" } = {},
): Promise<Uint8Array> {
  const folder = writePlugin(
    name,
    `capabilities: { commands: [{ name: ${name} }] }\npermissions: ${permissions}\n`,
    `override initialize() { this.registerCommand("${name}", async () => { const n = Number(await this.retrieveData("n", 0)) + 1; await this.storeData("n", n); return "${version} n=" + n; }); }
     override start() { ${start} }`,
  );
  const manifest = join(folder, "manifest.yaml");
  await Bun.write(manifest, readFileSync(manifest, "utf8").replace('"1.0.0"', `"${version}"`));
  const load = async (path: string, main?: string) => {
    const source = folderSource(path);
    return source.ok ? loadPlugin(source.value, main) : source;
  };
  const collected = await collect(folder, { load });
  if (!collected.ok) throw collected.error;
  const bytes = await writePackage(collected.value);
  if (!bytes.ok) throw bytes.error;
  return bytes.value;
}
const asks = () => gateway.node("Alice").asks("counter");

describe("installing", () => {
  test("starts a plugin that is accepted already, and goes on with its data in the next version", async () => {
    expect(await answerOf(packages.install(await packageOf("1.0.0"), CHOICE, ACTOR))).toMatchObject({
      waits: false,
      plugin: { name: "counter", version: "1.0.0", state: "running" },
    });
    expect(await asks()).toBe("1.0.0 n=1");
    expect(await answerOf(packages.install(await packageOf("1.1.0"), CHOICE, ACTOR))).toMatchObject({
      waits: false,
      plugin: { version: "1.1.0", state: "running" },
    });
    expect(await asks()).toBe("1.1.0 n=2");
    dataDir = join((await answerOf(gateway.control.plugins.get("counter"))).path ?? "", "../..");
    expect(existsSync(join(dataDir, "plugins.lock.json"))).toBe(true);
    const lines = (await audited("counter")).filter((line) => line.includes("installed version"));
    expect(lines).toEqual([
      expect.stringMatching(/tester installed version 1\.0\.0, code [0-9a-f]{64}, not signed/),
      expect.stringMatching(/tester installed version 1\.1\.0, code [0-9a-f]{64}, not signed/),
    ]);
  });

  test("refuses what is no package, an older version, and a plugin of another folder", async () => {
    expect((await refusal(packages.install(Buffer.from("no package"), CHOICE, ACTOR)))[0]).toBe("invalid_argument");
    expect(await refusal(packages.install(await packageOf("1.0.5"), CHOICE, ACTOR))).toEqual([
      "conflict",
      "version 1.0.5 is older than the installed 1.1.0",
      "add --force to go back to it",
    ]);
    const { path } = await answerOf(gateway.control.plugins.get("probe"));
    expect(await refusal(packages.install(await packageOf("9.0.0", { name: "probe" }), CHOICE, ACTOR))).toEqual([
      "conflict",
      `a plugin called probe is loaded from ${path}`,
      "remove that folder, or take it out of plugins.paths, first",
    ]);
    expect(await asks()).toBe("1.1.0 n=3");
  });

  test("takes a version back that does not start, and says so in the audit log", async () => {
    const broken = await packageOf("1.2.0", { start: 'throw new Error("broken start");' });
    const [code, message] = await refusal(packages.install(broken, CHOICE, ACTOR));
    expect([code, message]).toEqual(["load_failed", expect.stringContaining("broken start")]);
    expect(await asks()).toBe("1.1.0 n=4");
    expect((await audited("counter")).join("\n")).toContain("version 1.2.0 did not start and was removed again");
    expect(await answerOf(gateway.control.plugins.get("counter"))).toMatchObject({ version: "1.1.0", state: "running" });
  });

  test("waits where a version asks for more; a disabled plugin stays disabled", async () => {
    const more = await packageOf("1.3.0", { permissions: "[send_messages, database_access, secrets]" });
    expect(await answerOf(packages.install(more, CHOICE, ACTOR))).toMatchObject({
      waits: true,
      plugin: { version: "1.1.0", pending: { version: "1.3.0" } },
    });
    expect(await answerOf(packages.use("counter", "1.1.0", ACTOR))).toMatchObject({ plugin: { version: "1.1.0", pending: null } });
    await answerOf(gateway.control.plugins.disable("counter", ACTOR));
    expect(await answerOf(packages.install(await packageOf("1.4.0"), { ...CHOICE, force: true }, ACTOR))).toMatchObject({
      waits: false,
      plugin: { version: "1.4.0", state: "disabled" },
    });
    await answerOf(gateway.control.plugins.enable("counter", undefined, ACTOR));
    expect(await asks()).toBe("1.4.0 n=5");
  });

  test("a first version that does not start stays in place, for what it lacks", async () => {
    const broken = await packageOf("0.1.0", { name: "fresh", start: 'throw new Error("no key yet");' });
    const change = await answerOf(packages.install(broken, CHOICE, ACTOR));
    expect(change).toMatchObject({ waits: true, plugin: { name: "fresh", state: "awaiting_approval" } });
    await answerOf(packages.remove("fresh", { purge: true }, ACTOR));
    expect((await refusal(gateway.control.plugins.get("fresh")))[0]).toBe("not_found");
  });
});

describe("the version that is used", () => {
  test("goes back to the one that is kept, and forth again", async () => {
    await answerOf(packages.install(await packageOf("1.5.0"), CHOICE, ACTOR));
    expect(await answerOf(packages.use("counter", "1.4.0", ACTOR))).toMatchObject({ waits: false, plugin: { version: "1.4.0" } });
    expect(await asks()).toBe("1.4.0 n=6");
    expect((await audited("counter")).join("\n")).toContain("chose version 1.4.0 in place of 1.5.0");
    expect(await answerOf(packages.use("counter", "1.4.0", ACTOR))).toMatchObject({ plugin: { version: "1.4.0", state: "running" } });
    expect(await answerOf(packages.use("counter", "1.5.0", ACTOR))).toMatchObject({ plugin: { version: "1.5.0" } });
  });

  test("is none of an unknown plugin, none that is not kept, and none of a folder", async () => {
    const unknown = ["not_found", 'there is no plugin called "nobody"', "zephyrgate plugin list"] as [string, string, string];
    expect(await refusal(packages.use("nobody", "1.0.0", ACTOR))).toEqual(unknown);
    expect(await refusal(packages.remove("nobody", { purge: false }, ACTOR))).toEqual(unknown);
    expect(await refusal(packages.import("nobody", new Uint8Array(), ACTOR))).toEqual(unknown);
    expect((await refusal(packages.use("counter", "7.0.0", ACTOR)))[1]).toContain("counter has no version 7.0.0");
    expect((await refusal(packages.use("probe", "1.0.0", ACTOR)))[1]).toBe("probe was not installed from a package");
  });
});

describe("a plugin's data", () => {
  const config = () => gateway.control.plugins.config("counter");
  test("comes out as a file with its settings, and goes in again", async () => {
    await answerOf(gateway.control.plugins.setConfig("counter", { color: "red" }, ACTOR));
    const bytes = await answerOf(packages.export("counter", ACTOR));
    const read = await readBackup(bytes);
    if (!read.ok) throw read.error;
    expect(read.value).toMatchObject({ plugin: "counter", version: "1.5.0", config: { color: "red" } });
    expect(read.value.exportedAt).toStartWith("2026-01-05T12:");
    expect(Buffer.from(read.value.database ?? []).toString("latin1", 0, 15)).toBe("SQLite format 3");
    expect(await asks()).toBe("1.5.0 n=7");
    expect(await asks()).toBe("1.5.0 n=8");
    await answerOf(gateway.control.plugins.setConfig("counter", { color: "blue" }, ACTOR));
    expect(await answerOf(packages.import("counter", bytes, ACTOR))).toMatchObject({
      ...{ name: "counter", state: "running" },
      imported: { rows: { "key-value data": 1 }, left: [] },
    });
    expect(await asks()).toBe("1.5.0 n=7");
    expect(await answerOf(config())).toMatchObject({ own: { color: "red" } });
    const lines = await audited("counter");
    expect(lines.filter((line) => line.includes("took a copy of its data"))).toHaveLength(1);
    expect(lines.join("\n")).toContain("imported data of version 1.5.0");
    const left = readdirSync(dataDir, { recursive: true })
      .map(String)
      .filter((name) => /(?:import|export)[^/]*\.db/.test(name));
    expect(left).toEqual([]);
  });

  test("of another plugin, of a newer version, damaged or too large is refused, and changes nothing", async () => {
    const of = async (change: object) => {
      const made = writeBackup({
        plugin: "counter",
        version: "1.5.0",
        exportedAt: "2026-01-01T00:00:00Z",
        config: {},
        database: null,
        ...change,
      });
      if (!made.ok) throw made.error;
      return refusal(packages.import("counter", made.value, ACTOR));
    };
    expect(await of({ plugin: "bbs" })).toEqual(["conflict", "the file holds the data of bbs", "zephyrgate plugin import bbs FILE"]);
    expect(await of({ version: "1.5.1" })).toEqual([
      "conflict",
      "the data belongs to version 1.5.1, but 1.5.0 is installed",
      "install that version or a higher one first",
    ]);
    expect(await of({ database: Buffer.from("SQLite format 3\0 and nothing that follows") })).toEqual([
      "invalid_argument",
      "the data in the file is damaged; nothing was changed",
      "export it again",
    ]);
    expect(await of({ database: Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(16 * 2 ** 20 - 15)]) })).toEqual([
      "quota_exceeded",
      "the data is larger than the 16 MB that counter may keep",
      undefined,
    ]);
    expect((await refusal(packages.import("counter", Buffer.from("x"), ACTOR)))[0]).toBe("invalid_argument");
    expect(await asks()).toBe("1.5.0 n=8");
  });

  test("an export without data empties the database", async () => {
    const made = writeBackup({ plugin: "counter", version: "1.0.0", exportedAt: "2026-01-01T00:00:00Z", config: {}, database: null });
    if (!made.ok) throw made.error;
    await answerOf(packages.import("counter", made.value, ACTOR));
    expect(await asks()).toBe("1.5.0 n=1");
    expect(await answerOf(config())).toMatchObject({ own: {} });
  });

  test("is set aside under a name with the time, and the plugin starts with none", async () => {
    expect(await answerOf(packages.emptyData("counter", ACTOR))).toMatchObject({ waits: false, plugin: { state: "running" } });
    const aside = readdirSync(dataDir, { recursive: true })
      .map(String)
      .filter((name) => name.includes(".damaged-"));
    expect(aside[0]).toMatch(/counter\/data\.db\.damaged-2026-01-05T12\d{4}$/);
    expect((await audited("counter")).join("\n")).toContain(`set its data aside: ${join(dataDir, aside[0] ?? "")}`);
    expect(await asks()).toBe("1.5.0 n=1");
    await answerOf(packages.emptyData("probe", ACTOR));
    expect((await audited("probe")).join("\n")).toContain("set its data aside: there was none");
    expect((await refusal(packages.emptyData("nobody", ACTOR)))[0]).toBe("not_found");
  });
});

test("a bundled plugin is neither replaced nor removed", async () => {
  const plugin = { name: "counter", candidate: { bundled: true, path: "/p", manifest: { version: "1.0.0" } } };
  const bundled = new Packages({
    dataDir: "/nowhere",
    isReserved: (name: string) => name === "counter",
    readManifest: parseManifest,
    supervisor: { get: () => plugin },
  } as unknown as PackagesDeps);
  expect(await refusal(bundled.install(await packageOf("9.0.0"), CHOICE, ACTOR))).toEqual([
    "conflict",
    "counter is the name of a bundled plugin",
    "give the plugin another name in its manifest.yaml",
  ]);
  expect(await refusal(bundled.remove("counter", { purge: true }, ACTOR))).toEqual([
    "conflict",
    "counter is a bundled plugin and cannot be removed",
    "zephyrgate plugin disable counter",
  ]);
});

describe("removing", () => {
  test("a plugin of a folder is not removed", async () => {
    const { path } = await answerOf(gateway.control.plugins.get("probe"));
    expect(await refusal(packages.remove("probe", { purge: true }, ACTOR))).toEqual([
      "conflict",
      `probe was not installed from a package; it is loaded from ${path}`,
      "remove that folder yourself, or: zephyrgate plugin disable probe",
    ]);
  });

  test("keeps the data, or not", async () => {
    const { path = "" } = { path: (await answerOf(gateway.control.plugins.get("counter"))).path ?? "" };
    await answerOf(packages.remove("counter", { purge: false }, ACTOR));
    expect(existsSync(path)).toBe(false);
    expect((await refusal(gateway.control.plugins.get("counter")))[0]).toBe("not_found");
    expect((await audited("counter")).join("\n")).toContain("removed it; its data is kept");
    await answerOf(packages.install(await packageOf("1.5.0"), CHOICE, ACTOR));
    expect(await asks()).toBe("1.5.0 n=2");
    await answerOf(packages.remove("counter", { purge: true }, ACTOR));
    expect((await audited("counter")).join("\n")).toContain("removed it and its data");
    await answerOf(packages.install(await packageOf("1.0.0"), CHOICE, ACTOR));
    expect(await asks()).toBe("1.0.0 n=1");
    expect(dirname(path)).toBe(join(dataDir, "installed"));
  });
});
