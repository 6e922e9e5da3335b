import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];

/** A plugin in a temporary folder: what its manifest says besides the required fields, and the members of its class. */
export function writePlugin(name: string, manifest: string, members: string, more: Readonly<Record<string, string>> = {}): string {
  const folder = join(mkdtempSync(join(tmpdir(), "zg-plugin-")), name);
  folders.push(join(folder, ".."));
  mkdirSync(folder);
  writeFileSync(join(folder, "manifest.yaml"), `name: ${name}\nversion: "1.0.0"\ndescription: test\nauthor: tests\n${manifest}`);
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { type CommandContext, type Json, Plugin } from "zephyrgate";\nexport default class Probe extends Plugin {\n${members}\n}\n`,
  );
  for (const [path, text] of Object.entries(more)) writeFileSync(join(folder, path), text);
  return folder;
}

export function removePlugins(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
