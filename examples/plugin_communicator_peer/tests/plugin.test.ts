import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

test("answers nobody on the mesh, and runs with events alone", async () => {
  await using gateway = await startTestGateway({ plugin: `${import.meta.dir}/..` });
  expect(gateway.plugin.state).toBe("running");
  expect(gateway.plugin.registered.map(({ kind }) => kind).sort()).toEqual(["event", "plugin_message"]);
  expect(await gateway.node("Alice").says("convert 5 mi")).toEqual([expect.stringMatching(/^Unknown command/)]);
});
