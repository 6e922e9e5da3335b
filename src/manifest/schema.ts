/** One schema gives the manifest's type, its checks, and `docs/manifest.schema.json` for editors. */
import * as v from "valibot";
import type { Json } from "../json.ts";
import type { Descriptor } from "../permissions/grammar/descriptor.ts";
import type { PermissionEntry } from "../permissions/grammar/types.ts";
import { MAX_VERSION_LENGTH, rangeProblem, versionProblem } from "./versions.ts";

export const MAX_MANIFEST_BYTES = 64 * 1024;
const MAX_ITEMS = 200;

const text = (about: string, most: number) =>
  v.pipe(
    v.string(),
    v.check((value) => value.trim() !== "", "must not be empty | write at least one word"),
    v.maxLength(most, `is longer than ${most} characters | shorten it`),
    v.description(about),
  );

const version = (about: string) =>
  v.pipe(
    v.string(),
    v.maxLength(MAX_VERSION_LENGTH, `is longer than ${MAX_VERSION_LENGTH} characters | write MAJOR.MINOR.PATCH`),
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? versionProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: problem });
    }),
    v.description(about),
  );

const range = (about: string) =>
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? rangeProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: problem });
    }),
    v.description(about),
  );

const list = <T extends v.GenericSchema>(item: T, about: string) =>
  v.optional(v.pipe(v.array(item), v.maxLength(MAX_ITEMS, `has more than ${MAX_ITEMS} entries | shorten it`), v.description(about)), []);

const pluginName = (about: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[a-z][a-z0-9_]*$/, "must be lower-case letters, digits and _, and start with a letter | for example weather_alert"),
    v.maxLength(64, "is longer than 64 characters | shorten it"),
    v.description(about),
  );

/** A path inside the plugin's folder, with slashes. */
const inside = (about: string, ending: RegExp, fix: string) =>
  v.pipe(
    v.string(),
    v.maxLength(200, "is longer than 200 characters | shorten it"),
    v.regex(ending, `has the wrong ending | ${fix}`),
    v.regex(
      /^(?:\.\/)?(?!\.\.?(?:\/|$))[^/\\\u0000-\u001f]+(?:\/(?!\.\.?(?:\/|$))[^/\\\u0000-\u001f]+)*$/,
      "must be a path inside the plugin's folder | write it relative, without ..",
    ),
    v.description(about),
    v.transform((path) => path.replace(/^\.\//, "")),
  );

const word = (about: string) =>
  v.pipe(v.string(), v.regex(/^[^\s\p{C}]{1,32}$/u, "must be one word of at most 32 characters | remove blanks"), v.description(about));

const positive = (about: string, most: number) =>
  v.pipe(v.number(), v.gtValue(0, "must be above 0"), v.maxValue(most, `must be at most ${most}`), v.description(about));

const task = v.pipe(
  v.strictObject({
    name: text("Name, unique in this plugin.", 64),
    interval: v.optional(positive("Seconds from one run to the next.", 366 * 86_400)),
    cron: v.optional(text("Cron pattern, with or without seconds.", 128)),
    timezone: v.optional(text("IANA time zone of the cron pattern, for example Europe/Berlin.", 64)),
    description: v.optional(text("What it does.", 500)),
  }),
  v.check((entry) => (entry.interval === undefined) !== (entry.cron === undefined), "needs either interval or cron | write one of the two"),
);

export interface JsonMap {
  readonly [key: string]: Json;
}

const json = v.custom<JsonMap>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "must be a map | write `key: value` lines",
);

export const manifestSchema = v.strictObject({
  name: pluginName("Name of the plugin; unique, and never changed after release."),
  version: version("Version of the plugin, semver and quoted."),
  description: text("One or two sentences on what it does.", 500),
  author: text("Name of the author.", 200),
  author_email: v.optional(text("E-mail address of the author.", 254)),
  license: v.optional(text("SPDX name of the licence.", 100)),
  homepage: v.optional(v.pipe(text("Where to read more.", 500), v.regex(/^https?:\/\//, "must be a web address | start it with https://"))),
  main: v.optional(inside("Entry module. Without it plugin.ts, else plugin.js.", /\.(?:[cm]?[jt]s)$/, "use .ts or .js")),
  zephyrgate: v.optional(
    v.pipe(
      v.strictObject({
        min_version: v.optional(version("Lowest version of the gateway it runs on.")),
        max_version: v.optional(version("Highest version of the gateway it runs on, inclusive.")),
      }),
      v.description("Versions of the gateway it runs on."),
    ),
    {},
  ),
  dependencies: v.optional(
    v.pipe(
      v.strictObject({
        plugins: list(
          v.strictObject({
            name: pluginName("The other plugin."),
            version: v.optional(range("npm-style range, for example ^1.2.0."), "*"),
            optional: v.optional(v.pipe(v.boolean(), v.description("Runs without it too, but starts after it.")), false),
          }),
          "Other plugins it needs.",
        ),
        packages: list(
          v.strictObject({
            name: v.pipe(
              v.string(),
              v.regex(
                /^(?:@[a-z0-9~-][a-z0-9._~-]{0,99}\/)?[a-z0-9~-][a-z0-9._~-]{0,99}$/,
                "is not the name of an npm package | write it as in npm install",
              ),
              v.description("Name of the npm package."),
            ),
            version: v.optional(range("npm-style range, for example ^4.17.0."), "*"),
          }),
          "npm packages (pure JavaScript) that must be in the folder's own node_modules.",
        ),
      }),
      v.description("What must be present before it starts."),
    ),
    {},
  ),
  capabilities: v.optional(
    v.pipe(
      v.strictObject({
        commands: list(
          v.strictObject({
            name: word("The command, without prefix."),
            aliases: list(word("Another word for it."), "Other words for the same command."),
            description: v.optional(text("What it does; shown by help.", 500)),
            usage: v.optional(text("How to write it.", 200)),
          }),
          "Commands it registers.",
        ),
        keywords: list(
          v.strictObject({
            pattern: text("The words that it matches.", 200),
            description: v.optional(text("What it does.", 500)),
          }),
          "Keywords it registers.",
        ),
        scheduled_tasks: list(task, "Tasks it registers."),
        menu_items: list(
          v.strictObject({
            menu: text("Menu it belongs to: main, bbs, mail, bulletins, channels, utilities, or one of the plugin's own.", 64),
            label: text("The line shown.", 100),
            command: v.optional(word("Word that selects it.")),
            description: v.optional(text("What it does.", 500)),
          }),
          "Menu items it registers.",
        ),
        provides: list(text("A feature.", 64), "Features that other plugins can look for."),
      }),
      v.description("Everything it registers. What is not declared here is refused at registration."),
    ),
    {},
  ),
  config: v.optional(
    v.pipe(
      v.strictObject({
        schema_file: v.optional(inside("JSON Schema of the configuration (draft-07 or 2020-12).", /\.json$/, "use .json")),
        defaults: v.optional(v.pipe(json, v.description("Default values.")), {}),
      }),
      v.description("Configuration."),
    ),
    {},
  ),
  permissions: v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.maxLength(64, "has more than 64 entries | shorten it"),
      v.description("Permissions it asks for. The operator decides which it gets."),
    ),
    [],
  ),
  limits: v.optional(
    v.pipe(
      v.strictObject({
        memory_mb: v.optional(positive("Memory of the realm, megabytes.", 1024)),
        slice_ms: v.optional(positive("Longest run without a pause, milliseconds.", 10_000)),
        timeout_s: v.optional(positive("Deadline of a handler, seconds.", 3600)),
        storage_mb: v.optional(positive("Its database, megabytes.", 65_536)),
      }),
      v.description("Limits it needs above the gateway's defaults; at most four times them, and part of what is approved."),
    ),
    {},
  ),
});

type Parsed = v.InferOutput<typeof manifestSchema>;

/** A checked manifest: absent lists and maps are empty. */
export type Manifest = Omit<Parsed, "permissions"> & {
  /** The requested permissions, in canonical form. */
  readonly permissions: readonly Descriptor[];
};
export type { PermissionEntry };
