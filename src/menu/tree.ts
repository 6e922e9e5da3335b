import type { Handle } from "../ids.ts";
import type { MenuItem, MenuPlace } from "./items.ts";
import { folded, RESERVED_WORDS } from "./words.ts";

export const USUAL_ORDER = 100;
/** Levels of items under items. */
const MAX_DEPTH = 8;

/** The tree of items, built once for a set of items, because plugins may register thousands. */
export class MenuTree {
  readonly #byWord = new Map<string, MenuItem>();
  readonly #children = new Map<string, MenuItem[]>();
  readonly #menus = new Set<string>();

  constructor(items: Iterable<MenuItem>) {
    const all = [...items].sort(byOrder);
    for (const item of all) {
      const menu = folded(item.menu);
      this.#menus.add(menu);
      const word = commandOf(item);
      if (word === null) continue;
      for (const key of [wordKey(menu, word, item.plugin), wordKey(menu, word, "")])
        if (!this.#byWord.has(key)) this.#byWord.set(key, item);
    }
    for (const item of all) {
      const parent = this.#reachesTop(item) ? this.parentOf(item) : undefined;
      const key = placeKey({ menu: folded(item.menu), under: parent ?? null });
      const list = this.#children.get(key) ?? [];
      this.#children.set(key, list);
      list.push(item);
    }
  }

  /** Sorted by order, plugin, and handle, which is the order of registration. */
  children(place: MenuPlace): readonly MenuItem[] {
    return this.#children.get(placeKey(place)) ?? [];
  }

  /** Every menu that has an item. */
  get menus(): ReadonlySet<string> {
    return this.#menus;
  }

  /**
   * The item that `parent` names; one of the same plugin is preferred. Undefined when there is none: then the item is
   * shown in the menu itself.
   */
  parentOf(item: MenuItem): MenuItem | undefined {
    if (item.parent === undefined) return undefined;
    const [menu, word] = [folded(item.menu), folded(item.parent)];
    const parent = this.#byWord.get(wordKey(menu, word, item.plugin)) ?? this.#byWord.get(wordKey(menu, word, ""));
    return parent === item ? undefined : parent;
  }

  /** False in a cycle, and below the deepest level: such an item is shown in the menu itself, so that it can be reached. */
  #reachesTop(item: MenuItem): boolean {
    let above = this.parentOf(item);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (above === undefined) return true;
      above = this.parentOf(above);
    }
    return false;
  }
}

/** By order, plugin, and handle: the same in menus and in lists, in whichever order items were registered. */
export function byOrder(a: MenuItem, b: MenuItem): number {
  return (a.order ?? USUAL_ORDER) - (b.order ?? USUAL_ORDER) || compare(a.plugin, b.plugin) || a.handle - b.handle;
}

/** The word that chooses an item: its command, else its label with `_` for blanks if that is not reserved. */
export function commandOf(item: Pick<MenuItem, "label" | "command">): string | null {
  if (item.command !== undefined) return folded(item.command);
  const word = folded(item.label).replaceAll(" ", "_");
  return isFreeWord(word) ? word : null;
}

/** False for numbers and for words that navigate in the menus. */
export function isFreeWord(word: string): boolean {
  return !RESERVED_WORDS.has(folded(word)) && !/^\d+$/.test(word);
}

export function itemKey({ plugin, handle }: { readonly plugin: string; readonly handle: Handle }): string {
  return `${plugin}\u0000${handle}`;
}

function placeKey({ menu, under }: MenuPlace): string {
  return under === null ? menu : `${menu}\u0000${itemKey(under)}`;
}

function wordKey(menu: string, word: string, plugin: string): string {
  return `${menu}\u0000${word}\u0000${plugin}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
