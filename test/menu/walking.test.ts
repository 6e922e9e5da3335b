import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { handleNumber } from "../../src/ids.ts";
import { RESERVED_WORDS } from "../../src/menu/words.ts";
import { NODE, world } from "./world.ts";

function bbs() {
  const made = world();
  made.add(
    { label: "Read mail", menu: "mail", command: "read", description: "Shows the letters for you" },
    { label: "Send mail", menu: "mail", command: "send" },
    { label: "Weather", menu: "utilities" },
    { label: "Today", menu: "utilities", parent: "weather" },
    { label: "Tomorrow", menu: "utilities", parent: "weather" },
    { label: "Restart", menu: "utilities", adminOnly: true },
    { label: "About", menu: "main", order: 200 },
  );
  return made;
}

describe("walking", () => {
  test("menu opens, numbers lead down, b leads back, q ends", () => {
    const { open, say, menus } = bbs();
    expect(say("1")).toBe("-");
    expect(open("menu")).toBe("MAIN\n1 BBS\n2 Utilities\n3 About\nq=quit");
    expect(say("1")).toBe("BBS\n1 Mail\nb=back q=quit");
    expect(say("mail")).toBe("MAIL\n1 Read mail\n2 Send mail\nb=back q=quit");
    expect(say("2 hello world")).toBe("demo/Send mail(hello|world)");
    expect(say("read")).toBe("demo/Read mail()");
    expect(say("b")).toBe("BBS\n1 Mail\nb=back q=quit");
    expect(say("back")).toBe("MAIN\n1 BBS\n2 Utilities\n3 About\nq=quit");
    expect(say("Q")).toBe("Menu closed. Send menu to open it again.");
    expect(say("1")).toBe("-");
    expect(menus.openSessions).toBe(0);
    open("menu");
    expect(say("b")).toStartWith("Menu closed");
  });

  test("several steps at once: by number, command or label, with arguments, quotes and moves", () => {
    const { open, say } = bbs();
    expect(open("menu 1 1 2 hello there")).toBe("demo/Send mail(hello|there)");
    expect(say('menu bbs mail SEND "to bob" hi')).toBe("demo/Send mail(to bob|hi)");
    expect(say("menu bbs mail send mail hi")).toBe("demo/Send mail(hi)");
    expect(say('menu 1 1 "Read mail"')).toBe("demo/Read mail()");
    expect(say("b 1 2 x")).toBe("demo/Send mail(x)");
    expect(say("menu 2 1 2")).toBe("demo/Tomorrow()");
    expect(say("b b q")).toStartWith("Menu closed");
  });

  test("no item takes the word of a built-in menu: not by label, command, order, or a label that begins with it", () => {
    const { add, open, say, pick, registry } = bbs();
    add(
      { plugin: "thief", label: "BBS", order: -1e9 },
      { plugin: "thief", label: "Utilities", command: "utilities", order: -1e9 },
      { plugin: "thief", label: "bbs mail", order: -1e9 },
      { plugin: "thief", label: "Mail", menu: "bbs", order: -1e9 },
      { plugin: "thief", label: "About", order: 1 },
    );
    expect(say("menu bbs mail")).toStartWith("MAIL\n");
    expect(open("menu utilities")).toStartWith("UTILITIES\n");
    say("q");
    expect(pick("utilities")).toStartWith("UTILITIES\n");
    const claimed = registry.claimed("thief", [{ menu: "main", label: "Utilities for all" }]);
    expect(claimed.map(({ menu, command, builtIn, plugins }) => `${menu} ${command} ${builtIn} ${plugins.join()}`).sort()).toEqual([
      "bbs mail true ",
      "main about false demo",
      "main bbs true ",
      "main utilities true ",
    ]);
    expect(registry.claimed("demo", []).map(({ command }) => command)).toEqual(["about"]);
  });

  test("bbs opens there, with main behind it; without it, main opens", () => {
    const { open, say } = bbs();
    expect(open("bbs")).toBe("BBS\n1 Mail\nb=back q=quit");
    expect(say("b")).toStartWith("MAIN\n");
    const other = world();
    other.add({ label: "About" });
    expect(other.open("BBS")).toBe("MAIN\n1 About\nq=quit");
  });

  test("an item with items of its own opens them and is invoked, with the words that lead nowhere as arguments", () => {
    const { open, say } = bbs();
    const weather = "WEATHER\n1 Today\n2 Tomorrow\nb=back q=quit";
    expect(open("menu utilities weather")).toBe(`demo/Weather() + ${weather}`);
    expect(say("?")).toBe(weather);
    expect(say("b weather zurich now")).toBe(`demo/Weather(zurich|now) + ${weather}`);
    expect(say("tomorrow")).toBe("demo/Tomorrow()");
    expect(say("b weather today x")).toBe("demo/Today(x)");
  });

  test("help shows the page, or what a line is for; what is not there is said", () => {
    const { open, say } = bbs();
    open("bbs mail");
    const page = "MAIL\n1 Read mail\n2 Send mail\nb=back q=quit";
    expect(say("?")).toBe(page);
    expect(say("HELP")).toBe(page);
    expect(say("? 1")).toBe("Read mail (read): Shows the letters for you");
    expect(say("help send")).toBe("Send mail (send): no description");
    expect(say("nothing")).toBe(`No "nothing" here.\n${page}`);
    expect(say("?")).toBe(page);
    expect(say("9")).toBe(`No "9" here.\n${page}`);
    expect(say("?")).toBe(page);
    expect(say(`\u001b]0;x\u0007${"y".repeat(100)}`)).toBe(`No "]0;x ${"y".repeat(16)}…" here.\n${page}`);
    expect(say("")).toBe(page);
  });

  test("a line of the main menu opens a session by its word, and nothing else does", () => {
    const { pick, say } = bbs();
    expect(pick("hello")).toBe("-");
    expect(pick("1")).toBe("-");
    expect(pick("about this")).toBe("demo/About(this)");
    expect(say("1")).toBe("BBS\n1 Mail\nb=back q=quit");
    expect(pick("utilities weather today")).toBe("demo/Today()");
  });

  test("menu and bbs open a session by themselves, with and without the prefix; with nothing to show they are left to others", () => {
    const { say, registry } = bbs();
    expect(say("!menu")).toBe("MAIN\n1 BBS\n2 Utilities\n3 About\nq=quit");
    expect(say("2")).toStartWith("UTILITIES");
    expect(say("!bbs mail send x")).toBe("demo/Send mail(x)");
    say("q");
    expect(say("Menu 3 y")).toBe("demo/About(y)");
    say("q");
    expect(say("menu", { isDirect: false })).toBe("-");
    expect(say("!menus")).toBe("-");
    registry.remove("demo", handleNumber(1));
    registry.remove("demo", handleNumber(2));
    expect(say("bbs")).toBe("-");
    registry.remove("demo");
    expect(say("menu")).toBe("-");
  });

  test("only direct messages, and not what has the prefix", () => {
    const { open, say, menus, pick } = bbs();
    expect(open("menu", { isDirect: false })).toBe("-");
    expect(pick("about", { isDirect: false })).toBe("-");
    open("menu");
    expect(say("1", { isDirect: false })).toBe("-");
    expect(say("!hello")).toBe("-");
    expect(say("1")).toStartWith("BBS");
    expect(menus.openSessions).toBe(1);
  });

  test("what is for operators only is neither shown nor chosen nor reached from an old session", () => {
    const { open, say, add } = bbs();
    expect(open("menu 2")).not.toContain("Restart");
    expect(say("restart")).toStartWith('No "restart" here.');
    expect(say("restart", { isAdmin: true })).toBe("demo/Restart()");
    expect(open("menu 2", { isAdmin: true })).toContain("Restart");
    add({ label: "Now", menu: "utilities", parent: "restart" });
    expect(say("restart", { isAdmin: true })).toContain("demo/Restart() + RESTART\n1 Now");
    expect(say("1")).toBe("demo/Weather() + WEATHER\n1 Today\n2 Tomorrow\nb=back q=quit");
  });

  test("without anything to show there is no session to be caught in", () => {
    const { open, say, menus, registry, add } = world();
    expect(open("menu")).toBe("There is no menu yet.");
    expect(menus.openSessions).toBe(0);
    add({ label: "About" });
    open("menu");
    registry.remove("demo");
    expect(say("hello")).toBe("-");
    expect(menus.openSessions).toBe(0);
  });

  test("a place that goes while a node stands in it leads back to the nearest that is there", () => {
    const { open, say, registry } = bbs();
    open("menu utilities weather");
    registry.remove("demo", handleNumber(3));
    expect(say("?")).toBe("UTILITIES\n1 Today\n2 Tomorrow\nb=back q=quit");
    registry.remove("demo", handleNumber(4));
    registry.remove("demo", handleNumber(5));
    expect(say("?")).toBe("MAIN\n1 BBS\n2 About\nq=quit");
  });
});

// Feature: third-party-plugin-system, Property 5: Menu handler routing
test("choosing a registered item by number, command or label invokes its handler with user and session context", () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((text) => !RESERVED_WORDS.has(text));
  const item = fc.record({
    menu: fc.constantFrom("main", "mail", "utilities", "games"),
    name: word,
    parent: fc.option(fc.nat(), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(item, { selector: (one) => one.name, minLength: 1, maxLength: 25 }),
      fc.nat(),
      word,
      (list, pick, argument) => {
        fc.pre(!list.some((one) => one.name === argument || ["bbs", "mail", "utilities", "games"].includes(one.name)));
        fc.pre(!["bbs", "mail", "utilities", "games"].includes(argument));
        const { registry, sessionData, menus } = world();
        for (const [at, { menu, name, parent }] of list.entries()) {
          const above = parent === undefined ? undefined : list.slice(0, at).filter((one) => one.menu === menu)[parent % (at + 1)]?.name;
          const added = registry.add({
            plugin: `p${at % 3}`,
            handle: handleNumber(at),
            menu,
            label: `The ${name} one`,
            command: name,
            parent: above,
          });
          expect(added.ok).toBe(true);
        }
        sessionData.set(NODE, `p${(pick % list.length) % 3}`, { count: pick });
        const wanted = pick % list.length;
        // The way to it, by walking over all that is shown.
        type Step = { number: string; word: string; label: string };
        const search = (place: Parameters<typeof registry.entries>[0], path: Step[]): Step[] | null => {
          for (const [at, entry] of registry.entries(place, false).entries()) {
            const step = { number: String(at + 1), word: entry.command ?? "", label: entry.label };
            const way =
              entry.item?.handle === wanted ? [...path, step] : entry.opens === null ? null : search(entry.opens, [...path, step]);
            if (way !== null) return way;
          }
          return null;
        };
        const way = search({ menu: "main", under: null }, []);
        expect(way).not.toBeNull();
        for (const by of ["number", "word", "label"] as const) {
          const text = `menu ${(way ?? []).map((step) => step[by]).join(" ")} ${argument}`;
          const reply = menus.open({ node: NODE, text, isDirect: true, isAdmin: false });
          expect(reply).toMatchObject({
            kind: "invoke",
            plugin: `p${wanted % 3}`,
            handle: wanted,
            label: `The ${list[wanted]?.name} one`,
            command: list[wanted]?.name,
            args: [argument],
            sessionData: { count: pick },
          });
          // And one step at a time.
          menus.open({ node: NODE, text: "menu", isDirect: true, isAdmin: false });
          const replies = (way ?? []).map((step) => menus.handle({ node: NODE, text: step[by], isDirect: true, isAdmin: false }));
          expect(replies.at(-1)).toMatchObject({ kind: "invoke", handle: wanted, args: [] });
        }
      },
    ),
    { numRuns: 150 },
  );
});
