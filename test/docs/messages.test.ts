/** docs/troubleshooting.md shows messages exactly as the program prints them: each is called forth here. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, placeOf, ROOT } from "./blocks.ts";
import { PROVOCATIONS, removeAll } from "./provocations.ts";

const messages = blocksOf("docs/troubleshooting.md").filter((block) => block.mark?.kind === "message");

afterAll(removeAll);

test("every message has somebody who provokes it, and nobody provokes in vain", () => {
  const shown = messages.map((block) => block.mark?.detail ?? placeOf(block));
  expect([...new Set(shown)].sort()).toEqual(Object.keys(PROVOCATIONS).sort());
});

for (const block of messages) {
  const provoke = PROVOCATIONS[block.mark?.detail ?? ""];
  test(`${placeOf(block)}: ${block.mark?.detail}`, async () => {
    expect(await provoke?.()).toContain(block.text);
  }, 120_000);
}

test("error codes that the pages name are of the closed table, or of the egress client", () => {
  const sources = ["src/errors.ts", "src/http/egress.ts", "src/sdk/http.ts"]
    .map((file) => readFileSync(join(ROOT, file), "utf8"))
    .join("\n");
  const page = readFileSync(join(ROOT, "docs/PLUGIN_DEVELOPMENT.md"), "utf8");
  const section = page.slice(page.indexOf("### HTTP client"), page.indexOf("### Configuration"));
  const codes = [...section.matchAll(/`([a-z]+_[a-z_]+|timeout|unavailable|cancelled|internal)`/g)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(8);
  for (const code of codes) expect(sources).toContain(code);
});
