import {
  type Actor,
  type Answer,
  by,
  type PluginChange,
  type PluginControl,
  type ProfileItem,
  type RecordingView,
} from "../api/contract/control.ts";
import type { PluginConfig, PluginDetail, PluginPermissions, PluginSummary, WhyView } from "../api/contract/views.ts";
import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { ClaimedWord } from "../menu/items.ts";
import { toEntry } from "../permissions/grammar/descriptor.ts";
import { PERMISSION_NAMES, type PermissionName } from "../permissions/grammar/types.ts";
import type { StoredApprovals } from "../plugins/approval/approvals.ts";
import type { Settings } from "../plugins/approval/decisions.ts";
import type { PeerAnswer } from "../plugins/capabilities/call/ports.ts";
import type { Change } from "../plugins/lifecycle/deps.ts";
import type { Candidate } from "../plugins/plugin/candidate.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import { Recording } from "../plugins/plugin/recording.ts";
import type { Supervisor } from "../plugins/supervisor.ts";
import { recordingFile } from "./recordings.ts";
import { detailView, summaryView } from "./views.ts";
import { explain } from "./why.ts";

export interface PluginControlDeps {
  readonly supervisor: Supervisor;
  readonly approvals: StoredApprovals;
  readonly now: () => number;
  readonly clock: Clock;
  readonly version: string;
  /** The plugin in a folder that discovery searches, chosen for its name or not; null when there is none. */
  folderAt(path: string): Promise<Candidate | null>;
  /** The operator's values alone. */
  ownConfig(name: string): Settings;
  configOf(candidate: Candidate): Settings;
  schemaOf(candidate: Candidate): Promise<Result<Json | null>>;
  limitsOf(candidate: Candidate): Record<string, number>;
  /** Checks and stores the values and informs the plugin. Returns the keys that changed. */
  saveConfig(plugin: Plugin, config: Settings): Promise<Result<readonly string[]>>;
  readonly secrets: {
    list(plugin: string): Result<readonly string[]>;
    set(plugin: string, name: string, value: string): Result<null>;
    remove(plugin: string, name: string): Result<null>;
    /** Values that must not leave the gateway. */
    values(plugin: string): readonly string[];
  };
  /** Words of the plugin's menu items that choose something else too. */
  claimedWords(plugin: string, items: readonly { readonly menu: string; readonly label: string }[]): readonly ClaimedWord[];
  /** The plugins that answer a command. */
  answerers(command: string): readonly string[];
  hostPid(plugin: Plugin): number | null;
  /** Sends a message as the operator's, and gives the plugin's answer; null where no handler answers it. */
  ask(plugin: string, type: string, data: Json): Promise<PeerAnswer>;
  audit(plugin: string, event: string, detail: string): void;
}

/** Characters of JSON that one message to a plugin holds, as between plugins. */
const ASK_MAX = 65_536;

/** What the API can ask about plugins. Every change is written to the audit log with its actor. */
export class Plugins implements PluginControl {
  constructor(private readonly deps: PluginControlDeps) {}

  list(): Result<readonly PluginSummary[]> {
    const known = this.deps.supervisor.list().map((plugin) => this.#summary(plugin));
    return ok([...known].sort((a, b) => a.name.localeCompare(b.name)));
  }

  get(name: string): Result<PluginDetail> {
    return this.#with(name, (plugin) => {
      const { deps } = this;
      const facts = {
        hash: deps.approvals.hash(plugin.offered),
        permissions: this.#permissions(plugin),
        limits: deps.limitsOf(plugin.candidate),
        hostPid: deps.hostPid(plugin),
        conflicts: this.#conflicts(plugin),
      };
      return ok(detailView(plugin, facts, deps.now()));
    });
  }

  async enable(name: string, accept: string | undefined, actor: Actor): Promise<Result<PluginChange>> {
    return this.#changed(name, "enable", actor, await this.deps.supervisor.enable(name, accept, by(actor)));
  }

  async disable(name: string, actor: Actor): Promise<Result<PluginChange>> {
    return this.#changed(name, "disable", actor, await this.deps.supervisor.disable(name, by(actor)));
  }

  async restart(name: string, actor: Actor): Promise<Result<PluginChange>> {
    return this.#changed(name, "restart", actor, await this.deps.supervisor.restart(name));
  }

  async reload(name: string, actor: Actor): Promise<Result<PluginChange>> {
    return this.#changed(name, "reload", actor, await this.deps.supervisor.reload(name));
  }

  async adopt(name: string, path: string, actor: Actor): Promise<Result<PluginChange>> {
    const { supervisor, approvals, folderAt } = this.deps;
    const candidate = await folderAt(path);
    if (candidate === null || candidate.name !== name || candidate.bundled) {
      const hint = "put the folder into one of plugins.paths; zephyrgate plugin check DIR says whether its manifest is right";
      return fail("not_found", `${path} is not a folder in which a plugin called ${name.slice(0, 64)} was found`, { hint });
    }
    approvals.adopt(candidate, by(actor));
    await supervisor.discover();
    const plugin = supervisor.get(name);
    if (plugin === null) return this.#unknown(name);
    if (plugin.state === "disabled") return ok({ plugin: this.#summary(plugin), waits: false });
    return this.#changed(name, "reload", actor, await supervisor.reload(name));
  }

  config(name: string): Answer<PluginConfig> {
    return this.#with(name, async (plugin) => {
      const schema = await this.deps.schemaOf(plugin.candidate);
      const shown =
        schema.ok && typeof schema.value === "object" && schema.value !== null ? (schema.value as Record<string, unknown>) : null;
      return ok({ config: { ...this.deps.configOf(plugin.candidate) }, own: { ...this.deps.ownConfig(plugin.name) }, schema: shown });
    });
  }

  async setConfig(name: string, config: Settings, actor: Actor): Promise<Result<PluginConfig & { changed: readonly string[] }>> {
    const plugin = this.deps.supervisor.get(name);
    if (plugin === null) return this.#unknown(name);
    const changed = await this.deps.saveConfig(plugin, config);
    if (!changed.ok) return changed;
    this.deps.audit(name, "configure", `${by(actor)} changed ${changed.value.join(", ") || "nothing"}`);
    return ok({ config: { ...this.deps.configOf(plugin.candidate) }, changed: changed.value });
  }

  secrets(name: string): Answer<readonly string[]> {
    return this.#with(name, () => this.deps.secrets.list(name));
  }

  setSecret(name: string, key: string, value: string, actor: Actor): Answer<null> {
    return this.#with(name, () => {
      const set = this.deps.secrets.set(name, key, value);
      if (set.ok) this.deps.audit(name, "secret_set", `${by(actor)} set ${key}`);
      return set;
    });
  }

  deleteSecret(name: string, key: string, actor: Actor): Answer<null> {
    return this.#with(name, () => {
      const removed = this.deps.secrets.remove(name, key);
      if (removed.ok) this.deps.audit(name, "secret_remove", `${by(actor)} removed ${key}`);
      return removed;
    });
  }

  async startRecording(name: string, maxS: number, actor: Actor): Promise<Result<PluginChange>> {
    const plugin = this.deps.supervisor.get(name);
    if (plugin === null) return this.#unknown(name);
    if (plugin.recording?.status.running === true)
      return fail("conflict", `${name} is being recorded already`, { hint: `DELETE /api/v1/plugins/${name}/recording ends it` });
    if (plugin.state !== "running")
      return fail("conflict", `${name} does not run: it is ${plugin.state}`, { hint: `zephyrgate plugin enable ${name}` });
    plugin.recording = new Recording(this.deps.clock, maxS);
    const restarted = await this.restart(name, actor);
    if (!restarted.ok) plugin.recording = null;
    this.deps.audit(name, "record", `${by(actor)}: ${restarted.ok ? "begun" : restarted.error.message}`);
    return restarted;
  }

  recording(name: string): Answer<RecordingView> {
    return this.#with(name, (plugin) => {
      const { recording } = plugin;
      return recording === null ? this.#unrecorded(name) : ok({ ...recording.status });
    });
  }

  profile(name: string): Answer<readonly ProfileItem[]> {
    return this.#with(name, (plugin) =>
      ok(
        [...plugin.metrics.uses]
          .map(([what, { calls, cpuMs, maxMs }]) => ({ what, calls, cpu_ms: rounded(cpuMs), max_ms: rounded(maxMs) }))
          .sort((a, b) => b.cpu_ms - a.cpu_ms),
      ),
    );
  }

  exportRecording(name: string, actor: Actor): Answer<string> {
    return this.#with(name, (plugin) => {
      const { recording } = plugin;
      if (recording === null) return this.#unrecorded(name);
      this.deps.audit(name, "record", `${by(actor)}: taken`);
      const about = { plugin: name, version: plugin.candidate.manifest.version, gateway: this.deps.version, started: recording.started };
      const mapStack = (stack: string) => plugin.bundle?.mapStack(stack) ?? stack;
      return ok(recordingFile(recording, about, { secrets: this.deps.secrets.values(name), mapStack }));
    });
  }

  dropRecording(name: string, actor: Actor): Answer<null> {
    return this.#with(name, (plugin) => {
      if (plugin.recording === null) return this.#unrecorded(name);
      plugin.recording.stop("ended by the operator");
      plugin.recording = null;
      this.deps.audit(name, "record", `${by(actor)}: ended`);
      return ok(null);
    });
  }

  #unrecorded(name: string): Result<never> {
    return fail("not_found", `${name} is not being recorded`, { hint: `zephyrgate record ${name}` });
  }

  permissions(name: string): Result<PluginPermissions> {
    return this.#with(name, (plugin) => ok(this.#permissions(plugin)));
  }

  grant(name: string, entry: Json, actor: Actor): Result<PluginPermissions> {
    return this.#say(name, "grant", entry, actor);
  }

  revoke(name: string, entry: Json | undefined, actor: Actor): Result<PluginPermissions> {
    return this.#say(name, "revoke", entry, actor);
  }

  deny(name: string, entry: Json, actor: Actor): Result<PluginPermissions> {
    return this.#say(name, "deny", entry, actor);
  }

  why(name: string, permission: string, subject: string | undefined): Result<WhyView> {
    return this.#with(name, () => {
      if (!(PERMISSION_NAMES as readonly string[]).includes(permission)) {
        return fail("invalid_argument", `there is no permission ${JSON.stringify(permission.slice(0, 40))}`, {
          hint: `known: ${PERMISSION_NAMES.join(", ")}`,
        });
      }
      const capabilitySet = this.deps.approvals.capabilitySet(name);
      if (capabilitySet === null) return ok({ allowed: false, rule: "the plugin is not running", permission, scope: subject ?? "" });
      return ok({ ...explain(capabilitySet, permission as PermissionName, subject), permission, scope: subject ?? "" });
    });
  }

  #say(name: string, effect: "grant" | "deny" | "revoke", entry: Json | undefined, actor: Actor): Result<PluginPermissions> {
    return this.#with(name, (plugin) => {
      const said = this.deps.approvals.override(plugin.candidate, { effect, entry, who: by(actor) });
      return said.ok ? ok(this.#permissions(plugin)) : said;
    });
  }

  #permissions(plugin: Plugin): PluginPermissions {
    const view = this.deps.approvals.view(plugin.candidate);
    const { next, pending } = plugin;
    if (next !== null && pending !== null) {
      // The requested permissions are those of the version that waits; the granted ones are those of the running version.
      const requested = next.manifest.permissions.map(toEntry);
      Object.assign(view, { hash: this.deps.approvals.hash(next), requested, heldBack: pending.added });
    }
    type Entries = PluginPermissions["requested"];
    return {
      permission_hash: view.hash,
      accepted_hash: view.acceptedHash,
      requested: [...view.requested] as Entries,
      granted: [...view.granted] as Entries,
      denied: [...view.denied] as Entries,
      held_back: [...view.heldBack] as Entries,
    };
  }

  #conflicts(plugin: Plugin): PluginDetail["conflicts"] {
    const declared = plugin.candidate.manifest.capabilities.commands.map((command) => command.name.toLowerCase());
    const commands = declared
      .map((command) => ({ command, plugins: this.deps.answerers(command).filter((other) => other !== plugin.name) }))
      .filter(({ plugins }) => plugins.length > 0);
    const words = this.deps.claimedWords(plugin.name, plugin.candidate.manifest.capabilities.menu_items);
    return [
      ...commands,
      ...words.map(({ command, plugins, menu, builtIn }) => ({ command, plugins: [...plugins], menu, built_in: builtIn })),
    ];
  }

  async ask(name: string, type: string, data: Json, actor: Actor): Promise<Result<Json>> {
    if (JSON.stringify(data).length > ASK_MAX) return fail("too_large", `a message to a plugin has at most ${ASK_MAX} characters of JSON`);
    return this.#with(name, async () => {
      const answer = await this.deps.ask(name, type, data);
      this.deps.audit(name, "ask", `${by(actor)}: ${type}`);
      if (!answer.ok) return fail(answer.code === "rate_limited" ? "rate_limited" : "conflict", answer.message);
      return answer.value === null ? fail("not_found", `${name} does not answer ${JSON.stringify(type)}`) : ok(answer.value);
    });
  }

  #changed(name: string, event: string, actor: Actor, change: Result<Change>): Result<PluginChange> {
    this.deps.audit(name, event, `${by(actor)}: ${change.ok ? (change.value.waits ? "waits" : "done") : change.error.message}`);
    if (!change.ok) return change;
    return ok({ plugin: this.#summary(change.value.plugin), waits: change.value.waits });
  }

  #summary(plugin: Plugin): PluginSummary {
    return summaryView(plugin, this.deps.approvals.hash(plugin.offered), this.deps.now());
  }

  #with<T>(name: string, use: (plugin: Plugin) => T): T | Result<never> {
    const plugin = this.deps.supervisor.get(name);
    return plugin === null ? this.#unknown(name) : use(plugin);
  }

  #unknown(name: string): Result<never> {
    return fail("not_found", `there is no plugin called ${JSON.stringify(name.slice(0, 64))}`, { hint: "zephyrgate plugin list" });
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
