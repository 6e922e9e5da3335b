/** The outbox against a radio with every fault that was seen, killed and started again: what became of each message is true. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type Clock, systemRandom, type Timer } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { splitText } from "../../../src/mesh/codec/text.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { advance } from "../../../src/mesh/outbox/message/states.ts";
import { Outbox } from "../../../src/mesh/outbox/outbox.ts";
import { OUTBOX_SCHEMA } from "../../../src/mesh/outbox/storage/store.ts";
import type { MessageStatus, Priority } from "../../../src/mesh/outgoing.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock } from "../../fake-clock.ts";
import { PEER, SETTINGS, text } from "../outbox-support.ts";
import { FaultyRadio } from "./faulty-radio.ts";

/** Messages in a run; the long suites ask for 2,000. */
const MESSAGES = Number(process.env.OUTBOX_MESSAGES ?? 150);
const RUNS = 3;

interface Queued {
  readonly id: string;
  readonly content: string;
  readonly isBroadcast: boolean;
}

/** A clock whose timers end with the process that started them. */
class ProcessClock implements Clock {
  isDead = false;
  constructor(private readonly clock: FakeClock) {}
  now = () => this.clock.now();
  monotonic = () => this.clock.monotonic();
  after(ms: number, run: () => void): Timer {
    return this.clock.after(ms, () => {
      if (!this.isDead) run();
    });
  }
}

/** One gateway after the other on one file and one radio. */
class World {
  readonly clock = new FakeClock();
  readonly radio: FaultyRadio;
  readonly statuses: MessageStatus[] = [];
  readonly queued: Queued[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "zephyrgate-model-"));
  #process: { readonly clock: ProcessClock; readonly outbox: Outbox; close(): void } | null = null;

  constructor(readonly chance: () => number) {
    this.radio = new FaultyRadio(this.clock, chance);
  }

  get outbox(): Outbox {
    return (this.#process ?? this.boot()).outbox;
  }

  /** Kills the process that runs, without a flush, and starts another. */
  boot() {
    const radio = this.radio.attach();
    if (this.#process !== null) {
      this.#process.clock.isDead = true;
      this.#process.close();
    }
    const clock = new ProcessClock(this.clock);
    const opened = openCoreDatabase(join(this.#folder, "gateway.db"), [OUTBOX_SCHEMA], { clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    const outbox = new Outbox({
      database: opened.value,
      clock,
      random: systemRandom,
      log: silentLogger,
      config: { ...SETTINGS, airtime: { ...SETTINGS.airtime, plugin_share: 1 } },
      radios: () => [radio],
      routes: () => [[{ link: "base", index: 0 }]],
      onStatus: (status) => void this.statuses.push(status),
      soon: (run) => void clock.after(0, run),
    });
    outbox.start();
    this.#process = { clock, outbox, close: () => opened.value.sqlite.close() };
    return this.#process;
  }

  queue(number: number): void {
    const isBroadcast = this.chance() < 0.3;
    const priority: Priority = this.chance() < 0.05 ? "emergency" : this.chance() < 0.2 ? "high" : "normal";
    const words = this.chance() < 0.15 ? 60 : 1;
    const content = Array.from({ length: words }, (_, word) => `m${number}.${word}`).join(" ");
    const wantAck = !isBroadcast && this.chance() < 0.8;
    const sender = { kind: "plugin", plugin: `p${Math.floor(this.chance() * 4)}` } as const;
    const made = this.outbox.enqueue(text({ text: content, to: isBroadcast ? BROADCAST : PEER, wantAck, priority, sender }));
    // What is lost in a kill before its commit was never promised.
    if (made.ok) void made.value.stored.then((stored) => stored.ok && this.queued.push({ id: made.value.id, content, isBroadcast }));
  }

  trouble(): void {
    const kind = Math.floor(this.chance() * 6);
    if (kind === 0) this.radio.cut(this.chance() * 30_000);
    if (kind === 1) this.radio.reboot(5_000 + this.chance() * 10_000);
    if (kind === 2) this.radio.freeze(10_000 + this.chance() * 290_000, this.chance() < 0.5);
    if (kind === 3) this.radio.lie();
    if (kind === 4) this.boot();
    if (kind === 5) this.clock.jumpWall((this.chance() - 0.5) * 7_200_000);
  }

  close(): void {
    if (this.#process !== null) {
      this.#process.clock.isDead = true;
      this.#process.close();
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function run(seed: number): Promise<World> {
  const world = new World(seeded(seed));
  world.boot();
  for (let i = 0; i < MESSAGES; i++) {
    world.queue(i);
    await world.clock.advance(world.chance() * 12_000);
    if (world.chance() < 0.08) world.trouble();
  }
  // Long enough for every deadline but an emergency's, which no longer has a reason to wait.
  await world.clock.advance(60 * 60_000);
  return world;
}

/** Each message ended, and the end is true. */
function judge(world: World): void {
  const ids = new Map<string, Set<number>>();
  for (const { text: sent, packetId } of world.radio.air) ids.set(sent, (ids.get(sent) ?? new Set()).add(packetId));
  for (const { id, content, isBroadcast } of world.queued) {
    const status = world.outbox.get(id);
    const parts = splitText(content);
    const shown = `${id} ${parts[0]} ${status?.state} ${status?.reason} ${status?.code}`;
    expect(status?.final, `${shown} has ended`).toBe(true);
    const isSent = isBroadcast && (status?.state === "sent" || status?.state === "relayed");
    expect(isSent || status?.state === "delivered" || status?.state === "failed", `${shown} is an end`).toBe(true);
    if (status?.state !== "failed") for (const part of parts) expect(ids.has(part), `${shown} was on the air: ${part}`).toBe(true);
    if (status?.state === "delivered")
      for (const part of parts) expect(world.radio.arrived.has(part), `${shown} arrived: ${part}`).toBe(true);
    // An emergency rather goes twice than not at all.
    if (status?.priority !== "emergency")
      for (const part of parts) expect(ids.get(part)?.size ?? 0, `${shown} went under one id: ${part}`).toBeLessThanOrEqual(1);
    const at = parts.map((part) => world.radio.air.find((each) => each.text === part)?.at ?? Number.POSITIVE_INFINITY);
    expect(at, `${shown} in order`).toEqual([...at].sort((a, b) => a - b));
  }
}

/** Each announced state follows from the one before, over restarts too. */
function judgeStates(statuses: readonly MessageStatus[]): void {
  const last = new Map<string, MessageStatus>();
  for (const status of statuses) {
    const before = last.get(status.id);
    if (before !== undefined && before.state !== status.state)
      expect(advance(before.state, status.state), `${status.id} from ${before.state}`).toBe(status.state);
    last.set(status.id, status);
  }
}

test("every message is delivered once or called failed, none is doubled or in limbo, no state goes back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const world = await run(seed);
      try {
        expect(world.queued.length).toBeGreaterThan(MESSAGES * 0.8);
        judge(world);
        judgeStates(world.statuses);
        const ends = world.queued.map(({ id }) => world.outbox.get(id)?.state);
        expect(ends.filter((state) => state !== "failed").length).toBeGreaterThan(MESSAGES * 0.3);
      } finally {
        world.close();
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}, 3_600_000);
