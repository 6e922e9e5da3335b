import { join, relative, resolve } from "node:path";
import { createPlugin, FEATURES, type Feature, type NewPlugin, nameProblem } from "../../authoring/create.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { Lines } from "../verb/lines.ts";
import { json, line, note } from "../verb/output.ts";
import { program } from "../verb/program.ts";
import { type Call, done, type Flags, type Io, textFlag, type Verb } from "../verb/verb.ts";

const QUESTIONS: Readonly<Record<Feature, { question: string; usual: boolean }>> = {
  commands: { question: "commands that mesh users send", usual: true },
  tasks: { question: "tasks that run on a schedule", usual: false },
  menu: { question: "an item in the menu", usual: false },
  http: { question: "requests to the internet", usual: false },
  storage: { question: "stored data", usual: false },
};

export const createVerb: Verb = {
  name: "plugin create",
  summary: "create a new plugin with tests; asks for what is not given as a flag",
  args: [{ name: "NAME", about: "the plugin's name", optional: true }],
  flags: {
    name: { about: "the plugin's name", value: "NAME" },
    author: { about: "who wrote it", value: "NAME" },
    email: { about: "how to reach the author", value: "ADDRESS" },
    description: { about: "what it does", value: "TEXT" },
    license: { about: "under which licence", value: "ID" },
    output: { about: "where to make its folder", value: "DIR", short: "o" },
    commands: { about: "with a command" },
    tasks: { about: "with a task that runs on a schedule" },
    menu: { about: "with an item in the menu" },
    http: { about: "with a request to the internet" },
    storage: { about: "with stored data" },
    all: { about: "with all of these" },
    yes: { about: "ask nothing", short: "y" },
  },
  run: (call) => create(call),
};

/** The name may be an argument: `plugin create my_plugin`. `called` says how to call this program. */
export async function create({ io, args, flags }: Omit<Call, "client">, called = () => program(io)): Promise<Result<number>> {
  const given = args[0] === undefined ? flags : { name: args[0], ...flags };
  const asks = io.isTTY && flags.yes !== true;
  const plugin = asks ? await interview(io, given) : fromFlags(given);
  if (!plugin.ok) return plugin;
  const folder = resolve(io.cwd, textFlag(flags, "output") ?? ".", plugin.value.name);
  const made = createPlugin(plugin.value, folder);
  if (!made.ok) return made;
  const shown = relative(io.cwd, folder) || ".";
  if (flags.json === true) json(io, { name: plugin.value.name, folder, files: made.value });
  else {
    for (const path of made.value) line(io, join(shown, path));
    note(io, `next: ${called()} plugin test ${shown}; then: ${called()} dev ${shown}`);
  }
  return done;
}

function fromFlags(flags: Flags): Result<NewPlugin> {
  const name = textFlag(flags, "name");
  if (name === undefined)
    return fail("invalid_argument", "--name is missing", { hint: "for example: zephyrgate plugin create --name my_plugin" });
  const chosen = FEATURES.filter((feature) => flags.all === true || flags[feature] === true);
  const email = textFlag(flags, "email");
  return ok({
    name,
    author: textFlag(flags, "author") ?? "Unknown",
    ...(email === undefined ? {} : { email }),
    description: textFlag(flags, "description") ?? `The plugin ${name}`,
    license: textFlag(flags, "license") ?? "MIT",
    features: new Set(chosen.length === 0 ? ["commands"] : chosen),
  });
}

/** Asks for what the flags do not give; Enter selects the value in brackets. */
async function interview(io: Io, flags: Flags): Promise<Result<NewPlugin>> {
  const lines = new Lines(io);
  const ask = async (question: string, usual: string): Promise<string | null> => {
    io.stderr.write(`${question}${usual === "" ? "" : ` [${usual}]`}: `);
    const answer = await lines.next();
    return answer === null ? null : answer.trim() || usual;
  };
  const stopped = fail("cancelled", "the questions were not answered", {
    hint: "answer them, or give flags: zephyrgate plugin create --help",
  });
  let name = textFlag(flags, "name") ?? null;
  for (let tries = 0; name === null || nameProblem(name) !== null; tries++) {
    if (name !== null) note(io, nameProblem(name) ?? "");
    name = tries < 10 ? await ask("Name", "my_plugin") : null;
    if (name === null) return stopped;
  }
  const user = io.env.USER ?? "Unknown";
  const texts: string[] = [];
  for (const [flag, question, usual] of [
    ["description", "What does it do", `The plugin ${name}`],
    ["author", "Author", user],
    ["email", "E-mail (may be empty)", ""],
    ["license", "License", "MIT"],
  ] as const) {
    const answer = textFlag(flags, flag) ?? (await ask(question, usual));
    if (answer === null) return stopped;
    texts.push(answer);
  }
  const [description = "", author = "", email = "", license = ""] = texts;
  const features = await chooseFeatures(flags, ask);
  if (features === null) return stopped;
  return ok({ name, description, author, license, features, ...(email === "" ? {} : { email }) });
}

async function chooseFeatures(
  flags: Flags,
  ask: (question: string, usual: string) => Promise<string | null>,
): Promise<ReadonlySet<Feature> | null> {
  const byFlag = FEATURES.filter((feature) => flags.all === true || flags[feature] === true);
  if (byFlag.length > 0) return new Set(byFlag);
  const features = new Set<Feature>();
  for (const feature of FEATURES) {
    const { question, usual } = QUESTIONS[feature];
    const answer = await ask(`With ${question}? y/n`, usual ? "y" : "n");
    if (answer === null) return null;
    if (/^y(es)?$/i.test(answer)) features.add(feature);
  }
  return features;
}
