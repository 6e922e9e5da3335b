import { MIN_PASSPHRASE } from "../../backup/seal.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { readLine } from "./output.ts";
import type { Io } from "./verb.ts";

/** An argument would be visible in the process list and the shell's history. */
export async function askPassphrase(io: Io): Promise<Result<string>> {
  if (io.isTTY) io.stderr.write("passphrase for the secrets (it is visible while you type): ");
  const passphrase = await readLine(io);
  return passphrase.length >= MIN_PASSPHRASE
    ? ok(passphrase)
    : fail("invalid_argument", `the passphrase has fewer than ${MIN_PASSPHRASE} characters`, {
        hint: "it is the first line of standard input",
      });
}
