/** A change may take longer than an idle connection lives: a plugin's hooks, a bundler, a backup on a slow disk. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { Client } from "../../src/cli/client/client.ts";
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
    const waits: number[] = [];
    const client = new Client(api.url, api.token, { onWait: (seconds) => waits.push(seconds) });
    const changed = await client.call("POST", "/api/v1/plugins/hello_world/restart", v.unknown());
    expect(changed.ok ? "" : changed.error.summary()).toBe("");
    expect(waits.length).toBeGreaterThanOrEqual(1);
    expect(waits[0]).toBeGreaterThanOrEqual(9);
  } finally {
    await api.close();
  }
}, 60_000);
