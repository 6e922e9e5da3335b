/** A recording and a plugin's folder, made into a replay. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, issueLine, ok, type Result } from "../../errors.ts";
import type { EngineFactory } from "../../host/engine/realm-engine.ts";
import { engineFactory, takeSnapshot } from "../../host/runtime.ts";
import type { Json } from "../../json.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import { bundleFile, loadPlugin } from "../../sandbox/loader/load.ts";
import { folderSource } from "../../sandbox/loader/source.ts";
import { stackMapper } from "../../sandbox/loader/stack.ts";
import { readRecording } from "./recording.ts";
import { type Replay, replay } from "./replay.ts";

export interface ReplayFiles {
  /** The plugin's folder, as it is now. */
  readonly folder: string;
  /** The recording. */
  readonly file: string;
}

/** Engines in place of those of this process, such as a debugger's. */
export type Engines = (usual: EngineFactory) => EngineFactory;

/** Fails where the plugin does not load, the file is no recording, or it is one of another plugin. */
export async function replayFiles({ folder, file }: ReplayFiles, engines?: Engines): Promise<Result<Replay>> {
  const usual = engineFactory(await takeSnapshot());
  const text = read(file);
  if (!text.ok) return text;
  const recording = readRecording(text.value, file);
  if (!recording.ok) return recording;
  const path = join(folder, MANIFEST_FILE);
  const written = read(path);
  if (!written.ok) return written;
  const manifest = parseManifest(written.value, path);
  if (!manifest.ok) return fail("load_failed", manifest.error.map(issueLine).join("\n"));
  const { name, main, capabilities } = manifest.value;
  if (name !== recording.value.plugin)
    return fail("invalid_argument", `it is a recording of ${recording.value.plugin}, not of ${name}`, {
      where: file,
      hint: "name the other plugin's folder",
    });
  const source = folderSource(folder);
  const loaded = source.ok ? await loadPlugin(source.value, main) : source;
  if (!loaded.ok) return fail("load_failed", loaded.error.map(issueLine).join("\n"));
  return ok(
    await replay(recording.value, {
      code: loaded.value.code,
      capabilities: (capabilities ?? {}) as unknown as Json,
      engines: engines?.(usual) ?? usual,
      mapStack: stackMapper(loaded.value.map, bundleFile(name)),
    }),
  );
}

function read(path: string): Result<string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (thrown) {
    return fail("not_found", "cannot be read", { where: path, cause: thrown });
  }
}
