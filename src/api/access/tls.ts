import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { fail, ok, type Result } from "../../errors.ts";

/** Paths of PEM files: the certificate with its chain, and its private key. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Until when the certificate is valid, ms since 1970. */
  readonly until: number;
}

const MAX_BYTES = 1_048_576;
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;

/** Reads certificate and key, and checks that they belong together. The error names the file, what is wrong, and what to do. */
export function readTls(files: TlsFiles): Result<Tls> {
  const cert = readPem("api.tls.cert", files.cert);
  if (!cert.ok) return cert;
  const key = readPem("api.tls.key", files.key);
  if (!key.ok) return key;
  const parsed = parseCertificate(files.cert, cert.value);
  if (!parsed.ok) return parsed;
  const secret = parseKey(files.key, key.value);
  if (!secret.ok) return secret;
  if (!parsed.value.checkPrivateKey(secret.value)) {
    return wrong(
      "api.tls.key",
      `${files.key} is not the key of the first certificate in ${files.cert}`,
      "put the server's own certificate first, then its chain",
    );
  }
  return ok({ cert: cert.value, key: key.value, until: Date.parse(parsed.value.validTo) });
}

function parseCertificate(path: string, pem: string): Result<X509Certificate> {
  const kinds = kindsIn(pem);
  if (!kinds.includes("CERTIFICATE")) {
    const found = kinds.length === 0 ? "no PEM" : kinds[0];
    return wrong("api.tls.cert", `${path} holds no certificate but ${found}`, "it must begin with -----BEGIN CERTIFICATE-----");
  }
  try {
    return ok(new X509Certificate(pem));
  } catch (cause) {
    return wrong("api.tls.cert", `the certificate in ${path} is damaged`, "copy the file again", cause);
  }
}

function parseKey(path: string, pem: string): Result<ReturnType<typeof createPrivateKey>> {
  const kinds = kindsIn(pem);
  if (kinds.includes("ENCRYPTED PRIVATE KEY") || pem.includes("Proc-Type: 4,ENCRYPTED")) {
    return wrong("api.tls.key", `the key in ${path} is locked by a passphrase`, `write one without: openssl pkey -in ${path} -out NEW`);
  }
  if (!kinds.some((kind) => kind.endsWith("PRIVATE KEY"))) {
    const found = kinds.length === 0 ? "no PEM" : kinds[0];
    return wrong("api.tls.key", `${path} holds no private key but ${found}`, "it must begin with -----BEGIN PRIVATE KEY-----");
  }
  try {
    return ok(createPrivateKey(pem));
  } catch (cause) {
    return wrong("api.tls.key", `the private key in ${path} is damaged`, "copy the file again", cause);
  }
}

function kindsIn(pem: string): string[] {
  return [...pem.matchAll(BLOCK)].flatMap(([, kind]) => (kind === undefined ? [] : [kind]));
}

function readPem(where: string, path: string): Result<string> {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return wrong(where, `${path} is no file`, "write the path of a PEM file");
    if (stats.size > MAX_BYTES) return wrong(where, `${path} is larger than 1 MB`, "write the path of a PEM file");
    return ok(readFileSync(path, "utf8"));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    if (code === "ENOENT") return wrong(where, `there is no ${path}`, "correct the path", cause);
    if (code === "EACCES")
      return wrong(where, `${path} may not be read by the gateway's user`, "give its group the right to read it", cause);
    return wrong(where, `${path} cannot be read: ${code}`, "correct the path", cause);
  }
}

function wrong(where: string, message: string, hint: string, cause?: unknown): Result<never> {
  return fail("config_invalid", message, { where, hint, ...(cause === undefined ? {} : { cause }) });
}

/** What changes when one of the files is replaced or written; "" for a file that is missing. */
export function stampOf({ cert, key }: TlsFiles): string {
  return [cert, key]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((stats) => (stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeMs}`))
    .join("/");
}
