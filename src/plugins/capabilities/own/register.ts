import type { Ask } from "../../../permissions/grammar/types.ts";
import { isReserved } from "../../../router/match/registry.ts";
import { eventNameProblem } from "../../../sdk/boundary/operations.ts";
import { refused } from "../../plugin/instance.ts";
import { type CheckedRegistration, registrationSchema } from "../../registrations/registration.ts";
import { type Call, denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { askOfEvent } from "../inward/event.ts";
import { isDeclared } from "./declared.ts";

export const register: Capability<"register", CheckedRegistration> = {
  args: registrationSchema,
  asks: ["receive_messages", "schedule_tasks", "system_state_read", "inter_plugin_messaging", "override_commands", "region"],
  words: "registers a handler",
  // Each kind leads to a way in, which names the method and the permission.
  methods: [],
  run: async (call) => {
    const { args: registration, instance } = call;
    const room = instance.budget.registration();
    if (!room.ok) return failed(room.error);
    if (!isDeclared(registration, instance.manifest.capabilities)) {
      return refused("TypeError", `${registration.kind} is not declared under capabilities in manifest.yaml`, "invalid_argument");
    }
    const problem = registration.kind === "event" ? eventNameProblem(registration.type) : null;
    if (problem !== null) return refused("TypeError", problem, "invalid_argument");
    const ask = askOf(registration);
    const decision = ask === null ? null : call.decide(ask);
    if (decision !== null && !decision.allowed) return denied(decision);
    const added = instance.registrations.add(registration, { mayOverride: mayOverride(call) });
    if (!added.ok) return failed(added.error);
    instance.handlers.set(added.value, registration.id);
    return done();
  },
};

/** What a registration needs besides being declared; what its handler does and hears is decided when it happens. */
function askOf(registration: CheckedRegistration): Ask | null {
  switch (registration.kind) {
    case "event":
      return askOfEvent(registration.type);
    case "task":
      return { permission: "schedule_tasks", intervalS: registration.interval ?? null };
    case "region":
      return { permission: "region", topic: registration.topic };
    case "keyword":
    case "message":
      return { permission: "receive_messages", any: true };
    default:
      // Any command may be registered; whether it may take over a reserved word is a fact for the router.
      return null;
  }
}

/** Whether a command may take over its words where they are reserved. */
function mayOverride(call: Call<CheckedRegistration>): boolean {
  const { args: registration, instance } = call;
  if (registration.kind !== "command" || !instance.asks("override_commands")) return false;
  const names = [registration.name, ...(registration.aliases ?? [])].map((name) => name.toLowerCase());
  // A command without a reserved word takes nothing over, and the audit log need not say that it may not.
  return names.some(isReserved) && names.every((command) => call.decide({ permission: "override_commands", command }).allowed);
}
