import type { Handle } from "../ids.ts";
export const BUILT_IN_MENUS = ["main", "bbs", "mail", "bulletins", "channels", "utilities"] as const;

/** What a plugin registers. */
export interface MenuItem {
  readonly plugin: string;
  /** Of the registration; handed back when the item is chosen. */
  readonly handle: Handle;
  /** One of {@link BUILT_IN_MENUS}, or a name of the plugin's own: that menu then shows under `main`. */
  readonly menu: string;
  readonly label: string;
  /** The word that chooses it; made from the label when absent. */
  readonly command?: string | undefined;
  readonly description?: string | undefined;
  readonly adminOnly?: boolean | undefined;
  /** Lower stands higher; 100 when absent. */
  readonly order?: number | undefined;
  /** Command of the item in the same menu under which this one hangs. */
  readonly parent?: string | undefined;
}

/** What one line of a menu leads to. */
export interface Entry {
  readonly label: string;
  /** Null where the label makes no word: then the number or the label chooses it. */
  readonly command: string | null;
  readonly description: string | null;
  readonly adminOnly: boolean;
  readonly order: number;
  /** The item that is invoked; null for a menu. */
  readonly item: MenuItem | null;
  /** Where choosing it leads; null for an item without items of its own. */
  readonly opens: Place | null;
}

/** A menu, or an item in it whose own items are shown. */
export interface Place {
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
