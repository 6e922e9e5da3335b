/** Everything that the sdk exports is described: what it is, its units, its errors. And its wrong uses do not compile. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SDK = join(import.meta.dir, "../../src/sdk");
const EXPORT = /^export (?:async )?(?:class|interface|type \w|function|const)/;
/** Copies of built-ins under their own names; the file's head describes them all. */
const BUILT_INS = "realm/primordials.ts";

function linesOf(file: string): string[] {
  return readFileSync(join(SDK, file), "utf8").split("\n");
}

/** Lines that match and have no doc comment above them. */
function bare(file: string, wanted: RegExp): string[] {
  const lines = linesOf(file);
  return lines.flatMap((line, at) => (wanted.test(line) && !/\*\/\s*$/.test(lines[at - 1] ?? "") ? [`${file}:${at + 1}: ${line}`] : []));
}

test("every export of every file of the sdk is described", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync(SDK)].filter((file) => file !== BUILT_INS).sort();
  expect(files.length).toBeGreaterThan(15);
  expect(files.flatMap((file) => bare(file, EXPORT))).toEqual([]);
  expect(files.flatMap((file) => linesOf(file).filter((line) => EXPORT.test(line))).length).toBeGreaterThan(80);
});

test("every file of the sdk begins by saying what it is for", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync(SDK)];
  expect(files.filter((file) => !linesOf(file)[0]?.startsWith("/**"))).toEqual([]);
});

test("every field of the shapes that handlers get and calls take is described", () => {
  const field = /^ {2}(?:readonly )?(?:\w+\??:|\[\w+: string\]:|\w+\()/;
  const files = [...new Bun.Glob("types/*.ts").scanSync(SDK)];
  expect(files.flatMap((file) => bare(file, field))).toEqual([]);
  expect(files.flatMap((file) => linesOf(file).filter((line) => field.test(line))).length).toBeGreaterThan(70);
});

test("a plugin's method that asks the gateway or the host says which permission it needs", () => {
  const text = [...new Bun.Glob("*plugin*.ts").scanSync(SDK)].map((file) => readFileSync(join(SDK, file), "utf8")).join("\n");
  const asks = /\b(?:request|service|httpGet|httpPost)\("?|register\(/;
  // What needs no permission, and what depends on the event or the word.
  const free = ["registerCommand", "registerMenuItem", "registerPluginMessageHandler", "getConfig", "formatTime"];
  const missing: string[] = [];
  for (const [, doc = "", name = "", body = ""] of text.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(?:async )?(\w+)[(<][^\n]*\{\n((?: {4}.*\n)*) {2}\}/g,
  )) {
    if (asks.test(body) && !free.includes(name) && !/[Nn]eeds?\s/.test(doc)) missing.push(name);
  }
  expect(missing).toEqual([]);
});

test("wrong uses are tried by the compiler: each with its reason, none silenced otherwise", () => {
  const folder = join(import.meta.dir, "types");
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  const wrong = texts.flatMap((text) => [...text.matchAll(/@ts-expect-error(.*)/g)].map((match) => (match[1] ?? "").trim()));
  expect(wrong.filter((reason) => reason.length < 10 && reason !== "`")).toEqual([]);
  expect(wrong.length).toBeGreaterThan(80);
  expect(texts.filter((text) => /@ts-(?:ignore|nocheck)|\bas any\b/.test(text))).toEqual([]);
});
