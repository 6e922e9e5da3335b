import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../src/cli/client/client.ts";
import {
  askGateway,
  checkClock,
  checkDataDir,
  checkLinks,
  checkRadios,
  type Finding,
  gatewayFindings,
  gradeWalls,
} from "../../src/cli/doctor/doctor.ts";
import { ok } from "../../src/errors.ts";
import { isFolderInUse, lockDataFolder } from "../../src/storage/lock.ts";
import { unknownTimeSource } from "../../src/timekeeping/sources.ts";
import { serve } from "../api/serve.ts";
import { FakeClock } from "../fake-clock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const grades = (findings: readonly Finding[]) => findings.map(({ grade, what }) => `${grade} ${what}`);

test("the data folder: absent but makable, open to all, a token others can read", () => {
  expect(grades(checkDataDir(join(folder, "a", "b")))).toEqual(["ok data folder", "ok disk"]);
  writeFileSync(join(folder, "api-token"), "x");
  chmodSync(join(folder, "api-token"), 0o644);
  chmodSync(folder, 0o777);
  const found = checkDataDir(folder);
  expect(grades(found).slice(0, 3)).toEqual(["ok data folder", "fail data folder", "fail API token"]);
  for (const finding of found) if (finding.grade === "fail") expect(finding.fix).toStartWith("chmod ");
});

test("radios: absent, no serial device, one nobody answers for, none configured", async () => {
  writeFileSync(join(folder, "file"), "");
  const serial = { type: "serial", baud_rate: 115_200 } as const;
  const findings = await checkLinks([
    { ...serial, name: "gone", device: join(folder, "ttyUSB0") },
    { ...serial, name: "file", device: join(folder, "file") },
    { ...serial, name: "null", device: "/dev/null" },
    { name: "tcp", type: "tcp", host: "127.0.0.1", port: 1 },
    { name: "sim", type: "simulated", nodes: 3 },
  ]);
  expect(grades(findings)).toEqual(["fail radio gone", "fail radio file", "ok radio null", "warn radio tcp", "ok radio sim"]);
  expect((await checkLinks(undefined))[0]).toMatchObject({ grade: "warn", fix: expect.stringContaining("mesh.interfaces") });
});

test("a clock that was never set; walls that are missing, and missing by permission", () => {
  const absent = { state: "absent" } as const;
  const unset = checkClock(new FakeClock(60_000), unknownTimeSource, absent);
  expect(unset).toMatchObject({ grade: "fail", found: expect.stringContaining("1970"), fix: expect.stringContaining("timedatectl") });
  expect(checkClock(new FakeClock(Date.UTC(2026, 0, 1)), unknownTimeSource, absent).grade).toBe("ok");
  const source = { ...unknownTimeSource, synchronised: () => false };
  expect(checkClock(new FakeClock(Date.UTC(2026, 0, 1)), source, absent).grade).toBe("warn");
  const walls = [
    { wall: "seccomp", stands: true, detail: "tried", required: true },
    { wall: "files", stands: false, detail: "errno 0", required: true },
    { wall: "signals", stands: false, detail: "errno 0", required: false },
  ];
  expect(gradeWalls(walls, []).map((finding) => finding.grade)).toEqual(["ok", "fail", "warn"]);
  // The older name.
  expect(gradeWalls(walls, ["files"]).map((finding) => finding.grade)).toEqual(["ok", "warn", "warn"]);
  expect(gradeWalls(walls, ["landlock"]).map((finding) => finding.grade)).toEqual(["ok", "warn", "warn"]);
});

test("the gateway: running, not running, another program on its port", async () => {
  const api = serve();
  const where = { host: "127.0.0.1", port: api.port };
  const check = async (client: Client) => gatewayFindings(where, await askGateway(where, ok(client), false));
  expect(grades(await check(new Client(api.url, api.token)))).toEqual(["ok gateway"]);
  expect(grades(await check(new Client(api.url, "wrong")))).toEqual(["fail gateway"]);
  await api.close();
  expect(grades(await check(new Client(api.url, api.token)))).toEqual(["warn gateway"]);
});

test("the radio of a gateway that runs is never opened: the gateway is asked, or the radio is left alone", async () => {
  let connections = 0;
  const opened = Promise.withResolvers<void>();
  const count = () => {
    connections++;
    opened.resolve();
  };
  const radio = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: count, data() {} } });
  const links = [{ name: "roof", type: "tcp", host: "127.0.0.1", port: radio.port }] as const;
  const api = serve();
  const where = { host: "127.0.0.1", port: api.port };
  const client = ok(new Client(api.url, api.token));
  const running = await askGateway(where, client, true);
  expect(await checkRadios([...links], running)).toEqual([{ grade: "ok", what: "radio sim", found: "the running gateway says: up" }]);
  // Another program's token, and a gateway that listens elsewhere or is still starting.
  const refused = await askGateway(where, ok(new Client(api.url, "wrong")), false);
  await api.close();
  const elsewhere = await askGateway(where, client, true);
  for (const answer of [refused, elsewhere]) {
    expect(answer.state).toBe("silent");
    expect(grades(await checkRadios([...links], answer))).toEqual(["warn radio"]);
  }
  expect(connections).toBe(0);
  const absent = await askGateway(where, client, false);
  expect(grades(await checkRadios([...links], absent))).toEqual(["ok radio roof"]);
  await opened.promise;
  expect(connections).toBe(1);
  radio.stop(true);
});

test("a data folder is in use while a process holds its lock", () => {
  expect(isFolderInUse(folder)).toBe(false);
  const lock = lockDataFolder(folder);
  if (!lock.ok) throw lock.error;
  if (process.platform === "linux") expect(isFolderInUse(folder)).toBe(true);
  lock.value.release();
  expect(isFolderInUse(folder)).toBe(false);
});
