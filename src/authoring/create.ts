/** A new plugin from the template, with only the features that were asked for. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { embeddedTemplate } from "../../templates/embedded.ts";
import { IS_COMPILED } from "../compiled.ts";
import { fail, failBecause, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { FILE_LIMITS, parseJson } from "../json-reader.ts";
import { MANIFEST_FILE, parseManifest } from "../manifest/parse.ts";
import { isReserved } from "../router/match/registry.ts";
import { discard } from "../storage/folders.ts";
import { VERSION } from "../version.ts";
import { writeLocalSdk } from "./local-sdk/package.ts";
import { render, type View } from "./template.ts";
import { printConfig } from "./types/print.ts";
import { TYPES_FILE } from "./types/types.ts";

const TEMPLATE = IS_COMPILED ? (require("./embedded.ts") as typeof import("./embedded.ts")).TEMPLATE : embeddedTemplate("plugin_template");

export const FEATURES = ["commands", "tasks", "menu", "http", "storage"] as const;
export type Feature = (typeof FEATURES)[number];

export interface NewPlugin {
  readonly name: string;
  readonly author: string;
  readonly email?: string;
  readonly description: string;
  readonly license: string;
  readonly features: ReadonlySet<Feature>;
}

/** Tools that the generated package.json runs. */
const TOOLS = { biome: "2.6.8", typescript: "7.0.2" };
/** Files that only some features need; every other file is always made. */
const NEEDS: Readonly<Record<string, Feature>> = {
  "handlers/commands.ts": "commands",
  "handlers/menu.ts": "menu",
  "tasks/scheduled.ts": "tasks",
  "utils/counter.ts": "storage",
  "utils/remote.ts": "http",
};
/** npm leaves a file named .gitignore out of the package. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: ".gitignore" };
const MAX_COMMAND = 24;
const MAX_TITLE = 40;

/** Why this is not a valid plugin name, with one that is. */
export function nameProblem(name: string): string | null {
  if (/^[a-z][a-z0-9_]{0,63}$/.test(name)) return null;
  const near = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 64);
  return `a plugin's name is lower-case letters, digits and _, and starts with a letter; try ${near === "" ? "my_plugin" : near}`;
}

/** The files of a new plugin by path. Fails when a text does not fit into a manifest. */
export function generate(plugin: NewPlugin): Result<Readonly<Record<string, string>>> {
  const problem = nameProblem(plugin.name);
  if (problem !== null)
    return fail("invalid_argument", `${JSON.stringify(plugin.name.slice(0, 80))} is no name for a plugin`, { hint: problem });
  const view = viewOf(plugin);
  const files: Record<string, string> = {};
  for (const [path, text] of Object.entries(TEMPLATE)) {
    const need = NEEDS[path];
    if (need === undefined || plugin.features.has(need)) files[RENAMED[path] ?? path] = render(text, view);
  }
  const manifest = parseManifest(files[MANIFEST_FILE] ?? "", MANIFEST_FILE);
  if (manifest.ok) {
    const { schema_file: schema = "", defaults = {} } = manifest.value.config;
    files[TYPES_FILE] = printConfig(templateSchema(files[schema]), defaults as Json, schema);
    return ok(files);
  }
  const [issue] = manifest.error;
  return fail(
    "invalid_argument",
    `--${flagOf(issue?.field ?? "")} ${issue?.message ?? "does not fit"}`,
    issue?.hint === undefined ? {} : { hint: issue.hint },
  );
}

/** Writes a new plugin into `folder`, which must not exist or be empty. All or nothing; answers with the paths written. */
export function createPlugin(plugin: NewPlugin, folder: string): Result<readonly string[]> {
  const files = generate(plugin);
  if (!files.ok) return files;
  const existed = existsSync(folder);
  try {
    if (existed && readdirSync(folder).length > 0) {
      return fail("conflict", `${folder} exists already and is not empty`, {
        hint: "choose another --name or --output, or remove it first",
      });
    }
    for (const [path, text] of Object.entries(files.value)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
      writeFileSync(join(folder, path), text, { flag: "wx", mode: 0o644 });
    }
    writeLocalSdk(folder);
  } catch (cause) {
    if (!existed) discard(folder);
    return failBecause(cause, "data_unusable", `cannot write ${folder}`, { hint: "choose a folder you may write to with --output" });
  }
  return ok(Object.keys(files.value).sort());
}

function viewOf({ name, author, email, description, license, features }: NewPlugin): View {
  const has = (feature: Feature) => features.has(feature);
  const [commands, tasks, menu, http, storage] = FEATURES.map(has) as [boolean, boolean, boolean, boolean, boolean];
  const alone = !commands && !tasks && !menu;
  const short = name.slice(0, MAX_COMMAND).replace(/_+$/, "");
  const words = name.split("_").filter(Boolean).join(" ").slice(0, MAX_TITLE).trim();
  return {
    features: {
      commands,
      tasks,
      menu,
      http,
      storage,
      email: email !== undefined && email !== "",
      alone,
      capabilities: !alone,
      talks: !alone,
      permissions: features.size > 0,
      fetching: http || storage,
      async: alone && (http || storage),
      httptest: http && !alone,
    },
    values: {
      name,
      class: className(name),
      title: capital(words),
      command: isReserved(short) ? `${short}_plugin` : short,
      description: description.trim(),
      author: author.trim(),
      license: license.trim(),
      "description.yaml": JSON.stringify(description.trim()),
      "author.yaml": JSON.stringify(author.trim()),
      "email.yaml": JSON.stringify(email?.trim() ?? ""),
      "license.yaml": JSON.stringify(license.trim()),
      gateway: VERSION,
      ...TOOLS,
    },
  };
}

/** Never the name of a global, nor of the class it extends. */
function className(name: string): string {
  const base = name.split("_").filter(Boolean).map(capital).join("");
  if (base === "Plugin") return "MyPlugin";
  return base.endsWith("Plugin") ? base : `${base}Plugin`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function flagOf(field: string): string {
  return field === "author_email" ? "email" : field;
}

/** The template's own schema; an empty one where it has none. */
function templateSchema(text: string | undefined): Json {
  const parsed = parseJson(text ?? "{}", FILE_LIMITS);
  return parsed.ok ? parsed.value : {};
}
