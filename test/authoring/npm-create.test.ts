/** `npm create zephyrgate-plugin` from its tarball, without a registry; and the sdk in a plugin's folder after an upgrade or a fresh clone. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_SDK, refreshLocalSdk } from "../../src/authoring/local-sdk/package.ts";
import { VERSION } from "../../src/version.ts";
import { runProgram, tempDir } from "../gateway/harness.ts";

setDefaultTimeout(120_000);

const PACKAGE = join(import.meta.dir, "../../templates/create-zephyrgate-plugin");
let dir: string;
const made = () => join(dir, "my_plugin");

beforeAll(() => {
  dir = tempDir();
  ran(["npm", "pack", "--offline", "--silent", "--pack-destination", dir], PACKAGE);
  writeFileSync(join(dir, "package.json"), '{ "private": true }\n');
  ran(["npm", "install", "--offline", "--silent", "--no-audit", "--no-fund", `./create-zephyrgate-plugin-${VERSION}.tgz`], dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function ran(command: readonly string[], cwd: string): { code: number; out: string; err: string } {
  const env = { PATH: process.env.PATH ?? "", HOME: dir };
  const child = Bun.spawnSync([...command], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = { code: child.exitCode ?? -1, out: child.stdout.toString(), err: child.stderr.toString() };
  if (command[0] === "npm") expect([command.join(" "), said.code, said.code === 0 ? "" : said.err]).toEqual([command.join(" "), 0, ""]);
  return said;
}

/** In Node, as npm calls it. */
const create = (...argv: string[]) => ran(["node", join(dir, "node_modules/.bin/create-zephyrgate-plugin"), ...argv], dir);

test("what it makes passes its own check and its own tests, without an installation", async () => {
  const one = create("my_plugin", "--all", "--author", "Ann");
  expect([one.code, one.err]).toEqual([0, "next: zephyrgate plugin test my_plugin; then: zephyrgate dev my_plugin\n"]);
  expect(one.out.split("\n")).toContain("my_plugin/plugin.ts");
  const checked = await runProgram(["plugin", "check", "my_plugin", "--strict"], { cwd: dir });
  expect([checked.code, checked.stdout]).toEqual([0, ""]);
  const tested = await runProgram(["plugin", "test", "my_plugin"], { cwd: dir });
  expect([tested.code, tested.code === 0 ? "" : tested.stderr]).toEqual([0, ""]);
});

test("mistakes are said as `plugin create` says them, in the words of npm", () => {
  expect(create("My-Plugin").err).toContain("try my_plugin");
  expect(create().err).toBe("--name is missing (for example: npm create zephyrgate-plugin -- --name my_plugin)\n");
  const unknown = create("--nane", "x");
  expect([unknown.code, unknown.err]).toEqual([
    2,
    "unknown option '--nane'; did you mean --name?\nusage: npm create zephyrgate-plugin -- [options] [NAME]\n",
  ]);
  expect(create("--help").out).toStartWith("usage: npm create zephyrgate-plugin -- [options] [NAME]\n");
});

test("it has the program's version", () => {
  expect(JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")).version).toBe(VERSION);
});

test("after an upgrade of the program the plugin's types and kit are the new ones, and one line says so", async () => {
  const file = join(made(), LOCAL_SDK, "package.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(VERSION, "0.0.9"));
  rmSync(join(made(), LOCAL_SDK, "sdk.js"));
  const tested = await runProgram(["plugin", "test", "my_plugin"], { cwd: dir });
  const lines = tested.stderr.split("\n").filter((line) => line.includes(LOCAL_SDK));
  expect(lines).toEqual([`${LOCAL_SDK}: types and testing kit are now those of zephyrgate ${VERSION}, before 0.0.9`]);
  expect(tested.code).toBe(0);
  expect(existsSync(join(made(), LOCAL_SDK, "sdk.js"))).toBe(true);
  expect(refreshLocalSdk(made())).toBeNull();
});

test("a fresh clone gets them where package.json wants them; a folder that does not is left alone", () => {
  rmSync(join(made(), LOCAL_SDK), { recursive: true });
  rmSync(join(made(), "node_modules"), { recursive: true });
  expect(refreshLocalSdk(made())).toBe(`${LOCAL_SDK}: types and testing kit of zephyrgate ${VERSION} were written`);
  expect(existsSync(join(made(), "node_modules/zephyrgate/package.json"))).toBe(true);
  rmSync(join(made(), "node_modules"), { recursive: true });
  expect(refreshLocalSdk(made())).toBeNull();
  expect(existsSync(join(made(), "node_modules/zephyrgate/package.json"))).toBe(true);
  rmSync(join(made(), LOCAL_SDK), { recursive: true });
  writeFileSync(join(made(), "package.json"), "{}\n");
  expect(refreshLocalSdk(made())).toBeNull();
  expect(existsSync(join(made(), LOCAL_SDK))).toBe(false);
});
