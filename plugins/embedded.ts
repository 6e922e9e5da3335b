import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * As a macro it runs when the gateway is compiled, so that the plugins of `plugins/` and `examples/` are inside the binary as
 * text. Nothing of them is run here; like all plugins they are loaded into realms.
 */
export function embeddedPlugins(folder: "plugins" | "examples"): { name: string; files: Record<string, string> }[] {
  const root = join(import.meta.dir, "..", folder);
  return readdirSync(root)
    .sort()
    .filter((name) => existsSync(join(root, name, "manifest.yaml")))
    .map((name) => ({ name, files: filesOf(join(root, name)) }));
}

/** Sources, manifests and schemas; not tests, nor what a package manager put there. */
function filesOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true }) as string[]) {
    const path = entry.split("\\").join("/");
    if (!/\.(?:ts|js|json|yaml)$/.test(path) || /^(?:tests|node_modules)\//.test(path) || /\.test\.ts$/.test(path)) continue;
    files[path] = readFileSync(join(folder, entry), "utf8");
  }
  return files;
}
