/** A site's part in its region: it hears the others, says its own presence, and passes messages between them and the rooms above. */
import type { BrokerClientOptions } from "../../broker/client.ts";
import { fail, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import { inBackground } from "../../log/background.ts";
import type { SiteId, SiteMessage, SiteMessages, SiteView } from "../ports.ts";
import { readStatement, type StatementBody } from "../roster/statement.ts";
import type { MessageOf, RegionMessage } from "../wire/message.ts";
import { filtersOf } from "../wire/topics.ts";
import { AppMessages } from "./app-messages.ts";
import { makeContext, type RegionBroker, type RegionContext, type RegionDeps } from "./context.ts";
import type { Refusal } from "./counts.ts";
import { type Farewell, sayFarewell } from "./farewell.ts";
import { Inbox, type Taken } from "./inbox.ts";
import { Notices } from "./notices.ts";
import type { Peer } from "./peers.ts";
import { Presence } from "./presence.ts";
import { RosterTalk } from "./roster-talk.ts";
import { siteViews, stateOf } from "./site-views.ts";
import { Speaker } from "./speaker.ts";
import { Belonging, type Standing } from "./standing.ts";
import { refusalLine } from "./troubles.ts";

export class Region implements SiteMessages {
  readonly context: RegionContext;
  readonly #broker: RegionBroker;
  readonly #speaker: Speaker;
  readonly #presence: Presence;
  readonly #notices: Notices;
  readonly #talk: RosterTalk;
  readonly #belonging: Belonging;
  readonly #inbox: Inbox;
  readonly #messages: AppMessages;
  readonly #watchers = new Set<() => void>();
  #isStopped = false;
  #isLeaving = false;

  constructor(deps: RegionDeps) {
    const context = makeContext(deps);
    this.context = context;
    this.#broker = context.makeBroker(this.#brokerOptions());
    this.#speaker = new Speaker(context, {
      publish: (topic, payload, options) => this.#broker.publish(topic, payload, options),
      failed: (why) => context.troubles.note(`failed ${why}`, `the broker did not take a message: ${why}`),
    });
    this.#presence = new Presence(context, this.#speaker, () => this.#broker.isConnected);
    this.#notices = new Notices(context, this.#speaker);
    this.#talk = new RosterTalk(context, this.#speaker);
    this.#belonging = new Belonging(context, { talk: this.#talk, notices: this.#notices }, this.#hooks());
    this.#inbox = new Inbox(context, () => this.#belonging, {
      taken: (taken) => this.#taken(taken),
      own: (message, retained) => this.#own(message, retained),
      notice: (notice, isFrom) => {
        if (!this.#belonging.noticed(notice, isFrom).ok) context.counts.refuse("forged");
      },
      refused: (reason, from, detail) => this.#refused(reason, from, detail),
    });
    this.#messages = new AppMessages(context, this.#speaker);
  }

  get self(): SiteId {
    return this.context.self;
  }

  get standing(): Standing {
    return this.#belonging.standing;
  }

  get broker(): Pick<RegionBroker, "state" | "reconnects"> {
    return this.#broker;
  }

  start(): void {
    if (this.standing !== "revoked") this.#broker.start();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    if (!this.#isStopped) this.#presence.leave();
    this.#isStopped = true;
    this.#presence.stop();
    this.#notices.stop();
    this.context.timers.stop();
    await this.#broker.stop();
  }

  /** Says goodbye for good, as far as anybody is there to hear it. Error `unavailable`: the broker does not take it. */
  async leave(): Promise<Result<Farewell>> {
    this.#presence.silence(true);
    this.#isLeaving = true;
    const parts = { speaker: this.#speaker, notices: this.#notices, standing: this.standing, isConnected: this.connected() };
    const said = await sayFarewell(this.context, parts);
    this.#isLeaving = said.ok;
    if (!said.ok) this.#presence.silence(false);
    return said;
  }

  connected(): boolean {
    return this.#broker.isConnected;
  }

  sites(): readonly SiteView[] {
    return siteViews(this.context, this.connected());
  }

  send(topic: string, body: Json, to?: SiteId): Result<void> {
    if (this.standing !== "enrolled") return fail("unavailable", STANDING_WORDS[this.standing]);
    if (!this.connected()) return fail("unavailable", "the broker is not connected");
    return this.#messages.send(topic, body, to);
  }

  onMessage(topic: string, handler: (message: SiteMessage) => void): Subscription {
    return this.#messages.on(topic, handler);
  }

  onChange(handler: () => void): Subscription {
    this.#watchers.add(handler);
    return { dispose: () => void this.#watchers.delete(handler) };
  }

  /** The report changed in something that others should see soon. */
  reportChanged(): void {
    this.#presence.changed();
  }

  /** Signs it, keeps it, and tells all sites. */
  state(body: StatementBody): void {
    this.#belonging.state(body);
  }

  /** A new key that no revoked site gets. Fails with `data_unusable`. */
  replaceKey(): Result<null> {
    return this.#belonging.replaceKey();
  }

  /** Gives an enrolled site the newest key. */
  giveKey(site: SiteId): void {
    this.#notices.give(site);
  }

  /** Tells a revoked site why nobody listens to it any longer. */
  tellRevoked(site: SiteId): void {
    this.#notices.revoked(site);
  }

  #hooks() {
    return {
      changed: () => {
        this.#presence.changed();
        this.#changed();
      },
      revoked: () => {
        // What the others answer to a farewell: sites that are away must still be told.
        if (this.#isLeaving) return;
        // Not from within the broker's own call.
        this.context.timers.after(0, () => inBackground(this.context.log, "leaving the broker", this.#broker.stop()));
      },
    };
  }

  #brokerOptions(): BrokerClientOptions {
    const { settings, membership, self } = this.context;
    return {
      settings,
      filters: filtersOf(membership.region, self),
      will: () => this.#speaker.will(this.#presence.gone(false)),
      message: (message) => this.#inbox.take(message),
      connected: () => this.#connected(),
      disconnected: () => this.#changed(),
    };
  }

  #connected(): void {
    const { key, self } = this.context;
    this.#presence.say();
    this.#presence.ask();
    // It may have been made while the broker was away.
    if (key().maker === self && key().excludes.length > 0) this.#notices.giveAll();
    this.#changed();
  }

  #taken({ peer, message, retained }: Taken): void {
    this.context.troubles.over(`unknown_key ${peer.id}`);
    if (message.kind === "site") this.#introduced(peer, message, retained);
    else if (message.kind === "ask") this.#presence.answer();
    else if (message.kind === "app") this.#messages.deliver(peer, message);
    else if (message.kind === "roster") {
      this.#belonging.learn(message.statements.flatMap((json) => readStatement(json, this.context.membership.region) ?? []));
    } else {
      peer.isGone = true;
      if (message.left && stateOf(this.context, peer.id) === "waiting") this.context.peers.forget(peer);
      this.#changed();
    }
  }

  #introduced(peer: Peer, { name, version, report, roster }: MessageOf<"site">, retained: boolean): void {
    const isNew = peer.name !== name || !peer.wasIntroduced;
    Object.assign(peer, { name, version, report, roster, wasIntroduced: !retained });
    this.context.peers.keep(peer);
    this.#checkName(peer);
    if (!retained) {
      if (isNew) this.#announceWaiting(peer);
      this.#talk.compare(peer);
      if (peer.keyId !== this.#belonging.keyId) this.#notices.lacksKey(peer.id);
    }
    this.#changed();
  }

  #announceWaiting({ name, id }: Peer): void {
    if (this.standing !== "enrolled" || stateOf(this.context, id) !== "waiting") return;
    this.context.log.info(`site ${name} waits to be enrolled: zephyrgate region join ${name} --fingerprint ${id}`);
  }

  #checkName({ id, name }: Peer): void {
    const { troubles, self } = this.context;
    if (name !== this.context.name) troubles.over(`name ${id}`);
    else troubles.note(`name ${id}`, `two sites are called ${name}: this one (${self}) and ${id}; change region.site of one of them`);
  }

  /** Another gateway has this site's key, or a last will came late. */
  #own({ kind, boot }: RegionMessage, retained: boolean): void {
    if (retained || (kind === "site" && boot === this.context.boot)) return;
    if (kind === "site") this.context.troubles.note("copy", COPIED);
    if (!this.#isStopped) this.#presence.changed();
  }

  #refused(reason: Refusal, from: SiteId | null, { topic, keyId }: { readonly topic: string; readonly keyId?: string }): void {
    const { membership, nameOf, troubles } = this.context;
    const lacksKey = (reason === "unknown_key" || reason === "old_key") && keyId !== this.#belonging.keyId;
    if (from !== null && lacksKey) this.#notices.lacksKey(from);
    if (from !== null && reason === "revoked") this.#notices.revoked(from);
    const line = refusalLine(reason, from, { region: membership.region, topic, site: from === null ? "unknown" : nameOf(from) });
    // A new key and the presence under it can arrive in any order.
    const isPassing = lacksKey && from !== null && stateOf(this.context, from) === "enrolled";
    if (line !== null) troubles.note(`${reason} ${from ?? ""}`, line, isPassing ? KEY_ARRIVES_MS : 0);
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) {
      try {
        watcher();
      } catch (error) {
        this.context.log.error("a watcher of the region failed", { error });
      }
    }
  }
}

const KEY_ARRIVES_MS = 120_000;
const COPIED =
  "another gateway uses the key of this site: if its data folder was copied, remove region-site.key of the copy and join it with an invitation";
const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  enrolled: "",
  waiting: "this site waits to be enrolled in its region",
  revoked: "this site was revoked from its region",
};
