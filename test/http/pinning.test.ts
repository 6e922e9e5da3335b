import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pinnedExchange } from "../../src/http/exchange.ts";
import { clearProxyVariables } from "../../src/http/resolve.ts";
import { allowing, egress, errorOf, get, rawServer, tls } from "./support.ts";

type Server = ReturnType<typeof Bun.serve>;
const echo = (request: Request) => Response.json({ host: request.headers.get("host"), path: new URL(request.url).pathname });
let secure: Server;
let plain: Server;
beforeAll(() => {
  secure = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: echo });
  plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: echo });
});
afterAll(async () => {
  await secure.stop(true);
  await plain.stop(true);
});

describe("a pinned connection", () => {
  test("reaches the address it was given under the name of the URL", async () => {
    const outcome = await egress().request(get(`https://good.test:${secure.port}/x`), allowing().call);
    expect(outcome).toMatchObject({ ok: true, status: 200, url: `https://good.test:${secure.port}/x` });
    if (outcome.ok) expect(JSON.parse(outcome.body)).toEqual({ host: `good.test:${secure.port}`, path: "/x" });
  });

  test("accepts a wildcard certificate, a final dot and capitals", async () => {
    for (const host of ["a.wild.test", "GOOD.test", "good.test."]) {
      const outcome = await egress().request(get(`https://${host}:${secure.port}/`), allowing().call);
      expect(outcome.ok).toBe(true);
    }
  });

  test.each([["evil.test"], ["127.0.0.1"], ["a.b.wild.test"], ["wild.test"]])("refuses the certificate for %s", async (host) => {
    const outcome = await egress().request(get(`https://${host}:${secure.port}/`), allowing().call);
    expect(errorOf(outcome)).toMatchObject({ code: "unavailable" });
    expect(errorOf(outcome)?.message).toContain("certificate");
  });

  test("refuses a certificate of an unknown authority, even when the environment says otherwise", async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      const outcome = await egress({ exchange: pinnedExchange() }).request(get(`https://good.test:${secure.port}/`), allowing().call);
      expect(errorOf(outcome)?.message).toContain("certificate");
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  test("resolves once and goes there: a name that changes its address in between gains nothing", async () => {
    const answers = [["127.0.0.1"], ["127.0.0.9"]];
    let lookups = 0;
    const rebinding = egress({ resolve: async () => answers[Math.min(lookups++, 1)] ?? [] });
    const outcome = await rebinding.request(get(`http://rebind.test:${plain.port}/`), allowing().call);
    expect(outcome.ok).toBe(true);
    expect(lookups).toBe(1);
  });

  test("a name that turns private on the second request is judged anew", async () => {
    let lookups = 0;
    const seen: string[] = [];
    const rebinding = egress({
      resolve: async () => (lookups++ === 0 ? ["93.184.216.34"] : ["127.0.0.1"]),
      exchange: async (_request, address) => {
        seen.push(address);
        return { ok: true, value: { status: 200, headers: {}, body: "" } };
      },
    });
    const { call } = allowing("p", (ask) => ask.permission === "http_requests" && ask.isPrivate);
    expect((await rebinding.request(get("http://rebind.test/"), call)).ok).toBe(true);
    expect(errorOf(await rebinding.request(get("http://rebind.test/"), call))?.code).toBe("permission_denied");
    expect(seen).toEqual(["93.184.216.34"]);
  });

  test("proxy variables are ignored, and cleared", async () => {
    const proxy = await rawServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"));
    const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
    try {
      const outcome = await egress().request(get(`http://good.test:${plain.port}/`), allowing().call);
      expect(outcome.ok && outcome.body).toContain("good.test");
      expect(proxy.connections()).toBe(0);
      const env: Record<string, string | undefined> = { HTTP_PROXY: "x", No_Proxy: "y", NODE_TLS_REJECT_UNAUTHORIZED: "0", PATH: "z" };
      expect(clearProxyVariables(env).sort()).toEqual(["HTTP_PROXY", "NODE_TLS_REJECT_UNAUTHORIZED", "No_Proxy"]);
      expect(Object.keys(env)).toEqual(["PATH"]);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      proxy.close();
    }
  });

  test("an address in the URL is checked against the certificate as an address; IPv6 works", async () => {
    const server = Bun.serve({ hostname: "127.0.0.2", port: 0, tls, fetch: echo });
    expect(await egress().request(get(`https://127.0.0.2:${server.port}/`), allowing().call)).toMatchObject({ ok: true });
    await server.stop(true);
    const six = await rawServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv6"), "::1").catch(() => null);
    if (six === null) return; // a machine without IPv6
    const client = egress({ resolve: async () => ["::1"] });
    expect(await client.request(get(`http://good.test:${six.port}/`), allowing().call)).toMatchObject({ ok: true, body: "v6" });
    expect(await client.request(get(`http://[::1]:${six.port}/`), allowing().call)).toMatchObject({ ok: true, body: "v6" });
    six.close();
  });

  test("nobody listening is said, and the address is not", async () => {
    const server = await rawServer(() => {});
    server.close();
    const error = errorOf(await egress().request(get(`http://good.test:${server.port}/`, { method: "POST" }), allowing().call));
    expect(error?.message).toStartWith("good.test: no connection");
    expect(error?.message).not.toContain("127.0.0.1");
  });

  test("no connection is kept between requests", async () => {
    const server = await rawServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"));
    try {
      const client = egress();
      for (let i = 0; i < 3; i++) expect((await client.request(get(`http://good.test:${server.port}/`), allowing().call)).ok).toBe(true);
      expect(server.connections()).toBe(3);
    } finally {
      server.close();
    }
  });
});

describe("private addresses", () => {
  const refusePrivate = () => allowing("p", (ask) => ask.permission === "http_requests" && ask.isPrivate);
  test.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://localhost./",
    "http://localhost/",
    "http://anything.test/",
    "http://①②⑦.0.0.1/",
    "http://0/",
    "http://[::]/",
    "http://[2002:7f00:1::]/",
    "http://255.255.255.255/",
  ])("%s is refused without `private`", async (url) => {
    const outcome = await egress().request(get(url), refusePrivate().call);
    expect(errorOf(outcome)?.code).toBe("permission_denied");
  });

  test("of a name with public and private addresses only the public ones are tried", async () => {
    const tried: string[] = [];
    const client = egress({
      resolve: async () => ["127.0.0.1", "2606:4700::1111", "8.8.8.8", "10.0.0.1"],
      exchange: async (_request, address) => {
        tried.push(address);
        return { ok: true, value: { status: 200, headers: {}, body: "" } };
      },
    });
    const { call, asks } = refusePrivate();
    expect((await client.request(get("http://mixed.test/"), call)).ok).toBe(true);
    expect(tried).toEqual(["8.8.8.8"]);
    expect(asks).toHaveLength(1);
  });

  test("with `private` the ask says so", async () => {
    const { call, asks } = allowing();
    expect((await egress().request(get(`http://127.0.0.1:${plain.port}/`), call)).ok).toBe(true);
    expect(asks.map((ask) => ask.permission === "http_requests" && ask.isPrivate)).toEqual([false, true]);
  });
});
