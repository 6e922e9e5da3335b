import type { CapabilitySet } from "../../../permissions/grammar/types.ts";
import type { Realm } from "../../../sandbox/port.ts";
import { realmView } from "./realm-view.ts";

export interface ChangeDeps {
  readonly realm: Pick<Realm, "update"> | null;
  /** Takes back the plugin's messages that have not left yet. */
  withdrawMessages(): void;
  pauseTasks(): void;
  resumeTasks(): void;
}

/**
 * Makes a change of permissions hold for what needs no further decision: the realm's own view, messages that wait to be
 * sent, and the schedule. Every other use is decided anew when it is made. `capabilitySet` is null while nothing is loaded.
 */
export function applyChange(capabilitySet: Pick<CapabilitySet, "states" | "tokens"> | null, deps: ChangeDeps): void {
  if (capabilitySet !== null) deps.realm?.update(realmView(capabilitySet));
  if (capabilitySet?.tokens.send_messages === undefined) deps.withdrawMessages();
  if (capabilitySet?.tokens.schedule_tasks === undefined) deps.pauseTasks();
  else deps.resumeTasks();
}
