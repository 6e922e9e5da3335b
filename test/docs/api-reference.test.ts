import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SDK_NAMES } from "../../src/sandbox/loader/inspect.ts";
import { db } from "../../src/sdk/database.ts";
import * as sdk from "../../src/sdk/index.ts";
import { permissions } from "../../src/sdk/permissions.ts";
import { TestGateway } from "../../src/testing/index.ts";
import { apiReference, exportsOf, PAGE } from "./api-reference.ts";
import { ROOT } from "./blocks.ts";

const page = readFileSync(join(ROOT, PAGE), "utf8");
const headings = [...page.matchAll(/^#{2,4} (.*)$/gm)].map(([, title = ""]) => title);

test("the page is current; bun run docs:api makes it anew", () => {
  expect(page).toBe(apiReference());
});

test("it has every export of both modules", () => {
  const all = [...exportsOf("src/sdk/index.ts"), ...exportsOf("src/testing/index.ts")];
  expect(all.length).toBeGreaterThan(50);
  for (const { name } of all) expect(headings).toContain(name);
  for (const name of [...Object.keys(sdk), ...SDK_NAMES]) expect(headings).toContain(name);
});

test("it has every method of a plugin, of db, of permissions, and of the test's gateway", () => {
  const methods = (prototype: object) => Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor" && name !== "open");
  for (const name of methods(sdk.Plugin.prototype)) expect(headings).toContain(name);
  for (const name of Object.keys(db)) expect(headings).toContain(`db.${name}`);
  for (const name of Object.keys(permissions)) expect(headings).toContain(`permissions.${name}`);
  for (const name of ["debug", "info", "warn", "error"]) expect(headings).toContain(`log.${name}`);
  for (const name of methods(TestGateway.prototype)) expect(headings).toContain(`TestGateway.${name}`);
});

test("everything a plugin can call is described, not only named", () => {
  const chapter = page.slice(page.indexOf("# zephyrgate\n"), page.indexOf("## definePlugin"));
  const bare = chapter
    .split(/^#{3,4} /m)
    .slice(1)
    .filter((section) => /^[^\n]*\n\n(?:<!--|```)/.test(section));
  expect(bare.map((section) => section.split("\n")[0] ?? "").filter((name) => !name.startsWith("log."))).toEqual([]);
});
