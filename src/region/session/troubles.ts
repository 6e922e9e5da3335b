/** What is wrong in the region, one line each: said in the log when it begins, shown while it lasts. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteId } from "../ports.ts";
import type { Refusal } from "./counts.ts";

/** A trouble that was not seen for this long is over. */
const OVER_MS = 15 * 60_000;
/** The same is logged again only after this. */
const REPEAT_MS = 60 * 60_000;
const TROUBLES_MAX = 50;

interface Trouble {
  readonly line: string;
  readonly since: number;
  readonly seenAt: number;
  /** Null: it has not lasted long enough. */
  readonly loggedAt: number | null;
}

export class Troubles {
  readonly #troubles = new Map<string, Trouble>();

  constructor(private readonly deps: { readonly clock: Clock; readonly log: Logger }) {}

  list(): string[] {
    this.#sweep();
    return [...this.#troubles.values()].filter(({ loggedAt }) => loggedAt !== null).map(({ line }) => line);
  }

  /** `matter` names it: the same matter is one trouble. `lastingMs`: what is over before that is none. */
  note(matter: string, line: string, lastingMs = 0): void {
    const now = this.deps.clock.monotonic();
    const known = this.#troubles.get(matter);
    if (known === undefined && this.#troubles.size >= TROUBLES_MAX) {
      this.#sweep();
      return;
    }
    const since = known?.since ?? now;
    const told = known?.loggedAt ?? null;
    const isDue = now - since >= lastingMs && (told === null || now - told >= REPEAT_MS);
    this.#troubles.set(matter, { line, since, seenAt: now, loggedAt: isDue ? now : told });
    if (isDue) this.deps.log.warn(line);
  }

  over(matter: string): void {
    this.#troubles.delete(matter);
  }

  #sweep(): void {
    const now = this.deps.clock.monotonic();
    for (const [matter, { seenAt }] of this.#troubles) if (now - seenAt > OVER_MS) this.#troubles.delete(matter);
  }
}

export interface RefusalContext {
  readonly region: string;
  readonly topic: string;
  /** The name under which the site is known here; else its id. */
  readonly site: string;
}

/** What an operator can do about refused messages; null where one message says nothing. */
export function refusalLine(reason: Refusal, from: SiteId | null, { region, topic, site }: RefusalContext): string | null {
  switch (reason) {
    case "other_version":
      return from === null || /\/\d+\//.test(topic)
        ? `a site in region ${region} speaks another version of the protocol (topic ${topic}): run the same version of zephyrgate at all sites; it is ignored meanwhile`
        : `site ${site} speaks another version of the protocol: update the older one; it is ignored meanwhile`;
    case "foreign":
      return `another program writes below the topics of region ${region} (${topic}): choose another region.name, or keep it out by the broker's access list`;
    case "unknown_key":
      return `site ${site} uses another key of region ${region}: if it was set up by its own "region join", join it with an invitation of this region; if this site was away while the key changed, it gets the new one by itself from any other site`;
    case "forged":
      return `somebody writes messages as site ${site} that are not signed by it: let the broker's access list keep each user to the topics of its own site`;
    case "flood":
      return `site ${site} sends more than a site may; what is too much is dropped`;
    case "full":
      return "too many sites wait to be enrolled, and further ones are not listed: somebody misuses an invitation, or sites must be enrolled";
    default:
      return null;
  }
}
