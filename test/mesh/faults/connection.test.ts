/** A link that is cut at any byte of two-way traffic, and one that is full of noise: what was said arrives once, or is called failed. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { MeshLink } from "../../../src/mesh/link/link.ts";
import { advance } from "../../../src/mesh/outbox/message/states.ts";
import { Outbox } from "../../../src/mesh/outbox/outbox.ts";
import { OUTBOX_SCHEMA } from "../../../src/mesh/outbox/storage/store.ts";
import type { MessageStatus } from "../../../src/mesh/outgoing.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import type { Client } from "../../../src/mesh/stream-server/attachment.ts";
import { SimulatedTransport } from "../../../src/mesh/transport/simulated.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";
import { SETTINGS, text } from "../outbox-support.ts";

/** The long suites ask for 1,000 and 10 million. */
const DISCONNECTS = Number(process.env.DISCONNECTS ?? 40);
const NOISE_BYTES = Number(process.env.NOISE_BYTES ?? 300_000);
/** A configuration burst has about half as many, so every other connection comes to texts. */
const LONGEST = 6_000;

/** The node behind a connection that is cut after so many bytes, counted both ways. */
class CutMesh {
  cuts = 0;
  isWhole = false;
  constructor(
    readonly mesh: SimulatedMesh,
    readonly chance: () => number,
  ) {}

  get nodes() {
    return this.mesh.nodes;
  }

  attach(client: Client): ReturnType<SimulatedMesh["attach"]> {
    let left = this.isWhole ? Number.POSITIVE_INFINITY : 1 + Math.floor(this.chance() * LONGEST);
    const part = (bytes: Uint8Array) => {
      const taken = bytes.subarray(0, Math.min(left, bytes.length));
      if (left > 0 && left <= bytes.length) queueMicrotask(cut);
      left = Math.max(0, left - bytes.length);
      return taken;
    };
    const attached = this.mesh.attach({ bytes: (bytes) => client.bytes(part(bytes)), hangUp: (reason) => client.hangUp(reason) });
    const cut = () => {
      this.cuts++;
      if (attached.ok) attached.value.close();
      client.hangUp("cut");
    };
    if (!attached.ok) return attached;
    const { value } = attached;
    return { ok: true, value: { ...value, receive: (bytes) => value.receive(part(bytes)) } };
  }
}

class World {
  readonly clock = new FakeClock();
  readonly random = fakeRandom(11);
  readonly mesh = new SimulatedMesh({ nodes: 4, clock: this.clock, random: this.random });
  readonly node = new CutMesh(this.mesh, () => this.random.fraction());
  readonly link: MeshLink;
  readonly outbox: Outbox;
  readonly statuses: MessageStatus[] = [];
  readonly queued: string[] = [];
  /** Texts that came in. */
  readonly received: string[] = [];
  /** By text: the packet ids under which a node heard it. */
  readonly heard = new Map<string, Set<number>>();
  readonly #folder = mkdtempSync(join(tmpdir(), "zephyrgate-cuts-"));
  readonly #database;

  constructor({ isWhole }: { readonly isWhole: boolean }) {
    const { clock, random } = this;
    this.node.isWhole = isWhole;
    const deps = { clock, random, log: silentLogger, correlationId: () => "c" };
    this.link = new MeshLink("base", new SimulatedTransport(this.node, deps), deps);
    const opened = openCoreDatabase(join(this.#folder, "gateway.db"), [OUTBOX_SCHEMA], deps);
    if (!opened.ok) throw opened.error;
    this.#database = opened.value;
    this.outbox = new Outbox({
      ...deps,
      database: opened.value,
      config: { ...SETTINGS, airtime: { ...SETTINGS.airtime, plugin_share: 1 } },
      radios: () => [this.link],
      routes: () => [[{ link: "base", index: 0 }]],
      onStatus: (status) => void this.statuses.push(status),
    });
    this.mesh.onHeard(({ packetId, text: words }) => this.heard.set(words, (this.heard.get(words) ?? new Set()).add(packetId)));
    this.link.onMessage((message) => void (message.kind === "text" && this.received.push(message.text)));
    this.outbox.start();
    this.link.start();
  }

  write(content: string): void {
    const isBroadcast = this.random.fraction() < 0.3;
    const made = this.outbox.enqueue(text({ text: content, to: isBroadcast ? BROADCAST : 2, wantAck: !isBroadcast }));
    if (made.ok) this.queued.push(made.value.id);
  }

  async close(): Promise<void> {
    const stopped = Promise.all([this.outbox.stop(), this.link.stop()]);
    for (let i = 0; i < 10; i++) await this.clock.advance(1_000);
    await stopped;
    this.mesh.stop();
    this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Each message has an end that is true, none is doubled, and no state goes back. */
function judge(world: World): void {
  const last = new Map<string, MessageStatus>();
  for (const status of world.statuses) {
    const before = last.get(status.id);
    if (before !== undefined && before.state !== status.state) expect(advance(before.state, status.state)).toBe(status.state);
    last.set(status.id, status);
  }
  for (const id of world.queued) {
    const status = world.outbox.get(id);
    const ids = world.heard.get(status?.text ?? "")?.size ?? 0;
    const shown = `${status?.text} ${status?.state} ${status?.reason}`;
    expect(status?.final, `${shown} has ended`).toBe(true);
    expect(ids, `${shown} is not doubled`).toBeLessThanOrEqual(1);
    if (status?.state !== "failed") expect(ids, `${shown} was heard`).toBe(1);
  }
}

test(`${DISCONNECTS} disconnects at any byte: each message is heard once or called failed, none that came in is doubled or torn`, async () => {
  const world = new World({ isWhole: false });
  const { clock, mesh, node, random } = world;
  const said: string[] = [];
  for (let i = 0; node.cuts < DISCONNECTS; i++) {
    if (random.fraction() < 0.3) world.write(`out ${i}`);
    if (random.fraction() < 0.3) {
      said.push(`in ${i} ${"ä€😀".repeat(5)}`);
      mesh.say({ from: 3, text: said.at(-1) ?? "" });
    }
    await clock.advance(5_000);
  }
  node.isWhole = true;
  for (let i = 0; i < 90; i++) await clock.advance(60_000);
  expect(world.link.status()).toMatchObject({ state: "up" });
  expect(world.link.status().counters.reconnects).toBeGreaterThanOrEqual(DISCONNECTS);
  judge(world);
  const ends = world.queued.map((id) => world.outbox.get(id)?.state);
  expect(ends.filter((state) => state !== "failed").length).toBeGreaterThan(ends.length / 2);
  expect(world.received.filter((words) => !said.includes(words))).toEqual([]);
  expect(new Set(world.received).size).toBe(world.received.length);
  // What a node writes into a connection that dies is lost, as with the firmware; what waits for the next one is not.
  expect(world.received.length).toBeGreaterThan(said.length / 4);
  await world.close();
}, 3_600_000);

test(`${NOISE_BYTES} bytes of noise between the frames: every text comes through, and nothing else does`, async () => {
  const world = new World({ isWhole: true });
  const { clock, mesh, random, link } = world;
  await clock.advance(10_000);
  const said: string[] = [];
  for (let sent = 0; sent < NOISE_BYTES; ) {
    const bytes = 1 + Math.floor(random.fraction() * 4_000);
    mesh.fail({ kind: "rubbish", bytes });
    sent += bytes;
    said.push(`in ${sent}`);
    mesh.say({ from: 2, text: `in ${sent}` });
    if (random.fraction() < 0.05) world.write(`out ${sent}`);
    await clock.advance(1_000);
  }
  for (let i = 0; i < 15; i++) await clock.advance(60_000);
  expect(world.received).toEqual(said);
  expect(link.status().counters.reconnects).toBe(0);
  judge(world);
  expect(world.queued.map((id) => world.outbox.get(id)?.state)).not.toContain("failed");
  await world.close();
}, 3_600_000);
