import type { SiteId } from "../ports.ts";
import type { Claim } from "./wire.ts";

/** How well a site heard a text. */
export type Reception = Pick<Claim, "hops" | "snr">;

/** A claim and who made it. */
export interface Bid {
  readonly site: SiteId;
  readonly reception: Reception;
}

/**
 * Whether `a` goes before `b`: fewer hops, then the better signal, then by site and packet, so that of sites that hear alike
 * each has its turn. Every site comes to the same order.
 */
export function goesBefore(a: Bid, b: Bid, key: string): boolean {
  if (a.reception.hops !== b.reception.hops) return a.reception.hops < b.reception.hops;
  if (a.reception.snr !== b.reception.snr) return a.reception.snr > b.reception.snr;
  return tieOf(a.site, key) < tieOf(b.site, key);
}

function tieOf(site: SiteId, key: string): string {
  return new Bun.CryptoHasher("sha256").update(`${key} ${site}`).digest("hex") + site;
}
