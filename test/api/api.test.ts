import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as v from "valibot";
import { alertRoutes } from "../../src/api/routes/alerts.ts";
import { meshRoutes } from "../../src/api/routes/mesh.ts";
import { pluginRoutes } from "../../src/api/routes/plugins.ts";
import { systemRoutes } from "../../src/api/routes/system.ts";
import { HASH } from "./fake-control.ts";
import { serve, type Tree, tree } from "./serve.ts";

let api: ReturnType<typeof serve>;
beforeAll(() => {
  api = serve();
});
afterAll(() => api.close());

async function problem(response: Response, status: number, code: string) {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = await tree(response);
  expect(body).toMatchObject({ status, code, type: `urn:zephyrgate:error:${code}` });
  expect(typeof body.title).toBe("string");
  return body;
}

describe("answers", () => {
  test("every GET of the table answers as its schema says", async () => {
    await api.call("/api/v1/messages", { method: "POST", json: { text: "hi", destination: "broadcast", channel: 0 } });
    const values: Record<string, string> = { name: "hello_world", id: `m_${"1".padStart(26, "0")}` };
    for (const route of [...systemRoutes, ...alertRoutes, ...pluginRoutes, ...meshRoutes].filter((row) => row.method === "GET")) {
      const query = route.path.endsWith("/why") ? "?permission=http_requests&subject=example.org" : "";
      const response = await api.call(route.path.replace(/:(\w+)/g, (_, key: string) => values[key] ?? key) + query);
      expect([route.path, response.status]).toEqual([route.path, 200]);
      const schema = route.answers[200];
      if (schema === undefined || typeof schema === "string") continue;
      const result = v.safeParse(schema, await response.json());
      expect([route.path, result.issues ?? []]).toEqual([route.path, []]);
    }
  });

  test("plugins: enable waits without the hash, takes it with it, conflicts with another", async () => {
    const wait = await api.call("/api/v1/plugins/waiting/enable", { method: "POST" });
    expect([wait.status, (await tree(wait)).state]).toEqual([202, "awaiting_approval"]);
    await problem(await api.call("/api/v1/plugins/waiting/enable", { method: "POST", json: { accept: "other" } }), 409, "conflict");
    const done = await api.call("/api/v1/plugins/waiting/enable", { method: "POST", json: { accept: HASH } });
    expect([done.status, (await tree(done)).state]).toEqual([200, "running"]);
    expect(api.calls.find((call) => call.what === "enable")?.args[2]).toEqual({ via: "api", address: "127.0.0.1", token: "api-token" });
    for (const verb of ["disable", "restart"])
      expect((await api.call(`/api/v1/plugins/waiting/${verb}`, { method: "POST" })).status).toBe(200);
    const failed = await problem(await api.call("/api/v1/plugins/hello_world/reload", { method: "POST" }), 409, "load_failed");
    expect(failed).toMatchObject({ where: "plugin.ts:3:7", data: { running_version: "1.0.0" } });
  });

  test("configuration, secrets and permissions", async () => {
    const config = await api.call("/api/v1/plugins/hello_world/config", { method: "PUT", json: { interval: 5 } });
    expect(await tree(config)).toEqual({ config: { interval: 5 }, changed: ["interval"] });
    const bad = await problem(
      await api.call("/api/v1/plugins/hello_world/config", { method: "PUT", json: { bad: 1 } }),
      400,
      "config_invalid",
    );
    expect(bad.data.errors).toHaveLength(1);
    let deep: unknown = 1;
    for (let i = 0; i < 1000; i++) deep = { deep };
    expect((await api.call("/api/v1/plugins/hello_world/config", { method: "PUT", json: deep })).status).toBe(400);
    const stored = await api.call("/api/v1/plugins/hello_world/secrets/api_key", { method: "PUT", json: { value: "s3cr3t" } });
    expect([stored.status, await stored.text()]).toEqual([204, ""]);
    expect(await (await api.call("/api/v1/plugins/hello_world/secrets")).text()).not.toContain("s3cr3t");
    expect((await api.call("/api/v1/plugins/hello_world/secrets/api_key", { method: "DELETE" })).status).toBe(204);
    await problem(await api.call("/api/v1/plugins/hello_world/secrets/api_key", { method: "DELETE" }), 404, "not_found");
    const permissions = await tree(await api.call("/api/v1/plugins/hello_world/permissions"));
    expect(permissions.explained[1]).toMatchObject({ words: "http_requests (hosts api.weather.gov)" });
    const entry = { http_requests: { hosts: ["api.weather.gov"] } };
    await api.call("/api/v1/plugins/hello_world/permissions", { method: "POST", json: { permission: entry } });
    await api.call("/api/v1/plugins/hello_world/permissions", { method: "DELETE", json: { permission: entry } });
    await api.call("/api/v1/plugins/hello_world/permissions", { method: "DELETE" });
    await api.call("/api/v1/plugins/hello_world/permissions/deny", { method: "POST", json: { permission: "secrets" } });
    const asked = api.calls.filter((call) => ["grant", "revoke", "deny"].includes(call.what)).map((call) => [call.what, call.args[1]]);
    expect(asked).toEqual([
      ["grant", entry],
      ["revoke", entry],
      ["revoke", undefined],
      ["deny", "secrets"],
    ]);
  });

  test("lists page by cursor; a foreign cursor and a bad limit are refused", async () => {
    const first = await tree(await api.call("/api/v1/nodes?limit=2"));
    expect(first.items.map((node: Tree) => node.id)).toEqual(["!00000001", "!00000002"]);
    const second = await tree(await api.call(`/api/v1/nodes?limit=2&cursor=${first.next}`));
    expect([second.items.length, second.next]).toEqual([1, null]);
    await problem(await api.call("/api/v1/nodes?cursor=%20!!"), 400, "invalid_argument");
    for (const limit of ["0", "501", "x", "1e3"]) await problem(await api.call(`/api/v1/nodes?limit=${limit}`), 400, "invalid_argument");
    await problem(await api.call("/api/v1/nodes?colour=red"), 400, "invalid_argument");
  });

  test("logs page backwards, levels change at run time", async () => {
    for (let i = 0; i < 5; i++) api.log.forPlugin("hello_world").info(`line ${i}`);
    const last = await tree(await api.call("/api/v1/plugins/hello_world/logs?limit=2"));
    expect(last.items.map((line: Tree) => line.message)).toEqual(["line 3", "line 4"]);
    const before = await tree(await api.call(`/api/v1/plugins/hello_world/logs?limit=2&cursor=${last.next}`));
    expect(before.items.map((line: Tree) => line.message)).toEqual(["line 1", "line 2"]);
    await problem(await api.call("/api/v1/plugins/nobody/logs"), 404, "not_found");
    const levels = await api.call("/api/v1/log-levels", { method: "PUT", json: { category: "hello_world", level: "error" } });
    expect(await tree(levels)).toEqual({ default: "debug", levels: { hello_world: "error" } });
  });

  test("audit filters reach the gateway; since takes both forms", async () => {
    await api.call("/api/v1/audit?plugin=p&permission=secrets&result=deny&since=2026-01-15T10:30:00Z&limit=7");
    expect(api.calls.at(-1)?.args).toEqual([
      { plugin: "p", permission: "secrets", result: "deny", since: Date.parse("2026-01-15T10:30:00Z"), correlationId: undefined },
      { limit: 7, cursor: undefined },
    ]);
    await api.call("/api/v1/audit?since=1768473000.5");
    expect(api.calls.at(-1)?.args[0]).toMatchObject({ since: 1_768_473_000_500 });
    await problem(await api.call("/api/v1/audit?since=yesterday"), 400, "invalid_argument");
  });

  test("simulate: 202, and 409 without a simulated interface", async () => {
    const said = await api.call("/api/v1/simulate/messages", { method: "POST", json: { from: "!00000002", text: "hello" } });
    expect([said.status, typeof (await tree(said)).packet_id]).toEqual([202, "number"]);
    const { simulate } = api.control;
    Object.assign(api.control, { simulate: undefined });
    await problem(await api.call("/api/v1/simulate/messages", { method: "POST", json: { from: 2, text: "hello" } }), 409, "conflict");
    Object.assign(api.control, { simulate });
  });

  test("an alert is acknowledged", async () => {
    const acknowledged = await api.call("/api/v1/alerts/0a0b0c0d/ack", { method: "POST" });
    expect(await tree(acknowledged)).toMatchObject({ code: "disk_low", acknowledged_at: expect.any(String) });
    expect(api.calls.at(-1)).toEqual({ what: "acknowledge", args: ["0a0b0c0d", { via: "api", address: "127.0.0.1", token: "api-token" }] });
    await problem(await api.call("/api/v1/alerts/none/ack", { method: "POST" }), 404, "not_found");
  });

  test("metrics as text, ready and not ready, HEAD", async () => {
    const metrics = await api.call("/metrics");
    expect(metrics.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    expect(await metrics.text()).toMatch(/zephyrgate_up 1\n# HELP [^\n]+\n# TYPE zephyrgate_api_answers_total counter\n/);
    const { readiness } = api.control;
    Object.assign(api.control, { readiness: () => ({ ready: false, reason: "plugins are starting", degraded: [], links: [] }) });
    await problem(await fetch(`${api.url}/health/ready`), 503, "unavailable");
    Object.assign(api.control, { readiness });
    const head = await api.call("/api/v1/plugins", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("metrics count the answers by status, those to HEAD too", async () => {
    const count = async () => Number(/answers_total\{status="404"\} (\d+)/.exec(await (await api.call("/metrics")).text())?.[1] ?? 0);
    const before = await count();
    await api.call("/nowhere");
    await api.call("/nowhere", { method: "HEAD" });
    expect(await count()).toBe(before + 2);
  });

  test("texts, names and channels of a message are taken up to their limits", async () => {
    const send = async (message: Record<string, unknown>) =>
      (await api.call("/api/v1/messages", { method: "POST", json: { text: "hi", ...message } })).status;
    const taken = { text: "x".repeat(4096), destination: "n".repeat(64), channel: "c".repeat(32) };
    for (const message of [taken, { destination: 0xffffffff, channel: 7 }, { destination: 0, channel: 0 }])
      expect([400, 422]).not.toContain(await send(message));
    for (const message of [
      { text: "" },
      { text: "x".repeat(4097) },
      { destination: "" },
      { destination: "n".repeat(65) },
      { destination: 0x1_0000_0000 },
      { destination: -1 },
      { destination: 0.5 },
      { channel: 8 },
      { channel: -1 },
      { channel: "c".repeat(33) },
    ]) {
      expect([message, await send(message)]).toEqual([message, 422]);
    }
  });
});

describe("errors", () => {
  test("unknown paths, wrong methods with Allow, wrong media types, bad JSON, bad fields, too large", async () => {
    await problem(await api.call("/api/v1/nothing"), 404, "not_found");
    await problem(await api.call("/nothing"), 404, "not_found");
    for (const name of ["nobody", "No-Plugin", "%00", "a".repeat(300)])
      await problem(await api.call(`/api/v1/plugins/${name}`), 404, "not_found");
    for (const id of ["m_nothing", `m_${"0".repeat(26)}`]) await problem(await api.call(`/api/v1/messages/${id}`), 404, "not_found");
    await problem(
      await api.call("/api/v1/plugins/hello_world/secrets/a%20b", { method: "PUT", json: { value: "x" } }),
      400,
      "invalid_argument",
    );
    const wrong = await api.call("/api/v1/plugins/hello_world", { method: "PATCH" });
    expect(wrong.headers.get("allow")).toBe("GET, DELETE, HEAD");
    await problem(wrong, 405, "method_not_allowed");
    expect((await api.call("/api/v1/messages", { method: "OPTIONS" })).headers.get("allow")).toBe("GET, POST, HEAD");
    const post = (body: string, type: string) => api.call("/api/v1/messages", { method: "POST", body, headers: { "content-type": type } });
    await problem(await post('{"text":"x"}', "text/plain"), 415, "unsupported_media_type");
    await problem(await post('{"text":', "application/json"), 400, "invalid_argument");
    const fields = await problem(await post('{"text":5,"hunter2":1,"channel":{}}', "application/json"), 422, "unprocessable");
    expect(fields.data.errors).toContainEqual({ path: "text", message: "must be text" });
    expect(fields.data.errors).toContainEqual({ path: "input", message: "unknown key" });
    expect(JSON.stringify(fields)).not.toContain("hunter2");
    for (const [sent, path, message] of [
      ['{"text":"x","channel":9}', "channel", "must be at most 7"],
      ['{"text":"x","channel":{}}', "channel", "must be a number or text"],
      ["{}", "text", "is missing"],
      ["[]", "input", "must be an object"],
      ['"x"', "input", "must be an object"],
    ] as const)
      expect((await problem(await post(sent, "application/json"), 422, "unprocessable")).data.errors).toEqual([{ path, message }]);
    const page = await problem(await api.call("/api/v1/audit?result=maybe&since=yesterday"), 400, "invalid_argument");
    expect(page.data.errors).toContainEqual({ path: "result", message: "must be allow or deny" });
    expect(page.data.errors).toContainEqual({ path: "since", message: "must be RFC 3339, or seconds since 1970" });
    await problem(await post("", "application/json"), 422, "unprocessable");
    await problem(await post(`{"text":"${"x".repeat(1_100_000)}"}`, "application/json"), 413, "too_large");
  });

  test("a body without a length is cut at the cap", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        if (sent > 3_000_000) controller.close();
        else controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const response = await api.call("/api/v1/messages", { method: "POST", body: endless, headers: { "content-type": "application/json" } });
    await problem(response, 413, "too_large");
  });

  test("a fault of ours shows a reference and nothing else", async () => {
    const body = await problem(await api.call("/api/v1/plugins/ping/reload", { method: "POST" }), 500, "internal");
    expect(JSON.stringify(body)).not.toContain("secret detail");
    const reference = /ref ([0-9a-f]{8})/.exec(String(body.detail))?.[1];
    const line = api.log.book.tail({}, 1000).find((one) => one.correlation_id === reference);
    expect(line).toMatchObject({ error_type: "RangeError", error_message: "secret detail of the gateway" });
  });
});

test("the OpenAPI document has every route with its schemas", async () => {
  const document = await tree(await api.call("/api/v1/openapi.json"));
  expect(document.openapi).toBe("3.1.0");
  for (const route of [...systemRoutes, ...alertRoutes, ...pluginRoutes, ...meshRoutes]) {
    const operation = document.paths[route.path.replace(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
    expect([route.path, operation?.summary]).toEqual([route.path, route.summary]);
    for (const [status, schema] of Object.entries(route.answers)) {
      if (typeof schema === "string" || status === "204") continue;
      expect(Object.keys(operation.responses[status].content["application/json"].schema).length).toBeGreaterThan(0);
    }
    if (route.body !== undefined) expect(operation.requestBody.content["application/json"].schema).toBeDefined();
    const named = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
    expect(operation.parameters.filter((parameter: Tree) => parameter.in === "path").map((parameter: Tree) => parameter.name)).toEqual(
      named,
    );
  }
  const ids = Object.values(document.paths as Record<string, Tree>).flatMap((item) =>
    Object.values(item).map((one: Tree) => one.operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^(?:get|put|post|delete)(?:[A-Z][a-z0-9_]*)+$/);
  expect(document.security).toEqual([{ token: [] }, { session: [] }]);
  const open = Object.values(document.paths as Record<string, Record<string, Tree>>)
    .flatMap((item) => Object.values(item))
    .filter((one) => one.security !== undefined);
  for (const one of open) expect(one.security).toEqual([]);
  expect(open.map((one) => one.operationId)).toContain("getHealthReady");
  const upload = document.paths["/api/v1/packages"]?.post?.requestBody;
  if (upload !== undefined) expect(upload).toMatchObject({ required: true });
});

test("a list is no object, wherever one is due", async () => {
  const { paths } = await tree(await api.call("/api/v1/openapi.json"));
  for (const [path, item] of Object.entries<Tree>(paths)) {
    for (const [method, operation] of Object.entries<Tree>(item)) {
      const schema = operation.requestBody?.content?.["application/json"]?.schema;
      if (schema?.type !== "object" || schema.additionalProperties !== false) continue;
      const where = path.replace("{name}", "hello_world").replace("{key}", "k").replace("{node}", "2").replace("{id}", "0a0b0c0d");
      const answer = await api.call(where, { method: method.toUpperCase(), json: [] });
      expect([method, path, answer.status]).toEqual([method, path, 422]);
    }
  }
});
