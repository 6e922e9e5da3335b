import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A macro: runs when the gateway is bundled, so that `plugin create` finds its template inside the binary. Text by path. */
export function embeddedTemplate(name: string): Record<string, string> {
  const root = join(import.meta.dir, name);
  const paths = (readdirSync(root, { recursive: true }) as string[]).filter((path) => statSync(join(root, path)).isFile());
  return Object.fromEntries(paths.sort().map((path) => [path.split("\\").join("/"), readFileSync(join(root, path), "utf8")]));
}
