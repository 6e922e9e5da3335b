/** docs/properties.md is true: properties, tests, criteria and the titles that it names. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RUNS } from "./runs.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const page = read("docs/properties.md");
const rows = page
  .split("\n")
  .filter((line) => /^\| [\d.]+ \|/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));
const properties = rows.filter(([first]) => !first?.includes("."));
const criteria = rows.filter(([first]) => first?.includes("."));

test("all 27 properties are listed, each with a tagged test of at least 100 runs", () => {
  expect(properties.map(([number]) => number)).toEqual(Array.from({ length: 27 }, (_, index) => String(index + 1)));
  expect(RUNS).toBeGreaterThanOrEqual(100);
  for (const [number, title, file = "", requirements] of properties) {
    const path = file.replaceAll("`", "");
    const tag = `// Feature: third-party-plugin-system, Property ${number}: ${title}\n`;
    const text = read(path);
    expect(text.split(tag).length, `${path}: ${tag}`).toBe(2);
    // From the tag to the next one: the property itself, with the count that all share.
    const [body = ""] = (text.split(tag)[1] ?? "").split("// Feature:");
    expect(body, tag).toContain("fc.assert(");
    expect(body, tag).toContain("fcRuns,");
    expect(requirements).toMatch(/^\d+\.\d+(?:, \d+\.\d+)*$/);
  }
});

test("nothing is tagged in test/property that the table does not list", () => {
  const files = readdirSync(import.meta.dir).filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts");
  const tagged = files.flatMap((name) =>
    [...read(`test/property/${name}`).matchAll(/^\s*\/\/ Feature: third-party-plugin-system, Property (\d+):/gm)].map(
      ([, number]) => `${number} test/property/${name}`,
    ),
  );
  expect(tagged.sort()).toEqual(properties.map(([number, , file]) => `${number} ${file?.replaceAll("`", "")}`).sort());
});

/** Of each requirement so many criteria. */
const COUNTS = Array.from({ length: 12 }, () => 5);

test("all 60 acceptance criteria are listed, each with tests that are there", () => {
  const all = COUNTS.flatMap((count, index) => Array.from({ length: count }, (_, at) => `${index + 1}.${at + 1}`));
  expect(criteria.map(([number]) => number)).toEqual(all);
  for (const [number, , shown = ""] of criteria) {
    const named = [...shown.matchAll(/`([^`]+)` "((?:[^"]|"(?!;|$))+)"/g)];
    expect(named.length, `criterion ${number}`).toBeGreaterThan(0);
    expect(named.length, `criterion ${number}`).toBe(shown.split("; `").length);
    for (const [, path = "", title = ""] of named) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      expect(read(path).includes(JSON.stringify(title)), `${path}: ${title}`).toBe(true);
    }
  }
});

test("a property's requirements are shown by its test", () => {
  for (const [number, , file = "", requirements = ""] of properties) {
    for (const requirement of requirements.split(", ")) {
      const [, , shown = ""] = criteria.find(([criterion]) => criterion === requirement) ?? [];
      expect(shown, `property ${number}, criterion ${requirement}`).toContain(file);
    }
  }
});

test("soak runs the same with more", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const runs = Number(/PROPERTY_RUNS=(\d+)/.exec(scripts.soak ?? "")?.[1]);
  const cycles = Number(/LIFECYCLE_CYCLES=(\d+)/.exec(scripts.soak ?? "")?.[1]);
  expect(page).toContain(`with ${runs} runs and ${cycles} lives`);
  expect(scripts.soak).toContain("test/property");
  expect(scripts.soak).toContain("test/integration");
});
