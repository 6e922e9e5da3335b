import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byteLength, cutText, defineTexts, fitLines, type TextCatalogue } from "../../src/sdk/index.ts";
import { startTestGateway, textProblems } from "../../src/testing/index.ts";
import { removePlugins, writePlugin } from "../testing/plugins.ts";

afterAll(removePlugins);

const en = { hello: "Hello {name}!", unread: { one: "one letter", other: "{count} letters" }, plain: "Nothing" } as const;
const de = { hello: "Moin {name}!", unread: { one: "ein Brief", other: "{count} Briefe" }, plain: "Nichts" } as const;
const texts = defineTexts({ en, de });

test("a text is given in the language, or in the next best one", () => {
  for (const language of ["de", "de-AT", "DE"]) expect(texts(language)("hello", { name: "Ridge" })).toBe("Moin Ridge!");
  for (const language of ["en", "fr", "", "constructor", "__proto__"]) expect(texts(language)("plain")).toBe("Nothing");
});

test("count chooses the form", () => {
  expect([0, 1, 2].map((count) => texts("de")("unread", { count }))).toEqual(["0 Briefe", "ein Brief", "2 Briefe"]);
});

test("a value is not filled again, and a placeholder without a value stays", () => {
  expect(texts("en")("hello", { name: "{name} {count}" })).toBe("Hello {name} {count}!");
  const loose = defineTexts<TextCatalogue>({ en: { a: "{x} {y", b: "{constructor}" } });
  expect(loose("en")("a", { x: 1 } as never)).toBe("1 {y");
  expect(loose("en")("b", {} as never)).toBe("{constructor}");
});

test("catalogues are compared key by key", () => {
  expect(textProblems({ en, de })).toEqual([]);
  const wrong = { hello: "Moin {who}!", unread: "Briefe", more: "x", plain: " " };
  expect(textProblems({ en, de: wrong })).toEqual([
    "de.hello: has the placeholders {who}, en has {name}",
    "de.unread: has one form, en has two",
    "de.unread: has the placeholders (none), en has {count}",
    "de.plain: is empty",
    "de.more: is not in en",
  ]);
  expect(textProblems({ en, de: { ...de, plain: "ü".repeat(101) } })).toEqual(["de.plain: has 202 bytes, 200 fit one message"]);
  expect(textProblems({ en, de: { hello: de.hello, unread: de.unread } })).toEqual(["de.plain: is missing"]);
});

test("a text is cut at whole characters", () => {
  expect(cutText("Grüße aus dem Tal", 10)).toBe("Grüße…");
  expect(cutText("short", 5)).toBe("short");
  for (const text of ["😀".repeat(80), "aü😀".repeat(40), `${"x".repeat(196)}😀😀`, "\ud83d".repeat(90)]) {
    const cut = cutText(text);
    expect(byteLength(cut)).toBeWithin(190, 201);
    expect(text.startsWith(cut.slice(0, -1))).toBe(true);
    expect(cut.slice(0, -1)).not.toMatch(/[\ud800-\udbff]$(?<!\ud83d)/);
  }
});

test("lines fill one message, and the last one says how to get the rest", () => {
  const lines = Array.from({ length: 50 }, (_, at) => `${at + 1} bulletin number ${at + 1}`);
  const { text, shown } = fitLines(lines, { title: "GENERAL", more: (count) => `more: list ${count + 1}` });
  expect(byteLength(text)).toBeWithin(170, 201);
  expect(text.split("\n")).toEqual(["GENERAL", ...lines.slice(0, shown), `more: list ${shown + 1}`]);
  expect(fitLines(["a", "b"], { more: () => "more" })).toEqual({ text: "a\nb", shown: 2 });
  expect(fitLines(["a", "b"], { more: () => "more", hasMore: true })).toEqual({ text: "a\nb\nmore", shown: 2 });
  expect(fitLines([], { title: "EMPTY" })).toEqual({ text: "EMPTY", shown: 0 });
  const long = fitLines(["ü".repeat(300), "b"], { title: "T", more: () => "more" });
  expect([byteLength(long.text) <= 200, long.shown, long.text.endsWith("…\nmore")]).toEqual([true, 1, true]);
});

test("a plugin knows the language of the mesh, and its labels may be in it", async () => {
  const members = `initialize() {
    const t = texts(this.language);
    this.registerMenuItem("utilities", t("label"), () => t("water", { at: "10:40" }), { command: "tides" });
  }`;
  const catalogue = `import { defineTexts } from "zephyrgate";
export const texts = defineTexts({ en: { label: "Tides", water: "High water {at}" }, de: { label: "Gezeiten", water: "Hochwasser {at}" } });`;
  const manifest = `capabilities: { menu_items: [{ menu: utilities, label: Tides, command: tides }] }\npermissions: [send_messages]`;
  const plugin = writePlugin("tides", manifest, members, { "texts.ts": catalogue });
  writeFileSync(join(plugin, "plugin.ts"), `import { texts } from "./texts.ts";\n${readFileSync(join(plugin, "plugin.ts"), "utf8")}`);
  for (const [language, label, water] of [
    ["en", "Tides", "High water 10:40"],
    ["de", "Gezeiten", "Hochwasser 10:40"],
  ] as const) {
    await using gateway = await startTestGateway({ plugin, settings: { language } });
    expect(await gateway.node("Alice").asks("menu utilities")).toContain(`1 ${label}`);
    expect(await gateway.node("Alice").asks("tides")).toBe(water);
  }
});
