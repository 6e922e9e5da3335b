/** A change may take longer than an idle connection lives: a plugin's hooks, a bundler, a backup on a slow disk. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { Client } from "../../src/cli/client/client.ts";
import { showProgress } from "../../src/cli/verb/progress.ts";
import { serve } from "./serve.ts";

test("the connection of a slow change stays open, and the command line says that it goes on", async () => {
  const api = serve({ idleS: 1 });
  try {
    const plugins = api.control.plugins;
    const control = plugins as { restart: typeof plugins.restart };
    const restart = plugins.restart.bind(plugins);
    control.restart = async (name, actor) => {
      await Bun.sleep(12_000);
      return await restart(name, actor);
    };
    const said: string[] = [];
    const io = { stderr: { write: (text: string) => void said.push(text) }, isTTY: false };
    const client = new Client(api.url, api.token, { onWait: () => showProgress(io, "the gateway is still at it") });
    const changed = await client.call("POST", "/api/v1/plugins/hello_world/restart", v.unknown());
    expect(changed.ok ? "" : changed.error.summary()).toBe("");
    expect(said[0]).toMatch(/^the gateway is still at it \((?:9|1\d) s\)\n$/);
  } finally {
    await api.close();
  }
}, 60_000);
