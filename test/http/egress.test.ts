import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fail, ok } from "../../src/errors.ts";
import type { Answer, Exchange } from "../../src/http/exchange.ts";
import { pinnedExchange } from "../../src/http/exchange.ts";
import type { Prepared } from "../../src/http/request.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { allowing, egress, errorOf, get, jumpingClock, rate, rawServer } from "./support.ts";

const answer = (status: number, headers: Record<string, string> = {}, body = ""): Answer => ({ status, headers, body });
/** Answers with the given steps in turn, the last one again and again, and keeps what was sent. */
function scripted(...steps: (Answer | "refused" | "reset" | "tls")[]): { exchange: Exchange; sent: Prepared[]; addresses: string[] } {
  const sent: Prepared[] = [];
  const addresses: string[] = [];
  const exchange: Exchange = async (request, address) => {
    const step = steps[Math.min(sent.length, steps.length - 1)] ?? "reset";
    sent.push(request);
    addresses.push(address);
    if (typeof step === "object") return ok(step);
    return fail("unavailable", step, { data: { kind: { refused: "connect", reset: "broken", tls: "tls" }[step] } });
  };
  return { exchange, sent, addresses };
}
const at = (request: Prepared | undefined) => `${request?.method} ${request?.target.url.href}`;

describe("redirects", () => {
  test("each hop is asked for and resolved anew", async () => {
    const wire = scripted(answer(302, { location: "https://b.test/x" }), answer(307, { location: "/y?z" }), answer(200, {}, "done"));
    const names: string[] = [];
    const { call, asks } = allowing();
    const client = egress({
      exchange: wire.exchange,
      resolve: async (name) => {
        names.push(name);
        return ["8.8.8.8"];
      },
    });
    expect(await client.request(get("http://a.test/"), call)).toMatchObject({ ok: true, body: "done", url: "https://b.test/y?z" });
    expect(names).toEqual(["a.test", "b.test", "b.test"]);
    expect(asks.map((ask) => ask.permission === "http_requests" && `${ask.host}:${ask.port}`)).toEqual([
      "a.test:80",
      "b.test:443",
      "b.test:443",
    ]);
  });

  test("a redirect to a host that is not granted goes nowhere", async () => {
    const wire = scripted(answer(302, { location: "http://evil.test/" }));
    const { call } = allowing("p", (ask) => ask.permission === "http_requests" && ask.host === "evil.test");
    const outcome = await egress({ exchange: wire.exchange }).request(get("http://a.test/"), call);
    expect(errorOf(outcome)?.code).toBe("permission_denied");
    expect(wire.sent).toHaveLength(1);
  });

  test.each(["http://127.0.0.1/", "http://[::ffff:7f00:1]/", "http://inner.test/"])(
    "a redirect to %s is judged by its address",
    async (location) => {
      const wire = scripted(answer(302, { location }));
      const { call } = allowing("p", (ask) => ask.permission === "http_requests" && ask.isPrivate);
      const client = egress({ exchange: wire.exchange, resolve: async (name) => [name === "inner.test" ? "10.0.0.1" : "8.8.8.8"] });
      expect(errorOf(await client.request(get("http://a.test/"), call))?.code).toBe("permission_denied");
      expect(wire.sent).toHaveLength(1);
    },
  );

  test.each(["file:///etc/passwd", "ftp://a.test/", "javascript:1", "http://u:p@a.test/", "http://"])(
    "a redirect to %s is refused",
    async (location) => {
      const wire = scripted(answer(302, { location }));
      const outcome = await egress({ exchange: wire.exchange }).request(get("http://a.test/"), allowing().call);
      expect(errorOf(outcome)?.code).toBe("unavailable");
      expect(wire.sent).toHaveLength(1);
    },
  );

  test("from https to http, and in a circle", async () => {
    const down = scripted(answer(302, { location: "http://a.test/" }));
    expect(errorOf(await egress({ exchange: down.exchange }).request(get("https://a.test/"), allowing().call))?.message).toContain(
      "https to http",
    );
    const circle = scripted(answer(302, { location: "/" }));
    expect(errorOf(await egress({ exchange: circle.exchange }).request(get("http://a.test/"), allowing().call))?.message).toContain(
      "redirects",
    );
    expect(circle.sent).toHaveLength(6);
  });

  test("credentials stay with their origin; methods change as browsers change them", async () => {
    const headers = { authorization: "Bearer x", cookie: "a=b", "x-api-key": "k", accept: "text/plain", "content-type": "text/plain" };
    const post = { method: "POST", body: "data", headers };
    for (const [location, keeps] of [
      ["https://a.test/2", true],
      ["https://b.test/", false],
      ["https://a.test:8443/", false],
    ] as const) {
      const wire = scripted(answer(307, { location }), answer(200));
      await egress({ exchange: wire.exchange }).request(get("https://a.test/", post), allowing().call);
      expect(wire.sent[1]?.method).toBe("POST");
      expect(wire.sent[1]?.body).toBe("data");
      expect(wire.sent[1]?.headers.authorization).toBe(keeps ? "Bearer x" : (undefined as never));
      expect(Object.keys(wire.sent[1]?.headers ?? {}).includes("x-api-key")).toBe(keeps);
      expect(Object.keys(wire.sent[1]?.headers ?? {}).includes("cookie")).toBe(keeps);
      expect(wire.sent[1]?.headers.accept).toBe("text/plain");
    }
    for (const [status, method] of [
      [301, "GET"],
      [302, "GET"],
      [303, "GET"],
      [307, "POST"],
      [308, "POST"],
    ] as const) {
      const wire = scripted(answer(status, { location: "/2" }), answer(200));
      await egress({ exchange: wire.exchange }).request(get("https://a.test/", post), allowing().call);
      expect(at(wire.sent[1])).toBe(`${method} https://a.test/2`);
      expect(wire.sent[1]?.headers["content-type"]).toBe(method === "GET" ? (undefined as never) : "text/plain");
    }
  });

  test("a 300 without location, or a 3xx asked for by fetch, is an answer", async () => {
    const wire = scripted(answer(304));
    expect(await egress({ exchange: wire.exchange }).request(get("http://a.test/"), allowing().call)).toMatchObject({
      ok: true,
      status: 304,
    });
  });
});

describe("retries", () => {
  const tries = async (method: string, ...steps: Parameters<typeof scripted>) => {
    const wire = scripted(...steps);
    const clock = jumpingClock();
    const outcome = await egress({ exchange: wire.exchange, clock }).request(get("http://a.test/", { method }), allowing().call);
    return { outcome, sent: wire.sent.length, pauses: clock.pauses };
  };

  test("idempotent requests are tried three times, with growing pauses", async () => {
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const { outcome, sent, pauses } = await tries(method, "reset");
      expect([errorOf(outcome)?.code, sent]).toEqual(["unavailable", 3]);
      expect(pauses[0]).toBeGreaterThanOrEqual(150);
      expect(pauses[0]).toBeLessThan(450);
      expect(pauses[1]).toBeGreaterThanOrEqual(300);
      expect(pauses[1]).toBeLessThan(900);
    }
    expect((await tries("GET", "reset", answer(503), answer(200))).outcome).toMatchObject({ ok: true, status: 200 });
  });

  test("POST and PATCH are sent once, and so is what cannot pass", async () => {
    expect((await tries("POST", "reset")).sent).toBe(1);
    expect((await tries("PATCH", answer(503))).sent).toBe(1);
    expect((await tries("GET", "tls")).sent).toBe(1);
    expect((await tries("GET", answer(404))).sent).toBe(1);
    expect((await tries("GET", answer(501))).sent).toBe(1);
  });

  test("Retry-After is honoured, as seconds or date, and handed on when it is too long", async () => {
    const short = await tries("GET", answer(429, { "retry-after": "2" }), answer(200));
    expect([short.outcome.ok, short.pauses]).toEqual([true, [2000]]);
    const date = await tries("GET", answer(503, { "retry-after": new Date(1_000_000 + 3000).toUTCString() }), answer(200));
    expect([date.outcome.ok, date.pauses]).toEqual([true, [3000]]);
    const long = await tries("GET", answer(429, { "retry-after": "3600" }));
    expect(long.sent).toBe(1);
    expect(errorOf(long.outcome)).toEqual({
      code: "http_status",
      message: "a.test answered 429",
      status: 429,
      retryAfter: 3600,
      headers: { "retry-after": "3600" },
      body: "",
    });
  });

  test("a refused address is followed by the next one, for POST too, IPv4 first", async () => {
    const wire = scripted("refused", "refused", answer(201));
    const client = egress({ exchange: wire.exchange, resolve: async () => ["2606:4700::1", "8.8.8.8", "8.8.4.4"] });
    expect(await client.request(get("http://a.test/", { method: "POST", body: "x" }), allowing().call)).toMatchObject({
      ok: true,
      status: 201,
    });
    expect(wire.addresses).toEqual(["8.8.8.8", "8.8.4.4", "2606:4700::1"]);
  });

  test("a permission revoked between tries ends them", async () => {
    let asked = 0;
    const wire = scripted(answer(503));
    const { call } = allowing("p", (ask) => ask.permission === "http_requests" && !ask.isPrivate && ++asked > 1);
    const outcome = await egress({ exchange: wire.exchange, clock: jumpingClock() }).request(get("http://a.test/"), call);
    expect(errorOf(outcome)?.code).toBe("permission_denied");
    expect(wire.sent).toHaveLength(1);
  });
});

describe("outcomes", () => {
  test("a status of 400 and above is an error, and an outcome for fetch", async () => {
    const wire = scripted(answer(404, {}, "gone"));
    const client = egress({ exchange: wire.exchange });
    expect(errorOf(await client.request(get("http://a.test/"), allowing().call))).toEqual({
      code: "http_status",
      message: "a.test answered 404",
      status: 404,
      headers: {},
      body: "gone",
    });
    expect(await client.request(get("http://a.test/", { anyStatus: true }), allowing().call)).toMatchObject({
      ok: true,
      status: 404,
      body: "gone",
    });
  });

  test("at most four requests of a plugin run at once, sixteen wait, other plugins are not in their way", async () => {
    const gates: (() => void)[] = [];
    const client = egress({
      exchange: () => new Promise((resolve) => gates.push(() => resolve(ok(answer(200))))),
    });
    const greedy = allowing("greedy").call;
    const all = Array.from({ length: 25 }, () => client.request(get("http://a.test/"), greedy));
    const settle = async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      await Bun.sleep(1);
    };
    await settle();
    expect([client.running, gates.length]).toEqual([4, 4]);
    const other = client.request(get("http://a.test/"), allowing("modest").call);
    await settle();
    expect(client.running).toBe(5);
    while (gates.length > 0) {
      for (const open of gates.splice(0)) open();
      await settle();
    }
    expect((await other).ok).toBe(true);
    const outcomes = await Promise.all(all);
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(20);
    expect(outcomes.filter((outcome) => errorOf(outcome)?.code === "rate_limited")).toHaveLength(5);
    expect(client.running).toBe(0);
  });
});

// Feature: third-party-plugin-system, Property 9: HTTP client error handling
describe("Property 9: network errors are results", () => {
  test("a failure of the gateway itself is logged with the plugin, and answered", async () => {
    const logged: unknown[] = [];
    const log = { ...silentLogger, error: (_: string, fields?: Record<string, unknown>) => void logged.push(fields) };
    const call = {
      ...allowing("weather").call,
      allow: () => {
        throw new TypeError("broken rules");
      },
    };
    const outcome = await egress({ log }).request({ method: "GET", url: "http://a.test/" }, call);
    expect(errorOf(outcome)?.code).toBe("internal");
    expect(logged).toEqual([{ plugin: "weather", error: expect.any(TypeError) }]);
  });

  test("whatever breaks and wherever, request() answers and does not reject", async () => {
    const clock = jumpingClock();
    const step = fc.oneof(
      fc.constantFrom("refused" as const, "reset" as const, "tls" as const),
      fc.record({
        status: fc.integer({ min: 100, max: 999 }),
        headers: fc.dictionary(fc.constantFrom("location", "retry-after", "x"), fc.string({ maxLength: 30 })),
        body: fc.string({ maxLength: 50 }),
      }),
    );
    const thrown = fc.constantFrom("none", "resolver rejects", "resolver is empty", "exchange rejects", "exchange throws");
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        thrown,
        fc.constantFrom("GET", "POST", "PUT"),
        async (steps, fault, method) => {
          const wire = scripted(...steps);
          const client = egress({
            clock,
            resolve: async () => {
              if (fault === "resolver rejects") throw new Error("NXDOMAIN");
              return fault === "resolver is empty" ? [] : ["8.8.8.8"];
            },
            exchange: (request, address, signal) => {
              if (fault === "exchange throws") throw new Error("boom");
              return fault === "exchange rejects" ? Promise.reject(new Error("boom")) : wire.exchange(request, address, signal);
            },
          });
          const outcome = await client.request({ method, url: "http://a.test/" }, allowing().call);
          if (outcome.ok) expect(outcome.status).toBeLessThan(400);
          else expect(outcome.error.message.length).toBeGreaterThan(0);
          if (fault !== "none") expect(outcome.ok).toBe(false);
          expect(client.running).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("real sockets: any bytes, closed at any point, or nobody listening", async () => {
    let bytes: Uint8Array = new Uint8Array();
    const server = await rawServer((socket) => socket.end(bytes));
    const dead = await rawServer(() => {});
    dead.close();
    const client = egress({ exchange: pinnedExchange() });
    const head = fc.constantFrom(
      "",
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    try {
      await fc.assert(
        fc.asyncProperty(head, fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (start, noise, listening) => {
          bytes = Buffer.concat([Buffer.from(start), noise]);
          const url = `${listening ? "http" : "https"}://good.test:${listening ? server.port : dead.port}/`;
          const outcome = await client.request(get(url, { method: "POST", timeout: 20 }), allowing().call);
          if (!listening) expect(errorOf(outcome)?.code).toBe("unavailable");
          expect(typeof outcome.ok).toBe("boolean");
        }),
        { numRuns: 100 },
      );
    } finally {
      server.close();
    }
  });

  test("hostile arguments are results as well", async () => {
    const client = egress({ exchange: scripted(answer(200)).exchange });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ method: fc.anything(), url: fc.anything(), headers: fc.anything(), body: fc.anything(), timeout: fc.anything() }),
        async (args) => {
          const outcome = await client.request(args as never, allowing().call);
          if (!outcome.ok) expect(outcome.error.code).not.toBe("internal");
        },
      ),
      { numRuns: 300 },
    );
  });
});

// Feature: third-party-plugin-system, Property 10: Rate limiting enforcement
describe("Property 10: rate limit", () => {
  test("never more than the rate allows; what is over is rejected until time has passed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom("s", "min", "h"),
        fc.array(fc.record({ pauseMs: fc.integer({ min: 0, max: 40_000 }), plugin: fc.constantFrom("a", "b") }), { maxLength: 80 }),
        async (count, unit, requests) => {
          const clock = jumpingClock();
          const client = egress({ clock, rate: rate(`${count}/${unit}`), exchange: scripted(answer(200)).exchange });
          const perMs = count / ({ s: 1, min: 60, h: 3600 }[unit] * 1000);
          const start = clock.ms;
          const passed: Record<string, number> = { a: 0, b: 0 };
          for (const { pauseMs, plugin } of requests) {
            clock.ms += pauseMs;
            const outcome = await client.request(get("http://a.test/"), allowing(plugin).call);
            if (outcome.ok) passed[plugin] = (passed[plugin] ?? 0) + 1;
            else {
              expect(outcome.error.code).toBe("rate_limited");
              const wait = outcome.error.retryAfter ?? 0;
              expect(wait).toBeGreaterThan(0);
              expect(wait).toBeLessThanOrEqual(1 / perMs / 1000 + 0.1);
            }
            // A whole burst at the start, and what grew back since.
            expect(passed[plugin] ?? 0).toBeLessThanOrEqual(count + (clock.ms - start) * perMs + 1e-6);
          }
          clock.ms += 1 / perMs + 1;
          expect((await client.request(get("http://a.test/"), allowing("a").call)).ok).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("a burst over the limit is cut exactly, and a refused request costs nothing", async () => {
    const clock = jumpingClock();
    const client = egress({ clock, rate: rate("5/min"), exchange: scripted(answer(200)).exchange });
    const { call } = allowing("p");
    const burst = [];
    for (let i = 0; i < 8; i++) burst.push((await client.request(get("http://a.test/"), call)).ok);
    expect(burst).toEqual([true, true, true, true, true, false, false, false]);
    clock.ms += 12_001;
    expect((await client.request(get("http://a.test/"), call)).ok).toBe(true);
    expect((await client.request(get("http://a.test/"), call)).ok).toBe(false);
    client.setRate(rate("6/min"));
    expect((await client.request(get("http://a.test/"), call)).ok).toBe(true);
  });
});
