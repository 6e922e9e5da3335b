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

/** Serves standard input until it ends. */
export async function serveCompiler(): Promise<void> {
  let rest = "";
  for await (const chunk of Bun.stdin.stream().pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) await Bun.write(Bun.stdout, `${JSON.stringify(await compile(JSON.parse(line) as CompileRequest))}\n`);
  }
}

async function compile({ folder, main }: CompileRequest): Promise<Result<LoadedPlugin, readonly Issue[]>> {
  const source = folderSource(folder);
  return source.ok ? await loadPlugin(source.value, main) : source;
}

if (import.meta.main) await serveCompiler();
