/** The bundler's process is jailed as a plugin host is; it may read the folders that it was started for. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { Compiler } from "../../src/sandbox/loader/compiler.ts";
import { jailedCompiler, type LaunchCompiler } from "../../src/sandbox/loader/compiler-process.ts";
import type { Outcome } from "../host/jail/attempts.ts";
import { BUILDERS } from "../host/jail/builders.ts";
import { endHost, launchTest, order, reply } from "../host/jail/host.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "zephyrgate-bundler-")));
const compilers: Compiler[] = [];
afterEach(async () => {
  for (const compiler of compilers.splice(0)) await compiler.stop();
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function plugin(
  name: string,
  files: Readonly<Record<string, string>> = { "plugin.ts": `export default ${JSON.stringify(name)};` },
): string {
  const folder = join(base, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe.if(process.platform === "linux").each([...BUILDERS])("the bundler, its files walled off by %s", (builder) => {
  const launch = jailedCompiler({ allowMissing: [], clock: systemClock, log: silentLogger, fileWalls: [builder] });
  const made = (how: LaunchCompiler) => {
    const compiler = new Compiler({ launch: how, clock: systemClock });
    compilers.push(compiler);
    return compiler;
  };

  test("bundles modules, JSON and packages", async () => {
    const folder = plugin(`${builder}_whole`, {
      "plugin.ts":
        'import words from "./words.json"; import { twice } from "pair"; import { one } from "./lib/one"; export default [words, twice, one];',
      "words.json": '["a"]',
      "lib/one.ts": "export const one: number = 1;",
      "node_modules/pair/package.json": '{"name":"pair","version":"1.0.0","main":"./index.js"}',
      "node_modules/pair/index.js": "exports.twice = 2;",
    });
    const loaded = await made(launch).load(folder);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
    expect(loaded.value.modules.map(({ path }) => path)).toEqual(["lib/one.ts", "node_modules/pair/index.js", "plugin.ts", "words.json"]);
  }, 120_000);

  test("one process serves all that wait, and another folder gets another process", async () => {
    const started: string[][] = [];
    const compiler = made((folders) => {
      started.push([...folders]);
      return launch(folders);
    });
    const folders = ["one", "two", "three"].map((name) => plugin(`${builder}_${name}`));
    const answers = await Promise.all(folders.map((folder) => compiler.load(folder)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true]);
    const late = plugin(`${builder}_late`);
    expect((await compiler.load(late)).ok).toBe(true);
    expect((await compiler.load(late)).ok).toBe(true);
    expect(started).toEqual([folders, [late]]);
  }, 120_000);

  test("taken over, it reads the plugin's folder and nothing else, and writes nothing", async () => {
    const [own, other] = [plugin(`${builder}_own`), plugin(`${builder}_other`)];
    const host = await launchTest("", { databases: [], readable: [own], fileWalls: [builder] });
    const answer = reply(host);
    order(host, { task: "reach", paths: [join(own, "plugin.ts"), join(own, "new.ts"), join(other, "plugin.ts"), join(base, "new")] });
    expect(await answer).toEqual(["r-", "--", "--", "--"]);
    await endHost(host);
  }, 120_000);

  test("taken over, it passes no other wall either", async () => {
    const own = plugin(`${builder}_attempts`);
    const secret = join(base, "secret");
    writeFileSync(secret, "secret");
    const tcp = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const host = await launchTest("", { databases: [], readable: [own], fileWalls: [builder] });
    const answer = reply(host);
    const around = {
      gateway: process.pid,
      secrets: [secret],
      dataFolder: base,
      databases: own,
      tcpPort: tcp.port,
      unixSocket: join(own, "socket"),
      abstractSocket: "\0nobody",
      self: [process.execPath, "--version"],
      builder,
    };
    order(host, { task: "attempts", around });
    const outcomes = (await answer) as Outcome[];
    tcp.stop(true);
    expect(outcomes.filter(({ refused }) => !refused)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(150);
    await endHost(host);
  }, 120_000);
});
