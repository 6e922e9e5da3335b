/** The gateway's own words on the air: complete in each language, short, and all of them in the catalogue. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { BUILT_IN_MENUS } from "../../src/menu/items.ts";
import { parseEmergency } from "../../src/mesh/emergency/words.ts";
import { textProblems } from "../../src/testing/index.ts";
import { ALERTS } from "../../src/texts/alerts.ts";
import de from "../../src/texts/locales/de.ts";
import en from "../../src/texts/locales/en.ts";
import { ALERT_MARKS, alertText, fitNames, gatewayTexts } from "../../src/texts/texts.ts";

const SRC = join(import.meta.dir, "../../src");
const bytes = (text: string) => Buffer.byteLength(text);

/** Folders from which the gateway itself speaks on the air. */
const SPEAKERS = ["router", "menu", "mesh/emergency", "gateway/alerts", "mesh/intake"];
/** A literal of two words or more. */
const SENTENCE = /(["'`])(?:(?!\1)[^\\\n]|\\.)*?\p{L}{2,} \p{L}{2,}(?:(?!\1)[^\\\n]|\\.)*?\1/gu;
/** Lines whose literals stay on this machine: the log, errors of registrations, SQL, alerts on the list (their text on the air is `alertText`). */
const STAYS_HERE =
  /\blog(?:ger)?\??\.|\.(?:warn|error|info|debug)\(|\b(?:fail|invalid|inBackground|GatewayError|remark)\(|\b(?:hint|message|reason|text: "\d+\/|periodS)\b.*[:=]|SELECT|CREATE|INSERT|DELETE|life\.add|^\s*`CREATE|^\s*\(name\) =>|throw /;

/** Errors of registrations, and what only looks like a sentence: the code between two literals. */
const NOT_SPOKEN: readonly RegExp[] = [/^router\/match\//, /typeof value ===/, /readonly node: NodeNumber/];

async function literals(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of new Bun.Glob("**/*.ts").scanSync(join(SRC, folder))) {
    const source = (await Bun.file(join(SRC, folder, file)).text()).replace(/\/\*[\s\S]*?\*\//g, (text) => text.replace(/[^\n]/g, ""));
    const lines = source.split("\n").map((line) => line.replace(/(^|\s)\/\/.*/, ""));
    for (const [at, line] of lines.entries()) {
      const before = lines.slice(Math.max(0, at - 2), at).join("\n");
      const isCall = /(?:\.(?:warn|error|info|debug)|fail|GatewayError|inBackground|invalid|conflict)\(\s*$/.test(before);
      if (STAYS_HERE.test(line) || isCall) continue;
      for (const match of line.matchAll(SENTENCE)) found.push(`${folder}/${file}: ${match[0]}`);
    }
  }
  return found;
}

describe("the catalogue", () => {
  test("has the same texts in each language, none over one message", () => {
    expect(textProblems({ en, de })).toEqual([]);
  });

  test("names each built-in menu", () => {
    const keys: string[] = Object.keys(en);
    for (const menu of BUILT_IN_MENUS) expect(keys).toContain(`menu_name_${menu}`);
  });

  test("each of its texts is used", async () => {
    let all = "";
    for (const file of new Bun.Glob("**/*.ts").scanSync(SRC))
      if (!file.startsWith("texts/locales/")) all += await Bun.file(join(SRC, file)).text();
    const unused = Object.keys(en).filter((key) => !all.includes(`"${key}"`) && !key.startsWith("menu_name_"));
    expect(unused).toEqual([]);
  });

  test("no sentence is spoken that is not in it", async () => {
    const spoken = (await Promise.all(SPEAKERS.map(literals))).flat();
    expect(spoken.filter((text) => !NOT_SPOKEN.some((pattern) => pattern.test(text)))).toEqual([]);
  });

  test("no handler's answer of the gateway's own is a literal", async () => {
    for (const file of new Bun.Glob("router/**/*.ts").scanSync(SRC)) {
      const source = await Bun.file(join(SRC, file)).text();
      for (const [call] of source.matchAll(/respond\(message, null, [^\n]*/g)) expect(call).not.toMatch(/null, ["'`]/);
    }
  });
});

describe("alerts", () => {
  test("each code that the gateway raises has words in each other language", async () => {
    const codes = new Set<string>(["plugin_failed", "approval_pending"]);
    for (const state of ["low", "full", "read_only", "missing", "failing"]) codes.add(`disk_${state}`);
    for (const file of new Bun.Glob("**/*.ts").scanSync(SRC)) {
      const source = await Bun.file(join(SRC, file)).text();
      for (const [, code = ""] of source.matchAll(/emit\("alert",\s*\{\s*code: "([a-z_]+)"/g)) codes.add(code);
    }
    expect(codes.size).toBeGreaterThan(15);
    for (const [language, words] of ALERTS)
      expect({ language, missing: [...codes].filter((code) => !words.has(code)) }).toEqual({ language, missing: [] });
  });

  test("go in one message, in the operator's language, with what they are about", () => {
    const alert = { code: "link_down", message: `no radio link roof: ${"x".repeat(900)}`, link: "roof" };
    expect(bytes(alertText("en", alert, "raised"))).toBeLessThanOrEqual(200);
    expect(alertText("de-AT", alert, "raised")).toBe("ALARM Die Funkverbindung roof ist seit Längerem unterbrochen");
    expect(alertText("de", alert, "cleared")).toStartWith("ALARM VORBEI ");
    expect(alertText("fr", { code: "unheard_of", message: "new" }, "cleared")).toBe("ALERT OVER new");
    expect(alertText("de", { code: "unheard_of", message: "new" }, "raised")).toBe("ALARM new");
  });

  test("begin with no cry for help, in any language", () => {
    expect(ALERT_MARKS).toEqual(["ALERT", "ALARM"]);
    for (const mark of ALERT_MARKS) expect(parseEmergency(`${mark} SOS from Alice: help`, ["!", ""])).toBeNull();
  });
});

test("a list of names is cut to one message, with the number of those left out", () => {
  for (const language of ["en", "de"]) {
    const say = gatewayTexts(() => language);
    const names = Array.from({ length: 40 }, (_, at) => `Bergwacht Süd ${at}`);
    const text = fitNames(say, names, (list) => say("sos_received", { word: "SOSM", names: list }));
    expect(bytes(text)).toBeLessThanOrEqual(200);
    expect(text).toMatch(language === "en" ? /and \d+ more/ : /und \d+ weitere/);
    expect(fitNames(say, ["Anna"], (list) => list)).toBe("Anna");
  }
});
