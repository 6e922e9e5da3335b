/** Loads a plugin and lets it answer once to all it registered: in the jailed host as always, because it may be anybody's, with placeholders for the mesh, the internet and other plugins. */
import { ok } from "../../errors.ts";
import { FIRST_NODE } from "../../gateway/context/simulated.ts";
import type { LogLine } from "../../log/line.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { AuditItem } from "../../permissions/audit/query.ts";
import { describe } from "../../plugins/registrations/registrations.ts";
import { Fixture } from "../fixture.ts";

/** A handler that has said nothing by then goes on without us. */
const ANSWER_MS = 3_000;
const MAX_CALLS = 100;
/** Any public address will do: nothing is sent there. */
const SOMEWHERE = "1.1.1.1";

export interface Said {
  readonly text: string;
  readonly asked: string;
}

export interface Rehearsal {
  /** Why it does not run; null when it does. */
  readonly problem: string | null;
  /** `command hello`, `menu item "x" in utilities`, ... */
  readonly registered: ReadonlySet<string>;
  /** Errors of the plugin's handlers: message and, where known, the innermost line of its own. */
  readonly errors: readonly { readonly message: string; readonly where: string | null }[];
  readonly denied: readonly Pick<AuditItem, "permission" | "scope" | "rule">[];
  readonly used: ReadonlySet<string>;
  /** Texts that it sent, each with what it was asked: `command "hello"`. */
  readonly said: readonly Said[];
}

export async function rehearse(folder: string, manifest: Manifest): Promise<Rehearsal> {
  const lines: LogLine[] = [];
  const decisions: AuditItem[] = [];
  const said: Said[] = [];
  let asked = "";
  const opened = await Fixture.open({
    plugins: [{ folder, manifest }],
    placeholders: true,
    nodes: ["Alice"],
    onLog: (line) => void lines.push(line),
    onDecision: (item) => void decisions.push(item),
    overrides: {
      resolve: async () => [SOMEWHERE],
      // An answer that every plugin must cope with, and that is not tried again.
      exchange: async () => ok({ status: 404, headers: {}, body: "" }),
    },
  });
  if (!opened.ok) return { problem: opened.error.summary(), registered: new Set(), errors: [], denied: [], used: new Set(), said };
  const fixture = opened.value;
  try {
    fixture.gateway.bus.on("message_status", ({ state, part, sender, text }) => {
      if (state === "queued" && part === undefined && sender.kind === "plugin") said.push({ text, asked });
    });
    const { plugin } = fixture;
    const problem = plugin === null ? "it was not found" : plugin.state === "running" ? null : plugin.status.reason;
    const registered = new Set<string>();
    for (const { registration } of plugin?.instance?.registrations.entries() ?? []) registered.add(describe(registration));
    if (problem === null) {
      await callAll(fixture, (what) => {
        asked = what;
      });
    }
    await fixture.sent(ANSWER_MS);
    return {
      problem,
      registered,
      errors: errorsOf(lines, manifest.name),
      denied: unique(decisions.filter((item) => item.result === "deny" && item.plugin === manifest.name)),
      used: new Set(decisions.filter((item) => item.plugin === manifest.name).map((item) => item.permission)),
      said,
    };
  } finally {
    await fixture.stop();
  }
}

async function callAll(fixture: Fixture, asking: (what: string) => void): Promise<void> {
  const { plugin } = fixture;
  const entries = [...(plugin?.instance?.registrations.entries() ?? [])].slice(0, MAX_CALLS);
  for (const { registration, handle } of entries) {
    asking(describe(registration));
    if (registration.kind === "command") await fixture.say(FIRST_NODE, registration.name, ANSWER_MS);
    else if (registration.kind === "keyword") await fixture.say(FIRST_NODE, registration.pattern.replaceAll("*", ""), ANSWER_MS);
    else if (registration.kind === "menu" && registration.command !== undefined)
      await fixture.say(FIRST_NODE, registration.command, ANSWER_MS);
    else if (registration.kind === "message") await fixture.say(FIRST_NODE, "a word nobody answers", ANSWER_MS);
    else if (registration.kind === "task") {
      const { instance } = plugin ?? {};
      const outcome = await instance?.invoke(handle, [{ name: registration.name, reason: "due" }], ANSWER_MS, instance.background());
      if (outcome?.ok === false && outcome.cause === "threw") instance?.events.fault(outcome.error);
    }
  }
}

function errorsOf(lines: readonly LogLine[], plugin: string): Rehearsal["errors"] {
  const found = new Map<string, { message: string; where: string | null }>();
  for (const { level, plugin: owner, category, message, error_message, stack_trace, context } of lines) {
    if (level !== "ERROR" || owner !== plugin || stack_trace === undefined) continue;
    // What the plugin logs itself, it has caught.
    if (category === plugin && context.uncaught !== true) continue;
    const where = /\(?((?!sdk)[^\s()]+\.(?:ts|js|mjs|cjs):\d+(?::\d+)?)\)?/.exec(stack_trace ?? "")?.[1] ?? null;
    const text = error_message ?? message;
    found.set(`${text}\0${where}`, { message: text, where });
  }
  return [...found.values()];
}

function unique(items: readonly AuditItem[]): AuditItem[] {
  return [...new Map(items.map((item) => [`${item.permission} ${item.scope}`, item])).values()];
}
