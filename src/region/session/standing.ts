/** Whether this site belongs to the region, and the region's key: what follows when a statement or a key becomes known. */
import { fail, ok, type Result } from "../../errors.ts";
import { TokenBucket } from "../../rates.ts";
import type { PublicKeys } from "../keys/identity.ts";
import { keyIdOf } from "../keys/key-ring.ts";
import { makeStatement, readStatement, type Statement, type StatementBody } from "../roster/statement.ts";
import type { Notice } from "../wire/message.ts";
import type { RegionContext } from "./context.ts";
import type { Notices } from "./notices.ts";
import type { RosterTalk } from "./roster-talk.ts";

export type Standing = "waiting" | "enrolled" | "revoked";

export interface BelongingHooks {
  /** Something of it changed: others should hear of it. */
  changed(): void;
  /** This site is revoked. */
  revoked(): void;
}

/** How long each site, by its rank, leaves it to the others to replace a key that a revoked site has. */
const REPLACE_KEY_MS = 5_000;
const NEW_KEYS = { count: 10, periodS: 600, text: "10/10min" };
const REJOIN = "to come back it needs a new invitation: zephyrgate region join INVITATION";

export class Belonging {
  #standing: Standing;
  #keyId: string;
  #keySince: number;
  #isReplacing = false;
  readonly #newKeys: TokenBucket;

  constructor(
    private readonly context: RegionContext,
    private readonly parts: { readonly talk: RosterTalk; readonly notices: Notices },
    private readonly hooks: BelongingHooks,
  ) {
    this.#newKeys = new TokenBucket(context.clock, NEW_KEYS);
    this.#standing = this.#now();
    this.#keyId = keyIdOf(context.key());
    this.#keySince = context.clock.monotonic();
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Of the key that seals. */
  get keyId(): string {
    return this.#keyId;
  }

  /** Since when it does, by the monotonic clock. */
  get keySince(): number {
    return this.#keySince;
  }

  /** Signs it, keeps it, and tells all sites. */
  state(body: StatementBody): void {
    const statement = makeStatement(this.context.identity, body);
    // Told first: those who must not have the next key hear of it under this one.
    this.parts.talk.tellAll([statement]);
    this.learn([statement]);
  }

  /** Keeps what is new, and does what follows from it. */
  learn(offered: readonly Statement[]): void {
    const { roster, store, log, self, nameOf } = this.context;
    const before = new Set(roster.membership.revoked.keys());
    const added = roster.add(offered);
    if (added.length === 0) return;
    store.keep(added);
    for (const { site, by, name } of roster.membership.revoked.values()) {
      if (before.has(site) || site === self) continue;
      if (by === site) log.info(`site ${name} (${site}) left the region`);
      else log.warn(`site ${name} (${site}) was revoked by ${nameOf(by)}`);
    }
    this.#keyChanged();
    const standing = this.#now();
    if (standing !== this.#standing) this.#become(standing);
    this.#replaceLater();
    this.hooks.changed();
  }

  /** Sealed to this site: perhaps it has no key with which it could read anything else. */
  noticed({ from, key, statements }: Notice, isFrom: (keys: PublicKeys) => boolean): Result<null> {
    const { roster, membership, ring, peers } = this.context;
    this.learn(statements.flatMap((json) => readStatement(json, membership.region) ?? []));
    const sender = roster.membership.enrolled.get(from);
    // A site that leaves is out by what it says itself.
    const keys = sender?.keys ?? (key === null ? peers.get(from)?.keys : undefined);
    if (keys === undefined || !isFrom(keys)) return fail("permission_denied", "no enrolled site signed it");
    if (key === null) return ok(null);
    // Each is a file that is written: a hostile site must not wear out the disk.
    if (ring.find(keyIdOf(key)) === null && this.#newKeys.take(1) > 0) return ok(null);
    const added = ring.add(key, (site) => roster.isRevoked(site));
    if (!added.ok) this.context.log.error(added.error.summary());
    this.#keyChanged();
    this.#replaceLater();
    return ok(null);
  }

  /** A new key that no revoked site gets. Fails with `data_unusable`. */
  replaceKey(): Result<null> {
    const { roster, random, ring, self } = this.context;
    const excludes = [...roster.membership.revoked.keys()];
    const secret = Buffer.from(random.bytes(32)).toString("base64");
    const added = ring.add({ epoch: this.context.key().epoch + 1, secret, maker: self, excludes }, (site) => roster.isRevoked(site));
    if (!added.ok) return added;
    this.parts.notices.giveAll();
    this.#keyChanged();
    return ok(null);
  }

  #now(): Standing {
    const { roster, self } = this.context;
    if (roster.isRevoked(self)) return "revoked";
    return roster.isEnrolled(self) ? "enrolled" : "waiting";
  }

  #become(standing: Standing): void {
    this.#standing = standing;
    const { log, membership, roster, self, nameOf } = this.context;
    const { region } = membership;
    if (standing === "enrolled") log.info(`this site is enrolled in region ${region}`);
    if (standing === "waiting") log.warn(`this site is no longer enrolled in region ${region}: the site that had enrolled it was revoked`);
    if (standing !== "revoked") return;
    const revocation = roster.membership.revoked.get(self);
    const by = revocation === undefined ? "another site" : nameOf(revocation.by);
    const at = new Date(revocation?.at ?? 0).toISOString();
    if (revocation?.by === self) log.warn(`this site has left region ${region}; zephyrgate region leave removes its keys`);
    else log.error(`this site was revoked from region ${region} by ${by} at ${at}; ${REJOIN}`);
    this.hooks.revoked();
  }

  /** The newest key was given to a site that is revoked: the site that revoked it replaces it, else any other after a moment. */
  #replaceLater(): void {
    const { roster, timers, log } = this.context;
    const isGiven = () => [...roster.membership.revoked.keys()].some((site) => !this.context.key().excludes.includes(site));
    if (this.#standing !== "enrolled" || this.#isReplacing || !isGiven()) return;
    this.#isReplacing = true;
    timers.after(REPLACE_KEY_MS * (1 + this.#rank()), () => {
      this.#isReplacing = false;
      if (!isGiven() || this.#standing !== "enrolled") return;
      const replaced = this.replaceKey();
      if (!replaced.ok) log.error(`the region's key was not replaced: ${replaced.error.summary()}`);
    });
  }

  /** How many sites that are online rank above this one. */
  #rank(): number {
    const { roster, peers, self } = this.context;
    let above = 0;
    for (const site of roster.membership.enrolled.keys()) {
      if (site === self) return above;
      const peer = peers.get(site);
      if (peer !== null && peers.isOnline(peer)) above += 1;
    }
    return above;
  }

  #keyChanged(): void {
    const { key, clock, log } = this.context;
    const keyId = keyIdOf(key());
    if (keyId === this.#keyId) return;
    this.#keyId = keyId;
    this.#keySince = clock.monotonic();
    log.info(`the region has a new key (number ${key().epoch})`);
    this.hooks.changed();
  }
}
