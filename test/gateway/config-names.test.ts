/** What the configuration names and the machine does not have is said once, and stops nothing. */
import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { answering, Gateway, PATIENCE_MS, prepare, tempDir } from "./harness.ts";

const dir = tempDir();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test(
  "plugins, a plugin folder and a log file that do not exist",
  async () => {
    const config = `plugins:
  paths: [./plugins, ./nowhere]
  enabled_plugins: [hello, helo]
  disabled_plugins: [ping, experimental_plugin]
  config: { hallo: { every: 5 }, hello: { every: 5 } }
  permissions: { ghost: { deny: [send_messages] } }
log: { file: config.yaml/x.log }
`;
    prepare(dir, { plugins: { hello: answering("hello", "hi") }, config });
    const gateway = await Gateway.start({ dir });
    try {
      const lines = [
        "plugins.enabled_plugins: there is no plugin helo (did you mean hello?)",
        "plugins.disabled_plugins: there is no plugin experimental_plugin (zephyrgate plugin list shows all",
        "plugins.config: there is no plugin hallo (did you mean hello?)",
        "plugins.permissions: there is no plugin ghost (",
        `${join(dir, "nowhere")}: there is no such folder; fix plugins.paths in the configuration`,
        `log file ${join(dir, "config.yaml/x.log")}: `,
      ];
      await gateway.until("all was said", () => lines.every((line) => gateway.output.includes(line)));
      for (const line of lines) expect(gateway.output.split(line)).toHaveLength(2);
      expect(gateway.output).not.toMatch(/there is no plugin (?:hello|ping)\b/);
      expect((await gateway.api("GET", "/plugins/hello")).body).toMatchObject({ state: "running" });
    } finally {
      await gateway.end("SIGTERM");
    }
  },
  PATIENCE_MS,
);
