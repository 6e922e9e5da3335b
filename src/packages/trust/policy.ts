/** Whether a package may take the place of the one that is installed, by who signed them and which is newer. */
import { fail, ok, type Result } from "../../errors.ts";
import type { LockEntry } from "./lock.ts";

/** As `--accept-signer` writes "not signed". */
export const NO_SIGNER = "none";

export interface Offered {
  readonly name: string;
  readonly version: string;
  /** Fingerprint; null when the package is not signed. */
  readonly signer: string | null;
}

/**
 * A changed signer, or no signature after a signed version, waits until the operator accepts it by its fingerprint
 * (`accepted`, or {@link NO_SIGNER}).
 */
export function judgeSigner({ name, signer }: Offered, entry: LockEntry | null, accepted: string | undefined): Result<null> {
  const offered = signer ?? NO_SIGNER;
  if (accepted !== undefined && accepted !== offered) {
    return fail("conflict", `${name} is ${signedText(signer)}, not by ${accepted}`, { hint: `it would be: --accept-signer ${offered}` });
  }
  if (accepted !== undefined || entry === null || entry.signer === null || entry.signer === signer) return ok(null);
  return fail("conflict", `${name} is ${signedText(signer)}; the package accepted before was ${signedText(entry.signer)}`, {
    hint: `it waits until you accept that: add --accept-signer ${offered}`,
    data: { signer, accepted_signer: entry.signer },
  });
}

/** An older version than was ever installed may be an attack with a known fault: only `force` installs it. */
export function judgeAge({ name, version }: Offered, entry: LockEntry | null, force: boolean): Result<null> {
  if (force || entry === null || Bun.semver.order(version, entry.highest) >= 0) return ok(null);
  const what = entry.active?.version === entry.highest ? "the installed" : "the once installed";
  return fail("conflict", `${name}: version ${version} is older than ${what} ${entry.highest}`, { hint: "add --force to go back to it" });
}

export function signedText(signer: string | null): string {
  return signer === null ? "not signed" : `signed by ${signer}`;
}
