/** `plugin test --coverage`: the author's own lines, over all tests of the plugin. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instrument } from "../../src/debugger/coverage/instrument.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource } from "../../src/sandbox/loader/source.ts";
import { EXAMPLES, FROM_SOURCE, runProgram, tempDir, writePlugin } from "../gateway/harness.ts";

const SOURCE = `import { Plugin } from "zephyrgate";
import { roll } from "./lib/roll.ts";

interface Unused { readonly a: number }

export default class Covered extends Plugin {
  override initialize() {
    this.registerCommand("dice", (args) => this.dice(args));
  }

  dice(args: string[]): string {
    const sides = Number(args[0] ?? 6);
    if (Number.isNaN(sides)) {
      this.log.warn("no number");
      return "how many sides?";
    }
    if (sides > 100)
      return "too many";
    for (const each of [1]) sides < each && roll(each);
    const rolled: Unused = { a: roll(sides) };
    return \`\${rolled.a}\`;
  }
}
`;
const ROLL = `export const roll = (sides: number): number =>
  1 + Math.floor(Math.random() * sides);
`;
const TEST = `import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
test("rolls", async () => {
  await using gateway = await startTestGateway({ plugin: \`\${import.meta.dir}/..\` });
  expect((await gateway.node("Alice").says("dice 6"))[0]).toMatch(/^[1-6]$/);
});
test("refuses", async () => {
  await using gateway = await startTestGateway({ plugin: \`\${import.meta.dir}/..\` });
  expect((await gateway.node("Alice").says("dice 1000"))[0]).toBe("too many");
});
`;
let dir: string;
let folder: string;
beforeAll(() => {
  dir = tempDir();
  folder = join(dir, "covered");
  const manifest = "capabilities: { commands: [{ name: dice }] }\npermissions: [send_messages]\n";
  writePlugin(dir, "covered", { manifest, code: SOURCE, files: { "lib/roll.ts": ROLL, "tests/a.test.ts": TEST } });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(import.meta.dir, "../.."), join(folder, "node_modules/zephyrgate"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const cover = () => runProgram(["plugin", "test", folder, "--coverage"], { cwd: dir, command: FROM_SOURCE });

test("names the share of lines and those that no test runs, types and blank lines not counted", async () => {
  const { stdout, code } = await cover();
  expect(stdout.split("\n").filter((line) => line.includes(" % "))).toEqual([
    "lib/roll.ts  100 %  2 of 2 lines",
    "plugin.ts     81 %  9 of 11 lines  not run: 14-15",
    "all           84 %  11 of 13 lines",
  ]);
  expect(code).toBe(0);
}, 60_000);

test("a failing test fails it, and tests that never start the plugin have no coverage", async () => {
  writeFileSync(join(folder, "tests/a.test.ts"), `import { expect, test } from "bun:test";\ntest("no", () => expect(1).toBe(2));\n`);
  const { stderr, code } = await cover();
  expect(stderr).toContain("no coverage: no test started this plugin");
  expect(code).toBe(1);
}, 60_000);

test("what is instrumented is the same program: every example still parses, line for line", async () => {
  for (const name of readdirSync(EXAMPLES)) {
    const source = folderSource(join(EXAMPLES, name));
    const loaded = source.ok ? await loadPlugin(source.value) : source;
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
    const { code, places } = instrument(loaded.value.code, (line, column) => `x:${line}:${column}`);
    expect(places.length).toBeGreaterThan(3);
    expect(code.split("\n")).toHaveLength(loaded.value.code.split("\n").length);
    expect(new Bun.Transpiler({ loader: "js" }).scanImports(code).map(({ path }) => path)).toContain("sdk/realm/link.ts");
  }
});

test("expressions, single statements, objects and nested functions keep their meaning", () => {
  const code = `const f = (n) => ({ a: n }); const g = (n) => n > 1 ? g(n - 1) * n : 1; let s = 0;
for (const x of [1, 2, 3]) if (x > 1) s += x; else s -= 1;
while (s > 4) s--; do s++; while (s < 5);
const h = async () => f(await 2); switch (s) { case 5: s = 50; break; default: s = 0; }
label: for (;;) { for (;;) break label; }
globalThis.out = [f(1).a, g(5), s, (() => { "use strict"; return [() => 7][0](); })()];`;
  const seen = new Set<number>();
  const made = instrument(code, (line, column) => `${line}:${column}`);
  const body = made.code.replace(/^.*?\} \} /, "");
  const out = new Function("__c", `const globalThis = {}; ${body}; return globalThis.out;`)((n: number) => seen.add(n)) as unknown;
  expect(out).toEqual([1, 120, 50, 7]);
  expect(seen.size).toBeGreaterThan(10);
});
