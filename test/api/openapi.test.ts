import { expect, test } from "bun:test";
import { OPENAPI_FILE, openApiDocument } from "./openapi-document.ts";

test("the committed OpenAPI document is what the server answers: after a change of a route, run `bun run docs:openapi`", async () => {
  const [committed, answered] = [JSON.parse(await Bun.file(OPENAPI_FILE).text()), JSON.parse(await openApiDocument())];
  expect(Object.keys(answered.paths)).toEqual(Object.keys(committed.paths));
  for (const [path, item] of Object.entries(committed.paths)) expect([path, answered.paths[path]]).toEqual([path, item]);
  expect(answered).toEqual(committed);
});
