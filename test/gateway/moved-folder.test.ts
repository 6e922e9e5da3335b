/** What a plugin's name owns stays with its folder, over restarts of the gateway, until the operator says that the folder moved. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, PATIENCE_MS, prepare, runProgram, tempDir, writePlugin } from "./harness.ts";

const KEEPER = {
  manifest: "capabilities: { commands: [{ name: keeper }] }\npermissions: [send_messages, database_access]\n",
  code: `import { Plugin } from "zephyrgate";
export default class Keeper extends Plugin {
  override initialize() {
    this.registerCommand("keeper", async ([word]) => {
      if (word) await this.storeData("kept", word);
      return "kept " + (await this.retrieveData("kept", "nothing"));
    });
  }
}
`,
};
const dir = tempDir();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface View {
  readonly state: string;
  readonly reason: string | null;
  readonly path: string;
}

describe("a plugin's folder", () => {
  test(
    "another folder with the name waits and says who had it; after plugin adopt it has the data and the grants",
    async () => {
      prepare(dir, { spacingS: 0, plugins: { keeper: KEEPER }, config: "plugins: { paths: PATHS, enabled_plugins: [keeper] }\n" });
      const first = await Gateway.start({ dir });
      await first.ask("keeper gold", /^kept gold$/);
      await first.end("SIGTERM");

      const [folder, moved] = [join(dir, "plugins/keeper"), join(dir, "plugins/renamed")];
      renameSync(folder, moved);
      const second = await Gateway.start({ dir });
      const cli = (...argv: string[]) =>
        runProgram([...argv, "--config", join(dir, "config.yaml"), "--port", String(second.port)], { cwd: dir });
      try {
        const { body } = await second.api<View>("GET", "/plugins/keeper");
        expect([body.state, body.path]).toEqual(["awaiting_approval", moved]);
        expect(body.reason).toMatch(
          /^the name keeper belongs to .*\/plugins\/keeper since .* would inherit its permissions, its data; .*plugin adopt keeper /,
        );
        const enabled = await cli("plugin", "enable", "keeper", "--yes");
        expect([enabled.code, enabled.stderr]).toEqual([1, expect.stringContaining("plugin adopt keeper")]);
        const wrong = await cli("plugin", "adopt", "keeper", "plugins");
        expect([wrong.code, wrong.stderr]).toEqual([
          1,
          expect.stringContaining("is not a folder in which a plugin called keeper was found"),
        ]);
        const adopted = await cli("plugin", "adopt", "keeper", "plugins/renamed");
        expect([adopted.stderr, adopted.code, adopted.stdout]).toEqual(["", 0, "keeper 1.0.0: running\n"]);
        await second.ask("keeper", /^kept gold$/);
      } finally {
        await second.end("SIGTERM");
      }
    },
    4 * PATIENCE_MS,
  );

  test(
    "what the old folder kept can be deleted instead, and the name is free",
    async () => {
      renameSync(join(dir, "plugins/renamed"), join(dir, "aside"));
      mkdirSync(join(dir, "plugins/other"));
      writePlugin(join(dir, "plugins"), "other", KEEPER);
      writeFileSync(
        join(dir, "plugins/other/manifest.yaml"),
        `name: keeper\nversion: "1.0.0"\ndescription: another\nauthor: another\n${KEEPER.manifest}`,
      );
      const gateway = await Gateway.start({ dir });
      try {
        expect(await gateway.state("keeper")).toBe("awaiting_approval");
        expect((await gateway.api("DELETE", "/plugins/keeper")).status).toBe(409);
        expect((await gateway.api("DELETE", "/plugins/keeper?purge=true")).status).toBe(204);
        expect((await gateway.api("POST", "/plugins/keeper/restart")).status).toBe(200);
        await gateway.ask("keeper", /^kept nothing$/);
      } finally {
        await gateway.end("SIGTERM");
      }
    },
    4 * PATIENCE_MS,
  );

  test(
    "an installed plugin keeps what it owns when the whole data folder is moved",
    async () => {
      const home = tempDir();
      const config = (data: string) => writeFileSync(join(home, "config.yaml"), `data_dir: ./${data}\n${REST}`);
      const REST = "mesh: { interfaces: [{ name: sim, type: simulated, nodes: 3 }], text_spacing_s: 0 }\nplugins: { paths: [] }\n";
      try {
        writePlugin(home, "keeper", KEEPER);
        config("data");
        const installed = await runProgram(["plugin", "install", "keeper", "--yes", "--config", join(home, "config.yaml"), "--port", "1"], {
          cwd: home,
        });
        expect([installed.stderr.includes("zephyrgate: "), installed.code]).toEqual([false, 0]);
        const first = await Gateway.start({ dir: home });
        await first.ask("keeper gold", /^kept gold$/);
        await first.end("SIGTERM");
        renameSync(join(home, "data"), join(home, "restored"));
        config("restored");
        renameSync(join(home, "keeper"), join(home, "aside"));
        const second = Gateway.spawn({ dir: home });
        await second.until("it is ready", async () => (await second.tryFetch("/health/ready"))?.status === 200);
        await second.until("the plugin runs", () => /plugins +.*keeper/.test(second.output));
        await second.end("SIGTERM");
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
    4 * PATIENCE_MS,
  );
});
