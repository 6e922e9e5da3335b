/** What the pages say of a running gateway, compared with one. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Gateway, runProgram } from "../gateway/harness.ts";
import { blocksOf, placeOf } from "./blocks.ts";

let first: Gateway;
let configured: Gateway;

beforeAll(async () => {
  const code = `import { Plugin } from "zephyrgate";\nexport default class MyPlugin extends Plugin {}\n`;
  const manifest = "permissions: [send_messages]\n";
  [first, configured] = await Promise.all([
    Gateway.start({ unconfigured: true }),
    Gateway.start({ plugins: { my_plugin: { code, manifest } }, config: "plugins: { paths: PATHS, enabled_plugins: [] }" }),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all([first?.stop(), configured?.stop()]);
});

test("the first run looks as the readme says, and hello is answered", async () => {
  await first.ask("hello", /^Hello Ridge!$/);
  await first.until("the answer is in the log", () => first.output.includes("-> Ridge (!00000002): (12 characters)"));
  const [block] = blocksOf("README.md").filter((each) => each.mark?.kind === "output");
  const lines = (block?.text ?? "")
    .replaceAll("/home/you/zephyrgate", first.dir)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${first.port}`)
    .split("\n");
  expect(lines.length).toBeGreaterThan(10);
  // Machines differ in the serial ports that they have.
  for (const line of lines) expect(first.output).toContain(line.replace(/, \.\.\.$/, "").replace(/\/dev\/ttyUSB0 \}$/, "/dev/tty"));
}, 120_000);

test("plugin enable without a terminal says what the page says", async () => {
  const flags = ["--config", join(configured.dir, "config.yaml"), "--port", String(configured.port)];
  const ended = await runProgram(["plugin", "enable", "my_plugin", ...flags], { cwd: configured.dir });
  expect(ended.code).toBe(1);
  const [block] = blocksOf("docs/troubleshooting.md").filter((each) => each.mark?.kind === "cli");
  expect(ended.stderr, block === undefined ? "" : placeOf(block)).toContain(block?.text ?? "missing");
}, 120_000);
