import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { QUERIES } from "../store.ts";

const plugin = `${import.meta.dir}/..`;

async function start(options: Partial<TestOptions> = {}) {
  const gateway = await startTestGateway({ plugin, nodes: ["Alice", "Bob", "Ridge"], ...options });
  gateway.node("Ridge").leaves();
  await gateway.advance({ minutes: 10 });
  return gateway;
}

/** Ridge is there again, and is heard. */
async function returns(gateway: TestGateway) {
  gateway.node("Ridge").comesBack();
  await gateway.node("Ridge").reports({ batteryLevel: 80 });
  await gateway.advance({ minutes: 1 });
}

test("what is kept survives a restart, and arrives with age and origin, in order", async () => {
  await using gateway = await start();
  const ridge = gateway.node("Ridge");
  await gateway.node("Alice").asks("tell ridge call me");
  await gateway.node("Bob").asks(`tell ${ridge.id} dinner is ready`);
  await gateway.restart({ hours: 3 });
  await returns(gateway);
  expect(ridge.heard).toEqual(["Alice, 3h ago: call me", "Bob, 3h ago: dinner is ready"]);
  expect(await gateway.node("Alice").asks("told")).toBe("Your messages\n1 Ridge: call me (delivered)");
  await returns(gateway);
  expect(ridge.heard).toHaveLength(2);
});

test("who is there gets it at once", async () => {
  await using gateway = await startTestGateway({ plugin });
  await gateway.node("Bob").reports({ batteryLevel: 50 });
  const heard = await gateway.node("Alice").says("tell Bob hello");
  expect(heard).toContain("Sent to Bob as 1, heard 0m ago. If it fails, it is kept.");
  await gateway.advance({ minutes: 1 });
  expect(gateway.node("Bob").heard).toEqual(["Alice: hello"]);
  expect(gateway.node("Alice").heard).toContain("Bob has your message 1 (hello).");
});

test("what nobody confirms waits again, and is given up in the end", async () => {
  await using gateway = await start({ config: { attempts: 2 } });
  await gateway.node("Alice").asks("tell Ridge call me");
  for (const expected of ["waits", "not confirmed"]) {
    gateway.failNext("timeout");
    await returns(gateway);
    await gateway.advance({ minutes: 15 });
    expect(await gateway.node("Alice").asks("told")).toBe(`Your messages\n1 Ridge: call me (${expected})`);
  }
  expect(gateway.node("Alice").heard).toContain("Ridge did not confirm your message 1 (call me). I gave up.");
});

test("a quota for each sender and receiver; one can be taken back", async () => {
  await using gateway = await start({ config: { max_per_sender: 2, max_per_receiver: 3 } });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  await alice.asks("tell Ridge one");
  await alice.asks("tell Ridge two");
  expect(await alice.asks("tell Ridge three")).toBe("2 messages of yours wait already. told shows them.");
  expect(await bob.asks("told cancel 1")).toBe("No message 1 of yours waits.");
  await bob.asks("tell Ridge four");
  expect(await bob.asks("tell Ridge five")).toBe("Ridge has too many messages waiting.");
  expect(await alice.asks("told cancel 1")).toBe("Message 1 is taken back.");
  expect(await alice.asks("told")).toBe("Your messages\n2 Ridge: two (waits)");
});

test("what is mistyped is answered with what to send", async () => {
  await using gateway = await start({ nodes: ["Alice", "Ridge", "Old Mill"] });
  const alice = gateway.node("Alice");
  expect(await alice.asks("tell Nobody hello")).toMatch(/^No single node is called "Nobody"/);
  expect(await alice.asks("tell Alice hello")).toBe("You are here: no need to tell yourself.");
  expect(await alice.asks("told cancel")).toBe("Which one? told shows their numbers; told cancel 3 takes one back.");
  expect(await alice.asks("told cancel x")).toBe("No message x of yours waits.");
  expect(await alice.asks("told")).toMatch(/^You have left no message/);
  expect(await alice.asks(`tell Ridge ${"ü".repeat(80)}`)).toMatch(/^That is 160 bytes; 150 can be kept/);
  expect(await alice.asks("tell Old Mill the gate is open")).toMatch(/Old Mill/);
  expect(await alice.asks("tell")).toMatch(/^For whom\?/);
  expect(await alice.asks("Ridge")).toBe("Which message for Ridge?");
  expect(await alice.asks("exit")).toBe("Stopped; nothing was kept.");
});

test("a confirmation that comes late is one: nothing is sent again, and the sender learns the truth", async () => {
  await using gateway = await start();
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  await alice.asks("tell Ridge call me");
  gateway.failNext("lost_ack", 9);
  await returns(gateway);
  await gateway.advance({ minutes: 5 });
  expect(await alice.asks("told")).toBe("Your messages\n1 Ridge: call me (waits)");
  const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: 0 } }));
  const requestId = ridge.packets.at(-1)?.packetId ?? 0;
  gateway.mesh.hear({ from: ridge.number, to: 1, channel: 0, id: 4711 }, { portnum: Portnums.PortNum.ROUTING_APP, payload, requestId });
  await gateway.advance({ minutes: 15 });
  expect(await alice.asks("told")).toBe("Your messages\n1 Ridge: call me (delivered)");
  expect(alice.heard).toContain("Ridge has your message 1 (call me).");
  await returns(gateway);
  expect(new Set(ridge.packets.map(({ packetId }) => packetId)).size).toBe(1);
});

test("what others wait before is said to be kept, not sent", async () => {
  await using gateway = await startTestGateway({ plugin, nodes: ["Alice", "Bob", "Ridge"] });
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  ridge.leaves();
  await gateway.advance({ minutes: 10 });
  for (let n = 1; n <= 7; n++) await alice.says(`tell Ridge ${n}`);
  ridge.comesBack();
  await ridge.reports({ batteryLevel: 80 });
  expect(await gateway.node("Bob").asks("tell Ridge five")).toStartWith("Kept as 8: Ridge gets it when heard");
  await ridge.reports({ batteryLevel: 79 });
  await gateway.advance({ minutes: 1 });
  expect(ridge.heard.at(-1)).toMatch(/^Bob.*: five$/);
});

test("nothing is told twice when the plugin host dies", async () => {
  await using gateway = await start();
  await gateway.node("Alice").asks("tell Ridge call me");
  await gateway.killHost();
  await returns(gateway);
  await gateway.killHost();
  await returns(gateway);
  expect(gateway.node("Ridge").heard).toHaveLength(1);
});

test("every question finds its rows by an index", async () => {
  await using gateway = await start();
  for (const [name, sql] of Object.entries(QUERIES)) {
    const plan = (await gateway.plugin.rows(`EXPLAIN QUERY PLAN ${sql.replaceAll("?", "1")}`)) as { detail: string }[];
    const scans = plan.filter(({ detail }) => /SCAN kept|TEMP B-TREE/.test(detail));
    expect({ name, scans }).toEqual({ name, scans: [] });
  }
});

test("speaks German", async () => {
  await using gateway = await start({ settings: { language: "de" } });
  expect(await gateway.node("Alice").asks("tell Ridge ruf an")).toBe("Als 1 aufbewahrt: Ridge bekommt sie, sobald gehört, binnen 72 h.");
});
