import { expect, test } from "bun:test";
import { handleNumber } from "../../src/ids.ts";
import { helpText } from "../../src/router/help.ts";
import { Registry } from "../../src/router/match/registry.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { RouterBench } from "./router-support.ts";

const reader = (isOperator: boolean, language = "en") => ({ isOperator, say: gatewayTexts(() => language) });

function registry(...commands: readonly { name: string; [key: string]: unknown }[]): Registry {
  const made = new Registry("!");
  for (const [at, command] of commands.entries()) {
    const added = made.add("p", handleNumber(at + 1), { kind: "command", ...command }, { mayOverride: true });
    if (!added.ok) throw added.error;
  }
  return made;
}

test("the list is sorted, with help in it, without what is for operators alone", () => {
  const made = registry({ name: "wx" }, { name: "ban", adminOnly: true }, { name: "echo" });
  expect(helpText(made, [], reader(false))).toBe("Commands: echo, help, wx\nhelp NAME tells more");
  expect(helpText(made, [], reader(true))).toBe("Commands: ban, echo, help, wx\nhelp NAME tells more");
});

test("a long list has pages of one message each, and a page too far is the last", () => {
  const made = registry(...Array.from({ length: 60 }, (_, at) => ({ name: `command${at}` })));
  const first = helpText(made, [], reader(false));
  const pages = Number(/^Commands 1\/(\d+):/.exec(first)?.[1]);
  expect(pages).toBeGreaterThan(1);
  expect(first).toEndWith(", help 2 goes on");
  const names: string[] = [];
  for (let page = 1; page <= pages; page++) {
    const text = helpText(made, [String(page)], reader(false));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
    names.push(...(/: (.*)\n/.exec(text)?.[1] ?? "").split(", "));
  }
  expect(names).toHaveLength(61);
  expect(new Set(names).size).toBe(61);
  expect(helpText(made, ["99"], reader(false))).toBe(helpText(made, [String(pages)], reader(false)));
  expect(helpText(made, ["0"], reader(false))).toBe(first);
  expect(helpText(made, [String(pages)], reader(false))).not.toContain("goes on");
});

test("one command: help, usage and other names, by any of them, in any case", () => {
  const made = registry({ name: "wx", help: "Weather.", usage: "wx PLACE", aliases: ["weather"] }, { name: "bare" });
  expect(helpText(made, ["WEATHER"], reader(false))).toBe("wx: Weather.\nUsage: wx PLACE\nAlso: weather");
  expect(helpText(made, ["bare"], reader(false))).toBe("bare: (no description)");
});

test("what is not there, or for operators alone, is not shown", () => {
  const made = registry({ name: "ban", adminOnly: true, help: "Bans." });
  expect(helpText(made, ["ban"], reader(false))).toBe('No command "ban". Send help for all.');
  expect(helpText(made, ["ban"], reader(true))).toBe("ban: Bans.");
  expect(helpText(made, ["x".repeat(50)], reader(false))).toBe(`No command "${"x".repeat(32)}". Send help for all.`);
});

test("a plugin: its commands, page by page; and with a command of its name the others", () => {
  const made = new Registry("!");
  const add = (plugin: string, name: string, more = {}) => {
    const added = made.add(plugin, handleNumber(made.size + 1), { kind: "command", name, ...more }, { mayOverride: true });
    if (!added.ok) throw added.error;
  };
  for (const name of ["whois", "motd"]) add("bot", name);
  add("bot", "secret", { adminOnly: true });
  add("bbs", "bbs", { help: "Boards." });
  add("bbs", "mail");
  for (let at = 0; at < 60; at++) add("many", `command${at}`);
  expect(helpText(made, ["bot"], reader(false))).toBe("Commands of bot: motd, whois\nhelp NAME tells more");
  expect(helpText(made, ["BOT"], reader(true))).toBe("Commands of bot: motd, secret, whois\nhelp NAME tells more");
  expect(helpText(made, ["bbs"], reader(false))).toBe("bbs: Boards.\nWith it: mail");
  const second = helpText(made, ["many", "2"], reader(false));
  expect(second).toMatch(/^Commands of many 2\/\d: .*\nhelp NAME tells more, help many 3 goes on$/);
  expect(Buffer.byteLength(second)).toBeLessThanOrEqual(200);
  expect(helpText(made, ["many", "x"], reader(false))).toStartWith("Commands of many 1/");
});

test("help speaks the gateway's language, each page in one message, and answers to its word there", async () => {
  const many = registry(...Array.from({ length: 120 }, (_, at) => ({ name: `command${at}` })));
  const first = helpText(many, [], reader(false, "de"));
  expect(first).toStartWith("Befehle 1/");
  expect(first).toEndWith("help NAME sagt mehr, weiter mit help 2");
  for (let page = 1; page < 20; page++)
    expect(Buffer.byteLength(helpText(many, [String(page)], reader(false, "de")))).toBeLessThanOrEqual(200);
  const bench = new RouterBench();
  bench.language = "de-AT";
  expect(await bench.say("Hilfe")).toEqual(["Befehle: help\nhelp NAME sagt mehr"]);
  expect(await bench.say("wetter")).toEqual(['Den Befehl "wetter" gibt es nicht. Alle zeigt help.']);
  await bench.close();
});
