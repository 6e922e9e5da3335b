/**
 * The program of the process in which plugins are debugged: plain Bun under its inspector, without a jail. It holds the sdk
 * and the plugin's own files; all that a plugin asks for goes to its realm's host, which decides as for any other realm.
 *
 * A line of JSON each way: on standard input what is to be run, on descriptor 3 what the host answers, on descriptor 4 what is
 * asked of it. The sdk replaces globals, so this file keeps its own copies of those it needs.
 */
import { Buffer } from "node:buffer";
import { readSync, writeSync } from "node:fs";

type Line =
  | readonly ["open", realm: number, sdk: string, entry: string, folder: string, hasClock: boolean]
  | readonly ["call", realm: number, entry: string, text: string]
  | readonly ["load", realm: number];

type Entries = Readonly<Record<string, (value: unknown) => unknown>>;

interface Opened {
  readonly entry: string;
  readonly entries: Entries;
}

const [STDERR, ANSWERS, ASKS] = [2, 3, 4];
/** Beside the operations of a realm: the time of the host. */
const CLOCK = -1;
const { exit } = process;
const { parse, stringify } = JSON;
const laterOf = setImmediate;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const loaded = require.cache;
const realms = new Map<number, Opened>();
let sdk: Record<string, unknown> = {};
let answers = "";

/** A pipe that is empty or full is tried again: nothing else may run in between. */
function patiently<T>(work: () => T): T {
  for (;;) {
    try {
      return work();
    } catch (thrown) {
      // EOF of the other side ends this process; anything else is said by Bun.
      if ((thrown as { code?: string }).code !== "EAGAIN") throw thrown;
      Atomics.wait(new Int32Array(new SharedBuffer(4)), 0, 0, 1);
    }
  }
}
const SharedBuffer = SharedArrayBuffer;

function write(line: unknown): void {
  const bytes = encoder.encode(`${stringify(line)}\n`);
  for (let at = 0; at < bytes.length; ) at += patiently(() => writeSync(ASKS, bytes, at, bytes.length - at));
}

/** Waits for the host's answer, as a realm's engine does. */
function ask(realm: number, operation: number, text: string): unknown {
  write(["host", realm, operation, text]);
  const chunk = new Uint8Array(65536);
  while (!answers.includes("\n")) {
    const count = patiently(() => readSync(ANSWERS, chunk, 0, chunk.length, null));
    if (count === 0) exit(0);
    answers += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  const end = answers.indexOf("\n");
  const line = answers.slice(0, end);
  answers = answers.slice(end + 1);
  return parse(line);
}

function hostOf(realm: number): (operation: number, text: string) => unknown {
  return (operation, text) => {
    const answer = ask(realm, operation, text) as string | null | { readonly bytes: string };
    if (answer === null) return undefined;
    return typeof answer === "string" ? answer : bytesOf(answer.bytes);
  };
}

const bytesOf = (base64: string) => {
  const { buffer, byteOffset, length } = Buffer.from(base64, "base64");
  return buffer.slice(byteOffset, byteOffset + length);
};

const RealDate = Date;
function useClock(realm: number): void {
  const now = () => Number(ask(realm, CLOCK, ""));
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self) as object,
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
}

/** What a realm does not have. `Bun` itself cannot be taken away. */
const ABSENT = [
  "process",
  "Buffer",
  "Intl",
  "WebSocket",
  "Worker",
  "setImmediate",
  "clearImmediate",
  "fetch",
  "WebAssembly",
  "performance",
];

async function open([, realm, folder, entry, own, hasClock]: Extract<Line, { 0: "open" }>): Promise<void> {
  // Each realm has an sdk of its own, and the author may have changed the plugin's files.
  const isStale = (path: string) => path.startsWith(own) || path.startsWith(folder) || path === "zephyrgate";
  for (const path of Object.keys(loaded)) if (isStale(path)) delete loaded[path];
  if (hasClock) useClock(realm);
  const global = globalThis as { [name: string]: unknown };
  for (const name of ABSENT) Reflect.deleteProperty(global, name);
  global.__zephyrgate = hostOf(realm);
  await import(`${folder}/prelude.ts`);
  const entries = global.__zephyrgate as Entries;
  delete global.__zephyrgate;
  sdk = (await import(`${folder}/index.ts`)) as Record<string, unknown>;
  realms.set(realm, { entry, entries });
}

async function take(line: Line): Promise<void> {
  const [kind, realm] = line;
  let problem: string | null = null;
  try {
    if (kind === "open") await open(line);
    const opened = realms.get(realm);
    if (kind === "call") opened?.entries[line[2]]?.(line[3]);
    // A promise, as of a module with top-level await in a realm: it may need answers of the host before it is there.
    if (kind === "load" && opened !== undefined) opened.entries.adopt?.(import(opened.entry));
  } catch (thrown) {
    problem = describe(realms.get(realm), thrown);
  }
  // All that it set off comes first.
  await new Promise((resolve) => laterOf(resolve));
  write(["ran", realm, problem]);
}

function describe(opened: Opened | undefined, thrown: unknown): string {
  const words = opened?.entries.describe?.(thrown);
  return typeof words === "string" ? words : stringify({ name: "Error", message: String(thrown) });
}

Bun.plugin({ name: "sdk", setup: (build) => void build.module("zephyrgate", () => ({ exports: sdk, loader: "object" })) });
// The sdk says what matters of these; the process must outlive them.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", () => {});

async function serve(): Promise<void> {
  let rest = "";
  // Not the stream of `process`: that needs the global, which the plugin must not see.
  for await (const chunk of Bun.stdin.stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) await take(parse(line) as Line);
  }
}

write(["ready"]);
serve().then(
  () => exit(0),
  (thrown: unknown) => {
    writeSync(STDERR, `${String(thrown)}\n`);
    exit(1);
  },
);
