import type { Handle } from "../ids.ts";

export const BUILT_IN_MENUS = ["main", "bbs", "mail", "bulletins", "channels", "utilities"] as const;

export function isBuiltInMenu(word: string): boolean {
  return BUILT_IN_MENUS.some((menu) => menu === word);
}

/** A word that an item would be chosen by, and that chooses something else too. */
export interface ClaimedWord {
  readonly menu: string;
  readonly command: string;
  /** A built-in menu has it: the word never chooses the item. */
  readonly builtIn: boolean;
  /** Other plugins whose items have it in the same menu. */
  readonly plugins: readonly string[];
}

/** A menu item as a plugin registers it. */
export interface MenuItem {
  readonly plugin: string;
  /** The registration's handle, returned when the item is chosen. */
  readonly handle: Handle;
  /** One of {@link BUILT_IN_MENUS}, or a menu of the plugin's own, which is shown under `main`. */
  readonly menu: string;
  readonly label: string;
  /** The word that chooses it; made from the label when absent. */
  readonly command?: string | undefined;
  readonly description?: string | undefined;
  readonly adminOnly?: boolean | undefined;
  /** Lower numbers come first; 100 when absent. */
  readonly order?: number | undefined;
  /** Command of the parent item in the same menu. */
  readonly parent?: string | undefined;
}

/** One line of a menu. */
export interface MenuEntry {
  readonly label: string;
  /** Null when the label makes no word: then the number or the label chooses it. */
  readonly command: string | null;
  readonly description: string | null;
  readonly adminOnly: boolean;
  readonly order: number;
  /** The item that is invoked; null for a menu. */
  readonly item: MenuItem | null;
  /** The menu that choosing it opens; null for an item without items of its own. */
  readonly opens: MenuPlace | null;
}

/** A menu, or an item in it whose own items are shown. */
export interface MenuPlace {
  readonly menu: string;
  readonly under: { readonly plugin: string; readonly handle: Handle } | null;
}

export interface MenuView {
  readonly menu: string;
  readonly label: string;
  readonly command: string | null;
  readonly description: string | null;
  /** Null for the built-in menus. */
  readonly plugin: string | null;
  readonly handle: Handle | null;
  readonly order: number;
  readonly parent: string | null;
  readonly adminOnly: boolean;
}
