import * as v from "valibot";
import type { Clock } from "../clock.ts";
import { fail, GatewayError, ok, type Result } from "../errors.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { Acceptance, GrantOutcome, Means, Override, PermissionRequester } from "./decide.ts";
import { type Descriptor, parseText, printText } from "./grammar/descriptor.ts";
import {
  denialSet,
  difference,
  intersection,
  isSubset,
  type PermissionSet,
  permissionSet,
  permissionSetHash,
  toDescriptors,
} from "./grammar/sets.ts";

/** The permissions room's tables in the core database. A plugin's name alone is never a key: a folder of the same name elsewhere inherits nothing. */
export const grantsSchema = {
  room: "permissions",
  versions: [
    `CREATE TABLE permission_acceptances (
       id INTEGER PRIMARY KEY, plugin TEXT NOT NULL, origin_path TEXT NOT NULL, permission_hash TEXT NOT NULL,
       permissions TEXT NOT NULL, limits TEXT NOT NULL, version TEXT NOT NULL, code_hash TEXT NOT NULL,
       who TEXT NOT NULL, means TEXT NOT NULL, accepted_at INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX permission_acceptances_by_plugin ON permission_acceptances (plugin, origin_path, id);
     CREATE TABLE permission_overrides (
       id INTEGER PRIMARY KEY, plugin TEXT NOT NULL, origin_path TEXT NOT NULL, effect TEXT NOT NULL, permission TEXT NOT NULL,
       who TEXT NOT NULL, means TEXT NOT NULL, at INTEGER NOT NULL, config_hash TEXT NOT NULL,
       extra INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX permission_overrides_by_plugin ON permission_overrides (plugin, origin_path, id);`,
    `CREATE TABLE plugin_holders (plugin TEXT PRIMARY KEY, origin_path TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
     INSERT INTO plugin_holders SELECT plugin, origin_path, accepted_at FROM permission_acceptances
       WHERE id IN (SELECT max(id) FROM permission_acceptances GROUP BY plugin);`,
    "CREATE TABLE installed_home (id INTEGER PRIMARY KEY CHECK (id = 1), path TEXT NOT NULL) STRICT;",
  ],
} as const;

/** Single decisions kept for one plugin; beyond this the operator should revoke a permission as a whole. */
const OVERRIDES_MAX = 128;
const HISTORY_MAX = 50;
const GRANT_TABLES = ["permission_acceptances", "permission_overrides"] as const;

const MEANS = ["first_seen", "cli", "api", "narrowed", "config", "plugin"] as const satisfies readonly Means[];
const acceptanceRow = v.object({
  plugin: v.string(),
  origin_path: v.string(),
  permission_hash: v.string(),
  permissions: v.string(),
  limits: v.string(),
  version: v.string(),
  code_hash: v.string(),
  who: v.string(),
  means: v.picklist(MEANS),
  accepted_at: v.number(),
});
const overrideRow = v.object({
  effect: v.picklist(["grant", "deny", "revoke"]),
  permission: v.string(),
  who: v.string(),
  means: v.picklist(MEANS),
  at: v.number(),
  config_hash: v.string(),
  extra: v.number(),
});
const holderRow = v.object({ origin_path: v.string(), since: v.number() });
const homeRow = v.object({ path: v.string() });
const limitsSchema = v.record(v.string(), v.number());

/** One plugin at one place. */
export interface PluginPlace {
  readonly name: string;
  /** Its folder. */
  readonly path: string;
}

/** The place that a name, and what it owns, belongs to. */
export interface Holder {
  /** Its folder, or `bundled:name`. */
  readonly path: string;
  /** ms since 1970. */
  readonly since: number;
}

/** Who accepted what, and the later decisions. All methods are synchronous and small; all writing goes through the core database's writer. */
export class GrantStore {
  constructor(
    private readonly database: Pick<CoreDatabase, "sqlite" | "write">,
    private readonly clock: Clock,
  ) {}

  /** The acceptance in force for this plugin at this place, or null. */
  current(place: PluginPlace): Acceptance | null {
    return this.history(place, 1)[0] ?? null;
  }

  /** The place that the name belongs to; null when it was never accepted or loaded. */
  holder(plugin: string): Holder | null {
    const row = this.database.sqlite.query("SELECT origin_path, since FROM plugin_holders WHERE plugin = ?").get(plugin);
    if (row === null) return null;
    const { origin_path, since } = read(holderRow, row);
    return { path: origin_path, since };
  }

  /** From now on the name belongs to this place. Nothing changes when it does already. */
  claim({ name, path }: PluginPlace): void {
    if (this.holder(name)?.path === path) return;
    const sql = "INSERT OR REPLACE INTO plugin_holders (plugin, origin_path, since) VALUES (?, ?, ?)";
    this.database.write(() => this.database.sqlite.query(sql).run(name, path, this.clock.now()));
  }

  /** Gives the name to `place`, with every grant that it had at the place before. Grants that `place` had are replaced. */
  adopt(place: PluginPlace): void {
    const { name, path } = place;
    const before = this.holder(name);
    if (before?.path === path) return;
    this.database.write(() => {
      if (before !== null) {
        this.forget(place);
        for (const table of GRANT_TABLES) {
          const sql = `UPDATE ${table} SET origin_path = ? WHERE plugin = ? AND origin_path = ?`;
          this.database.sqlite.query(sql).run(path, name, before.path);
        }
      }
      this.claim(place);
    });
  }

  /**
   * Where the folder of installed plugins lies. It belongs to the data folder, so when the whole data folder was moved or
   * restored elsewhere, the installed plugins keep what they own. Answers the path before, if it was another.
   */
  movedHome(path: string): string | null {
    const row = this.database.sqlite.query("SELECT path FROM installed_home").get();
    const before = row === null ? null : read(homeRow, row).path;
    if (before === path) return null;
    this.database.write(() => {
      this.database.sqlite.query("INSERT OR REPLACE INTO installed_home VALUES (1, ?)").run(path);
      if (before === null) return;
      for (const table of [...GRANT_TABLES, "plugin_holders"]) {
        const inside = "substr(origin_path, 1, length(?2)) = ?2";
        const sql = `UPDATE ${table} SET origin_path = ?1 || substr(origin_path, length(?2) + 1) WHERE ${inside}`;
        this.database.sqlite.query(sql).run(`${path}/`, `${before}/`);
      }
    });
    return before;
  }

  /** The name owns nothing any more, at no place. */
  release(plugin: string): void {
    this.database.write(() => {
      for (const table of [...GRANT_TABLES, "plugin_holders"]) {
        this.database.sqlite.query(`DELETE FROM ${table} WHERE plugin = ?`).run(plugin);
      }
    });
  }

  /** Latest first. */
  history({ name, path }: PluginPlace, limit = HISTORY_MAX): Acceptance[] {
    const rows = this.database.sqlite
      .query("SELECT * FROM permission_acceptances WHERE plugin = ? AND origin_path = ? ORDER BY id DESC LIMIT ?")
      .all(name, path, limit);
    return rows.map((row) => {
      const found = read(acceptanceRow, row);
      return {
        plugin: found.plugin,
        originPath: found.origin_path,
        permissionHash: found.permission_hash,
        descriptors: readDescriptors(found.permissions),
        limits: read(limitsSchema, JSON.parse(found.limits)),
        version: found.version,
        codeHash: found.code_hash,
        who: found.who,
        means: found.means,
        acceptedAt: found.accepted_at,
      };
    });
  }

  /** Stores that this very set was accepted; it takes the place of what was accepted before, and the name belongs to `place`. */
  accept(place: PluginPlace, requester: PermissionRequester, by: { who: string; means: Means }): Result<Acceptance> {
    const set = permissionSet(requester.requested);
    if (!set.ok) return set;
    const acceptance: Acceptance = {
      plugin: requester.plugin,
      originPath: place.path,
      permissionHash: permissionSetHash(set.value, requester.limits),
      descriptors: requester.requested,
      limits: requester.limits,
      version: requester.version,
      codeHash: requester.codeHash,
      who: by.who,
      means: by.means,
      acceptedAt: this.clock.now(),
    };
    this.database.write(() => {
      this.#insert(acceptance);
      this.claim({ name: acceptance.plugin, path: acceptance.originPath });
    });
    return ok(acceptance);
  }

  #insert(acceptance: Acceptance): void {
    const { sqlite } = this.database;
    sqlite
      .query(
        `INSERT INTO permission_acceptances (plugin, origin_path, permission_hash, permissions, limits, version, code_hash, who, means, accepted_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        acceptance.plugin,
        acceptance.originPath,
        acceptance.permissionHash,
        JSON.stringify(acceptance.descriptors.map(printText)),
        JSON.stringify(acceptance.limits),
        acceptance.version,
        acceptance.codeHash,
        acceptance.who,
        acceptance.means,
        acceptance.acceptedAt,
      );
    sqlite
      .query(
        `DELETE FROM permission_acceptances WHERE plugin = ?1 AND origin_path = ?2 AND id NOT IN
         (SELECT id FROM permission_acceptances WHERE plugin = ?1 AND origin_path = ?2 ORDER BY id DESC LIMIT ?3)`,
      )
      .run(acceptance.plugin, acceptance.originPath, HISTORY_MAX);
  }

  /** Stores the acceptance that a verdict makes necessary: at first sight, when less is requested, when the code changed. */
  settle(place: PluginPlace, requester: PermissionRequester, verdict: GrantOutcome): Result<null> {
    if (verdict.record === null) return ok(null);
    const who = this.current(place)?.who ?? "operator";
    const stored = this.accept(place, requester, { who, means: verdict.record });
    return stored.ok ? ok(null) : stored;
  }

  /** Oldest first. */
  overrides(place: PluginPlace): Override[] {
    return this.#overrideRows(place).map(({ override }) => override);
  }

  /**
   * Grants what was requested and held back, or what was asked for at run time, and no more: a wide grant is cut to these,
   * so that it cannot cover what a later version comes to ask. Answers what was granted.
   */
  grant(
    place: PluginPlace,
    descriptor: Descriptor,
    requested: { manifest: PermissionSet; atRuntime: readonly Descriptor[] },
    by: Pick<Override, "who" | "means" | "configHash">,
  ): Result<Descriptor[]> {
    const [wanted, atRuntime] = [permissionSet([descriptor]), permissionSet(requested.atRuntime)];
    if (!wanted.ok) return wanted;
    if (!atRuntime.ok) return atRuntime;
    const held = toDescriptors(intersection(wanted.value, requested.manifest));
    const extra = toDescriptors(difference(intersection(wanted.value, atRuntime.value), requested.manifest));
    if (held.length + extra.length === 0) {
      const hint = "add it to the manifest, or let the plugin call permissions.request";
      return fail("not_found", `${place.name} did not request ${printText(descriptor)}`, { hint });
    }
    return this.database.write(() => {
      for (const each of [...held, ...extra]) {
        const stored = this.override(place, { effect: "grant", descriptor: each, extra: extra.includes(each), ...by });
        if (!stored.ok) return stored;
      }
      return ok([...held, ...extra]);
    });
  }

  /**
   * Stores a later decision (a grant through {@link grant}). Decisions that it makes void are removed, but never a grant
   * by a grant of the other kind. Where there are too many, nothing changes.
   */
  override(place: PluginPlace, decision: Omit<Override, "at">): Result<Override> {
    const wide = setOf(decision);
    if (!wide.ok) return wide;
    const override: Override = { ...decision, at: this.clock.now() };
    const rows = this.#overrideRows(place);
    const isVoid = (old: Override) => {
      const set = setOf(old);
      return set.ok && isSubset(set.value, wide.value) && !(old.extra && !decision.extra && decision.effect === "grant");
    };
    const ended = rows.filter((row) => isVoid(row.override));
    const kept = rows.length - ended.length;
    if (kept >= OVERRIDES_MAX) {
      const hint = `revoke or grant ${decision.descriptor.name} as a whole first`;
      return fail("conflict", `${place.name} already has ${kept} single decisions`, { hint });
    }
    this.database.write(() => {
      for (const { id } of ended) this.database.sqlite.query("DELETE FROM permission_overrides WHERE id = ?").run(id);
      this.#insertOverride(place, override);
    });
    return ok(override);
  }

  #insertOverride({ name, path }: PluginPlace, { effect, descriptor, who, means, at, configHash, extra }: Override): void {
    this.database.sqlite
      .query(
        `INSERT INTO permission_overrides (plugin, origin_path, effect, permission, who, means, at, config_hash, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(name, path, effect, printText(descriptor), who, means, at, configHash, Number(extra === true));
  }

  /** Forgets all about a plugin at one place: it was removed. */
  forget({ name, path }: PluginPlace): void {
    this.database.write(() => {
      for (const table of GRANT_TABLES) {
        this.database.sqlite.query(`DELETE FROM ${table} WHERE plugin = ? AND origin_path = ?`).run(name, path);
      }
    });
  }

  #overrideRows({ name, path }: PluginPlace): { id: number; override: Override }[] {
    const rows = this.database.sqlite
      .query("SELECT * FROM permission_overrides WHERE plugin = ? AND origin_path = ? ORDER BY id")
      .all(name, path);
    return rows.map((row) => {
      const { id, permission, config_hash, extra, ...rest } = read(v.object({ id: v.number(), ...overrideRow.entries }), row);
      return { id, override: { ...rest, descriptor: readDescriptor(permission), configHash: config_hash, extra: extra === 1 } };
    });
  }
}

/** The permissions that a decision is about. */
function setOf({ effect, descriptor }: Pick<Override, "effect" | "descriptor">): Result<PermissionSet> {
  return effect === "grant" ? permissionSet([descriptor]) : denialSet([descriptor]);
}

function read<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new GatewayError("internal", `the core database holds a permission row that cannot be read: ${parsed.issues[0].message}`, {
    hint: "restore the core database from its backup",
  });
}

function readDescriptor(text: string): Descriptor {
  const parsed = parseText(text, "core database");
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function readDescriptors(json: string): Descriptor[] {
  return read(v.array(v.string()), JSON.parse(json)).map(readDescriptor);
}
