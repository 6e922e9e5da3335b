import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import * as v from "valibot";
import { readTls } from "../../src/api/access/tls.ts";
import { Client } from "../../src/cli/client/client.ts";
import { FakeClock } from "../fake-clock.ts";
import { serve } from "./serve.ts";

const OPENSSL = Bun.which("openssl");
if (OPENSSL === null) console.warn("skipped: TLS (no openssl here; on Debian: apt-get install openssl)");
let folder = "";
const at = (name: string) => join(folder, name);

/** A self-signed certificate `NAME.crt` with its key `NAME.key`. */
function make(name: string, days = 3650): void {
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}.lan`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at(`${name}.key`)];
  const made = Bun.spawnSync(["openssl", "req", "-x509", ...key, "-out", at(`${name}.crt`), "-days", String(days), ...subject]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tls-"));
  if (OPENSSL !== null) for (const name of ["one", "two"]) make(name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The name in the certificate that a server shows. */
function shownBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.on("error", reject);
  });
}

const put = (name: string) => {
  for (const kind of ["crt", "key"]) {
    writeFileSync(at(`live.${kind}.new`), readFileSync(at(`${name}.${kind}`)));
    renameSync(at(`live.${kind}.new`), at(`live.${kind}`));
  }
};

test.skipIf(OPENSSL === null)("wrong files: each error names the file, what is wrong and what to do", () => {
  const pem = readFileSync(at("one.key"), "utf8");
  writeFileSync(at("empty"), "");
  writeFileSync(at("cut.crt"), readFileSync(at("one.crt"), "utf8").slice(0, 200));
  writeFileSync(at("cut.key"), pem.slice(0, 80));
  writeFileSync(at("locked.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n");
  const cases: [string, string, string][] = [
    ["none.crt", "one.key", `api.tls.cert: there is no ${at("none.crt")} (correct the path)`],
    ["one.crt", "none.key", `api.tls.key: there is no ${at("none.key")}`],
    [".", "one.key", "is no file"],
    ["empty", "one.key", "holds no certificate but no PEM"],
    ["one.key", "one.crt", "holds no certificate but PRIVATE KEY"],
    ["cut.crt", "one.key", "is damaged"],
    ["one.crt", "cut.key", "is damaged"],
    ["one.crt", "one.crt", "holds no private key but CERTIFICATE"],
    ["one.crt", "locked.key", "is locked by a passphrase"],
    ["one.crt", "two.key", `${at("two.key")} is not the key of the first certificate in ${at("one.crt")}`],
  ];
  for (const [cert, key, said] of cases) {
    const read = readTls({ cert: at(cert), key: at(key) });
    expect([cert, key, read.ok ? "" : read.error.summary()]).toEqual([cert, key, expect.stringContaining(said)]);
    expect(read.ok ? "" : read.error.summary()).not.toContain(pem.split("\n")[1] ?? "");
  }
  expect(readTls({ cert: at("one.crt"), key: at("one.key") }).ok).toBe(true);
});

test.skipIf(OPENSSL === null)(
  "https: a changed certificate is used without a restart, a wrong one is told and not used, streams go on",
  async () => {
    put("one");
    const clock = new FakeClock(Date.now());
    const troubles: (string | null)[] = [];
    const api = serve(
      { tls: { cert: at("live.crt"), key: at("live.key") } },
      { clock, onTrouble: (trouble) => void troubles.push(trouble) },
    );
    const anyone = { tls: { rejectUnauthorized: false } };
    try {
      expect(api.url).toStartWith("https://");
      expect(await shownBy(api.port)).toBe("one");
      expect(await fetch(`http://127.0.0.1:${api.port}/health/live`).catch(() => null)).toBeNull();
      const headers = { authorization: `Bearer ${api.token}` };
      const stream = await fetch(`${api.url}/api/v1/events`, { headers, ...anyone });
      const cookie = await fetch(`${api.url}/api/v1/session`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: api.url },
        body: JSON.stringify({ token: api.token }),
        ...anyone,
      });
      expect(cookie.headers.get("set-cookie")).toContain("; Secure");
      put("two");
      await clock.advance(30_000);
      expect(await shownBy(api.port)).toBe("two");
      api.events.emit("alert", { code: "c", message: "through the old connection" });
      const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
      let heard = "";
      while (!heard.includes("old connection")) heard += (await reader?.read())?.value ?? "old connection: ended";
      expect(heard).not.toContain("ended");
      await reader?.cancel();
      expect(troubles).toEqual([]);
      writeFileSync(at("live.key"), "half a ke");
      await clock.advance(30_000);
      expect(troubles).toEqual([expect.stringContaining("holds no private key but no PEM")]);
      expect(await shownBy(api.port)).toBe("two");
      put("one");
      // As for a signal that asks for it.
      api.reload();
      expect(await shownBy(api.port)).toBe("one");
      expect(troubles.at(-1)).toBeNull();
      clock.jumpWall(3644 * 24 * 3_600_000);
      await clock.advance(30_000);
      expect(troubles.at(-1)).toContain("ends on");
      clock.jumpWall(10 * 24 * 3_600_000);
      await clock.advance(30_000);
      expect(troubles.at(-1)).toContain("has expired");
    } finally {
      await api.close();
    }
  },
);

test.skipIf(OPENSSL === null)("the command line knows the gateway by its certificate alone", async () => {
  const api = serve({ tls: { cert: at("one.crt"), key: at("one.key") } });
  const live = v.object({ status: v.string() });
  try {
    const right = new Client(api.url, api.token, { certificate: readFileSync(at("one.crt"), "utf8") });
    expect(await right.get("/health/live", live)).toEqual({ ok: true, value: { status: "live" } });
    // Another program on the port, with a certificate of its own: it is not sent the token.
    const other = new Client(api.url, api.token, { certificate: readFileSync(at("two.crt"), "utf8") });
    expect((await other.get("/health/live", live)).ok).toBe(false);
    const none = new Client(api.url, api.token);
    expect((await none.get("/health/live", live)).ok).toBe(false);
  } finally {
    await api.close();
  }
});
