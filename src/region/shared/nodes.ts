import * as v from "valibot";
import { type Clock, type Random, sleep, type Timer } from "../../clock.ts";
import type { Subscription } from "../../lifetime.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { SiteId, SiteMessage, SiteMessages } from "../ports.ts";
import { NODES_MAX, type NodeElsewhere, type NodeRows } from "./node-rows.ts";

const TOPIC = "nodes";
/** How often a site says whom it heard meanwhile. */
const EVERY_MS = 5 * 60_000;
/** Between two messages to a site that is told everything. */
const PACE_MS = 500;
const NODES_PER_MESSAGE = 100;
/** Whom nobody heard for so long is forgotten. */
const FORGOTTEN_MS = 30 * 86_400_000;
const NAME_CHARS = 40;
/** Messages of one site that are read: as many as it sends when it tells everything, and some. */
const MESSAGES: Rate = { count: 120, periodS: 600, text: "120 in 10 min" };

const name = v.nullable(v.pipe(v.string(), v.maxLength(NAME_CHARS)));
/** Number, names, and how many seconds ago it was heard: no clocks are compared. */
const nodeSchema = v.strictTuple([
  v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xfffffffe)),
  name,
  name,
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(FORGOTTEN_MS / 1000)),
]);
const bodySchema = v.strictObject({ nodes: v.pipe(v.array(nodeSchema), v.maxLength(NODES_PER_MESSAGE)) });

/** A node of this gateway's own meshes. */
export interface OwnNode {
  readonly number: number;
  readonly longName?: string | undefined;
  readonly shortName?: string | undefined;
  /** ms since 1970. */
  readonly lastHeard?: number | undefined;
}

export interface SharedNodesDeps {
  readonly messages: SiteMessages;
  readonly rows: NodeRows;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  nodes(): readonly OwnNode[];
}

/** The directory of nodes: their names, and where and when each was heard last. */
export class SharedNodes {
  #subscriptions: readonly Subscription[] = [];
  #timer: Timer | null = null;
  /** Up to when it was told whom this site heard, ms since 1970. */
  #toldAt = 0;
  #online: ReadonlySet<SiteId> = new Set();
  readonly #rates = new Map<SiteId, TokenBucket>();
  readonly #ended = new AbortController();
  readonly counts = { refused: 0, overRate: 0 };

  constructor(private readonly deps: SharedNodesDeps) {}

  start(): void {
    const { messages, clock, random } = this.deps;
    this.#toldAt = clock.now();
    this.#subscriptions = [messages.onMessage(TOPIC, (message) => this.#take(message)), messages.onChange(() => this.#sitesChanged())];
    this.#sitesChanged();
    const tell = (): void => {
      this.#tellNews();
      this.#forget();
      this.#timer = clock.after(EVERY_MS * (0.8 + random.fraction() * 0.4), tell);
    };
    this.#timer = clock.after(EVERY_MS * random.fraction(), tell);
  }

  /** Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#timer?.cancel();
    this.#ended.abort();
  }

  /** What other sites know; heard last first. */
  elsewhere(): NodeElsewhere[] {
    const since = this.deps.clock.now() - FORGOTTEN_MS;
    return this.deps.rows.list().filter(({ heardAt }) => heardAt >= since);
  }

  #tellNews(): void {
    const now = this.deps.clock.now();
    for (const body of this.#batches(this.#toldAt)) {
      // What was not sent is told next time.
      if (!this.deps.messages.send(TOPIC, body).ok) return;
    }
    this.#toldAt = now;
  }

  #sitesChanged(): void {
    const { messages, log } = this.deps;
    const online = new Set(messages.sites().flatMap(({ id, state, online }) => (online && state === "enrolled" ? [id] : [])));
    const come = [...online].filter((site) => !this.#online.has(site));
    this.#online = online;
    for (const site of come) inBackground(log, "telling a site whom this one has heard", this.#tellAll(site));
  }

  async #tellAll(site: SiteId): Promise<void> {
    const { clock, messages, random } = this.deps;
    await sleep(clock, PACE_MS * (2 + 8 * random.fraction()), this.#ended.signal);
    for (const body of this.#batches(clock.now() - FORGOTTEN_MS)) {
      if (this.#ended.signal.aborted || !this.#online.has(site) || !messages.send(TOPIC, body, site).ok) return;
      await sleep(clock, PACE_MS, this.#ended.signal);
    }
  }

  /** Those heard since `since`, the latest {@link NODES_MAX}, as messages. */
  #batches(since: number): v.InferOutput<typeof bodySchema>[] {
    const now = this.deps.clock.now();
    const heard = this.deps
      .nodes()
      .flatMap((node) => (node.lastHeard === undefined || node.lastHeard <= since ? [] : [{ ...node, lastHeard: node.lastHeard }]))
      .sort((a, b) => b.lastHeard - a.lastHeard)
      .slice(0, NODES_MAX)
      .map(({ number, longName, shortName, lastHeard }): v.InferOutput<typeof nodeSchema> => {
        const age = Math.min(Math.max(0, Math.round((now - lastHeard) / 1000)), FORGOTTEN_MS / 1000);
        return [number, longName?.slice(0, NAME_CHARS) ?? null, shortName?.slice(0, NAME_CHARS) ?? null, age];
      });
    const count = Math.ceil(heard.length / NODES_PER_MESSAGE);
    return Array.from({ length: count }, (_, at) => ({ nodes: heard.slice(at * NODES_PER_MESSAGE, (at + 1) * NODES_PER_MESSAGE) }));
  }

  #take({ from, body }: SiteMessage): void {
    const bucket = this.#rates.get(from) ?? new TokenBucket(this.deps.clock, MESSAGES);
    this.#rates.set(from, bucket);
    if (bucket.take(1) > 0) {
      this.counts.overRate++;
      return;
    }
    const read = v.safeParse(bodySchema, body);
    if (!read.success) {
      this.counts.refused++;
      return;
    }
    const now = this.deps.clock.now();
    const nodes = read.output.nodes.map(([node, longName, shortName, age]) => ({
      ...{ site: from, node, longName, shortName, heardAt: Math.floor(now - age * 1000) },
    }));
    try {
      this.deps.rows.put(nodes);
    } catch (error) {
      this.deps.log.error("what a site knows about nodes cannot be written", { error });
    }
  }

  #forget(): void {
    const sites = this.deps.messages.sites().flatMap(({ id, state }) => (state === "enrolled" ? [id] : []));
    try {
      this.deps.rows.keep(sites, this.deps.clock.now() - FORGOTTEN_MS);
    } catch (error) {
      this.deps.log.error("what sites know about nodes cannot be cleaned up", { error });
    }
  }
}
