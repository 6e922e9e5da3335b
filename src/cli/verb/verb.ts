import { fail, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";

/** The process as a verb sees it: everything comes in, nothing is taken from globals. */
export interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether somebody can be asked: standard input and error are a terminal. */
  readonly isTTY: boolean;
  /** Whether standard output is one: colours. */
  readonly colour?: boolean;
  /** Aborts on Ctrl-C, where the process edge provides it. */
  readonly signal?: AbortSignal;
}

export type FlagKind = "text" | "switch";
export type FlagTable = Readonly<Record<string, FlagKind>>;
export type Flags = Readonly<Record<string, string | true>>;

export interface Call {
  readonly io: Io;
  readonly args: readonly string[];
  readonly flags: Flags;
  /** The running gateway, found through the configuration. */
  client(): Promise<Result<Client>>;
}

/** One verb of the command line: its words, its usage line, what it takes, and what it does. */
export interface Verb {
  /** As typed: `plugin enable`. */
  readonly name: string;
  /** What follows the name. */
  readonly usage: string;
  readonly summary: string;
  /** Beyond those every verb has. */
  readonly flags?: FlagTable;
  /** Flags that must be there. */
  readonly required?: readonly string[];
  /** Fewest and most arguments. */
  readonly args: readonly [number, number];
  /** The exit code; an error is printed as one line and ends with 1. */
  run(call: Call): Promise<Result<number>>;
}

/** Every verb finds its configuration, and the views can be had for machines. */
export const COMMON: FlagTable = { config: "text", "data-dir": "text", port: "text", json: "switch", help: "switch" };

export type Parsed =
  | { readonly ok: true; readonly args: readonly string[]; readonly flags: Flags }
  | { readonly ok: false; readonly unknown: string }
  | { readonly ok: false; readonly message: string };

/** Flags may stand anywhere; `--` ends them; `--flag=value` and `--flag value` mean the same; `-f` is `--follow`. */
export function parseArgs(argv: readonly string[], table: FlagTable): Parsed {
  const args: string[] = [];
  const flags: Record<string, string | true> = {};
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") return { ok: true, args: [...args, ...argv.slice(i + 1)], flags };
    if (!word.startsWith("-") || word === "-") {
      args.push(word);
      continue;
    }
    const [given = "", ...rest] = word.replace(/^--?/, "").split("=");
    const name = word.startsWith("--") ? given : (SHORT[given] ?? given);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) return { ok: false, unknown: word.split("=")[0] ?? word };
    if (kind === "switch") {
      if (rest.length > 0) return { ok: false, message: `--${name} takes no value` };
      flags[name] = true;
      continue;
    }
    const value = rest.length > 0 ? rest.join("=") : argv[++i];
    if (value === undefined) return { ok: false, message: `--${name} needs a value` };
    flags[name] = value;
  }
  return { ok: true, args, flags };
}

const SHORT: Readonly<Record<string, string>> = { f: "follow", h: "help", y: "yes", o: "output" };

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

export const done: Result<number> = ok(0);

/** A command line that says what cannot be: usage and exit code 2, as for an unknown flag. */
export function misuse(message: string): Result<never> {
  return fail("invalid_argument", message, { data: { usage: true } });
}
