/** Requests to other nodes, reactions and hop limits, from a plugin's realm to the simulated air. */
import { afterAll, expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { removePlugins, writePlugin } from "./plugins.ts";

afterAll(removePlugins);

const asking = writePlugin(
  "asking",
  `capabilities:
  commands: [{ name: where }, { name: weather }, { name: way }, { name: like }, { name: near }, { name: loose }, { name: known }]
permissions: [send_messages, system_state_read, { mesh_requests: { rate: 5/h } }]
`,
  `
  override initialize() {
    const said = (work: (node: string) => Promise<unknown>) => async ([node = ""]: string[]) => {
      try { return JSON.stringify(await work(node)); } catch (error) { return String((error as { code?: string }).code ?? error); }
    };
    this.registerCommand("where", said((node) => this.requestPosition(node)));
    this.registerCommand("weather", said((node) => this.requestTelemetry(node, "environment")));
    this.registerCommand("way", said((node) => this.traceroute(node)));
    this.registerCommand("known", said(async (node) => (await this.getNodeInfo(node))?.telemetry?.environment_metrics));
    this.registerCommand("like", async (_args, context) => {
      await this.sendMessage("👍", { destination: context.senderId, replyTo: context.message.packetId, react: true });
      return "";
    });
    this.registerCommand("near", async (_args, context) => {
      await this.sendMessage("near only", { destination: context.senderId, hopLimit: 1 });
      return "";
    });
    this.registerCommand("loose", said(() => this.sendMessage("x", { react: true })));
  }
`,
);

test("a plugin asks for position, measurements and the way; limits are errors with a code", async () => {
  await using gateway = await startTestGateway({ plugin: asking, nodes: ["Alice", { name: "Bob", hops: 1 }] });
  const alice = gateway.node("Alice");
  expect(JSON.parse(await alice.asks("where Bob"))).toMatchObject({ precisionBits: 32, source: "internal" });
  expect(await alice.asks("where Bob")).toBe("rate_limited");
  await gateway.advance({ seconds: 31 });
  expect(JSON.parse(await alice.asks("weather Bob"))).toMatchObject({ type: "environment_metrics" });
  expect(JSON.parse(await alice.asks("way Bob"))).toMatchObject({ towards: [{ node: alice.id }], back: [{ node: alice.id }] });
  expect(JSON.parse(await alice.asks("known Bob"))).toMatchObject({ temperature: 18 });
  expect(await alice.asks("where Nobody")).toBe("not_found");
  await gateway.advance({ seconds: 31 });
  expect(await alice.asks("where Bob")).toContain("PermissionDenied");
});

test("a reaction and a hop limit reach the air; a reaction to nothing is refused", async () => {
  await using gateway = await startTestGateway({ plugin: asking, nodes: ["Alice", { name: "Far", hops: 2 }] });
  const heard: HeardText[] = [];
  gateway.mesh.onHeard((text) => void heard.push(text));
  await gateway.node("Alice").says("like");
  await gateway.advance({ seconds: 5 });
  expect(heard).toMatchObject([{ text: "👍", isReaction: true, replyId: expect.any(Number) }]);
  await gateway.node("Far").says("near");
  await gateway.advance({ minutes: 2 });
  expect(heard).toHaveLength(1);
  expect(await gateway.node("Alice").asks("loose")).toBe("invalid_argument");
});
