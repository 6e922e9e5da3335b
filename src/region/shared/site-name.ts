import type { SiteId, SiteMessages } from "../ports.ts";

/** As operators know it; of a site that is no longer listed, the beginning of its fingerprint. */
export function siteNameOf(messages: Pick<SiteMessages, "sites">, id: SiteId): string {
  return messages.sites().find((site) => site.id === id)?.name ?? id.slice(0, 8);
}
