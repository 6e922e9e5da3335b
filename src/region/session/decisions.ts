/** What an operator decides about sites: enrol one that waits, revoke one. */
import { fail, ok, type Result } from "../../errors.ts";
import type { SiteId, SiteView } from "../ports.ts";
import { ranksAbove } from "../roster/roster.ts";
import type { Region } from "./region.ts";

const ID_PREFIX = /^[0-9a-f]{8,32}$/;

export interface Revoked {
  readonly site: SiteView;
  /** They are out as well, because that site alone had enrolled them. */
  readonly orphans: readonly SiteView[];
}

/**
 * Enrols a site that waits. `fingerprint`: what its operator read out; it must be the site's. Errors: `unavailable` (this site is
 * not enrolled itself), `not_found`, `conflict` (enrolled already, revoked, a name that another site has, another fingerprint).
 */
export function enrolSite(region: Region, named: string, fingerprint: string | null): Result<SiteView> {
  const may = mayDecide(region);
  if (!may.ok) return may;
  const found = findSite(region, named, ({ state }) => state === "waiting");
  if (!found.ok) return found;
  const site = found.value;
  if (fingerprint !== null && plain(fingerprint) !== site.id) {
    return fail("conflict", `site ${site.name} has the fingerprint ${site.id}, not ${plain(fingerprint).slice(0, 64)}`, {
      hint: "compare it with what zephyrgate region status shows at that site; if it differs, somebody else uses the name",
    });
  }
  const other = region.sites().find((each) => each.name === site.name && each.id !== site.id && ["self", "enrolled"].includes(each.state));
  if (other !== undefined) {
    return fail("conflict", `there is a site called ${site.name} already (${other.id})`, {
      hint: "give the new one another region.site, or revoke the old one first",
    });
  }
  const { peers, clock, membership, self } = region.context;
  const keys = peers.get(site.id)?.keys;
  if (keys === undefined)
    return fail("not_found", `site ${named} was not heard`, { hint: "start it, and look at: zephyrgate region list" });
  const at = Math.max(0, Math.floor(clock.now()));
  region.state({ kind: "enrol", region: membership.region, by: self, site: site.id, keys, name: site.name, at });
  region.giveKey(site.id);
  return ok({ ...site, state: "enrolled" });
}

/**
 * Revokes a site for ever, and replaces the region's key. Errors: `unavailable`, `not_found`, `permission_denied` (it ranks above
 * this site), `conflict` (the founder while there are others; this site itself), `data_unusable`.
 */
export function revokeSite(region: Region, named: string): Result<Revoked> {
  const may = mayDecide(region);
  if (!may.ok) return may;
  const found = findSite(region, named, ({ state }) => state === "enrolled" || state === "self");
  if (!found.ok) return found;
  const site = found.value;
  const allowed = mayRevoke(region, site);
  if (!allowed.ok) return allowed;
  const before = region.context.roster.membership;
  const { clock, membership, self, roster } = region.context;
  const revoke = (id: SiteId, name: string) => {
    const at = Math.max(0, Math.floor(clock.now()));
    region.state({ kind: "revoke", region: membership.region, by: self, site: id, name, at });
  };
  // What it had revoked itself stays revoked: its own word no longer counts.
  for (const { site: id, by, name } of before.revoked.values()) if (by === site.id && by !== self) revoke(id, name);
  revoke(site.id, site.name);
  const replaced = region.replaceKey();
  if (!replaced.ok) return replaced;
  region.tellRevoked(site.id);
  const orphans = [...before.enrolled.keys()].filter((id) => id !== site.id && !roster.isEnrolled(id));
  return ok({ site: { ...site, state: "revoked" }, orphans: region.sites().filter(({ id }) => orphans.includes(id)) });
}

function mayDecide(region: Region): Result<null> {
  if (region.standing === "enrolled") return ok(null);
  return fail("unavailable", "this site is not enrolled itself, so it cannot decide about others", {
    hint: "zephyrgate region status shows what it waits for",
  });
}

function mayRevoke(region: Region, { id, name, state }: SiteView): Result<null> {
  if (state === "self") {
    return fail("conflict", "a site is revoked at another one", { hint: `at another enrolled site run: zephyrgate region revoke ${name}` });
  }
  const { enrolled } = region.context.roster.membership;
  const [own, other] = [enrolled.get(region.self), enrolled.get(id)];
  if (own !== undefined && other !== undefined && ranksAbove(own, other)) return ok(null);
  const above = [...enrolled.values()]
    .filter((site) => other !== undefined && ranksAbove(site, other))
    .map((site) => region.context.nameOf(site.id));
  return fail("permission_denied", `site ${name} was enrolled before this one, so this site cannot revoke it`, {
    hint:
      above.length === 0
        ? "it founded the region: found a new one at another site with zephyrgate region join, and invite the others to it"
        : `run it at one of these: ${above.slice(0, 10).join(", ")}`,
  });
}

/** By name, fingerprint, or the beginning of one. */
function findSite(region: Region, named: string, isWanted: (site: SiteView) => boolean): Result<SiteView> {
  const text = plain(named);
  const all = region.sites().filter(({ id, name }) => name === named || id === text || (ID_PREFIX.test(text) && id.startsWith(text)));
  const wanted = all.filter(isWanted);
  const [site] = wanted;
  if (site !== undefined && wanted.length === 1) return ok(site);
  if (wanted.length > 1) {
    return fail("conflict", `${wanted.length} sites are called ${named}`, {
      hint: `name one by its fingerprint: ${wanted.map(({ id }) => id).join(", ")}`,
    });
  }
  const [other] = all;
  if (other !== undefined)
    return fail("conflict", STATE_WORDS[other.state](other.name), { hint: "zephyrgate region list shows all sites" });
  const names = region
    .sites()
    .filter(isWanted)
    .map(({ name }) => name);
  return fail("not_found", `there is no site ${named.slice(0, 64)} here`, {
    hint:
      names.length === 0
        ? "is its gateway running and connected? See: zephyrgate region list"
        : `there is: ${names.slice(0, 10).join(", ")}`,
  });
}

const STATE_WORDS: Readonly<Record<SiteView["state"], (name: string) => string>> = {
  self: (name) => `${name} is this site`,
  enrolled: (name) => `site ${name} is enrolled already`,
  waiting: (name) => `site ${name} is not enrolled`,
  revoked: (name) => `site ${name} is revoked: its key is out for ever, and it needs a new invitation`,
  left: (name) => `site ${name} left the region: its key is out for ever, and it needs a new invitation`,
};

/** Fingerprints may be written in groups. */
const plain = (text: string) => text.replaceAll(/[\s:-]/g, "").toLowerCase();
