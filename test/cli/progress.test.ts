import { expect, test } from "bun:test";
import { withProgress } from "../../src/cli/verb/progress.ts";

function terminal(isTTY: boolean) {
  const said: string[] = [];
  return { said, io: { stderr: { write: (text: string) => void said.push(text) }, isTTY } };
}

test("on a terminal long work is shown in one line, which is removed at its end, also when it fails", async () => {
  const { said, io } = terminal(true);
  expect(await withProgress(io, "reading", () => Bun.sleep(2_500).then(() => 5))).toBe(5);
  expect(said[0]).toMatch(/^\r\u001b\[Kreading \(\d+ s\)$/);
  expect(said.at(-1)).toBe("\r\u001b[K");
  expect(said.join("")).not.toContain("\n");
  const failed = withProgress(io, "x", () => Bun.sleep(1_500).then(() => Promise.reject(new RangeError("y"))));
  expect(await failed.catch(String)).toBe("RangeError: y");
  const after = said.length;
  expect(said.at(-1)).toBe("\r\u001b[K");
  await Bun.sleep(1_500);
  expect(said.length).toBe(after);
});

test("what is quick, and what goes into a file, shows nothing", async () => {
  for (const isTTY of [true, false]) {
    const { said, io } = terminal(isTTY);
    await withProgress(io, "reading", () => Bun.sleep(isTTY ? 0 : 1_500));
    expect(said).toEqual([]);
  }
});
