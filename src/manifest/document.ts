/** `docs/manifest.schema.json`, and the script behind `bun run docs:schema` that writes all generated references. */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { configJsonSchema, configReference, type JsonSchema, jsonSchemaOf } from "../config/document.ts";
import { permissionEntrySchema } from "../permissions/grammar/descriptor.ts";
import { manifestSchema } from "./schema.ts";

export function manifestJsonSchema(): JsonSchema {
  const { $schema: _, ...entry } = toJsonSchema(permissionEntrySchema, {
    errorMode: "ignore",
    typeMode: "input",
    target: "draft-07",
  }) as JsonSchema;
  return jsonSchemaOf(manifestSchema, "ZephyrGate plugin manifest", { permissions: { items: entry } });
}

/** Every generated document by its path. */
export function generatedDocuments(): Readonly<Record<string, string>> {
  return {
    "docs/manifest.schema.json": `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`,
    "docs/config.schema.json": `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    "docs/configuration.md": configReference(),
  };
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..", "..");
  for (const [path, text] of Object.entries(generatedDocuments())) await Bun.write(join(root, path), text);
}
