import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type Random, systemRandom } from "../../src/clock.ts";
import { fail, ok, type Result } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshMessage } from "../../src/mesh/message.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import { Outbox } from "../../src/mesh/outbox/outbox.ts";
import type { OutboxDeps } from "../../src/mesh/outbox/outbox-port.ts";
import { OUTBOX_SCHEMA } from "../../src/mesh/outbox/storage/store.ts";
import type { MessageStatus, OutboxRequest } from "../../src/mesh/outgoing.ts";
import type { OutgoingText, QueueReport, Radio, RoutingReport } from "../../src/mesh/radio.ts";
import { routesTo } from "../../src/mesh/routes.ts";
import type { CoreDatabase } from "../../src/storage/core.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

export const OWN = 0x0a0a0a0a;
export const PEER = 0x0000_0002;

class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();
  on = (listener: (value: T) => void) => {
    this.#all.add(listener);
    return { dispose: () => void this.#all.delete(listener) };
  };
  tell(value: T): void {
    for (const listener of [...this.#all]) listener(value);
  }
  get size(): number {
    return this.#all.size;
  }
}

/** A radio whose answers the test gives. */
export class FakeRadio implements Radio {
  readonly sent: (OutgoingText & { at: number })[] = [];
  readonly #state = new Listeners<LinkStatus>();
  readonly #queue = new Listeners<QueueReport>();
  readonly #routing = new Listeners<RoutingReport>();
  readonly #message = new Listeners<MeshMessage>();
  state: LinkStatus["state"] = "up";
  channelUtilization = 0;
  channels: LinkStatus["channels"] = [{ index: 0, name: "LongFast", role: "primary" }];
  /** What sendText does; null: never resolves. */
  write: (text: OutgoingText) => Result<null> | null = () => ok(null);
  /** Reports at once that it took each text. */
  answers = false;
  /** How often it was asked whether it still answers. */
  probes = 0;
  readonly #known = new Set<number>();

  constructor(
    readonly clock: Clock,
    readonly name = "base",
  ) {}

  onMessage = this.#message.on;
  onRouting = this.#routing.on;
  onQueue = this.#queue.on;
  onState = this.#state.on;
  start(): void {}
  async stop(): Promise<void> {}

  status(): LinkStatus {
    const counters = {
      framesIn: 0,
      framesOut: 0,
      packetsIn: 0,
      packetsOut: 0,
      garbageBytes: 0,
      undecodable: 0,
      impossibleSenders: 0,
      reconnects: 0,
      duplicates: 0,
    };
    const { name, state, channelUtilization } = this;
    return {
      name,
      type: "simulated",
      target: "3",
      state,
      since: 0,
      ownNode: OWN,
      channels: this.channels,
      modemPreset: "LONG_FAST",
      channelUtilization,
      counters,
    };
  }

  sendText(text: OutgoingText): Promise<Result<null>> {
    if (this.state !== "up") return Promise.resolve(fail("link_down", "down"));
    const outcome = this.write(text);
    if (outcome?.ok !== false) this.sent.push({ ...text, at: this.clock.monotonic() });
    // A known id is ignored in silence, as the firmware does.
    if (this.answers && !this.#known.has(text.packetId)) queueMicrotask(() => this.queue(text.packetId, 0));
    this.#known.add(text.packetId);
    return outcome === null ? new Promise(() => {}) : Promise.resolve(outcome);
  }

  probe(): void {
    this.probes++;
    if (this.answers) queueMicrotask(() => this.queue(0, 0));
  }

  move(state: LinkStatus["state"]): void {
    this.state = state;
    this.#state.tell(this.status());
  }
  queue(packetId: number, res: number, free = 16): void {
    this.#queue.tell({ link: this.name, packetId, res, free, maxlen: 16 });
  }
  routing(packetId: number, errorReason: number, from: number): void {
    this.#routing.tell({ link: this.name, packetId, errorReason, from });
  }
  get listeners(): number {
    return this.#state.size + this.#queue.size + this.#routing.size;
  }
  get texts(): string[] {
    return this.sent.map((text) => text.text);
  }
}

export interface Bench {
  readonly clock: FakeClock;
  readonly database: CoreDatabase;
  readonly outbox: Outbox;
  readonly radios: FakeRadio[];
  readonly statuses: MessageStatus[];
  radio: FakeRadio;
  /** Another outbox on the same file, as after a kill: nothing of the old one is stopped or flushed. */
  again(): Bench;
  close(): Promise<void>;
}

export const SETTINGS = {
  text_spacing_s: 2.5,
  retry_unheard: false,
  airtime: {
    channel_utilization_polite: 0.25,
    channel_utilization_max: 0.4,
    plugin_share: 0.1,
    channel_share: 1,
    link_share: 1,
    total_share: 1,
  },
};

export interface BenchChange extends Partial<OutboxDeps> {
  links?: string[];
  /** The link that heard every node last. */
  linkOf?: () => string;
  /** The channels of that link on which every node was heard, the last first. */
  heardOn?: number[];
  /** The links hear different nodes. */
  separate?: boolean;
}

function nodesOn({ linkOf, separate, heardOn }: BenchChange) {
  const heard = heardOn === undefined ? {} : { heardOn, channel: heardOn[0] ?? 0 };
  return {
    get: (number: number): MeshNode | undefined =>
      linkOf === undefined ? undefined : { number, id: "", isOwn: false, link: linkOf(), ...heard },
    shareMesh: () => !separate,
  };
}

export function bench(
  change: BenchChange = {},
  folder = mkdtempSync(join(tmpdir(), "zephyrgate-outbox-")),
  clock = new FakeClock(),
): Bench {
  const opened = openCoreDatabase(join(folder, "gateway.db"), [OUTBOX_SCHEMA], { clock, log: silentLogger });
  if (!opened.ok) throw opened.error;
  const database = opened.value;
  const radios = (change.links ?? ["base"]).map((name) => new FakeRadio(clock, name));
  const statuses: MessageStatus[] = [];
  const random: Random = systemRandom;
  const outbox = new Outbox({
    database,
    clock,
    random,
    log: silentLogger,
    config: SETTINGS,
    radios: () => radios,
    routes: (to, wanted) => routesTo(to, wanted, { nodes: nodesOn(change), links: () => radios.map((each) => each.status()) }),
    onStatus: (status) => void statuses.push(status),
    ...change,
  });
  const [radio] = radios;
  if (radio === undefined) throw new TypeError("a bench has a radio");
  return {
    clock,
    database,
    outbox,
    radios,
    radio,
    statuses,
    again: () => bench(change, folder, clock),
    async close() {
      const stopped = outbox.stop();
      await clock.advance(5_000);
      await stopped;
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let count = 0;
export function text(change: Partial<OutboxRequest> = {}): OutboxRequest {
  count++;
  return {
    text: `text ${count}`,
    to: PEER,
    channel: 0,
    priority: "normal",
    wantAck: false,
    sender: { kind: "plugin", plugin: "weather" },
    correlationId: `c${count}`,
    ...change,
  };
}
