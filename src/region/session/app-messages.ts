/** Messages of the rooms above: out to all sites or sealed to one, and in to those who listen. */
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";
import type { Subscription } from "../../lifetime.ts";
import { openBox, sealTo } from "../keys/box.ts";
import type { SiteId, SiteMessage } from "../ports.ts";
import { BODY_BYTES_MAX, type MessageOf } from "../wire/message.ts";
import type { RegionContext } from "./context.ts";
import type { Peer } from "./peers.ts";
import type { Speaker } from "./speaker.ts";

export class AppMessages {
  readonly #handlers = new Map<string, Set<(message: SiteMessage) => void>>();

  constructor(
    private readonly context: RegionContext,
    private readonly speaker: Pick<Speaker, "say">,
  ) {}

  /** Errors: `unavailable`, `too_large`, `rate_limited`. */
  send(topic: string, body: Json, to?: SiteId): Result<void> {
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) > BODY_BYTES_MAX) return fail("too_large", `a message to sites has at most ${BODY_BYTES_MAX} bytes`);
    const said = to === undefined ? this.#toAll(topic, body) : this.#toOne(topic, text, to);
    return said.ok ? ok(undefined) : said;
  }

  on(topic: string, handler: (message: SiteMessage) => void): Subscription {
    const handlers = this.#handlers.get(topic) ?? new Set();
    this.#handlers.set(topic, handlers);
    handlers.add(handler);
    return { dispose: () => void handlers.delete(handler) };
  }

  /** Handlers that throw are logged. */
  deliver(peer: Peer, { topic, body, box, time }: MessageOf<"app">): void {
    const handlers = this.#handlers.get(topic);
    if (handlers === undefined || handlers.size === 0) return;
    const content = box === undefined ? body : this.#unboxed(topic, box);
    if (content === undefined) {
      this.context.counts.refuse("malformed");
      return;
    }
    const message: SiteMessage = { from: peer.id, topic, body: content, sentAt: time + peer.skew };
    for (const handler of [...handlers]) {
      try {
        handler(message);
      } catch (error) {
        this.context.log.error(`a handler of the region's topic ${topic} failed`, { error });
      }
    }
  }

  #toAll(topic: string, body: Json): Result<null> {
    return this.speaker.say({ kind: "all", from: this.context.self }, { kind: "app", topic, body });
  }

  #toOne(topic: string, text: string, to: SiteId): Result<null> {
    const { roster, random, self } = this.context;
    const keys = roster.membership.enrolled.get(to)?.keys;
    if (keys === undefined) return fail("unavailable", `no site ${to} is enrolled`);
    const box = sealTo(keys, contextOf(topic), new TextEncoder().encode(text), random);
    if (box === null) return fail("unavailable", `the key of site ${to} cannot be used`);
    return this.speaker.say({ kind: "to", from: self, to }, { kind: "app", topic, box: Buffer.from(box).toString("base64") });
  }

  #unboxed(topic: string, box: string): Json | undefined {
    const plain = openBox(this.context.identity, contextOf(topic), new Uint8Array(Buffer.from(box, "base64")));
    if (plain === null) return undefined;
    const json = parseJson(new TextDecoder().decode(plain), { chars: BODY_BYTES_MAX, depth: 64, nodes: 40_000 });
    return json.ok ? json.value : undefined;
  }
}

const contextOf = (topic: string) => new TextEncoder().encode(`zephyrgate region app 1\0${topic}`);
