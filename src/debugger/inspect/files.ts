/**
 * What the process of the debugger runs, as texts: the sdk's modules and the process's own program. As a macro it runs when
 * this program is compiled, so that the binary carries the text (see embedded.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../../sdk");

/** Paths below the folder of the process, and their texts in JavaScript. */
export function debuggerFiles(): [path: string, code: string][] {
  const transpiler = new Bun.Transpiler({ loader: "ts", target: "bun" });
  const read = (path: string) => transpiler.transformSync(readFileSync(path, "utf8"));
  const sdk = [...new Bun.Glob("**/*.ts").scanSync(FOLDER)].sort();
  return [
    ...sdk.map((path): [string, string] => [`sdk/${path}`, read(join(FOLDER, path))]),
    [MAIN, read(join(import.meta.dir, "realm-main.ts"))],
  ];
}

export const MAIN = "main.js";
