/**
 * Bundles the console, the program that runs in the operator's browser. As a macro it runs when this program is compiled, so
 * that the binary carries the bundle (see embedded.ts). Bun.build cannot run inside a macro, so this file runs in a Bun of its own.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../../errors.ts";

export interface ConsoleFiles {
  readonly html: string;
  readonly script: string;
  readonly style: string;
}

const FOLDER = join(import.meta.dir, "../../../console");

export async function makeConsole(): Promise<ConsoleFiles> {
  const built = await Bun.build({
    entrypoints: [join(FOLDER, "main.tsx")],
    target: "browser",
    minify: true,
    env: "disable",
    define: { "process.env.NODE_ENV": '"production"' },
    throw: false,
  });
  const script = await built.outputs.find(({ path }) => path.endsWith(".js"))?.text();
  const style = await built.outputs.find(({ path }) => path.endsWith(".css"))?.text();
  if (script === undefined || style === undefined)
    throw new GatewayError("internal", `the console cannot be bundled: ${built.logs.map(String).join("; ").slice(0, 400)}`);
  return { html: readFileSync(join(FOLDER, "index.html"), "utf8"), script, style };
}

/** The bundle as JSON, gzipped and in base64: the binary holds a third of the size. */
export function packedConsole(): string {
  const child = Bun.spawnSync([process.execPath, import.meta.path], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (child.exitCode !== 0) throw new GatewayError("internal", `the console cannot be bundled: ${child.stderr.toString().slice(0, 400)}`);
  return Buffer.from(Bun.gzipSync(new Uint8Array(child.stdout))).toString("base64");
}

if (import.meta.main) process.stdout.write(JSON.stringify(await makeConsole()));
