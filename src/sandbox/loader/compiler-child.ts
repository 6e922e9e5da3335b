/**
 * The far end of {@link Compiler}, in the jail: bundles one plugin after the other, a line of JSON each way. Bundling hostile
 * source can take any amount of memory (an enum whose members double, many `export *` of many names), and a fault of the
 * bundler or of a parser must not reach the gateway, so it happens here.
 */
import { BRIDGE_IN_FD, BRIDGE_OUT_FD, type HostMain } from "../../bridge/launch.ts";
import { fdStream } from "../../bridge/streams.ts";
import type { Issue, Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { MANIFEST_FILE, readManifestValue } from "../../manifest/parse.ts";
import { type LoadedPlugin, loadPlugin } from "./load.ts";
import { folderSource } from "./source.ts";

export interface CompileRequest {
  readonly folder: string;
  readonly main?: string;
  /** Only reads the manifest. */
  readonly manifest?: true;
  /** A manifest that lies in no folder; `folder` then only names its file. */
  readonly text?: string;
}

/** The bundler opens the working directory, and reads a tsconfig.json in it: nobody can write to this one. */
const WORKING_DIRECTORY = "/proc/self";

/** To be called before the last wall closes. */
export function prepareCompiler(): HostMain {
  if (process.platform === "linux") process.chdir(WORKING_DIRECTORY);
  return serveCompiler;
}

/** Serves the pipe. At its end the gateway is gone, so the process ends at once, whatever is in progress. */
const serveCompiler: HostMain = () => {
  const stream = fdStream(BRIDGE_IN_FD, BRIDGE_OUT_FD);
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";
  let work: Promise<unknown> = Promise.resolve();
  const take = (bytes: Uint8Array) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines)
      work = work.then(async () => stream.write(encoder.encode(`${JSON.stringify(await answer(JSON.parse(line) as CompileRequest))}\n`)));
  };
  stream.start(take, () => process.exit(0));
};

async function answer({ folder, main, manifest, text: loose }: CompileRequest): Promise<Result<LoadedPlugin | Json, readonly Issue[]>> {
  if (loose !== undefined) return readManifestValue(loose, folder);
  const source = folderSource(folder);
  if (!source.ok) return source;
  if (manifest !== true) return await loadPlugin(source.value, main);
  const file = `${source.value.label}/${MANIFEST_FILE}`;
  const text = source.value.read(MANIFEST_FILE);
  return text.ok ? readManifestValue(text.value, file) : { ok: false, error: [{ file, ...text.error }] };
}
