import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { RegistrationId } from "../../ids.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Ask } from "../../permissions/grammar/types.ts";
import { refused } from "../plugin/instance.ts";
import { type Call, denied, done, failed } from "./call.ts";
import type { CheckedRegistration } from "./schemas.ts";

/** What a registration needs besides being declared; the handler's own calls are judged when they are made. */
export function askOf(registration: CheckedRegistration): Ask | null {
  switch (registration.kind) {
    case "keyword":
    case "message":
      return { permission: "receive_messages", any: true };
    case "task":
      return { permission: "schedule_tasks", intervalS: registration.interval ?? null };
    case "event":
      return eventAsk(registration.type);
    default:
      return null;
  }
}

/** Core events by their family; every other type is a plugin's own. */
export function eventAsk(type: string): Ask | null {
  if (type.startsWith("message_")) return type === "message_status" ? null : { permission: "receive_messages", any: true };
  if (type.startsWith("node_") || type.startsWith("link_")) return { permission: "system_state_read" };
  if (type.startsWith("plugin_") || type === "alert") return { permission: "system_state_read" };
  return { permission: "inter_plugin_messaging", event: type };
}

/** Declared in the manifest? The sdk refuses first and better; this holds when the sdk was bypassed. */
export function isDeclared(registration: CheckedRegistration, capabilities: Manifest["capabilities"]): boolean {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  switch (registration.kind) {
    case "command": {
      const words = (capabilities?.commands ?? []).flatMap((entry) => [entry.name, ...(entry.aliases ?? [])]);
      return [registration.name, ...(registration.aliases ?? [])].every((word) => words.some((declared) => same(declared, word)));
    }
    case "keyword":
      return (capabilities?.keywords ?? []).some((entry) => same(entry.pattern, registration.pattern));
    case "task":
      return (capabilities?.scheduled_tasks ?? []).some((entry) => entry.name === registration.name);
    case "menu":
      return (capabilities?.menu_items ?? []).some((entry) => entry.menu === registration.menu && entry.label === registration.label);
    default:
      return true;
  }
}

export async function register(call: Call<CheckedRegistration>): Promise<RequestOutcome> {
  const { args: registration, instance } = call;
  if (!isDeclared(registration, instance.manifest.capabilities)) {
    return refused("TypeError", `${registration.kind} is not declared under capabilities in manifest.yaml`, "invalid_argument");
  }
  const ask = askOf(registration);
  const decision = ask === null ? null : call.decide(ask);
  if (decision !== null && !decision.allowed) return denied(decision);
  const added = instance.registrations.add(registration, { mayOverride: mayOverride(call) });
  if (!added.ok) return failed(added.error);
  instance.handlers.set(added.value, registration.id);
  return done();
}

function mayOverride(call: Call<CheckedRegistration>): boolean {
  const { args: registration, instance, origin } = call;
  if (registration.kind !== "command" || !instance.asks("override_commands")) return false;
  const names = [registration.name, ...(registration.aliases ?? [])];
  return names.every(
    (command) =>
      instance.capabilitySet.checkOwn({ permission: "override_commands", command: command.toLowerCase() }, origin.correlationId).allowed,
  );
}

export async function dispose(call: Call<{ registration: RegistrationId }>): Promise<RequestOutcome> {
  const entry = call.instance.registrations.dispose(call.args.registration);
  if (entry !== null) call.instance.handlers.delete(entry.handle);
  return done();
}
