/** An error names its true cause, not the code of an error of our own. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { causeOf, failBecause, GatewayError } from "../../src/errors.ts";

const SRC = join(import.meta.dir, "../../src");

test("the system's code, else the error's words; an error of our own stays itself", () => {
  const system = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  const wrongUse = Object.assign(new TypeError("The path must be text"), { code: "ERR_INVALID_ARG_TYPE" });
  const own = new GatewayError("internal", "the files of the sdk are missing", { where: "sdk", hint: "install it again" });
  expect([system, wrongUse, own, "text"].map(causeOf)).toEqual([
    "ENOSPC",
    "The path must be text",
    "sdk: the files of the sdk are missing (install it again)",
    "text",
  ]);
  expect(failBecause(own, "data_unusable", "cannot write x").error).toBe(own);
  const failed = failBecause(system, "data_unusable", "cannot write x", { hint: "make room" }).error;
  expect([failed.code, failed.summary(), failed.cause]).toEqual(["data_unusable", "cannot write x (ENOSPC) (make room)", system]);
});

test("no verb takes the code of whatever was thrown for a system's", async () => {
  const found: string[] = [];
  for (const file of new Bun.Glob("{cli,authoring}/**/*.ts").scanSync(SRC)) {
    if (/\.code \?\? (?:String\(|")|"code" in (?:cause|thrown|error)/.test(await Bun.file(join(SRC, file)).text())) found.push(file);
  }
  expect(found).toEqual([]);
});

test("create says why it cannot write", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zg-cause-"));
  try {
    await Bun.write(join(folder, "file"), "");
    const child = Bun.spawn(
      [process.execPath, join(SRC, "main.ts"), "plugin", "create", "demo", "--yes", "--output", join(folder, "file/demo")],
      {
        cwd: folder,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        env: { HOME: folder, PATH: process.env.PATH ?? "" },
      },
    );
    const text = await new Response(child.stderr).text();
    expect(text).toMatch(/cannot write \S+demo \(ENOTDIR\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
