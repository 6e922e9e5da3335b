/** The top of the repository is fixed, and each decision has a number of its own. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const FOLDERS = ["docs", "examples", "plugins", "src", "templates", "test"];
const FILES = [
  "Dockerfile",
  "LICENSE",
  "README.md",
  "biome.json",
  "bun.lock",
  "bunfig.toml",
  "package.json",
  "tsconfig.json",
  "tsconfig.types.json",
];

test("nothing else lies at the top than what was agreed, besides dot files and what is made", () => {
  const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n");
  const made = new Set(["node_modules", ...ignored.map((line) => line.replaceAll("/", ""))]);
  const there = readdirSync(ROOT).filter((name) => !name.startsWith(".") && !made.has(name));
  expect(there.sort()).toEqual([...FOLDERS, ...FILES].sort());
});

test("each decision has a number of its own", () => {
  const numbers = readdirSync(join(ROOT, "docs/decisions")).map((name) => name.slice(0, 4));
  expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
});

test("no text holds the marks of a merge", () => {
  const marked = ["docs", "src", "test", "plugins", "examples", "templates"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(
        (entry) => entry.isFile() && /\.(?:ts|tsx|md|yaml|json|css|sh)$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
      )
      .filter((entry) => /^(?:<{7} |>{7} )/m.test(readFileSync(join(entry.parentPath, entry.name), "utf8")))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  expect(marked).toEqual([]);
});
