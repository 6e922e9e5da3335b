import { afterAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { pageOf } from "../../src/api/route/route.ts";
import { serve } from "./serve.ts";

const api = serve();
afterAll(() => api.close());

test("the token's file is for its user alone", () => {
  expect(statSync(join(api.dataDir, "api-token")).mode & 0o777).toBe(0o600);
});

test("pages follow each other in the order of the keys, without gaps and doubles", () => {
  const items = ["d", "b", "a", "c", "e"];
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 3; page++) {
    const made = pageOf(items, { limit: 2, ...(cursor === undefined ? {} : { cursor }) }, (item) => item);
    if (!made.ok) throw made.error;
    seen.push(...made.value.items);
    cursor = made.value.next ?? undefined;
  }
  expect([seen, cursor]).toEqual([["a", "b", "c", "d", "e"], undefined]);
});
