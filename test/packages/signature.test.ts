import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSigningKey, readSigner, readSigningKey } from "../../src/packages/trust/keys.ts";
import { noteInstalled, noteRemoved, noteSwapped, readLock, restoreEntry } from "../../src/packages/trust/lock.ts";
import { judgeAge, judgeSigner } from "../../src/packages/trust/policy.ts";
import { sign, verify } from "../../src/packages/trust/signature.ts";
import { addSigner, readSigners, removeSigner } from "../../src/packages/trust/signers.ts";

const dir = mkdtempSync(join(tmpdir(), "zephyrgate-trust-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const CONTENTS = new TextEncoder().encode("the contents");
const shown = (result: { ok: true; value: unknown } | { ok: false; error: { summary(): string } }) =>
  result.ok ? "taken" : result.error.summary();

test("a signature names its signer; no other contents, key or bytes pass for it", async () => {
  const made = await makeSigningKey(join(dir, "one.pem"));
  const key = await readSigningKey(join(dir, "one.pem"));
  if (!made.ok || !key.ok) throw new Error("no key");
  expect(key.value.fingerprint).toBe(made.value.fingerprint);
  const file = await sign(CONTENTS, key.value);
  expect(await sign(CONTENTS, key.value)).toEqual(file);
  const signer = await verify(CONTENTS, file);
  expect(signer.ok && signer.value.fingerprint).toBe(made.value.fingerprint);
  expect(shown(await verify(new TextEncoder().encode("other contents"), file))).toContain("does not belong to its contents");
  const parsed = JSON.parse(new TextDecoder().decode(file));
  const changed = (over: object) => verify(CONTENTS, Buffer.from(JSON.stringify({ ...parsed, ...over })));
  await makeSigningKey(join(dir, "two.pem"));
  const other = await readSigningKey(join(dir, "two.pem"));
  if (!other.ok) throw other.error;
  const zeros = (bytes: number) => Buffer.alloc(bytes).toString("base64");
  const rows: readonly [object, string][] = [
    [{ public_key: Buffer.from(other.value.publicKey).toString("base64") }, "does not belong"],
    [{ public_key: zeros(32), signature: zeros(64) }, "does not belong"],
    [{ public_key: zeros(31) }, "damaged"],
    [{ signature: zeros(63) }, "damaged"],
    [{ algorithm: "none" }, "damaged"],
    [{ format: 2 }, "damaged"],
    [{ more: 1 }, "damaged"],
  ];
  for (const [over, wanted] of rows) expect([over, shown(await changed(over))]).toEqual([over, expect.stringContaining(wanted)]);
});

test("a key of small order is no signer: one signature of it would fit every package", async () => {
  for (const sign of [0, 0x80]) {
    const identity = Buffer.alloc(32);
    identity[0] = 1;
    const signature = Buffer.concat([identity, Buffer.alloc(32)]);
    identity[31] = sign;
    const file = { format: 1, algorithm: "Ed25519", public_key: identity.toString("base64"), signature: signature.toString("base64") };
    expect(shown(await verify(CONTENTS, Buffer.from(JSON.stringify(file))))).toContain("does not belong to its contents");
  }
});

test("key files: only the owner's private key, and only Ed25519", async () => {
  await makeSigningKey(join(dir, "mine.pem"));
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(join(dir, "mine.pem"), mode);
    expect(shown(await readSigningKey(join(dir, "mine.pem")))).toContain("other users may read this private key (chmod 600");
  }
  chmodSync(join(dir, "mine.pem"), 0o400);
  expect((await readSigningKey(join(dir, "mine.pem"))).ok).toBe(true);
  expect(shown(await readSigningKey(dir))).toContain("is no key file");
  writeFileSync(join(dir, "long.pem"), "x".repeat(20_000), { mode: 0o600 });
  expect(shown(await readSigningKey(join(dir, "long.pem")))).toContain("is no key file");
  expect(shown(await readSigningKey(join(dir, "mine.pem.pub")))).toMatch(/other users|no unencrypted/);
  expect(shown(readSigner("mine.pem", join(dir, "mine.pem")))).toContain("is no Ed25519 public key");
  const signer = readSigner("mine.pem.pub", join(dir, "mine.pem.pub"));
  expect(signer.ok && readSigner(signer.value.fingerprint, "").ok).toBe(true);
  symlinkSync(join(dir, "mine.pem"), join(dir, "link.pem"));
  expect((await readSigningKey(join(dir, "link.pem"))).ok).toBe(true);
});

const version = (number: string, signer: string | null) => ({
  version: number,
  sha256: "s",
  contents: "c",
  signer,
  installed_at: "2026-01-01T00:00:00Z",
});

test("the lock file remembers versions, signers and the highest version", () => {
  const data = mkdtempSync(join(dir, "data-"));
  const entry = () => {
    const lock = readLock(data);
    if (!lock.ok) throw lock.error;
    return lock.value.plugins.a ?? null;
  };
  noteInstalled(data, "a", version("1.0.0", "SHA256:x"));
  noteInstalled(data, "a", version("2.0.0", "SHA256:x"));
  expect(entry()).toMatchObject({ active: { version: "2.0.0" }, previous: { version: "1.0.0" }, highest: "2.0.0", signer: "SHA256:x" });
  noteSwapped(data, "a");
  expect(entry()).toMatchObject({ active: { version: "1.0.0" }, previous: { version: "2.0.0" }, highest: "2.0.0" });
  const before = entry();
  noteRemoved(data, "a", true);
  expect(entry()).toMatchObject({ active: null, previous: null, highest: "2.0.0", signer: "SHA256:x" });
  restoreEntry(data, "a", before);
  expect(entry()).toEqual(before);
  noteRemoved(data, "a", false);
  expect(entry()).toBeNull();
  const lock = readLock(data);
  expect(lock.ok && Object.keys(lock.value.signers)).toEqual(["SHA256:x"]);
  for (const text of ["{", "[]", '{"format":2}', "x".repeat(5_000_000)]) {
    writeFileSync(join(data, "plugins.lock.json"), text);
    const read = readLock(data);
    expect(read.ok ? "" : read.error.summary()).toMatch(/plugins\.lock\.json: the list of installed packages cannot be read/);
  }
});

test("who may replace whom", () => {
  const entry = { active: version("1.0.0", "SHA256:x"), previous: null, signer: "SHA256:x", highest: "1.0.0" };
  const offered = (signer: string | null, number = "1.1.0") => ({ name: "a", version: number, signer });
  const rows: readonly [string, ReturnType<typeof judgeSigner>, boolean][] = [
    ["first, unsigned", judgeSigner(offered(null), null, undefined), true],
    ["first, signed", judgeSigner(offered("SHA256:x"), null, undefined), true],
    ["first, expected otherwise", judgeSigner(offered("SHA256:x"), null, "SHA256:y"), false],
    ["the same", judgeSigner(offered("SHA256:x"), entry, undefined), true],
    ["signed after unsigned", judgeSigner(offered("SHA256:x"), { ...entry, signer: null }, undefined), true],
    ["another", judgeSigner(offered("SHA256:y"), entry, undefined), false],
    ["another, accepted", judgeSigner(offered("SHA256:y"), entry, "SHA256:y"), true],
    ["none", judgeSigner(offered(null), entry, undefined), false],
    ["none, accepted", judgeSigner(offered(null), entry, "none"), true],
    ["none, another accepted", judgeSigner(offered(null), entry, "SHA256:y"), false],
    ["newer", judgeAge(offered(null, "1.0.1"), entry, false), true],
    ["the same version", judgeAge(offered(null, "1.0.0"), entry, false), true],
    ["older", judgeAge(offered(null, "0.9.0"), entry, false), false],
    ["a prerelease of the same", judgeAge(offered(null, "1.0.0-rc.1"), entry, false), false],
    ["older, forced", judgeAge(offered(null, "0.9.0"), entry, true), true],
  ];
  for (const [what, judged, wanted] of rows) expect([what, judged.ok]).toEqual([what, wanted]);
});

test("trusted signers have one name each", () => {
  const data = mkdtempSync(join(dir, "data-"));
  const signer = (name: string, letter: string) => ({ name, fingerprint: `SHA256:${letter.repeat(43)}`, added_at: "2026-01-01T00:00:00Z" });
  expect(addSigner(data, signer("alice", "A")).ok).toBe(true);
  expect(shown(addSigner(data, signer("alice", "B")))).toContain("is trusted already");
  expect(shown(addSigner(data, signer("bob", "A")))).toContain("is trusted already");
  expect(addSigner(data, signer("bob", "B")).ok).toBe(true);
  expect(shown(removeSigner(data, "carol"))).toContain("no trusted signer is called");
  expect(removeSigner(data, signer("", "A").fingerprint).ok).toBe(true);
  const left = readSigners(data);
  expect(left.ok && left.value.map(({ name }) => name)).toEqual(["bob"]);
});
