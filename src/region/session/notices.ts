/**
 * Keys and decisions for sites that cannot read the region's messages: one that was away while the key changed, one that was
 * enrolled with an older invitation, and one that was revoked. They are kept by the broker until the site is back.
 */
import { sleep, type Timer } from "../../clock.ts";
import { copyJson } from "../../json-reader.ts";
import { keyIdOf, type RegionKey } from "../keys/key-ring.ts";
import type { SiteId } from "../ports.ts";
import type { Statement } from "../roster/statement.ts";
import type { RegionContext } from "./context.ts";
import type { Speaker } from "./speaker.ts";

/** All sites notice at once that one lacks the key; the first that tells it spares the others. */
const SPREAD_MS = 3_000;
/** One site is told again only after this. */
const AGAIN_MS = 30_000;
const PACE_MS = 10;
const TOLD_MAX = 2_000;

export class Notices {
  readonly #toldAt = new Map<SiteId, number>();
  readonly #waiting = new Map<SiteId, Timer>();

  constructor(
    private readonly context: RegionContext,
    private readonly speaker: Pick<Speaker, "notify">,
  ) {}

  /** A site spoke under another key than the newest, or is not known to have it. */
  lacksKey(site: SiteId): void {
    if (!this.#mayTell(site)) return;
    const { clock, random } = this.context;
    const timer = clock.after(random.fraction() * SPREAD_MS, () => {
      this.#waiting.delete(site);
      if (this.context.peers.get(site)?.keyId !== keyIdOf(this.context.key())) this.give(site);
    });
    this.#waiting.set(site, timer);
  }

  /** The newest key, at once. Nothing where the site is not enrolled. */
  give(site: SiteId): void {
    const { roster, self } = this.context;
    const enrolled = roster.membership.enrolled.get(site);
    if (enrolled === undefined || site === self || !roster.isEnrolled(self)) return;
    this.#tell({ id: site, keys: enrolled.keys }, { key: this.context.key(), statements: roster.proof([self, site]) });
  }

  /** To every other site: after a new key. One after the other, because the broker takes only so many at once. */
  giveAll(): void {
    let ms = 0;
    for (const site of this.context.roster.membership.enrolled.keys()) {
      this.#waiting.get(site)?.cancel();
      const timer = this.context.clock.after(ms, () => {
        this.#waiting.delete(site);
        this.give(site);
      });
      this.#waiting.set(site, timer);
      ms += PACE_MS;
    }
  }

  /** To every other enrolled site, kept for those that are away: this site leaves. */
  async farewell(statement: Statement): Promise<void> {
    const { roster, self, clock } = this.context;
    for (const { id, keys } of roster.membership.enrolled.values()) {
      if (id === self) continue;
      this.#tell({ id, keys }, { key: null, statements: [statement] });
      await sleep(clock, PACE_MS);
    }
  }

  /** Why nobody listens to it any longer. */
  revoked(site: SiteId): void {
    if (!this.#mayTell(site)) return;
    const { roster, peers, self } = this.context;
    const keys = peers.get(site)?.keys ?? this.#enrolledAs(site);
    if (keys !== undefined) this.#tell({ id: site, keys }, { key: null, statements: roster.proof([self]) });
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #mayTell(site: SiteId): boolean {
    const told = this.#toldAt.get(site) ?? Number.NEGATIVE_INFINITY;
    return !this.#waiting.has(site) && this.context.clock.monotonic() - told >= AGAIN_MS;
  }

  #tell(to: Parameters<Speaker["notify"]>[0], { key, statements }: { key: RegionKey | null; statements: readonly Statement[] }): void {
    if (this.#toldAt.size >= TOLD_MAX) this.#toldAt.clear();
    const told = this.speaker.notify(to, { key, statements: statements.map(copyJson) });
    if (told.ok) this.#toldAt.set(to.id, this.context.clock.monotonic());
  }

  #enrolledAs(site: SiteId) {
    const found = this.context.roster.statements.find(({ body }) => body.kind === "enrol" && body.site === site);
    return found?.body.kind === "enrol" ? found.body.keys : undefined;
  }
}
