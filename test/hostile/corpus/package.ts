/** What a package file can do to whoever installs it: to its signature, its age, its name, and the reader of archives. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
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

async function changed(bytes: Uint8Array, change: (files: Map<string, Uint8Array>) => void): Promise<Uint8Array> {
  const unpacked = await unpackArchive(bytes, PACKAGE_LIMITS);
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

/** Five times what is meant. */
const MOST_MS = { manifest: 100, archive: 50 };
const UPLOADS = 5;

/** A package of `files`, its table of contents right, whatever its manifest is. */
function packageOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const digest = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const listed = Object.fromEntries([...files].map(([path, bytes]) => [path, { bytes: bytes.length, sha256: digest(bytes) }]));
  const table = { format: 1, name: "parcel", version: "1.0.0", code: "0".repeat(64), files: listed };
  const packed = packArchive(new Map([[CONTENTS, Buffer.from(JSON.stringify(table))], ...files]), CONTENTS);
  if (!packed.ok) throw packed.error;
  return packed.value;
}

/** Processor time of the gateway's main thread, ms: what others do on the machine does not count. */
function mainThreadMs({ gateway: { process } }: World): number {
  const fields = readFileSync(`/proc/${process.pid}/task/${process.pid}/schedstat`, "utf8").split(" ");
  return Number(fields[0]) / 1e6;
}

/** The longest that the API kept somebody else waiting while `work` ran, by the processor time that its thread used meanwhile. */
async function longestWait(world: World, work: () => Promise<unknown>): Promise<number> {
  let going = true;
  let longest = 0;
  const others = async () => {
    while (going) {
      const before = { cpu: mainThreadMs(world), at: performance.now() };
      await world.gateway.tryFetch("/api/v1/health/live");
      longest = Math.max(longest, Math.min(mainThreadMs(world) - before.cpu, performance.now() - before.at));
    }
  };
  const asking = others();
  await work();
  going = false;
  await asking;
  return longest;
}

/** Sends such a package again and again, while others ask the API; it is refused, and nobody waits. */
const slow = (what: keyof typeof MOST_MS, tries: string, files: () => ReadonlyMap<string, Uint8Array>): Attack => ({
  name: `package_slow_${what}`,
  tries,
  wall: "packages",
  act: async (world) => {
    const bytes = packageOf(files());
    const statuses = new Set<number>();
    const waits: number[] = [];
    for (let time = 0; time < UPLOADS; time++)
      waits.push(await longestWait(world, async () => void statuses.add((await upload(world, bytes)).status)));
    // A pause for other reasons, such as the collector's, does not come each time.
    return `${[...statuses].join()} ${Math.min(...waits).toFixed(0)}`;
  },
  check: (_, said) => {
    const [status, wait] = said.split(" ");
    expect(status).toMatch(/^(?:400|413|422)$/);
    expect(Number(wait)).toBeLessThan(MOST_MS[what]);
  },
});

const empty = new Uint8Array();
const DEEP = "a/".repeat(120);

export const PACKAGE: readonly Attack[] = [
  offered("package_other_signer", "is a new version that somebody else signed", async () => made("3.0.0", await newKey())),
  offered("package_unsigned", "is a new version without a signature, after signed ones", () => made("3.0.0", null)),
  offered("package_stripped", "is a signed version whose signature was taken off", (key) =>
    made("3.0.0", key).then((bytes) => changed(bytes, (files) => void files.delete(SIGNATURE))),
  ),
  offered("package_forged", "is a signed version with other code, and a table of contents that fits it", async (_, __, current) => {
    const theirs = await unpackArchive(await made("2.0.0", null, "parcel", "taken over"), PACKAGE_LIMITS);
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
    const other = await unpackArchive(old, PACKAGE_LIMITS);
    if (!other.ok) throw other.error;
    const signature = other.value.get(SIGNATURE) ?? new Uint8Array();
    return changed(await made("3.0.0", key), (files) => files.set(SIGNATURE, signature));
  }),
  offered("package_replayed", "is an old version, rightly signed, with its known faults", (_, old) => old),
  offered("package_truncated", "is half a package", (_, __, current) => current.subarray(0, current.length >> 1)),
  slow("manifest", "keeps the API waiting by a manifest that takes the parser most of a second", () => {
    const text = `name: parcel\nversion: "1.0.0"\ndescription: d\nauthor: a\nx-a: ${"}".repeat(64_000)}\n`;
    return new Map([["manifest.yaml", Buffer.from(text)]]);
  }),
  slow("archive", "keeps the API waiting by thousands of files in deep folders, and megabytes to unpack and hash", () => {
    const files = new Map<string, Uint8Array>([["manifest.yaml", Buffer.from("name: [")]]);
    for (let at = 0; at < 3900; at++) files.set(`${DEEP}${at}`, empty);
    return files.set("large.bin", new Uint8Array(14 * 2 ** 20));
  }),
  offered("package_named_ping", "has the name of a bundled plugin", (key) => made("9.0.0", key, "ping")),
  offered("package_named_victim", "has the name of a plugin that was accepted from a folder", (key) => made("9.0.0", key, "victim")),
];
