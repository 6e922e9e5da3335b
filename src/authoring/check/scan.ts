/** What a plugin's own source uses, by its words alone: for what a rehearsal does not reach. Linear in its length. */
import type { PermissionName } from "../../permissions/grammar/types.ts";
import type { Described } from "../../plugins/capabilities/call/capability.ts";
import { CAPABILITIES, WAYS_IN } from "../../plugins/capabilities/table.ts";
import { placeOf } from "../../sandbox/loader/sites.ts";
import { type Token, tokens } from "../../sandbox/loader/tokens.ts";

export interface Use {
  /** The method: `sendMessage`. */
  readonly what: string;
  /** What it does: `sends text to the mesh`. */
  readonly words: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Scan {
  /** First use of each permission. */
  readonly uses: ReadonlyMap<PermissionName, Use>;
  /** Calls whose promise nobody waits for. */
  readonly forgotten: readonly Use[];
  /** Calls of setInterval. */
  readonly intervals: readonly Use[];
  /** It sets timers. */
  readonly timers: boolean;
  /** Values that storeData cannot keep as they are. */
  readonly unstorable: readonly { readonly use: Use; readonly value: Unstorable }[];
  /** Where each command and keyword is registered, by `command "hello"` as registrations are described. */
  readonly registrations: ReadonlyMap<string, Use>;
  /** It asks for its permissions at run time, so that a missing one may be meant. */
  readonly asks: boolean;
}

export type Unstorable = "Date" | "Map" | "Set" | "function";

interface Needed {
  readonly what: string;
  readonly words: string;
  readonly permission: PermissionName;
}

const GLOBALS: ReadonlySet<string> = new Set(["fetch"]);
const ROWS: readonly Described[] = [...Object.values(CAPABILITIES), ...Object.values(WAYS_IN)];
/** `sendMessage`, `db.query`, ...: what the methods of the sdk need. */
const METHODS: ReadonlyMap<string, Needed> = new Map(
  ROWS.flatMap(({ methods, words, asks: [permission] }) => {
    return permission === undefined ? [] : methods.map((what) => [what, { what, words, permission }] as const);
  }),
);
const REGISTERS = /^register/;
const MAX_FOUND = 20;

/** `sources` by path: the author's own files, not those of packages. */
export function scan(sources: ReadonlyMap<string, string>): Scan {
  const found = {
    uses: new Map<PermissionName, Use>(),
    forgotten: [] as Use[],
    intervals: [] as Use[],
    unstorable: [] as { use: Use; value: Unstorable }[],
    registrations: new Map<string, Use>(),
    asks: false,
    timers: false,
  };
  for (const [file, text] of sources) {
    const list = [...tokens(text)];
    const promises = list.some((token) => token.text === "Promise");
    for (let at = 0; at < list.length; at++) {
      const token = list[at];
      if (token?.kind !== "word") continue;
      const use = (what: string, words: string): Use => ({ what, words, file, ...placeOf(text, token.offset) });
      found.asks ||= token.text === "permissions" && /^(?:query|request)$/.test(list[at + 2]?.text ?? "");
      found.timers ||= /^set(?:Interval|Timeout)$/.test(token.text);
      if (isInterval(list, at) && found.intervals.length < MAX_FOUND) found.intervals.push(use("setInterval", ""));
      noteRegistration(list, at, use("", ""), found.registrations);
      const needed = called(list, at);
      if (needed === null) continue;
      const here = use(needed.what, needed.words);
      const known = found.uses.get(needed.permission);
      // A reply is the weakest reason to need a permission: a plain call says it better.
      if (known === undefined || (REGISTERS.test(known.what) && !REGISTERS.test(here.what))) found.uses.set(needed.permission, here);
      const isForgotten = !REGISTERS.test(here.what) && (isLoose(list, at, text) || (!promises && isKept(list, at)));
      if (isForgotten && found.forgotten.length < MAX_FOUND) found.forgotten.push(here);
      const value = needed.what === "storeData" ? unstorable(list, at) : null;
      if (value !== null && found.unstorable.length < MAX_FOUND) found.unstorable.push({ use: here, value });
    }
  }
  return found;
}

function isInterval(list: readonly Token[], at: number): boolean {
  const before = list[at - 1]?.text;
  return list[at]?.text === "setInterval" && list[at + 1]?.text === "(" && (before !== "." || list[at - 2]?.text === "globalThis");
}

/** `registerCommand("hello"` */
function noteRegistration(list: readonly Token[], at: number, use: Use, registrations: Map<string, Use>): void {
  const kind = { registerCommand: "command", registerKeyword: "keyword" }[list[at]?.text ?? ""];
  const name = list[at + 2];
  if (kind === undefined || list[at + 1]?.text !== "(" || name?.kind !== "string") return;
  const label = `${kind} ${JSON.stringify(name.text.slice(1, -1))}`;
  if (!registrations.has(label)) registrations.set(label, use);
}

/** What of the second argument JSON cannot hold: itself, or a value of the object or list that it is. */
function unstorable(list: readonly Token[], at: number): Unstorable | null {
  const last = end(list, at);
  let depth = 0;
  for (let index = at + 2; index < last; index++) {
    const { text = "" } = list[index] ?? {};
    const before = list[index - 1]?.text ?? "";
    if (/^[([{]$/.test(text)) depth += 1;
    else if (/^[)\]}]$/.test(text)) depth -= 1;
    if (!/^[,:[(]$/.test(before) || index === at + 2) continue;
    const made = text === "new" ? list[index + 1]?.text : undefined;
    if (
      (made === "Date" || made === "Map" || made === "Set") &&
      /^(?:[,)\]}]|as|satisfies)$/.test(list[end(list, index + 1) + 1]?.text ?? "")
    )
      return made;
    // An argument of a call inside is that call's affair.
    if (text === "function" && before !== "(") return "function";
    const isOwn = before !== "(" || list[index - 2]?.text === ",";
    const isArrow = text === "(" && isOwn && depth === (before === "," ? 1 : 2) && isArrowAt(list, index);
    if (isArrow) return "function";
  }
  return null;
}

/** `(...) =>` */
function isArrowAt(list: readonly Token[], open: number): boolean {
  const close = end(list, open - 1);
  return list[close + 1]?.text === "=" && list[close + 2]?.text === ">";
}

function called(list: readonly Token[], at: number): Needed | null {
  const name = list[at]?.text ?? "";
  if (list[at + 1]?.text !== "(") return null;
  if (list[at - 1]?.text !== ".") {
    const isDeclared = list[at - 1]?.text === "function" || /^[{:]$/.test(list[end(list, at) + 1]?.text ?? "");
    return GLOBALS.has(name) && !isDeclared ? (METHODS.get(name) ?? null) : null;
  }
  if (GLOBALS.has(name)) return null;
  return METHODS.get(name) ?? (list[at - 2]?.text === "db" ? (METHODS.get(`db.${name}`) ?? null) : null);
}

/** First token of `this.plugin.storeData`. */
function start(list: readonly Token[], at: number): number {
  let first = at;
  while (list[first - 1]?.text === "." && list[first - 2]?.kind === "word") first -= 2;
  return first;
}

/** The parenthesis that closes the call. */
function end(list: readonly Token[], at: number): number {
  let open = 0;
  for (let index = at + 1; index < list.length; index++) {
    const text = list[index]?.text;
    if (text === "(") open++;
    else if (text === ")" && --open === 0) return index;
  }
  return list.length;
}

/** The call stands as a statement of its own, or inside a template: nobody waits for it, or its promise is printed. */
function isLoose(list: readonly Token[], at: number, text: string): boolean {
  if (list[end(list, at) + 1]?.text === ".") return false;
  const first = start(list, at);
  const before = list[first - 1];
  const own = list[first];
  if (before === undefined || own === undefined) return true;
  if (/^(?:[;{}`)]|else|do)$/.test(before.text)) return true;
  if (/^(?:await|return|void|yield|typeof|throw|new|in|of|case|delete)$/.test(before.text)) return false;
  // A line that ends in a value and has no semicolon.
  const ends = before.kind !== "other" || before.text === "]";
  return ends && text.slice(before.offset + before.text.length, own.offset).includes("\n");
}

/** `const x = this.retrieveData(...)`, and no `await x` after it. */
function isKept(list: readonly Token[], at: number): boolean {
  const first = start(list, at);
  const name = list[first - 2];
  if (list[first - 1]?.text !== "=" || name?.kind !== "word" || list[end(list, at) + 1]?.text === ".") return false;
  for (let index = end(list, at); index < list.length; index++) {
    if (list[index]?.text !== name.text) continue;
    if (/^(?:await|return)$/.test(list[index - 1]?.text ?? "")) return false;
    if (list[index + 1]?.text === "." && /^(?:then|catch|finally)$/.test(list[index + 2]?.text ?? "")) return false;
  }
  return true;
}
