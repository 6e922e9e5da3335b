import { Broker } from "../../permissions/broker.ts";
import type { Policy } from "../../permissions/decide.ts";
import { parseEntries } from "../../permissions/grammar/descriptor.ts";
import { GrantStore } from "../../permissions/grants.ts";
import { StoredApprovals } from "../../plugins/approval/approvals.ts";
import type { Supervisor } from "../../plugins/supervisor.ts";
import type { Site } from "../context/context.ts";
import type { Ground } from "../context/storage.ts";
import type { Air } from "../mesh/mesh.ts";
import type { Conversation } from "../routing/routing.ts";
import type { Catalogue } from "./catalogue.ts";

export interface RightsDeps {
  readonly ground: Ground;
  readonly air: Air;
  readonly catalogue: Catalogue;
  supervisor(): Supervisor;
  conversation(): Conversation;
}

/** Who may do what: the broker's tokens over the operator's words. */
export function makeApprovals(site: Site, deps: RightsDeps): StoredApprovals {
  const { ground, catalogue, supervisor } = deps;
  const broker = new Broker({
    clock: site.clock,
    random: site.random,
    audit: ground.audit,
    onForgery: (plugin, { kind, permission }) => {
      ground.note(plugin, "forged_token", `${kind} for ${permission}`);
      site.bus.emit("alert", { code: "forged_token", message: `${plugin} presented a forged token (${kind})`, plugin });
      const known = supervisor().get(plugin);
      if (known !== null) supervisor().recovery.failed(known, "strike", `forged token: ${kind}`);
    },
    onRequest: (plugin, permission) => site.bus.emit("permission_requested", { plugin, permission }),
  });
  const approvals: StoredApprovals = new StoredApprovals({
    store: new GrantStore(ground.database.sqlite, site.clock),
    broker,
    policy: (plugin) => policyOf(site, plugin),
    limitsAbove: (candidate) => catalogue.limitsAbove(candidate),
    candidate: (name) => supervisor().get(name)?.candidate ?? null,
    audit: (plugin, event, detail) => ground.note(plugin, event, detail),
    changed: (plugin) => permissionsChanged(site, deps, approvals, plugin),
  });
  return approvals;
}

function policyOf(site: Site, plugin: string): Policy {
  const { enabled_plugins, permissions } = site.config().plugins;
  const deny = parseEntries(permissions[plugin]?.deny ?? []);
  // The configuration was checked when it was read; what cannot be parsed cannot be there.
  return { allowAll: site.allowAll, enabled: enabled_plugins ?? null, deny: deny.ok ? deny.value : [] };
}

/** A change holds at once: for the realm's first look, for waiting messages, for schedules. */
function permissionsChanged(site: Site, { air, supervisor, conversation }: RightsDeps, approvals: StoredApprovals, plugin: string): void {
  const capabilitySet = approvals.capabilitySet(plugin);
  const realm = supervisor().get(plugin)?.instance?.realm;
  if (capabilitySet !== null)
    realm?.update({ permissions: capabilitySet.states() as never, tokens: capabilitySet.tokens as Record<string, string> });
  if (!approvals.holds(plugin, "send_messages")) air.outbox.withdraw({ plugin });
  const { schedule } = conversation();
  if (approvals.holds(plugin, "schedule_tasks")) schedule.resume(plugin);
  else schedule.pause(plugin);
  site.bus.emit("permission_changed", { plugin });
}
