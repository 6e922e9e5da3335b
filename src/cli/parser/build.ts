import { Argument, Command, type CommanderError, Option } from "commander";
import { VERSION } from "../../version.ts";
import { COMMON, type Flag, type Flags, type Verb } from "../verb/verb.ts";
import { GROUPS, helpStyle } from "./help.ts";

export interface Chosen {
  readonly verb: Verb;
  readonly command: Command;
  readonly args: readonly string[];
  readonly flags: Flags;
}

export interface Program {
  readonly root: Command;
  /** The verb that the last parse found. */
  chosen(): Chosen | null;
  /** The command that refused the last parse. */
  refusedBy(): Command;
}

/** The verbs as commands of commander, groups as commands with commands. Nothing is run, and no text goes past `write`. */
export function buildProgram(verbs: readonly Verb[], { columns, write }: { columns: number; write(text: string): void }): Program {
  const root = new Command("zephyrgate");
  root
    .usage("VERB [options]")
    .version(`zephyrgate ${VERSION}`, "-v, --version", "show the version")
    .helpOption("-h, --help", "describe it")
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput({ writeOut: write, writeErr: () => undefined, outputError: () => undefined })
    .configureHelp(helpStyle(verbs, columns));
  let found: Chosen | null = null;
  let refusing = root;
  const prepared = (command: Command): Command => {
    command.exitOverride((error: CommanderError) => {
      refusing = command;
      throw error;
    });
    return command;
  };
  prepared(root);
  addFlags(root, COMMON);
  for (const verb of verbs) {
    const command = verb.name.split(" ").reduce((parent, word) => childOf(parent, word, prepared), root);
    command.summary(verb.summary).description(verb.summary);
    for (const each of verb.args ?? []) {
      const name = each.many === true ? `${each.name}...` : each.name;
      const argument = new Argument(each.optional === true ? `[${name}]` : `<${name}>`, each.about);
      command.addArgument(each.choices === undefined ? argument : argument.choices(each.choices));
    }
    addFlags(command, verb.flags ?? {}, COMMON);
    command.action(() => {
      found = { verb, command, args: [...command.args], flags: flagsOf(command) };
    });
  }
  for (const command of root.commands) describeGroups(command);
  return { root, chosen: () => found, refusedBy: () => refusing };
}

function childOf(parent: Command, word: string, prepared: (command: Command) => Command): Command {
  return parent.commands.find((child) => child.name() === word) ?? prepared(parent.command(word));
}

/** A group without a verb of its own takes the common flags, too. */
function describeGroups(command: Command): void {
  for (const child of command.commands) describeGroups(child);
  if (command.commands.length === 0) return;
  const names = command.commands.map((child) => child.name()).join(", ");
  if (command.options.length > 0) command.summary(`${command.summary()}; also: ${command.name()} ${names}`);
  else {
    const about = GROUPS[command.name()];
    addFlags(command.summary(about === undefined ? names : `${about}: ${names}`).usage("VERB [options]"), {}, COMMON);
  }
}

function addFlags(command: Command, own: Readonly<Record<string, Flag>>, common: Readonly<Record<string, Flag>> = {}): void {
  for (const [name, flag] of Object.entries(own)) command.addOption(optionOf(name, flag));
  for (const [name, flag] of Object.entries(common))
    if (!Object.hasOwn(own, name)) command.addOption(optionOf(name, flag).helpGroup("of every verb:"));
}

function optionOf(name: string, { about, value, short, required, choices, hidden }: Flag): Option {
  const option = new Option(`${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` <${value}>`}`, about);
  if (required === true) option.makeOptionMandatory();
  if (hidden === true) option.hideHelp();
  return choices === undefined ? option : option.choices(choices);
}

/** Flags may be given before the verb, too: `zephyrgate --config FILE status`. The last one wins. */
function flagsOf(command: Command): Flags {
  const before = command.parent === null ? {} : flagsOf(command.parent);
  const own: Record<string, string | true> = {};
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (typeof value === "string" || value === true) own[option.name()] = value;
  }
  return { ...before, ...own };
}
