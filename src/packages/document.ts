/** `docs/index.schema.json`; the second script behind `bun run docs:schema`. */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { indexSchema } from "./index-file.ts";

export const INDEX_DOCUMENT = "docs/index.schema.json";

/** The JSON Schema of a package index. */
export function indexJsonSchema(): string {
  const converted = toJsonSchema(indexSchema, { errorMode: "ignore", typeMode: "input", target: "draft-07" });
  return `${JSON.stringify({ title: "ZephyrGate package index", ...converted }, null, 2)}\n`;
}

if (import.meta.main) await Bun.write(join(import.meta.dir, "..", "..", INDEX_DOCUMENT), indexJsonSchema());
