/** Every key of the schema says whether a change needs a restart; the table in the docs is made from the same lists. */
import { expect, test } from "bun:test";
import { configJsonSchema, type JsonSchema } from "../../src/config/document.ts";
import { LIVE_KEYS, live, needsRestart, START_KEYS, whyRestart } from "../../src/config/reload.ts";

function leaves(schema: JsonSchema, path = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const name = path === "" ? key : `${path}.${key}`;
    return inner.properties === undefined ? [name] : leaves(inner, name);
  });
}

test("no key is in neither list, none in both, and no live key is gone", () => {
  const keys = leaves(configJsonSchema());
  const below = (key: string, starts: readonly string[]) => starts.filter((start) => key === start || key.startsWith(`${start}.`));
  for (const key of keys) expect([key, below(key, [...LIVE_KEYS, ...Object.keys(START_KEYS)])]).toEqual([key, [expect.any(String)]]);
  for (const start of LIVE_KEYS) expect([start, keys.some((key) => below(key, [start]).length > 0)]).toEqual([start, true]);
  expect(keys.length).toBeGreaterThan(60);
  expect(["operators", "commands.ban", "api.port", "api.tls.cert", "data_dir", "unknown.key"].map(needsRestart)).toEqual([
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("each key that needs a restart says why", () => {
  for (const [key, why] of Object.entries(START_KEYS)) {
    expect(why.length).toBeGreaterThan(20);
    expect([whyRestart(key), whyRestart(`${key}.x`), needsRestart(key)]).toEqual([why, why, true]);
  }
  expect([whyRestart("operators"), whyRestart("unknown.key")]).toEqual([null, null]);
});

test("a live view has the present values", () => {
  let config: { readonly prefix: string; readonly rate?: string } = { prefix: "!" };
  const view = live(() => config);
  expect(view.prefix).toBe("!");
  config = { prefix: "#", rate: "1/min" };
  expect([view.prefix, view.rate]).toEqual(["#", "1/min"]);
});
