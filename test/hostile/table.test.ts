import { expect, test } from "bun:test";
import { FAMILIES, PAGE, withTables } from "./table.ts";

test("docs/security.md names every attack of the corpus (mend: bun test/hostile/table.ts)", async () => {
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
