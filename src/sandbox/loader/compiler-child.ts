/**
 * The far end of {@link Compiler}: bundles one plugin after the other, a line of JSON each way. Bundling hostile source
 * can take any amount of memory (an enum whose members double, many `export *` of many names), so it happens here.
 */
import type { Issue, Result } from "../../errors.ts";
import { type LoadedPlugin, loadPlugin } from "./load.ts";
import { folderSource } from "./source.ts";

export interface CompileRequest {
  readonly folder: string;
  readonly main?: string;
}

/** Serves standard input. At its end the gateway is gone, so the process ends at once, whatever is in progress. */
export async function serveCompiler(): Promise<never> {
  let rest = "";
  let work: Promise<unknown> = Promise.resolve();
  const decoder = new TextDecoder();
  for await (const chunk of Bun.stdin.stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) work = work.then(() => answer(JSON.parse(line) as CompileRequest));
  }
  process.exit(0);
}

async function answer({ folder, main }: CompileRequest): Promise<void> {
  const source = folderSource(folder);
  const loaded: Result<LoadedPlugin, readonly Issue[]> = source.ok ? await loadPlugin(source.value, main) : source;
  await Bun.write(Bun.stdout, `${JSON.stringify(loaded)}\n`);
}
