import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { IS_COMPILED } from "../../compiled.ts";
import type { Io } from "./verb.ts";

const MAIN = resolve(import.meta.dirname, "../../main.ts");
const ROOT = resolve(import.meta.dirname, "../../..");

/** How to call this program from a shell where it was called. */
export function program({ cwd, env }: Pick<Io, "cwd" | "env">): string {
  const named = env.PATH === undefined ? null : Bun.which("zephyrgate", { PATH: env.PATH });
  if (IS_COMPILED) return named === process.execPath ? "zephyrgate" : process.execPath;
  // As npm installs it.
  if (named !== null && ROOT.includes("/node_modules/")) return "zephyrgate";
  return cwd === ROOT && existsSync(join(ROOT, "package.json")) ? "npx bun run zephyrgate" : `${process.execPath} ${MAIN}`;
}
