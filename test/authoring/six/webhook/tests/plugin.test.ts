import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const HOOK = "https://hooks.example.org/mesh";

test("what is heard on the channel is posted with the secret, and direct messages are nobody's business", async () => {
  await using gateway = await startTestGateway({ plugin, secrets: { token: "s3cret" } });
  gateway.http.respond(HOOK, { status: 204 });
  await gateway.node("Alice").says("anybody there?", { channel: 0 });
  await gateway.node("Alice").says("a secret");
  await gateway.node("Alice").says("elsewhere", { channel: 1 });
  expect(gateway.http.requests).toHaveLength(1);
  expect(gateway.http.requests[0]).toMatchObject({
    method: "POST",
    headers: { authorization: "Bearer s3cret" },
    json: { from: "!00000002", name: "Alice", text: "anybody there?", at: expect.stringMatching(/^2026-01-05T12:/) },
  });
  expect(gateway.sent.filter((message) => message.plugin === "webhook")).toEqual([]);
});

test("what cannot be posted waits, in order, over a restart", async () => {
  await using gateway = await startTestGateway({ plugin });
  gateway.http.respond(HOOK, { error: "refused" });
  await gateway.node("Alice").says("one", { channel: 0 });
  await gateway.node("Bob").says("two", { channel: 0 });
  await gateway.restart({ minutes: 10 });
  gateway.http.respond(HOOK, { status: 200 });
  const before = gateway.http.requests.length;
  await gateway.advance({ minutes: 2 });
  expect(gateway.http.requests.slice(before).map((request) => request.json)).toMatchObject([{ text: "one" }, { text: "two" }]);
  expect(await gateway.plugin.rows("SELECT * FROM waiting")).toEqual([]);
});
