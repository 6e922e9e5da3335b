/** How a broker is reached, as the configuration has it. User and password are not part of the URL: that is shown in status and log. */
import { readFileSync } from "node:fs";
import { fail, ok, type Result } from "../errors.ts";

export interface BrokerSettings {
  /** `mqtt://HOST:PORT`, or `mqtts://` for TLS. */
  readonly url: string;
  readonly username?: string | undefined;
  /** Its first line is the password. */
  readonly password_file?: string | undefined;
  /** PEM certificate of the authority that signed the broker's. */
  readonly ca_file?: string | undefined;
}

export interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly ca?: string;
}

const MAX_SECRET = 1024;

/** Reads the files that the settings name, anew at each connection: a password may have changed. Fails with `config_invalid`. */
export function readLogin({ username, password_file, ca_file }: BrokerSettings): Result<Login> {
  const password = password_file === undefined ? ok(undefined) : readSecret(password_file);
  if (!password.ok) return password;
  const ca = ca_file === undefined ? ok(undefined) : readText(ca_file);
  if (!ca.ok) return ca;
  return ok({
    ...(username === undefined ? {} : { username }),
    ...(password.value === undefined ? {} : { password: password.value }),
    ...(ca.value === undefined ? {} : { ca: ca.value }),
  });
}

function readSecret(path: string): Result<string> {
  const text = readText(path);
  if (!text.ok) return text;
  const [line = ""] = text.value.split(/\r?\n/, 1);
  return line === "" || line.length > MAX_SECRET
    ? fail("config_invalid", `${path} holds no password in its first line`, {
        hint: "write the password into it, and make it readable for the gateway's user only",
      })
    : ok(line);
}

function readText(path: string): Result<string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (cause) {
    return fail("config_invalid", `${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown error"})`, {
      cause,
      hint: "it must be a file that the gateway may read: check path, owner and mode",
    });
  }
}
