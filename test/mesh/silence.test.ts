import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { MeshLink } from "../../src/mesh/link/link.ts";
import { SILENCE_SCHEMA, Silence, type Silenced } from "../../src/mesh/silence.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { SimulatedTransport } from "../../src/mesh/transport/simulated.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { bench, text } from "./outbox-support.ts";

test("while it is silenced texts wait and say why, an emergency goes out, and all go out after it", async () => {
  let isSilenced = true;
  const it = bench({ isSilenced: () => isSilenced });
  it.outbox.start();
  const waits = it.outbox.enqueue(text({ text: "waits", priority: "high" }));
  const sos = it.outbox.enqueue(text({ text: "SOS", priority: "emergency" }));
  await it.clock.advance(30_000);
  expect(it.radio.texts).toEqual(["SOS"]);
  const id = waits.ok ? waits.value.id : "";
  expect([sos.ok, it.outbox.get(id)]).toMatchObject([true, { state: "queued", held: "silenced" }]);
  isSilenced = false;
  it.outbox.resume();
  await it.clock.advance(10_000);
  expect(it.radio.texts).toEqual(["SOS", "waits"]);
  await it.close();
});

test("what passes the outbox by is refused by the link: requests and announcements, but not packets for the radio itself", async () => {
  const clock = new FakeClock();
  const random = fakeRandom(3);
  const mesh = new SimulatedMesh({ nodes: [{ number: 2 }], clock, random });
  let isSilenced = false;
  const deps = { clock, random, log: silentLogger, correlationId: () => "c", isSilenced: () => isSilenced };
  const link = new MeshLink("sim", new SimulatedTransport(mesh, { clock }), deps);
  link.start();
  await clock.advance(2_000);
  const packet = { packetId: 7, channel: 0, port: 3, payload: new Uint8Array(), wantAck: false, wantResponse: true } as const;
  const message = { packetId: 9, to: 2, channel: 0, text: "hello", wantAck: false } as const;
  const outcomes = async () => [
    (await link.announce()).ok,
    (await link.sendPacket({ ...packet, to: 2 })).ok,
    (await link.sendText({ ...message, priority: "high" })).ok,
    (await link.sendText({ ...message, packetId: 10, priority: "emergency" })).ok,
    (await link.sendPacket({ ...packet, packetId: 8, to: link.status().ownNode ?? 0 })).ok,
  ];
  isSilenced = true;
  expect(await outcomes()).toEqual([false, false, false, true, true]);
  isSilenced = false;
  expect(await outcomes()).toEqual([true, true, true, true, true]);
  await link.stop();
});

test("it survives a restart; when it cannot be stored, quiet holds all the same and says so", () => {
  const folder = mkdtempSync(join(tmpdir(), "silence-"));
  const clock = new FakeClock();
  const changes: (Silenced | null)[] = [];
  const open = () => {
    const opened = openCoreDatabase(join(folder, "gateway.db"), [SILENCE_SCHEMA], { clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    return { database: opened.value, silence: new Silence(opened.value, clock, (state) => changes.push(state)) };
  };
  const first = open();
  expect(first.silence.set(true, "api 127.0.0.1").ok).toBe(true);
  expect(first.silence.set(true, "again").ok).toBe(true);
  first.database.close();
  const second = open();
  expect(second.silence.state).toEqual({ since: clock.now(), by: "api 127.0.0.1" });
  second.silence.set(false, "api 127.0.0.1");
  expect(second.silence.isOn).toBe(false);
  second.database.sqlite.run("PRAGMA query_only = ON");
  const unstored = second.silence.set(true, "page ::1");
  expect([unstored.ok, second.silence.isOn]).toEqual([false, true]);
  expect(unstored.ok ? "" : unstored.error.summary()).toContain("only until the next start");
  expect(changes.map((state) => state?.by ?? null)).toEqual(["api 127.0.0.1", null, "page ::1"]);
  second.database.close();
  rmSync(folder, { recursive: true, force: true });
});
