/** What a plugin keeps, out as a file and in again: all of a file that is sound takes the place of what was there, or nothing of it. */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { type Actor, by } from "../api/contract/control.ts";
import type { PluginImported, PluginSummary } from "../api/contract/views.ts";
import { fail, type GatewayError, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { type PluginBackup, readBackup } from "../packages/backup.ts";
import type { Settings } from "../plugins/approval/decisions.ts";
import type { Candidate, HostKey } from "../plugins/plugin/candidate.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import type { Supervisor } from "../plugins/supervisor.ts";
import type { ImportedData, PluginHost } from "../sandbox/port.ts";
import { writeFileAtomically } from "../storage/atomic.ts";
import { removeDatabase, replaceDatabase } from "../storage/database-files.ts";

export interface PluginDataDeps {
  readonly supervisor: Supervisor;
  databaseOf(plugin: string, key: HostKey): string;
  storageMb(candidate: Candidate): number;
  userConfig(name: string): Settings;
  saveConfig(plugin: Plugin, config: Settings): Promise<Result<readonly string[]>>;
  summary(plugin: Plugin): PluginSummary;
  audit(plugin: string, event: string, detail: string): void;
  /** Sends the plugin a message as the operator; null: it has no answer to this type. */
  ask(name: string, type: string, data: Json): Promise<Result<Json>>;
}

type Imported = PluginImported["imported"];
type Left = Imported["left"];

/** The message by which a plugin is asked to judge what was imported, page after page. */
const JUDGE = "imported";
const PAGES_MAX = 1_000;
const LEFT_MAX = 100;

const words = v.pipe(v.string(), v.maxLength(200));
const judgement = v.object({
  left: v.optional(
    v.pipe(
      v.array(v.object({ what: words, reason: words, count: v.pipe(v.number(), v.safeInteger(), v.minValue(1)) })),
      v.maxLength(LEFT_MAX),
    ),
    [],
  ),
  next: v.optional(v.unknown(), null),
});

export class PluginData {
  constructor(private readonly deps: PluginDataDeps) {}

  /** Replaces the data and the configuration. Where the plugin does not run with them, what was there comes back. */
  async import(name: string, bytes: Uint8Array, actor: Actor): Promise<Result<PluginImported>> {
    const { deps } = this;
    const plugin = deps.supervisor.get(name);
    if (plugin === null) return fail("not_found", `there is no plugin called ${JSON.stringify(name)}`, { hint: "zephyrgate plugin list" });
    const read = await readBackup(bytes);
    if (!read.ok) return read;
    const refused = this.#refusal(plugin, read.value);
    if (refused !== null) return refused;
    const folder = dirname(deps.databaseOf(name, plugin.hostKey));
    const [staged, before] = [join(folder, "import.db"), join(folder, "import-before.db")];
    try {
      const found = await deps.supervisor.withHost(name, (held, host) => this.#stage(held, host, read.value.database, { staged, before }));
      if (!found.ok) return found;
      const { had, data } = found.value;
      const config = deps.userConfig(name);
      const configured = await deps.saveConfig(plugin, read.value.config);
      if (!configured.ok) return configured;
      const swapped = await this.#swap(name, read.value.database === null ? null : staged);
      if (!swapped.ok) return await this.#back(plugin, config, had ? before : null, swapped.error);
      const own = plugin.state === "running" ? await this.#judged(name) : [];
      deps.audit(name, "import", `${by(actor)} imported data of version ${read.value.version}`);
      return ok({ ...deps.summary(plugin), imported: { rows: withoutLeft(data.rows, own), left: [...data.left, ...own] } });
    } finally {
      for (const path of [staged, before]) rmSync(path, { force: true });
    }
  }

  #refusal({ name, candidate }: Plugin, { plugin: owner, version, database }: PluginBackup): Result<never> | null {
    if (owner !== name) return fail("conflict", `the file holds the data of ${owner}`, { hint: `zephyrgate plugin import ${owner} FILE` });
    if (Bun.semver.order(version, candidate.manifest.version) > 0) {
      return fail("conflict", `the data belongs to version ${version}, but ${candidate.manifest.version} is installed`, {
        hint: "install that version or a higher one first",
      });
    }
    const most = this.deps.storageMb(candidate);
    if ((database?.length ?? 0) <= most * 2 ** 20) return null;
    return fail("quota_exceeded", `the data is larger than the ${most} MB that ${name} may keep`);
  }

  /** The uploaded data, copied and judged by the plugin host, and a copy of what is there: only the host opens plugins' databases. */
  async #stage(
    plugin: Plugin,
    host: PluginHost,
    database: Uint8Array | null,
    { staged, before }: { readonly staged: string; readonly before: string },
  ): Promise<Result<{ readonly had: boolean; readonly data: ImportedData }>> {
    const path = this.deps.databaseOf(plugin.name, plugin.hostKey);
    const data = database === null ? ok({ rows: {}, left: [] }) : await this.#takeIn(host, database, staged);
    if (!data.ok) return data;
    const had = existsSync(path);
    // A database that is damaged cannot be copied: it is what the import is to replace.
    const copied = had ? await host.backupDatabase(path, before) : ok(null);
    return ok({ had: had && copied.ok, data: data.value });
  }

  async #takeIn(host: PluginHost, database: Uint8Array, staged: string): Promise<Result<ImportedData>> {
    const sent = join(dirname(staged), "import-sent.db");
    try {
      rmSync(staged, { force: true });
      writeFileAtomically(sent, database, { mode: 0o600 });
      const taken = await host.takeInDatabase(sent, staged);
      if (taken.ok) return taken;
      return fail("invalid_argument", "the data in the file is damaged; nothing was changed", {
        cause: taken.error,
        hint: "export it again",
      });
    } finally {
      for (const ending of ["", "-wal", "-shm", "-journal"]) rmSync(`${sent}${ending}`, { force: true });
    }
  }

  async #swap(name: string, staged: string | null): Promise<Result<null>> {
    const changed = await this.deps.supervisor.whileDown(name, "its data is being imported", async (plugin) => {
      const path = this.deps.databaseOf(name, plugin.hostKey);
      if (staged === null) removeDatabase(path);
      else replaceDatabase(staged, path);
      return ok("back");
    });
    return changed.ok ? ok(null) : changed;
  }

  /** It ran before, and does not start with the new data. */
  async #back(plugin: Plugin, config: Settings, before: string | null, why: GatewayError): Promise<Result<never>> {
    const { deps } = this;
    const { name } = plugin;
    const swapped = await this.#swap(name, before);
    const restored = await deps.saveConfig(plugin, config);
    const back = swapped.ok && plugin.state !== "running" ? await deps.supervisor.restart(name) : swapped;
    const outcome = `what was there before ${restored.ok && back.ok ? "is back" : "could not be put back"}`;
    deps.audit(name, "import", `failed (${why.message}); ${outcome}`);
    return fail(why.code, `${name} does not start with this data, and ${outcome}: ${why.message}`, { cause: why });
  }

  /** What the plugin itself does not take. A plugin that has no answer to the question judges nothing. */
  async #judged(name: string): Promise<Left> {
    const left = new Map<string, Left[number]>();
    let data: Json = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await this.deps.ask(name, JUDGE, data);
      const read = v.safeParse(judgement, answer.ok ? answer.value : null);
      if (!read.success) break;
      for (const each of read.output.left) {
        const key = `${each.what} ${each.reason}`;
        if (left.size < LEFT_MAX || left.has(key)) left.set(key, { ...each, count: each.count + (left.get(key)?.count ?? 0) });
      }
      if (read.output.next === null) break;
      data = read.output.next as Json;
    }
    return [...left.values()];
  }
}

/** The rows that stay, where what was left out is named as the table is. */
function withoutLeft(rows: ImportedData["rows"], left: Left): Imported["rows"] {
  const of = (table: string) => left.filter(({ what }) => what === table).reduce((sum, { count }) => sum + count, 0);
  return Object.fromEntries(Object.entries(rows).map(([table, count]) => [table, Math.max(0, count - of(table))]));
}
