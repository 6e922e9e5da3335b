/** What a file from anybody is refused for: each reason in its words, at its limit, and with the way out. */
import { expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { parseManifest } from "../../src/manifest/parse.ts";
import { type Files, header, packArchive, pathProblem, readHeader, unpackArchive } from "../../src/packages/archive.ts";
import { readPackage, writePackage } from "../../src/packages/package.ts";

const TOO_LARGE = "leave out what the plugin does not need";
const DAMAGED = "get it again, or make it with zephyrgate";
const MIB = 2 ** 20;
const LIMITS = { packed: MIB, unpacked: 2 * MIB, files: 3 };
const filesOf = (sizes: Readonly<Record<string, number>>): Files =>
  new Map(Object.entries(sizes).map(([path, size]) => [path, new Uint8Array(size)]));

function packed(files: Files, first = "first"): Uint8Array {
  const made = packArchive(files, first);
  if (!made.ok) throw made.error;
  return made.value;
}

async function outcome(bytes: Uint8Array, limits = LIMITS): Promise<readonly (string | undefined)[]> {
  const read = await unpackArchive(bytes, limits);
  return read.ok ? ["taken"] : [read.error.code, read.error.message, read.error.hint];
}

/** The tar of one file, changed. */
function changed(change: (tar: Buffer) => Uint8Array | undefined): Uint8Array {
  const tar = Buffer.from(gunzipSync(packed(filesOf({ abc: 600 }))));
  return gzipSync(change(tar) ?? tar);
}

/** Changes a header and corrects its sum. */
function resummed(tar: Buffer, change: (tar: Buffer) => void): Buffer {
  change(tar);
  tar.fill(" ", 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

test("an archive at each limit is taken, and one beyond it is refused with the limit", async () => {
  expect(await outcome(packed(filesOf({ a: MIB, b: MIB })))).toEqual(["taken"]);
  expect(await outcome(packed(filesOf({ a: MIB, b: MIB + 1 })))).toEqual(["too_large", "the file unpacks to more than 2 MB", TOO_LARGE]);
  expect(await outcome(gzipSync(Buffer.alloc(16 * MIB)))).toEqual(["too_large", "the file unpacks to more than 2 MB", TOO_LARGE]);
  expect(await outcome(packed(filesOf({ a: 1, b: 1, c: 1 })))).toEqual(["taken"]);
  expect(await outcome(packed(filesOf({ a: 1, b: 1, c: 1, d: 1 })))).toEqual(["too_large", "the file holds more than 3 files", TOO_LARGE]);
  const small = packed(filesOf({ a: 1 }));
  expect(await outcome(small, { ...LIMITS, packed: small.length })).toEqual(["taken"]);
  expect(await outcome(small, { ...LIMITS, packed: small.length - 1 })).toEqual(["too_large", "the file is larger than 0 MB", TOO_LARGE]);
  expect(await outcome(new Uint8Array(MIB + 1))).toEqual(["too_large", "the file is larger than 1 MB", TOO_LARGE]);
});

test.each<[string, Uint8Array, string]>([
  ["no gzip", Buffer.from("hello"), "is damaged, or no package"],
  ["a gzip that is cut", packed(filesOf({ a: 5000 })).subarray(0, -12), "is damaged, or no package"],
  ["no tar", gzipSync(Buffer.alloc(512, "x")), "is no package"],
  ["another format of tar", changed((tar) => void tar.write("xstar", 257)), "is no package"],
  ["a header whose sum is wrong", changed((tar) => void tar.write("b", 0)), "is damaged"],
  ["a size that is no number", changed((tar) => resummed(tar, (block) => block.write("00000000008\0", 124))), "is damaged"],
  ["a size of twelve digits", changed((tar) => resummed(tar, (block) => block.write("000000000010", 124))), "is damaged"],
  ["a link", changed((tar) => resummed(tar, (block) => block.write("2", 156))), "holds abc, which is no plain file"],
  [
    "a path outside",
    changed((tar) => resummed(tar, (block) => block.write("../", 0))),
    'holds "../", which is not a plain path inside the folder',
  ],
  ["content that is cut", changed((tar) => tar.subarray(0, 512 + 599)), "is cut short"],
  ["bytes behind the end", changed((tar) => Buffer.concat([tar, Buffer.from("x")])), "has something behind its end"],
  ["bytes far behind the end", changed((tar) => Buffer.concat([tar, Buffer.alloc(MIB), Buffer.from("x")])), "has something behind its end"],
])("%s", async (_, bytes, why) => {
  expect(await outcome(bytes)).toEqual(["invalid_argument", `the file ${why}`, DAMAGED]);
});

test("content that ends with the file, without the two empty blocks, is whole", async () => {
  expect(await outcome(changed((tar) => tar.subarray(0, 512 + 600)))).toEqual(["taken"]);
});

test("the first file comes first, the others by their bytes; the archive names no operating system", async () => {
  const made = packed(filesOf({ b: 1, a: 0, ä: 1, first: 512, Z: 513 }));
  expect(made[9]).toBe(255);
  const read = await unpackArchive(made, { ...LIMITS, files: 10 });
  expect(read.ok && [...read.value].map(([path, bytes]) => [path, bytes.length])).toEqual([
    ["first", 512],
    ["Z", 513],
    ["a", 0],
    ["b", 1],
    ["ä", 1],
  ]);
});

test("a path that cannot be packed is named, cut to a hundred characters", () => {
  const refused = packArchive(filesOf({ [`../${"x".repeat(200)}`]: 1 }), "first");
  expect(refused.ok ? [] : [refused.error.code, refused.error.message, refused.error.hint]).toEqual([
    "invalid_argument",
    `../${"x".repeat(97)} is not a plain path inside the folder`,
    "rename it, or move it up",
  ]);
});

test("a header says what it was made of, at each length of path", () => {
  const part = (length: number) => "p".repeat(length);
  for (const path of ["a", part(100), `${part(1)}/${part(100)}`, `${part(100)}/${part(54)}/${part(99)}`, `ü/${"ü".repeat(50)}`]) {
    expect(pathProblem(path)).toBeNull();
    const read = readHeader(header(path, 0o1234567));
    expect(read.ok && read.value).toEqual({ path, size: 0o1234567 });
  }
  expect(pathProblem("ü".repeat(51))).toBe("is too long a path");
  expect(pathProblem(`${"ü".repeat(77)}/a`)).toBeNull();
  expect(pathProblem(`${"ü".repeat(78)}/a`)).toBe("is too long a path");
});

const MANIFEST = 'name: packed\nversion: "1.2.3"\ndescription: d\nauthor: a\n';

async function reworked(change: (files: Map<string, Uint8Array>) => void): Promise<readonly (string | undefined)[]> {
  const manifest = parseManifest(MANIFEST, "manifest.yaml");
  if (!manifest.ok) throw new RangeError("the manifest is refused");
  const files = new Map([
    ["manifest.yaml", Buffer.from(MANIFEST)],
    ["plugin.ts", Buffer.from("export default 1;\n")],
  ]);
  const made = await writePackage({ manifest: manifest.value, code: "0".repeat(64), files });
  const all = made.ok ? await unpackArchive(made.value, { ...LIMITS, files: 10 }) : made;
  if (!all.ok) throw all.error;
  const content = new Map(all.value);
  change(content);
  const read = await readPackage(packed(content));
  return read.ok ? ["taken"] : [read.error.code, read.error.message, read.error.hint];
}

/** Changes the table of contents. */
function retold(change: (table: { readonly files: { readonly [path: string]: { readonly bytes: number } } }) => object) {
  return (files: Map<string, Uint8Array>) => {
    const name = "zephyrgate-package.json";
    const table = JSON.parse(new TextDecoder().decode(files.get(name)));
    files.set(name, Buffer.from(JSON.stringify({ ...table, ...change(table) })));
  };
}

const UNKNOWN = "the package has no table of contents that this version knows";

test.each<[string, (files: Map<string, Uint8Array>) => void, string]>([
  ["another name", retold(() => ({ name: "other" })), "the package says another name or version than its manifest"],
  ["another version", retold(() => ({ version: "1.2.4" })), "the package says another name or version than its manifest"],
  ["another format", retold(() => ({ format: 2 })), UNKNOWN],
  ["something more", retold(() => ({ more: 1 })), UNKNOWN],
  ["a code hash that is none", retold(() => ({ code: "0" })), UNKNOWN],
  ["no table", (files) => void files.delete("zephyrgate-package.json"), UNKNOWN],
  [
    "a file more",
    (files) => void files.set("more.ts", Buffer.from("")),
    "the package holds more.ts, which is not in its table of contents",
  ],
  ["a file less", (files) => void files.delete("plugin.ts"), "the package lacks plugin.ts"],
  [
    "other bytes of the same length",
    (files) => void files.set("plugin.ts", Buffer.from("export default 2;\n")),
    "the package is damaged: plugin.ts is not what the table of contents says",
  ],
  [
    "the same bytes, and another length in the table",
    retold(({ files }) => ({
      files: Object.fromEntries(Object.entries(files).map(([path, file]) => [path, { ...file, bytes: file.bytes + 1 }])),
    })),
    "the package is damaged: manifest.yaml is not what the table of contents says",
  ],
])("a package with %s is refused", async (_, change, why) => {
  expect(await reworked(change)).toEqual(["invalid_argument", why, "make it with: zephyrgate plugin pack DIR"]);
});
