/** Keys of sites in memory: hashes in place of signatures and seals, with the same refusals. */
import { fail, ok } from "../../src/errors.ts";
import type { SiteId, SiteKeys } from "../../src/region/ports.ts";
import type { MemoryRegion } from "./memory-sites.ts";

const hash = (...parts: (string | Uint8Array)[]) => {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part).update("|");
  return hasher.digest("base64");
};

/** What the site itself would sign; a test uses it to be a hostile one. */
export const signAs = (site: SiteId, bytes: Uint8Array): string => hash("signed by", site, bytes);

const authenticator = (to: SiteId, bytes: Uint8Array, context: Uint8Array) => hash("sealed to", to, context, bytes);

export function memoryKeys(region: MemoryRegion, self: SiteId): SiteKeys {
  const isEnrolled = (site: SiteId) => region.sites.some(({ self: id, state }) => id === site && state === "enrolled");
  return {
    self,
    sign: (bytes) => signAs(self, bytes),
    verify: (site, bytes, signature) => (site === self || isEnrolled(site)) && signature === signAs(site, bytes),
    seal: (to, bytes, context) =>
      isEnrolled(to)
        ? ok(`${Buffer.from(bytes).toString("base64url")}.${authenticator(to, bytes, context)}`)
        : fail("not_found", "no such site is enrolled"),
    open: (sealed, context) => {
      const [text = "", tag] = sealed.split(".");
      const bytes = Buffer.from(text, "base64url");
      return tag === authenticator(self, bytes, context) ? bytes : null;
    },
  };
}
