import type { RequestOutcome } from "../../../bridge/realm-spec.ts";
import type { GatewayError } from "../../../errors.ts";
import type { Json } from "../../../json.ts";
import type { Ask, Decision } from "../../../permissions/grammar/types.ts";
import { type CallOrigin, type Instance, refused } from "../../plugin/instance.ts";
import type { PluginServices } from "./ports.ts";

/** One capability call: checked arguments, who asks, and on whose behalf. */
export interface Call<Args> {
  readonly instance: Instance;
  readonly args: Args;
  readonly origin: CallOrigin;
  readonly signal: AbortSignal;
  readonly services: PluginServices;
  /** Asks the broker with the token that was presented; audited. */
  decide(ask: Ask): Decision;
  /** As decide, for a second permission whose token does not cross with this operation. */
  decideOwn(ask: Ask): Decision;
}

export function done(value: Json = null): RequestOutcome {
  return { ok: true, value };
}

/** PermissionDenied as the sdk throws it, with the line to add to the manifest. */
export function denied(decision: Decision & { allowed: false }): RequestOutcome {
  const limited = decision.retryAfterS !== undefined;
  return refused("PermissionDenied", `${decision.permission}: ${decision.hint}`, limited ? "rate_limited" : "permission_denied", {
    permission: decision.permission,
    scope: decision.scope,
    hint: decision.hint,
  });
}

export function failed(error: GatewayError): RequestOutcome {
  const where = error.where === undefined ? "" : `${error.where}: `;
  // The sdk appends the hint to the message.
  return refused("GatewayError", `${where}${error.message}`, error.code, error.hint === undefined ? {} : { hint: error.hint });
}
