/**
 * Makes the sdk's local package: bundles, declarations and the realm's globals. As a macro it runs when this program is
 * compiled, so that the binary carries the package (see embedded.ts). Bun.build cannot run inside a macro, so Bun is called.
 */
// Node 20, in which this file is loaded and does nothing, has no globSync to import by name.
import * as fs from "node:fs";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { GatewayError } from "../../errors.ts";
import { realmDeclarations } from "./realm.ts";

/** Base64 of the bytes where the name ends in `.wasm`, else text. */
export type SdkFiles = Readonly<Record<string, string>>;

const ROOT = join(import.meta.dirname, "../../..");
const ENTRIES = { "sdk.js": "src/sdk/index.ts", "testing.js": "src/testing/index.ts" } as const;
const DECLARED = [
  "src/sdk/index.d.ts",
  "src/testing/index.d.ts",
  ...["abort", "clone", "console", "encoding", "random", "timers", "url"].map((name) => `src/sdk/realm/${name}.d.ts`),
  "src/sdk/http.d.ts",
];
const TSC = join(ROOT, "node_modules/.bin/tsc");

/** The package's files without package.json, gzipped JSON in base64: the binary holds a third of the size. */
export function packedSdk(): string {
  return Buffer.from(Bun.gzipSync(JSON.stringify(makeSdk()))).toString("base64");
}

export function makeSdk(): SdkFiles {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-sdk-"));
  try {
    return {
      ...bundles(folder),
      ...declarations(folder),
      ...realmDeclarations(libraryFolder()),
      "bun-test.d.ts": testDeclarations(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bundles(folder: string): SdkFiles {
  const files: Record<string, string> = {};
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const out = join(folder, name);
    run([process.execPath, "build", join(ROOT, entry), "--target=bun", "--define", "EMBEDDED=true", "--outdir", out]);
    // Bun names an asset relative to the working directory, which is the author's.
    const text = readFileSync(join(out, "index.js"), "utf8").replace(/"\.\/([\w-]+\.wasm)"/g, 'import.meta.dir+"/$1"');
    files[name] = text;
    for (const path of fs.globSync("*.wasm", { cwd: out })) files[path] = readFileSync(join(out, path)).toString("base64");
  }
  return files;
}

/** What the entries' declarations reach. A published package has them in `types`; a clone has TypeScript to make them. */
function declarations(folder: string): SdkFiles {
  let types = join(ROOT, "types");
  if (existsSync(TSC)) {
    types = join(folder, "types");
    run([TSC, "-p", join(ROOT, "tsconfig.types.json"), "--outDir", types]);
  }
  const files: Record<string, string> = {};
  const waiting = DECLARED.map((path) => join(types, path));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const name = join("types", relative(types, path));
    if (files[name] !== undefined || !existsSync(path)) continue;
    const text = readFileSync(path, "utf8");
    files[name] = text;
    for (const [, target = ""] of text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g))
      waiting.push(join(dirname(path), target.replace(/(?:\.d)?\.ts$/, ".d.ts")));
  }
  return files;
}

/** The declarations of JavaScript itself; null where no TypeScript is installed. */
function libraryFolder(): string | null {
  const [found] = fs.globSync(["node_modules/@typescript/*/lib/lib.es5.d.ts", "node_modules/typescript/lib/lib.es5.d.ts"], { cwd: ROOT });
  return found === undefined ? null : dirname(join(ROOT, found));
}

/** `bun:test` alone, without the other globals of Bun and Node. */
function testDeclarations(): string {
  const file = join(ROOT, "node_modules/bun-types/test.d.ts");
  const own =
    "interface ImportMeta {\n  /** Absolute path of the file's folder. */\n  readonly dir: string;\n  readonly path: string;\n}\n";
  return existsSync(file) ? `${readFileSync(file, "utf8")}\n${own}` : `declare module "bun:test";\n${own}`;
}

function run(command: readonly string[]): void {
  const child = Bun.spawnSync([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (child.exitCode === 0) return;
  const said = `${child.stdout.toString()}${child.stderr.toString()}`.trim().slice(0, 400);
  throw new GatewayError("internal", `the sdk's local package cannot be made: ${said}`);
}
