/** Six plugins of the kind the field has, written from the documents alone: they pass the strict check, and compile without a cast. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPlugin } from "../../src/authoring/check/check.ts";
import { issueLine } from "../../src/errors.ts";
import { type Compiler, commandCompiler } from "../../src/sandbox/loader/compiler.ts";

setDefaultTimeout(60_000);

const SIX = join(import.meta.dir, "six");
const NAMES = readdirSync(SIX);
let compiler: Compiler;

beforeAll(() => {
  compiler = commandCompiler();
});
afterAll(() => compiler.stop());

test("there are six", () => {
  expect(NAMES.sort()).toEqual(["admin", "battery_watch", "earthquakes", "quiz", "sky", "webhook"]);
});

test.each(NAMES)("%s has nothing to fix", async (name) => {
  const report = await checkPlugin(join(SIX, name), { compiler, types: "none", path: undefined });
  expect(report.findings.filter(({ level }) => level !== "note").map(issueLine)).toEqual([]);
  expect(report.modules).toBeGreaterThan(0);
});

/** Comments and texts. */
const WORDS = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`[^`]*`/g;

/** `tsc -p .` compiles them: what it is kept from seeing is found here. */
test.each(NAMES)("%s has no cast, and nothing that silences the compiler", (name) => {
  const files = [...new Bun.Glob("**/*.ts").scanSync(join(SIX, name))];
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const source = readFileSync(join(SIX, name, file), "utf8");
    expect(source).not.toContain("@ts-");
    const text = source.replace(WORDS, "");
    expect([file, text.match(/\bas (?!const\b)[A-Za-z{(["]|<\w+>\(|\bany\b|!\.|!;/)?.[0] ?? null]).toEqual([file, null]);
  }
});
