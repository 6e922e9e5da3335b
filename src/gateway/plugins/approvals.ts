import { Broker } from "../../permissions/broker.ts";
import type { Policy } from "../../permissions/decide.ts";
import { parseEntries, printText, toEntry } from "../../permissions/grammar/descriptor.ts";
import { GrantStore } from "../../permissions/grants.ts";
import { StoredApprovals } from "../../plugins/approval/approvals.ts";
import { applyChange } from "../../plugins/capabilities/inward/change.ts";
import type { SharedKind } from "../../region/ports.ts";
import type { Schedule } from "../../schedule/schedule.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Databases } from "./databases.ts";
import type { SupervisorPort } from "./supervisor-port.ts";

export interface ApprovalPeers {
  readonly storage: Storage;
  readonly mesh: Mesh;
  readonly catalogue: Catalogue;
  readonly databases: Databases;
  readonly supervisor: SupervisorPort;
  readonly schedule: Schedule;
}

/** What each plugin may do: the broker's tokens, decided by the operator's stored approvals. */
export function makeApprovals(context: GatewayContext, peers: ApprovalPeers): StoredApprovals {
  const { storage, catalogue, supervisor } = peers;
  const broker = new Broker({
    clock: context.clock,
    random: context.random,
    audit: storage.audit,
    onForgery: (plugin, { kind, permission }) => {
      storage.note(plugin, "forged_token", `${kind} for ${permission}`);
      context.bus.emit("alert", { code: "forged_token", message: `${plugin} presented a forged token (${kind})`, plugin });
      const known = supervisor.get(plugin);
      if (known !== null) supervisor.failed(known, "strike", `forged token: ${kind}`);
    },
    onRequest: (plugin, permission) => {
      context.log.logger.warn(`it asks for ${printText(permission)}`, {
        plugin,
        hint: `zephyrgate permission grant ${plugin} '${printText(permission)}'`,
      });
      context.bus.emit("permission_requested", { plugin, permission: toEntry(permission) });
    },
  });
  const approvals: StoredApprovals = new StoredApprovals({
    store: new GrantStore(storage.database, context.clock),
    broker,
    policy: (plugin) => policyOf(context, plugin),
    limitsAbove: (candidate) => catalogue.limitsAbove(candidate),
    candidate: (name) => supervisor.get(name)?.candidate ?? null,
    belongings: (plugin) => belongings(peers, plugin),
    audit: (plugin, event, detail) => storage.note(plugin, event, detail),
    changed: (plugin) => permissionsChanged(context, peers, approvals, plugin),
  });
  return approvals;
}

/** What a plugin would find that comes into this name. */
function belongings({ storage, catalogue, databases }: ApprovalPeers, plugin: string): string[] {
  const secrets = storage.secrets.list(plugin).length;
  return [
    ...(databases.hasData(plugin) ? ["its data"] : []),
    ...(secrets === 0 ? [] : [`${secrets} secret${secrets === 1 ? "" : "s"}`]),
    ...(Object.keys(catalogue.userConfig(plugin)).length === 0 ? [] : ["its configuration"]),
  ];
}

/** Bundled plugins that take part in what `region.share` lists. */
const SHARING: Readonly<Record<string, SharedKind>> = { bbs: "bbs", emergency: "sos" };

function policyOf(context: GatewayContext, plugin: string): Policy {
  const { plugins, region } = context.config();
  const { enabled_plugins, permissions } = plugins;
  const kind = Object.hasOwn(SHARING, plugin) ? SHARING[plugin] : undefined;
  const unshared = kind !== undefined && region?.share.includes(kind) === false ? ["region"] : [];
  // The entries were checked when the configuration was read, so they parse.
  const deny = parseEntries([...(permissions[plugin]?.deny ?? []), ...unshared]);
  return { allowAll: context.allowAll, enabled: enabled_plugins ?? null, deny: deny.ok ? deny.value : [] };
}

function permissionsChanged(
  context: GatewayContext,
  { mesh, supervisor, schedule }: ApprovalPeers,
  approvals: StoredApprovals,
  plugin: string,
): void {
  applyChange(approvals.capabilitySet(plugin), {
    realm: supervisor.get(plugin)?.instance?.realm ?? null,
    withdrawMessages: () => void mesh.outbox.withdraw({ plugin }),
    pauseTasks: () => schedule.pause(plugin),
    resumeTasks: () => schedule.resume(plugin),
  });
  context.bus.emit("permission_changed", { plugin });
}
