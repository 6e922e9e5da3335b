import { type Command, Help, type HelpConfiguration } from "commander";
import type { Verb } from "../verb/verb.ts";

/** One line for each group of verbs. */
export const GROUPS: Readonly<Record<string, string>> = {
  config: "write, check and show the configuration",
  index: "lists of packages that anybody can host",
  password: "the password of the console, beside the tokens",
  permission: "see and change what plugins may do",
  plugin: "create, install, run and update plugins",
  region: "join gateways of several places",
  secret: "keep plugins' secrets",
  service: "run the gateway as a service of systemd",
  simulate: "play on a simulated mesh",
  token: "who may use the API and the console, and for what",
  trust: "say whose packages you trust",
};

/** Longest line of help where the output is no terminal. */
export const HELP_COLUMNS = 100;

/** Titles are in small letters, and the overview lists groups with their verbs instead of all 80 verbs. */
export function helpStyle(verbs: readonly Verb[], columns: number): HelpConfiguration {
  return {
    helpWidth: Math.max(40, columns),
    showGlobalOptions: false,
    styleTitle: (title) => `${title.charAt(0).toLowerCase()}${title.slice(1)}`,
    subcommandTerm: (command) => [command.name(), ...argumentsOf(command)].join(" "),
    visibleCommands: (command) => command.commands.filter((child) => child.name() !== "help"),
    formatHelp(command, helper) {
      if (command.parent === null) return overview(command, helper, verbs);
      const text = new Help().formatHelp.call(helper, command, helper).trimEnd();
      return `${verbs.some(({ name }) => name === pathOf(command)) ? text : verbsFirst(text)}\n`;
    },
  };
}

/** The verb's name, as its table has it. */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/** Who asks about a group wants to know its verbs. */
function verbsFirst(text: string): string {
  const [usage = "", ...sections] = text.split("\n\n");
  const isVerbs = (section: string) => section.startsWith("commands:");
  const verbs = sections.filter(isVerbs).map((section) => section.replace(/^commands:/, "verbs:"));
  return [usage, ...verbs, ...sections.filter((section) => !isVerbs(section))].join("\n\n");
}

function argumentsOf(command: Command): string[] {
  return command.registeredArguments.map((each) => {
    const name = `${each.name()}${each.variadic ? "..." : ""}`;
    return each.required ? `<${name}>` : `[${name}]`;
  });
}

function overview(root: Command, helper: Help, verbs: readonly Verb[]): string {
  const single = root.commands.filter((command) => verbs.some(({ name }) => name === command.name()));
  const groups = root.commands.filter((command) => !single.includes(command));
  const width = Math.max(...root.commands.map((command) => command.name().length));
  const item = (term: string, text: string) => helper.formatItem(term, width, text, helper);
  const lines = [
    `usage: ${helper.commandUsage(root)}`,
    "",
    "verbs:",
    ...single.map((command) => item(command.name(), command.summary())),
    "",
    "groups of verbs:",
    ...groups.map((command) => item(command.name(), command.summary())),
    "",
    "options:",
    ...helper
      .visibleOptions(root)
      .map((option) => helper.formatItem(helper.optionTerm(option), 18, helper.optionDescription(option), helper)),
    "",
    "`zephyrgate help VERB` describes a verb and its flags, `zephyrgate help GROUP` lists the verbs of a group.",
  ];
  return `${lines.join("\n")}\n`;
}
