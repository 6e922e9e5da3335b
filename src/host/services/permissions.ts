/**
 * What a plugin can ask about its permissions, by the gateway's own set logic. This is only a view: the gateway checks every
 * call again, whatever was answered here.
 */
import { GatewayError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { parseEntries, parseEntry } from "../../permissions/grammar/descriptor.ts";
import { denialSet, intersection, isSubset, type PermissionSet, permissionSet } from "../../permissions/grammar/sets.ts";
import type { PermissionState } from "../../sdk/boundary/wire.ts";

/** Set logic takes quadratic time in the length of a query, and nothing can interrupt it here. */
const MAX_QUERY = 2_000;

export class PermissionView {
  #granted: PermissionSet = [];
  #denied: PermissionSet = [];

  /** `states`: as in RealmSpec.permissions. */
  constructor(states: Json) {
    this.learn(states);
  }

  learn(states: Json): void {
    this.#granted = setOf(states, "granted", permissionSet);
    this.#denied = setOf(states, "denied", denialSet);
  }

  /** `entry` as in a manifest. Throws `invalid_argument` when it is not a permission. */
  query(entry: unknown): PermissionState {
    if (JSON.stringify(entry ?? null).length > MAX_QUERY)
      throw new GatewayError("too_large", `More than ${MAX_QUERY} characters in one query`);
    const descriptor = parseEntry(entry);
    if (!descriptor.ok) throw descriptor.error;
    const wanted = permissionSet([descriptor.value]);
    if (!wanted.ok) throw wanted.error;
    if (intersection(wanted.value, this.#denied).length > 0) return "denied";
    return wanted.value.length > 0 && isSubset(wanted.value, this.#granted) ? "granted" : "prompt";
  }
}

function setOf(states: Json, key: "granted" | "denied", make: typeof permissionSet): PermissionSet {
  const list = typeof states === "object" && states !== null && !Array.isArray(states) ? (states as { [key: string]: Json })[key] : null;
  const entries = parseEntries(Array.isArray(list) ? list : []);
  const set = entries.ok ? make(entries.value) : null;
  // The gateway made these. An entry that cannot be read counts as not granted, which is the safe side.
  return set?.ok === true ? set.value : [];
}
