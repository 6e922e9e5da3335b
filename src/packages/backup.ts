/** What a plugin keeps, as one file: its database as the host copied it, and its configuration. Never a secret. */
import * as v from "valibot";
import { fail, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { FILE_LIMITS, parseJson } from "../json-reader.ts";
import { type ArchiveLimits, type Files, packArchive, unpackArchive } from "./archive.ts";

const ABOUT = "zephyrgate-data.json";
const DATABASE = "data.db";
const FORMAT = 1;

/** A plugin may ask for four times the usual storage; beyond this the file is copied by hand. */
export const BACKUP_LIMITS: ArchiveLimits = { packed: 64 * 2 ** 20, unpacked: 96 * 2 ** 20, files: 2 };

const about = v.strictObject({
  format: v.literal(FORMAT),
  plugin: v.string(),
  version: v.string(),
  exported_at: v.string(),
  config: v.record(v.string(), v.unknown()),
});

export interface PluginBackup {
  readonly plugin: string;
  readonly version: string;
  /** RFC 3339. */
  readonly exportedAt: string;
  /** The operator's values. */
  readonly config: { readonly [key: string]: Json };
  /** An SQLite file; null when the plugin had none. */
  readonly database: Uint8Array | null;
}

export function writeBackup({ plugin, version, exportedAt, config, database }: PluginBackup): Result<Uint8Array> {
  if ((database?.length ?? 0) > BACKUP_LIMITS.unpacked - 2 ** 20) {
    return fail("too_large", `the data of ${plugin} is larger than ${BACKUP_LIMITS.unpacked / 2 ** 20} MB`, {
      hint: "copy its folder under data_dir/plugins while the gateway does not run",
    });
  }
  const head = { format: FORMAT, plugin, version, exported_at: exportedAt, config };
  const files: [string, Uint8Array][] = [[ABOUT, Buffer.from(`${JSON.stringify(head, null, 1)}\n`)]];
  if (database !== null) files.push([DATABASE, database]);
  return packArchive(new Map(files), ABOUT);
}

/** The database's bytes are only known to begin like one: the host says whether they are. */
export async function readBackup(bytes: Uint8Array): Promise<Result<PluginBackup>> {
  const unpacked = await unpackArchive(bytes, BACKUP_LIMITS);
  if (!unpacked.ok) return unpacked;
  const files: Files = unpacked.value;
  const head = v.safeParse(about, parse(files.get(ABOUT)));
  const database = files.get(DATABASE) ?? null;
  const isDatabase = database === null || Buffer.from(database.subarray(0, 16)).toString("latin1") === "SQLite format 3\0";
  if (!head.success || files.size > (database === null ? 1 : 2) || !isDatabase) {
    return fail("invalid_argument", "the file is no export of a plugin", { hint: "make it with: zephyrgate plugin export NAME" });
  }
  const { plugin, version, exported_at, config } = head.output;
  return ok({ plugin, version, exportedAt: exported_at, config: config as { readonly [key: string]: Json }, database });
}

function parse(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  const parsed = parseJson(new TextDecoder().decode(bytes), FILE_LIMITS);
  // No JSON, or too much of it: the schema says so in our words.
  return parsed.ok ? parsed.value : undefined;
}
