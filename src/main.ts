#!/usr/bin/env bun
import { main } from "./cli/main.ts";

// The process edge: the one place that knows the process. Everything behind it gets what it needs as parameters.

// A reader that went away (`zephyrgate logs | head`) ends us quietly.
process.stdout.on("error", () => process.exit(0));

const code = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  isTTY: process.stdin.isTTY === true && process.stderr.isTTY === true,
  colour: process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "",
});
for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => stream.write("", () => resolve()));
process.exit(code);
