import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dir, "../..");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "npm-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command as an account that has no Bun of its own. */
async function run(command: string, ...argv: string[]) {
  const child = Bun.spawn([command, ...argv], {
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", HOME: folder },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code: child.exitCode, stdout, stderr };
}

test("the command that npm installs finds the Bun beside it", async () => {
  mkdirSync(join(folder, "bin"));
  symlinkSync(join(ROOT, packageJson.bin.zephyrgate), join(folder, "bin/zephyrgate"));
  const shown = await run(join(folder, "bin/zephyrgate"), "--version");
  expect(shown).toEqual({ code: 0, stdout: `zephyrgate ${packageJson.version}\n`, stderr: "" });
});

test("without Bun it says what to do", async () => {
  mkdirSync(join(folder, "lonely"));
  cpSync(join(ROOT, packageJson.bin.zephyrgate), join(folder, "lonely/bin/zephyrgate"));
  const refused = await run(join(folder, "lonely/bin/zephyrgate"), "--version");
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/^zephyrgate: the package bun is missing \(install it again.*\)\n$/);
});

test("the package holds the command, the program and the bundled plugins", () => {
  for (const part of ["src", "plugins"]) expect(packageJson.files).toContain(part);
});
