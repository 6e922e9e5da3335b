import { afterAll, beforeAll, expect, test } from "bun:test";
import { serve } from "./serve.ts";

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
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
    expect(policy).toContain(rule);
  expect(policy).not.toContain("unsafe");
  expect(policy).toContain("; img-src 'self' data:; ");
  expect(html).not.toMatch(/https?:\/\/|<script(?![^>]* src=)|<style| on\w+=| style=/);
  // Relative, so that they are found below any path of a proxy.
  const files = [...html.matchAll(/(?:src|href)="([^":]*)"/g)].map((match) => match[1] ?? "");
  expect(files).toEqual(["page/console.css", "page/console.js"]);
  for (const file of files) {
    const response = await fetch(`${api.url}/${file}`);
    const text = await response.text();
    expect([file, response.status, response.headers.get("x-content-type-options")]).toEqual([file, 200, "nosniff"]);
    expect([
      file,
      /@import|@font-face|url\((?!data:)|\/\/[a-z0-9.-]+\.(?:com|org|net|io|dev)\/[^"'`]*\.(?:js|css|png|woff)/.exec(text)?.[0],
    ]).toEqual([file, undefined]);
  }
  expect((await fetch(`${api.url}/`, { method: "POST" })).headers.get("allow")).toBe("GET, HEAD");
});

test("its files are small on the way, are asked for once, and are not kept over an upgrade", async () => {
  const headers = { "accept-encoding": "gzip" };
  let bytes = 0;
  for (const path of ["/", "/page/console.css", "/page/console.js"]) {
    const response = await fetch(api.url + path, { headers, decompress: false });
    bytes += (await response.arrayBuffer()).byteLength;
    expect([path, response.headers.get("content-encoding"), response.headers.get("cache-control")]).toEqual([path, "gzip", "no-cache"]);
    const again = await fetch(api.url + path, { headers: { ...headers, "if-none-match": response.headers.get("etag") ?? "" } });
    expect([path, again.status]).toEqual([path, 304]);
  }
  expect(bytes).toBeLessThan(100_000);
});

test("its script makes no markup and no code of text", async () => {
  const script = await (await fetch(`${api.url}/page/console.js`)).text();
  expect(/outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser/.exec(script)?.[0]).toBeUndefined();
});
