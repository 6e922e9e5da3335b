/** Generates JSON Schema and reference table from the Valibot schema, so that neither can differ from what is checked. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { needsRestart, START_KEYS } from "./reload.ts";
import { configSchema } from "./schema.ts";

export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  patternProperties?: Record<string, JsonSchema>;
  additionalProperties?: unknown;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  [key: string]: unknown;
}

/** `replace` gives, by dotted path, the schema of a part that Valibot describes as unknown. */
export function jsonSchemaOf(schema: v.GenericSchema, title: string, replace: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
  const converted = toJsonSchema(schema, { errorMode: "ignore", typeMode: "input", target: "draft-07" }) as JsonSchema;
  open(converted, "", replace);
  return { $schema: "http://json-schema.org/draft-07/schema#", title, ...converted };
}

/** Allows keys that start with `x-` everywhere and removes the defaults of whole sections. */
function open(schema: JsonSchema, path: string, replace: Readonly<Record<string, JsonSchema>>): void {
  const given = replace[path];
  if (given !== undefined) Object.assign(schema, given);
  if (schema.properties !== undefined) {
    schema.patternProperties = { "^x-": {} };
    if (typeof schema.default === "object") delete schema.default;
    for (const [key, inner] of Object.entries(schema.properties)) open(inner, path === "" ? key : `${path}.${key}`, replace);
  }
  if (schema.items !== undefined) open(schema.items, `${path}[]`, replace);
  for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) open(option, path, replace);
}

export function configJsonSchema(): JsonSchema {
  return jsonSchemaOf(configSchema, "ZephyrGate configuration");
}

/** `docs/configuration.md`. */
export function configReference(): string {
  const rows: string[] = [];
  const walk = (schema: JsonSchema, path: string) => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      const name = path === "" ? key : `${path}.${key}`;
      if (inner.properties !== undefined) {
        rows.push("", `## ${name}`, "", inner.description ?? "", "", ...HEAD);
        walk(inner, name);
      } else
        rows.push(
          `| \`${name}\` | ${cell(typeOf(inner))} | ${inner.default === undefined ? "-" : `\`${cell(JSON.stringify(inner.default))}\``} | ${needsRestart(name) ? "restart" : "at once"} | ${cell(inner.description ?? "")} |`,
        );
    }
  };
  const root = configJsonSchema();
  const plain = Object.fromEntries(Object.entries(root.properties ?? {}).filter(([, inner]) => inner.properties === undefined));
  const sections = Object.fromEntries(Object.entries(root.properties ?? {}).filter(([, inner]) => inner.properties !== undefined));
  rows.push(...HEAD);
  walk({ properties: plain }, "");
  walk({ properties: sections }, "");
  rows.push("", "## What needs a restart, and why", "");
  rows.push(...Object.entries(START_KEYS).map(([key, why]) => `- \`${key}\`: ${why}.`));
  return `${INTRODUCTION}${rows.join("\n")}\n`;
}

const HEAD = ["| key | type | default | a change | meaning |", "|---|---|---|---|---|"];
const INTRODUCTION = `# Configuration

Generated from the schema by \`bun run docs:schema\`; do not edit.

\`--config FILE\`, else \`./config.yaml\`, \`~/.zephyrgate/config.yaml\`, \`/etc/zephyrgate/config.yaml\`, else the defaults below. A variable
\`ZEPHYRGATE_...\` overrides the file (\`_\` inside a key, \`__\` between keys: \`ZEPHYRGATE_API__PORT=9000\`; values are YAML), and a flag
overrides both. Relative paths are relative to the file, without a file to the working directory; \`~\` is the home folder. An unknown key
is an error; keys that start with \`x-\` pass. For completion in an editor, begin the file with
\`# yaml-language-server: $schema=config.schema.json\`.

The file is read again when it is saved, by SIGHUP (\`systemctl reload zephyrgate\`) and by \`POST /api/v1/config/reload\`. Keys that say
"at once" take effect then; for the others the log and the answer name what needs a restart. A file that is not valid changes nothing.

`;

function typeOf(schema: JsonSchema): string {
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return [...new Set(options.map(typeOf))].join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(String).join(", ");
  if (schema.type === "array") return `list of ${schema.items === undefined ? "values" : typeOf(schema.items)}`;
  if (schema.type === "object" || schema.properties !== undefined) {
    const keys = Object.entries(schema.properties ?? {}).map(([key, inner]) =>
      inner.const === undefined ? key : `${key}: ${String(inner.const)}`,
    );
    return keys.length > 0 ? `{${keys.join(", ")}}` : "map";
  }
  const range = schema.minimum === undefined ? "" : ` ${schema.minimum} to ${schema.maximum ?? "any"}`;
  return `${schema.type === "string" ? "text" : (schema.type ?? "map")}${range}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
