import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { received, status } from "./fake-control.ts";
import { serve } from "./serve.ts";

let api: ReturnType<typeof serve>;
beforeEach(() => {
  api = serve();
});
afterEach(() => api.close());

/** Reads a stream until it has seen `wanted`. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(wanted)) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) break;
    text += chunk.value;
  }
  await reader?.cancel();
  return text;
}

async function settled(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await Bun.sleep(20);
  expect(condition()).toBe(true);
}

const listeners = () => api.events.size;

describe("the event stream", () => {
  test("sends what happens, in the API's own terms, and lets go when the client leaves", async () => {
    const before = listeners();
    const response = await api.call("/api/v1/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    api.events.emit("message_received", received("a\u2028b\u001b[2J\r\n\r\nevent: forged"));
    api.events.emit("message_status", status());
    const text = await readUntil(response, "event: message_status\ndata: {");
    expect(text).toContain('"from":"!00000002"');
    expect(text).toContain("a\\u2028b\\u001b[2J\\r\\n\\r\\nevent: forged");
    expect(text.match(/^event: .*/gm)).toEqual(["event: message_received", "event: message_status"]);
    expect(listeners()).toBe(before);
    await settled(() => metric("zephyrgate_api_event_clients ") === 0);
  });

  test("types choose; log lines only when asked for, filtered, and freed afterwards", async () => {
    const response = await api.call("/api/v1/events?types=log,alert&level=warn&plugin=p");
    api.log.forPlugin("p").info("hidden");
    api.log.forPlugin("q").error("hidden");
    api.events.emit("message_status", status());
    api.log.forPlugin("p").error("shown");
    api.events.emit("alert", { code: "threshold", message: "disabled" });
    const text = await readUntil(response, "event: alert\ndata: {");
    expect(text).not.toContain("hidden");
    expect(text).not.toContain("message_status");
    expect(text).toContain('"message":"shown"');
    await settled(() => api.log.counters().followers === 0);
    expect((await api.call("/api/v1/events?types=log,nonsense")).status).toBe(400);
  });

  test("who comes back gets what was missed; who asks gets the last so many", async () => {
    api.events.emit("alert", { code: "a", message: "one" });
    api.events.emit("alert", { code: "a", message: "two" });
    const first = await readUntil(await api.call("/api/v1/events?replay=2"), '"two"');
    const id = /id: (\S+)\nevent: alert\ndata: \{"code":"a","message":"one"/.exec(first)?.[1] ?? "";
    const again = await readUntil(await api.call("/api/v1/events", { headers: { "last-event-id": id } }), '"two"');
    expect(again).not.toContain('"one"');
    const rubbish = await api.call("/api/v1/events?replay=1", { headers: { "last-event-id": "x-99999999999999999999" } });
    expect(await readUntil(rubbish, '"two"')).toContain('"two"');
  });

  test("those who may only look leave some streams to the operator", async () => {
    const made = await (await api.call("/api/v1/tokens", { method: "POST", json: { name: "reader", role: "read" } })).json();
    const { token } = made as { token: string };
    const read = () => api.call("/api/v1/events", { headers: { authorization: `Bearer ${token}` } });
    const open = await Promise.all(Array.from({ length: 12 }, read));
    const refused = await read();
    expect([refused.status, (await refused.json()) as object]).toMatchObject([429, { detail: expect.stringContaining("role read") }]);
    const own = await api.call("/api/v1/events");
    expect(own.status).toBe(200);
    for (const response of [...open, own]) await response.body?.cancel();
    await settled(() => metric("zephyrgate_api_event_clients ") === 0);
  });

  test("at most 16 clients", async () => {
    const open = await Promise.all(Array.from({ length: 16 }, () => api.call("/api/v1/events")));
    expect((await api.call("/api/v1/events")).status).toBe(429);
    for (const response of open) await response.body?.cancel();
    await settled(() => metric("zephyrgate_api_event_clients ") === 0);
    expect((await api.call("/api/v1/events")).status).toBe(200);
  });

  test("a client that does not read is cut off, counted, and costs the others nothing", async () => {
    const slow = await new Promise<Socket>((resolve) => {
      const socket = connect(api.port, "127.0.0.1", () => {
        socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${api.token}\r\n\r\n`);
        socket.pause();
        resolve(socket);
      });
    });
    await settled(() => metric("zephyrgate_api_event_clients ") === 1);
    const data = "x".repeat(50_000);
    for (let i = 0; i < 4000 && metric("zephyrgate_api_event_clients_dropped_total ") !== 1; i++) {
      api.events.emit("plugin_event", { plugin: "p", type: "t", data });
      await Bun.sleep(1);
    }
    expect(metric("zephyrgate_api_event_clients_dropped_total ")).toBe(1);
    slow.destroy();
    expect(api.faults).toEqual([]);
  });

  test("stopping the server ends the streams", async () => {
    const response = await api.call("/api/v1/events");
    await Promise.all([api.stop(), api.stop()]);
    await readUntil(response, "never").catch(() => "the connection was cut");
    expect(listeners()).toBe(0);
  });
});

let cached = new Map<string, number>();
/** The last known value of one of the API's own metrics; asked for anew in the background. */
function metric(name: string): number {
  void api
    .call("/metrics")
    .then((response) => response.text())
    .then((text) => {
      cached = new Map(
        [...text.matchAll(/^(zephyrgate_api_event_clients\S* )(\d+)$/gm)].map((match) => [match[1] ?? "", Number(match[2])]),
      );
    })
    .catch(() => cached.clear());
  return cached.get(name) ?? -1;
}
