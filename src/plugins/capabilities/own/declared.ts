import type { Manifest } from "../../../manifest/schema.ts";
import type { CheckedRegistration } from "../../registrations/registration.ts";

/** Whether the manifest declares it. The sdk refuses first and with a better message; this holds when the sdk was bypassed. */
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
      return (capabilities?.menu_items ?? []).some(
        ({ menu, label, command }) =>
          menu === registration.menu && (label === registration.label || (command !== undefined && command === registration.command)),
      );
    default:
      return true;
  }
}
