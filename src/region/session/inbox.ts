/** The one gate for what the broker delivers: size, rate, key, form, sender, signature and repetition, cheapest first. */
import type { BrokerMessage } from "../../broker/connection.ts";
import { openBox } from "../keys/box.ts";
import { type PublicKeys, siteIdOf } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";
import { isSigned, openMessage, readOutside, splitSigned } from "../wire/envelope.ts";
import { type Notice, type RegionMessage, readMessage, readNotice } from "../wire/message.ts";
import { type Place, ROOT, readTopic, WIRE_VERSION } from "../wire/topics.ts";
import type { RegionContext } from "./context.ts";
import type { Refusal } from "./counts.ts";
import type { Peer } from "./peers.ts";
import type { Belonging } from "./standing.ts";

/** After a new key, messages that are still on their way under the older one are taken for this long. */
const OLD_KEY_MS = 60_000;

export interface Taken {
  readonly peer: Peer;
  readonly message: RegionMessage;
  /** The broker had kept it: it is not of now. */
  readonly retained: boolean;
}

export interface InboxHandlers {
  taken(taken: Taken): void;
  /** Signed by this site itself: its own presence comes back, or another gateway has its key. */
  own(message: RegionMessage, retained: boolean): void;
  notice(notice: Notice, hasValidSender: (keys: PublicKeys) => boolean): void;
  /** `from` is not proven. */
  refused(reason: Refusal, from: SiteId | null, detail: { readonly topic: string; readonly keyId?: string }): void;
}

interface Opened {
  readonly message: RegionMessage;
  readonly keyId: string;
  isSignedWith(keys: PublicKeys): boolean;
}

export class Inbox {
  constructor(
    private readonly context: RegionContext,
    private readonly key: () => Pick<Belonging, "keyId" | "keySince">,
    private readonly handlers: InboxHandlers,
  ) {}

  take(given: BrokerMessage): void {
    const { topic, payload } = given;
    // A topic that was cleared.
    if (payload.length === 0) return;
    const place = readTopic(this.context.membership.region, topic);
    const refused = place === null ? (isOtherVersion(topic) ? "other_version" : "foreign") : this.#takeAt(place, given);
    if (refused !== null) this.#refuse(refused, place?.from ?? null, topic, keyIdIn(payload));
  }

  /** Null: taken, or nothing that must be told. */
  #takeAt(place: Place, { topic, payload, retained }: BrokerMessage): Refusal | null {
    const { self, identity, peers, roster } = this.context;
    const isOwn = place.from === self;
    // What it says to all comes back to it.
    if (isOwn && place.kind !== "site") return null;
    if (!isOwn && !peers.mayTake(place.from, payload.length)) return "flood";
    if (place.kind === "key") return this.#takeNotice(place, topic, payload);
    if (roster.isRevoked(place.from)) return "revoked";
    const opened = this.#open(place, topic, payload);
    if (typeof opened === "string") return opened;
    if (isOwn) {
      if (opened.isSignedWith(identity.keys)) this.handlers.own(opened.message, retained);
      return null;
    }
    const peer = this.#sender(opened);
    if (typeof peer === "string") return peer;
    const fresh = this.#isFresh(peer, opened.message, retained);
    return fresh === true ? this.#accept(peer, opened, retained) : fresh;
  }

  #accept(peer: Peer, { message, keyId }: Opened, retained: boolean): Refusal | null {
    this.context.counts.received += 1;
    peer.keyId = keyId;
    if (!retained && message.kind !== "gone") peer.heard(message.time, this.context.clock);
    this.context.peers.keep(peer);
    if (message.kind === "app" && !this.context.roster.isEnrolled(peer.id)) return "waiting";
    this.handlers.taken({ peer, message, retained });
    return null;
  }

  #open(place: Place, topic: string, payload: Uint8Array): Opened | Refusal {
    const outside = readOutside(payload);
    if (typeof outside === "string") return outside;
    const key = this.context.ring.find(outside.keyId);
    if (key === null) return "unknown_key";
    const inside = openMessage(key, topic, outside);
    if (inside === null) return "forged";
    const signed = splitSigned(inside);
    const message = signed === null ? null : readMessage(signed.text);
    if (signed === null || message === null) return "malformed";
    if (message.from !== place.from || !fits(place, message)) return "forged";
    if (message.kind === "app" && this.#isOld(outside.keyId)) return "old_key";
    const scope = { ...this.context.membership, topic };
    return { message, keyId: outside.keyId, isSignedWith: (keys) => isSigned(keys, scope, signed) };
  }

  #isOld(keyId: string): boolean {
    const current = this.key();
    return keyId !== current.keyId && this.context.clock.monotonic() - current.keySince > OLD_KEY_MS;
  }

  /** Who signed it, proven. */
  #sender({ message, isSignedWith }: Opened): Peer | Refusal {
    const introduced = message.kind === "site" || message.kind === "gone" ? message : null;
    if (introduced !== null && siteIdOf(introduced.keys) !== message.from) return "forged";
    const known = this.context.peers.get(message.from);
    const keys = introduced?.keys ?? known?.keys ?? this.context.roster.membership.enrolled.get(message.from)?.keys;
    if (keys === undefined) return "unknown_site";
    if (!isSignedWith(keys)) return "forged";
    const peer = known ?? (introduced === null ? this.#byRoster(message, keys) : this.context.peers.meet(introduced));
    return peer ?? "full";
  }

  /** An enrolled site whose presence was not heard yet. */
  #byRoster({ from }: RegionMessage, keys: PublicKeys): Peer | null {
    const name = this.context.roster.membership.enrolled.get(from)?.name ?? "unknown";
    return this.context.peers.meet({
      kind: "gone",
      from,
      keys,
      name,
      version: "",
      left: false,
      boot: 0,
      connection: 0,
      number: 0,
      time: 0,
    });
  }

  /** Null: known, and no sign of anything wrong. */
  #isFresh(peer: Peer, message: RegionMessage, retained: boolean): true | null | Refusal {
    // Written before the connection began: it counts for that connection alone.
    if (message.kind === "gone") return message.boot === peer.window.boot && message.connection === peer.connection ? true : null;
    if (peer.window.take(message.boot, message.number)) {
      peer.connection = message.connection;
      return true;
    }
    return retained ? null : "replayed";
  }

  #takeNotice(place: Place, topic: string, payload: Uint8Array): Refusal | null {
    const { identity, membership, counts } = this.context;
    const context = new TextEncoder().encode(topic);
    const inside = openBox(identity, context, payload);
    const signed = inside === null ? null : splitSigned(inside);
    const notice = signed === null ? null : readNotice(signed.text);
    if (signed === null || notice === null) return "malformed";
    if (notice.from !== place.from || notice.to !== identity.id) return "forged";
    counts.received += 1;
    this.handlers.notice(notice, (keys) => siteIdOf(keys) === place.from && isSigned(keys, { ...membership, topic }, signed));
    return null;
  }

  #refuse(reason: Refusal, from: SiteId | null, topic: string, keyId?: string): void {
    this.context.counts.refuse(reason);
    this.handlers.refused(reason, from, { topic, ...(keyId === undefined ? {} : { keyId }) });
  }
}

function isOtherVersion(topic: string): boolean {
  const version = new RegExp(`^${ROOT}/(\\d{1,6})/`).exec(topic)?.[1];
  return version !== undefined && Number(version) !== WIRE_VERSION;
}

function keyIdIn(payload: Uint8Array): string | undefined {
  const outside = readOutside(payload);
  return typeof outside === "string" ? undefined : outside.keyId;
}

/** Each kind has its topic: a message for one site comes on that site's. */
function fits({ kind }: Place, message: RegionMessage): boolean {
  if (message.kind === "site" || message.kind === "gone") return kind === "site";
  if (message.kind === "app") return kind === (message.box === undefined ? "all" : "to");
  return kind === "all" || kind === "to";
}
