import { type Rule, rulesOf, type Standing } from "./decide.ts";
import { toEntry } from "./grammar/descriptor.ts";
import { type Atom, intersection, toDescriptors } from "./grammar/sets.ts";
import { PERMISSION_NAMES, type PermissionName, type PermissionStates } from "./grammar/types.ts";

/** Rules by the permission that they are about. */
export type RuleTable = Readonly<Record<PermissionName, readonly Rule[]>>;

export function ruleTable(standing: Standing): RuleTable {
  const table: Record<PermissionName, Rule[]> = {
    send_messages: [],
    receive_messages: [],
    database_access: [],
    http_requests: [],
    schedule_tasks: [],
    system_state_read: [],
    inter_plugin_messaging: [],
    secrets: [],
    override_commands: [],
    mesh_requests: [],
    region: [],
  };
  for (const rule of rulesOf(standing)) table[rule.atom.permission].push(rule);
  return table;
}

/** What is granted, denied and requested under a standing, as a manifest would write it. Nothing is minted for it. */
export function statesOf(standing: Standing, table: RuleTable = ruleTable(standing)): PermissionStates {
  const rules = PERMISSION_NAMES.flatMap((permission) => table[permission]);
  const atoms = rules.map((rule) => rule.atom);
  const whole = rules.filter((rule) => rule.except.length === 0).map((rule) => rule.atom);
  // What one rule carves out and another allows again is not denied.
  const carved = rules.flatMap((rule) => rule.except).filter((atom) => intersection([atom], whole).length === 0);
  // What was requested and refused as a whole leaves no rule that could show the hole.
  const refused = standing.requested.filter((atom) => {
    const layer = standing.layers.findLast((each) => intersection([atom], each.set).length > 0);
    return layer?.effect === "deny" && intersection([atom], atoms).length === 0;
  });
  return { granted: entries(atoms), denied: entries([...carved, ...refused]), requested: entries(standing.requested) };
}

function entries(atoms: readonly Atom[]) {
  return toDescriptors(atoms).map(toEntry);
}
