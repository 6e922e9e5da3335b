/** Builds the program as `bun run build` does, flags and all, to another place. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** `script` is one of package.json's. Throws with the builder's words. */
export async function build(script: "build" | "build:arm64", outfile: string): Promise<void> {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const words = (scripts[script] ?? "").split(" ");
  if (words[0] !== "bun" || !words.includes("--outfile")) throw new Error(`package.json: ${script} is not what this test knows`);
  words[words.indexOf("--outfile") + 1] = outfile;
  const child = Bun.spawn([process.execPath, ...words.slice(1)], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (child.exitCode !== 0) throw new Error(`${script} failed: ${said.join("\n")}`);
}
