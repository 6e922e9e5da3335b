import * as v from "valibot";
import { fail, ok, type Result } from "../errors.ts";
import { parseJson } from "../json-reader.ts";
import { pathProblem } from "../packages/archive.ts";

/** Raised when an older program could not read the file. */
export const FORMAT = 1;
export const HEAD = "backup.json";
/** Longest table of contents that is read. */
export const MAX_HEAD_BYTES = 16 * 2 ** 20;
const HEAD_LIMITS = { chars: MAX_HEAD_BYTES, depth: 8, nodes: 1_000_000 };

const KINDS = ["manual", "daily", "upgrade"] as const;
export type BackupKind = (typeof KINDS)[number];

/** Where a file goes: into the data folder, to the place of the configuration file, or, sealed, among the credentials. */
const places = ["data", "config", "sealed"] as const;

const fileSchema = v.strictObject({
  place: v.picklist(places),
  /** Below the data folder; "" for the other places. */
  path: v.string(),
  /** Its name in the archive. */
  entry: v.string(),
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
const headSchema = v.strictObject({
  format: v.literal(FORMAT),
  /** The version that made it. */
  program: v.string(),
  kind: v.picklist(KINDS),
  made_at: v.pipe(v.string(), v.isoTimestamp()),
  files: v.array(fileSchema),
  /** Plugins whose data could not be copied, with the reason. */
  skipped: v.array(v.strictObject({ plugin: v.string(), reason: v.string() })),
});

export type BackupFile = v.InferOutput<typeof fileSchema>;
export type BackupHead = v.InferOutput<typeof headSchema>;

/** A path inside the data folder that leads nowhere else. Longer than what an archive's own names may be. */
const INSIDE = /^(?!\.\.?(?:\/|$))[^/\\\u0000]{1,255}(?:\/(?!\.\.?(?:\/|$))[^/\\\u0000]{1,255})*$/;

/** The head of a file that anybody may have written. */
export function readHead(bytes: Uint8Array): Result<BackupHead> {
  const parsed = parseJson(new TextDecoder().decode(bytes), HEAD_LIMITS);
  const value = parsed.ok ? parsed.value : null;
  const format = v.safeParse(v.object({ format: v.number(), program: v.string() }), value);
  if (format.success && format.output.format > FORMAT) {
    const hint = `restore it with zephyrgate ${format.output.program}, or a newer one`;
    return fail("invalid_argument", `the backup has format ${format.output.format}; this program reads up to ${FORMAT}`, { hint });
  }
  const head = v.safeParse(headSchema, value);
  const wrong =
    head.success &&
    head.output.files.some(({ place, path }) => (place === "data" ? !INSIDE.test(path) || path.length > 4096 : path !== ""));
  return head.success && !wrong ? ok(head.output) : notOurs();
}

/** The name in the archive: the path, so that `tar tzf` shows it, where the format has room for it. */
export function entryName(place: BackupFile["place"], path: string, index: number): string {
  const plain = place === "data" ? `data/${path}` : place;
  return pathProblem(plain) === null ? plain : `long/${index}`;
}

export function notOurs(): Result<never> {
  return fail("invalid_argument", "the file is no backup of a gateway, or it is damaged", { hint: "make one with: zephyrgate backup" });
}
