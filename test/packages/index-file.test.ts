import { expect, test } from "bun:test";
import { join } from "node:path";
import { INDEX_DOCUMENT, indexJsonSchema } from "../../src/packages/document.ts";
import { bestOf, MAX_INDEX_BYTES, readIndex } from "../../src/packages/index-file.ts";

const entry = (name: string, version: string, more: object = {}) => ({
  name,
  version,
  file: `${name}-${version}.zgp`,
  bytes: 10,
  sha256: "0".repeat(64),
  signer: null,
  description: "",
  author: "",
  permissions: [],
  requires: [],
  zephyrgate: {},
  ...more,
});
const read = (value: unknown) => {
  const index = readIndex(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), "here");
  return index.ok ? index.value : index.error.summary();
};

test("docs/index.schema.json is what is checked (write it anew: bun run docs:schema)", async () => {
  expect(await Bun.file(join(import.meta.dir, "../..", INDEX_DOCUMENT)).text()).toBe(indexJsonSchema());
});

test("the highest version in a range is chosen, prereleases by their order", () => {
  const index = readIndex(
    Buffer.from(JSON.stringify({ format: 1, packages: ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"].map((version) => entry("a", version)) })),
    "here",
  );
  if (!index.ok) throw index.error;
  expect([bestOf(index.value, "a", "^1.0.0")?.version, bestOf(index.value, "a", "*")?.version]).toEqual(["1.10.0", "2.0.0-rc.1"]);
  expect([bestOf(index.value, "b", "*"), bestOf(index.value, "a", "^3.0.0")]).toEqual([null, null]);
});

test("an index is refused in one line that says where", () => {
  const rows: readonly [unknown, RegExp][] = [
    ["[".repeat(200_000), /^here: is no package index/],
    ["null", /^here: is no package index/],
    [{ format: 2, packages: [] }, /^here: is no package index: format/],
    [{ format: 1, packages: [entry("a", "1.0")] }, /packages\.0\.version: is not a version/],
    [{ format: 1, packages: [entry("__proto__", "1.0.0")] }, /packages\.0\.name/],
    [{ format: 1, packages: [entry("a", "1.0.0", { file: "https://elsewhere/a.zgp" })] }, /packages\.0\.file/],
    [{ format: 1, packages: [entry("a", "1.0.0", { file: "../a.zgp" })] }, /packages\.0\.file/],
    [{ format: 1, packages: [entry("a", "1.0.0", { signer: "SHA256:short" })] }, /packages\.0\.signer/],
    [{ format: 1, packages: [entry("a", "1.0.0", { more: 1 })] }, /packages\.0\.more/],
    ["x".repeat(MAX_INDEX_BYTES + 1), /^here: is larger than 4 MB/],
  ];
  for (const [value, wanted] of rows) expect(String(read(value))).toMatch(wanted);
});
