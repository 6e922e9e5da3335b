import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "./serve.ts";

const CLIENT = join(import.meta.dir, "../../src/api/page/client");

let api: ReturnType<typeof serve>;
beforeAll(() => {
  api = serve();
});
afterAll(() => api.close());

test("the page and its files need no token, hold nothing from elsewhere, and run nothing inline", async () => {
  const page = await fetch(`${api.url}/`);
  const html = await page.text();
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const policy = page.headers.get("content-security-policy") ?? "";
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) expect(policy).toContain(rule);
  expect(policy).not.toContain("unsafe");
  expect(html).not.toMatch(/https?:\/\/|<script(?![^>]* src=)|<style| on\w+=| style=/);
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map((match) => match[1] ?? "");
  const imports = readdirSync(CLIENT)
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) => [...readFileSync(join(CLIENT, name), "utf8").matchAll(/from "\.\/([^"]+)"/g)].map((match) => `/page/${match[1]}`));
  for (const file of new Set([...files, ...imports])) {
    const response = await fetch(api.url + file);
    expect([file, response.status, response.headers.get("x-content-type-options")]).toEqual([file, 200, "nosniff"]);
  }
  expect((await fetch(`${api.url}/`, { method: "POST" })).headers.get("allow")).toBe("GET, HEAD");
});

test("its scripts make no markup of text and its files stay light", () => {
  let bytes = 0;
  for (const name of readdirSync(CLIENT)) {
    const text = readFileSync(join(CLIENT, name), "utf8");
    bytes += text.length;
    expect([name, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.exec(text)?.[0]]).toEqual([name, undefined]);
  }
  expect(bytes).toBeLessThan(40_000);
});
