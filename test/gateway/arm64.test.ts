/**
 * The arm64 program, tried on this machine: Debian's qemu-user-static runs it with libc6-arm64-cross. Only the command
 * line: the emulator knows neither Landlock nor seccomp filters, so no plugin host can stand in it.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.ts";
import { runProgram, tempDir } from "./harness.ts";

const LIBC = "/usr/aarch64-linux-gnu";
const dir = tempDir();
const program = join(dir, "zephyrgate-arm64");

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The command before the program's own arguments; or why there is none. */
function emulator(): { command: string[] } | { missing: string } {
  if (process.arch === "arm64" && process.platform === "linux") return { command: [program] };
  const qemu = ["qemu-aarch64-static", "qemu-aarch64"].map((name) => Bun.which(name)).find((found) => found !== null);
  if (qemu === undefined) return { missing: "qemu-aarch64-static is missing (Debian: apt-get install qemu-user-static)" };
  if (!existsSync(LIBC)) return { missing: `${LIBC} is missing (Debian: apt-get install libc6-arm64-cross)` };
  return { command: [qemu, "-L", LIBC, program] };
}

/** Null when it stands; else why it cannot be made here. What is wrong with our own code still throws. */
async function crossCompile(): Promise<string | null> {
  try {
    await build("build:arm64", program);
    return null;
  } catch (thrown) {
    const message = String(thrown);
    if (!/download|network|ConnectionRefused|fetch/i.test(message)) throw thrown;
    return `Bun's arm64 runtime cannot be had here: ${message.slice(0, 300)}`;
  }
}

const uncompiled = await crossCompile();
const found = emulator();
const unrunnable = uncompiled ?? ("missing" in found ? found.missing : null);
if (unrunnable !== null) console.log(`SKIPPED: the arm64 program is not run: ${unrunnable}`);

test.skipIf(uncompiled !== null)("build:arm64 makes an arm64 program", () => {
  const header = readFileSync(program).subarray(0, 20);
  expect(header.toString("latin1", 0, 4)).toBe("\x7fELF");
  // e_machine: EM_AARCH64
  expect(header.readUInt16LE(18)).toBe(183);
});

test.skipIf(unrunnable !== null)(
  "its command line works",
  async () => {
    const run = (...argv: string[]) =>
      runProgram(argv, { cwd: dir, command: "command" in found ? found.command : [], deadlineMs: 120_000 });
    expect(await run("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^zephyrgate \d+\.\d+\.\d+\n$/) });
  },
  180_000,
);
