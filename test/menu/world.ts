import { handleNumber } from "../../src/ids.ts";
import type { MenuInput, MenuReply } from "../../src/menu/dialog.ts";
import type { MenuItem } from "../../src/menu/items.ts";
import { Menus } from "../../src/menu/menus.ts";
import { MenuRegistry } from "../../src/menu/registry.ts";
import { SessionData } from "../../src/menu/session-data.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { FakeClock } from "../fake-clock.ts";

export const NODE = 0x0a0b0c0d;

export function world(
  options: {
    idleS?: number;
    maxSessions?: number;
    prefix?: string;
    language?: string;
    isCommand?: (word: string, isAdmin: boolean) => boolean;
  } = {},
) {
  const clock = new FakeClock();
  const idleS = options.idleS ?? 1800;
  const registry = new MenuRegistry();
  const sessionData = new SessionData({ clock, idleS });
  const { maxSessions, isCommand } = options;
  const menus = new Menus({
    clock,
    registry,
    sessionData,
    idleS,
    prefix: options.prefix ?? "!",
    say: gatewayTexts(() => options.language ?? "en"),
    ...(isCommand === undefined ? {} : { isCommand }),
    ...(maxSessions === undefined ? {} : { maxSessions }),
  });
  let handles = 0;
  /** Adds items; the handle is the count from 1. */
  const add = (...items: (Partial<MenuItem> & { label: string })[]) => {
    for (const item of items) {
      const added = registry.add({ plugin: "demo", handle: handleNumber(++handles), menu: "main", ...item });
      if (!added.ok) throw added.error;
    }
  };
  const input = (text: string, over: Partial<MenuInput> = {}): MenuInput => ({ node: NODE, text, isDirect: true, isAdmin: false, ...over });
  return {
    clock,
    registry,
    sessionData,
    menus,
    add,
    open: (text: string, over: Partial<MenuInput> = {}) => show(menus.open(input(text, over))),
    say: (text: string, over: Partial<MenuInput> = {}) => show(menus.handle(input(text, over))),
    pick: (text: string, over: Partial<MenuInput> = {}) => show(menus.openByItem(input(text, over))),
    raw: (text: string, over: Partial<MenuInput> = {}) => menus.handle(input(text, over)),
  };
}

/** A page as it is; an invocation as `plugin/label(args)`; "-" for what is not for the menus. */
export function show(reply: MenuReply): string {
  switch (reply.kind) {
    case "page":
      return reply.text;
    case "invoke":
      return `${reply.plugin}/${reply.label}(${reply.args.join("|")})${reply.fallback === null ? "" : ` + ${reply.fallback}`}`;
    case "not_ours":
      return "-";
  }
}
