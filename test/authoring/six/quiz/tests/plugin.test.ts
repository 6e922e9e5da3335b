import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;

test("two play at once, each with questions of their own; the best is kept over a restart", async () => {
  await using gateway = await startTestGateway({ plugin });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("scores")).toBe("Nobody has played yet.");
  expect(await alice.asks("quiz")).toStartWith("1/3: ");
  expect(await bob.asks("quiz")).toStartWith("1/3: ");
  expect(await alice.asks("Three.")).toStartWith("2/3: ");
  await gateway.killHost();
  expect(await alice.asks("868")).toStartWith("3/3: ");
  expect(await bob.asks("4")).toStartWith("2/3: ");
  expect(await alice.asks("direct")).toBe("3 of 3. Well done!");
  expect(await bob.asks("exit")).toBe("Stopped after 1, 0 right.");
  await gateway.restart({ hours: 1 });
  expect(await bob.asks("top")).toBe("Alice: 3 (1)");
});

test("who does not answer is told, and nothing is counted", async () => {
  await using gateway = await startTestGateway({ plugin });
  const alice = gateway.node("Alice");
  await alice.says("quiz");
  await gateway.advance({ minutes: 3 });
  expect(alice.heard.at(-1)).toBe("Stopped after 0, 0 right.");
  expect(await gateway.plugin.rows("SELECT * FROM scores")).toEqual([]);
});
