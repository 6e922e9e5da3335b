import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";

/** The process as a verb uses it; verbs never use globals. */
export interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether questions can be asked: standard input and error are a terminal. */
  readonly isTTY: boolean;
  /** Whether to use colours: standard output is a terminal. */
  readonly colour?: boolean;
  /** Width of the terminal in characters; absent where standard output is none. */
  readonly columns?: number;
  /** Aborts on Ctrl-C, where the process edge provides it. */
  readonly signal?: AbortSignal;
  /** Takes over what nobody caught, where the process edge provides it. */
  readonly onUncaught?: (handle: (thrown: unknown) => void) => void;
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

/** One verb of the command line: its name, usage, flags, arguments and action. */
export interface Verb {
  /** As typed, for example `plugin enable`. */
  readonly name: string;
  /** The flags and arguments, for the usage line. */
  readonly usage: string;
  readonly summary: string;
  /** In addition to the flags of every verb. */
  readonly flags?: FlagTable;
  /** Required flags. */
  readonly required?: readonly string[];
  /** Smallest and largest number of arguments. */
  readonly args: readonly [number, number];
  /** Returns the exit code. An error is printed as one line, with exit code 1. */
  run(call: Call): Promise<Result<number>>;
}

/** The flags of every verb: they find the configuration and select JSON output. */
export const COMMON: FlagTable = { config: "text", "data-dir": "text", port: "text", json: "switch", help: "switch" };

export type Parsed =
  | { readonly ok: true; readonly args: readonly string[]; readonly flags: Flags }
  | { readonly ok: false; readonly unknown: string }
  | { readonly ok: false; readonly message: string };

/** Parses flags, which may be anywhere; `--` ends them; `--flag=value` equals `--flag value`; `-f` is `--follow`. */
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

/** Who acts, for the audit log, where no gateway runs that would know. */
export function whoami(io: Pick<Io, "env">): string {
  return `cli ${io.env.USER ?? "unknown"}`;
}

export const done: Result<number> = ok(0);

/** The exit code of a command that failed. */
export function exitCodeOf(error: GatewayError): number {
  const exit = error.data?.exit;
  return typeof exit === "number" ? exit : 1;
}

/** The error for an invalid flag value: exit code 2, as for an unknown flag. */
export function misuse(message: string): Result<never> {
  return fail("invalid_argument", message, { data: { usage: true } });
}
