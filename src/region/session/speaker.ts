/** Everything that this site says: numbered, signed, sealed with the newest key, and bounded in rate and size. */
import type { LastWill, PublishOptions } from "../../broker/connection.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { TokenBucket } from "../../rates.ts";
import { sealTo } from "../keys/box.ts";
import type { PublicKeys } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";
import { MESSAGE_BYTES_MAX, sealMessage, signText } from "../wire/envelope.ts";
import type { Content, Notice } from "../wire/message.ts";
import { type Place, topicOf } from "../wire/topics.ts";
import type { RegionContext } from "./context.ts";

export interface SpeakerHooks {
  publish(topic: string, payload: Uint8Array, options: PublishOptions): Result<null>;
  /** The broker did not take a message. */
  failed(why: string): void;
}

/** Half of what the others take from one site. */
const RATE = { count: 1_000, periodS: 10, text: "100/s" };
const BYTES_A_TOKEN = 4_096;
const KEPT: ReadonlySet<Place["kind"]> = new Set(["site", "key"]);

export class Speaker {
  readonly #bucket: TokenBucket;
  #number = 0;
  connection = 0;

  constructor(
    private readonly context: RegionContext,
    private readonly hooks: SpeakerHooks,
  ) {
    this.#bucket = new TokenBucket(context.clock, RATE);
  }

  /** `done`: what became of it at the broker. Errors: `unavailable`, `too_large`, `rate_limited`. */
  say(place: Place, content: Content, done?: (outcome: Result<null>) => void): Result<null> {
    this.#number += 1;
    const payload = this.#sealed(place, content, this.#number);
    return this.#publish(place, payload, done);
  }

  /** The broker keeps nothing of this site's presence any longer. */
  clearPresence(): void {
    const topic = topicOf(this.context.membership.region, { kind: "site", from: this.context.self });
    this.hooks.publish(topic, new Uint8Array(0), { retain: true });
  }

  /** For one site alone, in another way than by the region's key: it may not have that. */
  notify(to: { readonly id: SiteId; readonly keys: PublicKeys }, notice: Omit<Notice, "from" | "to">): Result<null> {
    const { identity, membership, random } = this.context;
    const place: Place = { kind: "key", from: identity.id, to: to.id };
    const topic = topicOf(membership.region, place);
    const text = new TextEncoder().encode(JSON.stringify({ from: identity.id, to: to.id, ...notice }));
    const signed = signText(identity, { ...membership, topic }, text);
    const sealed = sealTo(to.keys, new TextEncoder().encode(topic), signed, random);
    return sealed === null ? fail("invalid_argument", "the site has no usable key") : this.#publish(place, sealed);
  }

  /** What the broker says for this site when its connection ends without a farewell. A new connection begins with it. */
  will(content: Content): LastWill {
    this.connection += 1;
    const place: Place = { kind: "site", from: this.context.identity.id };
    return { topic: topicOf(this.context.membership.region, place), payload: this.#sealed(place, content, 0), retain: true };
  }

  #sealed(place: Place, content: Content, number: number): Uint8Array {
    const { identity, membership, clock, random, boot } = this.context;
    const topic = topicOf(membership.region, place);
    const head = { from: identity.id, boot, connection: this.connection, number, time: Math.max(0, Math.floor(clock.now())) };
    const text = new TextEncoder().encode(JSON.stringify({ ...head, ...content }));
    return sealMessage(this.context.key(), topic, signText(identity, { ...membership, topic }, text), random);
  }

  #publish(place: Place, payload: Uint8Array, told?: (outcome: Result<null>) => void): Result<null> {
    const { counts, membership } = this.context;
    if (payload.length > MESSAGE_BYTES_MAX) return fail("too_large", `a message of a region has at most ${MESSAGE_BYTES_MAX} bytes`);
    if (this.#bucket.take(1 + Math.floor(payload.length / BYTES_A_TOKEN)) > 0) {
      return fail("rate_limited", "this site sends too much to its region");
    }
    const done = (outcome: Result<null>) => {
      told?.(outcome);
      if (outcome.ok) return;
      counts.failed += 1;
      this.hooks.failed(outcome.error.summary());
    };
    const published = this.hooks.publish(topicOf(membership.region, place), payload, { retain: KEPT.has(place.kind), done });
    if (published.ok) counts.sent += 1;
    return published.ok ? ok(null) : published;
  }
}
