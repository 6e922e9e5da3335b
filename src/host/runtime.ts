/** The plugin host's side of the bridge: opens realms, shares the processor among them, and answers what needs no gateway. */

import { rmSync } from "node:fs";
import { Bridge, MAX_BULK, MAX_IN_FLIGHT } from "../bridge/bridge.ts";
import { type FromHost, type ToHost, trustToHost } from "../bridge/frames.ts";
import type { WallReport } from "../bridge/launch.ts";
import type { CallOutcome, RealmSpec } from "../bridge/realm-spec.ts";
import { noPage, type RunningPage } from "../bridge/shared-page.ts";
import type { ByteStream } from "../bridge/streams.ts";
import { type Clock, LeapClock, type Random, systemClock } from "../clock.ts";
import { IS_COMPILED } from "../compiled.ts";
import { asGatewayError, type GatewayError } from "../errors.ts";
import type { RealmNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import type { WireError } from "../sdk/boundary/wire.ts";
import type { EngineFactory } from "./engine/realm-engine.ts";
import { sdkSource } from "./engine/sdk-source.ts";
import { Snapshot } from "./engine/snapshot.ts";
import { HostRealm } from "./realm/realm.ts";
import { RealmRecorder } from "./realm/recorder.ts";
import { RunQueue, threadCpuMs } from "./realm/run-queue.ts";
import { validateConfig } from "./services/schema.ts";
import { Services } from "./services/services.ts";
import { PluginDatabase } from "./storage/database.ts";

/** From `open` to an evaluated module. */
const OPEN_DEADLINE_MS = 10_000;
const MAINTAIN_EVERY_MS = 5000;
const BEAT_EVERY_MS = 500;
const COLLECT_EVERY_MS = 1000;
const BUSY = "too much is on its way to the gateway";

export interface RuntimeDeps {
  readonly stream: ByteStream;
  /** Makes the engines of realms: usually copies of the snapshot. */
  readonly engines: EngineFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly walls: readonly WallReport[];
  readonly page?: RunningPage;
  /** From `open` to an evaluated module, ms; 10 s by default. */
  readonly openMs?: number;
  /** The bridge is gone: the process has nothing left to do. */
  readonly onEnd: () => void;
}

let taken: Promise<Snapshot> | null = null;

/** Compiles the engine, and evaluates the sdk where the program brings no snapshot; once a process. Before the jail closes: it reads files. */
export function takeSnapshot(): Promise<Snapshot> {
  taken ??= carriedSnapshot().then(async (carried) => carried ?? Snapshot.take(await readSdk()));
  return taken;
}

/** What the binary carries; null elsewhere. */
async function carriedSnapshot(): Promise<Snapshot | null> {
  if (!IS_COMPILED) return null;
  const { SNAPSHOT_IMAGE } = await import("./engine/snapshot-embedded.ts");
  return await Snapshot.restore(JSON.parse(SNAPSHOT_IMAGE));
}

/** Engines in this process, each a copy of the snapshot. */
export function engineFactory(snapshot: Snapshot): EngineFactory {
  return ({ memoryMb, host, now }) => snapshot.instance(memoryMb, host, now);
}

export async function readSdk(): Promise<[name: string, code: string][]> {
  return IS_COMPILED ? (await import("./engine/sdk-embedded.ts")).SDK_SOURCE : sdkSource();
}

export class HostRuntime {
  readonly #deps: RuntimeDeps;
  readonly #page: RunningPage;
  readonly #bridge: Bridge<FromHost, ToHost>;
  readonly #queue: RunQueue;
  readonly #realms = new Map<RealmNumber, HostRealm>();
  /** Realms that are being made: false once the gateway has closed them. */
  readonly #opening = new Map<RealmNumber, boolean>();
  /** Where the gateway moves its clock. */
  #ahead: LeapClock | null = null;
  #timers: { cancel(): void }[] = [];
  #reported = "";
  /** The timer of the next beat; null while nothing comes from the gateway. */
  #beating: Timer | null = null;
  #stirred = false;
  #collectAt = 0;

  constructor(deps: RuntimeDeps) {
    this.#deps = deps;
    this.#page = deps.page ?? noPage;
    this.#queue = new RunQueue({
      now: () => performance.now(),
      cpu: threadCpuMs,
      soon: (run) => setImmediate(run),
      // Real time on purpose: budgets are about the machine, not about the clock of a test.
      after: (ms, run) => {
        const handle = setTimeout(run, ms);
        return { cancel: () => clearTimeout(handle) };
      },
      page: this.#page,
    });
    this.#bridge = new Bridge(deps.stream, {
      check: trustToHost,
      onMessage: (message) => this.#take(message),
      onEnd: () => this.#end(),
      framesPerSecond: Number.POSITIVE_INFINITY,
      bytesPerSecond: Number.POSITIVE_INFINITY,
      maxMessage: MAX_BULK,
      clock: deps.clock,
    });
  }

  start(): void {
    const every = (ms: number, run: () => void) => {
      const handle = setInterval(run, ms);
      this.#timers.push({ cancel: () => clearInterval(handle) });
    };
    every(MAINTAIN_EVERY_MS, () => {
      for (const realm of this.#realms.values()) realm.maintain();
      this.tell();
      this.#page.beat();
    });
    this.#bridge.start();
    this.#bridge.send({ t: "ready", walls: [...this.#deps.walls] });
  }

  /** Something will happen here without anyone asking and without time passing. */
  get busy(): boolean {
    return this.#opening.size > 0 || [...this.#realms.values()].some((realm) => realm.hasWork());
  }

  /** Realms open now. */
  get size(): number {
    return this.#realms.size;
  }

  /** Work outside of realms, such as reading frames, beats too: for as long as there is any. */
  #stir(): void {
    this.#stirred = true;
    this.#beating ??= setTimeout(() => {
      this.#beating = null;
      this.#page.beat();
      if (!this.#stirred) return;
      this.#stir();
      this.#stirred = false;
    }, BEAT_EVERY_MS);
  }

  #take(message: ToHost): void {
    this.#stir();
    switch (message.t) {
      case "open":
        this.#open(message.realm, message.spec).catch((thrown) => this.#failOpen(message.realm, asGatewayError(thrown)));
        break;
      case "call":
        this.#call(message);
        break;
      case "answer":
        this.#realms.get(message.realm)?.answer(message.request, message.outcome);
        break;
      case "update":
        this.#realms.get(message.realm)?.update(message.change);
        break;
      case "pause":
        this.#realms.get(message.realm)?.pause(message.how);
        break;
      case "unrecord":
        this.#realms.get(message.realm)?.unrecord();
        break;
      case "close":
        if (this.#opening.has(message.realm)) this.#opening.set(message.realm, false);
        else this.#close(message.realm);
        break;
      case "backup":
      case "release":
      case "validate":
        this.#task(message.task, () => this.#carryOut(message));
        break;
      case "clock":
        this.#ahead ??= new LeapClock(this.#deps.clock);
        this.#ahead.leap(message.aheadMs - this.#ahead.aheadMs);
        break;
      case "stop":
        for (const realm of [...this.#realms.values()]) realm.end("closed", "the host stops");
        this.#bridge.close(1000);
        break;
    }
  }

  #carryOut(message: Extract<ToHost, { t: "backup" | "release" | "validate" }>): Json {
    if (message.t === "backup") return message.judged ? this.#takeIn(message.from, message.to) : this.#backup(message.from, message.to);
    if (message.t === "release") {
      for (const realm of this.#realms.values()) {
        realm.settle();
        realm.services.release(message.path);
      }
      return null;
    }
    const result = validateConfig(message.schema, message.config);
    if (!result.ok) throw result.error;
    return result.value.map((problem) => ({ ...problem }));
  }

  #call(message: Extract<ToHost, { t: "call" }>): void {
    const { realm, call, target, args, timeoutMs } = message;
    const known = this.#realms.get(realm);
    if (known !== undefined) {
      known.call(call, target, args, timeoutMs);
      return;
    }
    const error = { name: "RealmGone", message: "the realm has ended", code: "realm_gone" };
    this.#bridge.send({ t: "result", realm, call, outcome: { ok: false, cause: "gone", error, cpuMs: 0 } });
  }

  async #open(number: RealmNumber, spec: RealmSpec): Promise<void> {
    this.#opening.set(number, true);
    const { random, engines } = this.#deps;
    const clock = this.#ahead ?? this.#deps.clock;
    const recorder = spec.record === true ? new RealmRecorder((text) => this.#sendPiece(number, text)) : null;
    let realm: HostRealm | null = null;
    const engine = await engines({
      plugin: spec.plugin,
      memoryMb: spec.limits.memoryMb,
      host: (operation, text) => realm?.host(operation, text),
      // On a real machine the engine's own clock will do, without a call out of it.
      ...(clock === systemClock && recorder === null ? {} : { now: () => timeOf(clock, recorder) }),
      rested: () => realm?.rested(),
    });
    this.#page.beat();
    const wanted = this.#opening.get(number) === true;
    this.#opening.delete(number);
    if (!wanted || this.#bridge.ended) {
      engine.close?.();
      if (!this.#bridge.ended) this.#bridge.send({ t: "gone", realm: number, reason: "closed", detail: "closed before it was open" });
      return;
    }
    realm = new HostRealm({
      number,
      spec,
      engine,
      queue: this.#queue,
      services: new Services({ permissions: spec.permissions, database: spec.database, storageMb: spec.limits.storageMb, clock, random }),
      clock,
      seed: [random.u32(), random.u32(), random.u32(), random.u32()],
      send: (frame) => this.#sendOf(number, { ...frame, realm: number } as FromHost),
      recorder,
      onGone: (gone) => this.#forget(gone),
    });
    this.#realms.set(number, realm);
    realm.open(this.#deps.openMs ?? OPEN_DEADLINE_MS);
  }

  /** A piece of a recording waits while the bridge is half full. */
  #sendPiece(realm: RealmNumber, text: string): boolean {
    if (this.#bridge.pending > MAX_IN_FLIGHT / 2) return false;
    this.#bridge.send({ t: "recorded", realm, text });
    return true;
  }

  /**
   * One plugin's large values must not fill the bridge: that would end the host. While the bridge is half full, requests and
   * results are refused to the realm they came from.
   */
  #sendOf(number: RealmNumber, frame: FromHost): void {
    const full = this.#bridge.pending > MAX_IN_FLIGHT / 2;
    if (full && frame.t === "request") {
      this.#realms.get(number)?.answer(frame.request, { ok: false, error: { name: "PluginError", message: BUSY, code: "rate_limited" } });
    } else if (full && frame.t === "result" && frame.outcome.ok) {
      this.#bridge.send({ ...frame, outcome: failed({ name: "PluginError", message: BUSY, code: "rate_limited" }, frame.outcome.cpuMs) });
    } else if (!full || (frame.t !== "log" && frame.t !== "fault")) this.#sendOrRefuse(number, frame);
  }

  /** Numbers such as 1e20 become longer when they are written again. A value that no longer fits a frame is refused like any other that is too large. */
  #sendOrRefuse(number: RealmNumber, frame: FromHost): void {
    try {
      this.#bridge.send(frame);
    } catch (thrown) {
      const error = { name: "PluginError", message: asGatewayError(thrown).message, code: "too_large" };
      if (frame.t === "request") this.#realms.get(number)?.answer(frame.request, { ok: false, error });
      if (frame.t === "result") this.#bridge.send({ ...frame, outcome: failed(error, frame.outcome.cpuMs) });
    }
  }

  /** Its usage is reported first: afterwards it is lost. */
  #close(number: RealmNumber): void {
    this.tell();
    this.#realms.get(number)?.end("closed", "closed by the gateway");
  }

  #failOpen(realm: RealmNumber, error: GatewayError): void {
    this.#opening.delete(realm);
    this.#bridge.send({ t: "opened", realm, error: { name: "LoadFailed", message: error.message, code: error.code } });
  }

  #forget(realm: HostRealm): void {
    this.#realms.delete(realm.number);
    if (this.#collectAt > 0) return;
    // A dropped instance's memory comes back only with a collection; one a second at most.
    this.#collectAt = 1;
    setTimeout(() => {
      this.#collectAt = 0;
      Bun.gc(false);
    }, COLLECT_EVERY_MS).unref();
  }

  #task(task: number, work: () => Json): void {
    try {
      this.#bridge.send({ t: "done", task, outcome: { ok: true, value: work() } });
    } catch (thrown) {
      const error = asGatewayError(thrown);
      const wire: WireError = { name: "GatewayError", message: error.message.slice(0, 4000), code: error.code };
      this.#bridge.send({ t: "done", task, outcome: { ok: false, error: wire } });
    }
  }

  /** Uses the connection that has the file open, because it holds the file exclusively; opens one where there is none. */
  #backup(from: string, to: string): null {
    rmSync(to, { force: true });
    for (const realm of this.#realms.values()) {
      const open = realm.services.databaseAt(from);
      if (open === null) continue;
      realm.settle();
      open.copyTo(to);
      return null;
    }
    const database = PluginDatabase.open(from, 4096, () => this.#deps.clock.now());
    try {
      database.copyTo(to);
    } finally {
      database.close();
    }
    return null;
  }

  /** A copy of a file that came from elsewhere, without what no plugin can have written. */
  #takeIn(from: string, to: string): Json {
    rmSync(to, { force: true });
    const database = PluginDatabase.open(from, 4096, () => this.#deps.clock.now());
    try {
      const { rows, left } = database.judgeImported();
      database.copyTo(to);
      return { rows: { ...rows }, left: left.map((each) => ({ ...each })) };
    } finally {
      database.close();
    }
  }

  /** Reports the usage of all realms when it has changed. Called every few seconds. */
  tell(): void {
    const realms = [...this.#realms.values()].map((realm) => realm.usage());
    const told = JSON.stringify(realms);
    if (told === this.#reported) return;
    this.#reported = told;
    this.#bridge.send({ t: "usage", realms });
  }

  #end(): void {
    if (this.#beating !== null) clearTimeout(this.#beating);
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    for (const realm of [...this.#realms.values()]) realm.end("closed", "the bridge is gone");
    this.#deps.onEnd();
  }
}

function timeOf(clock: Clock, recorder: RealmRecorder | null): number {
  const now = clock.now();
  recorder?.read(now);
  return now;
}

function failed(error: WireError, cpuMs: number): CallOutcome {
  return { ok: false, cause: "threw", error, cpuMs };
}
