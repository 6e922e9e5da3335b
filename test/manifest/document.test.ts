import { expect, test } from "bun:test";
import { join } from "node:path";
import { generatedDocuments } from "../../src/manifest/document.ts";

test("generated references are current: run `bun run docs:schema`", async () => {
  const root = join(import.meta.dir, "..", "..");
  for (const [path, text] of Object.entries(generatedDocuments())) expect(await Bun.file(join(root, path)).text()).toBe(text);
});

test("the schemas carry a description for every key", () => {
  for (const path of ["docs/manifest.schema.json", "docs/config.schema.json"]) {
    const walk = (schema: { properties?: Record<string, never>; description?: string }, at: string) => {
      for (const [key, inner] of Object.entries(schema.properties ?? {}) as [string, typeof schema][]) {
        expect([`${at}.${key}`, typeof inner.description]).toEqual([`${at}.${key}`, "string"]);
        walk(inner, `${at}.${key}`);
      }
    };
    walk(JSON.parse(generatedDocuments()[path] ?? "{}"), path);
  }
});
