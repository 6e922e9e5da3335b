/** What a plugin's own source uses, by its words alone: for what a rehearsal does not reach. Linear in its length. */
import type { PermissionName } from "../../permissions/grammar/types.ts";
import { placeOf, type Token, tokens } from "../../sandbox/loader/sites.ts";

export interface Use {
  readonly what: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Scan {
  /** First use of each permission. */
  readonly uses: ReadonlyMap<PermissionName, Use>;
  /** Calls whose promise nobody waits for. */
  readonly forgotten: readonly Use[];
  /** It asks for its permissions at run time, so that a missing one may be meant. */
  readonly asks: boolean;
}

const METHODS: Readonly<Record<string, PermissionName>> = {
  sendMessage: "send_messages",
  registerCommand: "send_messages",
  registerMenuItem: "send_messages",
  registerKeyword: "receive_messages",
  registerMessageHandler: "receive_messages",
  storeData: "database_access",
  retrieveData: "database_access",
  deleteData: "database_access",
  listKeys: "database_access",
  httpGet: "http_requests",
  httpPost: "http_requests",
  registerScheduledTask: "schedule_tasks",
  getNodeInfo: "system_state_read",
  getNodes: "system_state_read",
  getNetworkStatus: "system_state_read",
  getPlugins: "system_state_read",
  sendToPlugin: "inter_plugin_messaging",
  broadcastToPlugins: "inter_plugin_messaging",
  emitEvent: "inter_plugin_messaging",
  getSecret: "secrets",
};
const DATABASE = new Set(["query", "run", "transaction", "migrate"]);
const REGISTERS = /^register/;
const MAX_FORGOTTEN = 20;

/** `sources` by path: the author's own files, not those of packages. */
export function scan(sources: ReadonlyMap<string, string>): Scan {
  const uses = new Map<PermissionName, Use>();
  const forgotten: Use[] = [];
  let asks = false;
  for (const [file, text] of sources) {
    const list = [...tokens(text)];
    const promises = list.some((token) => token.text === "Promise");
    for (let at = 0; at < list.length; at++) {
      const token = list[at];
      if (token?.kind !== "word") continue;
      asks ||= token.text === "permissions" && /^(?:query|request)$/.test(list[at + 2]?.text ?? "");
      const found = called(list, at);
      if (found === null) continue;
      const use = { what: found.what, file, ...placeOf(text, token.offset) };
      const known = uses.get(found.permission);
      // A reply is the weakest reason to need a permission: a plain call says it better.
      if (known === undefined || (REGISTERS.test(known.what) && !REGISTERS.test(use.what))) uses.set(found.permission, use);
      const isForgotten = !REGISTERS.test(found.what) && (isLoose(list, at, text) || (!promises && isKept(list, at)));
      if (isForgotten && forgotten.length < MAX_FORGOTTEN) forgotten.push(use);
    }
  }
  return { uses, forgotten, asks };
}

function called(list: readonly Token[], at: number): { what: string; permission: PermissionName } | null {
  const name = list[at]?.text ?? "";
  if (list[at + 1]?.text !== "(") return null;
  const isMember = list[at - 1]?.text === ".";
  if (!isMember) {
    const isDeclared = list[at - 1]?.text === "function" || /^[{:]$/.test(list[end(list, at) + 1]?.text ?? "");
    return name === "fetch" && !isDeclared ? { what: name, permission: "http_requests" } : null;
  }
  const permission = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (permission !== undefined) return { what: name, permission };
  return DATABASE.has(name) && list[at - 2]?.text === "db" ? { what: `db.${name}`, permission: "database_access" } : null;
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
