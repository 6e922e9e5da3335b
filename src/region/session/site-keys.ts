/** Signatures and seals for what is kept longer than a message lives. */
import { fail, ok, type Result } from "../../errors.ts";
import { openBox, sealTo } from "../keys/box.ts";
import { type PublicKeys, verifySignature } from "../keys/identity.ts";
import type { SiteId, SiteKeys } from "../ports.ts";
import type { RegionContext } from "./context.ts";

/** Of another kind than the region's own messages and statements: none can be passed off as the other. */
const SIGNED = "zephyrgate region record 1\0";
const SEALED = "zephyrgate region kept 1\0";

export interface KeysContext extends Pick<RegionContext, "identity" | "random" | "self"> {
  readonly roster: { readonly membership: { readonly enrolled: ReadonlyMap<SiteId, { readonly keys: PublicKeys }> } };
}

export function siteKeys(context: KeysContext): SiteKeys {
  const { identity, roster, random, self } = context;
  const keysOf = (site: SiteId) => (site === self ? identity.keys : roster.membership.enrolled.get(site)?.keys);
  return {
    self,
    sign: (bytes) => Buffer.from(identity.sign(labelled(SIGNED, bytes))).toString("base64"),
    verify(site, bytes, signature) {
      const keys = keysOf(site);
      return keys !== undefined && verifySignature(keys, labelled(SIGNED, bytes), Buffer.from(signature, "base64"));
    },
    seal(to, bytes, about): Result<string> {
      const keys = keysOf(to);
      const sealed = keys === undefined ? null : sealTo(keys, labelled(SEALED, about), bytes, random);
      return sealed === null ? fail("not_found", `no site ${to} is enrolled`) : ok(Buffer.from(sealed).toString("base64"));
    },
    open: (sealed, about) => openBox(identity, labelled(SEALED, about), new Uint8Array(Buffer.from(sealed, "base64"))),
  };
}

const labelled = (label: string, bytes: Uint8Array) => new Uint8Array(Buffer.concat([Buffer.from(label), bytes]));
