/** Statements on their way: new ones to all, and all of them to a site whose roster differs. */
import type { Json } from "../../json.ts";
import { copyJson } from "../../json-reader.ts";
import type { SiteId } from "../ports.ts";
import type { Statement } from "../roster/statement.ts";
import { STATEMENTS_A_MESSAGE } from "../wire/message.ts";
import type { RegionContext } from "./context.ts";
import type { Peer } from "./peers.ts";
import type { Speaker } from "./speaker.ts";

/** One site is told at most so often. */
const AGAIN_MS = 10_000;
/** All sites see at once that one knows less; the first that tells it spares the others. */
const SPREAD_MS = 2_000;
const TOLD_MAX = 2_000;

export class RosterTalk {
  readonly #toldAt = new Map<SiteId, number>();

  constructor(
    private readonly context: RegionContext,
    private readonly speaker: Pick<Speaker, "say">,
  ) {}

  tellAll(statements: readonly Statement[]): void {
    const from = this.context.self;
    for (const part of parts(statements)) this.speaker.say({ kind: "all", from }, { kind: "roster", statements: part });
  }

  /** The site said in its presence which roster it has. */
  compare(peer: Peer): void {
    const { clock, random, roster, timers, self } = this.context;
    const now = clock.monotonic();
    if (peer.roster === roster.digest || now - (this.#toldAt.get(peer.id) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    if (this.#toldAt.size >= TOLD_MAX) this.#toldAt.clear();
    this.#toldAt.set(peer.id, now);
    timers.after(random.fraction() * SPREAD_MS, () => {
      if (peer.roster === roster.digest) return;
      for (const part of parts(roster.statements)) {
        this.speaker.say({ kind: "to", from: self, to: peer.id }, { kind: "roster", statements: part });
      }
    });
  }
}

function parts(statements: readonly Statement[]): Json[][] {
  const made: Json[][] = [];
  for (let at = 0; at < statements.length; at += STATEMENTS_A_MESSAGE) {
    made.push(statements.slice(at, at + STATEMENTS_A_MESSAGE).map(copyJson));
  }
  return made;
}
