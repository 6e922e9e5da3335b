import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { FileWallBuilder, Wall } from "../../src/bridge/launch.ts";
import type { RealmSpec } from "../../src/bridge/realm-spec.ts";
import { systemClock } from "../../src/clock.ts";
import type { Result } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { PluginHost, Realm, RealmEvents } from "../../src/sandbox/port.ts";
import { probeWalls, spawnHost } from "../../src/sandbox/process.ts";
import { launchHost } from "../../src/sandbox/process-launch.ts";
import { BUILDERS, HAS_NAMESPACES } from "../host/jail/builders.ts";

const linux = process.platform === "linux";
const folder = mkdtempSync(`${tmpdir()}/zephyrgate-host-`);
const databases = `${folder}/databases`;
mkdirSync(databases);
const options = { databases: [databases], allowMissing: [], log: silentLogger, clock: systemClock };
const hosts: PluginHost[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(builder: FileWallBuilder): Promise<PluginHost> {
  const host = await spawnHost({ ...options, fileWalls: [builder] });
  if (!host.ok) throw host.error;
  hosts.push(host.value);
  return host.value;
}

const events: RealmEvents = {
  request: async () => ({ ok: true, value: null }),
  log() {},
  fault() {},
  strike() {},
  gone() {},
  storageUsed() {},
};

function spec(plugin: string, body: string): RealmSpec {
  const granted = { database_access: { state: "granted", scope: {} } };
  return {
    plugin,
    version: "1.0.0",
    code: `import { Plugin } from "zephyrgate"; export default class extends Plugin { ${body} }`,
    limits: { memoryMb: 16, sliceMs: 100, timeoutS: 10, storageMb: 16 },
    config: {},
    capabilities: {},
    permissions: granted,
    tokens: { database_access: "token" },
    database: `${databases}/${plugin}.sqlite`,
    gatewayVersion: "0.1.0",
    language: "en",
  };
}

async function open(host: PluginHost, plugin: string, body: string): Promise<Realm> {
  const realm = await host.open(spec(plugin, body), events);
  if (!realm.ok) throw realm.error;
  return realm.value;
}

const healthy = async (realm: Realm) => (await realm.call({ kind: "health" }, [], 10_000).outcome).ok;
const STUCK = "healthCheck() { [].indexOf.call({ length: 9e15 }, 1); return true; }";

describe.if(linux).each([...BUILDERS])("a plugin host process, its files walled off by %s", (builder) => {
  test("runs plugins with their databases behind all walls, and stops in order", async () => {
    const host = await start(builder);
    expect(host.walls.filter((wall) => !wall.stands && wall.wall !== "network" && wall.wall !== "signals")).toEqual([]);
    const body = 'async healthCheck() { await this.storeData("k", 41); return (await this.retrieveData("k")) === 41; }';
    const realms = await Promise.all(["one", "two", "three"].map((name) => open(host, name, body)));
    for (const realm of realms) expect(await realm.call({ kind: "health" }, [], 10_000).outcome).toMatchObject({ ok: true, value: true });
    await host.stop();
    await host.stop();
    expect(await host.exited).toEqual({ reason: "stopped", detail: "stopped", culprit: null });
    expect(existsSync(`/proc/${host.pid}`)).toBe(false);
  }, 120_000);

  test("does not start where its processor time cannot be read, unless that is allowed", async () => {
    const blind = { ...options, sample: () => null };
    const refused = await spawnHost(blind);
    expect(refused).toMatchObject({ ok: false, error: { code: "jail_unavailable", data: { wall: "watchdog" } } });
    const allowed = await spawnHost({ ...blind, allowMissing: ["watchdog"] });
    if (!allowed.ok) throw allowed.error;
    hosts.push(allowed.value);
    expect(allowed.value.walls.find(({ wall }) => wall === "watchdog")?.stands).toBe(false);
  }, 120_000);

  test("is killed when a realm sits in native code, which names the realm; a new one serves the others", async () => {
    const host = await start(builder);
    const good = await open(host, "good", "healthCheck() { return true; }");
    const bad = await open(host, "bad", STUCK);
    expect(await healthy(good)).toBe(true);
    const stuck = await bad.call({ kind: "health" }, [], 30_000).outcome;
    expect(stuck).toMatchObject({ ok: false, cause: "gone" });
    expect(await host.exited).toMatchObject({ reason: "watchdog", culprit: bad.number });
    expect(await healthy(good)).toBe(false);
    const next = await start(builder);
    expect(await healthy(await open(next, "good", "healthCheck() { return true; }"))).toBe(true);
  }, 120_000);

  test("holds seventy realms under its memory limit", async () => {
    const host = await start(builder);
    const realms: Realm[] = [];
    for (let count = 0; count < 70; count++) realms.push(await open(host, `p${count}`, "healthCheck() { return true; }"));
    for (const realm of realms) expect(await healthy(realm)).toBe(true);
    // Nothing of the gateway's: only what the engine is told.
    expect(readFileSync(`/proc/${host.pid}/environ`, "utf8")).toBe(
      "BUN_JSC_useWasmFastMemory=0\0BUN_GC_TIMER_INTERVAL=30000\0MIMALLOC_PURGE_DELAY=0\0",
    );
  }, 120_000);
});

/** As on a kernel that lacks something: see hide.ts. */
async function probeOn(hidden: string): Promise<Result<readonly Wall[]>> {
  const here = fileURLToPath(new URL("../host/jail/", import.meta.url));
  const child = Bun.spawn([process.execPath, `${here}hide.ts`, hidden, process.execPath, `${here}probe.ts`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await child.stdout.text());
}

describe.if(linux)("the walls", () => {
  test("are known by trying them", async () => {
    const walls = await probeWalls({ log: silentLogger, clock: systemClock });
    if (!walls.ok) throw walls.error;
    expect(walls.value.map((one) => one.wall)).toEqual([
      "capabilities",
      "no_new_privs",
      "limits",
      "files",
      "network",
      "signals",
      "seccomp",
      "watchdog",
    ]);
    expect(walls.value.filter((one) => one.required && !one.stands)).toEqual([]);
  }, 120_000);

  test("that this system lacks are an error with the way to accept it", async () => {
    const launched = await launchHost({ ...options, fileWalls: [] });
    if (launched.ok) throw new Error("it started");
    expect(launched.error.code).toBe("jail_unavailable");
    expect(launched.error.summary()).toContain('The wall "files" of the jail does not stand');
    expect(launched.error.summary()).toContain("Raspberry Pi OS");
    expect(launched.error.summary()).toContain("plugins.isolation.allow_missing: [files]");
  }, 120_000);

  test.if(HAS_NAMESPACES)(
    "stand on a kernel without Landlock, by a mount namespace",
    async () => {
      const walls = await probeOn("landlock");
      if (!walls.ok) throw new Error(JSON.stringify(walls));
      const [files] = walls.value.filter(({ wall }) => wall === "files");
      expect(files).toMatchObject({ stands: true, detail: expect.stringContaining("mount namespace") });
      expect(walls.value.filter((one) => one.required && !one.stands)).toEqual([]);
    },
    120_000,
  );

  test.each([
    ["files", "landlock,namespaces"],
    ["seccomp", "seccomp"],
    ["limits", "limits"],
    ["capabilities", "capabilities"],
  ])(
    "%s is noticed when it is missing, and alone",
    async (wall, hidden) => {
      const walls = await probeOn(hidden);
      if (!walls.ok) throw new Error(JSON.stringify(walls));
      expect(walls.value.filter((one) => one.required && !one.stands).map((one): string => one.wall)).toEqual([wall]);
    },
    120_000,
  );

  test("are reported where neither builder works, with the reason of each", async () => {
    const walls = await probeOn("landlock,namespaces");
    if (!walls.ok) throw new Error(JSON.stringify(walls));
    const state = Object.fromEntries(walls.value.map((one) => [one.wall, one.stands]));
    expect(state).toMatchObject({ capabilities: true, no_new_privs: true, limits: true, files: false, seccomp: true });
    const [files] = walls.value.filter(({ wall }) => wall === "files");
    expect(files?.detail).toMatch(/this kernel offers no Landlock \(errno 38\); no mount namespace can be made: unshare: /);
  }, 120_000);
});
