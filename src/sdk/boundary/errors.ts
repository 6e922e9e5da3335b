/** What a plugin can catch. */

import type { Json } from "../../json.ts";
import type { PermissionName, PluginErrorCode } from "./names.ts";
import type { WireError } from "./wire.ts";

/**
 * A call that this plugin has no permission for. `permission` is its name, `scope` what was asked for, `hint` the line
 * to add to the manifest.
 * @example
 * try { await this.sendMessage("hi", { destination: "broadcast" }); }
 * catch (error) { if (error instanceof PermissionDenied) this.log.warn(error.hint); }
 */
export class PermissionDenied extends Error {
  override name = "PermissionDenied";
  constructor(
    readonly permission: PermissionName,
    readonly scope: Json,
    readonly hint: string,
    message = `Permission ${permission} is not granted`,
  ) {
    super(message);
  }
}

/**
 * Any other refusal by the gateway. `code` is one of its closed table: `invalid_argument`, `not_found`, `rate_limited`,
 * `quota_exceeded`, `too_large`, `timeout`, `unavailable`, `internal`, ...
 */
export class PluginError extends Error {
  override name = "PluginError";
  constructor(
    readonly code: PluginErrorCode,
    message: string,
    readonly hint?: string,
  ) {
    super(hint === undefined ? message : `${message} (${hint})`);
  }
}

/** The error that the host sent, as the plugin catches it. */
export function fromWire(error: WireError): Error {
  if (error.name === "PermissionDenied") {
    // The gateway sends no other names.
    return new PermissionDenied((error.permission ?? "unknown") as PermissionName, error.scope ?? null, error.hint ?? "", error.message);
  }
  return new PluginError((error.code ?? "internal") as PluginErrorCode, error.message, error.hint);
}
