/** The globals of a plugin's realm, as declarations: JavaScript's own without Intl, and those that the sdk puts in place. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const HEADER =
  "// The globals of a plugin's realm. There is no Intl, no Node and no Bun: see this.formatTime, this.httpGet and this.storeData.\n";

const SDK = "./types/src/sdk";
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "realm/console": ["console"],
  "realm/encoding": ["atob", "btoa"],
  "realm/clone": ["structuredClone"],
  "realm/timers": ["setTimeout", "setInterval", "queueMicrotask"],
  "realm/random": ["crypto"],
  http: ["fetch"],
};
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  "realm/abort": ["AbortController", "AbortSignal"],
  "realm/encoding": ["TextEncoder", "TextDecoder"],
  "realm/url": ["URL", "URLSearchParams"],
  http: ["Headers", "Response"],
};

/** The files by path. `library`: TypeScript's folder of `lib.*.d.ts`; null: the editor's own library is used, Intl included. */
export function realmDeclarations(library: string | null): Readonly<Record<string, string>> {
  const language = library === null ? {} : withoutIntl(library);
  const references =
    library === null ? ['/// <reference lib="esnext" />'] : Object.keys(language).map((path) => `/// <reference path="./${path}" />`);
  const lines: string[] = [];
  for (const [file, names] of Object.entries(VALUES))
    for (const name of names) lines.push(`declare const ${name}: typeof import("${SDK}/${file}.d.ts").${name};`);
  for (const name of ["clearTimeout", "clearInterval"])
    lines.push(`declare const ${name}: typeof import("${SDK}/realm/timers.d.ts").clearTimer;`);
  for (const [file, names] of Object.entries(CLASSES)) {
    for (const name of names) {
      const from = `import("${SDK}/${file}.d.ts").${name}`;
      lines.push(`declare const ${name}: typeof ${from};`, `type ${name} = ${from};`);
    }
  }
  return { ...language, "realm.d.ts": `${HEADER}${[...references, ...lines].join("\n")}\n` };
}

/** All files that `lib.esnext.d.ts` refers to, without their references and without the namespace Intl. Some are modules, so each stays a file. */
function withoutIntl(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  const waiting = ["esnext"];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const file = `lib.${name}.d.ts`;
    if (files[`lib/${file}`] !== undefined || !existsSync(join(folder, file))) continue;
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, needed = ""] of text.matchAll(/^\/\/\/ <reference lib="([^"]+)" ?\/>/gm)) waiting.push(needed);
    files[`lib/${file}`] = text.replace(/^\/\/\/ <reference .*$/gm, "").replace(/^declare namespace Intl \{[\s\S]*?^\}/gm, "");
  }
  return files;
}
