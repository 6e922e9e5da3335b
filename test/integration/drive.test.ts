/** Enable, configure, break, recover, reload, disable: one plugin of the compiled gateway, by API alone. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "../gateway/build.ts";
import { Gateway, tempDir, writePlugin } from "../gateway/harness.ts";

const dir = tempDir();
let gateway: Gateway;

const MANIFEST = `capabilities: { commands: [{ name: drive }] }
permissions: [send_messages]
config: { schema_file: config_schema.json, defaults: { limit: 10 } }
`;
const SCHEMA = JSON.stringify({ type: "object", properties: { limit: { type: "integer", minimum: 1, maximum: 100 } } });
const code = (version: string, extra = "") => `import { Plugin } from "zephyrgate";
export default class Driven extends Plugin {
  override initialize() { ${extra} this.registerCommand("drive", this.drive); }
  drive(args: string[]) {
    if (args[0] === "break") throw new Error("broken on purpose");
    return "${version} limit " + this.getConfig("limit");
  }
}
`;

interface Shown {
  readonly state: string;
  readonly reason: string | null;
  readonly disabled_by: string | null;
  readonly permission_hash: string;
  readonly pending: { readonly added: readonly unknown[] } | null;
  readonly metrics: { readonly failures: number; readonly restarts: number; readonly memory_bytes: number };
}
interface Problem {
  readonly detail: string;
}

beforeAll(async () => {
  const binary = join(dir, "zephyrgate");
  await build("build", binary);
  gateway = await Gateway.start({
    command: [binary],
    spacingS: 0.1,
    plugins: { driven: { manifest: MANIFEST, code: code("v1"), files: { "config_schema.json": SCHEMA } } },
    config: `plugins: { paths: PATHS, health: { max_failures: 2, max_restarts: 1, backoff_s: 0.2 } }\ncommands: { sender_rate: 1000/s }\n`,
  });
}, 120_000);

afterAll(async () => {
  await gateway?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const shown = async () => (await gateway.api<Shown>("GET", "/plugins/driven")).body;
const isIn = (state: string) => gateway.until(`the plugin is ${state}`, async () => (await shown()).state === state, 30_000);

async function fail(): Promise<void> {
  const { failures } = (await shown()).metrics;
  await gateway.say("drive break");
  await gateway.until("the failure is counted", async () => (await shown()).metrics.failures > failures);
}

test("a plugin is enabled, configured, broken, recovered, reloaded and disabled without a restart of the gateway", async () => {
  const { pid } = gateway.process;

  // Enable: what it asks for is shown, and accepted by its hash.
  const asked = await shown();
  expect(asked.state).toBe("awaiting_approval");
  expect(asked.pending?.added).toEqual(["send_messages"]);
  expect((await gateway.api("POST", "/plugins/driven/enable", { accept: "0".repeat(asked.permission_hash.length) })).status).toBe(409);
  expect((await gateway.api("POST", "/plugins/driven/enable", { accept: asked.permission_hash })).status).toBe(200);
  expect((await shown()).state).toBe("running");
  expect((await gateway.ask("drive", /limit/)).text).toBe("v1 limit 10");

  // Configure: what does not fit is refused with the reason, what fits is in force at once.
  const refused = await gateway.api<Problem>("PUT", "/plugins/driven/config", { limit: 1000 });
  expect(refused.status).toBe(400);
  expect(refused.body.detail).toContain("limit");
  expect((await gateway.ask("drive", /limit/)).text).toBe("v1 limit 10");
  expect((await gateway.api("PUT", "/plugins/driven/config", { limit: 20 })).status).toBe(200);
  expect((await gateway.ask("drive", /limit/)).text).toBe("v1 limit 20");

  // Break: failures lead to a restart after a pause, and past the threshold to the end.
  await fail();
  await fail();
  await isIn("running");
  expect((await shown()).metrics.restarts).toBe(1);
  await fail();
  await fail();
  await isIn("disabled");
  expect(await shown()).toMatchObject({ disabled_by: "threshold", reason: expect.stringContaining("broken on purpose") });
  const { body } = await gateway.api<{ alerts: { code: string; plugin?: string }[] }>("GET", "/status");
  expect(body.alerts).toContainEqual(expect.objectContaining({ code: "plugin_disabled", plugin: "driven" }));
  const errors = await gateway.api<{ items: { error_message?: string; stack_trace?: string }[] }>(
    "GET",
    "/plugins/driven/logs?level=error&limit=200",
  );
  expect(errors.body.items).toContainEqual(
    expect.objectContaining({ error_message: "broken on purpose", stack_trace: expect.stringMatching(/plugin\.ts:5/) }),
  );

  // Recover: by hand, with what it was given before.
  expect((await gateway.api("POST", "/plugins/driven/enable")).status).toBe(200);
  expect((await gateway.ask("drive", /limit/)).text).toBe("v1 limit 20");

  // Reload: a version that does not start leaves the old one running, a good one takes its place.
  const folder = join(gateway.dir, "plugins");
  const files = { "config_schema.json": SCHEMA };
  writePlugin(folder, "driven", { manifest: MANIFEST, code: code("v2", `throw new Error("not ready");`), files });
  const kept = await gateway.api<Problem>("POST", "/plugins/driven/reload");
  expect(kept.status).toBe(409);
  expect(kept.body.detail).toContain("not ready");
  expect((await gateway.ask("drive", /limit/)).text).toBe("v1 limit 20");
  writePlugin(folder, "driven", { manifest: MANIFEST, code: code("v3"), files });
  expect((await gateway.api("POST", "/plugins/driven/reload")).status).toBe(200);
  expect((await gateway.ask("drive", /limit/)).text).toBe("v3 limit 20");

  // Disable: nothing of it answers any more, and everybody else goes on.
  expect((await gateway.api("POST", "/plugins/driven/disable")).status).toBe(200);
  expect((await shown()).state).toBe("disabled");
  const before = (await gateway.messages()).length;
  await gateway.say("drive", { from: "!00000003" });
  await gateway.until("the hint", async () => (await gateway.messages()).length > before);
  expect((await gateway.messages()).slice(0, 1).map(({ text }) => text)).not.toContain("v3 limit 20");
  expect(gateway.process.pid).toBe(pid);
  expect(gateway.process.exitCode).toBeNull();
}, 120_000);
