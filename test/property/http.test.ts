import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { Machine, World } from "./world.ts";

const machine = new Machine();
/** Requests a minute. */
const RATE = 12;
let world: World | null = null;
let server: Server;
let port = 0;
/** Nobody listens there. */
let closedPort = 0;
/** What the server does to whoever connects. */
let misdeed: Misdeed = "hang";

const MISDEEDS = [
  "hang",
  "close",
  "reset",
  "rubbish",
  "half_headers",
  "cut_body",
  "status",
  "endless_redirect",
  "redirect_away",
  "endless_body",
  "no_json",
] as const;
type Misdeed = (typeof MISDEEDS)[number];

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      const say = (text: string) => void socket.write(text.replaceAll("\n", "\r\n"));
      const end = (text: string) => void socket.end(text.replaceAll("\n", "\r\n"));
      switch (misdeed) {
        case "hang":
          return;
        case "close":
          return void socket.end();
        case "reset":
          return void socket.resetAndDestroy();
        case "rubbish":
          return end("\u0000\u0001 what is this?\n\n");
        case "half_headers":
          return end("HTTP/1.1 200 OK\nContent-Le");
        case "cut_body":
          return end("HTTP/1.1 200 OK\nContent-Length: 100\n\nshort");
        case "status":
          return end("HTTP/1.1 404 Not Found\nContent-Length: 2\nConnection: close\n\nno");
        case "endless_redirect":
          return end(`HTTP/1.1 302 Found\nLocation: /again\nContent-Length: 0\nConnection: close\n\n`);
        case "redirect_away":
          return end("HTTP/1.1 302 Found\nLocation: http://elsewhere.example/\nContent-Length: 0\nConnection: close\n\n");
        case "no_json":
          return end("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 5\nConnection: close\n\n{not}");
        case "endless_body": {
          say("HTTP/1.1 200 OK\nConnection: close\n\n");
          const flood = () => {
            while (!socket.destroyed && socket.write("x".repeat(65_536)));
          };
          socket.on("drain", flood);
          return flood();
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = portOf(server);
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  closedPort = portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
}, 120_000);

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

afterEach(async () => {
  await world?.stop();
  world = null;
});

afterAll(async () => {
  server.close();
  await machine.close();
});

const plugin = () => ({
  manifest: {
    permissions: [
      { http_requests: { hosts: [`127.0.0.1:${port}`, `127.0.0.1:${closedPort}`, "gone.example", "public.example"], private: true } },
      "inter_plugin_messaging",
    ],
  },
});

/** The outcomes of these steps, done one after the other in one call of the plugin. */
async function outcomes(world: World, steps: readonly { readonly [key: string]: Json }[]) {
  world.events.length = 0;
  // Each step is a request, and an event that reports its outcome.
  await world.pace("requests", 2 * steps.length);
  await world.configure("subject", { run: Math.random(), now: { quiet: true, steps: [...steps] } });
  const outcomes = world.events.filter(({ type }) => type === "step").map(({ data }) => data);
  expect(outcomes.length, world.tail()).toBe(steps.length);
  return outcomes;
}

// Feature: third-party-plugin-system, Property 9: HTTP client error handling
test(
  "whatever goes wrong on the wire, a request ends in an error result and in nothing worse",
  async () => {
    const here = await World.start(machine, { plugins: { subject: plugin() }, config: { plugins: { limits: { http: "9999/s" } } } });
    world = here;
    const cases = fc.record({
      trouble: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...MISDEEDS) },
        { weight: 1, arbitrary: fc.constantFrom("refused", "no_name") },
      ),
      method: fc.constantFrom("get", "post"),
      path: fc.webPath(),
      timeout: fc.double({ min: 0.05, max: 0.15, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ trouble, method, path, timeout }) => {
        if (trouble !== "refused" && trouble !== "no_name") misdeed = trouble;
        const base =
          trouble === "refused"
            ? `http://127.0.0.1:${closedPort}`
            : trouble === "no_name"
              ? "http://gone.example"
              : `http://127.0.0.1:${port}`;
        const [outcome] = await outcomes(here, [{ op: method, url: base + path, options: { timeout } }]);
        // Not thrown: the call came back with a value.
        expect(outcome).toHaveProperty("value");
        if (trouble === "no_json") expect([true, false]).toContain(outcome.value.ok);
        else {
          expect(outcome.value.ok).toBe(false);
          expect(outcome.value.error.code).toMatch(/^(timeout|unavailable|too_large|http_status|permission_denied)$/);
          expect(outcome.value.error.message).not.toBe("");
        }
        expect(here.state("subject")).toBe("running");
      }),
      fcRuns,
    );
    expect((await here.detail("subject")).failures).toBe(0);
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 10: Rate limiting enforcement
test(
  "requests beyond the rate are refused until its window lets some through again",
  async () => {
    let sent = 0;
    const here = await World.start(machine, {
      plugins: { subject: plugin() },
      config: { plugins: { limits: { http: `${RATE}/min` } } },
      parts: {
        resolve: async () => ["1.1.1.1"],
        exchange: async () => {
          sent += 1;
          return { ok: true, value: { status: 200, headers: { "content-type": "text/plain" }, body: "fine" } };
        },
      },
    });
    world = here;
    const bursts = fc.array(fc.record({ pause: fc.integer({ min: 0, max: 60 }), count: fc.integer({ min: 1, max: RATE + 4 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(bursts, async (bursts) => {
        await here.advance(61_000);
        // The model: a bucket that begins full. What a burst itself takes of time is too little for half a token.
        let tokens = RATE;
        let at = here.clock.monotonic();
        for (const { pause, count } of bursts) {
          await here.advance(pause * 1000);
          tokens = Math.min(RATE, tokens + ((here.clock.monotonic() - at) * RATE) / 60_000);
          at = here.clock.monotonic();
          const before = sent;
          const steps = Array.from({ length: count }, () => ({ op: "get", url: "http://public.example/" }));
          const got = (await outcomes(here, steps)).map(({ value }) => value);
          const passed = got.filter(({ ok }) => ok).length;
          const grown = ((here.clock.monotonic() - at) * RATE) / 60_000;
          expect(passed).toBeGreaterThanOrEqual(Math.min(count, Math.floor(tokens)));
          expect(passed).toBeLessThanOrEqual(Math.min(count, Math.floor(tokens + grown + 1e-6)));
          expect(sent - before).toBe(passed);
          for (const { error } of got.filter(({ ok }) => !ok)) {
            expect(error.code).toBe("rate_limited");
            expect(error.retryAfter).toBeGreaterThan(0);
          }
          tokens = Math.min(RATE, tokens + grown) - passed;
          at = here.clock.monotonic();
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
