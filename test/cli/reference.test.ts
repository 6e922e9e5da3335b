import { expect, test } from "bun:test";
import { REFERENCE_FILE, reference } from "./reference.ts";

test("docs/command-line.md is what the verbs say of themselves: after a change, run `bun run docs:cli`", async () => {
  const [committed, said] = [await Bun.file(REFERENCE_FILE).text(), await reference()];
  expect(said.split("\n## ")).toEqual(committed.split("\n## "));
}, 60_000);
