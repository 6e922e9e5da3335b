import { expect, test } from "bun:test";
import { Gateway, type PluginFiles } from "./harness.ts";

const plain = (command: string, needs = ""): PluginFiles => ({
  manifest: `${needs}capabilities: { commands: [{ name: ${command} }], provides: [${command}_service] }\npermissions: [send_messages]\n`,
  code: `import { Plugin } from "zephyrgate";
export default class Plain extends Plugin {
  override initialize() { this.registerCommand("${command}", () => "${command} here"); }
}`,
});

const on = (name: string, optional = false) =>
  `dependencies: { plugins: [{ name: ${name}, version: ">=1.0.0", optional: ${optional} }] }\n`;

test("dependents start after what they need, stop with it and return with it; optional ones stay", async () => {
  const gateway = await Gateway.start({
    plugins: {
      base: plain("base"),
      middle: plain("middle", on("base")),
      top: plain("top", on("middle")),
      loose: plain("loose", on("base", true)),
      lost: plain("lost", on("nowhere")),
    },
  });
  try {
    for (const name of ["base", "middle", "top", "loose"]) expect(await gateway.state(name)).toBe("running");
    const lost = await gateway.api<{ state: string; reason: string }>("GET", "/plugins/lost");
    expect(lost.body.state).toBe("failed");
    expect(lost.body.reason).toContain("nowhere");
    expect((await gateway.api("POST", "/plugins/base/disable")).status).toBe(200);
    expect([await gateway.state("middle"), await gateway.state("top"), await gateway.state("loose")]).toEqual([
      "stopped",
      "stopped",
      "running",
    ]);
    const middle = await gateway.api<{ reason: string }>("GET", "/plugins/middle");
    expect(middle.body.reason).toContain("it needs base");
    expect((await gateway.api("POST", "/plugins/base/enable")).status).toBe(200);
    await gateway.until("all returned", async () => (await gateway.state("top")) === "running");
    expect((await gateway.ask("top", /^top/)).text).toBe("top here");
  } finally {
    await gateway.stop();
  }
}, 120_000);
