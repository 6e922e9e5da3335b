import type { Clock } from "../clock.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import { asWritten } from "../mesh/words.ts";
import { cutToBytes } from "../texts/fit.ts";
import type { GatewayTexts } from "../texts/texts.ts";
import type { MenuInput, MenuReply } from "./dialog.ts";
import { isBuiltInMenu, type MenuEntry, type MenuPlace } from "./items.ts";
import { menuName } from "./menu-name.ts";
import { layOut } from "./menu-page.ts";
import { type MenuSession, MenuSessions } from "./menu-sessions.ts";
import type { MenuRegistry } from "./registry.ts";
import type { SessionData } from "./session-data.ts";
import { folded, oneLine, RESERVED_WORDS, splitWords, typed, type Word } from "./words.ts";

const MAIN: MenuPlace = { menu: "main", under: null };
const NOT_OURS: MenuReply = { kind: "not_ours" };
/** Wrong words in a row that close a menu. */
const WRONG_MAX = 2;
const MAX_ECHO = 24;

export interface MenusOptions {
  readonly clock: Clock;
  readonly registry: MenuRegistry;
  readonly sessionData: SessionData;
  /** The gateway's own words. */
  readonly say: GatewayTexts;
  /** Seconds without a text after which a menu session ends. */
  readonly idleS: number;
  /** A text that begins with it is a command even in an open session; "" for none. */
  readonly prefix?: string;
  /** Whether a word, as it was written, is a command. In an open session commands that choose nothing there run as such. */
  readonly isCommand?: (word: string, isAdmin: boolean) => boolean;
  /** Open sessions; 500 when absent. */
  readonly maxSessions?: number;
}

/** The progress of one text through the menus. */
interface Walk {
  readonly input: MenuInput;
  readonly session: MenuSession;
  readonly words: readonly Word[];
  /** The next word. */
  at: number;
  /** The index of the word that chose nothing. */
  wrong: number | null;
}

/**
 * The menus as a node uses them, one direct message at a time. Pure logic: it returns what is to be sent or called, and the
 * router does it.
 */
export class Menus {
  readonly #sessions: MenuSessions;

  constructor(private readonly options: MenusOptions) {
    this.#sessions = new MenuSessions(options.clock, options, options.maxSessions ?? 500);
  }

  /**
   * Called for every direct text, before commands. An open session handles it, also when it holds the words of several
   * steps. `menu` and `bbs` open a session if there is anything to show.
   */
  handle(input: MenuInput): MenuReply {
    if (!input.isDirect) return NOT_OURS;
    const { prefix = "" } = this.options;
    const text = asWritten(input.text);
    const isCommand = prefix !== "" && text.startsWith(prefix);
    const session = isCommand ? undefined : this.#sessions.get(input.node);
    if (session === undefined) return this.#opened({ ...input, text: isCommand ? text.slice(prefix.length) : text });
    this.#prune(session, input.isAdmin);
    if (this.#entries(MAIN, input).length === 0) {
      this.#sessions.close(input.node);
      return NOT_OURS;
    }
    const words = splitWords(input.text);
    return this.#answer({ input, session, words, at: 0, wrong: null });
  }

  /** Two words in a row that choose nothing close the menu; they do not keep it open either. A command is left to its plugin. */
  #answer(walk: Walk): MenuReply {
    const { input, session, words } = walk;
    const before = { stack: [...session.stack], page: session.page };
    const reply = this.#walk(walk);
    if (walk.wrong === null) {
      this.#sessions.used(input.node);
      return reply;
    }
    if (this.#isCommand(words, input)) {
      session.stack.splice(0, session.stack.length, ...before.stack);
      session.page = before.page;
      return NOT_OURS;
    }
    session.wrong++;
    if (session.wrong < WRONG_MAX) return reply;
    this.#sessions.close(input.node);
    return { kind: "page", text: this.options.say("menu_wrong_closed", { word: echo(words[walk.wrong]?.text ?? "") }) };
  }

  /** `menu` or `bbs`: opens a session there, even if it is empty. The words behind are the first steps. */
  open(input: MenuInput): MenuReply {
    const words = splitWords(input.text);
    const name = typed(words[0]?.text ?? "");
    if (!input.isDirect || (name !== "menu" && name !== "bbs")) return NOT_OURS;
    return this.#start(input, name === "bbs" ? "bbs" : "main", words, 1);
  }

  /** For a text that is no command: if it names an item of the main menu, opens a session and chooses that item. */
  openByItem(input: MenuInput): MenuReply {
    const words = splitWords(input.text);
    const word = typed(words[0]?.text ?? "");
    if (!input.isDirect || !this.#entries(MAIN, input).some((entry) => entry.command === word)) return NOT_OURS;
    return this.#start(input, "main", words, 0);
  }

  close(node: NodeNumber): void {
    this.#sessions.close(node);
  }

  get openSessions(): number {
    return this.#sessions.size;
  }

  get counters(): Readonly<MenuSessions["counters"]> {
    return this.#sessions.counters;
  }

  /** Like {@link open}, but an empty menu is left to a plugin's command of that name. */
  #opened(input: MenuInput): MenuReply {
    const name = typed(splitWords(input.text)[0]?.text ?? "");
    const hasLines = name === "bbs" ? this.options.registry.menu("bbs", input.isAdmin) !== null : this.#entries(MAIN, input).length > 0;
    return hasLines ? this.open(input) : NOT_OURS;
  }

  #start(input: MenuInput, menu: string, words: readonly Word[], at: number): MenuReply {
    if (this.#entries(MAIN, input).length === 0) return { kind: "page", text: this.options.say("menu_none") };
    const session = this.#sessions.open(input.node, MAIN);
    const place = menu === "main" ? null : this.options.registry.menu(menu, input.isAdmin);
    if (place !== null) session.stack.push(place);
    const walk: Walk = { input, session, words, at, wrong: null };
    const reply = this.#walk(walk);
    if (walk.wrong === null || !this.#isCommand(words, input)) return reply;
    this.#sessions.close(input.node);
    return NOT_OURS;
  }

  /** Whether a text that chooses nothing is a command all the same: `bbs read 12`, where the menu has no such line. */
  #isCommand(words: readonly Word[], { isAdmin }: MenuInput): boolean {
    return this.options.isCommand?.(words[0]?.text ?? "", isAdmin) === true;
  }

  #walk(walk: Walk): MenuReply {
    const { session, words, input } = walk;
    while (walk.at < words.length) {
      switch (typed(words[walk.at]?.text ?? "")) {
        case "0":
        case "q":
        case "quit":
        case "exit":
        case "stop":
        case "cancel":
          this.#sessions.close(input.node);
          return this.#closed();
        case "b":
        case "back":
          if (session.stack.length === 1) {
            this.#sessions.close(input.node);
            return this.#closed();
          }
          session.stack.pop();
          session.page = 0;
          break;
        case "menu":
          session.stack.splice(0, session.stack.length, MAIN);
          session.page = 0;
          break;
        case "n":
        case "next":
          this.#turnPage(walk);
          break;
        case "?":
        case "help":
          return this.#help(walk);
        default: {
          const reply = this.#choose(walk);
          if (reply !== null) return reply;
          continue;
        }
      }
      walk.at++;
    }
    return this.#page(walk);
  }

  /** Chooses the item that the next word names; null when it opened a menu, so that the walk continues there. */
  #choose(walk: Walk): MenuReply | null {
    const { session } = walk;
    const found = this.#match(walk);
    if (found === null) return this.#wrong(walk);
    const { entry, next } = found;
    walk.at = next;
    if (entry.opens !== null) {
      session.stack.push(entry.opens);
      session.page = 0;
      const goesOn = walk.at < walk.words.length && (entry.item === null || this.#isStep(walk));
      if (goesOn || entry.item === null) return null;
    }
    return this.#invoke(walk, entry);
  }

  /** Whether the next word is a step in the menu just opened; otherwise it is an argument of the item that opened it. */
  #isStep(walk: Walk): boolean {
    const word = typed(walk.words[walk.at]?.text ?? "");
    return RESERVED_WORDS.has(word) || this.#match(walk) !== null;
  }

  /**
   * Matches by number, built-in menu, label of several words, command, then label: no item takes the word of a built-in
   * menu, whatever its label or order. `next` is the index of the word behind.
   */
  #match(walk: Walk): { readonly entry: MenuEntry; readonly next: number } | null {
    const { words, at, input } = walk;
    const entries = this.#here(walk);
    const word = typed(words[at]?.text ?? "");
    if (/^\d{1,4}$/.test(word)) {
      const entry = entries[Number(word) - 1];
      return entry === undefined ? null : { entry, next: at + 1 };
    }
    const builtIn = entries.find(isBuiltIn.bind(null, word));
    if (builtIn !== undefined) return { entry: builtIn, next: at + 1 };
    const rest = folded(input.text.slice(words[at]?.at));
    for (const entry of entries) {
      const label = folded(entry.label);
      if (label.includes(" ") && (rest === label || rest.startsWith(`${label} `))) return { entry, next: at + label.split(" ").length };
    }
    const entry = entries.find(({ command }) => command === word) ?? entries.find(({ label }) => folded(label) === word);
    return entry === undefined ? null : { entry, next: at + 1 };
  }

  #invoke(walk: Walk, { item, label, command, opens }: MenuEntry): MenuReply {
    if (item === null) return this.#page(walk);
    const { plugin, handle } = item;
    return {
      kind: "invoke",
      plugin,
      handle,
      menu: folded(item.menu),
      label,
      command,
      args: walk.words.slice(walk.at).map((word) => word.text),
      sessionData: this.options.sessionData.get(walk.input.node, plugin),
      fallback: opens === null ? null : this.#pageText(walk),
    };
  }

  /** `? 2`: describes an item. Alone: shows the page again. */
  #help(walk: Walk): MenuReply {
    walk.at++;
    if (walk.at >= walk.words.length) return this.#page(walk);
    const found = this.#match(walk);
    if (found === null) return this.#wrong(walk);
    const { label, command, description } = found.entry;
    const { say } = this.options;
    const item = command === null ? label : `${label} (${command})`;
    return { kind: "page", text: cutToBytes(say("menu_item", { item, description: description ?? say("menu_no_description") }), 200) };
  }

  #wrong(walk: Walk): MenuReply {
    walk.wrong = walk.at;
    return this.#page(walk, this.options.say("menu_wrong", { word: echo(walk.words[walk.at]?.text ?? "") }));
  }

  #closed(): MenuReply {
    return { kind: "page", text: this.options.say("menu_closed") };
  }

  /** The first page follows the last. */
  #turnPage(walk: Walk): void {
    const { pages } = this.#layOut(walk);
    walk.session.page = (walk.session.page + 1) % pages;
  }

  #page(walk: Walk, notice?: string): MenuReply {
    return { kind: "page", text: this.#pageText(walk, notice) };
  }

  #pageText(walk: Walk, notice?: string): string {
    const page = this.#layOut(walk, notice);
    walk.session.page = page.number;
    return page.text;
  }

  #layOut(walk: Walk, notice?: string) {
    const { stack, page } = walk.session;
    return layOut({
      title: this.#title(stack.at(-1) ?? MAIN),
      entries: this.#here(walk),
      number: page,
      canGoBack: stack.length > 1,
      say: this.options.say,
      ...(notice === undefined ? {} : { notice }),
    });
  }

  #title(place: MenuPlace): string {
    const label = place.under === null ? undefined : this.options.registry.find(place.under)?.label;
    return label ?? menuName(place.menu, this.options.say);
  }

  #here(walk: Walk): readonly MenuEntry[] {
    return this.#entries(walk.session.stack.at(-1) ?? MAIN, walk.input);
  }

  #entries(place: MenuPlace, input: Pick<MenuInput, "isAdmin">): readonly MenuEntry[] {
    const entries = this.options.registry.entries(place, input.isAdmin);
    return entries.map((entry) =>
      entry.item === null && entry.opens !== null ? { ...entry, label: menuName(entry.opens.menu, this.options.say) } : entry,
    );
  }

  /** Goes back from menus that no longer exist. */
  #prune(session: MenuSession, isAdmin: boolean): void {
    while (session.stack.length > 1) {
      const { menu, under } = session.stack.at(-1) ?? MAIN;
      const item = under === null ? undefined : this.options.registry.find(under);
      const isThere = under === null || (item !== undefined && (isAdmin || item.adminOnly !== true));
      if (isThere && this.#entries({ menu, under }, { isAdmin }).length > 0) return;
      session.stack.pop();
      session.page = 0;
    }
  }
}

function isBuiltIn(word: string, { item, command }: MenuEntry): boolean {
  return item === null && command === word && isBuiltInMenu(word);
}

function echo(text: string): string {
  return cutToBytes(oneLine(text), MAX_ECHO);
}
