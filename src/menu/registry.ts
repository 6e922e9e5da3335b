import { fail, ok, type Result } from "../errors.ts";
import type { Handle } from "../ids.ts";
import { BUILT_IN_MENUS, type Entry, type MenuItem, type MenuView, type Place } from "./items.ts";
import { byOrder, commandOf, isFreeWord, itemKey, MenuTree, USUAL_ORDER } from "./tree.ts";
import { byteLength, folded, oneLine } from "./words.ts";

/** Where the built-in menus stand in one another. Plugins' own menus stand in main. */
const STANDS_IN: Readonly<Record<string, string | null>> = Object.freeze(
  Object.assign(Object.create(null), { main: null, bbs: "main", mail: "bbs", bulletins: "bbs", channels: "bbs", utilities: "main" }),
);
/** The built-in menus come before items of the usual order. */
const BUILT_IN_ORDER = 50;
const MAX_LABEL_BYTES = 64;
const MAX_WORD = 32;

/** The items of all plugins, and the menus that they make. */
export class MenuRegistry {
  readonly #items = new Map<string, MenuItem>();
  /** Null after a change: the next question builds it anew. */
  #tree: MenuTree | null = null;

  /** Would this item be taken? `invalid_argument` or `conflict`, with the mend. Changes nothing. */
  check(item: MenuItem): Result<null> {
    const shown = JSON.stringify(item.label.slice(0, MAX_LABEL_BYTES));
    const invalid = (message: string, hint: string) => fail("invalid_argument", `menu item ${shown}: ${message}`, { hint });
    if (item.menu.length > MAX_WORD || !/^[a-z][a-z0-9_-]*$/.test(folded(item.menu))) {
      const hint = `use ${BUILT_IN_MENUS.join(", ")}, or a short word of your own`;
      return invalid(`${JSON.stringify(item.menu.slice(0, MAX_WORD))} is no menu name`, hint);
    }
    if (item.label === "" || oneLine(item.label) !== item.label) {
      return invalid("a label is one line without control characters or blanks around it", "write a few words");
    }
    if (byteLength(item.label) > MAX_LABEL_BYTES) return invalid(`the label is over ${MAX_LABEL_BYTES} bytes`, "a page has 200 in all");
    for (const what of ["command", "parent"] as const) {
      const word = item[what];
      if (word === undefined) continue;
      if (word.length > MAX_WORD || !/^[^\s"\u0000-\u001f\u007f-\u009f]+$/.test(word)) {
        return invalid(`the ${what} is not one word of at most ${MAX_WORD} characters`, "leave out blanks and quotes");
      }
      if (!isFreeWord(word)) return invalid(`${JSON.stringify(word)} moves in the menus and cannot choose an item`, "choose another word");
    }
    if (item.parent !== undefined && folded(item.parent) === commandOf(item))
      return invalid("it would hang under itself", "name another parent");
    if (this.#items.has(itemKey(item))) {
      return fail("conflict", `menu item ${shown} is registered already`, { hint: "dispose of the first one" });
    }
    return ok(null);
  }

  /** Takes an item; it shows at once. Fails as {@link check} does. */
  add(item: MenuItem): Result<null> {
    const checked = this.check(item);
    if (!checked.ok) return checked;
    this.#items.set(itemKey(item), item);
    this.#tree = null;
    return checked;
  }

  /** Takes away one item, or all of a plugin. What hung under it moves up to the menu. */
  remove(plugin: string, handle?: Handle): void {
    for (const [key, item] of this.#items) {
      if (item.plugin === plugin && (handle === undefined || item.handle === handle)) this.#items.delete(key);
    }
    this.#tree = null;
  }

  /** The lines of a place, in order. Menus without a line of their own are left out, and what is for operators only. */
  entries(place: Place, isAdmin: boolean): readonly Entry[] {
    const items = this.tree.children(place).filter((item) => isAdmin || item.adminOnly !== true);
    const menus = place.under === null ? this.#menusIn(place.menu).filter((menu) => this.#hasLines(menu, isAdmin)) : [];
    const lines = [...menus.map(menuEntry), ...items.map((item) => this.#itemEntry(item, isAdmin))];
    return lines.sort((a, b) => a.order - b.order);
  }

  /** The item a place stands under, or undefined when it is gone. */
  find(under: NonNullable<Place["under"]>): MenuItem | undefined {
    return this.#items.get(itemKey(under));
  }

  /** The place that a menu's name means; null when there is nothing to show. */
  menu(name: string, isAdmin: boolean): Place | null {
    const menu = folded(name);
    const isKnown = menu in STANDS_IN || this.tree.menus.has(menu);
    return isKnown && (menu === "main" || this.#hasLines(menu, isAdmin)) ? { menu, under: null } : null;
  }

  /** All lines of one menu, or of all, hidden or not; for queries and the API. */
  list(menu?: string): readonly MenuView[] {
    const names = menu === undefined ? [...Object.keys(STANDS_IN), ...this.#ownMenus()] : [folded(menu)];
    const views = names.flatMap((name) => this.#menusIn(name).map((inner) => viewOf(name, menuEntry(inner))));
    const items = [...this.#items.values()].filter((item) => menu === undefined || folded(item.menu) === folded(menu)).sort(byOrder);
    return [...views, ...items.map((item) => viewOf(folded(item.menu), this.#itemEntry(item, true)))].sort(
      (a, b) => names.indexOf(a.menu) - names.indexOf(b.menu) || a.order - b.order,
    );
  }

  get size(): number {
    return this.#items.size;
  }

  private get tree(): MenuTree {
    this.#tree ??= new MenuTree(this.#items.values());
    return this.#tree;
  }

  #itemEntry(item: MenuItem, isAdmin: boolean): Entry {
    const place: Place = { menu: folded(item.menu), under: { plugin: item.plugin, handle: item.handle } };
    const hasItems = this.tree.children(place).some((child) => isAdmin || child.adminOnly !== true);
    return {
      label: item.label,
      command: commandOf(item),
      description: item.description === undefined ? null : oneLine(item.description),
      adminOnly: item.adminOnly === true,
      order: item.order ?? USUAL_ORDER,
      item,
      opens: hasItems ? place : null,
    };
  }

  /** Names of menus that only plugins made. */
  #ownMenus(): string[] {
    return [...this.tree.menus].filter((name) => !(name in STANDS_IN)).sort();
  }

  #menusIn(menu: string): string[] {
    const builtIn = Object.keys(STANDS_IN).filter((name) => STANDS_IN[name] === menu);
    return menu === "main" ? [...builtIn, ...this.#ownMenus()] : builtIn;
  }

  #hasLines(menu: string, isAdmin: boolean): boolean {
    const items = this.tree.children({ menu, under: null });
    return items.some((item) => isAdmin || item.adminOnly !== true) || this.#menusIn(menu).some((inner) => this.#hasLines(inner, isAdmin));
  }
}

function menuEntry(menu: string): Entry {
  const label = menu === "bbs" ? "BBS" : `${menu.slice(0, 1).toUpperCase()}${menu.slice(1).replaceAll("_", " ")}`;
  const order = menu in STANDS_IN ? BUILT_IN_ORDER : USUAL_ORDER;
  return { label, command: menu, description: null, adminOnly: false, order, item: null, opens: { menu, under: null } };
}

function viewOf(menu: string, { label, command, description, order, adminOnly, item }: Entry): MenuView {
  const { plugin = null, handle = null, parent = null } = item ?? {};
  return { menu, label, command, description, order, adminOnly, plugin, handle, parent };
}
