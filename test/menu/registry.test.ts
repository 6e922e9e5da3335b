import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Handle, handleNumber } from "../../src/ids.ts";
import { BUILT_IN_MENUS, type MenuItem } from "../../src/menu/items.ts";
import { MenuRegistry } from "../../src/menu/registry.ts";
import { RESERVED_WORDS } from "../../src/menu/words.ts";
import { world } from "./world.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/).filter((text) => !RESERVED_WORDS.has(text));
const label = fc.stringMatching(/^[A-Za-zäöü]{1,10}( [A-Za-z0-9]{1,8}){0,2}$/);
const menuName = fc.oneof(fc.constantFrom(...BUILT_IN_MENUS), word);
const items = fc
  .array(
    fc.record({
      plugin: word,
      menu: menuName,
      label,
      command: fc.option(word, { nil: undefined }),
      order: fc.integer({ min: -5, max: 200 }),
    }),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  .map((list) => list.map((item, at): MenuItem => ({ ...item, handle: handleNumber(at + 1) })));

function filled(list: readonly MenuItem[]): MenuRegistry {
  const registry = new MenuRegistry();
  for (const item of list) expect(registry.add(item)).toEqual({ ok: true, value: null });
  return registry;
}

// Feature: third-party-plugin-system, Property 4: Menu item registration
test("a registered item is in its menu with its label, command and handler, in order", () => {
  fc.assert(
    fc.property(items, (list) => {
      const registry = filled(list);
      for (const item of list) {
        const found = registry.list(item.menu).filter((view) => view.plugin === item.plugin && view.handle === item.handle);
        expect(found).toHaveLength(1);
        expect(found[0]).toMatchObject({ menu: item.menu, label: item.label, order: item.order });
        if (item.command !== undefined) expect(found[0]?.command).toBe(item.command);
        const shown = registry.entries({ menu: item.menu, under: null }, false);
        expect(shown.filter((entry) => entry.item === item)).toHaveLength(1);
        expect(shown.map((entry) => entry.order)).toEqual(shown.map((entry) => entry.order).sort((a, b) => a - b));
      }
      expect(registry.list().filter((view) => view.plugin !== null)).toHaveLength(list.length);
    }),
    { numRuns: 150 },
  );
});

test("the list of a menu is in the order of its page, whichever item arrived first", () => {
  const item = (handle: number, label: string): MenuItem => ({
    plugin: "p",
    menu: "utilities",
    label,
    order: 64,
    handle: handleNumber(handle),
  });
  const registry = filled([item(2, "second"), item(1, "first")]);
  expect(registry.list("utilities").map((view) => view.label)).toEqual(["first", "second"]);
  expect(registry.entries({ menu: "utilities", under: null }, false).map((entry) => entry.label)).toEqual(["first", "second"]);
});

// Feature: third-party-plugin-system, Property 6: Menu item lifecycle
test("a removed item is in no later answer, and the others still are", () => {
  fc.assert(
    fc.property(items, fc.array(fc.nat(), { minLength: 1, maxLength: 10 }), (list, picks) => {
      const registry = filled(list);
      const gone = new Set(picks.map((pick) => list[pick % list.length]));
      for (const item of gone) if (item !== undefined) registry.remove(item.plugin, item.handle);
      for (const item of list) {
        const all = registry.list().filter((view) => view.plugin === item.plugin && view.handle === item.handle);
        const shown = registry.entries({ menu: item.menu, under: null }, true).filter((entry) => entry.item === item);
        expect([all.length, shown.length]).toEqual(gone.has(item) ? [0, 0] : [1, 1]);
      }
      for (const plugin of new Set(list.map((item) => item.plugin))) registry.remove(plugin);
      expect(registry.size).toBe(0);
      expect(registry.entries({ menu: "main", under: null }, true)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

describe("menus", () => {
  test("those with something to show stand in main and bbs; the others are left out", () => {
    const { registry, add } = world();
    add(
      { label: "Send", menu: "mail" },
      { label: "Radar", menu: "weather_service" },
      { label: "Secret", menu: "utilities", adminOnly: true },
    );
    const lines = (menu: string, isAdmin = false) => registry.entries({ menu, under: null }, isAdmin).map((entry) => entry.label);
    expect(lines("main")).toEqual(["BBS", "Weather service"]);
    expect(lines("main", true)).toEqual(["BBS", "Utilities", "Weather service"]);
    expect(lines("bbs")).toEqual(["Mail"]);
    expect(registry.menu("mail", false)).toEqual({ menu: "mail", under: null });
    expect(registry.menu("channels", false)).toBeNull();
    expect(registry.menu("nonsense", false)).toBeNull();
    expect(registry.menu("__proto__", false)).toBeNull();
  });

  test("items hang under the item whose command they name, its own plugin's first, and move up when it goes", () => {
    const { registry, add } = world();
    add({ label: "Today", menu: "utilities", parent: "weather" });
    add({ label: "Weather", menu: "utilities" }, { label: "Weather", menu: "utilities", plugin: "other" });
    add({ label: "Tides", menu: "utilities", plugin: "other", parent: "weather" });
    const at = (plugin: string, handle: number) =>
      registry.entries({ menu: "utilities", under: { plugin, handle: handleNumber(handle) } }, false).map((entry) => entry.label);
    const top = () => registry.entries({ menu: "utilities", under: null }, false).map((entry) => `${entry.item?.plugin}:${entry.label}`);
    expect(top()).toEqual(["demo:Weather", "other:Weather"]);
    expect(at("demo", 2)).toEqual(["Today"]);
    expect(at("other", 3)).toEqual(["Tides"]);
    registry.remove("demo", handleNumber(2));
    expect(top()).toEqual(["other:Weather"]);
    expect(at("other", 3)).toEqual(["Today", "Tides"]);
    registry.remove("other", handleNumber(3));
    expect(top()).toEqual(["demo:Today", "other:Tides"]);
  });

  test("no arrangement of parents puts an item out of reach, not even thousands of them, and it takes no time to speak of", () => {
    const { registry } = world();
    const start = performance.now();
    for (let i = 0; i < 200; i++) {
      for (let plugin = 0; plugin < 10; plugin++) {
        registry.add({
          plugin: `p${plugin}`,
          handle: handleNumber(i),
          menu: "main",
          label: `L${i}`,
          command: `c${i}`,
          parent: `c${(i + plugin + 1) % 200}`,
        });
      }
    }
    const reached = new Set<unknown>();
    const visit = (place: { menu: string; under: { plugin: string; handle: Handle } | null }) => {
      for (const entry of registry.entries(place, false)) {
        if (entry.item === null || reached.has(entry.item)) continue;
        reached.add(entry.item);
        if (entry.opens !== null) visit(entry.opens);
      }
    };
    visit({ menu: "main", under: null });
    expect(reached.size).toBe(registry.size);
    expect(registry.size).toBeGreaterThan(1000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe("refusals say what is wrong and how to fix it", () => {
  test.each<[Partial<MenuItem>, string]>([
    [{ menu: "my menu" }, '"my menu" is not a menu name (use main, bbs, mail, bulletins, channels, utilities, or a short word'],
    [{ menu: "x".repeat(1000) }, "is not a menu name"],
    [{ menu: "" }, "is not a menu name"],
    [{ label: "" }, "a label is one line"],
    [{ label: "two\nlines" }, "a label is one line"],
    [{ label: "esc\u001b[31m" }, "a label is one line"],
    [{ label: "x\u202ey" }, "a label is one line"],
    [{ label: "ä".repeat(33) }, "the label is over 64 bytes"],
    [{ command: "quit" }, '"quit" navigates in the menus and cannot choose an item (choose another word)'],
    [{ command: "7" }, '"7" navigates in the menus'],
    [{ command: "two words" }, "the command is not one word"],
    [{ command: "" }, "the command is not one word"],
    [{ parent: "HELP" }, "navigates in the menus"],
    [{ command: "a", parent: "A" }, "it is its own parent (name another parent)"],
    [{ handle: handleNumber(1) }, "is already registered"],
  ])("case %#", (over, expected) => {
    const registry = new MenuRegistry();
    registry.add({ plugin: "demo", handle: handleNumber(1), menu: "main", label: "First" });
    const result = registry.add({ plugin: "demo", handle: handleNumber(2), menu: "main", label: "Label", ...over });
    expect(result.ok ? "accepted" : result.error.summary()).toContain(expected);
    expect(registry.size).toBe(1);
  });

  test("a ring over several items stands in the menu itself", () => {
    const { registry, add } = world();
    add(
      { label: "A", command: "a1", parent: "a2" },
      { label: "B", command: "a2", parent: "a3" },
      { label: "C", command: "a3", parent: "a1" },
    );
    expect(registry.entries({ menu: "main", under: null }, false).map((entry) => entry.label)).toEqual(["A", "B", "C"]);
  });
});

test("the list shows what hidden items lead to, also when only operators may use it", () => {
  const { registry, add } = world();
  add({ label: "Tools", command: "tools", adminOnly: true }, { label: "Reset", parent: "tools", adminOnly: true });
  expect(registry.list("main").map(({ label, parent, adminOnly }) => [label, parent, adminOnly])).toContainEqual(["Reset", "tools", true]);
  expect(registry.entries({ menu: "main", under: null }, false)).toEqual([]);
  const [tools] = registry.entries({ menu: "main", under: null }, true);
  expect([tools?.label, tools?.opens !== null]).toEqual(["Tools", true]);
});
