/** The plugin's permissions as it can see them; the gateway checks every call again. */

import type { Json } from "../json.ts";
import { PermissionDenied } from "./boundary/errors.ts";
import type { PermissionName } from "./boundary/names.ts";
import type { PermissionState } from "./boundary/wire.ts";
import { request, runLoose, service, state } from "./realm/link.ts";
import { field, isArray, keys, push, slice, splice } from "./realm/primordials.ts";
import type { RegistrationHandle } from "./types/handlers.ts";
import type { PermissionEntry } from "./types/services.ts";

type Scope = { readonly [key: string]: unknown };

function split(entry: unknown): { name: string; scope: Scope } {
  if (typeof entry === "string") return { name: entry, scope: {} };
  const name = typeof entry === "object" && entry !== null ? (keys(entry)[0] ?? "") : "";
  const scope = field(entry, name);
  return { name, scope: typeof scope === "object" && scope !== null ? (scope as Scope) : {} };
}

function grantedOf(name: string): { name: string; scope: Scope }[] {
  const list = field(state.opening.permissions, "granted");
  const found: { name: string; scope: Scope }[] = [];
  if (!isArray(list)) return found;
  for (let at = 0; at < list.length; at++) {
    const entry = split(list[at]);
    if (entry.name === name) push(found, entry);
  }
  return found;
}

/** Whether any part of a permission is granted: registering checks this first, then the gateway decides. */
export function isGranted(name: string): boolean {
  return grantedOf(name).length > 0;
}

/** Throws PermissionDenied with the line for the manifest. */
export function demand(name: string, scope: Json = null): void {
  if (!isGranted(name)) throw new PermissionDenied(name as PermissionName, scope, hintFor(name));
}

/** The lines to add to the manifest. */
export function hintFor(name: string): string {
  return `add to the manifest:\npermissions:\n  - ${name}`;
}

type Listener = () => unknown;
const listeners: Listener[] = [];

/** Calls the listeners: the gateway has changed the permissions. */
export function announceChange(): void {
  const present = slice(listeners);
  for (let at = 0; at < present.length; at++) runLoose(present[at] ?? (() => {}));
}

/** What the operator has granted to the plugin, and how the plugin asks for more. */
export const permissions = {
  /**
   * The state of a permission: `granted` when all of it is, `denied` when a part of it is denied, otherwise `prompt`:
   * the operator could still grant it. Throws PluginError `invalid_argument` when `permission` is not a permission.
   * @example if (this.permissions.query({ http_requests: { hosts: ["api.weather.gov"] } }) !== "granted") return;
   */
  query(permission: PermissionEntry): PermissionState {
    return service("permission_query", permission) as PermissionState;
  },
  /** Asks the operator for the permission and answers with the state as it is now; the plugin goes on without it. */
  async request(permission: PermissionEntry): Promise<PermissionState> {
    return (await request("request_permission", { permission: permission as Json })).state;
  },
  /** Gives a permission up. */
  async revoke(permission: PermissionEntry): Promise<PermissionState> {
    return (await request("revoke_permission", { permission: permission as Json })).state;
  },
  /** Called after each change by the operator. */
  onChange(listener: () => unknown): RegistrationHandle {
    push(listeners, listener);
    return {
      dispose() {
        for (let at = listeners.length - 1; at >= 0; at--) if (listeners[at] === listener) splice(listeners, at, 1);
      },
    };
  },
} as const;
