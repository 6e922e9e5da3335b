/** The last rollout that was begun here, in the core database: it goes on after a restart, and can be taken back later. */
import * as v from "valibot";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import { isSiteId } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";
import { SITE_STEPS } from "./wire.ts";

export const ROLLOUT_SCHEMA: RoomSchema = {
  room: "region_rollout",
  versions: ["CREATE TABLE region_rollout (only INTEGER PRIMARY KEY CHECK (only = 1), state TEXT NOT NULL, package BLOB NOT NULL) STRICT"],
};

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const reason = v.nullable(v.string());
const schema = v.object({
  id: v.string(),
  way: v.picklist(["out", "back"]),
  name: v.string(),
  version: v.string(),
  sha256: v.string(),
  waitMs: count,
  stages: count,
  stage: count,
  state: v.picklist(["running", "watching", "done", "halted"]),
  reason,
  startedAt: v.number(),
  leftOut: v.array(v.string()),
  targets: v.array(
    v.object({ id: v.custom<SiteId>(isSiteId), name: v.string(), stage: count, step: v.picklist(["waiting", ...SITE_STEPS]), reason }),
  ),
});
export type StoredRollout = v.InferOutput<typeof schema>;

export class RolloutStore {
  constructor(private readonly database: CoreDatabase) {}

  /** Null: none, or none that this version can read. */
  load(): { readonly rollout: StoredRollout; readonly package: Uint8Array } | null {
    const row = this.database.sqlite.query<{ state: string; package: Uint8Array }, []>("SELECT state, package FROM region_rollout").get();
    const json = row === null ? null : parseJson(row.state, FILE_LIMITS);
    const read = json?.ok === true ? v.safeParse(schema, json.value) : null;
    return row !== null && read?.success === true ? { rollout: read.output, package: new Uint8Array(row.package) } : null;
  }

  begin(rollout: StoredRollout, bytes: Uint8Array): void {
    const text = JSON.stringify(rollout);
    this.database.write(() => {
      this.database.sqlite.run("INSERT OR REPLACE INTO region_rollout (only, state, package) VALUES (1, ?, ?)", [text, bytes]);
    });
  }

  change(rollout: StoredRollout): void {
    this.database.write(() => void this.database.sqlite.run("UPDATE region_rollout SET state = ?", [JSON.stringify(rollout)]));
  }
}
