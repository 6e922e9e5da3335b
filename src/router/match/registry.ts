import { fail, ok, type Result } from "../../errors.ts";
import { type Handle, NO_HANDLE } from "../../ids.ts";
import { EMERGENCY_WORDS } from "../../mesh/emergency/words.ts";
import type { MessageKind } from "../../mesh/message.ts";
import { normalizeWord, withoutEnd } from "../../mesh/words.ts";
import { compileKeyword, type KeywordPattern, matchKeyword } from "./keywords.ts";
import { wordsOf } from "./parse.ts";

const USUAL_PRIORITY = 100;
const NAME_MAX = 32;
const ALIASES_MAX = 20;

/** What the router takes of a plugin's registrations; others of the wire's kinds are refused. */
export type RouterRegistration =
  | {
      readonly kind: "command";
      readonly name: string;
      readonly help?: string | undefined;
      readonly usage?: string | undefined;
      readonly priority?: number | undefined;
      readonly aliases?: readonly string[] | undefined;
      readonly adminOnly?: boolean | undefined;
    }
  | {
      readonly kind: "keyword";
      readonly pattern: string;
      readonly help?: string | undefined;
      readonly priority?: number | undefined;
      readonly adminOnly?: boolean | undefined;
    }
  | { readonly kind: "message"; readonly priority?: number | undefined; readonly kinds?: readonly MessageKind[] | undefined };

interface Base {
  readonly plugin: string;
  /** Names the handler towards the plugins room. */
  readonly handle: Handle;
  readonly priority: number;
  readonly order: number;
  readonly adminOnly: boolean;
}
export interface CommandEntry extends Base {
  readonly kind: "command";
  readonly name: string;
  readonly aliases: readonly string[];
  readonly help: string;
  readonly usage: string;
}
export interface KeywordEntry extends Base {
  readonly kind: "keyword";
  readonly text: string;
  readonly pattern: KeywordPattern;
}
export interface MessageEntry extends Base {
  readonly kind: "message";
  readonly kinds: readonly MessageKind[];
}
export type Entry = CommandEntry | KeywordEntry | MessageEntry;

export function isReserved(word: string): boolean {
  return word === "help" || EMERGENCY_WORDS.has(word);
}

/** Everybody's commands, keywords and message handlers. Lookups cost the same however many there are. */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #commands = new Map<string, CommandEntry[]>();
  /** By first word; "" holds the patterns that begin with a wildcard. */
  readonly #keywords = new Map<string, KeywordEntry[]>();
  readonly #messages = new Map<MessageKind, MessageEntry[]>();
  #order = 0;

  readonly #prefix: () => string;

  /** `prefix`: of the configuration; no name can begin with it. */
  constructor(prefix: string | (() => string)) {
    this.#prefix = typeof prefix === "string" ? () => prefix : prefix;
  }

  /** Would it be taken? `invalid_argument`, `permission_denied` (a reserved word) or `conflict` (the handle is taken). */
  check(
    plugin: string,
    registration: RouterRegistration | { readonly kind: string },
    facts: { readonly mayOverride: boolean },
  ): Result<null> {
    const made = this.#make(plugin, NO_HANDLE, registration, facts);
    return made.ok ? ok(null) : made;
  }

  add(
    plugin: string,
    handle: Handle,
    registration: RouterRegistration | { readonly kind: string },
    facts: { readonly mayOverride: boolean },
  ): Result<null> {
    const key = `${plugin}/${handle}`;
    if (this.#entries.has(key)) return fail("conflict", `handler ${handle} of ${plugin} is registered already`);
    const made = this.#make(plugin, handle, registration, facts);
    if (!made.ok) return made;
    this.#entries.set(key, made.value);
    this.#eachPlace(made.value, (lists, key, entry) => lists.set(key, [...(lists.get(key) ?? []), entry].sort(byPriority)));
    return ok(null);
  }

  remove(plugin: string, handle: Handle): void {
    const entry = this.#entries.get(`${plugin}/${handle}`);
    if (entry === undefined) return;
    this.#entries.delete(`${plugin}/${handle}`);
    this.#eachPlace(entry, (lists, key, placed) => {
      const left = lists.get(key)?.filter((each) => each !== placed) ?? [];
      if (left.length === 0) lists.delete(key);
      else lists.set(key, left);
    });
  }

  /** The name that was meant: as it was written, else without the punctuation that ends it. Both in the compared form. */
  meant(written: string): string {
    return this.#commands.has(written) ? written : withoutEnd(written);
  }

  /** Whether a name as it was written is a command, `help` included, for this asker. */
  answers(written: string, isOperator: boolean): boolean {
    const name = this.meant(written);
    return name === "help" || this.commands(name).some((entry) => isOperator || !entry.adminOnly);
  }

  /** Who answers a name or alias, in the order of asking. */
  commands(name: string): readonly CommandEntry[] {
    return this.#commands.get(name) ?? [];
  }

  /** The keywords that a text holds, in the order of asking, each with what matched. */
  keywords(text: string): { entry: KeywordEntry; match: string[] }[] {
    if (this.#keywords.size === 0) return [];
    const words = wordsOf(text);
    const candidates = new Set<KeywordEntry>(this.#keywords.get("") ?? []);
    for (const word of words) for (const entry of this.#keywords.get(word) ?? []) candidates.add(entry);
    const found: { entry: KeywordEntry; match: string[] }[] = [];
    for (const entry of candidates) {
      const match = matchKeyword(entry.pattern, words);
      if (match !== null) found.push({ entry, match });
    }
    return found.sort((a, b) => byPriority(a.entry, b.entry));
  }

  messages(kind: MessageKind): readonly MessageEntry[] {
    return this.#messages.get(kind) ?? [];
  }

  /** Which plugins answer a name besides this one; shown at approval and in the plugin's detail. */
  others(plugin: string, name: string): string[] {
    const names = this.commands(normalizeWord(name)).map((entry) => entry.plugin);
    return [...new Set(names)].filter((each) => each !== plugin);
  }

  /** The names of all commands, or of one plugin's, each once, in alphabetical order. */
  names(isOperator: boolean, plugin?: string): string[] {
    const names = new Set<string>();
    for (const entry of this.#entries.values()) {
      const isMeant = entry.kind === "command" && (plugin === undefined || entry.plugin === plugin);
      if (isMeant && (isOperator || !entry.adminOnly)) names.add(entry.name);
    }
    return [...names].sort();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Calls `visit` for each list in which an entry has its place, with the word that leads to it. */
  #eachPlace(entry: Entry, visit: <K, E extends Entry>(lists: Map<K, E[]>, key: K, entry: E) => void): void {
    switch (entry.kind) {
      case "command":
        for (const word of new Set([entry.name, ...entry.aliases])) visit(this.#commands, word, entry);
        return;
      case "keyword":
        visit(this.#keywords, entry.pattern.first ?? "", entry);
        return;
      case "message":
        for (const kind of entry.kinds) visit(this.#messages, kind, entry);
        return;
    }
  }

  #make(
    plugin: string,
    handle: Handle,
    given: RouterRegistration | { readonly kind: string },
    facts: { readonly mayOverride: boolean },
  ): Result<Entry> {
    if (!isOurs(given)) return fail("invalid_argument", `the router takes no ${JSON.stringify(given.kind)}`);
    const registration = given;
    const base = {
      plugin,
      handle,
      priority: "priority" in registration ? (registration.priority ?? USUAL_PRIORITY) : USUAL_PRIORITY,
      order: this.#order++,
    };
    switch (registration.kind) {
      case "command":
        return this.#command(base, registration, facts);
      case "keyword": {
        const pattern = compileKeyword(registration.pattern);
        if (!pattern.ok) return pattern;
        return ok({
          ...base,
          kind: "keyword",
          text: registration.pattern,
          pattern: pattern.value,
          adminOnly: registration.adminOnly ?? false,
        });
      }
      case "message":
        return ok({ ...base, kind: "message", adminOnly: false, kinds: [...new Set(registration.kinds ?? (["text"] as const))] });
    }
  }

  #command(
    base: Omit<Base, "adminOnly">,
    registration: Extract<RouterRegistration, { kind: "command" }>,
    facts: { readonly mayOverride: boolean },
  ): Result<Entry> {
    const name = normalizeWord(registration.name);
    const aliases = (registration.aliases ?? []).map(normalizeWord);
    if (aliases.length > ALIASES_MAX) return fail("invalid_argument", `command ${JSON.stringify(name)} has over ${ALIASES_MAX} aliases`);
    for (const word of [registration.name, ...(registration.aliases ?? [])]) {
      const wrong = this.#wrongName(word);
      if (wrong !== null)
        return fail("invalid_argument", `${JSON.stringify(word.slice(0, NAME_MAX))} cannot be a command: ${wrong}`, {
          hint: "use one short word",
        });
    }
    if (isReserved(name) && !facts.mayOverride) {
      const hint = `request it in the manifest: permissions: [{ override_commands: { names: [${name}] } }]`;
      return fail("permission_denied", `the command ${JSON.stringify(name)} is reserved`, { hint });
    }
    const reserved = aliases.find(isReserved);
    if (reserved !== undefined) {
      return fail("permission_denied", `${JSON.stringify(reserved)} is reserved and cannot be an alias`, {
        hint: "register it as a command of its own",
      });
    }
    const { help = "", usage = "", adminOnly = false } = registration;
    return ok({ ...base, kind: "command", name, aliases, help, usage, adminOnly });
  }

  /** `written`: as the plugin wrote it. */
  #wrongName(written: string): string | null {
    const word = normalizeWord(written);
    if (word === "") return "it is empty";
    if (word.length > NAME_MAX) return `it has over ${NAME_MAX} characters`;
    if (/[\s\p{C}"“„]/u.test(written)) return "it has blanks, quotes or control characters";
    const prefix = this.#prefix();
    return prefix !== "" && word.startsWith(prefix) ? `it begins with the prefix ${prefix}, which users write before it` : null;
  }
}

/** A registration's shape was checked at the wall; here only its kind is open. */
function isOurs(given: RouterRegistration | { readonly kind: string }): given is RouterRegistration {
  return given.kind === "command" || given.kind === "keyword" || given.kind === "message";
}

function byPriority(a: Base, b: Base): number {
  return a.priority - b.priority || a.order - b.order;
}
