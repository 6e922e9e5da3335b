/** What answers a handler's question, and what is a command all the same. */
import { afterEach, expect, test } from "bun:test";
import { type Call, RouterBench } from "./router-support.ts";

let b: RouterBench | null = null;
afterEach(async () => {
  await b?.close();
  b = null;
});

/** A plugin that asks, and says what it was answered. */
function asking(prefix: string): RouterBench {
  const bench = new RouterBench({ prefix });
  bench.command("p", "go", ({ dialogue, args }: Call) =>
    dialogue === undefined
      ? { ok: true, value: null, ask: { question: "Which?", timeoutS: 60, dialogue: 1 } }
      : `got ${args[0] ?? "nothing"}`,
  );
  b = bench;
  return bench;
}

test("any text is an answer, a node's id too, although it begins with the prefix; a command with the prefix is not", async () => {
  const bench = asking("!");
  for (const answer of ["blue", " !0000002a ", "go"]) {
    expect(await bench.say("go")).toEqual(["Which?"]);
    expect(await bench.say(answer)).toEqual([`got ${answer.trim()}`]);
  }
  expect(await bench.say("go")).toEqual(["Which?"]);
  expect(await bench.say("!go")).toEqual(["Which?"]);
  expect(await bench.say("red")).toEqual(["got red"]);
});

test("without a prefix every text is an answer", async () => {
  const bench = asking("");
  expect(await bench.say("go")).toEqual(["Which?"]);
  expect(await bench.say("blue")).toEqual(["got blue"]);
});

test("the words that end a dialogue answer nothing, with any punctuation behind them", async () => {
  const bench = asking("!");
  for (const word of ["exit", "STOP", "cancel.", "q!"]) {
    await bench.say("go");
    expect(await bench.say(word)).toEqual(["got nothing"]);
  }
});
