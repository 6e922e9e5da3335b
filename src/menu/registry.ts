import { fail, ok, type Result } from "../errors.ts";
import type { Handle } from "../ids.ts";
import { byteLength } from "../texts/fit.ts";
import { BUILT_IN_MENUS, type ClaimedWord, isBuiltInMenu, type MenuEntry, type MenuItem, type MenuPlace, type MenuView } from "./items.ts";
import { byOrder, commandOf, isFreeWord, itemKey, MenuTree, USUAL_ORDER } from "./tree.ts";
import { folded, oneLine } from "./words.ts";

/** The parent of each built-in menu. Plugins' own menus are in main. */
const PARENT_MENU: Readonly<Record<string, string | null>> = Object.freeze(
  Object.assign(Object.create(null), { main: null, bbs: "main", mail: "bbs", bulletins: "bbs", channels: "bbs", utilities: "main" }),
);
/** The built-in menus come before items of the usual order. */
const BUILT_IN_ORDER = 50;
const MAX_LABEL_BYTES = 64;
const MAX_WORD = 32;

/** The menu items of all plugins, and the menus that they form. */
export class MenuRegistry {
  readonly #items = new Map<string, MenuItem>();
  /** Null after a change: the next lookup rebuilds it. */
  #tree: MenuTree | null = null;

  /** Checks whether an item can be added. Fails with `invalid_argument` or `conflict`, and how to fix it. Changes nothing. */
  check(item: MenuItem): Result<null> {
    const shown = JSON.stringify(item.label.slice(0, MAX_LABEL_BYTES));
    const invalid = (message: string, hint: string) => fail("invalid_argument", `menu item ${shown}: ${message}`, { hint });
    if (item.menu.length > MAX_WORD || !/^[a-z][a-z0-9_-]*$/.test(folded(item.menu))) {
      const hint = `use ${BUILT_IN_MENUS.join(", ")}, or a short word of your own`;
      return invalid(`${JSON.stringify(item.menu.slice(0, MAX_WORD))} is not a menu name`, hint);
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
      if (!isFreeWord(word))
        return invalid(`${JSON.stringify(word)} navigates in the menus and cannot choose an item`, "choose another word");
    }
    if (item.parent !== undefined && folded(item.parent) === commandOf(item)) return invalid("it is its own parent", "name another parent");
    if (this.#items.has(itemKey(item))) {
      return fail("conflict", `menu item ${shown} is already registered`, { hint: "dispose of the first one" });
    }
    return ok(null);
  }

  /** Adds an item; it is shown at once. Fails like {@link check}. */
  add(item: MenuItem): Result<null> {
    const checked = this.check(item);
    if (!checked.ok) return checked;
    this.#items.set(itemKey(item), item);
    this.#tree = null;
    return checked;
  }

  /** Removes one item, or all of a plugin. Items under it move up to the menu. */
  remove(plugin: string, handle?: Handle): void {
    for (const [key, item] of this.#items) {
      if (item.plugin === plugin && (handle === undefined || item.handle === handle)) this.#items.delete(key);
    }
    this.#tree = null;
  }

  /** The entries of a menu, in order. Empty menus are left out, and for nodes that are not operators what only operators may use. */
  entries(place: MenuPlace, isAdmin: boolean): readonly MenuEntry[] {
    const items = this.tree.children(place).filter((item) => isAdmin || item.adminOnly !== true);
    const menus = place.under === null ? this.#menusIn(place.menu).filter((menu) => this.#hasLines(menu, isAdmin)) : [];
    const lines = [...menus.map(menuEntry), ...items.map((item) => this.#itemEntry(item, isAdmin))];
    return lines.sort((a, b) => a.order - b.order);
  }

  /** The item whose items a menu shows, or undefined when it was removed. */
  find(under: NonNullable<MenuPlace["under"]>): MenuItem | undefined {
    return this.#items.get(itemKey(under));
  }

  /** The menu of this name; null when it is empty. */
  menu(name: string, isAdmin: boolean): MenuPlace | null {
    const menu = folded(name);
    const isKnown = menu in PARENT_MENU || this.tree.menus.has(menu);
    return isKnown && (menu === "main" || this.#hasLines(menu, isAdmin)) ? { menu, under: null } : null;
  }

  /** All entries of one menu, or of all, hidden ones included; for queries and the API. */
  list(menu?: string): readonly MenuView[] {
    const names = menu === undefined ? [...Object.keys(PARENT_MENU), ...this.#ownMenus()] : [folded(menu)];
    const views = names.flatMap((name) => this.#menusIn(name).map((inner) => viewOf(name, menuEntry(inner))));
    const items = [...this.#items.values()].filter((item) => menu === undefined || folded(item.menu) === folded(menu)).sort(byOrder);
    return [...views, ...items.map((item) => viewOf(folded(item.menu), this.#itemEntry(item, true)))].sort(
      (a, b) => names.indexOf(a.menu) - names.indexOf(b.menu) || a.order - b.order,
    );
  }

  /** Words of a plugin's items, declared and registered, that a built-in menu or another plugin's item has in the same menu. */
  claimed(plugin: string, declared: readonly Pick<MenuItem, "menu" | "label">[]): readonly ClaimedWord[] {
    const [own, others] = [[] as MenuItem[], [] as MenuItem[]];
    for (const item of this.#items.values()) (item.plugin === plugin ? own : others).push(item);
    const found = new Map<string, ClaimedWord>();
    for (const item of [...declared, ...own]) {
      const menu = folded(item.menu);
      for (const command of wordsOf(item)) {
        const rivals = others.filter((other) => folded(other.menu) === menu && commandOf(other) === command);
        const plugins = [...new Set(rivals.map((other) => other.plugin))].sort();
        const builtIn = PARENT_MENU[command] === menu;
        if (builtIn || plugins.length > 0) found.set(`${menu} ${command}`, { menu, command, builtIn, plugins });
      }
    }
    return [...found.values()];
  }

  get size(): number {
    return this.#items.size;
  }

  private get tree(): MenuTree {
    this.#tree ??= new MenuTree(this.#items.values());
    return this.#tree;
  }

  #itemEntry(item: MenuItem, isAdmin: boolean): MenuEntry {
    const place: MenuPlace = { menu: folded(item.menu), under: { plugin: item.plugin, handle: item.handle } };
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
    return [...this.tree.menus].filter((name) => !(name in PARENT_MENU)).sort();
  }

  #menusIn(menu: string): string[] {
    const builtIn = Object.keys(PARENT_MENU).filter((name) => PARENT_MENU[name] === menu);
    return menu === "main" ? [...builtIn, ...this.#ownMenus()] : builtIn;
  }

  #hasLines(menu: string, isAdmin: boolean): boolean {
    const items = this.tree.children({ menu, under: null });
    return items.some((item) => isAdmin || item.adminOnly !== true) || this.#menusIn(menu).some((inner) => this.#hasLines(inner, isAdmin));
  }
}

/** What a node could type for an item: its word, and the first word of its label, which may be a built-in menu's. */
function wordsOf(item: Pick<MenuItem, "label" | "command">): Set<string> {
  const first = folded(item.label).split(" ")[0] ?? "";
  const word = commandOf(item);
  return new Set([...(word === null ? [] : [word]), ...(isBuiltInMenu(first) ? [first] : [])]);
}

function menuEntry(menu: string): MenuEntry {
  const label = menu === "bbs" ? "BBS" : `${menu.slice(0, 1).toUpperCase()}${menu.slice(1).replaceAll("_", " ")}`;
  const order = menu in PARENT_MENU ? BUILT_IN_ORDER : USUAL_ORDER;
  return { label, command: menu, description: null, adminOnly: false, order, item: null, opens: { menu, under: null } };
}

function viewOf(menu: string, { label, command, description, order, adminOnly, item }: MenuEntry): MenuView {
  const { plugin = null, handle = null, parent = null } = item ?? {};
  return { menu, label, command, description, order, adminOnly, plugin, handle, parent };
}
