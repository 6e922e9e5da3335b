/** What every part of a region's session is built on. */
import type { BrokerClientOptions, BrokerState } from "../../broker/client.ts";
import type { PublishOptions } from "../../broker/connection.ts";
import type { BrokerSettings } from "../../broker/login.ts";
import type { Clock, Random, Timer } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteIdentity } from "../keys/identity.ts";
import type { KeyRing, Membership, RegionKey } from "../keys/key-ring.ts";
import type { SiteId, SiteName } from "../ports.ts";
import { Roster } from "../roster/roster.ts";
import { makeStatement } from "../roster/statement.ts";
import { RegionCounts } from "./counts.ts";
import { Peers } from "./peers.ts";
import type { RegionStore } from "./store.ts";
import { Troubles } from "./troubles.ts";

/** The client of a broker, as a region uses it. */
export interface RegionBroker {
  readonly state: BrokerState;
  readonly isConnected: boolean;
  readonly reconnects: number;
  start(): void;
  stop(): Promise<void>;
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Result<null>;
}

export interface RegionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: RegionStore;
  readonly identity: SiteIdentity;
  readonly ring: KeyRing;
  readonly name: SiteName;
  readonly version: string;
  readonly settings: BrokerSettings;
  makeBroker(options: BrokerClientOptions): RegionBroker;
  /** What the site says about itself: at most 4 KB as JSON. */
  report(): Json;
}

export interface RegionContext extends RegionDeps {
  readonly self: SiteId;
  readonly membership: Membership;
  readonly roster: Roster;
  readonly peers: Peers;
  readonly counts: RegionCounts;
  readonly troubles: Troubles;
  readonly timers: Timers;
  /** Higher at each start of this gateway. */
  readonly boot: number;
  /** The key that seals. */
  key(): RegionKey;
  /** The name under which a site is known here, or its id. */
  nameOf(site: SiteId): string;
}

export function makeContext(deps: RegionDeps): RegionContext {
  const { clock, log, store, ring, identity, name } = deps;
  const { membership } = ring;
  const roster = new Roster(membership.founder, store.statements(membership.region));
  if (membership.founder === identity.id) {
    const at = Math.max(0, Math.floor(clock.now()));
    const founded = { kind: "found", region: membership.region, by: identity.id, keys: identity.keys, at } as const;
    if (!roster.isEnrolled(identity.id)) store.keep(roster.add([makeStatement(identity, founded)]));
  }
  const peers = new Peers({ clock, store, isKnown: (site) => roster.isEnrolled(site) || roster.isRevoked(site) });
  const nameOf = (site: SiteId) =>
    site === identity.id ? name : (peers.get(site)?.name ?? roster.membership.enrolled.get(site)?.name ?? site);
  return {
    ...deps,
    makeBroker: (options) => deps.makeBroker(options),
    report: () => deps.report(),
    self: identity.id,
    membership,
    roster,
    peers,
    counts: new RegionCounts(),
    troubles: new Troubles({ clock, log }),
    timers: new Timers(clock),
    boot: store.nextBoot(clock.now()),
    key: () => ring.current((site) => roster.isRevoked(site)),
    nameOf,
  };
}

/** Timers that end together. */
export class Timers {
  readonly #timers = new Set<Timer>();
  #isStopped = false;

  constructor(private readonly clock: Clock) {}

  after(ms: number, run: () => void): void {
    if (this.#isStopped) return;
    const timer = this.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
