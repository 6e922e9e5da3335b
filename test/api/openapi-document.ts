/** `docs/openapi.json` as the server answers it, and the script behind `bun run docs:openapi` that writes it. */
import { join } from "node:path";
import { serve, tree } from "./serve.ts";

export const OPENAPI_FILE = join(import.meta.dir, "../../docs/openapi.json");

/** The document of a gateway without a version of its own, so that a release does not change it. */
export async function openApiDocument(): Promise<string> {
  const api = serve();
  try {
    const document = await tree(await api.call("/api/v1/openapi.json"));
    document.info.version = "1";
    const { paths, ...rest } = document;
    // One line for each path: readable where it changed, and a third of the size.
    const lines = Object.entries(paths).map(([path, item]) => `    ${JSON.stringify(path)}: ${JSON.stringify(item)}`);
    const head = JSON.stringify(rest, null, 2).slice(0, -2);
    return `${head},\n  "paths": {\n${lines.join(",\n")}\n  }\n}\n`;
  } finally {
    await api.close();
  }
}

if (import.meta.main) await Bun.write(OPENAPI_FILE, await openApiDocument());
