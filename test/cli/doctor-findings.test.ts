/** The findings of `doctor`, word by word: what it found, and what the operator should do. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  askGateway,
  checkClock,
  checkDataDir,
  checkLinks,
  checkRadios,
  type Finding,
  type GatewayAnswer,
  gatewayFindings,
  gradeWalls,
} from "../../src/cli/doctor/doctor.ts";
import { fail } from "../../src/errors.ts";
import { unknownTimeSource } from "../../src/timekeeping/sources.ts";
import { FakeClock } from "../fake-clock.ts";

type Status = Extract<GatewayAnswer, { state: "running" }>["status"];

const folder = mkdtempSync(join(tmpdir(), "findings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STATUS: Status = {
  version: "0.1.0",
  started_at: "2026-01-15T10:30:00.000Z",
  uptime_s: 60,
  degraded: [],
  safe_mode: false,
  silence: { silenced: false, since: null, by: null },
  disk: { state: "ok", free_bytes: 2 ** 30 },
  clock: { state: "trusted", reason: "the kernel says so" },
  links: [],
  plugins: { running: 3 },
  outbox: {
    queued: 0,
    sent: 0,
    delivered: 0,
    failed: 0,
    oldest_queued_s: null,
    airtime: { total_s: 0, plugins: {}, channels: {}, links: {} },
  },
  stale_texts: 0,
  publishing: null,
  walls: [],
  alerts: [],
};
const running = (more: Partial<Status> = {}): GatewayAnswer => ({ state: "running", status: { ...STATUS, ...more } });
/** A line for each finding, as the verb prints it. */
const lines = (findings: readonly Finding[]) =>
  findings.map(
    ({ grade, what, found, fix }) =>
      `${grade} ${what}: ${found.replaceAll(folder, "FOLDER")}${fix === undefined ? "" : ` -> ${fix.replaceAll(folder, "FOLDER")}`}`,
  );
const API = { host: "0.0.0.0", port: 8080 };

test("a data folder that is open to others, with a token that others can read", () => {
  const dir = join(folder, "data");
  mkdirSync(dir, { mode: 0o700 });
  const found = () => lines(checkDataDir(dir)).filter((each) => !each.includes("disk"));
  expect(found()).toEqual(["ok data folder: FOLDER/data"]);
  writeFileSync(join(dir, "api-token"), "x", { mode: 0o600 });
  chmodSync(dir, 0o775);
  expect(found()).toEqual(["ok data folder: FOLDER/data"]);
  chmodSync(dir, 0o702);
  chmodSync(join(dir, "api-token"), 0o601);
  expect(found()).toEqual([
    "ok data folder: FOLDER/data",
    "fail data folder: every user may write to it -> chmod o-w FOLDER/data",
    "fail API token: other users may read it -> chmod 600 FOLDER/data/api-token",
  ]);
  expect(lines(checkDataDir(join(folder, "a/b/c")))[0]).toBe("ok data folder: FOLDER/a/b/c will be created");
  expect(lines(checkDataDir("/proc/nowhere")).at(0)).toMatch(
    /^(?:fail data folder: \/proc is not writable -> let the gateway's user own it, or set data_dir|ok data folder: \/proc\/nowhere will be created)$/,
  );
});

test("links that cannot be used, each with its cure", async () => {
  writeFileSync(join(folder, "file"), "");
  const serial = { type: "serial", baud_rate: 115_200 } as const;
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const found = await checkLinks([
    { ...serial, name: "gone", device: join(folder, "ttyUSB0") },
    { ...serial, name: "file", device: join(folder, "file") },
    { ...serial, name: "null", device: "/dev/null" },
    { name: "roof", type: "tcp", host: "127.0.0.1", port: 1 },
    { name: "mast", type: "tcp", host: "127.0.0.1", port: server.port },
    { name: "sim", type: "simulated", nodes: 3 },
  ]);
  expect(lines(found)).toEqual([
    "fail radio gone: FOLDER/ttyUSB0 does not exist -> plug the radio in, or fix `device`; ls /dev/serial/by-id lists the devices that are plugged in",
    "fail radio file: FOLDER/file is not a serial device -> fix `device`",
    "ok radio null: /dev/null",
    "warn radio roof: 127.0.0.1:1 does not answer -> check that the node is on, and its address; the gateway keeps trying",
    `ok radio mast: 127.0.0.1:${server.port} answers`,
    "ok radio sim: simulated",
  ]);
  server.stop(true);
  const [none] = await checkLinks([]);
  expect(none).toMatchObject({ grade: "warn", what: "radio" });
  expect(none?.fix).toMatch(/^add to mesh\.interfaces: - \{ name: base, type: serial, device: \/dev\/serial\/by-id\/\S+ \}$/);
});

test("what a running gateway says of its radios", async () => {
  const link = { type: "tcp" as const, target: "t", since: "2026", channels: [], counters: {} };
  const proxy = { up: [], down: [], counters: {} };
  const links: Status["links"] = [
    { ...link, name: "base", state: "up", mqtt_proxy: { ...proxy, broker: "mqtt://b", state: "up" } },
    {
      ...link,
      name: "roof",
      state: "waiting",
      reason: "refused",
      mqtt_proxy: { ...proxy, broker: "mqtt://c", state: "down", reason: "no user" },
    },
  ];
  expect(lines(await checkRadios(undefined, running({ links })))).toEqual([
    "ok radio base: the running gateway says: up",
    "ok MQTT of radio base: mqtt://b: up",
    "warn radio roof: the running gateway says: waiting, refused -> check that the node is on and plugged in; the gateway keeps trying",
    "warn MQTT of radio roof: mqtt://c: down, no user",
  ]);
  const silent: GatewayAnswer = { state: "silent", finding: { grade: "warn", what: "gateway", found: "silent" } };
  expect(lines(await checkRadios(undefined, silent))).toEqual(["warn radio: not tried: a running gateway may be using it"]);
  expect(lines(gatewayFindings(API, silent))).toEqual(["warn gateway: silent"]);
});

test("what a running gateway says of itself", () => {
  const ok = "ok gateway: running at 0.0.0.0:8080, version 0.1.0";
  expect(lines(gatewayFindings(API, { state: "absent" }))).toEqual([
    "warn gateway: not running; port 8080 is free -> start it with: zephyrgate gateway",
  ]);
  expect(lines(gatewayFindings(API, running()))).toEqual([ok]);
  const region = { name: "valley", site: "north", state: "enrolled", broker: "connected", sites: 3, online: 2, troubles: [] };
  const publishing = { broker: "mqtt://b", state: "up", reason: null, nodes: 2 } as Status["publishing"];
  expect(lines(gatewayFindings(API, running({ region, publishing, plugins: { failed: 1, disabled: 2 }, safe_mode: true })))).toEqual([
    ok,
    "ok publishing: mqtt://b: up",
    "warn plugins: 3 failed or disabled -> zephyrgate plugin list shows the reasons",
    "ok region valley: site north is enrolled; 2 of 3 sites are online",
    "warn safe mode: bundled plugins run; after crashes the others come back one at a time -> see the log for the cause of the crashes; zephyrgate plugin list shows which plugin was left off",
  ]);
  const troubled = {
    region: { ...region, troubles: ["its key is out", "its clock is wrong"] },
    publishing: { broker: "mqtt://b", state: "down", reason: "refused", nodes: 0 } as Status["publishing"],
    plugins: { disabled: 1 },
  };
  expect(lines(gatewayFindings(API, running(troubled)))).toEqual([
    ok,
    "warn publishing: mqtt://b: down, refused",
    "warn plugins: 1 failed or disabled -> zephyrgate plugin list shows the reasons",
    "warn region valley: its key is out; its clock is wrong -> zephyrgate region status shows the reasons",
  ]);
});

test("a port where nothing answers, and one where another program does", async () => {
  const refused = fail("unauthorized", "the token was refused");
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const taken = await askGateway({ host: "0.0.0.0", port: server.port }, refused, false);
  server.stop(true);
  expect(taken).toEqual({
    state: "silent",
    finding: {
      grade: "fail",
      what: "gateway",
      found: `something listens at 0.0.0.0:${server.port}, but not the gateway of this data folder: the token was refused`,
      fix: "stop it, or choose another api.port",
    },
  });
  const inUse = await askGateway({ host: "127.0.0.1", port: 1 }, refused, true);
  expect(inUse).toEqual({
    state: "silent",
    finding: {
      grade: "warn",
      what: "gateway",
      found: "a gateway uses this data folder, but nothing answers at 127.0.0.1:1",
      fix: "wait until it has started, or give doctor the --config and --port of the running gateway",
    },
  });
  expect(await askGateway({ host: "127.0.0.1", port: 1 }, refused, false)).toEqual({ state: "absent" });
});

test("the clock: as the running gateway says, which knows more", () => {
  const now = new FakeClock(Date.UTC(2026, 0, 1));
  const say = (state: Status["clock"]["state"]) =>
    lines([checkClock(now, unknownTimeSource, running({ clock: { state, reason: "a reason" } }))]);
  const fix = "radios get no time from it -> set it, or enable network time: timedatectl set-ntp true";
  expect([say("trusted"), say("unconfirmed"), say("wrong")].flat()).toEqual([
    "ok clock: 2026-01-01T00:00:00.000Z: a reason",
    `warn clock: 2026-01-01T00:00:00.000Z: a reason; ${fix}`,
    `fail clock: 2026-01-01T00:00:00.000Z: a reason; ${fix}`,
  ]);
});

test("walls: active, missing behind another, missing by permission, missing", () => {
  const wall = (name: string, required = true, stands = false) => ({ wall: name, stands, required, detail: "errno 0" });
  expect(lines(gradeWalls([wall("seccomp", true, true), wall("network", false), wall("files"), wall("seccomp")], []))).toEqual([
    "ok wall seccomp: active (errno 0)",
    "warn wall network: missing (errno 0) -> the wall seccomp refuses the same; a kernel with a newer Landlock has this one, too",
    "fail wall files: missing (errno 0) -> install util-linux and let users make namespaces (docs/operating.md), or accept the risk: plugins.isolation.allow_missing: [files]",
    "fail wall seccomp: missing (errno 0) -> use a newer kernel, or accept the risk: plugins.isolation.allow_missing: [seccomp]",
  ]);
  for (const allowed of ["seccomp", "jail"])
    expect(lines(gradeWalls([wall("seccomp")], [allowed]))).toEqual([
      "warn wall seccomp: missing, which the configuration allows (errno 0)",
    ]);
});
