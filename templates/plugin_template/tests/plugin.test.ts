import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
{{#httptest}}
const url = "https://example.org/status.txt";
{{/httptest}}

test("starts with its defaults", async () => {
  await using gateway = await startTestGateway({ plugin });
  expect(gateway.plugin.state).toBe("running");
  expect(gateway).toHaveLogged(/^Hello from {{name}}/);
});
{{#commands}}

test("greets whoever asks", async () => {
  await using gateway = await startTestGateway({ plugin, config: { greeting: "Welcome" } });
  expect(await gateway.node("Alice").asks("{{command}}")).toBe("Welcome Alice!");
  expect(await gateway.node("Alice").asks("{{command}} Bob")).toBe("Welcome Bob!");
});
{{#storage}}

test("counts greetings, and keeps the count over a restart", async () => {
  await using gateway = await startTestGateway({ plugin });
  await gateway.node("Alice").says("{{command}}");
  await gateway.plugin.restart();
  expect(await gateway.node("Bob").asks("{{command}}_count")).toBe("1 greetings so far");
  expect(await gateway.stored("greetings")).toBe(1);
});
{{/storage}}
{{#http}}

test("tells the newest line, or that there is none", async () => {
  await using gateway = await startTestGateway({ plugin });
  gateway.http.respond(url, { text: "All is well\nsecond line" });
  expect(await gateway.node("Alice").asks("{{command}}_now")).toBe("All is well");
  gateway.http.respond(url, { status: 404 });
  expect(await gateway.node("Alice").asks("{{command}}_now")).toStartWith("not available");
});
{{/http}}

test("is silent, and the gateway says why, without send_messages", async () => {
  await using gateway = await startTestGateway({ plugin });
  await gateway.revoke("send_messages");
  expect(await gateway.node("Alice").says("{{command}}")).toEqual([]);
  expect(gateway).toHaveBeenDenied("send_messages");
});
{{/commands}}
{{#tasks}}

test("reports once an hour", async () => {
  await using gateway = await startTestGateway({ plugin });
{{#http}}
  gateway.http.respond(url, { text: "All is well" });
{{/http}}
  await gateway.advance({ minutes: 61 });
  expect(gateway).toHaveSent(/^Hello from/, { to: "broadcast", channel: 0 });
});
{{/tasks}}
{{#menu}}

test("greets from the menu", async () => {
  await using gateway = await startTestGateway({ plugin });
{{#http}}
  gateway.http.respond(url, { text: "All is well" });
{{/http}}
  const alice = gateway.node("Alice");
  await alice.says("menu");
  await alice.says("utilities");
  expect(await alice.asks("{{command}}")).toStartWith("Hello Alice!");
});
{{/menu}}
{{#alone}}
{{#storage}}

test("counts its starts", async () => {
  await using gateway = await startTestGateway({ plugin });
  await gateway.plugin.restart();
  expect(await gateway.stored("greetings")).toBe(2);
});
{{/storage}}
{{/alone}}
