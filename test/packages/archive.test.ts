/** Files that come from anybody: what was packed comes out again, and nothing else does harm. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseManifest } from "../../src/manifest/parse.ts";
import { type Files, packArchive, pathProblem, unpackArchive } from "../../src/packages/archive.ts";
import { BACKUP_LIMITS, readBackup, writeBackup } from "../../src/packages/backup.ts";
import { installedPath, place, rollBack, uninstall } from "../../src/packages/installed.ts";
import { readPackage, writePackage } from "../../src/packages/package.ts";
import { tempDir } from "../gateway/harness.ts";

const LIMITS = { packed: 1 << 20, unpacked: 4 << 20, files: 100 };
const bytes = (text: string) => new TextEncoder().encode(text);
const name = fc.stringMatching(/^[a-zA-Z0-9_ @.+-]{1,60}$/).filter((text) => pathProblem(text) === null);
const path = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"))
  .filter((text) => pathProblem(text) === null);
/** No path of which is a folder of another, nor the same in other capitals. */
const files = fc
  .uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 2000 })), { maxLength: 12, selector: ([text]) => text.toLowerCase() })
  .filter((list) => !list.some(([a]) => list.some(([b]) => b.toLowerCase().startsWith(`${a.toLowerCase()}/`))))
  .map((list) => new Map(list));

function packed(content: Files): Uint8Array {
  const made = packArchive(content, "first");
  if (!made.ok) throw made.error;
  return made.value;
}

/** Changes the tar inside, and corrects nothing. */
async function altered(content: Files, change: (tar: Buffer) => Uint8Array): Promise<string> {
  const unpacked = await unpackArchive(gzipSync(change(gunzipSync(packed(content)))), LIMITS);
  return unpacked.ok ? "taken" : unpacked.error.message;
}

/** A header of ours with another path or type, its sum right. */
function forged(tar: Buffer, change: (header: Buffer) => void): Buffer {
  change(tar);
  tar.fill(" ", 148, 156);
  let sum = 0;
  for (let at = 0; at < 512; at++) sum += tar[at] ?? 0;
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

describe("an archive", () => {
  test("gives back what was packed, and is the same in whatever order it was given", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (content) => {
        const first = packed(content);
        expect(Buffer.compare(first, packed(new Map([...content].reverse())))).toBe(0);
        const unpacked = await unpackArchive(first, LIMITS);
        expect(unpacked.ok && [...unpacked.value].map(([each, data]) => [each, Buffer.from(data).toString("hex")]).sort()).toEqual(
          [...content].map(([each, data]) => [each, Buffer.from(data).toString("hex")]).sort(),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("rubbish and damage are refused, never thrown", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), fc.nat(255), fc.boolean(), async (content, where, value, inside) => {
        const good = packed(content);
        const changed = Buffer.from(inside ? gunzipSync(good) : good);
        changed[where % changed.length] = value;
        const unpacked = await unpackArchive(inside ? gzipSync(changed) : changed, LIMITS);
        if (unpacked.ok) for (const each of unpacked.value.keys()) expect(pathProblem(each)).toBeNull();
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (data) => void (await unpackArchive(data, LIMITS))),
      { numRuns: 200 },
    );
  });

  test.each(["../evil", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\b", "C:/x", "a\u0000b", "a\nb", "", "x".repeat(300), "..", "a/.."])(
    "the path %j is never packed nor unpacked",
    (bad) => {
      expect(pathProblem(bad)).not.toBeNull();
      expect(packArchive(new Map([[bad, bytes("x")]]), "first").ok).toBe(false);
    },
  );

  test("a path is as long as the two fields of the format, cut at a slash", async () => {
    const [prefix, name] = ["p".repeat(100), "n".repeat(100)];
    const deep = `${prefix}/${"q".repeat(54)}/${name}`;
    expect([deep.length, pathProblem(deep)]).toEqual([256, "is not a plain path inside the folder"]);
    const longest = `${prefix}/${"q".repeat(53)}/${name}`;
    expect(pathProblem(longest)).toBeNull();
    const unpacked = await unpackArchive(packed(new Map([[longest, bytes("x")]])), LIMITS);
    expect(unpacked.ok && [...unpacked.value.keys()]).toEqual([longest]);
    expect(pathProblem(`${"ü".repeat(60)}`)).toBe("is too long a path");
    expect(pathProblem("n".repeat(100))).toBeNull();
  });

  test("the header is the format's, byte by byte", () => {
    const tar = gunzipSync(packed(new Map([["a/b.txt", bytes("hello")]])));
    const field = (from: number, length: number) => tar.toString("latin1", from, from + length);
    expect(tar).toHaveLength(4 * 512);
    expect([field(0, 8), field(100, 24), field(124, 12), field(136, 12), field(156, 1), field(257, 8)]).toEqual([
      "a/b.txt\0",
      "0000644\0" + "0000000\0" + "0000000\0",
      "00000000005\0",
      "00000000000\0",
      "0",
      "ustar\0" + "00",
    ]);
    expect(field(512, 6)).toBe("hello\0");
  });

  test("a forged header cannot name what we would not", async () => {
    const one = new Map([["abcdefghij", bytes("x")]]);
    const named = (text: string) => altered(one, (tar) => forged(tar, (header) => header.write(text.padEnd(10, "\0"), 0, "utf8")));
    expect(await named("../../evil")).toContain("is not a plain path");
    expect(await named("/etc/x")).toContain("is not a plain path");
    for (const type of ["1", "2", "3", "5", "6", "x", "g", "L"]) {
      expect(await altered(one, (tar) => forged(tar, (header) => header.write(type, 156, "latin1")))).toContain("which is no plain file");
    }
    expect(await altered(one, (tar) => forged(tar, (header) => header.write("77777777777\0", 124, "latin1")))).toContain("cut short");
    expect(await altered(one, (tar) => forged(tar, (header) => header.write("-0000000001\0", 124, "latin1")))).toContain("damaged");
  });

  test("doubles, in other capitals too, and a file where a folder is needed", async () => {
    const tarOf = (content: Files) => gunzipSync(packed(content)).subarray(0, -1024);
    const both = async (a: string, b: string) => {
      const tar = Buffer.concat([tarOf(new Map([[a, bytes("1")]])), gunzipSync(packed(new Map([[b, bytes("2")]])))]);
      const unpacked = await unpackArchive(gzipSync(tar), LIMITS);
      return unpacked.ok ? "taken" : unpacked.error.message;
    };
    expect(await both("a", "b")).toBe("taken");
    expect(await both("a", "a")).toContain("holds a twice");
    expect(await both("Plugin.ts", "plugin.ts")).toContain("twice");
    expect(await both("lib", "lib/a.ts")).toContain("has a file where lib/a.ts needs a folder");
  });

  test("what grows beyond the limits is not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    expect(bomb.length).toBeLessThan(LIMITS.packed);
    const started = performance.now();
    const unpacked = await unpackArchive(bomb, LIMITS);
    expect(unpacked.ok ? "" : unpacked.error.code).toBe("too_large");
    expect(performance.now() - started).toBeLessThan(5000);
    const many = new Map(Array.from({ length: 101 }, (_, index) => [`f${index}`, bytes("")]));
    expect((await unpackArchive(packed(many), LIMITS)).ok).toBe(false);
    expect((await unpackArchive(new Uint8Array((1 << 20) + 1), LIMITS)).ok).toBe(false);
  });
});

const MANIFEST = 'name: packed\nversion: "1.2.3"\ndescription: d\nauthor: a\n';
const CODE = "0".repeat(64);

async function samplePackage(over: Record<string, string> = {}): Promise<Uint8Array> {
  const manifest = parseManifest(MANIFEST, "manifest.yaml");
  if (!manifest.ok) throw new Error("manifest");
  const content = { "manifest.yaml": MANIFEST, "plugin.ts": "export default 1;\n", ...over };
  const made = await writePackage({
    manifest: manifest.value,
    code: CODE,
    files: new Map(Object.entries(content).map(([at, text]) => [at, bytes(text)])),
  });
  if (!made.ok) throw made.error;
  return made.value;
}

describe("a package", () => {
  test("is what was written; hashes, table, name and version must agree", async () => {
    const read = await readPackage(await samplePackage());
    expect(read.ok && [read.value.manifest.name, read.value.code, [...read.value.files.keys()]]).toEqual([
      "packed",
      CODE,
      ["manifest.yaml", "plugin.ts"],
    ]);
    const unpacked = await unpackArchive(await samplePackage(), LIMITS);
    if (!unpacked.ok) throw unpacked.error;
    const again = async (change: (content: Map<string, Uint8Array>) => void) => {
      const content = new Map(unpacked.value);
      change(content);
      const result = await readPackage(packed(content));
      return result.ok ? "taken" : result.error.message;
    };
    expect(await again((content) => content.set("plugin.ts", bytes("export default 2;\n")))).toContain(
      "plugin.ts is not what the table of contents says",
    );
    expect(await again((content) => content.set("extra.ts", bytes("1")))).toContain("holds extra.ts, which is not in its table");
    expect(await again((content) => content.delete("plugin.ts"))).toContain("lacks plugin.ts");
    expect(await again((content) => content.delete("zephyrgate-package.json"))).toContain("no table of contents");
    expect(await again((content) => content.set("zephyrgate-package.json", bytes("{")))).toContain("no table of contents");
    const other = await samplePackage({ "manifest.yaml": MANIFEST.replace("1.2.3", "1.2.4") });
    expect((await readPackage(other)).ok).toBe(false);
    const broken = await readPackage(await samplePackage({ "manifest.yaml": "name: [" }));
    expect(broken.ok ? "" : broken.error.code).toBe("manifest_invalid");
  });
});

describe("the folder of installed plugins", () => {
  test("a version takes another's place whole, and gives it back", () => {
    const dir = tempDir();
    try {
      const text = (data: string): Files => new Map([["lib/a.txt", bytes(data)]]);
      const now = () => (existsSync(installedPath(dir, "p")) ? readFileSync(join(installedPath(dir, "p"), "lib/a.txt"), "utf8") : null);
      expect(place(dir, "p", text("1")).ok).toBe(true);
      expect(place(dir, "p", text("2")).ok).toBe(true);
      expect(now()).toBe("2");
      rollBack(dir, "p");
      expect(now()).toBe("1");
      rollBack(dir, "p");
      expect(now()).toBeNull();
      expect(place(dir, "p", text("3")).ok).toBe(true);
      // A folder in the way of a file: nothing is changed.
      expect(
        place(
          dir,
          "p",
          new Map([
            ["x", bytes("")],
            ["x/y", bytes("")],
          ]),
        ).ok,
      ).toBe(false);
      expect(now()).toBe("3");
      mkdirSync(join(dir, "installed/.staging/q"), { recursive: true });
      writeFileSync(join(dir, "installed/.staging/q/left"), "from a crash");
      expect(place(dir, "q", text("4")).ok).toBe(true);
      expect(readdirSync(installedPath(dir, "q"))).toEqual(["lib"]);
      expect([uninstall(dir, "p"), uninstall(dir, "p")]).toEqual([true, false]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe("an export", () => {
  const backup = { plugin: "p", version: "1.0.0", exportedAt: "2026-01-01T00:00:00Z", config: { a: [1, { b: null }] } };
  const database = Buffer.concat([bytes("SQLite format 3\0"), Buffer.alloc(100)]);

  test("comes back as it was, with and without data", async () => {
    for (const data of [database, null]) {
      const made = writeBackup({ ...backup, database: data });
      const read = made.ok ? await readBackup(made.value) : made;
      expect(read.ok && { ...read.value, database: read.value.database && Buffer.from(read.value.database) }).toEqual({
        ...backup,
        database: data,
      });
    }
  });

  test("data that no export could hold is refused with the limit and the way out", async () => {
    const most = BACKUP_LIMITS.unpacked - 2 ** 20;
    const refused = writeBackup({ ...backup, database: new Uint8Array(most + 1) });
    expect(refused.ok ? "" : `${refused.error.code} ${refused.error.summary()}`).toMatch(/^too_large .*of p .* 96 MB .*data_dir\/plugins/);
    const made = writeBackup({ ...backup, database: Buffer.concat([bytes("SQLite format 3\0"), Buffer.alloc(most - 16)]) });
    expect(made.ok && (await readBackup(made.value)).ok).toBe(true);
  });

  test("what is no database, or something more, is refused", async () => {
    const made = writeBackup({ ...backup, database: bytes("no database at all") });
    expect(made.ok && (await readBackup(made.value)).ok).toBe(false);
    expect((await readBackup(await samplePackage())).ok).toBe(false);
    expect((await readBackup(packed(new Map([["zephyrgate-data.json", bytes("{}")]])))).ok).toBe(false);
  });
});
