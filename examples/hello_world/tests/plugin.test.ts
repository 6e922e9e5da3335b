import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;

test("says hello to whoever says it first", async () => {
  await using gateway = await startTestGateway({ plugin });
  expect(await gateway.node("Alice").says("hello")).toEqual(["Hello Alice!"]);
});

test("says hello to whom one names", async () => {
  await using gateway = await startTestGateway({ plugin });
  expect(await gateway.node("Alice").says("hello Bob and Carol")).toEqual(["Hello Bob and Carol!"]);
});

test("on a channel it is called with the prefix, and everybody hears it", async () => {
  await using gateway = await startTestGateway({ plugin });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.says("hello", { channel: 0 })).toEqual([]);
  expect(await alice.says("!hello", { channel: 0 })).toEqual(["Hello Alice!"]);
  expect(bob.heard).toEqual(["Hello Alice!"]);
});

test("without send_messages it stays silent", async () => {
  await using gateway = await startTestGateway({ plugin, deny: ["send_messages"] });
  expect(await gateway.node("Alice").says("hello")).toEqual([]);
  expect(gateway).toHaveBeenDenied("send_messages");
});
