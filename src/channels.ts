/**
 * How scopes, settings and calls name channels: an index from 0 to 7 (of every link), an exact name (on any link that has
 * it), or `LINK/INDEX` for one channel of one link. A word of the last form never counts as a name.
 */

/** One channel of one radio. `link` is absent only where a question is asked without one, as in `permission why`. */
export interface ChannelPlace {
  readonly link?: string;
  readonly index: number;
  readonly name?: string;
}

const LINK_INDEX = /^(.+)\/([0-7])$/s;

/** Reads `roof/1`; null for anything else. */
export function parseLinkIndex(word: string): { readonly link: string; readonly index: number } | null {
  const [, link, index] = LINK_INDEX.exec(word) ?? [];
  return link === undefined || index === undefined ? null : { link, index: Number(index) };
}

/** Whether a scope's or a setting's word names this channel. */
export function namesChannel(word: number | string, place: ChannelPlace): boolean {
  if (typeof word === "number") return word === place.index;
  const one = parseLinkIndex(word);
  if (one !== null) return one.link === place.link && one.index === place.index;
  return word !== "" && word === place.name;
}
