/** URL and URLSearchParams. The host's own parser does the work; the realm keeps the parts. */
import { service } from "./link.ts";
import {
  charCodeAt,
  decodeURIComponentOf,
  encodeURIComponentOf,
  indexOf,
  isArray,
  keys,
  NativeString,
  NativeTypeError,
  push,
  splice,
  stringSlice,
} from "./primordials.ts";

interface Parts {
  href: string;
  origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  hash: string;
}

type Settable = Exclude<keyof Parts, "origin">;

function parse(input: string, base: string | null, change: readonly [Settable, string] | null): Parts | null {
  return service("url", input, base, change) as Parts | null;
}

/** As in the web standard. Throws TypeError for what is no URL. */
export class URL {
  #parts: Parts;
  readonly searchParams: URLSearchParams;

  constructor(input: string | URL, base?: string | URL) {
    const parts = parse(NativeString(input), base === undefined ? null : NativeString(base), null);
    if (parts === null) throw new NativeTypeError(`${stringSlice(NativeString(input), 0, 200)} is not a URL`);
    this.#parts = parts;
    this.searchParams = new URLSearchParams(parts.search, (search) => this.#set("search", search));
  }

  static canParse(input: string | URL, base?: string | URL): boolean {
    return parse(NativeString(input), base === undefined ? null : NativeString(base), null) !== null;
  }

  static parse(input: string | URL, base?: string | URL): URL | null {
    return URL.canParse(input, base) ? new URL(input, base) : null;
  }

  #set(name: Settable, value: string): void {
    const parts = parse(this.#parts.href, null, [name, value]);
    if (parts === null) throw new NativeTypeError("The URL would not be valid");
    this.#parts = parts;
  }

  get href() {
    return this.#parts.href;
  }
  set href(value: string) {
    this.#set("href", NativeString(value));
    replacePairs(this.searchParams, this.#parts.search);
  }
  get origin() {
    return this.#parts.origin;
  }
  get protocol() {
    return this.#parts.protocol;
  }
  set protocol(value: string) {
    this.#set("protocol", NativeString(value));
  }
  get username() {
    return this.#parts.username;
  }
  set username(value: string) {
    this.#set("username", NativeString(value));
  }
  get password() {
    return this.#parts.password;
  }
  set password(value: string) {
    this.#set("password", NativeString(value));
  }
  get host() {
    return this.#parts.host;
  }
  set host(value: string) {
    this.#set("host", NativeString(value));
  }
  get hostname() {
    return this.#parts.hostname;
  }
  set hostname(value: string) {
    this.#set("hostname", NativeString(value));
  }
  get port() {
    return this.#parts.port;
  }
  set port(value: string) {
    this.#set("port", NativeString(value));
  }
  get pathname() {
    return this.#parts.pathname;
  }
  set pathname(value: string) {
    this.#set("pathname", NativeString(value));
  }
  get search() {
    return this.#parts.search;
  }
  set search(value: string) {
    this.#set("search", NativeString(value));
    replacePairs(this.searchParams, this.#parts.search);
  }
  get hash() {
    return this.#parts.hash;
  }
  set hash(value: string) {
    this.#set("hash", NativeString(value));
  }
  toString(): string {
    return this.href;
  }
  toJSON(): string {
    return this.href;
  }
}

type Pair = [name: string, value: string];
let replacePairs: (params: URLSearchParams, search: string) => void;

/** As in the web standard: an ordered list of names and values. */
export class URLSearchParams {
  #pairs: Pair[] = [];
  readonly #changed: (search: string) => void;

  static {
    replacePairs = (params, search) => {
      params.#pairs = parsePairs(search);
    };
  }

  constructor(
    init?: string | URLSearchParams | readonly (readonly [string, string])[] | { readonly [name: string]: unknown },
    changed: (search: string) => void = () => {},
  ) {
    this.#changed = changed;
    if (init instanceof URLSearchParams) this.#pairs = parsePairs(init.toString());
    else if (isArray(init))
      for (let at = 0; at < init.length; at++) push(this.#pairs, [NativeString(init[at]?.[0]), NativeString(init[at]?.[1])] as Pair);
    else if (typeof init === "object" && init !== null) {
      const names = keys(init);
      for (let at = 0; at < names.length; at++) {
        const name = names[at] ?? "";
        push(this.#pairs, [name, NativeString((init as { readonly [name: string]: unknown })[name])] as Pair);
      }
    } else if (init !== undefined) this.#pairs = parsePairs(NativeString(init));
  }

  get size(): number {
    return this.#pairs.length;
  }
  get(name: string): string | null {
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at]?.[0] === name) return this.#pairs[at]?.[1] ?? null;
    return null;
  }
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at]?.[0] === name) push(values, this.#pairs[at]?.[1] ?? "");
    return values;
  }
  has(name: string): boolean {
    return this.get(name) !== null;
  }
  append(name: string, value: unknown): void {
    push(this.#pairs, [NativeString(name), NativeString(value)] as Pair);
    this.#changed(this.toString());
  }
  delete(name: string): void {
    for (let at = this.#pairs.length - 1; at >= 0; at--) if (this.#pairs[at]?.[0] === name) splice(this.#pairs, at, 1);
    this.#changed(this.toString());
  }
  set(name: string, value: unknown): void {
    let done = false;
    for (let at = 0; at < this.#pairs.length; at++) {
      const pair = this.#pairs[at];
      if (pair === undefined || pair[0] !== name) continue;
      if (done) splice(this.#pairs, at--, 1);
      else pair[1] = NativeString(value);
      done = true;
    }
    if (!done) push(this.#pairs, [NativeString(name), NativeString(value)] as Pair);
    this.#changed(this.toString());
  }
  sort(): void {
    this.#pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#changed(this.toString());
  }
  forEach(each: (value: string, name: string) => void): void {
    for (let at = 0; at < this.#pairs.length; at++) each(this.#pairs[at]?.[1] ?? "", this.#pairs[at]?.[0] ?? "");
  }
  *entries(): Generator<[string, string]> {
    for (let at = 0; at < this.#pairs.length; at++) yield [this.#pairs[at]?.[0] ?? "", this.#pairs[at]?.[1] ?? ""];
  }
  *keys(): Generator<string> {
    for (let at = 0; at < this.#pairs.length; at++) yield this.#pairs[at]?.[0] ?? "";
  }
  *values(): Generator<string> {
    for (let at = 0; at < this.#pairs.length; at++) yield this.#pairs[at]?.[1] ?? "";
  }
  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
  toString(): string {
    let text = "";
    for (let at = 0; at < this.#pairs.length; at++) {
      text += `${at > 0 ? "&" : ""}${encode(this.#pairs[at]?.[0] ?? "")}=${encode(this.#pairs[at]?.[1] ?? "")}`;
    }
    return text;
  }
}

function parsePairs(search: string): Pair[] {
  const pairs: Pair[] = [];
  let at = charCodeAt(search, 0) === 0x3f ? 1 : 0;
  while (at <= search.length && search.length > 0) {
    const found = indexOf(search, "&", at);
    const end = found < 0 ? search.length : found;
    const piece = stringSlice(search, at, end);
    const equals = indexOf(piece, "=");
    if (piece !== "") {
      push(pairs, [
        decode(equals < 0 ? piece : stringSlice(piece, 0, equals)),
        equals < 0 ? "" : decode(stringSlice(piece, equals + 1)),
      ] as Pair);
    }
    at = end + 1;
  }
  return pairs;
}

function encode(text: string): string {
  const escaped = encodeURIComponentOf(text);
  let result = "";
  for (let at = 0; at < escaped.length; at++) {
    const letter = escaped[at] ?? "";
    if (letter === "%" && escaped[at + 1] === "2" && escaped[at + 2] === "0") {
      result += "+";
      at += 2;
    } else
      result +=
        letter === "!" ? "%21" : letter === "'" ? "%27" : letter === "(" ? "%28" : letter === ")" ? "%29" : letter === "~" ? "%7E" : letter;
  }
  return result;
}

function decode(text: string): string {
  let spaced = "";
  for (let at = 0; at < text.length; at++) spaced += text[at] === "+" ? " " : (text[at] ?? "");
  try {
    return decodeURIComponentOf(spaced);
  } catch {
    return spaced; // A stray percent sign is taken as itself.
  }
}
