import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { formatNodeId } from "../../src/mesh/ids.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { Machine, must, World } from "./world.ts";

const machine = new Machine();
const PERMISSIONS = ["send_messages", "inter_plugin_messaging"];
let world: World;

beforeAll(async () => {
  world = await World.start(machine, { plugins: { subject: {} } });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

/** Words that move in the menus. */
const MOVES = /^(q|quit|exit|stop|cancel|0|b|back|menu|n|next|\?|help|bbs|mail|bulletins|channels|utilities|main)$/i;
const word = fc.stringMatching(/^[a-z][a-zäöü0-9_]{0,9}$/).filter((text) => !MOVES.test(text));
const label = fc.stringMatching(/^[A-Z][A-Za-zäöü]{1,8}( [A-Za-z]{1,8}){0,2}$/).filter((text) => !MOVES.test(text));
const item = fc.record({
  label,
  command: word,
  description: fc.stringMatching(/^[A-Z][a-z ]{0,30}[a-z]$/),
  order: fc.integer({ min: 60, max: 200 }),
});
const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
/** Distinct in every word by which one might be chosen. */
const items = (minLength: number) =>
  fc.uniqueArray(item, {
    minLength,
    maxLength: 6,
    comparator: (a, b) => [a.label, a.command].some((one) => [b.label, b.command].some((two) => same(one, two))),
  });
const menu = fc.oneof(
  fc.constantFrom("utilities", "bbs", "mail"),
  fc.stringMatching(/^[a-z][a-z0-9_-]{1,9}$/).filter((text) => !MOVES.test(text)),
);

type Item = { readonly label: string; readonly command: string; readonly description: string; readonly order: number };

async function install(menu: string, items: readonly Item[]): Promise<void> {
  const declared = items.map(({ label, command }) => ({ menu, label, command }));
  const menus = items.map(({ label, ...options }) => ({ menu, label, options, do: { reply: `chosen: ${label}` } }));
  must(await world.reload("subject", { manifest: { permissions: PERMISSIONS, capabilities: { menu_items: declared } }, plan: { menus } }));
  world.events.length = 0;
  world.heard.length = 0;
}

const pathTo = (menu: string) => (menu === "mail" ? "bbs mail" : menu);
const listed = async (menu: string) => must(await world.control.menus()).filter((entry) => entry.menu === menu && entry.plugin !== null);

// Feature: third-party-plugin-system, Property 4: Menu item registration
test(
  "a registered item is in its menu, with label, command and handler",
  async () => {
    await fc.assert(
      fc.asyncProperty(menu, items(1), fc.nat(), async (menu, items, which) => {
        await install(menu, items);
        const shown = await listed(menu);
        expect(shown.length).toBe(items.length);
        for (const { label, command, description, order } of items) {
          const wanted = { plugin: "subject", menu, label, command, description, order, admin_only: false };
          expect(shown).toContainEqual(expect.objectContaining(wanted));
        }
        // The handler behind the entry is the item's own.
        const chosen = items[which % items.length];
        expect(await world.ask(2, `menu ${pathTo(menu)} ${chosen?.command}`)).toBe(`chosen: ${chosen?.label}`);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const way = fc.constantFrom("number", "command", "label");

// Feature: third-party-plugin-system, Property 5: Menu handler routing
test(
  "selecting an item calls its handler with user and session",
  async () => {
    const cases = fc.record({
      items: items(1),
      picks: fc.array(fc.record({ which: fc.nat(), way, from: fc.integer({ min: 2, max: 5 }) }), { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ items, picks }, stepwise) => {
        await install("utilities", items);
        const page = items.toSorted((a, b) => a.order - b.order);
        for (const { which, way, from } of picks) {
          const chosen = page[which % page.length];
          if (chosen === undefined) continue;
          // Of two items of one order the menu's own page says which comes first.
          const place = (await listed("utilities")).findIndex(({ label }) => label === chosen.label) + 1;
          const typed = { number: String(place), command: chosen.command, label: chosen.label }[way];
          world.events.length = 0;
          world.heard.length = 0;
          if (stepwise) {
            await world.ask(from, "menu");
            expect(await world.ask(from, "utilities")).toContain("UTILITIES");
            expect(await world.ask(from, typed)).toBe(`chosen: ${chosen.label}`);
          } else expect(await world.ask(from, `menu utilities ${typed}`)).toBe(`chosen: ${chosen.label}`);
          const called = world.events.filter(({ type }) => type === "menu");
          expect(called.length).toBe(1);
          expect(called[0]?.data).toMatchObject({ label: chosen.label, menu: "utilities" });
          expect(called[0]?.data.context).toMatchObject({ senderId: formatNodeId(from), isDirect: true, sessionData: expect.any(Object) });
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 6: Menu item lifecycle
test(
  "an item that was removed is in no later answer of its menu",
  async () => {
    await fc.assert(
      fc.asyncProperty(menu, items(2), fc.nat(), async (menu, items, some) => {
        await install(menu, items);
        const removed = items.filter((_, index) => ((some >> index) & 1) === 1 || index === some % items.length);
        await world.configure("subject", { run: Math.random(), forget: removed.map(({ label }) => `menu:${label}`) });
        await world.settle();
        const kept = items.filter((item) => !removed.includes(item));
        expect((await listed(menu)).map(({ label }) => label).sort()).toEqual(kept.map(({ label }) => label).sort());
        for (const { label, command } of removed) {
          world.events.length = 0;
          expect(await world.tell(3, `menu ${pathTo(menu)} ${command}`)).not.toContain(`chosen: ${label}`);
          expect(world.events.filter(({ type }) => type === "menu")).toEqual([]);
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
