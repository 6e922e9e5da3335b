/** TypeScript blocks as modules that can be checked and run, in a folder in which `zephyrgate` is this project. */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SDK_NAMES } from "../../src/sandbox/loader/inspect.ts";
import { exportsOf, read } from "./api-reference.ts";
import { type Block, placeOf, ROOT } from "./blocks.ts";

/** One plugin folder, put together from the blocks that carry its name. */
export interface Folder {
  readonly name: string;
  readonly path: string;
  readonly blocks: readonly Block[];
}

export interface Workshop {
  readonly root: string;
  /** Path of each module by the block it was made of. */
  readonly modules: ReadonlyMap<string, Block>;
  readonly plugins: readonly Folder[];
}

const VALUES = SDK_NAMES;

/** Writes every block of TypeScript, completed, and every plugin that the pages describe. */
export function workshop(blocks: readonly Block[]): Workshop {
  const root = mkdtempSync(join(tmpdir(), "zephyrgate-docs-"));
  mkdirSync(join(root, "node_modules"));
  symlinkSync(ROOT, join(root, "node_modules/zephyrgate"));
  const modules = new Map<string, Block>();
  const plugins = new Map<string, Block[]>();
  for (const block of blocks) {
    const folder = block.mark?.kind === "plugin" ? block.mark.detail.split(" ")[0] : undefined;
    if (folder !== undefined) plugins.set(folder, [...(plugins.get(folder) ?? []), block]);
    else if (block.language === "ts") modules.set(write(root, `${slug(block)}.ts`, completed(block)), block);
  }
  for (const [path, block] of [...modules]) {
    if (!isPlugin(block)) continue;
    const name = slug(block);
    const folder = join(root, "whole", name);
    write(folder, "plugin.ts", completed(block));
    write(folder, "manifest.yaml", manifestFor(name, block.text));
    plugins.set(name, [block]);
    modules.set(path, block);
  }
  const folders = [...plugins].map(([name, parts]) => {
    const isWhole = parts.length === 1 && parts[0]?.mark?.kind !== "plugin";
    const path = join(root, isWhole ? "whole" : "plugins", name);
    if (!isWhole) for (const part of parts) modules.set(assemble(path, name, part, parts), part);
    return { name, path, blocks: parts };
  });
  return { root, modules, plugins: folders };
}

/** `<!-- plugin: NAME FILE -->`; a test's or module's own file, the manifest, or the entry. */
function assemble(folder: string, name: string, block: Block, all: readonly Block[]): string {
  const file = block.mark?.detail.split(" ")[1] ?? (block.language === "yaml" ? "manifest.yaml" : "plugin.ts");
  const hasManifest = all.some((each) => each.language === "yaml" && /^name:/m.test(each.text));
  if (file === "plugin.ts" && !all.some((each) => each.language === "yaml")) {
    write(folder, "manifest.yaml", manifestFor(name, all.map((each) => each.text).join("\n")));
  }
  const text = file === "manifest.yaml" && !hasManifest ? `${headOf(name)}${block.text}\n` : block.text;
  return write(folder, file, block.language === "ts" ? `${text}\nexport {};\n` : text);
}

export function headOf(name: string): string {
  return `name: ${name}\nversion: "1.0.0"\ndescription: From the documentation\nauthor: ZephyrGate\n`;
}

/** Declares what the code registers and asks for every permission: for plugins that are shown without their manifest. */
function manifestFor(name: string, code: string): string {
  const all = (pattern: RegExp) => [...code.matchAll(pattern)].map((match) => match.slice(1));
  const capabilities = {
    commands: all(/registerCommand\(\s*"([^"]+)"/g).map(([command]) => ({
      name: command,
      aliases: all(/aliases: \[([^\]]+)\]/g).flatMap(([list = ""]) => list.split(", ").map((word) => word.replaceAll('"', ""))),
    })),
    keywords: all(/registerKeyword\(\s*"([^"]+)"/g).map(([pattern]) => ({ pattern })),
    scheduled_tasks: all(/registerScheduledTask\(\s*"([^"]+)"/g).map(([task]) => ({ name: task, interval: 3600 })),
    menu_items: all(/registerMenuItem\(\s*"([^"]+)",\s*"([^"]+)"/g).map(([menu, label]) => ({ menu, label })),
  };
  const permissions = ["send_messages", "receive_messages", "database_access", "http_requests", "schedule_tasks"];
  const more = ["system_state_read", "inter_plugin_messaging", "secrets"];
  return `${headOf(name)}capabilities: ${JSON.stringify(capabilities)}\npermissions: ${JSON.stringify([...permissions, ...more])}\n`;
}

export function isPlugin(block: Block): boolean {
  return block.language === "ts" && /^export default /m.test(block.text);
}

/** Imports where the block has none; around statements a handler, around members a class. */
function completed(block: Block): string {
  const { text, mark } = block;
  if (mark?.kind === "declaration" || mark?.kind === "member" || mark?.kind === "inner") return signature(block, mark.kind, mark.detail);
  const types = exportsOf("src/sdk/index.ts").map(({ name }) => name);
  const imports = /^import .* from "zephyrgate";/m.test(text)
    ? ""
    : `import { ${types.map((name) => (VALUES.includes(name) ? name : `type ${name}`)).join(", ")} } from "zephyrgate";\n`;
  const kit = `import { beforeAll, expect, test } from "bun:test";\nimport { replayRecording, startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";\n`;
  if (isPlugin(block)) return `${imports}${text}\n`;
  if (/^(?:import .*"zephyrgate\/testing"|test\()/m.test(text)) return `${/^import /m.test(text) ? "" : kit}${text}\nexport {};\n`;
  if (/\b(?:gateway|alice)\.|startTestGateway/.test(text)) {
    return `${kit}export async function body(gateway: TestGateway) {\n  const alice = gateway.node("Alice");\n${text}\n  return [alice, test, expect];\n}\n`;
  }
  const own =
    mark?.kind === "members" || /^(?:override |async \w+\()/.test(text)
      ? text
      : `  async body(args: string[], context: CommandContext) {\n${text}\n  }`;
  const members = `visits() { return ""; }\n poll() {}\n report() {}\n tides() { return ""; }\n`;
  return `${imports}export class Fragment extends Plugin {\n${members}${own}\n}\n`;
}

/** A signature of the API reference beside the thing itself: each must take the other's place. */
function signature(block: Block, kind: string, detail: string): string {
  if (kind === "inner") {
    const names = exportsOf("src/sdk/index.ts").map((each) => each.name);
    const types = `import type { ${names.join(", ")} } from "zephyrgate";\n`;
    return `${types}type Shown = {\n${block.text}\n};\nexport const shown: Shown = {} as Plugin[${JSON.stringify(detail)}];\n`;
  }
  const [name = "", file = ""] = kind === "member" ? detail.split(" ") : ["", detail];
  if (kind === "declaration") {
    const own = /^export (?:declare )?(?:interface|type|function) (\w+)/m.exec(block.text)?.[1] ?? "";
    return `${typesOf(file, own)}${block.text}\n`;
  }
  const own = /^Plugin(?:Hooks|Registrations)?$/.test(name) ? "<C extends object = object>" : "";
  return `${typesOf(file)}type Shown${own} = {\n${block.text}\n};\nexport const shown: Shown = {} as ${name};\n`;
}

/** The imports and exports of a source file as types, for what is taken out of it. */
function typesOf(file: string, without?: string): string {
  const source = read(file);
  const from = (path: string) => join(ROOT, dirname(file), path);
  const imports = [...source.matchAll(/^import (?:type )?(\{[^}]*\}) from "(\.[^"]+)";$/gm)].map(
    ([, names = "", path = ""]) => `import type ${names.replace(/\btype /g, "")} from ${JSON.stringify(from(path))};\n`,
  );
  const own = [...source.matchAll(/^export (?:declare )?(?:async )?(?:class|interface|type|function) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );
  const names = own.filter((name) => name !== without).join(", ");
  return `${imports.join("")}${names === "" ? "" : `import type { ${names} } from ${JSON.stringify(join(ROOT, file))};`}\n`;
}

function slug(block: Block): string {
  return placeOf(block)
    .replace(/\.md:/, "_")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();
}

function write(folder: string, file: string, text: string): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
