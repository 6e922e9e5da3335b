import type { Clock, Random } from "../clock.ts";
import { BrokeredCapabilitySet, type CapabilitySetDeps, type Forged, type LiveCapabilitySet } from "./capability-set.ts";
import type { Standing } from "./decide.ts";
import type { Descriptor } from "./grammar/descriptor.ts";
import type { PermissionName } from "./grammar/types.ts";

/** A token was presented that the capability set does not hold: a strike against the host, and an alert. */
export interface Forgery {
  readonly kind: Forged;
  readonly permission: PermissionName;
  readonly correlationId: string;
}

export interface BrokerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: CapabilitySetDeps["audit"];
  onForgery(plugin: string, forgery: Forgery): void;
  /** A plugin asked at run time for what it does not have. */
  onRequest?(plugin: string, wanted: Descriptor): void;
}

/** A call may be on its way while its permission is revoked: for this time its token is refused, but counts as no forgery. */
const GRACE_MS = 5000;
/** Dead tokens remembered, so that a replay can be told from a guess. */
const DEAD_MAX = 4096;
const TOKEN_LENGTH = 43;

interface Held {
  /** A number and not the capability set, which a dead token must not keep alive. */
  readonly owner: number;
  readonly permission: PermissionName;
  diedAt: number | null;
}

/** Mints capability tokens and judges those presented. One for the whole gateway. */
export class Broker {
  /** By the token's sha256, so that the time of a look-up tells nothing about a live token. */
  readonly #held = new Map<string, Held>();
  #dead = 0;
  #owners = 0;

  constructor(private readonly deps: BrokerDeps) {}

  /** One plugin's capabilities for one load; during a reload there are two. `onClose` is called once, when the set is closed. */
  open(plugin: string, standing: Standing, onClose: () => void = () => undefined): LiveCapabilitySet {
    const { clock, random, audit, onForgery, onRequest } = this.deps;
    const owner = ++this.#owners;
    return new BrokeredCapabilitySet(plugin, standing, {
      clock,
      audit,
      mint: (permission) => {
        const token = Buffer.from(random.bytes(32)).toString("base64url");
        this.#held.set(digest(token), { owner, permission, diedAt: null });
        return token;
      },
      judge: (token, permission) => this.#judge(owner, token, permission),
      kill: (token) => this.#kill(token),
      onForgery: (kind, permission, correlationId) => onForgery(plugin, { kind, permission, correlationId }),
      onRequest: (wanted) => onRequest?.(plugin, wanted),
      onClose,
    });
  }

  /** Live tokens, for tests that count leaks. */
  get size(): number {
    return this.#held.size - this.#dead;
  }

  #judge(owner: number, token: string, permission: PermissionName): "good" | "late" | Forged {
    const held = token.length === TOKEN_LENGTH ? this.#held.get(digest(token)) : undefined;
    if (held === undefined) return "unknown";
    if (held.owner !== owner) return held.diedAt === null ? "foreign" : "dead";
    if (held.permission !== permission) return "wrong_permission";
    if (held.diedAt === null) return "good";
    return this.deps.clock.monotonic() - held.diedAt <= GRACE_MS ? "late" : "dead";
  }

  #kill(token: string): void {
    const held = this.#held.get(digest(token));
    if (held === undefined || held.diedAt !== null) return;
    held.diedAt = this.deps.clock.monotonic();
    this.#dead++;
    for (const [key, old] of this.#held) {
      if (this.#dead <= DEAD_MAX) break;
      if (old.diedAt === null) continue;
      this.#held.delete(key);
      this.#dead--;
    }
  }
}

const digest = (token: string) => new Bun.CryptoHasher("sha256").update(token).digest("base64");
