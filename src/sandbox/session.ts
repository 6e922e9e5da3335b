/** The gateway's side of the bridge to one plugin host. The host is hostile: its frames are checked, counted and bounded. */

import * as v from "valibot";
import { Bridge, type BridgeEnd, MAX_BULK, MAX_IN_FLIGHT } from "../bridge/bridge.ts";
import { checkFromHost, type FromHost, type ToHost } from "../bridge/frames.ts";
import type { WallReport } from "../bridge/launch.ts";
import type { RealmSpec } from "../bridge/realm-spec.ts";
import type { ByteStream } from "../bridge/streams.ts";
import type { Clock } from "../clock.ts";
import { ERROR_CODES, type ErrorCode, fail, GatewayError, ok, type Result } from "../errors.ts";
import { type RealmNumber, realmNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import type { WireError } from "../sdk/boundary/wire.ts";
import { Answers } from "./answers.ts";
import { type ImportedData, importedData, type PluginHost, type Realm, type RealmEvents } from "./port.ts";
import { SessionRealm } from "./session-realm.ts";

/** More than a host with every realm at its own limits sends. */
const FRAMES_PER_SECOND = 100_000;
const BYTES_PER_SECOND = 256 * 1024 * 1024;
const OPEN_DEADLINE_MS = 20_000;
const TASK_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 2000;

export interface SessionDeps {
  readonly stream: ByteStream;
  readonly clock: Clock;
  /** From `open` to a loaded plugin, ms; 20 s by default. */
  readonly openMs?: number;
  /** Once. `overflow` and `protocol` mean that the process must be killed. */
  readonly onEnd: (end: BridgeEnd) => void;
  /** Something is sent to the host. */
  readonly onSend?: () => void;
}

/** PluginHost, without the members that only the process knows. */
export class HostSession
  implements Pick<PluginHost, "open" | "backupDatabase" | "takeInDatabase" | "releaseDatabase" | "validateConfig" | "stop">
{
  readonly #deps: SessionDeps;
  readonly #bridge: Bridge<ToHost, FromHost>;
  readonly #realms = new Map<RealmNumber, SessionRealm>();
  readonly #opening: Answers<RealmNumber, null>;
  readonly #tasks: Answers<number, Json>;
  readonly #stopped: Promise<void>;
  #markStopped: () => void = () => {};
  #nextRealm = 1;
  #nextTask = 1;
  #end: BridgeEnd | null = null;
  /** As the host itself reported them. */
  walls: readonly WallReport[] = [];

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#stopped = new Promise((resolve) => {
      this.#markStopped = resolve;
    });
    const { clock, openMs = OPEN_DEADLINE_MS } = deps;
    this.#opening = new Answers({ clock, deadlineMs: openMs, late: "The plugin did not load in time" });
    this.#tasks = new Answers({ clock, deadlineMs: TASK_DEADLINE_MS, late: "The plugin host did not answer in time" });
    this.#bridge = new Bridge(deps.stream, {
      check: checkFromHost,
      onMessage: (message) => this.#take(message),
      onEnd: (end) => this.#ended(end),
      framesPerSecond: FRAMES_PER_SECOND,
      bytesPerSecond: BYTES_PER_SECOND,
      maxMessage: 0,
      clock,
    });
  }

  start(): void {
    this.#bridge.start();
  }

  async open(spec: RealmSpec, events: RealmEvents): Promise<Result<Realm>> {
    if (this.#end !== null) return fail("host_gone", "The plugin host has ended");
    const number = realmNumber(this.#nextRealm++);
    const realm = new SessionRealm({
      number,
      plugin: spec.plugin,
      events,
      clock: this.#deps.clock,
      send: (message, bulk) => this.#send(message, bulk),
      isRecorded: spec.record === true,
      isFull: () => this.#bridge.pending > MAX_BULK / 2,
    });
    this.#realms.set(number, realm);
    const opened = await this.#opening.wait(number, () => this.#send({ t: "open", realm: number, spec }, true));
    if (opened.ok) return ok(realm);
    this.#send({ t: "close", realm: number }, false);
    realm.silence();
    return opened;
  }

  async backupDatabase(from: string, to: string): Promise<Result<null>> {
    const done = await this.#run((task) => ({ t: "backup", task, from, to, judged: false }));
    return done.ok ? ok(null) : done;
  }

  async takeInDatabase(from: string, to: string): Promise<Result<ImportedData>> {
    const done = await this.#run((task) => ({ t: "backup", task, from, to, judged: true }));
    if (!done.ok) return done;
    const read = v.safeParse(importedData, done.value);
    return read.success ? ok(read.output) : fail("host_gone", "The plugin host gave an answer that does not say what it took");
  }

  async releaseDatabase(path: string): Promise<Result<null>> {
    const done = await this.#run((task) => ({ t: "release", task, path }));
    return done.ok ? ok(null) : done;
  }

  async validateConfig(schema: Json, config: Json): Promise<Result<readonly { path: string; message: string }[]>> {
    const done = await this.#run((task) => ({ t: "validate", task, schema, config }));
    if (!done.ok) return done;
    if (!Array.isArray(done.value)) return fail("host_gone", "The plugin host gave an answer that is not a list of problems");
    return ok(done.value.slice(0, 200).map((problem: unknown) => ({ path: textAt(problem, "path"), message: textAt(problem, "message") })));
  }

  moveClock(aheadMs: number): void {
    this.#send({ t: "clock", aheadMs }, false);
  }

  /** Asks the host to end and resolves when the bridge is closed, by force after 2 s. */
  async stop(): Promise<void> {
    if (this.#end !== null) return;
    this.#send({ t: "stop" }, false);
    const timer = this.#deps.clock.after(STOP_DEADLINE_MS, () => this.#bridge.close());
    await this.#stopped;
    timer.cancel();
  }

  /** The process is gone or must go: ends everything at once. Idempotent. */
  abandon(): void {
    this.#bridge.close();
  }

  #send(message: ToHost, bulk: boolean): void {
    this.#deps.onSend?.();
    // A host in the middle of a slice does not read for 100 ms: a busy mesh must not be taken for its end.
    if (bulk || this.#bridge.pending > MAX_IN_FLIGHT / 2) this.#bridge.sendBulk(message);
    else this.#bridge.send(message);
  }

  #run(make: (task: number) => ToHost): Promise<Result<Json>> {
    if (this.#end !== null) return Promise.resolve(fail("host_gone", "The plugin host has ended"));
    const task = this.#nextTask++;
    return this.#tasks.wait(task, () => this.#send(make(task), true));
  }

  #take(message: FromHost): void {
    switch (message.t) {
      case "ready":
        this.walls = message.walls;
        return;
      case "done": {
        const { outcome, task } = message;
        if (task >= this.#nextTask) this.#violation("an answer to no task");
        else this.#tasks.settle(task, outcome.ok ? ok(outcome.value) : { ok: false, error: toGatewayError(outcome.error) });
        return;
      }
      case "usage":
        for (const { realm, ...usage } of message.realms) this.#realms.get(realm)?.setUsage(usage);
        return;
      default:
        this.#toRealm(message);
    }
  }

  #toRealm(message: Exclude<FromHost, { t: "ready" | "done" | "usage" }>): void {
    if (message.realm === 0 || message.realm >= this.#nextRealm) {
      this.#violation("a frame of a realm that was never opened");
      return;
    }
    const realm = this.#realms.get(message.realm);
    if (realm === undefined) return; // It has gone, and this was on its way.
    if (message.t === "opened") {
      this.#opening.settle(
        message.realm,
        message.error === null ? ok(null) : { ok: false, error: toGatewayError(message.error, "load_failed") },
      );
      return;
    }
    if (message.t === "gone") {
      this.#realms.delete(message.realm);
      this.#opening.settle(message.realm, fail("load_failed", `The realm ended while it was loading: ${message.detail}`));
    }
    const problem = realm.take(message);
    if (problem !== null) this.#violation(problem);
  }

  #violation(detail: string): void {
    this.#bridge.violate(detail);
  }

  #ended(end: BridgeEnd): void {
    this.#end = end;
    this.#opening.settleAll(fail("host_gone", `The plugin host has ended: ${end.detail}`));
    this.#tasks.settleAll(fail("host_gone", `The plugin host has ended: ${end.detail}`));
    const realms = [...this.#realms.values()];
    this.#realms.clear();
    for (const realm of realms) realm.lost(end.detail);
    this.#markStopped();
    this.#deps.onEnd(end);
  }
}

/** A field of an answer that may hold anything, as text; empty where it is neither text nor number (an object's own toString may throw). */
function textAt(value: unknown, key: string): string {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "string" || typeof found === "number" ? String(found) : "";
}

/** An error that crossed from the host, with its stack for the author. */
function toGatewayError(error: WireError, fallback: ErrorCode = "internal"): GatewayError {
  const code = error.code !== undefined && Object.hasOwn(ERROR_CODES, error.code) ? (error.code as ErrorCode) : fallback;
  return new GatewayError(
    code,
    error.name === "PluginError" || error.name === "GatewayError" ? error.message : `${error.name}: ${error.message}`,
    {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.stack === undefined ? {} : { data: { stack: error.stack } }),
    },
  );
}
