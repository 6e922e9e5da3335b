import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";

/** The process as a verb uses it; verbs never use globals. */
export interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Flags of the engine itself. */
  readonly execArgv?: readonly string[];
  /** Whether questions can be asked: standard input and error are a terminal. */
  readonly isTTY: boolean;
  /** Whether to use colours: standard output is a terminal. */
  readonly colour?: boolean;
  /** With `--json` nothing but JSON goes to standard output, one value a line. */
  readonly asJson?: boolean;
  /** Width of the terminal in characters; absent where standard output is none. */
  readonly columns?: number;
  /** Whether standard output and standard error are the journal, which takes priorities. */
  readonly journal?: { readonly stdout: boolean; readonly stderr: boolean };
  /** Aborts on Ctrl-C, where the process edge provides it. */
  readonly signal?: AbortSignal;
  /** Takes over what nobody caught, where the process edge provides it. */
  readonly onUncaught?: (handle: (thrown: unknown) => void) => void;
}

/** What completion offers: names of files, folders, or known plugins. */
export type Values = "file" | "folder" | "plugin";

export interface Flag {
  readonly about: string;
  /** What stands for the value in the help, such as `FILE`; absent: the flag is a switch. */
  readonly value?: string;
  /** One letter: `f` for `-f`. */
  readonly short?: string;
  readonly required?: boolean;
  /** Other values are refused. */
  readonly choices?: readonly string[];
  readonly values?: Values;
  /** For our own measurements: neither help nor completion names it. */
  readonly hidden?: boolean;
}

export type FlagTable = Readonly<Record<string, Flag>>;
/** By the flags' long names, as in the verb's table: the value, or true for a switch. */
export type Flags = Readonly<Record<string, string | true>>;

export interface Argument {
  /** In capitals, as the help shows it. */
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
  /** Any number of them; the last argument only. */
  readonly many?: boolean;
  /** Other values are refused. */
  readonly choices?: readonly string[];
  readonly values?: Values;
}

export interface Call {
  readonly io: Io;
  readonly args: readonly string[];
  readonly flags: Flags;
  /** The running gateway, found through the configuration. */
  client(): Promise<Result<Client>>;
}

/** One verb of the command line: its name, arguments, flags and action. */
export interface Verb {
  /** As typed, for example `plugin enable`. */
  readonly name: string;
  readonly summary: string;
  readonly args?: readonly Argument[];
  /** In addition to the flags of every verb; a flag of the same name takes the place of one of these. */
  readonly flags?: FlagTable;
  /** Returns the exit code. An error is printed as one line, with exit code 1. */
  run(call: Call): Promise<Result<number>>;
}

/** The flags of every verb: they find the configuration and select JSON output. */
export const COMMON: FlagTable = {
  config: { about: "the configuration file", value: "FILE", values: "file" },
  "data-dir": { about: "the data folder, in place of the configuration's", value: "DIR", values: "folder" },
  port: { about: "the API's port, in place of the configuration's", value: "N" },
  json: { about: "print JSON, for programs" },
};

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
