import { expect, test } from "bun:test";
import { FAMILIES, PAGE, withTables } from "./table.ts";

test("docs/security.md names every attack of the corpus (fix: bun test/hostile/table.ts)", async () => {
  const page = await Bun.file(PAGE).text();
  expect(page).toBe(withTables(page));
});

test("every attack has a name of its own, and every wall is explained", async () => {
  const attacks = FAMILIES.flatMap(([, , attacks]) => attacks);
  expect(attacks.length).toBeGreaterThanOrEqual(100);
  expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
  const page = await Bun.file(PAGE).text();
  for (const wall of new Set(attacks.map((attack) => attack.wall))) expect(page).toContain(`**${wall}**`);
});

test("every store that a plugin can grow has a bound, and a test that is there", async () => {
  const page = await Bun.file(PAGE).text();
  const [, section = ""] = page.split("## What a plugin can make the gateway keep");
  const rows = [...(section.split("\n## ")[0] ?? "").matchAll(/^\| (?!store|-)([^|]+)\| ([^|]+)\| ([^|]+)\|$/gm)];
  expect(rows.length).toBeGreaterThan(15);
  for (const [, store = "", bound = "", tests = ""] of rows) {
    expect([store, /\d|`\w+_mb`|one (?:row|for)/.test(bound)]).toEqual([store, true]);
    const files = [...tests.matchAll(/`(test\/[\w/.-]+)`/g)].map((match) => match[1] ?? "");
    expect([store, files.length > 0]).toEqual([store, true]);
    for (const file of files) expect([file, await Bun.file(new URL(`../../${file}`, import.meta.url)).exists()]).toEqual([file, true]);
  }
});
