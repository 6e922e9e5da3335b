/** How long menus and their data are kept, how much, and how a typed word is read. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handleNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { menuName } from "../../src/menu/menu-name.ts";
import { layOut } from "../../src/menu/menu-page.ts";
import { MenuSessions } from "../../src/menu/menu-sessions.ts";
import { SESSION_DATA_SCHEMA, SessionData, type SessionDataOptions } from "../../src/menu/session-data.ts";
import { byOrder, commandOf, isFreeWord } from "../../src/menu/tree.ts";
import { folded, oneLine, splitWords, typed } from "../../src/menu/words.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { FakeClock } from "../fake-clock.ts";

const MAIN = { menu: "main", under: null };

describe("a menu session", () => {
  test("ends when nothing was sent for its time, counted from the last use", () => {
    const clock = new FakeClock();
    const sessions = new MenuSessions(clock, { idleS: 10 }, 3);
    sessions.open(1, MAIN).wrong = 1;
    clock.pass(9_999);
    sessions.used(1);
    expect(sessions.get(1)).toEqual({ stack: [MAIN], page: 0, usedAt: 9_999, wrong: 0 });
    clock.pass(9_999);
    expect([sessions.get(1) !== undefined, sessions.size]).toEqual([true, 1]);
    clock.pass(1);
    expect([sessions.get(1), sessions.size]).toEqual([undefined, 0]);
    sessions.used(1);
    expect(sessions.counters).toEqual({ opened: 1, closed: 0, expired: 1, evicted: 0 });
  });

  test("makes room when there are too many: the one not used for longest goes", () => {
    const sessions = new MenuSessions(new FakeClock(), { idleS: 10 }, 3);
    for (const node of [1, 2, 3]) sessions.open(node, MAIN);
    sessions.used(1);
    sessions.open(3, MAIN);
    expect([sessions.size, sessions.counters.evicted]).toEqual([3, 0]);
    sessions.open(4, MAIN);
    expect([1, 2, 3, 4].map((node) => sessions.get(node) !== undefined)).toEqual([true, false, true, true]);
    sessions.close(1);
    sessions.close(1);
    expect(sessions.counters).toEqual({ opened: 5, closed: 1, expired: 0, evicted: 1 });
  });
});

describe("a plugin's data of a node", () => {
  const keep = (over: Partial<SessionDataOptions> = {}) => {
    const clock = new FakeClock();
    return { clock, data: new SessionData({ clock, idleS: 10, ...over }) };
  };

  test("is kept up to 4096 bytes; more is refused, and what was there stays", () => {
    const { data } = keep();
    expect(data.set(1, "p", { a: "x".repeat(4096 - 8) }).ok).toBe(true);
    const refused = data.set(1, "p", { a: "ä".repeat(2045) });
    expect(refused.ok ? "" : `${refused.error.code}: ${refused.error.summary()}`).toBe(
      "quota_exceeded: the session data of p would have 4098 bytes; at most 4096 are allowed (keep more with storeData)",
    );
    expect(data.get(1, "p").a).toHaveLength(4088);
  });

  test("goes when the node was idle, with that of every plugin; use of one keeps all", () => {
    const { clock, data } = keep();
    data.set(1, "p", { a: 1 });
    data.set(1, "q", { b: 2 });
    clock.pass(9_999);
    expect(data.get(1, "p")).toEqual({ a: 1 });
    clock.pass(9_999);
    expect([data.get(1, "q"), data.get(1, "none"), data.get(2, "p")]).toEqual([{ b: 2 }, {}, {}]);
    clock.pass(10_000);
    expect([data.get(1, "p"), data.get(1, "q"), data.size]).toEqual([{}, {}, 0]);
  });

  test("of the node not used for longest goes first, and is counted", () => {
    const { data } = keep({ maxNodes: 2 });
    data.set(1, "p", { a: 1 });
    data.set(2, "p", { a: 2 });
    data.get(1, "p");
    data.set(3, "p", { a: 3 });
    expect([data.get(1, "p"), data.get(2, "p"), data.get(3, "p"), data.evicted, data.size]).toEqual([{ a: 1 }, {}, { a: 3 }, 1, 2]);
    data.forget("p");
    expect([data.get(1, "p"), data.size]).toEqual([{}, 0]);
  });

  test("survives a restart for the plugin in the same folder alone, and grows older meanwhile", () => {
    const folder = mkdtempSync(join(tmpdir(), "session-data-"));
    const clock = new FakeClock();
    const opened = openCoreDatabase(join(folder, "core.db"), [SESSION_DATA_SCHEMA], { clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    const database = opened.value;
    const places = new Map([
      ["p", "/plugins/p"],
      ["q", "/plugins/q"],
    ]);
    const start = () => new SessionData({ clock, idleS: 10, database, placeOf: (plugin) => places.get(plugin) ?? "" });
    const first = start();
    first.set(1, "p", { a: 1 });
    first.set(1, "q", { b: 2 });
    first.set(2, "q", { c: 3 });
    first.forget("q");
    first.set(1, "q", { b: 4 });
    database.flush();
    const rows = () => database.sqlite.query("SELECT node, plugin, place, data FROM session_data ORDER BY node, plugin").all();
    expect(rows()).toEqual([
      { node: 1, plugin: "p", place: "/plugins/p", data: '{"a":1}' },
      { node: 1, plugin: "q", place: "/plugins/q", data: '{"b":4}' },
    ]);
    clock.pass(9_000);
    places.set("q", "/elsewhere/q");
    const second = start();
    expect([second.get(1, "p"), second.get(1, "q")]).toEqual([{ a: 1 }, {}]);
    const third = start();
    clock.pass(1_000);
    expect(third.get(1, "p")).toEqual({});
    database.flush();
    expect(rows()).toEqual([]);
    third.set(3, "p", { d: 5 });
    database.flush();
    expect(rows()).toHaveLength(1);
    third.forget("p");
    third.set(4, "p", { e: 6 });
    database.flush();
    expect(rows()).toEqual([{ node: 4, plugin: "p", place: "/plugins/p", data: '{"e":6}' }]);
    database.sqlite.run("DELETE FROM session_data");
    third.set(5, "p", { f: 7 });
    database.flush();
    // What is stored is not stored again.
    expect(rows()).toEqual([{ node: 5, plugin: "p", place: "/plugins/p", data: '{"f":7}' }]);
    database.close();
    rmSync(folder, { recursive: true });
  });
});

describe("a page", () => {
  const say = gatewayTexts(() => "en");
  const entry = (label: string) => ({ label, command: null, description: null, adminOnly: false, order: 1, item: null, opens: null });
  const page = (labels: readonly string[], over: { number?: number; canGoBack?: boolean; notice?: string; title?: string } = {}) =>
    layOut({ title: "main", number: 0, canGoBack: false, say, entries: labels.map(entry), ...over });

  test("has title, numbered lines and the word that leads away", () => {
    expect(page(["News", "Mail"])).toEqual({ text: `MAIN\n1 News\n2 Mail\n${say("menu_quit")}`, number: 0, pages: 1 });
    expect(page([], { canGoBack: true, number: 7 })).toEqual({
      text: `MAIN\n${say("menu_empty")}\n${say("menu_back")}`,
      number: 0,
      pages: 1,
    });
    expect(
      page(["News"], { notice: "n".repeat(100), title: "t".repeat(100) })
        .text.split("\n")
        .map((line) => Buffer.byteLength(line)),
    ).toEqual([60, 40, 6, say("menu_quit").length]);
  });

  test("holds as many lines as fit into 200 bytes; the numbers go on, and a page beyond the last is the last", () => {
    const labels = Array.from({ length: 30 }, (_, at) => `Item ${at + 1} äöü`);
    const first = page(labels);
    const all = Array.from({ length: first.pages }, (_, number) => page(labels, { number }));
    expect(all.map(({ number }) => number)).toEqual(all.map((_, at) => at));
    expect(all.flatMap(({ text }) => text.split("\n").slice(1, -1))).toEqual(labels.map((label, at) => `${at + 1} ${label}`));
    for (const [at, { text }] of all.entries()) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
      expect(text.split("\n")[0]).toBe(`MAIN (${at + 1}/${all.length})`);
      const isLast = at === all.length - 1;
      expect(text.split("\n").at(-1)).toBe(isLast ? say("menu_quit") : say("menu_more", { back: say("menu_quit") }));
      if (!isLast) expect(Buffer.byteLength(text)).toBeGreaterThan(160);
    }
    expect([page(labels, { number: 99 }), page(labels, { number: -1 })]).toEqual([all.at(-1) ?? first, first]);
    expect(Buffer.byteLength(page(["x".repeat(300)]).text.split("\n")[1] ?? "")).toBe(100);
  });

  test("is filled to the last byte before a line goes to the next one", () => {
    const longest = Array.from({ length: 60 }, (_, at) => {
      const { text, pages } = page(Array.from({ length: 9 }, () => "x".repeat(20 + at)));
      expect(pages).toBeGreaterThan(1);
      return Buffer.byteLength(text);
    });
    expect(Math.max(...longest)).toBe(200);
  });

  test("has the built-in menus' names in the language, and others' as they are written", () => {
    expect([
      menuName("bbs", say),
      menuName("weather_service_x", say),
      menuName(
        "mail",
        gatewayTexts(() => "de"),
      ),
    ]).toEqual([say("menu_name_bbs"), "Weather service x", gatewayTexts(() => "de")("menu_name_mail")]);
  });
});

describe("items", () => {
  test("stand by their order, 100 where they name none, then by plugin, then by registration", () => {
    const item = (plugin: string, handle: number, order?: number) => ({
      plugin,
      handle: handleNumber(handle),
      menu: "main",
      label: "x",
      order,
    });
    const items = [item("b", 1), item("a", 2), item("a", 1), item("z", 9, 99), item("a", 1, 101), item("c", 1, 100)];
    expect(items.sort(byOrder).map(({ plugin, handle, order }) => `${plugin}${handle}${order ?? ""}`)).toEqual([
      "z999",
      "a1",
      "a2",
      "b1",
      "c1100",
      "a1101",
    ]);
  });

  test("are chosen by their command, or a word made of their label, unless that navigates", () => {
    expect([
      commandOf({ label: "Weather  Today" }),
      commandOf({ label: "x", command: " GO " }),
      commandOf({ label: "Back" }),
      commandOf({ label: "12" }),
    ]).toEqual(["weather_today", "go", null, null]);
    const reserved = ["0", "q", "quit", "exit", "stop", "cancel", "b", "back", "n", "next", "menu", "help", "?", "7", "QUIT"];
    expect(reserved.filter(isFreeWord)).toEqual([]);
    expect(["bb", "7a", "news"].filter(isFreeWord)).toEqual(["bb", "7a", "news"]);
  });
});

describe("words", () => {
  test("are split at blanks, quotes keep some together, and fifty are enough", () => {
    expect(splitWords(' a "b c"d "e').map(({ text, at, end }) => [text, at, end])).toEqual([
      ["a", 1, 2],
      ["b c", 3, 8],
      ["d", 8, 9],
      ["e", 10, 12],
    ]);
    expect(splitWords("w ".repeat(60))).toHaveLength(50);
    expect([splitWords(""), splitWords('""').map(({ text }) => text)]).toEqual([[], [""]]);
  });

  test.each([
    ["1.", "1"],
    ["#1", "1"],
    ["[12]", "12"],
    ["(3):", "3"],
    ["1\u20e3", "1"],
    ["٣", "3"],
    ["९", "9"],
    ["०", "0"],
    ["12345", "12345"],
    ["Back.", "back"],
    ["NEWS!", "news"],
  ])("%s is read as %s", (written, read) => {
    expect(typed(written)).toBe(read);
  });

  test("are compared without case and with single blanks; a line of strangers holds no control characters", () => {
    expect(folded("  CAFE\u0301   Zwei ")).toBe("café zwei");
    expect(oneLine(" a\u0000\nb\u202e\u2066c\u0085 ")).toBe("a bc");
  });
});
