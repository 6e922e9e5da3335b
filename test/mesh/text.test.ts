import { expect, test } from "bun:test";
import fc from "fast-check";
import { countParts, PART_BYTES, splitText, withoutMark } from "../../src/mesh/codec/text.ts";

const bytes = (text: string) => Buffer.byteLength(text);
const squeezed = (text: string) => text.replace(/\s+/g, "");
const words = fc
  .array(
    fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.constantFrom("👨‍👩‍👧‍👦", "e\u0301", "ß", "日本語", "a", "🇩🇪🇫🇷", "\ud800")),
    { maxLength: 120 },
  )
  .chain((list) =>
    fc
      .array(fc.constantFrom(" ", "  ", "\n", "", "\t"), { minLength: list.length, maxLength: list.length })
      .map((gaps) => list.map((word, i) => word + gaps[i]).join("")),
  );

test("a text that fits is left byte for byte as it is, without a mark", () => {
  for (const text of ["", "hello", "  two  ", "a".repeat(200), "é".repeat(100), "😀".repeat(50)]) expect(splitText(text)).toEqual([text]);
});

test("breaks between words and marks the parts", () => {
  const text = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ");
  const parts = splitText(text);
  expect(parts.map((part) => part.slice(0, 6))).toEqual(["(1/3) ", "(2/3) ", "(3/3) "]);
  expect(parts.map(withoutMark).join(" ")).toBe(text);
  expect(parts.every((part) => bytes(part) <= PART_BYTES)).toBe(true);
});

test("loses no byte where the original lost some: 215 é, 107 emoji", () => {
  for (const text of ["é".repeat(215), "😀".repeat(107)]) expect(splitText(text).map(withoutMark).join("")).toBe(text);
});

test("a word that fits into one part is never cut; a longer one fills the part before", () => {
  const word = "x".repeat(194);
  expect(splitText(`short ${word} end`)).toEqual(["(1/3) short", `(2/3) ${word}`, "(3/3) end"]);
  expect(splitText(`short ${"y".repeat(250)}`)[0]).toBe(`(1/2) short ${"y".repeat(188)}`);
});

test("does not cut families, flags and accents in two", () => {
  for (const unit of ["👨‍👩‍👧‍👦", "🇩🇪", "e\u0301", "👍🏽"]) {
    const text = unit.repeat(60);
    for (const part of splitText(text, { partsMax: 9 })) expect(withoutMark(part).length % unit.length).toBe(0);
  }
});

test("more than five parts are cut with an ellipsis", () => {
  const parts = splitText("lorem ipsum ".repeat(500));
  expect(parts).toHaveLength(5);
  expect(parts[4]).toEndWith("…");
  expect(parts[4]).toStartWith("(5/5) lorem ipsum");
  expect(splitText(`${"z".repeat(194 * 5)}   `).at(-1)).toBe(`(5/5) ${"z".repeat(194)}`);
  expect(splitText("no space ".repeat(40), { partsMax: 1 })[0]).toEndWith("…");
});

test("white space alone makes no parts beyond one message, and lone surrogates become a replacement character", () => {
  expect(splitText(" ".repeat(1_000))).toEqual([]);
  expect(splitText("a\ud800")).toEqual(["a\ufffd"]);
});

test("joined without marks the parts are the text but for white space at the breaks; each fits", () => {
  fc.assert(
    fc.property(words, fc.integer({ min: 24, max: 230 }), (text, partBytes) => {
      const parts = splitText(text, { partBytes, partsMax: 9 });
      for (const part of parts) {
        expect(bytes(part)).toBeLessThanOrEqual(partBytes);
        expect(part.isWellFormed()).toBe(true);
      }
      const bare = parts.length > 1 ? parts.map(withoutMark) : parts;
      parts.forEach((part, i) => {
        if (parts.length > 1) expect(part).toStartWith(`(${i + 1}/${parts.length}) `);
      });
      const joined = squeezed(bare.join(""));
      const whole = squeezed(text.toWellFormed());
      if (!joined.endsWith("…") || whole === joined) expect(joined).toBe(whole);
      else expect(whole.startsWith(joined.slice(0, -1))).toBe(true);
      expect(countParts(text)).toBeLessThanOrEqual(5);
    }),
    { numRuns: 500 },
  );
});

test("takes time linear in the text, whatever it is", () => {
  const time = (text: string) => {
    const from = performance.now();
    splitText(text);
    return performance.now() - from;
  };
  for (const unit of [" ", "a", "a ", "e\u0301", "\u0301", "👨‍", "\n\n\n\n"]) {
    time(unit.repeat(1_000));
    expect(time(unit.repeat(500_000))).toBeLessThan(2_000);
  }
});
