import { expect, test } from "bun:test";
import { namesChannel, parseLinkIndex } from "../src/channels.ts";

test("a link and an index are read from the last slash on; an index goes from 0 to 7", () => {
  expect(["roof/0", "roof/7", "a/b/3"].map(parseLinkIndex)).toEqual([
    { link: "roof", index: 0 },
    { link: "roof", index: 7 },
    { link: "a/b", index: 3 },
  ]);
  expect(["roof/8", "roof/", "/1", "roof", "roof/1 ", "roof/12"].map(parseLinkIndex)).toEqual(Array(6).fill(null));
});

const PLACE = { link: "roof", index: 1, name: "Local" };

test.each<[number | string, boolean]>([
  [1, true],
  [0, false],
  ["Local", true],
  ["local", false],
  ["", false],
  ["1", false],
  ["roof/1", true],
  ["roof/0", false],
  ["cellar/1", false],
])("%j names the channel: %p", (word, names) => {
  expect(namesChannel(word, PLACE)).toBe(names);
});

test("the empty word names no channel, not even one without a name; a link with an index is no name", () => {
  expect(namesChannel("", { link: "roof", index: 0, name: "" })).toBe(false);
  expect(namesChannel("roof/0", { link: "cellar", index: 0, name: "roof/0" })).toBe(false);
  expect(namesChannel("roof/0", { index: 0 })).toBe(false);
});
