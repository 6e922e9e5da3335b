import type { GatewayTexts } from "../texts/texts.ts";
import { BUILT_IN_MENUS } from "./items.ts";

/** A menu as it is shown: the built-in ones have a name in each language. */
export function menuName(menu: string, say: GatewayTexts): string {
  const builtIn = BUILT_IN_MENUS.find((name) => name === menu);
  if (builtIn !== undefined) return say(`menu_name_${builtIn}`);
  return `${menu.slice(0, 1).toUpperCase()}${menu.slice(1).replaceAll("_", " ")}`;
}
