import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { refreshLocalSdk } from "../../authoring/local-sdk/package.ts";
import { replayFiles } from "../../debugger/replay/run.ts";
import { replayLines } from "../../debugger/replay/words.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { MANIFEST_FILE } from "../../manifest/parse.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, textFlag, type Verb } from "../verb/verb.ts";

const TEST_MS = 60_000;

export const pluginTestVerb: Verb = {
  name: "plugin test",
  summary: "run the tests in a plugin's folder, in a virtual mesh; needs no Bun of its own",
  args: [{ name: "DIR", about: "the plugin's folder; without it the current one", optional: true, values: "folder" }],
  flags: {
    replay: { about: "run the plugin on a recording instead; fails where a call fails or ends otherwise", value: "FILE", values: "file" },
  },
  run: (call) => (call.flags.replay === undefined ? testPlugin(call) : replayPlugin(call)),
};

/** In a realm as in the gateway, in this process. */
async function replayPlugin({ io, args, flags }: Call): Promise<Result<number>> {
  const folder = resolve(io.cwd, args[0] ?? ".");
  const played = await replayFiles({ folder, file: resolve(io.cwd, textFlag(flags, "replay") ?? "") });
  if (!played.ok) return played;
  if (flags.json === true) json(io, played.value);
  else for (const text of replayLines(played.value)) line(io, text);
  return ok(played.value.isGood ? 0 : 1);
}

/** This program is Bun, too: it runs the author's tests with the author's rights, as `bun test` would. */
async function testPlugin({ io, args }: Call): Promise<Result<number>> {
  const folder = resolve(io.cwd, args[0] ?? ".");
  if (!existsSync(join(folder, MANIFEST_FILE)))
    return fail("not_found", `there is no ${MANIFEST_FILE}`, { where: folder, hint: "name a plugin's folder" });
  const refreshed = refreshLocalSdk(folder);
  if (refreshed !== null) note(io, refreshed);
  const child = Bun.spawn([process.execPath, "test", "--timeout", String(TEST_MS)], {
    cwd: folder,
    env: { ...io.env, BUN_BE_BUN: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const copy = async (from: ReadableStream<Uint8Array>, to: typeof io.stdout) => {
    const decoder = new TextDecoder();
    for await (const bytes of from) to.write(decoder.decode(bytes, { stream: true }));
  };
  await Promise.all([copy(child.stdout, io.stdout), copy(child.stderr, io.stderr), child.exited]);
  return ok(child.exitCode === 0 ? 0 : 1);
}
