/** The day of the user guide: it is what the gateway really says, and all that was sent is short, true and in order. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { playDay } from "./day.ts";
import { chaptersIn, GUIDE } from "./user-guide.ts";

const PLUGINS = join(import.meta.dir, "../../plugins");
const PACKET_BYTES = 200;
const OF_THE_GATEWAY = ["help", "menu", "q", "!"];
const day = await playDay();

const heardBy = (name: string) => day.heard.filter(({ by }) => by === name);

/**
 * What must be the same in every run: what each person hears after each thing that is said, in its order. Who of two people hears first
 * may differ, and rounded ages and the moon's percent may fall on the other side.
 */
function steady(chapter: string): string {
  const even = chapter.replace(/\d+(?= ?(?:min|h|m)\b)|\d+(?=% lit)/g, "N");
  return even
    .split(/\n(?! )/)
    .map((step) => {
      const [head = "", ...heard] = step.split(/\n(?= {2}to )/);
      const recipient = (line: string) => line.slice(0, line.indexOf(":"));
      return [head, ...heard.sort((a, b) => recipient(a).localeCompare(recipient(b)))].join("\n");
    })
    .join("\n");
}

test("the guide shows what was said and heard (bun run docs:guide writes it)", () => {
  const shown = chaptersIn(readFileSync(GUIDE, "utf8"));
  expect([...shown.keys()]).toEqual([...day.chapters.keys()]);
  for (const [chapter, text] of day.chapters) expect(steady(shown.get(chapter) ?? "")).toBe(steady(text));
});

test("nothing is sent unasked, nothing fails, and everything arrives at those who are there", () => {
  expect(day.unasked).toEqual([]);
  expect(day.failures).toEqual([]);
  const lost = day.sent.filter(({ state }) => state === "failed" || state === "queued");
  // Valley was out of reach when help was called for.
  expect(lost.filter(({ to }) => to !== "Valley")).toEqual([]);
  expect(lost.length).toBeGreaterThan(0);
});

test("every text fits a packet, and parts come in order", () => {
  for (const { text } of day.heard) expect({ text, fits: Buffer.byteLength(text) <= PACKET_BYTES }).toEqual({ text, fits: true });
  for (const by of new Set(day.heard.map((each) => each.by))) {
    let last = { part: 0, of: 0 };
    for (const { text } of heardBy(by)) {
      const [, part = "0", of = "0"] = /^\((\d+)\/(\d+)\) /.exec(text) ?? [];
      if (Number(part) > 1) expect(last).toEqual({ part: Number(part) - 1, of: Number(of) });
      last = { part: Number(part), of: Number(of) };
    }
  }
});

test("nobody hears an answer before the question, and each question is answered", () => {
  for (const { by, at, order, text } of day.said) {
    const answers = heardBy(by).filter((heard) => heard.order > order && heard.at < at + 60_000);
    expect({ by, text, answers: answers.length > 0 }).toEqual({ by, text, answers: true });
  }
});

test("what the one who called for help is told is true when it is said", () => {
  const before = (at: number, by: string, pattern: RegExp) => heardBy(by).some((heard) => heard.at <= at && pattern.test(heard.text));
  const saidBefore = (order: number, by: string, text: string) =>
    day.said.some((said) => said.order < order && said.by === by && said.text === text);
  const reports = heardBy("Alice").filter(({ text }) => /responders have it/.test(text));
  expect(reports.length).toBeGreaterThanOrEqual(3);
  for (const { text, at, order } of reports) {
    const has = ["Ridge", "Valley"].filter((name) => before(at, name, /^ALERT 1 MEDICAL/)).length;
    const [, claimed = "0", of = "0"] = /(\d) of (\d) responders have it/.exec(text) ?? [];
    expect({ text, claimed: Number(claimed), of: Number(of) }).toEqual({ text, claimed: has, of: 2 });
    if (text.includes("is coming")) expect(saidBefore(order, "Ridge", "responding")).toBe(true);
    if (text.includes("nobody has answered")) expect(saidBefore(order, "Ridge", "responding")).toBe(false);
  }
  expect(reports.at(-1)?.text).toContain("Ridge is coming; 2 of 2 responders have it");
  for (const { at } of heardBy("Alice").filter(({ text }) => text === "Your SOSM reached Warden.")) {
    expect(before(at, "Warden", /^ALERT SOSM from Alice/)).toBe(true);
  }
});

test("receipts are true: a message and a letter were there before it was said", () => {
  const receipt = heardBy("Alice").find(({ text }) => text.startsWith("Ridge has your message"));
  const message = heardBy("Ridge").find(({ text }) => text.endsWith("call me before six"));
  expect(message?.at).toBeLessThanOrEqual(receipt?.at ?? 0);
  const notices = heardBy("Ridge").filter(({ text }) => text.startsWith("You have a new letter"));
  expect(notices).toHaveLength(1);
});

test("the second gateway that hears the call alerts its own operator", () => {
  expect(day.secondHeard.some((text) => text.startsWith("ALERT SOSM from Alice"))).toBe(true);
});

test("in German nothing is English, and every text fits", () => {
  expect(day.german.length).toBeGreaterThan(10);
  for (const { text } of day.german) {
    expect({ text, fits: Buffer.byteLength(text) <= PACKET_BYTES }).toEqual({ text, fits: true });
    expect(text).not.toMatch(/\b(?:the|is|of|your|Send|you|Usage|heard|sunrise|received)\b/);
  }
});

interface Manifest {
  readonly capabilities: { readonly commands?: readonly { readonly name: string; readonly aliases?: readonly string[] }[] };
}

test("the page of commands has every command of every bundled plugin, none that does not exist, and fits one printed page", () => {
  const [, page = ""] = /<!-- commands -->\n([\s\S]*)<!-- end -->/.exec(readFileSync(GUIDE, "utf8")) ?? [];
  const shown = new Set([...page.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.split(" ")[0]?.toLowerCase() ?? ""));
  const declared = readdirSync(PLUGINS)
    .filter((each) => !each.includes("."))
    .flatMap((name) => (parse(readFileSync(join(PLUGINS, name, "manifest.yaml"), "utf8")) as Manifest).capabilities.commands ?? []);
  expect(declared.length).toBeGreaterThan(45);
  expect(declared.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  const known = new Set([...declared.flatMap(({ name, aliases = [] }) => [name, ...aliases]), ...OF_THE_GATEWAY]);
  expect([...shown].filter((word) => !known.has(word))).toEqual([]);
  expect(page.split("\n").length).toBeLessThanOrEqual(45);
});
