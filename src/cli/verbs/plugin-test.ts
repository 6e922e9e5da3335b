import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { refreshLocalSdk } from "../../authoring/local-sdk/package.ts";
import { coverageLines } from "../../debugger/coverage/report.ts";
import { replayFiles } from "../../debugger/replay/run.ts";
import { replayLines } from "../../debugger/replay/words.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { parseJson } from "../../json-reader.ts";
import { MANIFEST_FILE } from "../../manifest/parse.ts";
import { COVERAGE_FILE } from "../../testing/coverage-file.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, type Io, textFlag, type Verb } from "../verb/verb.ts";

const TEST_MS = 60_000;

export const pluginTestVerb: Verb = {
  name: "plugin test",
  summary: "run the tests in a plugin's folder, in a virtual mesh; needs no Bun of its own",
  args: [{ name: "DIR", about: "the plugin's folder; without it the current one", optional: true, values: "folder" }],
  flags: {
    coverage: { about: "say which lines of the plugin the tests run" },
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
async function testPlugin({ io, args, flags }: Call): Promise<Result<number>> {
  const folder = resolve(io.cwd, args[0] ?? ".");
  if (!existsSync(join(folder, MANIFEST_FILE)))
    return fail("not_found", `there is no ${MANIFEST_FILE}`, { where: folder, hint: "name a plugin's folder" });
  const refreshed = refreshLocalSdk(folder);
  if (refreshed !== null) note(io, refreshed);
  const report = flags.coverage === true ? join(mkdtempSync(join(tmpdir(), "zephyrgate-coverage-")), "lines.json") : null;
  try {
    const code = await runTests(io, folder, report === null ? {} : { [COVERAGE_FILE]: report });
    if (report !== null) tellCoverage(io, report);
    return ok(code === 0 ? 0 : 1);
  } finally {
    if (report !== null) rmSync(dirname(report), { recursive: true, force: true });
  }
}

async function runTests(io: Io, folder: string, env: Readonly<Record<string, string>>): Promise<number> {
  const child = Bun.spawn([process.execPath, "test", "--timeout", String(TEST_MS)], {
    cwd: folder,
    env: { ...io.env, ...env, BUN_BE_BUN: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const copy = async (from: ReadableStream<Uint8Array>, to: typeof io.stdout) => {
    const decoder = new TextDecoder();
    for await (const bytes of from) to.write(decoder.decode(bytes, { stream: true }));
  };
  await Promise.all([copy(child.stdout, io.stdout), copy(child.stderr, io.stderr), child.exited]);
  return child.exitCode ?? 1;
}

/** Without a report no test has started the plugin. */
function tellCoverage(io: Io, file: string): void {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "{}";
  const parsed = parseJson(text, { chars: 8 * 1024 * 1024, depth: 4, nodes: 200_000 });
  const checked = v.safeParse(v.record(v.string(), v.record(v.string(), v.boolean())), parsed.ok ? parsed.value : null);
  if (!checked.success || Object.keys(checked.output).length === 0)
    note(io, "no coverage: no test started this plugin by startTestGateway");
  else for (const each of coverageLines(checked.output)) line(io, each);
}
