import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Text by path. As a macro it runs when the gateway is compiled, so that `plugin create` finds its template in the binary. */
export function embeddedTemplate(name: string): Record<string, string> {
  const root = join(import.meta.dir, name);
  const paths = (readdirSync(root, { recursive: true }) as string[]).filter((path) => statSync(join(root, path)).isFile());
  return Object.fromEntries(paths.sort().map((path) => [path.split("\\").join("/"), readFileSync(join(root, path), "utf8")]));
}
