import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Clock } from "../clock.ts";
import { fail, GatewayError, ok, type Result } from "../errors.ts";
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
  ],
} as const;

/** Past words on one plugin are few; beyond this the operator should revoke as a whole. */
const OVERRIDES_MAX = 128;
const HISTORY_MAX = 50;

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
const limitsSchema = v.record(v.string(), v.number());

/** Who accepted what, and the words spoken since. All methods are synchronous and small. */
export class GrantStore {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The acceptance in force for this plugin at this place, or null. */
  current(plugin: string, originPath: string): Acceptance | null {
    return this.history(plugin, originPath, 1)[0] ?? null;
  }

  /** Where plugins of this name were accepted. */
  places(plugin: string): string[] {
    const rows = this.database.query("SELECT DISTINCT origin_path FROM permission_acceptances WHERE plugin = ?").all(plugin);
    return rows.map((row) => read(v.object({ origin_path: v.string() }), row).origin_path);
  }

  /** Latest first. */
  history(plugin: string, originPath: string, limit = HISTORY_MAX): Acceptance[] {
    const rows = this.database
      .query("SELECT * FROM permission_acceptances WHERE plugin = ? AND origin_path = ? ORDER BY id DESC LIMIT ?")
      .all(plugin, originPath, limit);
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

  /** Stores that this very set was accepted; it takes the place of what was accepted before. */
  accept(requester: PermissionRequester, originPath: string, by: { who: string; means: Means }): Result<Acceptance> {
    const set = permissionSet(requester.requested);
    if (!set.ok) return set;
    const acceptance: Acceptance = {
      plugin: requester.plugin,
      originPath,
      permissionHash: permissionSetHash(set.value, requester.limits),
      descriptors: requester.requested,
      limits: requester.limits,
      version: requester.version,
      codeHash: requester.codeHash,
      who: by.who,
      means: by.means,
      acceptedAt: this.clock.now(),
    };
    this.database
      .query(
        `INSERT INTO permission_acceptances (plugin, origin_path, permission_hash, permissions, limits, version, code_hash, who, means, accepted_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        acceptance.plugin,
        originPath,
        acceptance.permissionHash,
        JSON.stringify(acceptance.descriptors.map(printText)),
        JSON.stringify(acceptance.limits),
        acceptance.version,
        acceptance.codeHash,
        acceptance.who,
        acceptance.means,
        acceptance.acceptedAt,
      );
    this.database
      .query(
        `DELETE FROM permission_acceptances WHERE plugin = ?1 AND origin_path = ?2 AND id NOT IN
         (SELECT id FROM permission_acceptances WHERE plugin = ?1 AND origin_path = ?2 ORDER BY id DESC LIMIT ?3)`,
      )
      .run(acceptance.plugin, originPath, HISTORY_MAX);
    return ok(acceptance);
  }

  /** Stores what a verdict says is due (first sight, narrowing, changed code). */
  settle(requester: PermissionRequester, originPath: string, verdict: GrantOutcome): Result<null> {
    if (verdict.record === null) return ok(null);
    const who = this.current(requester.plugin, originPath)?.who ?? "operator";
    const stored = this.accept(requester, originPath, { who, means: verdict.record });
    return stored.ok ? ok(null) : stored;
  }

  /** Oldest first. */
  overrides(plugin: string, originPath: string): Override[] {
    return this.#overrideRows(plugin, originPath).map(({ override }) => override);
  }

  /**
   * Grants what was requested and held back, or what was asked for at run time, and no more: a wide grant is cut to these,
   * so that it cannot cover what a later version comes to ask. Answers what was granted.
   */
  grant(
    plugin: string,
    originPath: string,
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
      return fail("not_found", `${plugin} did not request ${printText(descriptor)}`, { hint });
    }
    for (const each of [...held, ...extra]) {
      const stored = this.override(plugin, originPath, { effect: "grant", descriptor: each, extra: extra.includes(each), ...by });
      if (!stored.ok) return stored;
    }
    return ok([...held, ...extra]);
  }

  /** Stores a later word (a grant through {@link grant}). Words that it makes void are removed, but never a grant by another grant's kind. */
  override(plugin: string, originPath: string, word: Omit<Override, "at">): Result<Override> {
    const wide = word.effect === "grant" ? permissionSet([word.descriptor]) : denialSet([word.descriptor]);
    if (!wide.ok) return wide;
    const override: Override = { ...word, at: this.clock.now() };
    const store = this.database.transaction(() => {
      let kept = 0;
      for (const { id, override: old } of this.#overrideRows(plugin, originPath)) {
        const set = old.effect === "grant" ? permissionSet([old.descriptor]) : denialSet([old.descriptor]);
        if (set.ok && isSubset(set.value, wide.value) && !(old.extra && !word.extra && word.effect === "grant"))
          this.database.query("DELETE FROM permission_overrides WHERE id = ?").run(id);
        else kept++;
      }
      if (kept >= OVERRIDES_MAX) {
        const hint = `revoke or grant ${word.descriptor.name} as a whole first`;
        return fail("conflict", `${plugin} already has ${kept} single decisions`, { hint });
      }
      this.database
        .query(
          `INSERT INTO permission_overrides (plugin, origin_path, effect, permission, who, means, at, config_hash, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          plugin,
          originPath,
          override.effect,
          printText(override.descriptor),
          override.who,
          override.means,
          override.at,
          override.configHash,
          Number(override.extra === true),
        );
      return ok(override);
    });
    return store();
  }

  /** Forgets all about a plugin at one place: it was removed. */
  forget(plugin: string, originPath: string): void {
    for (const table of ["permission_acceptances", "permission_overrides"]) {
      this.database.query(`DELETE FROM ${table} WHERE plugin = ? AND origin_path = ?`).run(plugin, originPath);
    }
  }

  #overrideRows(plugin: string, originPath: string): { id: number; override: Override }[] {
    const rows = this.database
      .query("SELECT * FROM permission_overrides WHERE plugin = ? AND origin_path = ? ORDER BY id")
      .all(plugin, originPath);
    return rows.map((row) => {
      const { id, permission, config_hash, extra, ...rest } = read(v.object({ id: v.number(), ...overrideRow.entries }), row);
      return { id, override: { ...rest, descriptor: readDescriptor(permission), configHash: config_hash, extra: extra === 1 } };
    });
  }
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
