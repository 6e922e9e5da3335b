import { CommanderError } from "commander";
import type { Flags, Verb } from "../verb/verb.ts";
import { buildProgram, type Chosen } from "./build.ts";
import { pathOf } from "./help.ts";

/** What a command line means: a verb to run, a text to show, or a mistake (`message` is null where nothing was said at all). */
export type Parsed =
  | { readonly kind: "run"; readonly verb: Verb; readonly args: readonly string[]; readonly flags: Flags; readonly usage: string }
  | { readonly kind: "show"; readonly text: string }
  | { readonly kind: "wrong"; readonly message: string | null; readonly usage: string };

/** `argv` is without program and script; `columns` is the width of the help. */
export function parseCommandLine(verbs: readonly Verb[], argv: readonly string[], columns: number): Parsed {
  const shown: string[] = [];
  const program = buildProgram(verbs, { columns, write: (text) => void shown.push(text) });
  const [first, ...about] = argv;
  if (first === "help") {
    const command = about.reduce<typeof program.root | undefined>(
      (parent, word) => parent?.commands.find((child) => child.name() === word),
      program.root,
    );
    if (command !== undefined) return { kind: "show", text: command.helpInformation() };
  }
  try {
    program.root.parse(first === "help" ? about : argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { kind: "show", text: shown.join("") };
    return wrong(thrown, verbs, program.refusedBy());
  }
  const chosen = program.chosen();
  return chosen === null
    ? { kind: "wrong", message: null, usage: program.root.helpInformation() }
    : { kind: "run", ...chosen, usage: usageLine(chosen.command) };
}

type Command = Chosen["command"];

function wrong(error: CommanderError, verbs: readonly Verb[], command: Command): Parsed {
  if (error.code === "commander.help") {
    const isRoot = command.parent === null;
    return { kind: "wrong", message: isRoot ? null : `${pathOf(command)} what?`, usage: command.helpInformation() };
  }
  const [said = "", suggestion] = error.message
    .replace(/^error: /, "")
    .replace(/^unknown command/, "unknown verb")
    .split("\n");
  const near = suggestion?.replace(/^\(D(.*)\)$/, "; d$1") ?? (error.code === "commander.unknownCommand" ? elsewhere(verbs, said) : "");
  return { kind: "wrong", message: said + near, usage: usageLine(command) };
}

/** `enable` alone: the verbs of some group that are called so. */
function elsewhere(verbs: readonly Verb[], said: string): string {
  const word = /'(.*)'/.exec(said)?.[1] ?? "";
  const found = verbs.filter(({ name }) => name.endsWith(` ${word}`)).map(({ name }) => name);
  return found.length === 0 ? "" : `; did you mean ${found.join(" or ")}?`;
}

function usageLine(command: Command): string {
  const help = command.parent === null ? "help" : `help ${pathOf(command)}`;
  return `usage: ${command.createHelp().commandUsage(command)}\n       zephyrgate ${help} describes it\n`;
}
