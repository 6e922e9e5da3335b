/** The author's types, by the TypeScript that is there. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import type { Finding } from "./finding.ts";

const DEADLINE_MS = 120_000;
const MAX_ERRORS = 30;

/**
 * Which TypeScript to run: this program's own, or one in the search path. That of the plugin's folder is a program of
 * whoever made the folder, and is run only when the author says so.
 */
export function findTypeScript(folder: string, trusted: boolean, path: string | undefined): string | null {
  const own = upwards(import.meta.dir, join("node_modules", ".bin", "tsc"));
  if (own !== null) return own;
  if (trusted) return upwards(folder, join("node_modules", ".bin", "tsc"));
  return path === undefined ? null : Bun.which("tsc", { PATH: path });
}

/** Why the types cannot be checked, or null. */
export function typesProblem(folder: string, compiler: string | null): { message: string; hint: string } | null {
  if (!existsSync(join(folder, "tsconfig.json"))) {
    return { message: "types were not checked: there is no tsconfig.json", hint: "zephyrgate plugin create makes one" };
  }
  if (compiler === null) {
    return {
      message: "types were not checked: no TypeScript was found",
      hint: "npm install -D typescript in the folder, and --types, which runs what is in the folder",
    };
  }
  if (upwards(folder, join("node_modules", "zephyrgate", "package.json")) === null) {
    return { message: "types were not checked: zephyrgate is not installed in the folder", hint: "zephyrgate plugin test writes it" };
  }
  return null;
}

export async function checkTypes(folder: string, compiler: string): Promise<Finding[]> {
  const child = Bun.spawn([compiler, "-p", folder, "--noEmit", "--pretty", "false"], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const [output] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  clearTimeout(timer);
  const found: Finding[] = [];
  for (const line of output.split("\n")) {
    const [, file = "", row, column, message = ""] = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line) ?? [];
    if (message === "") continue;
    const path = isAbsolute(file) ? relative(folder, file) : file;
    found.push({ level: "error", file: `${folder}/${path}`, line: Number(row), column: Number(column), message });
  }
  if (found.length === 0 && child.exitCode !== 0) {
    const first = output.trim().split("\n")[0] ?? "";
    found.push({
      level: "error",
      file: `${folder}/tsconfig.json`,
      message: `the type check failed${first === "" ? "" : `: ${first.slice(0, 200)}`}`,
    });
  }
  return found.slice(0, MAX_ERRORS);
}

function upwards(from: string, path: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return join(folder, path);
    if (folder === dirname(folder)) return null;
  }
}
