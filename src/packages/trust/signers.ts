/** `data_dir/trusted-signers.json`: the signers that the operator knows, by name. Only the command line writes it. */
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { codeOf, writeFileAtomically } from "../../storage/atomic.ts";
import { FINGERPRINT } from "./signature.ts";

const FORMAT = 1;
const MAX_BYTES = 2 ** 20;
const LIMITS: JsonLimits = { chars: MAX_BYTES, depth: 4, nodes: 50_000 };

const trusted = v.strictObject({
  name: v.string(),
  fingerprint: v.pipe(v.string(), v.regex(FINGERPRINT)),
  /** RFC 3339. */
  added_at: v.string(),
});
const signersFile = v.strictObject({ format: v.literal(FORMAT), signers: v.array(trusted) });

export type TrustedSigner = v.InferOutput<typeof trusted>;

function pathOf(dataDir: string): string {
  return join(dataDir, "trusted-signers.json");
}

export function readSigners(dataDir: string): Result<readonly TrustedSigner[]> {
  const path = pathOf(dataDir);
  try {
    if (!existsSync(path)) return ok([]);
    if (statSync(path).size > MAX_BYTES) return damaged(path, "is too large");
    const json = parseJson(readFileSync(path, "utf8"), LIMITS);
    if (!json.ok) return damaged(path, json.error.message);
    const parsed = v.safeParse(signersFile, json.value);
    return parsed.success ? ok(parsed.output.signers) : damaged(path, parsed.issues[0].message);
  } catch (cause) {
    return damaged(path, codeOf(cause));
  }
}

/** `conflict` when the fingerprint or the name is there already. */
export function addSigner(dataDir: string, signer: TrustedSigner): Result<null> {
  const known = readSigners(dataDir);
  if (!known.ok) return known;
  const same = known.value.find(({ name, fingerprint }) => name === signer.name || fingerprint === signer.fingerprint);
  if (same !== undefined) {
    return fail("conflict", `${same.name} (${same.fingerprint}) is trusted already`, { hint: `zephyrgate trust rm ${same.name}` });
  }
  return save(dataDir, [...known.value, signer]);
}

/** By name or fingerprint. */
export function removeSigner(dataDir: string, which: string): Result<TrustedSigner> {
  const known = readSigners(dataDir);
  if (!known.ok) return known;
  const found = known.value.find(({ name, fingerprint }) => name === which || fingerprint === which);
  if (found === undefined)
    return fail("not_found", `no trusted signer is called ${JSON.stringify(which.slice(0, 64))}`, { hint: "zephyrgate trust list" });
  const saved = save(
    dataDir,
    known.value.filter((signer) => signer !== found),
  );
  return saved.ok ? ok(found) : saved;
}

function save(dataDir: string, signers: readonly TrustedSigner[]): Result<null> {
  try {
    // An operator may trust signers before the gateway has run for the first time.
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileAtomically(pathOf(dataDir), `${JSON.stringify({ format: FORMAT, signers }, null, 1)}\n`, { mode: 0o600 });
    return ok(null);
  } catch (cause) {
    return fail("data_unusable", `cannot be written (${codeOf(cause)})`, { where: pathOf(dataDir), cause });
  }
}

function damaged(path: string, why: string): Result<never> {
  return fail("data_unusable", `the list of trusted signers cannot be read: ${why}`, { where: path, hint: "correct it, or move it away" });
}
