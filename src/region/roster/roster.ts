/**
 * Who belongs to a region, from its statements alone, so that every site that has the same statements comes to the same answer.
 *
 * The founder is the root. A site is enrolled when a chain of enrolments leads to it from there. Sites have a rank: by the
 * length of their chain, then by when they were enrolled. A revocation counts when its signer ranks above the site, or is the
 * site: so a stolen key can revoke neither the sites that enrolled its site, nor any that is older. It holds for ever for that key.
 */
import type { SiteId } from "../ports.ts";
import { isSignedBy, type Statement, type StatementBody, statementId } from "./statement.ts";

export interface RosterSite {
  readonly id: SiteId;
  readonly keys: { readonly sign: string; readonly box: string };
  /** As it was called when it was enrolled; null for the founder. */
  readonly name: string | null;
  /** Null: the founder. */
  readonly by: SiteId | null;
  readonly depth: number;
  readonly at: number;
}

export interface Revocation {
  readonly site: SiteId;
  readonly by: SiteId;
  readonly name: string;
  readonly at: number;
}

export interface Membership {
  /** In order of rank. */
  readonly enrolled: ReadonlyMap<SiteId, RosterSite>;
  readonly revoked: ReadonlyMap<SiteId, Revocation>;
}

/** More are refused: a hostile site must not fill the database. */
export const STATEMENTS_MAX = 5_000;
/** So many fit a message. */
const PROOF_REVOCATIONS = 80;
const PER_SIGNER_MAX = 2_000;

export class Roster {
  readonly #statements = new Map<string, Statement>();
  readonly #bySigner = new Map<SiteId, number>();
  #view: Membership | null = null;
  #digest: string | null = null;

  constructor(
    readonly founder: SiteId,
    statements: readonly Statement[],
  ) {
    this.add(statements);
  }

  get membership(): Membership {
    this.#view ??= evaluate(this.founder, [...this.#statements.values()]);
    return this.#view;
  }

  get statements(): readonly Statement[] {
    return [...this.#statements.values()];
  }

  /** The same at two sites that know the same statements. */
  get digest(): string {
    this.#digest ??= new Bun.CryptoHasher("sha256")
      .update([...this.#statements.keys()].sort().join())
      .digest("hex")
      .slice(0, 16);
    return this.#digest;
  }

  isEnrolled(site: SiteId): boolean {
    return this.membership.enrolled.has(site);
  }

  isRevoked(site: SiteId): boolean {
    return this.membership.revoked.has(site);
  }

  /**
   * Those of them that are new and signed by a site that belongs, or belonged, to the region. What is signed by a site that
   * nothing here names is left out: it comes again with the statements that name its signer.
   */
  add(offered: readonly Statement[]): Statement[] {
    const waiting = new Map(offered.map((statement) => [statementId(statement), statement]));
    const added: Statement[] = [];
    // Each round may make known the signers of others.
    for (let before = -1; before !== added.length; ) {
      before = added.length;
      const keys = this.#knownKeys();
      for (const [id, statement] of waiting) {
        const signer = keys.get(statement.body.by) ?? this.#founding(statement);
        if (signer === undefined) continue;
        waiting.delete(id);
        if (this.#statements.has(id) || !isSignedBy(signer, statement) || !this.#hasRoom(statement.body)) continue;
        this.#put(id, statement);
        added.push(statement);
      }
    }
    return added;
  }

  /** What another site must know to believe these: their chains, and the latest revocations. */
  proof(sites: readonly SiteId[]): Statement[] {
    const chain = new Set<SiteId>();
    for (const site of sites) {
      for (let at: SiteId | null = site; at !== null && !chain.has(at); at = this.membership.enrolled.get(at)?.by ?? null) chain.add(at);
    }
    const links = this.statements.filter(
      ({ body }) => body.kind === "found" || (body.kind === "enrol" && chain.has(body.site) && chain.has(body.by)),
    );
    const revocations = this.statements.filter(({ body }) => body.kind === "revoke").sort((a, b) => b.body.at - a.body.at);
    return [...links, ...revocations.slice(0, PROOF_REVOCATIONS)];
  }

  #founding({ body }: Statement) {
    return body.kind === "found" && body.by === this.founder ? body.keys : undefined;
  }

  #hasRoom({ by }: StatementBody): boolean {
    return this.#statements.size < STATEMENTS_MAX && (this.#bySigner.get(by) ?? 0) < PER_SIGNER_MAX;
  }

  #put(id: string, statement: Statement): void {
    const { by } = statement.body;
    this.#statements.set(id, statement);
    this.#bySigner.set(by, (this.#bySigner.get(by) ?? 0) + 1);
    this.#view = null;
    this.#digest = null;
  }

  /** Of everybody whom a statement names, whether it counts or not. */
  #knownKeys(): Map<SiteId, { readonly sign: string; readonly box: string }> {
    const keys = new Map<SiteId, { readonly sign: string; readonly box: string }>();
    for (const { body } of this.#statements.values()) {
      if (body.kind === "found") keys.set(body.by, body.keys);
      else if (body.kind === "enrol") keys.set(body.site, body.keys);
    }
    return keys;
  }
}

/** Sites are settled from the highest rank down: what a settled site says counts for those that are not settled yet. */
function evaluate(founder: SiteId, statements: readonly Statement[]): Membership {
  const enrolled = new Map<SiteId, RosterSite>();
  const revoked = new Map<SiteId, Revocation>();
  const bodies = statements.map(({ body }) => body);
  const said = Map.groupBy(bodies, ({ by }) => by);
  const waiting = new Map<SiteId, RosterSite>();
  for (const body of bodies) {
    if (body.kind !== "found" || body.by !== founder) continue;
    waiting.set(founder, { id: founder, keys: body.keys, name: null, by: null, depth: 0, at: body.at });
  }
  for (let next = first(waiting); next !== null; next = first(waiting)) {
    waiting.delete(next.id);
    if (revoked.has(next.id)) continue;
    const own = said.get(next.id) ?? [];
    // A site that left by itself is out, and what it had said before still counts.
    const leaves = own.find((body) => body.kind === "revoke" && body.site === next.id);
    if (leaves?.kind === "revoke") revoked.set(next.id, leaves);
    else enrolled.set(next.id, next);
    for (const body of own) {
      if (body.kind === "revoke" && !enrolled.has(body.site) && !revoked.has(body.site)) revoked.set(body.site, body);
    }
    for (const body of own) if (body.kind === "enrol") offer(body, next, { enrolled, revoked, waiting });
  }
  return { enrolled, revoked };
}

function offer(
  { site, keys, name, at }: Extract<StatementBody, { kind: "enrol" }>,
  by: RosterSite,
  { enrolled, revoked, waiting }: Membership & { readonly waiting: Map<SiteId, RosterSite> },
): void {
  if (enrolled.has(site) || revoked.has(site)) return;
  const offered: RosterSite = { id: site, keys, name, by: by.id, depth: by.depth + 1, at };
  const other = waiting.get(site);
  if (other === undefined || ranksAbove(offered, other)) waiting.set(site, offered);
}

function first(waiting: ReadonlyMap<SiteId, RosterSite>): RosterSite | null {
  let best: RosterSite | null = null;
  for (const site of waiting.values()) if (best === null || ranksAbove(site, best)) best = site;
  return best;
}

/** Whether a revocation by the former of the latter counts. */
export function ranksAbove(a: RosterSite, b: RosterSite): boolean {
  if (a.depth !== b.depth) return a.depth < b.depth;
  return a.at !== b.at ? a.at < b.at : a.id < b.id;
}
