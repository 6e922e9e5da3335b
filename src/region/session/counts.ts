/** How many messages went out and came in, and what was refused, by closed reasons. */
export const REFUSALS = {
  too_large: "larger than a message of a region",
  other_version: "of another version of the protocol",
  foreign: "of another program",
  malformed: "not of the form of a message",
  unknown_key: "sealed with a key that this site does not have",
  old_key: "sealed with a key that a newer one replaced",
  forged: "not from the site that it names, or changed on the way",
  replayed: "taken before",
  unknown_site: "from a site that has not introduced itself",
  waiting: "from a site that is not enrolled",
  revoked: "from a site that is revoked",
  flood: "more than a site may send",
  full: "from one more site, while too many wait to be enrolled",
} as const;

export type Refusal = keyof typeof REFUSALS;

export class RegionCounts {
  sent = 0;
  /** Sent, and the broker did not take it. */
  failed = 0;
  received = 0;
  readonly refused = new Map((Object.keys(REFUSALS) as Refusal[]).map((reason) => [reason, 0]));

  refuse(reason: Refusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }
}
