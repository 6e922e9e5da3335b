import { expect, test } from "bun:test";
import { TRANSCRIPT_FILE, transcript } from "./transcript.ts";

test("what a user sees of the verbs is as in transcript.txt: after a change, run `bun run docs:cli` and read the difference", async () => {
  const [committed, said] = [await Bun.file(TRANSCRIPT_FILE).text(), await transcript()];
  expect(said.split("\n$ ")).toEqual(committed.split("\n$ "));
}, 60_000);
