import type { Json } from "../../../json.ts";
import { copyJson } from "../../../json-reader.ts";
import type { CapabilitySet } from "../../../permissions/grammar/types.ts";

/**
 * What a realm is told of its permissions: the states for the sdk's first look, and the tokens that the plugin host keeps
 * and presents. Told again after each change.
 */
export function realmView(capabilitySet: Pick<CapabilitySet, "states" | "tokens">): {
  readonly permissions: Json;
  readonly tokens: Readonly<Record<string, string>>;
} {
  const permissions: Json = copyJson(capabilitySet.states());
  return { permissions, tokens: { ...capabilitySet.tokens } };
}
