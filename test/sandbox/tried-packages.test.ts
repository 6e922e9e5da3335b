/**
 * The packages of docs/packages.md, each with the verdict that stands there: installed into a temporary folder, loaded, and used in a
 * realm. Without a registry nothing can be installed, and the test says so.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource } from "../../src/sandbox/loader/source.ts";
import { DEADLINE, spec, watcher, withHost } from "./support.ts";

/** What each is tried with: an import, and an expression that gives "ok" when the package does its work. */
const USES: Readonly<Record<string, readonly [imports: string, use: string]>> = {
  "satellite.js": [
    'import { propagate, twoline2satrec } from "satellite.js";',
    `typeof propagate(twoline2satrec("1 25544U 98067A   19156.50900463  .00003075  00000-0  59442-4 0  9992",
      "2 25544  51.6433  59.2583 0008217  16.4489 347.6017 15.51174618173442"), new Date("2019-06-05T12:00:00Z")).position.x === "number"`,
  ],
  axios: ['import axios from "axios";', '(await axios.get("https://example.org/x")).data.answer === 42'],
  cheerio: ['import { load } from "cheerio";', 'load("<p class=a>hi</p>")("p.a").text() === "hi"'],
  suncalc: ['import * as all from "suncalc";', "(all.default ?? all).getTimes(new Date(0), 51, 7).sunrise instanceof Date"],
  dayjs: [
    'import dayjs from "dayjs"; import utc from "dayjs/plugin/utc"; import relative from "dayjs/plugin/relativeTime";',
    '(dayjs.extend(utc), dayjs.extend(relative), dayjs.utc("2026-01-05").add(1, "day").format("YYYY-MM-DD")) === "2026-01-06"',
  ],
  "date-fns": ['import { addDays, formatISO } from "date-fns";', 'formatISO(addDays(new Date(0), 1)).startsWith("1970-01-02")'],
  "fast-xml-parser": ['import { XMLParser } from "fast-xml-parser";', 'new XMLParser().parse("<a><b>1</b></a>").a.b === 1'],
  lodash: ['import _ from "lodash";', "_.chunk([1, 2, 3], 2).length === 2"],
  zod: ['import { z } from "zod";', "z.object({ a: z.number() }).parse({ a: 1 }).a === 1"],
  nanoid: ['import { nanoid } from "nanoid";', "nanoid().length === 21"],
  geolib: [
    'import { getDistance } from "geolib";',
    "getDistance({ latitude: 51, longitude: 7 }, { latitude: 52, longitude: 8 }) === 131124",
  ],
  mathjs: ['import { evaluate } from "mathjs";', 'evaluate("2^10") === 1024'],
  "rss-parser": ['import Parser from "rss-parser";', "typeof new Parser() === 'object'"],
  luxon: ['import { DateTime } from "luxon";', 'DateTime.utc(2026, 1, 5).toISO().startsWith("2026")'],
};

const ROWS = [
  ...readFileSync(join(import.meta.dir, "../../docs/packages.md"), "utf8").matchAll(/^\| ([\w.@/-]+) \| (\d[\w.-]*) \| ([a-z ]+) \|/gm),
];
const root = mkdtempSync(join(tmpdir(), "tried-"));
let installed = false;
/** As much as a plugin may ask for: a slow machine must not change a verdict. */
const LIMITS = { memoryMb: 16, sliceMs: 400, timeoutS: 10, storageMb: 16 };

beforeAll(async () => {
  const dependencies = Object.fromEntries(ROWS.map(([, name = "", version = ""]) => [name, version]));
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "tried", private: true, dependencies }));
  const child = Bun.spawn([process.execPath, "install", "--no-save"], { cwd: root, stdout: "ignore", stderr: "pipe", timeout: 120_000 });
  const said = await new Response(child.stderr).text();
  installed = (await child.exited) === 0;
  if (!installed) console.warn(`SKIPPED: the packages of docs/packages.md cannot be installed here: ${said.slice(-300)}`);
}, 150_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("the page and this test know the same packages", () => {
  expect(ROWS.map(([, name]) => name).sort()).toEqual(Object.keys(USES).sort());
});

/** `works`, or how it does not. */
async function verdictOf(name: string): Promise<string> {
  const [imports = "", use = ""] = USES[name] ?? [];
  const main = `${name.replace(/\W/g, "_")}.ts`;
  const run = `override async initialize() { this.log.info(String(${use})); }`;
  writeFileSync(join(root, main), `import { Plugin } from "zephyrgate";\n${imports}\nexport default class extends Plugin { ${run} }\n`);
  const source = folderSource(root);
  const loaded = source.ok ? await loadPlugin(source.value, main) : source;
  if (!loaded.ok) return "is refused";
  const seen = watcher(({ operation }) =>
    operation === "http_request"
      ? {
          ok: true,
          value: {
            ok: true,
            status: 200,
            headers: { "content-type": "application/json" },
            body: '{"answer": 42}',
            url: "https://example.org/x",
          },
        }
      : { ok: true, value: null },
  );
  const permissions = { granted: ["http_requests"], denied: [], requested: [] };
  return await withHost(async (host) => {
    const opened = await host.open(spec(loaded.value.code, { permissions, limits: LIMITS }), seen.events);
    if (!opened.ok) return "does not load";
    const outcome = await opened.value.call({ kind: "lifecycle", hook: "initialize" }, [], DEADLINE).outcome;
    return outcome.ok && seen.logs.some(({ message }) => message === "true") ? "works" : "does not run";
  });
}

for (const [, name = "", , verdict = ""] of ROWS) {
  test(`${name}: ${verdict}`, async () => {
    if (!installed) return;
    expect(await verdictOf(name)).toBe(verdict);
  }, 30_000);
}
