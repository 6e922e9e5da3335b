/** What an author's test says about the world: nodes without a position, further channels, sensors, and an internet that answers from the start. */
import { afterAll, expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
import { removePlugins, writePlugin } from "./plugins.ts";

afterAll(removePlugins);

const looking = writePlugin(
  "looking",
  `capabilities:
  commands: [{ name: where }, { name: warm }]
  scheduled_tasks: [{ name: fetch, interval: 3600 }]
permissions: [send_messages, receive_messages, schedule_tasks, system_state_read, database_access, { http_requests: { hosts: [api.example.org] } }]
`,
  `
  override initialize() {
    this.registerCommand("where", (_args, { senderProfile, channel }) => \`\${senderProfile?.position?.latitude ?? "nowhere"} on \${channel}\`);
    this.registerCommand("warm", async ([node = ""]) => JSON.stringify((await this.getNodeInfo(node))?.telemetry?.environment_metrics ?? null));
    this.registerScheduledTask("fetch", { interval: 3600, runAtStart: true }, async () => {
      const answer = await this.httpGet("https://api.example.org/now");
      this.log.info("fetched", { answer, at: new Date(0), nested: { list: [1, { two: 2 }] }, none: undefined, much: "x".repeat(3000) });
    });
  }
`,
);

test("a node without a position, until it moves; a third channel", async () => {
  await using gateway = await startTestGateway({
    plugin: looking,
    nodes: [{ name: "Alice", hasPosition: false }, "Bob"],
    channels: ["", "Local", "Hills"],
    http: (internet) => internet.respond("https://api.example.org/now", { json: 1 }),
  });
  const alice = gateway.node("Alice");
  expect(await alice.asks("where")).toBe("nowhere on 0");
  expect(await gateway.node("Bob").asks("where")).toMatch(/^47\.\d+ on 0$/);
  expect(await alice.asks("!where", { channel: 2 })).toBe("nowhere on 2");
  await alice.moves({ latitude: 54.5 });
  expect(await alice.asks("where")).toBe("54.5 on 0");
});

test("sensors, and an internet that answers before the first task runs; nested fields stay JSON in the log", async () => {
  await using gateway = await startTestGateway({
    plugin: looking,
    http: (internet) => internet.respond("https://api.example.org/now", { json: { celsius: 21 } }),
  });
  expect(gateway.http.requests).toHaveLength(1);
  const line = gateway.logs.find(({ message }) => message === "fetched");
  expect(line?.context).toMatchObject({
    answer: { ok: true, status: 200, data: { celsius: 21 } },
    at: "1970-01-01T00:00:00.000Z",
    nested: { list: [1, { two: 2 }] },
  });
  await gateway.node("Bob").measures({ temperature: -4.5, relativeHumidity: 91 });
  expect(JSON.parse(await gateway.node("Alice").asks("warm Bob"))).toMatchObject({ temperature: -4.5, relativeHumidity: 91 });
});
