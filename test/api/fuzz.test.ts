import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import fc from "fast-check";
import { meshRoutes } from "../../src/api/routes/mesh.ts";
import { pluginRoutes } from "../../src/api/routes/plugins.ts";
import { systemRoutes } from "../../src/api/routes/system.ts";
import { serve } from "./serve.ts";

let api: ReturnType<typeof serve>;
beforeAll(() => {
  api = serve();
});
afterAll(() => api.close());

const ROUTES = [...systemRoutes, ...pluginRoutes, ...meshRoutes];
const segment = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("..", "%00", "%", "%ff", "%2e%2e%2f", "__proto__", "constructor", "hello_world", ""),
);

async function sound(response: Response): Promise<void> {
  const body = await response.text();
  if (response.status < 400) return;
  expect(response.status).toBeLessThan(500);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  if (body !== "") expect(JSON.parse(body).status).toBe(response.status);
}

test("any path, method and query: never a 500, always a problem", async () => {
  const methods = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD");
  await fc.assert(
    fc.asyncProperty(
      methods,
      fc.array(segment, { maxLength: 6 }),
      fc.dictionary(segment, segment, { maxKeys: 3 }),
      fc.boolean(),
      async (method, parts, query, raw) => {
        const path = parts.map((part) => (raw ? part.replace(/[\s#?]/g, "") : encodeURIComponent(part.toWellFormed()))).join("/");
        const search = new URLSearchParams(
          Object.fromEntries(Object.entries(query).map(([key, value]) => [key.toWellFormed(), value.toWellFormed()])),
        );
        if (path.includes("events") || path.includes("reload")) return;
        await sound(await api.call(`/${raw ? "" : "api/v1/"}${path}?${search}`, { method }));
      },
    ),
    { numRuns: 300 },
  );
});

test("any body to any route: never a 500, always a problem", async () => {
  const bodies = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
    fc
      .record(
        {
          text: fc.anything(),
          from: fc.anything(),
          permission: fc.anything(),
          accept: fc.anything(),
          value: fc.anything(),
          level: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item)) ?? ""),
    fc.constantFrom(
      '{"__proto__":{"accept":"x"}}',
      `${"[".repeat(20_000)}`,
      `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`,
      "\u0000",
      "nul",
    ),
  );
  const types = fc.constantFrom(
    "application/json",
    "application/json; charset=utf-8",
    "application/x+json",
    "text/plain",
    "",
    "application/json;;;=",
    "multipart/form-data; boundary=x",
  );
  const routes = fc.constantFrom(...ROUTES.filter((route) => route.body !== undefined && !route.path.includes("reload")));
  await fc.assert(
    fc.asyncProperty(routes, bodies, types, async (route, body, type) => {
      const path = route.path.replace(":name", "hello_world").replace(":key", "k");
      await sound(await api.call(path, { method: route.method, body, headers: type === "" ? {} : { "content-type": type } }));
    }),
    { numRuns: 500 },
  );
  expect(({} as { accept?: string }).accept).toBeUndefined();
});

test("raw requests with odd headers and paths leave the server answering", async () => {
  const lines = [
    "GET //evil.example/api/v1/plugins HTTP/1.1",
    "GET http://evil.example/api/v1/plugins HTTP/1.1",
    "GET /api/v1/plugins/%zz HTTP/1.1",
    "GET /api/v1/../../etc/passwd HTTP/1.1",
    "POST /api/v1/messages HTTP/1.1\r\nContent-Length: 99999999999",
    "POST /api/v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
    `GET / HTTP/1.1\r\nCookie: ${"a=b;".repeat(2000)}`,
    "GET /api/v1/plugins HTTP/1.0",
    "FROB / HTTP/1.1",
    "rubbish",
  ];
  for (const line of lines) {
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(api.port, "127.0.0.1", () => socket.write(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`));
      socket.setTimeout(1500, () => socket.destroy());
      socket.on("data", (chunk) => {
        text += chunk;
        socket.end();
      });
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
    });
    expect([line.slice(0, 60), /^HTTP\/1\.1 5\d\d/.test(answer)]).toEqual([line.slice(0, 60), false]);
  }
  expect((await api.call("/health/live")).status).toBe(200);
});
