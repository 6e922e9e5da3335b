/** What a package file can do to whoever installs it: to its signature, its age, its name, and the reader of archives. */
import { expect } from "bun:test";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { packArchive, unpackArchive } from "../../../src/packages/archive.ts";
import { PACKAGE_LIMITS, writePackage } from "../../../src/packages/package.ts";
import { fingerprintOf, type SigningKey } from "../../../src/packages/trust/signature.ts";
import type { Attack } from "../attack.ts";
import type { World } from "../world.ts";

const CONTENTS = "zephyrgate-package.json";
const SIGNATURE = "zephyrgate-signature.json";

async function newKey(): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("no key pair");
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { privateKey: pair.privateKey, publicKey, fingerprint: fingerprintOf(publicKey) };
}

async function made(version: string, key: SigningKey | null, name = "parcel", says = `is ${version}`): Promise<Uint8Array> {
  const text = `name: ${name}\nversion: "${version}"\ndescription: a parcel\nauthor: tests\ncapabilities: { commands: [{ name: ${name} }] }\npermissions: [send_messages]\n`;
  const manifest = parseManifest(text, "manifest.yaml");
  if (!manifest.ok) throw new Error(manifest.error[0]?.message);
  const code = `import { Plugin } from "zephyrgate";
export default class Parcel extends Plugin {
  initialize() { this.registerCommand("${name}", () => "${name} ${says}"); }
}
`;
  const files = new Map([
    ["manifest.yaml", Buffer.from(text)],
    ["plugin.ts", Buffer.from(code)],
  ]);
  const written = await writePackage({ manifest: manifest.value, code: "0".repeat(64), files }, key);
  if (!written.ok) throw written.error;
  return written.value;
}

function changed(bytes: Uint8Array, change: (files: Map<string, Uint8Array>) => void): Uint8Array {
  const unpacked = unpackArchive(bytes, PACKAGE_LIMITS);
  if (!unpacked.ok) throw unpacked.error;
  const files = new Map(unpacked.value);
  change(files);
  const packed = packArchive(files, CONTENTS);
  if (!packed.ok) throw packed.error;
  return packed.value;
}

async function upload({ gateway }: World, bytes: Uint8Array): Promise<{ status: number; text: string }> {
  const response = await gateway.tryFetch("/api/v1/plugins", {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/octet-stream" },
    body: new Uint8Array(bytes),
  });
  return { status: response?.status ?? 0, text: (await response?.text()) ?? "" };
}

/** Installs versions 1 and 2 signed by one key, then offers what `attack` makes of them; version 2 must go on running. */
const offered = (
  name: string,
  tries: string,
  attack: (key: SigningKey, old: Uint8Array, current: Uint8Array) => Promise<Uint8Array> | Uint8Array,
): Attack => ({
  name,
  tries,
  wall: "packages",
  act: async (world) => {
    const { gateway } = world;
    const key = await newKey();
    const [old, current] = [await made("1.0.0", key), await made("2.0.0", key)];
    try {
      expect((await upload(world, old)).status).toBe(202);
      const { body } = await gateway.api<{ permission_hash: string }>("GET", "/plugins/parcel");
      expect((await gateway.api("POST", "/plugins/parcel/enable", { accept: body.permission_hash })).status).toBe(200);
      expect((await upload(world, current)).status).toBe(200);
      const answer = await upload(world, await attack(key, old, current));
      expect([400, 409, 413]).toContain(answer.status);
      const { text } = await gateway.ask("parcel", /^parcel is /, undefined, world.asker());
      return `${text} ${answer.status}`;
    } finally {
      await gateway.api("DELETE", "/plugins/parcel?purge=true");
    }
  },
  check: (_, said) => expect(said).toMatch(/^parcel is 2\.0\.0 4/),
});

export const PACKAGE: readonly Attack[] = [
  offered("package_other_signer", "is a new version that somebody else signed", async () => made("3.0.0", await newKey())),
  offered("package_unsigned", "is a new version without a signature, after signed ones", () => made("3.0.0", null)),
  offered("package_stripped", "is a signed version whose signature was taken off", (key) =>
    made("3.0.0", key).then((bytes) => changed(bytes, (files) => void files.delete(SIGNATURE))),
  ),
  offered("package_forged", "is a signed version with other code, and a table of contents that fits it", async (_, __, current) => {
    const theirs = unpackArchive(await made("2.0.0", null, "parcel", "taken over"), PACKAGE_LIMITS);
    if (!theirs.ok) throw theirs.error;
    return changed(current, (files) => {
      for (const [path, bytes] of theirs.value) files.set(path, bytes);
    });
  }),
  offered("package_changed", "is a signed version with another file's content", (_, __, current) =>
    changed(current, (files) => files.set("plugin.ts", Buffer.from("export default 1;"))),
  ),
  offered("package_added", "is a signed version with one more file", (_, __, current) =>
    changed(current, (files) => files.set("more.ts", Buffer.from("export default 1;"))),
  ),
  offered("package_borrowed", "carries the signature of another package of the same signer", async (key, old) => {
    const other = unpackArchive(old, PACKAGE_LIMITS);
    if (!other.ok) throw other.error;
    const signature = other.value.get(SIGNATURE) ?? new Uint8Array();
    return changed(await made("3.0.0", key), (files) => files.set(SIGNATURE, signature));
  }),
  offered("package_replayed", "is an old version, rightly signed, with its known faults", (_, old) => old),
  offered("package_truncated", "is half a package", (_, __, current) => current.subarray(0, current.length >> 1)),
  offered("package_named_ping", "has the name of a bundled plugin", (key) => made("9.0.0", key, "ping")),
  offered("package_named_victim", "has the name of a plugin that was accepted from a folder", (key) => made("9.0.0", key, "victim")),
];
