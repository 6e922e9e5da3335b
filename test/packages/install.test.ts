/** From a package's bytes to a folder and an entry in the lock file, and every way back. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { buildIndex, readIndex } from "../../src/packages/index-file.ts";
import { installPackage, mayInstall, removePackage, useVersion } from "../../src/packages/install.ts";
import { installedPath, place, readInstalled, recoverInstalled, swapVersions } from "../../src/packages/installed.ts";
import { type PluginPackage, readPackage, readSealed, writePackage } from "../../src/packages/package.ts";
import { makeSigningKey, readSigner, readSigningKey } from "../../src/packages/trust/keys.ts";
import { entryOf, lockPath, readLock, signedBy } from "../../src/packages/trust/lock.ts";
import type { SigningKey } from "../../src/packages/trust/signature.ts";
import { addSigner, readSigners, removeSigner } from "../../src/packages/trust/signers.ts";
import { systemDisk } from "../../src/storage/disk.ts";

const NOW = Date.parse("2026-01-15T10:30:00Z");
let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "install-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

function taken<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}
function refusal(result: Result<unknown>): readonly [string, string, string | undefined] {
  if (result.ok) throw new RangeError("it was not refused");
  return [result.error.code, result.error.message, result.error.hint];
}

async function bytesOf(
  version: string,
  { name = "a", key = null, more = "" }: { name?: string; key?: SigningKey | null; more?: string } = {},
) {
  const text = `name: ${name}\nversion: "${version}"\ndescription: d\nauthor: x\n${more}`;
  const manifest = parseManifest(text, "manifest.yaml");
  if (!manifest.ok) throw new RangeError(JSON.stringify(manifest.error));
  const files = new Map([
    ["manifest.yaml", Buffer.from(text)],
    ["plugin.ts", Buffer.from(`// ${version}`)],
  ]);
  return taken(
    await writePackage({ manifest: manifest.value, code: new Bun.CryptoHasher("sha256").update(version).digest("hex"), files }, key),
  );
}
async function packageOf(version: string, more: Parameters<typeof bytesOf>[1] = {}): Promise<PluginPackage> {
  return taken(await readPackage(await bytesOf(version, more)));
}
async function install(
  version: string,
  { force = false, acceptSigner, ...more }: { force?: boolean; acceptSigner?: string; key?: SigningKey } = {},
) {
  return installPackage(data, await packageOf(version, more), { force, acceptSigner, now: NOW });
}
const codeOfInstalled = () => {
  const file = join(installedPath(data, "a"), "plugin.ts");
  return existsSync(file) ? readFileSync(file, "utf8") : null;
};
const entry = () => entryOf(taken(readLock(data)), "a");
let keys = 0;
async function newKey(): Promise<SigningKey> {
  const path = join(data, `key${keys++}`);
  taken(await makeSigningKey(path));
  return taken(await readSigningKey(path));
}

describe("an installation", () => {
  test("places the files with their seal, and writes hash, time and version into the lock file", async () => {
    taken(await install("1.0.0"));
    expect(codeOfInstalled()).toBe("// 1.0.0");
    const found = await packageOf("1.0.0");
    expect(entry()).toEqual({
      active: { version: "1.0.0", sha256: found.sha256, contents: found.contents, signer: null, installed_at: "2026-01-15T10:30:00.000Z" },
      previous: null,
      signer: null,
      highest: "1.0.0",
    });
    expect(statSync(lockPath(data)).mode & 0o777).toBe(0o600);
    const placed = taken(readInstalled(data, "a", { packed: 1e6, unpacked: 1e6, files: 10 }));
    expect(taken(await readSealed(placed)).contents).toBe(found.contents);
  });

  test("of an older version than ever was installed needs force", async () => {
    taken(await install("2.0.0"));
    expect(refusal(await install("1.0.0"))).toEqual([
      "conflict",
      "a: version 1.0.0 is older than the installed 2.0.0",
      "add --force to go back to it",
    ]);
    expect(codeOfInstalled()).toBe("// 2.0.0");
    taken(await install("2.0.0"));
    taken(await install("1.0.0", { force: true }));
    expect([codeOfInstalled(), entry()?.highest, entry()?.previous?.version]).toEqual(["// 1.0.0", "1.0.0", "2.0.0"]);
  });

  test("taken back puts the version before in its place, and its entry without one before it", async () => {
    const first = taken(await install("1.0.0"));
    const second = taken(await install("1.1.0"));
    taken(second());
    expect([codeOfInstalled(), entry()?.active?.version, entry()?.previous, entry()?.highest]).toEqual([
      "// 1.0.0",
      "1.0.0",
      null,
      "1.0.0",
    ]);
    taken(first());
    expect([codeOfInstalled(), entry()]).toEqual([null, null]);
  });

  test("that cannot be noted leaves the version before", async () => {
    taken(await install("1.0.0"));
    const found = await packageOf("1.1.0");
    writeFileSync(lockPath(data), "{");
    const [code, message, hint] = refusal(await installPackage(data, found, { force: false, now: NOW }));
    expect([code, message]).toEqual(["data_unusable", expect.stringContaining("the list of installed packages cannot be read")]);
    expect(hint).toBe("restore it from a backup, or move it away: then every signer is new");
    expect(codeOfInstalled()).toBe("// 1.0.0");
    expect(refusal(mayInstall(data, found, { force: false, now: NOW }))[0]).toBe("data_unusable");
    expect(refusal(useVersion(data, "a", "1.0.0"))[0]).toBe("data_unusable");
  });
});

describe("signers", () => {
  test("the first is remembered; another one, or none, waits for the operator; the named one is taken", async () => {
    const [one, two] = [await newKey(), await newKey()];
    taken(await install("1.0.0", { key: one }));
    expect([entry()?.signer, taken(readLock(data)).signers]).toEqual([one.fingerprint, { [one.fingerprint]: "2026-01-15T10:30:00.000Z" }]);
    taken(await install("1.1.0", { key: one }));
    expect(refusal(await install("1.2.0", { key: two }))).toEqual([
      "conflict",
      `a is signed by ${two.fingerprint}; the package accepted before was signed by ${one.fingerprint}`,
      `it waits until you accept that: add --accept-signer ${two.fingerprint}`,
    ]);
    expect(refusal(await install("1.2.0"))).toEqual([
      "conflict",
      `a is not signed; the package accepted before was signed by ${one.fingerprint}`,
      "it waits until you accept that: add --accept-signer none",
    ]);
    expect(refusal(await install("1.2.0", { key: two, acceptSigner: "none" }))).toEqual([
      "conflict",
      `a is signed by ${two.fingerprint}, not by none`,
      `it would be: --accept-signer ${two.fingerprint}`,
    ]);
    taken(await install("1.2.0", { key: two, acceptSigner: two.fingerprint }));
    expect(signedBy(taken(readLock(data)), two.fingerprint)).toEqual(["a"]);
    expect(signedBy(taken(readLock(data)), one.fingerprint)).toEqual([]);
    taken(await install("1.3.0", { acceptSigner: "none" }));
    expect(entry()?.signer).toBeNull();
    taken(await install("1.4.0", { key: one }));
  });

  test("a removed plugin's signer and highest version are remembered with its data, and forgotten without", async () => {
    const key = await newKey();
    taken(await install("2.0.0", { key }));
    expect(taken(removePackage(data, "a", true))).toBe(true);
    expect(entry()).toEqual({ active: null, previous: null, signer: key.fingerprint, highest: "2.0.0" });
    expect(refusal(await install("1.0.0", { key }))[1]).toBe("a: version 1.0.0 is older than the once installed 2.0.0");
    expect(taken(removePackage(data, "a", true))).toBe(false);
    expect(taken(removePackage(data, "a", false))).toBe(false);
    expect(entry()).toBeNull();
    taken(await install("1.0.0"));
  });
});

describe("the version that is used", () => {
  test("changes with the one that is kept beside it, there and back", async () => {
    taken(await install("1.0.0"));
    expect(refusal(useVersion(data, "a", "1.1.0"))).toEqual([
      "not_found",
      "a has no version 1.1.0: 1.0.0 is active, no other is kept",
      "install that version: zephyrgate plugin install FILE --force",
    ]);
    taken(await install("1.1.0"));
    expect(taken(useVersion(data, "a", "1.1.0"))).toBeNull();
    expect(taken(useVersion(data, "a", "1.0.0"))).toBe("1.1.0");
    expect([codeOfInstalled(), entry()?.active?.version, entry()?.previous?.version]).toEqual(["// 1.0.0", "1.0.0", "1.1.0"]);
    expect(refusal(useVersion(data, "a", "3.0.0"))[1]).toBe("a has no version 3.0.0: 1.0.0 is active, 1.1.0 is kept beside it");
    expect(taken(useVersion(data, "a", "1.1.0"))).toBe("1.0.0");
    expect(codeOfInstalled()).toBe("// 1.1.0");
  });

  test("is none where nothing was installed from a package", async () => {
    expect(refusal(useVersion(data, "a", "1.0.0"))).toEqual(["not_found", "a was not installed from a package", "zephyrgate plugin list"]);
    taken(await install("1.0.0"));
    taken(removePackage(data, "a", true));
    expect(refusal(useVersion(data, "a", "1.0.0"))[0]).toBe("not_found");
  });

  test("changes in three renames where the system cannot swap names, and nothing is left over", () => {
    const files = (text: string) => new Map([["plugin.ts", Buffer.from(text)]]);
    expect(swapVersions(data, "a")).toBe(false);
    place(data, "a", files("1"));
    expect(swapVersions(data, "a")).toBe(false);
    place(data, "a", files("2"));
    const disk = { ...systemDisk, exchange: () => false };
    expect(swapVersions(data, "a", disk)).toBe(true);
    expect(codeOfInstalled()).toBe("1");
    expect(swapVersions(data, "a", disk)).toBe(true);
    expect(codeOfInstalled()).toBe("2");
    expect(readdirSync(join(data, "installed/.trash"))).toEqual([]);
  });
});

test("what a power cut interrupted is completed at the start, and told", () => {
  expect(recoverInstalled(data)).toEqual([]);
  place(data, "a", new Map([["plugin.ts", Buffer.from("1")]]));
  expect(recoverInstalled(data)).toEqual([]);
  const folder = join(data, "installed");
  for (const kind of [".staging", ".trash", ".previous"]) mkdirSync(join(folder, kind), { recursive: true });
  mkdirSync(join(folder, ".staging/b"));
  mkdirSync(join(folder, ".trash/c"));
  mkdirSync(join(folder, ".previous/d"));
  expect(recoverInstalled(data)).toEqual([
    "d: put back the version before an installation that was cut off",
    `removed what an interrupted installation left: ${join(folder, ".staging/b")}`,
    `removed what an interrupted installation left: ${join(folder, ".trash/c")}`,
  ]);
  expect([existsSync(join(folder, "d")), existsSync(join(folder, ".staging/b")), existsSync(join(folder, ".trash/c"))]).toEqual([
    true,
    false,
    false,
  ]);
});

describe("reading what is installed", () => {
  const limits = { packed: 1e6, unpacked: 20, files: 2 };
  const read = () => readInstalled(data, "a", limits);
  const write = (name: string, bytes: number) => {
    mkdirSync(join(installedPath(data, "a"), "deep"), { recursive: true });
    writeFileSync(join(installedPath(data, "a"), name), "x".repeat(bytes));
  };

  test("every file by its path", () => {
    write("one", 10);
    write("deep/two", 10);
    expect([...taken(read())].map(([path, bytes]) => [path, bytes.length]).sort()).toEqual([
      ["deep/two", 10],
      ["one", 10],
    ]);
  });

  test("not more bytes, and not more files, than a package may hold", () => {
    write("one", 10);
    write("two", 11);
    expect(refusal(read())).toEqual(["too_large", "holds more than a package may", undefined]);
    write("two", 1);
    write("deep/three", 1);
    expect(refusal(read())[0]).toBe("too_large");
  });

  test("no links, and nothing that is not there", () => {
    expect(refusal(read())).toEqual(["not_found", "cannot be read (ENOENT)", undefined]);
    write("one", 1);
    symlinkSync("/etc/passwd", join(installedPath(data, "a"), "link"));
    expect(refusal(read())).toEqual(["invalid_argument", "holds link, which is no plain file", undefined]);
  });
});

describe("key files", () => {
  test("a pair is made once, the private half for its owner alone", async () => {
    const path = join(data, "key");
    const made = taken(await makeSigningKey(path));
    expect([statSync(path).mode & 0o777, statSync(`${path}.pub`).mode & 0o777 & ~process.umask()]).toEqual([
      0o600,
      0o644 & ~process.umask(),
    ]);
    expect(taken(await readSigningKey(path))).toMatchObject({ fingerprint: made.fingerprint, publicKey: made.publicKey });
    expect(taken(readSigner("", `${path}.pub`))).toEqual({ fingerprint: made.fingerprint, publicKey: made.publicKey });
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(/^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=]{64}\n-----END PRIVATE KEY-----\n$/);
    expect(refusal(await makeSigningKey(path))).toEqual(["conflict", "there is a file already", "choose another name"]);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(refusal(await makeSigningKey(join(data, "no/such/folder")))).toEqual(["data_unusable", "cannot be written (ENOENT)", undefined]);
  });

  test("a private key that others may read, one of another kind, and no key are refused", async () => {
    const path = join(data, "key");
    taken(await makeSigningKey(path));
    for (const mode of [0o640, 0o604, 0o602]) {
      chmodSync(path, mode);
      expect(refusal(await readSigningKey(path))).toEqual([
        "permission_denied",
        "other users may read this private key",
        `chmod 600 ${path}`,
      ]);
    }
    const put = (text: string) => {
      rmSync(path, { force: true });
      writeFileSync(path, text, { mode: 0o600 });
    };
    const [head, foot] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];
    const rsa = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"])) as CryptoKeyPair;
    const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", rsa.privateKey)).toString("base64");
    put(`${head}\n${der}\n${foot}\n`);
    expect(refusal(await readSigningKey(path)).slice(0, 2)).toEqual(["invalid_argument", "is no Ed25519 key"]);
    for (const text of [
      "",
      head,
      `${head}\n%%\n${foot}`,
      `${head}\nAAAA\n`,
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
    ]) {
      put(text);
      expect(refusal(await readSigningKey(path)).slice(0, 2)).toEqual(["invalid_argument", "is no unencrypted PKCS#8 private key"]);
    }
    put("x".repeat(16_385));
    expect(refusal(await readSigningKey(path)).slice(0, 2)).toEqual(["invalid_argument", "is no key file"]);
    put("x".repeat(16_384));
    expect(refusal(await readSigningKey(path))[1]).toBe("is no unencrypted PKCS#8 private key");
    expect(refusal(await readSigningKey(data)).slice(0, 2)).toEqual(["invalid_argument", "is no key file"]);
    expect(refusal(await readSigningKey(join(data, "none")))).toEqual(["not_found", "cannot be read (ENOENT)", "name a key file"]);
  });

  test("a signer is a fingerprint, or a public key of 32 bytes", async () => {
    const path = join(data, "key");
    const { fingerprint } = taken(await makeSigningKey(path));
    expect(taken(readSigner(fingerprint, "nowhere"))).toEqual({ fingerprint, publicKey: null });
    const text = readFileSync(`${path}.pub`, "utf8");
    const body = Buffer.from(text.split("\n")[1] ?? "", "base64");
    const pem = (der: Uint8Array) => `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der).toString("base64")}\n-----END PUBLIC KEY-----\n`;
    for (const der of [body.subarray(0, -1), Buffer.concat([body, Buffer.from([0])]), Buffer.from(body).fill(0, 0, 1)]) {
      writeFileSync(`${path}.pub`, pem(der));
      expect(refusal(readSigner("", `${path}.pub`)).slice(0, 2)).toEqual(["invalid_argument", "is no Ed25519 public key in PEM"]);
    }
    expect(refusal(readSigner("", path))[1]).toBe("is no Ed25519 public key in PEM");
    expect(refusal(readSigner("SHA256:short", join(data, "none")))[0]).toBe("not_found");
  });
});

describe("trusted signers", () => {
  const FINGERPRINTS = ["A", "B"].map((letter) => `SHA256:${letter.repeat(43)}`);
  const signer = (name: string, at = 0) => ({ name, fingerprint: FINGERPRINTS[at] ?? "", added_at: "2026-01-15T10:30:00.000Z" });

  test("each name and each fingerprint once; removed by either", () => {
    expect(taken(readSigners(data))).toEqual([]);
    taken(addSigner(data, signer("ann")));
    const known = ["conflict", `ann (${FINGERPRINTS[0]}) is trusted already`, "zephyrgate trust rm ann"] as const;
    expect(refusal(addSigner(data, signer("ann", 1)))).toEqual(known);
    expect(refusal(addSigner(data, signer("bob")))).toEqual(known);
    taken(addSigner(data, signer("bob", 1)));
    expect(taken(readSigners(data))).toEqual([signer("ann"), signer("bob", 1)]);
    expect(statSync(join(data, "trusted-signers.json")).mode & 0o777).toBe(0o600);
    expect(taken(removeSigner(data, "ann"))).toEqual(signer("ann"));
    expect(taken(removeSigner(data, FINGERPRINTS[1] ?? ""))).toEqual(signer("bob", 1));
    expect(refusal(removeSigner(data, "x".repeat(70)))).toEqual([
      "not_found",
      `no trusted signer is called "${"x".repeat(64)}"`,
      "zephyrgate trust list",
    ]);
  });

  test("may be named before the gateway has run for the first time", () => {
    const fresh = join(data, "fresh/data");
    taken(addSigner(fresh, signer("ann")));
    expect([taken(readSigners(fresh)), statSync(fresh).mode & 0o777]).toEqual([[signer("ann")], 0o700]);
  });

  test("a damaged, a foreign and a huge list are refused, and not written over", () => {
    for (const [text, why] of [
      ["{", ""],
      ['{"format":2,"signers":[]}', ""],
      ['{"format":1,"signers":[{"name":"a","fingerprint":"x","added_at":""}]}', ""],
      [" ".repeat(2 ** 20 + 1), "is too large"],
    ] as const) {
      writeFileSync(join(data, "trusted-signers.json"), text);
      for (const result of [readSigners(data), addSigner(data, signer("ann")), removeSigner(data, "ann")]) {
        const [code, message, hint] = refusal(result);
        expect([code, hint]).toEqual(["data_unusable", "correct it, or move it away"]);
        expect(message).toStartWith(`the list of trusted signers cannot be read: ${why}`);
      }
      expect(readFileSync(join(data, "trusted-signers.json"), "utf8")).toBe(text);
    }
  });
});

describe("the list of installed packages", () => {
  test("that is damaged, foreign or huge is refused with the reason", () => {
    expect(taken(readLock(data))).toEqual({ format: 1, plugins: {}, signers: {} });
    for (const text of ["{", '{"format":2,"plugins":{},"signers":{}}', '{"format":1,"plugins":{"a":{}},"signers":{}}']) {
      writeFileSync(lockPath(data), text);
      expect(refusal(readLock(data))[0]).toBe("data_unusable");
    }
    writeFileSync(lockPath(data), " ".repeat(4 * 2 ** 20 + 1));
    expect(refusal(readLock(data))[1]).toBe("the list of installed packages cannot be read: is too large");
    rmSync(lockPath(data));
    mkdirSync(lockPath(data));
    expect(refusal(readLock(data))[0]).toBe("data_unusable");
  });

  test("no name of an object's own members is a plugin", () => {
    expect(entryOf({ format: 1, plugins: {}, signers: {} }, "constructor")).toBeNull();
  });
});

describe("an index", () => {
  const put = (name: string, bytes: Uint8Array) => writeFileSync(join(data, name), bytes);
  const listed = () => taken(readIndex(readFileSync(join(data, "index.json")), "here"));

  test("lists each package with what an operator wants to know, by name and version", async () => {
    const more =
      'permissions: [send_messages, { http_requests: { hosts: [a.example] } }]\nzephyrgate: { min_version: "0.1.0" }\ndependencies: { plugins: [{ name: bbs, version: ^1.0.0 }, { name: mail, version: "*", optional: true }] }\n';
    const key = await newKey();
    const bytes = await bytesOf("1.2.0", { name: "b", key, more });
    put("z.zgp", bytes);
    put("y.zgp", await bytesOf("1.10.0"));
    put("x.zgp", await bytesOf("1.9.0"));
    put("notes.txt", Buffer.from("no package"));
    expect(taken(await buildIndex(data))).toBe(3);
    expect(listed().map(({ name, version, file }) => [name, version, file])).toEqual([
      ["a", "1.9.0", "x.zgp"],
      ["a", "1.10.0", "y.zgp"],
      ["b", "1.2.0", "z.zgp"],
    ]);
    expect(listed()[2]).toEqual({
      name: "b",
      version: "1.2.0",
      file: "z.zgp",
      bytes: bytes.length,
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
      signer: key.fingerprint,
      description: "d",
      author: "x",
      permissions: ["send_messages", { http_requests: { hosts: ["a.example"] } }],
      requires: [{ name: "bbs", version: "^1.0.0" }],
      zephyrgate: { min_version: "0.1.0" },
    } as never);
  });

  test("is not written where two packages are the same, or one is damaged or has a name that cannot be listed", async () => {
    put("x.zgp", await bytesOf("1.0.0"));
    put("y.zgp", await bytesOf("1.0.0"));
    expect(refusal(await buildIndex(data))).toEqual(["conflict", "x.zgp and y.zgp are both a 1.0.0", "remove one of them"]);
    put("y.zgp", Buffer.from("damaged"));
    const damaged = await buildIndex(data);
    expect(damaged.ok ? null : damaged.error.where).toBe(join(data, "y.zgp"));
    rmSync(join(data, "y.zgp"));
    put("a b.zgp", await bytesOf("1.1.0"));
    expect(refusal(await buildIndex(data))[1]).toStartWith("cannot be listed: file ");
    expect(existsSync(join(data, "index.json"))).toBe(false);
    expect(refusal(await buildIndex(join(data, "nowhere")))).toEqual(["data_unusable", "the index cannot be made (ENOENT)", undefined]);
    rmSync(join(data, "a b.zgp"));
    expect(taken(await buildIndex(data))).toBe(1);
  });
});
